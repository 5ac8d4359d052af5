// Package catalog finds records of the audit log by what they are about,
// without reading the log: ten million records, and an answer at once.
//
// For each file of the log that is full, the catalog keeps one file of its own:
// for each term the numbers of the records that have it. The file that is being
// written is indexed in memory, as far as the log is acknowledged. What a term is,
// the caller says. The catalog is derived: whoever deletes it loses nothing but
// time, and nothing is believed that the log does not say, since every record
// found is read from the log and asked for its terms again. The format of the
// files is docs/spec/auditcatalog.md.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// Config is what a Catalog needs. Log, Dir, Terms and Version are required.
type Config struct {
	Log *audit.Reader
	// Dir is a folder of the catalog's own; it is made with mode 0700.
	Dir string
	// Terms calls yield with each term of a record. It is pure.
	Terms func(e *audit.Entry, yield func(term string))
	// Version names the meaning of the terms. Files of another version are
	// made anew.
	Version string
	// Next is the number of the record that is not yet to be found; nil takes the
	// log as it is.
	Next func() uint64
}

// Catalog finds records. It may be used concurrently.
type Catalog struct {
	cfg Config
	dir *os.Root

	// making has room for the one who makes the index of a full file.
	making chan struct{}

	opening sync.Mutex
	// Guarded by opening.
	open *builder // of the last file of the log

	mu sync.Mutex
	// Guarded by mu.
	blocks map[string]*block
	first  string // of the log's files, when those before were last forgotten
}

// Open returns a catalog over cfg. Files of the log that it does not have yet
// are read when they are asked for.
func Open(cfg Config) (*Catalog, error) {
	if cfg.Next == nil {
		cfg.Next = func() uint64 { return math.MaxUint64 }
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit catalog: %w", err)
	}
	dir, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("audit catalog: %w", err)
	}
	return &Catalog{cfg: cfg, dir: dir, making: make(chan struct{}, 1), blocks: map[string]*block{}}, nil
}

// Close closes the catalog. No call may be under way.
func (c *Catalog) Close() error { return c.dir.Close() }

// Query says which records are wanted.
type Query struct {
	// All are the terms that a record must have; none wants every record.
	All []string
	// From and To bound the time of a record, both included, in whole seconds.
	// The zero Time is no bound.
	From, To time.Time
	// Before wants records below this number only; 0 is no bound.
	Before uint64
}

// Find walks the records that q wants, newest first. A failure is yielded once,
// last.
func (c *Catalog) Find(ctx context.Context, q Query) iter.Seq2[*audit.Entry, error] {
	return func(yield func(*audit.Entry, error) bool) {
		segments, err := c.cfg.Log.Segments()
		if err != nil {
			yield(nil, err)
			return
		}
		for i := len(segments) - 1; i >= 0; i-- {
			if q.Before != 0 && segments[i].First >= q.Before {
				continue
			}
			goOn, err := c.findIn(ctx, segments, i, &q, yield)
			if errors.Is(err, fs.ErrNotExist) && c.gone(segments[i]) {
				return // archived and removed since they were listed, and so are those before it
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !goOn {
				return
			}
		}
	}
}

// gone reports whether a file of the log is no longer there.
func (c *Catalog) gone(s audit.Segment) bool {
	now, err := c.cfg.Log.Segments()
	return err == nil && !slices.Contains(now, s)
}

// Settle makes the files that are missing for files of the log that are full, and
// removes those of files that were archived and removed.
func (c *Catalog) Settle(ctx context.Context) error {
	segments, err := c.cfg.Log.Segments()
	if err != nil {
		return err
	}
	if err := c.forget(segments); err != nil {
		return err
	}
	for i := range len(segments) - 1 {
		_, err := c.block(ctx, segments, i)
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && c.gone(segments[i])) {
			return err
		}
	}
	return nil
}

// abandoned is how old a file is that whoever made it did not finish.
const abandoned = time.Hour

// forget removes the files of what is older than the log, and those that a crash
// left unfinished.
func (c *Catalog) forget(segments []audit.Segment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(segments) == 0 || c.first == segments[0].Name {
		return nil
	}
	names, err := fs.Glob(c.dir.FS(), "*.idx")
	if err != nil {
		return fmt.Errorf("audit catalog: %w", err)
	}
	for _, name := range names {
		if name >= fileName(segments[0]) {
			break // they are sorted, by the number that they begin with
		}
		if err := c.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("audit catalog: %w", err)
		}
	}
	unready, err := fs.Glob(c.dir.FS(), "*.new")
	if err != nil {
		return fmt.Errorf("audit catalog: %w", err)
	}
	for _, name := range unready {
		// Another process may be making one.
		info, err := c.dir.Stat(name)
		if err == nil && time.Since(info.ModTime()) > abandoned {
			err = c.dir.Remove(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("audit catalog: %w", err)
		}
	}
	maps.DeleteFunc(c.blocks, func(name string, _ *block) bool { return name < segments[0].Name })
	c.first = segments[0].Name
	return nil
}

// findIn walks the records of one file of the log. It reports false when the
// consumer has enough.
func (c *Catalog) findIn(ctx context.Context, segments []audit.Segment, i int, q *Query, yield func(*audit.Entry, error) bool) (bool, error) {
	rest := *q
	var f *os.File
	for {
		places, next, err := c.places(ctx, segments, i, &rest)
		if err != nil || len(places) == 0 {
			return true, err
		}
		if f == nil {
			if f, err = c.cfg.Log.Open(segments[i]); err != nil {
				return true, err
			}
			defer f.Close()
		}
		if goOn, err := c.read(ctx, f, places, q, yield); err != nil || !goOn || next == 0 {
			return goOn, err
		}
		rest.Before = next
	}
}

// read yields the records at places that q wants.
func (c *Catalog) read(ctx context.Context, f *os.File, places []place, q *Query, yield func(*audit.Entry, error) bool) (bool, error) {
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		text := make([]byte, p.length)
		if _, err := f.ReadAt(text, p.offset); err != nil {
			return false, fmt.Errorf("audit catalog: %w", err)
		}
		e, err := audit.Parse(text)
		if err != nil {
			return false, fmt.Errorf("audit catalog: %s at %d: %w", f.Name(), p.offset, err)
		}
		if c.wanted(e, q) && !yield(e, nil) {
			return false, nil
		}
	}
	return true, nil
}

// wanted asks the record itself: terms are kept as hashes, which may collide.
func (c *Catalog) wanted(e *audit.Entry, q *Query) bool {
	if q.Before != 0 && e.Seq >= q.Before || !q.includes(e.Time.Unix()) {
		return false
	}
	missing := make(map[string]bool, len(q.All))
	for _, term := range q.All {
		missing[term] = true
	}
	if len(missing) > 0 {
		c.cfg.Terms(e, func(term string) { delete(missing, term) })
	}
	return len(missing) == 0
}

// includes reports whether a time, in seconds since 1970, is wanted.
func (q *Query) includes(second int64) bool {
	return (q.From.IsZero() || second >= q.From.Unix()) && (q.To.IsZero() || second <= q.To.Unix())
}
