package parameter

import (
	"context"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

func actionOf(operation string) policy.Action { return policy.Action("ssm:" + operation) }

var errReservedTag = fail(ErrInvalid, "Tag keys beginning with aws: are reserved for system use.")

// checkTags says whether who may give more to what has tags.
func checkTags(who *access.Caller, tags, more []Tag) error {
	names := make(map[string]bool, len(tags)+len(more))
	for _, t := range tags {
		names[t.Key] = true
	}
	given := make(map[string]bool, len(more))
	for _, t := range more {
		if who.ReservedTag(t.Key) {
			return errReservedTag
		}
		if given[t.Key] {
			return fail(ErrInvalid, "Duplicate tag key: "+t.Key)
		}
		given[t.Key], names[t.Key] = true, true
	}
	if len(names) > MaxTags {
		return fail(ErrTags, "A parameter can have at most 50 tags.")
	}
	return nil
}

// Tag gives a parameter tags; a tag whose key is there already is replaced.
//
// Source: AWS Systems Manager API Reference, AddTagsToResource.
func (s *Service) Tag(ctx context.Context, who access.Caller, ref string, tags []Tag) error {
	return s.retag(ctx, who, "AddTagsToResource", ref, tags, nil, func(r *record) error {
		if err := checkTags(&who, r.Tags, tags); err != nil {
			return err
		}
		for _, t := range tags {
			if i := slices.IndexFunc(r.Tags, func(old Tag) bool { return old.Key == t.Key }); i >= 0 {
				r.Tags[i] = t
			} else {
				r.Tags = append(r.Tags, t)
			}
		}
		return nil
	})
}

// Untag takes the tags with these keys away.
//
// Source: AWS Systems Manager API Reference, RemoveTagsFromResource.
func (s *Service) Untag(ctx context.Context, who access.Caller, ref string, keys []string) error {
	return s.retag(ctx, who, "RemoveTagsFromResource", ref, nil, keys, func(r *record) error {
		if slices.ContainsFunc(keys, who.ReservedTag) {
			return errReservedTag
		}
		r.Tags = slices.DeleteFunc(r.Tags, func(t Tag) bool { return slices.Contains(keys, t.Key) })
		return nil
	})
}

// Tags lists a parameter's tags.
//
// Source: AWS Systems Manager API Reference, ListTagsForResource.
func (s *Service) Tags(ctx context.Context, who access.Caller, ref string) (tags []Tag, err error) {
	call := s.gate.Begin(who, "ssm:ListTagsForResource")
	defer call.End(ctx, &err)
	call.Note("resourceId", ref)
	r, _, err := s.tagged(ctx, call, &who, ref)
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}

func (s *Service) retag(ctx context.Context, who access.Caller, operation, ref string, tags []Tag, keys []string, change func(*record) error) (err error) {
	call := s.gate.Begin(who, actionOf(operation))
	defer call.End(ctx, &err)
	call.Note("resourceId", ref)
	call.RequestTags(tags)
	if len(keys) > 0 {
		call.Keys.SetList("aws:TagKeys", keys)
	}
	_, name, err := s.tagged(ctx, call, &who, ref)
	if err != nil {
		return err
	}
	m := realmOf(&who)
	return call.Effect(ctx, func() error {
		return s.records.Update(ctx, func(tx store.Writer) error {
			r, name, err := locate(tx, m, name)
			if err != nil {
				return err
			}
			if err := change(r); err != nil {
				return err
			}
			return write(tx, parameterSpace, m.prefix()+name, r)
		})
	})
}

// tagged reads a parameter whose tags the caller may see or change.
func (s *Service) tagged(ctx context.Context, call *access.Call, who *access.Caller, ref string) (*record, string, error) {
	m := realmOf(who)
	name, err := m.named(ref)
	if err != nil {
		return nil, "", err
	}
	var r *record
	err = s.records.View(ctx, func(tx store.Reader) error {
		r, _, err = locate(tx, m, name)
		return err
	})
	if r != nil {
		call.ResourceTags(r.Tags, "ssm:resourceTag/")
	}
	if derr := call.Decide(access.Target{ARN: m.arn(name), Rule: policy.IdentityOnly}); derr != nil {
		return nil, "", derr
	}
	return r, name, err
}
