// Package archive moves full files of the audit log to a store of objects, and
// takes them away from the machine when they are old enough.
//
// Each file is archived with its part of the Merkle tree, and behind them goes a
// signed checkpoint: a copy of the archive alone is verified, searched and proven
// with nothing but the public key. What was archived is never written over, but
// for the checkpoint. A file is removed only after its archived bytes were read
// back, and only together with a mark in the log that says so. Every step can be
// had again, so that a crash at any moment costs nothing but time. The objects
// are specified in docs/spec/auditlog.md.
//
// Archiving is recorded in the log itself. It does not feed on that: one file
// takes a handful of records, less than a tenth of the smallest file there can
// be, and what fails is tried again after a minute, and then more and more
// rarely.
package archive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// MinSegmentBytes is the smallest size of a full file with which archiving
	// makes much less of the log than it takes away.
	MinSegmentBytes = 64 << 10

	// lookEvery is how often the log is looked at for files to move.
	lookEvery = time.Second
	// After a failure, the next attempt waits from retryFirst to retryMost, each
	// time twice as long.
	retryFirst = time.Minute
	retryMost  = time.Hour
	// patience is how long a file is kept for readers that have fallen behind,
	// from when it was full.
	patience = 30 * 24 * time.Hour
)

// Objects is where the archive is kept.
type Objects interface {
	// Put writes an object. When it returns nil, the object has survived a power
	// loss. Without replace it returns fs.ErrExist where there is one of that name.
	Put(ctx context.Context, name string, content io.Reader, replace bool) error
	// Get opens an object. It returns fs.ErrNotExist, now or from the first Read,
	// if there is none.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// Log takes its oldest file away; *audit.Log does.
type Log interface {
	Remove(s audit.Segment) error
}

// Config is what an Archive needs. All fields but Keep are required, unless
// Objects is nil.
type Config struct {
	// Records keeps how far the archive has come.
	Records store.Records
	// Objects is the archive; nil for none, and then nothing is moved.
	Objects Objects
	// Place names Objects. An archive in another place is begun with the oldest
	// file that is here.
	Place  string
	Log    Log
	Reader *audit.Reader
	Tree   *merkle.Tree
	// Needed is the number of the first record that others are still to read.
	// Their files are kept for up to 30 days.
	Needed func(ctx context.Context) (uint64, error)
	Clock  *clock.Clock
	Logger *slog.Logger
	// Keep is how long a file stays on this machine after it was full; 0 means
	// for ever.
	Keep time.Duration
}

// Archive moves the files of one log. Its methods may be used concurrently.
type Archive struct {
	cfg Config

	passing sync.Mutex // held during a Pass
	// Guarded by passing.
	age      age
	reported string // of the file that is kept for a reader

	mu sync.Mutex
	// Guarded by mu.
	progress progress

	failures atomic.Uint64
}

// age is when the oldest file was full: when the one behind it was begun.
type age struct {
	next string
	at   time.Time
}

// Open returns an archive that goes on where the one before ended.
func Open(ctx context.Context, cfg Config) (*Archive, error) {
	if cfg.Records == nil || cfg.Objects != nil &&
		(cfg.Log == nil || cfg.Reader == nil || cfg.Tree == nil || cfg.Needed == nil || cfg.Clock == nil || cfg.Logger == nil) {
		return nil, errors.New("archive: incomplete configuration")
	}
	p, err := readProgress(ctx, cfg.Records)
	if err != nil {
		return nil, err
	}
	return &Archive{cfg: cfg, progress: p}, nil
}

// Removed is when the newest record was made that is no longer on this machine;
// zero if all are.
func (a *Archive) Removed() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress.Newest
}

// Archived is the number of the last record in the archive; 0 if there is none.
func (a *Archive) Archived() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cfg.Objects == nil || a.progress.Place != a.cfg.Place {
		return 0
	}
	return a.progress.Next - 1
}

// Failures is how many attempts have failed since Open.
func (a *Archive) Failures() uint64 { return a.failures.Load() }

// Run moves files until ctx ends.
func (a *Archive) Run(ctx context.Context) {
	if a.cfg.Objects == nil {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var wait time.Duration
	var failed time.Time
	for {
		moved := a.cfg.Clock.Moved()
		// A clock that went back waits for nothing.
		if now := a.cfg.Clock.Now(); now.Before(failed) || !now.Before(failed.Add(wait)) {
			if err := a.Pass(ctx); err == nil {
				wait = 0
			} else if ctx.Err() == nil {
				wait, failed = min(max(2*wait, retryFirst), retryMost), now
				a.cfg.Logger.Error("audit log not archived", slog.Duration("retryIn", wait), slog.Any("err", err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-moved:
		}
	}
}

// Pass archives the files that are full, and removes those that are old enough.
// Files that become full meanwhile are left to the next. It returns the first
// failure; what was done until then stays done.
func (a *Archive) Pass(ctx context.Context) error {
	a.passing.Lock()
	defer a.passing.Unlock()
	err := a.pass(ctx)
	if err != nil && ctx.Err() == nil {
		a.failures.Add(1)
	}
	return err
}

func (a *Archive) pass(ctx context.Context) error {
	files, err := a.cfg.Reader.Segments()
	if err != nil {
		return err
	}
	// Packed ones were brought back from an archive, for readers.
	files = slices.DeleteFunc(files, func(s audit.Segment) bool { return s.Packed })
	if len(files) < 2 {
		return nil
	}
	a.mu.Lock()
	p := a.progress
	a.mu.Unlock()
	if p.Place != a.cfg.Place || p.Next > files[len(files)-1].First {
		// Another place, or another log.
		p.Place, p.Next = a.cfg.Place, files[0].First
	}
	for i, s := range files[:len(files)-1] {
		if s.First < p.Next {
			continue
		}
		if err := a.add(ctx, s, files[i+1]); err != nil {
			return err
		}
		p.Next = files[i+1].First
		if err := a.save(ctx, p); err != nil {
			return err
		}
		a.cfg.Logger.Info("audit log archived", slog.String("file", s.Name), slog.Uint64("next", p.Next))
	}
	if a.cfg.Keep == 0 {
		return nil
	}
	return a.shorten(ctx, files, p)
}
