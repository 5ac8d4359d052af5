package bucket

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// ReadConditions are the conditions of a read, as RFC 9110 section 13 defines
// and orders them. ETags may stand with or without quotes, in a list, or as "*".
type ReadConditions struct {
	IfMatch           string
	IfNoneMatch       string
	IfModifiedSince   time.Time // zero: not given
	IfUnmodifiedSince time.Time
}

// check returns nil, ErrNotModified or a *PreconditionError. As on S3, an
// IfModifiedSince that is still to come counts as not given.
func (r *ReadConditions) check(etag string, modified, now time.Time) error {
	// Last-Modified is sent in whole seconds.
	modified = modified.Truncate(time.Second)
	if r.IfMatch != "" {
		if !matchETag(r.IfMatch, etag) {
			return &PreconditionError{"If-Match"}
		}
	} else if !r.IfUnmodifiedSince.IsZero() && modified.After(r.IfUnmodifiedSince) {
		return &PreconditionError{"If-Unmodified-Since"}
	}
	if r.IfNoneMatch != "" {
		// Here the comparison is the weak one: a proxy that compresses on the way makes
		// of an ETag a weak one.
		if matchETag(strings.ReplaceAll(r.IfNoneMatch, `W/"`, `"`), etag) {
			return ErrNotModified
		}
	} else if since := r.IfModifiedSince; !since.IsZero() && !since.After(now) && !modified.After(since) {
		return ErrNotModified
	}
	return nil
}

// matchETag compares strongly: a weak validator matches nothing.
func matchETag(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.Trim(one, `"`) == etag {
			return true
		}
	}
	return false
}

// Range is the part of an object that a read wants.
type Range struct {
	// First is the offset of the first byte. Last is that of the last one, or
	// -1 for the end of the object.
	First, Last int64
	// Suffix, if it is not 0, wants the last Suffix bytes instead.
	Suffix int64
	// Requested is how the client wrote it, for errors.
	Requested string
}

// resolve returns offset and length within an object of size bytes.
func (r *Range) resolve(size int64) (off, n int64, err error) {
	first, last := r.First, r.Last
	if r.Suffix > 0 {
		first, last = max(0, size-r.Suffix), -1
	}
	if last < 0 || last >= size {
		last = size - 1
	}
	if first < 0 || first >= size || first > last {
		return 0, 0, &RangeError{Requested: r.Requested, SizeBytes: size}
	}
	return first, last - first + 1, nil
}

// creates is the condition key that tells the writes that make an object from those
// that only bring parts of one.
//
// Source: Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets".
const creates = "s3:ObjectCreationOperation"

// setConditions fills the condition keys that stand for the conditions of a write.
func (k *pass) setConditions(w *WriteConditions) {
	if w.IfAbsent {
		k.Keys.Set("s3:if-none-match", "*")
	}
	k.setNamed("s3:if-match", w.IfMatch)
}

// Sharing is what the headers of a request say of who else gets access. Only
// policies see it: what is here belongs to the owner of its bucket alone.
type Sharing struct {
	ACL string // the canned one, as x-amz-acl names it
	// Grants are the x-amz-grant-… headers, with their names in lower case.
	Grants []Pair
}

func (k *pass) setSharing(in *Sharing) {
	k.setNamed("s3:x-amz-acl", in.ACL)
	for _, g := range in.Grants {
		k.Keys.Set("s3:"+g.Name, g.Value)
	}
}

// DecideACL decides about giving the bucket of in, or its object where it has a key,
// an access control list, and describes the object. There is but one list: the
// caller takes that and refuses others. Errors are those of Get.
//
// Source: Amazon S3 API Reference, PutBucketAcl and PutObjectAcl.
func (s *Service) DecideACL(ctx context.Context, who Caller, in Get, sharing Sharing) (info Info, err error) {
	action := policy.Action("s3:PutBucketAcl")
	if in.Key != "" {
		action = versioned("s3:PutObjectAcl", in.VersionID)
	}
	call := s.begin(&who, action)
	defer call.End(ctx, &err)
	call.setSharing(&sharing)
	if in.Key == "" {
		_, err := s.decideBucket(ctx, call, in.Bucket, "")
		return Info{}, err
	}
	c, f, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return Info{}, err
	}
	return f.info(c, in.Key), nil
}

// decideMatch decides about reading the version whose ETag a write or deletion
// compares: whether it is that one is for its readers to know. That there is an
// object, which is all that "*" asks, any writer may find out. It is the last
// decision of its call, since it replaces the condition keys.
//
// Source: Amazon S3 User Guide, "Enforce conditional deletes on Amazon S3 buckets".
func (s *Service) decideMatch(ctx context.Context, call *pass, c *config, key, id, ifMatch string) error {
	if ifMatch == "" || ifMatch == "*" {
		return nil
	}
	var tags []Pair
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err := readVersion(tx, c, key, id)
		if v != nil {
			tags = v.tags
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read object: %w", err)
	}
	call.about(id, tags)
	return call.decide(c, key, versioned("s3:GetObject", id))
}
