package bucket

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// DefaultRegion is the region of a caller that names none.
const DefaultRegion = "us-east-1"

// NewBucket says which bucket to make.
type NewBucket struct {
	Name   string
	Region string // empty: the caller's
	Tags   []Pair
	// What only policies see: ownership is the x-amz-object-ownership header.
	Sharing   Sharing
	Ownership string
}

// CreateBucket makes a bucket, owned by the caller's account. Names are global on a
// server. All public access is blocked, until SetPublicAccessBlock allows some.
//
// It returns ErrInvalidName, ErrTooManyTags, *TagError, ErrBucketTaken,
// ErrBucketOwned (where re-creating is harmless, in us-east-1 and without tags, the
// existing bucket is returned without an error) and access.ErrDenied.
//
// Source: Amazon S3 API Reference, CreateBucket.
func (s *Service) CreateBucket(ctx context.Context, who Caller, in NewBucket) (b Bucket, err error) {
	call := s.begin(&who, "s3:CreateBucket")
	defer call.End(ctx, &err)
	name, region, tags := in.Name, cmp.Or(in.Region, who.Region, DefaultRegion), in.Tags
	if !validName(name) {
		return Bucket{}, ErrInvalidName
	}
	call.Note("bucketName", name)
	call.Keys.Set("s3:LocationConstraint", region)
	call.setNamed("s3:x-amz-object-ownership", in.Ownership)
	call.setSharing(&in.Sharing)
	labels := make([]access.Tag, len(tags))
	for i, t := range tags {
		labels[i] = access.Tag{Key: t.Name, Value: t.Value}
	}
	call.RequestTags(labels)
	if err := call.Decide(access.Target{ARN: "arn:aws:s3:::" + name, Rule: policy.IdentityOnly}); err != nil {
		return Bucket{}, err
	}
	if err := call.decideTags(&who, name, tags); err != nil {
		return Bucket{}, err
	}
	var id [bucketIDBytes * 3 / 4]byte
	rand.Read(id[:])
	made := &config{
		Version: 1, ID: encodeID(id[:]), Owner: who.Account(), Region: region,
		Created: s.cfg.Clock.Now().Truncate(time.Millisecond), name: name,
		PublicAccess: &PublicAccessBlock{true, true, true, true}, Ownership: BucketOwnerEnforced, Tags: tags,
	}
	defer s.forget(name)
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			old, err := readConfig(tx, name)
			switch {
			case err == nil && old.Owner != made.Owner:
				return ErrBucketTaken
			case err == nil && (old.Region != DefaultRegion || region != DefaultRegion || len(tags) > 0):
				return ErrBucketOwned
			case err == nil:
				b = old.bucket()
				return nil
			case !errors.Is(err, ErrNoBucket):
				return err
			}
			b = made.bucket()
			return tx.Put(spaceBucket, name, made.encode())
		})
	})
	if err != nil {
		return Bucket{}, err
	}
	return b, nil
}

// decideTags checks the tags of a bucket that is to be made, and decides about them.
func (k *pass) decideTags(who *Caller, name string, tags []Pair) error {
	if len(tags) == 0 {
		return nil
	}
	if err := checkTags(who, tags, MaxBucketTags, reservedNewTag); err != nil {
		return err
	}
	return k.Decide(access.Target{ARN: "arn:aws:s3:::" + name, Rule: policy.IdentityOnly, Action: "s3:TagResource"})
}

// HeadBucket tells that the bucket exists and that the caller may list it.
func (s *Service) HeadBucket(ctx context.Context, who Caller, name string) (b Bucket, err error) {
	call := s.begin(&who, "s3:ListBucket")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return Bucket{}, err
	}
	return c.bucket(), nil
}

// Location returns the bucket's region.
func (s *Service) Location(ctx context.Context, who Caller, name string) (region string, err error) {
	call := s.begin(&who, "s3:GetBucketLocation")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return "", err
	}
	return c.Region, nil
}

// Unset decides about reading a setting that no bucket has yet, such as
// s3:GetBucketWebsite, of the bucket or, if key is not empty, of an object. The
// caller answers as for a bucket where it was never set.
func (s *Service) Unset(ctx context.Context, who Caller, name, key string, action policy.Action) (b Bucket, err error) {
	call := s.begin(&who, action)
	defer call.End(ctx, &err)
	c, err := s.config(ctx, name)
	if err != nil {
		return Bucket{}, err
	}
	if err := call.decide(c, key, ""); err != nil {
		return Bucket{}, err
	}
	return c.bucket(), nil
}

