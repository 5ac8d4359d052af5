package keyring

import (
	"context"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Tag is one label of a key.
type Tag struct {
	Key   string `json:"key"`   // 1 to 128 characters
	Value string `json:"value"` // 0 to 256 characters
}

// checkTags says whether who may give tags together.
func checkTags(who *access.Caller, tags []Tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if who.ReservedTag(t.Key) {
			return fail(ErrTag, "Tags beginning with aws: are reserved")
		}
		if seen[t.Key] {
			return fail(ErrTag, "Duplicate tag keys")
		}
		seen[t.Key] = true
	}
	if len(tags) > MaxTagsPerKey {
		return fail(ErrTag, "Too many tags")
	}
	return nil
}

func setTagConditions(c *policy.Context, tags []Tag) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Key
		c.SetIn("aws:RequestTag/", t.Key, t.Value)
	}
	c.SetList("aws:TagKeys", names)
}

// Tag gives a key tags; a tag whose key is there already is replaced. It returns
// ErrTag about reserved, repeated or too many tags.
//
// Source: AWS KMS API Reference, TagResource.
func (r *Ring) Tag(ctx context.Context, who access.Caller, ref string, tags []Tag) (err error) {
	call := r.begin(&who, opTagResource)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if len(tags) > MaxTagsPerKey {
		return fail(ErrTag, "Too many tags")
	}
	for _, t := range tags {
		call.Note("tags."+t.Key, t.Value)
	}
	setTagConditions(&call.Keys, tags)
	k, err := r.admit(call, &who, opTagResource, ref)
	if err != nil {
		return err
	}
	if err := checkTags(&who, tags); err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opTagResource, func(_ *change, rec *keyRecord) error {
			for _, t := range tags {
				i := slices.IndexFunc(rec.Tags, func(old Tag) bool { return old.Key == t.Key })
				if i < 0 {
					rec.Tags = append(rec.Tags, t)
				} else {
					rec.Tags[i] = t
				}
			}
			if len(rec.Tags) > MaxTagsPerKey {
				return fail(ErrTag, "Too many tags")
			}
			return nil
		})
	})
}

// Untag removes the tags with these keys. Absent ones are no error.
//
// Source: AWS KMS API Reference, UntagResource.
func (r *Ring) Untag(ctx context.Context, who access.Caller, ref string, keys []string) (err error) {
	call := r.begin(&who, opUntagResource)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if len(keys) > MaxTagsPerKey {
		return fail(ErrTag, "Too many tags")
	}
	call.Note("tagKeys", strings.Join(keys, ","))
	call.Keys.SetList("aws:TagKeys", keys)
	k, err := r.admit(call, &who, opUntagResource, ref)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(keys, who.ReservedTag) {
		return fail(ErrTag, "Tags beginning with aws: are reserved")
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opUntagResource, func(_ *change, rec *keyRecord) error {
			rec.Tags = slices.DeleteFunc(rec.Tags, func(t Tag) bool { return slices.Contains(keys, t.Key) })
			return nil
		})
	})
}

// Tags lists a key's tags in the order of their keys. A page has 1 to 50 tags.
//
// Source: AWS KMS API Reference, ListResourceTags.
func (r *Ring) Tags(ctx context.Context, who access.Caller, ref string, page Page) (out Listing[Tag], err error) {
	call := r.begin(&who, opListResourceTags)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if err := page.check(50, 50); err != nil {
		return out, err
	}
	k, err := r.admit(call, &who, opListResourceTags, ref)
	if err != nil {
		return out, err
	}
	filter := k.path.String()
	after, err := r.openMarker(opListResourceTags, filter, page.Marker)
	if err != nil {
		return out, err
	}
	// In this order a page goes on behind a tag that has gone since.
	tags := slices.SortedFunc(slices.Values(k.Tags), func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	if page.Marker != "" {
		tags = slices.DeleteFunc(tags, func(t Tag) bool { return t.Key <= after })
	}
	out.Items = tags
	if len(tags) > page.Limit {
		out.Items = tags[:page.Limit]
		out.Next = r.marker(opListResourceTags, filter, tags[page.Limit-1].Key)
	}
	return out, nil
}
