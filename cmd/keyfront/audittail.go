package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

type auditTailCmd struct {
	auditFolder
	Lines  int  `short:"n" help:"Begin with so many; 0 for none but those that come." default:"10" placeholder:"N"`
	Follow bool `short:"f" help:"Go on with records as they come, until Ctrl-C."`
}

// followEvery is how often a log that is followed is looked at.
const followEvery = 250 * time.Millisecond

// Run prints records as they stand in the log, oldest first.
func (c *auditTailCmd) Run(ctx context.Context, e env) error {
	if c.Lines < 0 {
		return fmt.Errorf("%w: --lines must not be below zero", errUsage)
	}
	log, err := audit.OpenReader(c.path())
	if err != nil {
		return hinted{err, hintAuditFolder}
	}
	defer log.Close()
	follow := follower{log: log, out: e.stdout, next: 1}
	if err := c.last(&follow); err != nil || !c.Follow {
		return err
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := follow.look(); err != nil {
			return err
		}
	}
}

// last prints the newest records and leaves f behind them.
func (c *auditTailCmd) last(f *follower) error {
	segments, err := f.log.Segments()
	if err != nil {
		return err
	}
	newest := len(segments) - 1
	var kept []string
	for i := newest; i >= 0 && (i == newest || len(kept) < c.Lines); i-- {
		var lines []string
		for line, err := range f.log.Lines(segments[i], 0) {
			if err != nil {
				return err
			}
			lines = append(lines, string(line.Text))
			if over := len(lines) + len(kept) - c.Lines; over > 0 {
				lines = lines[over:]
			}
			if i == newest {
				f.next, f.file, f.offset = line.Seq+1, segments[i].First, line.End()
			}
		}
		kept = append(lines, kept...)
	}
	for _, line := range kept {
		if _, err := fmt.Fprintln(f.out, line); err != nil {
			return err
		}
	}
	return nil
}

// follower prints records as they come.
type follower struct {
	log  *audit.Reader
	out  io.Writer
	next uint64 // the record to print next
	// What stands before offset in the file that begins with record file was seen.
	file   uint64
	offset int64
}

// look prints what came since the last time.
func (f *follower) look() error {
	segments, err := f.log.Segments()
	if err != nil {
		return err
	}
	for i, s := range segments {
		if i+1 < len(segments) && segments[i+1].First <= f.next {
			continue
		}
		if s.First != f.file {
			f.file, f.offset = s.First, 0
		}
		err := f.walk(s)
		if err != nil && f.offset > 0 {
			// A write that failed was taken back, and another is in its place.
			f.offset = 0
			err = f.walk(s)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be archived by now
			return err
		}
	}
	return nil
}

func (f *follower) walk(s audit.Segment) error {
	for line, err := range f.log.Lines(s, f.offset) {
		if err != nil {
			return err
		}
		f.offset = line.End()
		if line.Seq < f.next {
			continue
		}
		if _, err := fmt.Fprintf(f.out, "%s\n", line.Text); err != nil {
			return err
		}
		f.next = line.Seq + 1
	}
	return nil
}
