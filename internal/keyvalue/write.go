package keyvalue

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Put makes a pair or replaces its value. version is the ETag that the change was
// made for: ErrStale if the store has changed since. ErrFull is about its size.
//
// Source: CloudFront KeyValueStore API Reference, PutKey.
func (s *Service) Put(ctx context.Context, who access.Caller, storeARN, version string, p Pair) (_ Description, err error) {
	call, ref, err := s.begin(who, "PutKey", storeARN, "key", p.Key)
	defer call.End(ctx, &err)
	if err != nil {
		return Description{}, err
	}
	return s.change(ctx, call, ref, version, []Pair{p}, nil)
}

// Delete removes a pair; that there is none is no error.
//
// Source: CloudFront KeyValueStore API Reference, DeleteKey.
func (s *Service) Delete(ctx context.Context, who access.Caller, storeARN, version, key string) (_ Description, err error) {
	call, ref, err := s.begin(who, "DeleteKey", storeARN, "key", key)
	defer call.End(ctx, &err)
	if err != nil {
		return Description{}, err
	}
	return s.change(ctx, call, ref, version, nil, []string{key})
}

// Update does all that Put and Delete do for up to MaxUpdate keys, or nothing. A
// key in both lists is deleted, as in CloudFront.
//
// Source: CloudFront KeyValueStore API Reference, UpdateKeys.
func (s *Service) Update(ctx context.Context, who access.Caller, storeARN, version string, puts []Pair, deletes []string) (_ Description, err error) {
	call, ref, err := s.begin(who, "UpdateKeys", storeARN, "puts", strconv.Itoa(len(puts)), "deletes", strconv.Itoa(len(deletes)))
	defer call.End(ctx, &err)
	if err != nil {
		return Description{}, err
	}
	switch n := len(puts) + len(deletes); {
	case n == 0:
		return Description{}, refuse(ErrInvalid, "The request names no keys.")
	case n > MaxUpdate:
		return Description{}, refuse(ErrInvalid, "A request names at most %d keys.", MaxUpdate)
	}
	return s.change(ctx, call, ref, version, puts, deletes)
}

// change checks what is asked for against what is there, and does it once it is
// recorded.
func (s *Service) change(ctx context.Context, call *access.Call, ref reference, version string, puts []Pair, deletes []string) (Description, error) {
	c, err := newChange(version, puts, deletes)
	if err != nil {
		return Description{}, err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		_, err := c.plan(tx, ref)
		return err
	})
	if err != nil {
		return Description{}, err
	}
	var h *head
	err = call.Effect(ctx, func() error {
		now := s.cfg.Clock.Now()
		return s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			if h, err = c.plan(tx, ref); err != nil {
				return err
			}
			h.Version, h.Modified = newVersion(), now
			return c.apply(tx, ref.id, h)
		})
	})
	if err != nil {
		return Description{}, err
	}
	return h.describe(ref.id), nil
}

// change is what is to happen to the pairs of a store.
type change struct {
	version string
	puts    []Pair
	deletes []string
}

func newChange(version string, puts []Pair, deletes []string) (*change, error) {
	c := &change{version: strings.Trim(version, `"`)}
	if c.version == "" {
		return nil, refuse(ErrInvalid, "The header If-Match is required.")
	}
	named := make(map[string]bool, len(puts)+len(deletes))
	for _, key := range deletes {
		if err := checkKey(key); err != nil {
			return nil, err
		}
		named[key] = true
	}
	c.deletes = slices.Compact(slices.Sorted(slices.Values(deletes)))
	seen := make(map[string]bool, len(puts))
	for _, p := range puts {
		if err := p.check(); err != nil {
			return nil, err
		}
		if seen[p.Key] {
			return nil, refuse(ErrInvalid, "The request puts a key twice.")
		}
		if seen[p.Key] = true; !named[p.Key] {
			c.puts = append(c.puts, p)
		}
	}
	return c, nil
}

// plan returns the head as the change leaves it, but for version and time.
func (c *change) plan(tx store.Reader, ref reference) (*head, error) {
	h, err := ref.head(tx)
	if err != nil {
		return nil, err
	}
	if c.version != h.Version {
		return nil, refuse(ErrStale, "Pre-Condition failed: the value of If-Match is not the current version of the key value store.")
	}
	drop := func(key string) error {
		value, found, err := get(tx, ref.id, key)
		if found {
			old := Pair{key, value}
			h.Items, h.SizeBytes = h.Items-1, h.SizeBytes-old.sizeBytes()
		}
		return err
	}
	for _, key := range c.deletes {
		if err := drop(key); err != nil {
			return nil, err
		}
	}
	for i := range c.puts {
		if err := drop(c.puts[i].Key); err != nil {
			return nil, err
		}
		h.Items, h.SizeBytes = h.Items+1, h.SizeBytes+c.puts[i].sizeBytes()
	}
	if len(c.puts) > 0 && h.SizeBytes > MaxStoreBytes {
		return nil, refuse(ErrFull, "The key value store would have more than %d bytes.", MaxStoreBytes)
	}
	return h, nil
}

func (c *change) apply(tx store.Writer, id ID, h *head) error {
	for _, key := range c.deletes {
		if err := tx.Delete(space, pairKey(id, key)); err != nil {
			return err
		}
	}
	for _, p := range c.puts {
		if err := tx.Put(space, pairKey(id, p.Key), []byte(p.Value)); err != nil {
			return err
		}
	}
	return h.save(tx, id)
}