// decideBucket finds a bucket and decides about it, with action in place of the
// call's own when it is not empty.
func (s *Service) decideBucket(ctx context.Context, call *pass, name string, action policy.Action) (*config, error) {
	c, err := s.config(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := call.decide(c, "", action); err != nil {
		return nil, err
	}
	return c, nil
}

// DeleteBucket removes an empty bucket, or returns ErrNotEmpty. Uploads that
// were never completed go with it.
func (s *Service) DeleteBucket(ctx context.Context, who Caller, name string) (err error) {
	call := s.begin(&who, "s3:DeleteBucket")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return err
	}
	defer s.forget(name)
	return call.Effect(ctx, func() error {
		for {
			gone, err := s.deleteBucketOrUpload(ctx, c)
			if gone || err != nil {
				return err
			}
		}
	})
}

// deleteBucketOrUpload removes one upload of an empty bucket, or the bucket if
// it has none. An upload may have many parts; one transaction does not hold more
// than one.
func (s *Service) deleteBucketOrUpload(ctx context.Context, c *config) (gone bool, err error) {
	var old []string
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		gone, old = false, nil
		if _, err := readSame(tx, c); err != nil {
			return err
		}
		for _, space := range []store.Space{spaceObject, spaceMarker} {
			for _, err := range tx.Scan(space, store.Prefix(c.ID+"/")) {
				if err != nil {
					return err
				}
				if c.Versioning != Unversioned {
					return ErrVersionsLeft
				}
				return ErrNotEmpty
			}
		}
		for rec, err := range tx.Scan(spaceUpload, store.Prefix(c.ID+"/")) {
			if err != nil {
				return err
			}
			key, generation, ok := splitUploadKey(rec.Key)
			if !ok {
				return errRecord
			}
			old, err = dropUpload(tx, c, key, generation, nil)
			return err
		}
		gone = true
		return tx.Delete(spaceBucket, c.name)
	})
	if err != nil {
		return false, err
	}
	s.deleteBlobs(ctx, old)
	return gone, nil
}

// BucketPage asks for a page of the caller's own buckets.
type BucketPage struct {
	Prefix string
	Region string // "" for all regions
	After  string // the last name of the page before
	Max    int    // 0 means 10,000
}

// ListBuckets lists the buckets of the caller's account in order of their
// names. more says that the page is full and others may follow.
//
// Source: Amazon S3 API Reference, ListBuckets.
func (s *Service) ListBuckets(ctx context.Context, who Caller, page BucketPage) (list []Bucket, more bool, err error) {
	call := s.begin(&who, "s3:ListAllMyBuckets")
	defer call.End(ctx, &err)
	if who.Principal.Kind == policy.Anonymous {
		return nil, false, &access.Denied{Message: "Access Denied"}
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, false, err
	}
	if page.Max <= 0 || page.Max > 10_000 {
		page.Max = 10_000
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(spaceBucket, store.Prefix(page.Prefix).After(page.After)) {
			if err != nil {
				return err
			}
			c, err := decodeConfig(rec.Key, rec.Value)
			if err != nil {
				return err
			}
			if c.Owner != who.Account() || page.Region != "" && c.Region != page.Region {
				continue
			}
			if more = len(list) == page.Max; more {
				return nil
			}
			list = append(list, c.bucket())
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list buckets: %w", err)
	}
	return list, more, nil
}

// Encryption returns what the bucket does to objects whose writer does not say.
// A bucket that was never configured encrypts under S3Managed.
func (s *Service) Encryption(ctx context.Context, who Caller, name string) (e DefaultEncryption, err error) {
	call := s.begin(&who, "s3:GetEncryptionConfiguration")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return DefaultEncryption{}, err
	}
	return c.encryption(), nil
}

// SetEncryption sets the bucket's default; nil brings back S3Managed. Only new
// objects are affected. The key is not looked for: it may come to exist later.
//
// Source: Amazon S3 API Reference, PutBucketEncryption.
func (s *Service) SetEncryption(ctx context.Context, who Caller, name string, e *DefaultEncryption) (err error) {
	call := s.begin(&who, "s3:PutEncryptionConfiguration")
	defer call.End(ctx, &err)
	if e != nil {
		switch {
		case e.Algorithm != S3Managed && !e.Algorithm.KMS():
			return fail(ErrEncryption, "unknown algorithm")
		case e.Algorithm == S3Managed && e.Key != "":
			return fail(ErrEncryption, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
		}
		call.Note("SSEAlgorithm", string(e.Algorithm))
		call.Note("KMSMasterKeyID", e.Key)
		call.Note("BucketKeyEnabled", strconv.FormatBool(e.BucketKey))
	}
	return s.setConfig(ctx, call, name, func(c *config) { c.Encryption = e })
}
