package archive

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
)

// errOther says that the archive has something else where a file is to go.
var errOther = errors.New("archive: there is another log in this place, or the object is damaged; it is not written over")

// add archives s, which next follows: the records, their part of the tree, and
// then a checkpoint that ends with them.
func (a *Archive) add(ctx context.Context, s, next audit.Segment) error {
	if err := a.cfg.Tree.Grow(ctx); err != nil {
		return err
	}
	part, err := a.cfg.Tree.Part(s.First, next.First)
	if err != nil {
		return err
	}
	if err = a.putRecords(ctx, s, next); errors.Is(err, fs.ErrExist) {
		_, err = a.readRecords(ctx, s, next)
	}
	if err != nil {
		return fmt.Errorf("archive %s: %w", s.Name, err)
	}
	name := merkle.PartName(s)
	if err = a.cfg.Objects.Put(ctx, name, bytes.NewReader(part), false); errors.Is(err, fs.ErrExist) {
		err = a.readPart(ctx, name, part)
	}
	if err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	checkpoint, err := a.cfg.Tree.CheckpointOf(next.First - 1)
	if err != nil {
		return err
	}
	if err := a.cfg.Objects.Put(ctx, merkle.CheckpointFile, bytes.NewReader(checkpoint), true); err != nil {
		return fmt.Errorf("archive %s: %w", merkle.CheckpointFile, err)
	}
	return nil
}

// putRecords writes the records of s, compressed while they are sent.
func (a *Archive) putRecords(ctx context.Context, s, next audit.Segment) error {
	file, err := a.cfg.Reader.Open(s)
	if err != nil {
		return err
	}
	defer file.Close()
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		z := gzip.NewWriter(w)
		_, err := audit.CopyRecords(z, file, s, next)
		if err == nil {
			err = z.Close()
		}
		w.CloseWithError(err) // nil ends the object
	}()
	err = a.cfg.Objects.Put(ctx, s.Name+audit.PackedSuffix, r, false)
	r.CloseWithError(errClosed)
	<-packed
	return err
}

var errClosed = errors.New("archive: not read to its end")

// readRecords reads the archived records of s and compares them with those that
// were written.
func (a *Archive) readRecords(ctx context.Context, s, next audit.Segment) (newest time.Time, err error) {
	object, err := a.cfg.Objects.Get(ctx, s.Name+audit.PackedSuffix)
	if err != nil {
		return newest, err
	}
	defer object.Close()
	z, err := gzip.NewReader(object)
	if err == nil {
		newest, err = audit.CopyRecords(io.Discard, z, s, next)
	}
	if _, corrupt := errors.AsType[flate.CorruptInputError](err); corrupt || errors.Is(err, audit.ErrTampered) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return newest, fmt.Errorf("%w: %w", errOther, err)
	}
	return newest, err
}

func (a *Archive) readPart(ctx context.Context, name string, part []byte) error {
	object, err := a.cfg.Objects.Get(ctx, name)
	if err != nil {
		return err
	}
	defer object.Close()
	got, err := io.ReadAll(io.LimitReader(object, int64(len(part))+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, part) {
		return errOther
	}
	return nil
}

// shorten removes the files that are archived and old enough, oldest first.
func (a *Archive) shorten(ctx context.Context, files []audit.Segment, p progress) error {
	for i, s := range files[:len(files)-1] {
		next := files[i+1]
		if next.First > p.Next {
			return nil
		}
		due, err := a.due(ctx, s, next)
		if err != nil || !due {
			return err
		}
		if err := a.remove(ctx, s, next, &p); err != nil {
			return fmt.Errorf("remove %s: %w", s.Name, err)
		}
		a.cfg.Logger.Info("archived audit log removed", slog.String("file", s.Name), slog.Uint64("first", next.First))
	}
	return nil
}

// due reports whether s may go.
func (a *Archive) due(ctx context.Context, s, next audit.Segment) (bool, error) {
	if a.age.next != next.Name {
		for line, err := range a.cfg.Reader.Lines(next, 0) {
			if err != nil {
				return false, err
			}
			e, err := audit.Parse(line.Text)
			if err != nil {
				return false, err
			}
			a.age = age{next.Name, e.Time}
			break
		}
	}
	now := a.cfg.Clock.Now()
	if a.age.next != next.Name || now.Before(a.age.at.Add(a.cfg.Keep)) {
		return false, nil
	}
	needed, err := a.cfg.Needed(ctx)
	if err != nil {
		return false, err
	}
	if needed < next.First && now.Before(a.age.at.Add(patience)) {
		if a.reported != s.Name {
			a.reported = s.Name
			a.cfg.Logger.Warn("audit log kept for a trail that has not delivered it", slog.String("file", s.Name), slog.Uint64("record", needed))
		}
		return false, nil
	}
	return true, nil
}

// remove takes s away once the archive has shown that it has it.
func (a *Archive) remove(ctx context.Context, s, next audit.Segment, p *progress) error {
	if err := a.cfg.Tree.Grow(ctx); err != nil {
		return err
	}
	part, err := a.cfg.Tree.Part(s.First, next.First)
	if err != nil {
		return err
	}
	newest, err := a.readRecords(ctx, s, next)
	if err == nil {
		err = a.readPart(ctx, merkle.PartName(s), part)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody has deleted it there. The next pass archives it again.
		p.Next = s.First
		return errors.Join(fmt.Errorf("it is no longer in the archive: %w", err), a.save(ctx, *p))
	}
	if err != nil {
		return err
	}
	if err := a.cfg.Tree.Settle(next.First - 1); err != nil {
		return err
	}
	// Who asks for those records learns that they are gone before they are.
	if newest.After(p.Newest) {
		p.Newest = newest
		if err := a.save(ctx, *p); err != nil {
			return err
		}
	}
	return a.cfg.Log.Remove(s)
}
