package lambda

import (
	"context"
	"maps"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

var (
	errTags        = refuse(ErrInvalid, "Number of tags exceeds resource tag limit.")
	errReservedTag = refuse(ErrInvalid, "Tag keys starting with 'aws:' are reserved for system use.")
)

// requestTags checks tags that a caller gives, and makes them known to the
// decision.
func requestTags(call *access.Call, who *access.Caller, tags map[string]string) error {
	names := slices.Sorted(maps.Keys(tags))
	for _, key := range names {
		switch {
		case key == "" || len(key) > 128 || len(tags[key]) > 256:
			return refuse(ErrInvalid, "Tag keys have 1 to 128 characters, values at most 256.")
		case who.ReservedTag(key):
			return errReservedTag
		}
		call.Keys.SetIn("aws:RequestTag/", key, tags[key])
	}
	if len(names) > MaxTags {
		return errTags
	}
	if len(names) > 0 {
		call.Keys.SetList("aws:TagKeys", names)
	}
	return nil
}

// Tags returns the tags of the function that an ARN names.
//
// Source: AWS Lambda API Reference, ListTags.
func (s *Service) Tags(ctx context.Context, who access.Caller, functionARN string) (_ map[string]string, err error) {
	call := s.begin(&who, "ListTags", functionARN)
	defer call.End(ctx, &err)
	if err := checkTagged(functionARN); err != nil {
		return nil, err
	}
	_, r, err := s.admitLatest(ctx, call, &who, functionARN)
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}

// Tag adds tags to a function, or replaces their values.
//
// Source: AWS Lambda API Reference, TagResource.
func (s *Service) Tag(ctx context.Context, who access.Caller, functionARN string, tags map[string]string) (err error) {
	call := s.begin(&who, "TagResource", functionARN)
	defer call.End(ctx, &err)
	if err := checkTagged(functionARN); err != nil {
		return err
	}
	if err := requestTags(call, &who, tags); err != nil {
		return err
	}
	if len(tags) == 0 {
		return refuse(ErrInvalid, "An error occurred and the request cannot be processed.")
	}
	ref, _, err := s.admitLatest(ctx, call, &who, functionARN)
	if err != nil {
		return err
	}
	return s.edit(ctx, call, ref, func(_ store.Writer, r *record) error {
		if r.Tags == nil {
			r.Tags = make(map[string]string)
		}
		maps.Copy(r.Tags, tags)
		if len(r.Tags) > MaxTags {
			return errTags
		}
		return nil
	})
}

// Untag removes tags from a function; those that it does not have are no error.
//
// Source: AWS Lambda API Reference, UntagResource.
func (s *Service) Untag(ctx context.Context, who access.Caller, functionARN string, keys []string) (err error) {
	call := s.begin(&who, "UntagResource", functionARN)
	defer call.End(ctx, &err)
	call.Keys.SetList("aws:TagKeys", keys)
	if err := checkTagged(functionARN); err != nil {
		return err
	}
	if len(keys) == 0 {
		return refuse(ErrValidation, "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
	}
	ref, _, err := s.admitLatest(ctx, call, &who, functionARN)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(keys, who.ReservedTag) {
		return errReservedTag
	}
	return s.edit(ctx, call, ref, func(_ store.Writer, r *record) error {
		for _, key := range keys {
			delete(r.Tags, key)
		}
		return nil
	})
}
