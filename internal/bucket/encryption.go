package bucket

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

const (
	// arnPair is the pair that this package adds to every encryption context.
	arnPair = "aws:s3:arn"

	purposeDataKey = "s3 data key"
	labelRecord    = "keyfront/s3-record/1"
)

// setEncryptionKeys fills the condition keys that stand for the request's own
// encryption headers; the bucket's default never shows there.
func setEncryptionKeys(call *pass, who *Caller, region string, w *EncryptionWish) {
	if w.Algorithm != "" {
		call.Keys.Set("s3:x-amz-server-side-encryption", string(w.Algorithm))
	}
	if w.Key != "" {
		call.Keys.Set("s3:x-amz-server-side-encryption-aws-kms-key-id", fullKeyARN(w.Key, region, who))
	}
}

// fullKeyARN spells a key reference as policies know it. An alias stays one.
func fullKeyARN(ref, region string, who *Caller) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	if !strings.HasPrefix(ref, "alias/") {
		ref = "key/" + ref
	}
	return "arn:aws:kms:" + region + ":" + string(who.Account()) + ":" + ref
}

// plan decides how a new object is encrypted: the wish, else the bucket's
// default. In the result KeyARN is still a reference.
func (c *config) plan(w *EncryptionWish) (Encryption, error) {
	if w.Algorithm == "" && (w.Key != "" || w.Context != nil) {
		return Encryption{}, fmt.Errorf("%w: a key or context needs aws:kms", ErrEncryption)
	}
	def := c.encryption()
	e := Encryption{Algorithm: w.Algorithm, KeyARN: w.Key, Context: w.Context}
	switch w.Algorithm {
	case "":
		e.Algorithm, e.KeyARN = def.Algorithm, def.Key
	case S3Managed:
		if w.Key != "" || w.Context != nil {
			return Encryption{}, fmt.Errorf("%w: a key or context is not applicable to AES256", ErrEncryption)
		}
	case KMSManaged:
	case "aws:kms:dsse":
		return Encryption{}, fmt.Errorf("%w: aws:kms:dsse", ErrUnsupported)
	default:
		return Encryption{}, fmt.Errorf("%w: the encryption method specified is not supported", ErrEncryption)
	}
	if e.Algorithm == KMSManaged {
		e.BucketKey = def.BucketKey
		if w.BucketKey != nil {
			e.BucketKey = *w.BucketKey
		}
	}
	return e, nil
}

// bind is the encryption context under which the key service wraps the data
// key: the client's own and the ARN.
func (c *config) bind(key string, e *Encryption) (map[string]string, error) {
	b := c.bucket()
	arn := b.objectARN(key)
	if e.BucketKey {
		arn = b.ARN()
	}
	if given, ok := e.Context[arnPair]; ok && given != arn {
		return nil, fmt.Errorf("%w: the context's %s is not the object's", ErrEncryption, arnPair)
	}
	bind := maps.Clone(e.Context)
	if bind == nil {
		bind = make(map[string]string, 1)
	}
	bind[arnPair] = arn
	return bind, nil
}

// newDataKey makes the data key of a new write and completes e with the ARN of
// the key that wraps it.
func (s *Service) newDataKey(ctx context.Context, who *Caller, c *config, key, generation string, e *Encryption) (sealed.Secret, []byte, error) {
	if e.Algorithm == S3Managed {
		data := sealed.RandomSecret(sealed.KeyBytes)
		return data, s.cfg.Vault.Wrap(purposeDataKey, vaultName(c, generation), data), nil
	}
	if who.Principal.Kind == policy.Anonymous {
		return sealed.Secret{}, nil, ErrAnonymousKMS
	}
	bind, err := c.bind(key, e)
	if err != nil {
		return sealed.Secret{}, nil, err
	}
	through := c.through(who)
	ref := e.KeyARN
	if ref == "" {
		if ref, err = s.cfg.Keys.ManagedKey(ctx, through, "s3"); err != nil {
			return sealed.Secret{}, nil, &KeyError{err}
		}
	}
	data, wrapped, keyARN, err := s.cfg.Keys.NewDataKey(ctx, through, ref, bind)
	if err != nil {
		return sealed.Secret{}, nil, &KeyError{err}
	}
	e.KeyARN = keyARN
	return data, wrapped, nil
}

// openDataKey unwraps the data key of a write. For SSE-KMS the key service
// decides whether the caller may.
func (s *Service) openDataKey(ctx context.Context, who *Caller, c *config, key, generation string, e *Encryption, wrapped []byte) (sealed.Secret, error) {
	if e.Algorithm == S3Managed {
		data, err := s.cfg.Vault.Unwrap(purposeDataKey, vaultName(c, generation), wrapped)
		if err != nil {
			return sealed.Secret{}, ErrCorrupt
		}
		return data, nil
	}
	if e.Algorithm != KMSManaged {
		return sealed.Secret{}, ErrCorrupt
	}
	if who.Principal.Kind == policy.Anonymous {
		return sealed.Secret{}, ErrAnonymousKMS
	}
	bind, err := c.bind(key, e)
	if err != nil {
		return sealed.Secret{}, ErrCorrupt
	}
	data, err := s.cfg.Keys.OpenDataKey(ctx, c.through(who), wrapped, bind)
	if err != nil {
		return sealed.Secret{}, &KeyError{err}
	}
	return data, nil
}

// through is the caller as the key service sees it. Keys live where the bucket
// is; a caller without a scope, such as an edge, has no region of its own.
func (c *config) through(who *Caller) access.Caller {
	via := who.Caller
	via.Region = c.Region
	return via.Through("s3")
}

func vaultName(c *config, generation string) string { return c.ID + "/" + generation }

// authenticate computes the MAC that ties a version's record to its data key
// and to its place. The label keeps it apart from every key that package sealed
// derives from the same secret: those start with a counter.
func authenticate(data sealed.Secret, c *config, key string, signed []byte) []byte {
	return authenticateAs(labelRecord, data, c, key, signed)
}

func authenticateAs(label string, data sealed.Secret, c *config, key string, signed []byte) []byte {
	mac := hmac.New(sha256.New, data.Reveal())
	b := appendString([]byte(label), c.ID)
	b = appendString(b, key)
	mac.Write(b)
	mac.Write(signed)
	return mac.Sum(nil)
}
