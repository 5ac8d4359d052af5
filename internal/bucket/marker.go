package bucket

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/keyfront-project/keyfront/internal/store"
)

// scanCurrent walks the records of a bucket's current versions, objects and
// delete markers, in the order of their names.
func scanCurrent(tx store.Reader, c *config, r store.Range) iter.Seq2[store.Record, error] {
	objects := tx.Scan(spaceObject, r)
	if c.Versioning == Unversioned {
		return objects
	}
	return func(yield func(store.Record, error) bool) {
		next, stop := iter.Pull2(tx.Scan(spaceMarker, r))
		defer stop()
		marker, err, more := next()
		for object, objectErr := range objects {
			for more && (err != nil || objectErr == nil && marker.Key < object.Key) {
				if !yield(marker, err) || err != nil {
					return
				}
				marker, err, more = next()
			}
			if !yield(object, objectErr) || objectErr != nil {
				return
			}
		}
		for ; more; marker, err, more = next() {
			if !yield(marker, err) {
				return
			}
		}
	}
}

// moveBatch is how many markers one transaction moves.
const moveBatch = 100

// moveMarkers moves the delete markers of buckets from an earlier version, which kept them
// among the objects. Everything reads them at either place, so it may be broken
// off at any time; the next start goes on.
func (s *Service) moveMarkers(ctx context.Context) error {
	for after := ""; ; {
		var c *config
		err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
			for rec, err := range tx.Scan(spaceBucket, store.Range{}.After(after)) {
				if err != nil {
					return err
				}
				after = rec.Key
				if c, err = decodeConfig(rec.Key, rec.Value); err != nil {
					return err
				}
				if c.Versioning != Unversioned && !c.MarkersApart {
					return nil
				}
				c = nil
			}
			return nil
		})
		if err != nil || c == nil {
			return err
		}
		if err := s.moveMarkersOf(ctx, c); err != nil && !errors.Is(err, ErrNoBucket) {
			return fmt.Errorf("bucket %s: %w", c.name, err)
		}
	}
}

func (s *Service) moveMarkersOf(ctx context.Context, c *config) error {
	var batch []string
	flush := func() error {
		names := batch
		batch = nil
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			for _, name := range names {
				v, err := readStored(tx, spaceObject, name)
				if err != nil {
					return err
				}
				if v == nil || v.kind != kindDeleteMarker { // replaced meanwhile
					continue
				}
				if err := errors.Join(tx.Delete(spaceObject, name), tx.Put(spaceMarker, name, v.encode())); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := s.walk(ctx, c, spaceObject, "", func(_ string, v *stored, err error) error {
		if err != nil || v.kind != kindDeleteMarker {
			return nil // what is damaged is for Check to report
		}
		if batch = append(batch, v.name); len(batch) < moveBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	return s.changeConfig(ctx, c, func(c *config) { c.MarkersApart = true })
}
