package catalog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// places are where the log's file i has what q wants, like those of a block.
func (c *Catalog) places(ctx context.Context, segments []audit.Segment, i int, q *Query) ([]place, uint64, error) {
	if i == len(segments)-1 {
		return c.newest(ctx, segments[i], q)
	}
	for tries := 0; ; tries++ {
		b, err := c.block(ctx, segments, i)
		if err != nil {
			return nil, 0, err
		}
		list, rest, err := b.places(c.dir, q)
		if tries > 0 || !errors.Is(err, os.ErrNotExist) {
			return list, rest, err
		}
		// Somebody has deleted the index. It is made anew.
		c.mu.Lock()
		delete(c.blocks, segments[i].Name)
		c.mu.Unlock()
	}
}

// newest are the places of the log's last file, which is indexed in memory.
func (c *Catalog) newest(ctx context.Context, s audit.Segment, q *Query) ([]place, uint64, error) {
	c.opening.Lock()
	defer c.opening.Unlock() // the index grows at the next look
	if c.open == nil || c.open.segment.Name != s.Name {
		c.open = newBuilder(s)
	}
	if err := c.open.follow(ctx, &c.cfg); err != nil {
		return nil, 0, err
	}
	return c.open.block().places(c.dir, q)
}

// block returns the index of the log's file i, which is full. Who needs one that
// is there does not wait while another one is made.
func (c *Catalog) block(ctx context.Context, segments []audit.Segment, i int) (*block, error) {
	s := segments[i]
	// The last record's hash tells this log from another in its place.
	version := c.cfg.Version + "\x00" + hex.EncodeToString(segments[i+1].Prev[:])
	if b, err := c.known(s, version); b != nil || err != nil {
		return b, err
	}
	select {
	case c.making <- struct{}{}:
		defer func() { <-c.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b, err := c.known(s, version); b != nil || err != nil {
		return b, err // made by who was here before
	}
	b := c.builderOf(s)
	if err := b.follow(ctx, &c.cfg); err != nil {
		return nil, err
	}
	if next := s.First + uint64(len(b.records)); next != segments[i+1].First {
		return nil, fmt.Errorf("audit catalog: record %d is missing in %s", next, s.Name)
	}
	if err := b.write(c.dir, version); err != nil {
		return nil, err
	}
	made, err := c.known(s, version)
	if err == nil && made == nil {
		err = fmt.Errorf("audit catalog: the index of %s is gone", s.Name)
	}
	return made, err
}

// known returns the index of s if there is one.
func (c *Catalog) known(s audit.Segment, version string) (*block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.blocks[s.Name]; b != nil {
		return b, nil
	}
	b, err := readHeader(c.dir, s, version)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errForeign) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.blocks[s.Name] = b
	return b, nil
}

// builderOf takes over what is indexed of s, if it was the last file when
// somebody last looked.
func (c *Catalog) builderOf(s audit.Segment) *builder {
	c.opening.Lock()
	defer c.opening.Unlock()
	if b := c.open; b != nil && b.segment.Name == s.Name {
		c.open = nil
		return b
	}
	return newBuilder(s)
}
