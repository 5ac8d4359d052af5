package bucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Rewrap says which bucket to bring under which key.
type Rewrap struct {
	Bucket string
	// Key is any reference to a key that the key service knows.
	Key string
	// Progress is called after each version. It may be nil.
	Progress func(RewrapReport)
}

// RewrapReport counts the versions of a bucket.
type RewrapReport struct {
	Rewrapped int
	// Already were under the key before: a run that was interrupted goes on by
	// being started again.
	Already int
	// Skipped are under SSE-C, whose keys are the clients', or delete markers.
	Skipped int
	// Failed could not be opened, or are denied to the caller; LastError is that of the last one.
	Failed    int
	LastError error
}

// Rewrap wraps the data key of every version of a bucket, under SSE-S3, SSE-KMS
// or DSSE-KMS, under another key of the key service. Content is neither read nor
// written; ETags and versions stay; what was under SSE-S3 is under SSE-KMS
// then. The caller needs s3:UpdateObjectEncryption on the objects, and of the keys
// what reading and writing needs. Uploads under way stay as they began.
//
// Each version is one transaction: wherever Rewrap ends, all of them read.
func (s *Service) Rewrap(ctx context.Context, who Caller, in Rewrap) (r RewrapReport, err error) {
	call := s.begin(&who, "s3:UpdateObjectEncryption")
	defer call.End(ctx, &err)
	call.Note("bucketName", in.Bucket)
	call.Note("kmsKeyId", in.Key)
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return r, err
	}
	if err := call.decide(c, "*", ""); err != nil {
		return r, err
	}
	if !who.mayUseKMS() {
		return r, ErrUnsignedKMS
	}
	err = call.Effect(ctx, func() error {
		for _, space := range []store.Space{spaceObject, spaceMarker, spaceVersion} {
			err := s.walk(ctx, c, space, "", func(key string, v *stored, err error) error {
				if err == nil {
					err = call.decideRewrap(c, key, v)
				}
				if err == nil {
					err = s.rewrapVersion(ctx, &who, c, key, v, in.Key, &r)
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					r.Failed++
					r.LastError = fmt.Errorf("%s/%s: %w", c.name, key, err)
				}
				if in.Progress != nil {
					in.Progress(r)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

// decideRewrap decides about one version. The decision about the bucket, which is the
// one that is recorded, says nothing of a policy about some of its objects.
func (k *pass) decideRewrap(c *config, key string, v *stored) error {
	k.about(v.id, v.tags)
	if !k.Allows(k.target(c, key, "")) {
		return &access.Denied{Message: "Access Denied"}
	}
	return nil
}

func (s *Service) rewrapVersion(ctx context.Context, who *Caller, c *config, key string, v *stored, ref string, r *RewrapReport) error {
	if v.kind != kindObject || v.enc.Algorithm == CustomerManaged {
		r.Skipped++
		return nil
	}
	if v.enc.Algorithm.KMS() && v.enc.KeyARN == ref {
		r.Already++
		return nil
	}
	data, err := s.openRecord(ctx, who, c, key, v.version, nil)
	if err != nil {
		return err
	}
	defer data.wipe()
	next := *v.version
	next.enc.BucketKey, next.form = false, wrapByObjectKey
	if next.enc.Algorithm == S3Managed {
		next.enc.Algorithm = KMSManaged
	}
	bind, err := c.bind(key, &next.enc)
	if err != nil {
		return err
	}
	kek, wrapped, keyARN, err := s.cfg.Keys.NewDataKey(ctx, c.through(who), ref, bind)
	if err != nil {
		return &KeyError{err}
	}
	defer kek.Wipe()
	if v.enc.Algorithm.KMS() && v.enc.KeyARN == keyARN {
		r.Already++
		return nil
	}
	next.enc.KeyARN = keyARN
	next.wrapped = joinWrapped(wrapped, sealKey(kek, data.content, keyBinding(c, key, v.generation)))
	if data.layered() {
		next.wrapped = joinWrapped(next.wrapped, s.cfg.Vault.Wrap(purposeInnerKey, vaultName(c, v.generation), data.inner))
	}
	next.signed = next.appendSigned(nil)
	next.mac = authenticate(data, c, key, next.signed)
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		// It may have become an older version meanwhile.
		now, err := readVersion(tx, c, key, v.id)
		if err != nil {
			return err
		}
		if now == nil || now.generation != v.generation {
			return errGone
		}
		next.tags = now.tags
		now.version = &next
		return now.put(tx)
	})
	if errors.Is(err, errGone) {
		return nil
	}
	if err == nil {
		r.Rewrapped++
	}
	return err
}

var (
	errGone = errors.New("bucket: version is gone")
	// layerMark stands for an inner key where only its presence counts.
	layerMark = sealed.NewSecret([]byte{1})
)
