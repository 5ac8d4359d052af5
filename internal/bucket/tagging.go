package bucket

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// MaxTags is how many tags an object may have.
	MaxTags = 10
	// MaxBucketTags is how many tags a bucket may have.
	MaxBucketTags = 50

	maxTagNameRunes  = 128
	maxTagValueRunes = 256
)

// What S3 says about tags that only services give: to a bucket, to one that is made
// with them, and to an object.
const (
	reservedNewTag    = `User-defined tag keys can't start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.`
	reservedBucketTag = "System tags cannot be added/updated by requester"
	reservedObjectTag = "Your TagKey cannot be prefixed with aws:"
)

// checkTags bounds tags and puts them into the order of their names. reserved is what
// to say about one that the caller may not give. It returns ErrTooManyTags or a
// *TagError.
//
// Source: Amazon S3 User Guide, "Categorizing your storage using tags".
func checkTags(who *Caller, tags []Pair, limit int, reserved string) error {
	if len(tags) > limit {
		return ErrTooManyTags
	}
	slices.SortFunc(tags, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range tags {
		switch {
		case t.Name == "" || !tagText(t.Name, maxTagNameRunes):
			return &TagError{Problem: "The TagKey you have provided is invalid", Key: t.Name}
		case who.ReservedTag(t.Name):
			return &TagError{Problem: reserved, Key: t.Name}
		case !tagText(t.Value, maxTagValueRunes):
			return &TagError{Problem: "The TagValue you have provided is invalid", Key: t.Name, Value: t.Value}
		case i > 0 && t.Name == tags[i-1].Name:
			return &TagError{Problem: "Cannot provide multiple Tags with the same key", Key: t.Name}
		}
	}
	return nil
}

// withSystemTags is tags with those of before that who can neither give nor remove.
func withSystemTags(who *Caller, tags, before []Pair) []Pair {
	all := slices.Clone(tags)
	for _, old := range before {
		if who.ReservedTag(old.Name) {
			all = append(all, old)
		}
	}
	slices.SortFunc(all, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// tagText tells whether s may be the name or the value of a tag.
func tagText(s string, maxRunes int) bool {
	n := 0
	for _, r := range s {
		n++
		if r == utf8.RuneError || !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return n <= maxRunes
}

// setRequestTags fills the condition keys that stand for the tags of a request.
func (k *pass) setRequestTags(tags []Pair) {
	names := make([]string, len(tags))
	for i, t := range tags {
		k.Keys.SetIn("s3:RequestObjectTag/", t.Name, t.Value)
		names[i] = t.Name
	}
	k.Keys.SetList("s3:RequestObjectTagKeys", names)
}

// Inspect decides about an action on an object that needs nothing of its
// content, such as s3:GetObjectTagging or s3:GetObjectAcl, and describes the
// object as it is recorded. Errors are those of Get.
func (s *Service) Inspect(ctx context.Context, who Caller, in Get, action policy.Action) (info Info, err error) {
	call := s.begin(&who, versioned(action, in.VersionID))
	defer call.End(ctx, &err)
	c, f, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return Info{}, err
	}
	return f.info(c, in.Key), nil
}

// SetTags replaces the tags of an object, or removes them if tags is nil, and
// returns the version that has them. Besides the errors of Get it returns
// ErrTooManyTags and *TagError.
//
// Source: Amazon S3 API Reference, PutObjectTagging and DeleteObjectTagging.
func (s *Service) SetTags(ctx context.Context, who Caller, in Get, tags []Pair) (versionID string, err error) {
	action := policy.Action("s3:PutObjectTagging")
	if tags == nil {
		action = "s3:DeleteObjectTagging"
	}
	call := s.begin(&who, versioned(action, in.VersionID))
	defer call.End(ctx, &err)
	call.setRequestTags(tags)
	c, f, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return "", err
	}
	if err := checkTags(&who, tags, MaxTags, reservedObjectTag); err != nil {
		return "", err
	}
	decided := f.tags
	err = call.Effect(ctx, func() error {
		for {
			now, err := s.replaceTags(ctx, c, in.Key, f, decided, tags)
			if err != nil || slices.Equal(now, decided) {
				return err
			}
			// Others tagged it meanwhile, and policies may ask for its tags.
			decided = now
			call.about(in.VersionID, decided)
			call.setRequestTags(tags)
			if err := call.decide(c, in.Key, ""); err != nil {
				return err
			}
		}
	})
	return f.info(c, in.Key).VersionID, err
}

// replaceTags gives a version other tags if it still has those that were decided
// about. It returns what it had.
func (s *Service) replaceTags(ctx context.Context, decided *config, key string, f *found, before, after []Pair) (had []Pair, err error) {
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		had = before
		c, err := readSame(tx, decided)
		if err != nil {
			return err
		}
		v, err := readVersion(tx, c, key, f.id)
		if err != nil {
			return err
		}
		// What was decided about may have been overwritten since: then its tags
		// are gone with it.
		if v == nil || v.generation != f.generation {
			return nil
		}
		if had = v.tags; !slices.Equal(had, before) {
			return nil
		}
		v.tags = after
		return v.put(tx)
	})
	return had, err
}

// Attributes describes an object and, if it has several, its parts. The checksums
// are told only to those who may use the key, see Get.Checksum. Errors are those
// of Get.
//
// Source: Amazon S3 API Reference, GetObjectAttributes.
func (s *Service) Attributes(ctx context.Context, who Caller, in Get) (info Info, parts []Part, err error) {
	call := s.begin(&who, versioned("s3:GetObjectAttributes", in.VersionID))
	defer call.End(ctx, &err)
	c, f, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return Info{}, nil, err
	}
	if err := call.decide(c, in.Key, versioned("s3:GetObject", in.VersionID)); err != nil {
		return Info{}, nil, err
	}
	if err := s.verifyHead(ctx, &who, c, &in, f); err != nil {
		return Info{}, nil, err
	}
	for _, pt := range f.parts {
		parts = append(parts, pt.part())
	}
	return f.info(c, in.Key), parts, nil
}

// BucketTags returns the bucket's tags in the order of their names, or ErrNoTags.
func (s *Service) BucketTags(ctx context.Context, who Caller, name string) (tags []Pair, err error) {
	call := s.begin(&who, "s3:GetBucketTagging")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	switch {
	case err != nil:
		return nil, err
	case len(c.Tags) == 0:
		return nil, ErrNoTags
	}
	return c.Tags, nil
}

// SetBucketTags replaces the bucket's tags; none removes them. Tags that a service
// gave stay. It returns
// ErrTooManyTags, *TagError, ErrNoBucket and access.ErrDenied.
//
// Source: Amazon S3 API Reference, PutBucketTagging and DeleteBucketTagging.
func (s *Service) SetBucketTags(ctx context.Context, who Caller, name string, tags []Pair) (err error) {
	call := s.begin(&who, "s3:PutBucketTagging")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return err
	}
	if err := checkTags(&who, tags, MaxBucketTags, reservedBucketTag); err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.changeConfig(ctx, c, func(c *config) { c.Tags = withSystemTags(&who, tags, c.Tags) })
	})
}
