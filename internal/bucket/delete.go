package bucket

import (
	"context"
	"sync"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Delete says what to remove.
type Delete struct {
	Bucket, Key string
	// VersionID names the version to remove for good. Without it, a bucket that
	// keeps versions puts a delete marker on top of them.
	VersionID string
	IfMatch   string // "" for no condition, else an ETag or "*"
}

// Deleted says what a deletion did.
type Deleted struct {
	// VersionID is the version that was removed, or the marker that was made;
	// empty in a bucket that never kept versions.
	VersionID string
	// Marker says that this version is a delete marker.
	Marker bool
}

// Delete removes an object; an absent one is an error, ErrNoKey, to a condition only.
// It returns *PreconditionError, ErrNoBucket, ErrInvalidVersion and access.ErrDenied.
//
// Source: Amazon S3 API Reference, DeleteObject.
func (s *Service) Delete(ctx context.Context, who Caller, in Delete) (d Deleted, err error) {
	call := s.begin(&who, versioned("s3:DeleteObject", in.VersionID))
	defer call.End(ctx, &err)
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return Deleted{}, err
	}
	if err := checkKey(in.Key); err != nil {
		return Deleted{}, err
	}
	if in.VersionID != "" {
		call.Keys.Set("s3:VersionId", in.VersionID)
	}
	if in.IfMatch != "" {
		call.Keys.Set("s3:if-match", in.IfMatch)
	}
	if err := call.decide(c, in.Key, ""); err != nil {
		return Deleted{}, err
	}
	if err := s.decideMatch(ctx, call, c, in.Key, in.VersionID, in.IfMatch); err != nil {
		return Deleted{}, err
	}
	if err := checkVersionID(c, in.VersionID); err != nil {
		return Deleted{}, err
	}
	err = call.Effect(ctx, func() (err error) {
		d, err = s.remove(ctx, c, &in)
		return err
	})
	return d, err
}

func (s *Service) remove(ctx context.Context, decided *config, in *Delete) (d Deleted, err error) {
	// The marker is authenticated as objects are, under a key that the vault
	// wraps; whether one is made, the transaction finds out.
	marker := &version{kind: kindDeleteMarker, generation: newGeneration(), enc: Encryption{Algorithm: S3Managed}}
	data, err := s.newDataKey(ctx, nil, decided, in.Key, marker, nil)
	if err != nil {
		return Deleted{}, err
	}
	defer data.wipe()
	var old []string
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		old, d = nil, Deleted{}
		c, err := readSame(tx, decided)
		if err != nil {
			return err
		}
		v, err := readVersion(tx, c, in.Key, in.VersionID)
		if err != nil {
			return err
		}
		switch {
		case in.IfMatch == "":
		case v == nil || v.kind != kindObject:
			return ErrNoKey
		case !matchETag(in.IfMatch, v.etag):
			return &PreconditionError{"If-Match"}
		}
		if in.VersionID != "" || c.Versioning == Unversioned {
			if d.VersionID = in.VersionID; v == nil {
				return nil
			}
			d.Marker = v.kind == kindDeleteMarker
			old, err = v.remove(tx, c, in.Key)
			return err
		}
		if old, err = supersede(tx, c, in.Key, marker); err != nil {
			return err
		}
		marker.seal(data, c, in.Key, s.cfg.Clock.Now())
		d = Deleted{VersionID: marker.id, Marker: true}
		return marker.putCurrent(tx, c, in.Key)
	})
	if err != nil {
		return Deleted{}, err
	}
	s.deleteBlobs(ctx, old)
	return d, nil
}

// deleteWorkers is how many deletions of one DeleteMany run at once: each waits
// for a commit, which concurrent ones share.
const deleteWorkers = 16

// DeleteResult is what became of one deletion of several.
type DeleteResult struct {
	Deleted
	Err error
}

// DeleteMany removes objects of one bucket, each with a decision and a record
// of its own. The results stand in the order of list.
//
// Source: Amazon S3 API Reference, DeleteObjects.
func (s *Service) DeleteMany(ctx context.Context, who Caller, list []Delete) []DeleteResult {
	results := make([]DeleteResult, len(list))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(deleteWorkers, len(list)) {
		workers.Go(func() {
			for i := range next {
				results[i].Deleted, results[i].Err = s.Delete(ctx, who, list[i])
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}
