package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Check says how to look for damage.
type Check struct {
	// As returns who opens the objects of an account under SSE-KMS; the key
	// service decides and records. With nil those are only measured, as are those whose key
	// is refused or a client's: record, places, sizes and lists of parts, not the
	// content.
	As func(owner arn.AccountID) access.Caller
	// BytesPerSecond bounds the reading of content; 0 is no bound.
	BytesPerSecond int64
	// Found is called with each damaged version. It may be nil.
	Found func(Damage)

	begun time.Time
}

// Damage is a version that does not read as it was written.
type Damage struct {
	Bucket, Key, VersionID string
	Err                    error
}

// CheckReport counts what a check saw.
type CheckReport struct {
	Buckets, Versions int
	Bytes             int64 // of plaintext that was read and verified
	// Measured are the versions whose content was not opened, for want of a key.
	Measured int
	Damaged  int
}

// Check reads every version of every object and reports those that do not read as
// they were written: what keyfront fsck does at once, and the scrub in the background.
// It decides nothing: it is for the operator, and yields no content. Objects that
// are overwritten or deleted meanwhile are no damage.
//
// It fails only when the records cannot be read or ctx ends; the report then
// holds what was seen until then.
func (s *Service) Check(ctx context.Context, in Check) (r CheckReport, err error) {
	after := ""
	in.begun = time.Now()
	for {
		var c *config
		err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
			c = nil
			for rec, err := range tx.Scan(spaceBucket, store.Range{}.After(after)) {
				if err != nil {
					return err
				}
				c, err = decodeConfig(rec.Key, rec.Value)
				return err
			}
			return nil
		})
		if err != nil || c == nil {
			return r, err
		}
		after = c.name
		r.Buckets++
		for _, space := range []store.Space{spaceObject, spaceMarker, spaceVersion} {
			if err := s.checkSpace(ctx, c, space, &in, &r); err != nil {
				return r, err
			}
		}
	}
}

// checkBatch is how many versions one transaction reads.
const checkBatch = 100

func (s *Service) checkSpace(ctx context.Context, c *config, space store.Space, in *Check, r *CheckReport) error {
	return s.walk(ctx, c, space, "", func(key string, v *stored, decodeErr error) error {
		r.Versions++
		err := decodeErr
		if err == nil {
			err = s.checkVersion(ctx, c, key, v, in, r)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}
		d := Damage{Bucket: c.name, Key: key, Err: err}
		if v != nil {
			if d.VersionID = v.id; s.gone(ctx, v) {
				return nil
			}
		}
		r.Damaged++
		if in.Found != nil {
			in.Found(d)
		}
		return nil
	})
}

// walk calls visit with each version that a space holds of a bucket, in order,
// after the record with the name. It holds no transaction meanwhile. A record
// that cannot be decoded comes with an error and without a version.
func (s *Service) walk(ctx context.Context, c *config, space store.Space, after string, visit func(key string, v *stored, err error) error) error {
	for {
		var batch []store.Record
		err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
			batch = batch[:0]
			for rec, err := range tx.Scan(space, store.Prefix(c.ID+"/").After(after)) {
				if err != nil {
					return err
				}
				if batch = append(batch, rec); len(batch) == checkBatch {
					return nil
				}
			}
			return nil
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, rec := range batch {
			after = rec.Key
			key := rec.Key[len(objectKey(c.ID, "")):]
			if space == spaceVersion {
				end := len(key) - olderSuffixBytes - len(keyEnd)
				if end < 0 {
					return errRecord
				}
				key = unescapeKey(key[:end])
			}
			v, err := decodeVersion(rec.Value)
			if err != nil {
				err = visit(key, nil, err)
			} else {
				err = visit(key, &stored{v, space, rec.Key}, nil)
			}
			if err != nil {
				return err
			}
		}
	}
}

// checkVersion opens one version, or measures it.
func (s *Service) checkVersion(ctx context.Context, c *config, key string, v *stored, in *Check, r *CheckReport) error {
	who := Caller{}
	if in.As != nil {
		who.Caller = in.As(c.Owner)
	}
	f := &found{stored: v}
	if err := s.cfg.Records.View(ctx, func(tx store.Reader) error { return f.load(tx) }); err != nil {
		return err
	}
	if v.enc.Algorithm == CustomerManaged || v.enc.Algorithm.KMS() && in.As == nil {
		r.Measured++
		return s.measure(ctx, c, key, f)
	}
	if v.kind == kindDeleteMarker {
		data, err := s.openRecord(ctx, &who, c, key, v.version, nil)
		data.wipe()
		return err
	}
	o := &Object{Info: f.info(c, key), Length: f.sizeBytes}
	var refused *KeyError
	switch err := s.open(ctx, &who, c, f, o, nil); {
	case errors.As(err, &refused):
		r.Measured++
		return s.measure(ctx, c, key, f)
	case err != nil:
		return err
	}
	defer o.Close()
	var buf [64 << 10]byte
	for {
		n, err := o.Read(buf[:])
		r.Bytes += int64(n)
		if in.BytesPerSecond > 0 {
			due := time.Duration(float64(r.Bytes) / float64(in.BytesPerSecond) * float64(time.Second))
			if err := pause(ctx, due-time.Since(in.begun)); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// measure compares the sizes of what a version consists of with its record.
func (s *Service) measure(ctx context.Context, c *config, key string, f *found) error {
	layers := dataKey{}
	if f.enc.Algorithm == DualKMSManaged {
		layers.inner = layerMark
	}
	pieces, err := f.pieces(c, &Object{Info: f.info(c, key), Length: f.sizeBytes})
	if err != nil {
		return err
	}
	for _, p := range pieces {
		size := int64(len(p.inline))
		if p.blob != "" {
			blob, err := s.cfg.Blobs.Open(ctx, p.blob)
			if err != nil {
				return fmt.Errorf("open blob: %w", err)
			}
			size = blob.SizeBytes()
			blob.Close()
		}
		if size != layers.sealedSize(p.sizeBytes) {
			return ErrCorrupt
		}
	}
	return nil
}

// LastScrub is what the last whole check in the background found; nil before it.
func (s *Service) LastScrub() *CheckReport { return s.scrubbed.Load() }

// scrubLoop checks all objects, again and again, and logs what is damaged.
func (s *Service) scrubLoop(ctx context.Context) {
	for {
		r, err := s.Check(ctx, Check{BytesPerSecond: s.cfg.ScrubBytesPerSecond, Found: func(d Damage) {
			s.logDamage(ctx, Info{Bucket: d.Bucket, Key: d.Key}, d.Err)
		}})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "scrub failed", slog.Any("error", err))
		default:
			s.scrubbed.Store(&r)
			s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "scrub done", slog.Int("versions", r.Versions), slog.Int64("bytes", r.Bytes),
				slog.Int("measured", r.Measured), slog.Int("damaged", r.Damaged))
		}
		if pause(ctx, s.cfg.ScrubEvery) != nil {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
