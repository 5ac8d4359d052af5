package delivery

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// maxTags is the most tags of one resource.
const maxTags = 50

func checkTags(who *access.Caller, tags map[string]string) error {
	if len(tags) > maxTags {
		return refuse(ErrInvalidTagging, "A resource has at most %d tags.", maxTags)
	}
	for k, v := range tags {
		if k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256 || !tagText(k) || !tagText(v) {
			return refuse(ErrInvalidTagging, "The tag %.128q is not valid.", k)
		}
		if who.ReservedTag(k) {
			return reservedTag(k)
		}
	}
	return nil
}

func reservedTag(key string) error {
	return refuse(ErrInvalidTagging, "The tag %.128q begins with aws:, which is reserved.", key)
}

func tagText(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}

// noteTags gives the gate the tags of a request.
func noteTags(call *access.Call, tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	for k, v := range tags {
		call.Keys.Set("aws:RequestTag/"+k, v)
	}
	call.Keys.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
}

// decideTagged decides about making a resource: with tags it wants the permission
// for TagResource as well.
func decideTagged(call *access.Call, target access.Target, tags map[string]string) error {
	noteTags(call, tags)
	if err := call.Decide(target); err != nil || len(tags) == 0 {
		return err
	}
	target.Action = "cloudfront:TagResource"
	return call.Decide(target)
}

// labelled is an object with tags.
type labelled interface {
	object
	labels() map[string]string
	// relabelled is a copy with other tags.
	relabelled(tags map[string]string) labelled
}

func (d *DistributionInfo) labels() map[string]string { return d.Tags }

func (d *DistributionInfo) relabelled(tags map[string]string) labelled {
	next := *d
	next.Tags = tags
	return &next
}

func (f *EdgeFunction) labels() map[string]string { return f.Tags }

func (f *EdgeFunction) relabelled(tags map[string]string) labelled {
	next := *f
	next.Tags = tags
	return &next
}

func (k *KeyValueStore) labels() map[string]string { return k.Tags }

func (k *KeyValueStore) relabelled(tags map[string]string) labelled {
	next := *k
	next.Tags = tags
	return &next
}

// taggable finds the resource with that ARN. Distributions, functions and key value
// stores have tags.
func taggable(who access.Caller, resource string) (name, error) {
	a, err := arn.Parse(resource)
	if err != nil || a.Partition != "aws" || a.Service != "cloudfront" || a.Region != "" {
		return name{}, refuse(ErrInvalid, "The parameter Resource %.256q is not the ARN of a CloudFront resource.", resource)
	}
	sort, id, ok := strings.Cut(a.Resource, "/")
	n := name{kind(sort), a.Account, id}
	if !ok || n.kind != kindDistribution && n.kind != kindFunction && n.kind != kindStore || a.Account != who.Account() {
		return name{}, ErrNoResource
	}
	return n, nil
}

// ListTags returns the tags of the resource with that ARN, or ErrNoResource.
func (s *Service) ListTags(ctx context.Context, who access.Caller, resource string) (_ map[string]string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:ListTagsForResource")
	defer call.End(ctx, &err)
	n, err := s.decideTagging(call, who, resource)
	if err != nil {
		return nil, err
	}
	o, err := find[labelled](s, n, ErrNoResource)
	if err != nil {
		return nil, err
	}
	return o.labels(), nil
}

// Tag adds tags to the resource with that ARN, or replaces their values.
func (s *Service) Tag(ctx context.Context, who access.Caller, resource string, tags map[string]string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:TagResource")
	defer call.End(ctx, &err)
	noteTags(call, tags)
	n, err := s.decideTagging(call, who, resource)
	if err != nil {
		return err
	}
	if err := checkTags(&who, tags); err != nil {
		return err
	}
	return s.retag(ctx, call, n, func(have map[string]string) { maps.Copy(have, tags) })
}

// Untag removes tags from the resource with that ARN.
func (s *Service) Untag(ctx context.Context, who access.Caller, resource string, keys []string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UntagResource")
	defer call.End(ctx, &err)
	if len(keys) > 0 {
		call.Keys.Set("aws:TagKeys", keys...)
	}
	n, err := s.decideTagging(call, who, resource)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if who.ReservedTag(k) {
			return reservedTag(k)
		}
	}
	return s.retag(ctx, call, n, func(have map[string]string) {
		for _, k := range keys {
			delete(have, k)
		}
	})
}

// decideTagging decides about the ARN as it was given, before it says whether
// there is such a resource.
func (s *Service) decideTagging(call *access.Call, who access.Caller, resource string) (name, error) {
	n, bad := taggable(who, resource)
	if bad == nil {
		return n, s.decide(call, n)
	}
	if err := call.Decide(access.Target{ARN: resource, Rule: policy.IdentityOnly}); err != nil {
		return name{}, err
	}
	return name{}, bad
}

// retag changes tags only: the configuration and its ETag stay.
func (s *Service) retag(ctx context.Context, call *access.Call, n name, edit func(tags map[string]string)) error {
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[labelled](t, n, ErrNoResource)
		if err != nil {
			return err
		}
		tags := maps.Clone(old.labels())
		if tags == nil {
			tags = make(map[string]string)
		}
		edit(tags)
		if len(tags) > maxTags {
			return refuse(ErrInvalidTagging, "A resource has at most %d tags.", maxTags)
		}
		return t.put(n, old.relabelled(tags))
	})
}
