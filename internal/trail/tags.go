package trail

import (
	"context"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
)

// MaxTags is how many tags a trail may have.
const MaxTags = 50

// Tag is one label of a trail.
type Tag = access.Tag

// AddTags sets tags of a trail; one whose key is there already is replaced. It
// returns ErrTag about repeated or reserved keys and too long tags, and
// ErrTooManyTags.
//
// Source: AWS CloudTrail API Reference, AddTags.
func (s *Service) AddTags(ctx context.Context, who access.Caller, ref string, tags []Tag) (err error) {
	call := s.begin(&who, "cloudtrail:AddTags", ref)
	defer call.End(ctx, &err)
	call.RequestTags(tags)
	return s.changeTags(ctx, call, &who, ref, func(r *record) (err error) {
		r.Tags, err = withTags(&who, r.Tags, tags)
		return err
	})
}

// RemoveTags removes tags of a trail, by their keys. Absent ones are no error,
// reserved ones are ErrTag.
//
// Source: AWS CloudTrail API Reference, RemoveTags.
func (s *Service) RemoveTags(ctx context.Context, who access.Caller, ref string, keys []string) (err error) {
	call := s.begin(&who, "cloudtrail:RemoveTags", ref)
	defer call.End(ctx, &err)
	call.Keys.SetList("aws:TagKeys", keys)
	return s.changeTags(ctx, call, &who, ref, func(r *record) error {
		for _, k := range keys {
			if who.ReservedTag(k) {
				return fail(ErrTag, "Tag keys that begin with aws: are reserved.")
			}
			delete(r.Tags, k)
		}
		return nil
	})
}

// changeTags tries fn before it is recorded that it happens.
func (s *Service) changeTags(ctx context.Context, call *access.Call, who *access.Caller, ref string, fn func(*record) error) error {
	r, err := s.admit(ctx, call, who, ref, true)
	if err != nil {
		return err
	}
	if err := fn(r); err != nil {
		return err
	}
	return call.Effect(ctx, func() error { return s.change(ctx, r, fn) })
}

// Tags lists the tags of a trail, ascending by key.
//
// Source: AWS CloudTrail API Reference, ListTags.
func (s *Service) Tags(ctx context.Context, who access.Caller, ref string) (tags []Tag, err error) {
	call := s.begin(&who, "cloudtrail:ListTags", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, false)
	if err != nil {
		return nil, err
	}
	return r.tags(), nil
}

func (r *record) tags() (tags []Tag) {
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		tags = append(tags, Tag{Key: k, Value: r.Tags[k]})
	}
	return tags
}

// withTags is have with tags that who gives.
func withTags(who *access.Caller, have map[string]string, tags []Tag) (map[string]string, error) {
	if len(tags) > MaxTags {
		return nil, fail(ErrTooManyTags, "A trail has at most %d tags.", MaxTags)
	}
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}
	for i, t := range tags {
		switch n := utf8.RuneCountInString(t.Key); {
		case n < 1 || n > 128 || utf8.RuneCountInString(t.Value) > 256:
			return nil, fail(ErrTag, "A tag key has 1 to 128 characters and a tag value at most 256.")
		case who.ReservedTag(t.Key):
			return nil, fail(ErrTag, "Tag keys that begin with aws: are reserved.")
		case slices.ContainsFunc(tags[:i], func(o Tag) bool { return o.Key == t.Key }):
			return nil, fail(ErrTag, "The tag key %s is given more than once.", t.Key)
		}
		all[t.Key] = t.Value
	}
	if len(all) > MaxTags {
		return nil, fail(ErrTooManyTags, "A trail has at most %d tags.", MaxTags)
	}
	return all, nil
}
