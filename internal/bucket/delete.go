package bucket

import (
	"context"
	"sync"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Delete says what to remove.
type Delete struct {
	Bucket, Key string
	VersionID   string // "" for the current version
	IfMatch     string // "" for no condition, else an ETag or "*"
}

// Delete removes an object; an absent one is no error. It returns
// *PreconditionError, ErrNoBucket, ErrNoVersion and access.ErrDenied.
//
// Source: Amazon S3 API Reference, DeleteObject.
func (s *Service) Delete(ctx context.Context, who Caller, in Delete) (err error) {
	action := policy.Action("s3:DeleteObject")
	if in.VersionID != "" {
		action = "s3:DeleteObjectVersion"
	}
	call := s.begin(&who, action)
	defer call.End(ctx, &err)
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return err
	}
	if err := checkKey(in.Key); err != nil {
		return err
	}
	if in.VersionID != "" {
		call.Keys.Set("s3:VersionId", in.VersionID)
	}
	if in.IfMatch != "" {
		call.Keys.Set("s3:if-match", in.IfMatch)
	}
	if err := call.Decide(c.objectTarget(in.Key, "")); err != nil {
		return err
	}
	if in.VersionID != "" && in.VersionID != NullVersion {
		return ErrNoVersion
	}
	return call.Effect(ctx, func() error { return s.remove(ctx, c, &in) })
}

func (s *Service) remove(ctx context.Context, c *config, in *Delete) error {
	var old []string
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		old = nil
		if _, err := readSame(tx, c); err != nil {
			return err
		}
		current, err := readCurrent(tx, c, in.Key)
		if err != nil {
			return err
		}
		if in.IfMatch != "" && (current == nil || !matchETag(in.IfMatch, current.etag)) {
			return &PreconditionError{"If-Match"}
		}
		if current == nil {
			return nil
		}
		if old, err = dropContent(tx, current); err != nil {
			return err
		}
		return tx.Delete(spaceObject, objectKey(c.ID, in.Key))
	})
	if err != nil {
		return err
	}
	s.deleteBlobs(ctx, old)
	return nil
}

// deleteWorkers is how many deletions of one DeleteMany run at once: each waits
// for a commit, which concurrent ones share.
const deleteWorkers = 16

// DeleteMany removes objects of one bucket, each with a decision and a record
// of its own. The errors stand in the order of list; nil means gone.
//
// Source: Amazon S3 API Reference, DeleteObjects.
func (s *Service) DeleteMany(ctx context.Context, who Caller, list []Delete) []error {
	errs := make([]error, len(list))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(deleteWorkers, len(list)) {
		workers.Go(func() {
			for i := range next {
				errs[i] = s.Delete(ctx, who, list[i])
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	workers.Wait()
	return errs
}
