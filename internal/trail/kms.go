package trail

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// DataKeys is what this package wants from the key service.
type DataKeys interface {
	NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, keyARN string, err error)
}

// contextKey names the trail in the encryption context of what it writes.
const contextKey = "aws:cloudtrail:arn"

// deliverer is CloudTrail, on behalf of a trail, at a bucket's region.
func (s *Service) deliverer(r *record, region string) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Service: servicePrincipal},
		Region:    region, RequestID: uuid.NewString(), At: s.cfg.Clock.Now(), UserAgent: servicePrincipal, TLS: true,
		SourceARN: r.arn(), SourceAccount: r.Account,
	}
}

// checkKey makes a data key, and forgets it, as a delivery will: the key must be
// there, in the bucket's region, and its policy let CloudTrail in. From then on
// the trail names it by its ARN.
func (s *Service) checkKey(ctx context.Context, r *record) error {
	b, err := s.cfg.Buckets.Lookup(ctx, r.Bucket)
	if err != nil {
		return err
	}
	ref := r.Key
	if !strings.HasPrefix(ref, "arn:") {
		if !strings.HasPrefix(ref, "alias/") {
			ref = "key/" + ref
		}
		ref = "arn:aws:kms:" + r.Region + ":" + string(r.Account) + ":" + ref
	}
	a, err := arn.Parse(ref)
	switch {
	case err != nil || a.Service != "kms":
		return fail(ErrKeyID, "The KMS key id %.350s is not valid.", r.Key)
	case a.Region != b.Region:
		return fail(ErrKeyNotFound, "The KMS key %s and the S3 bucket %s are not in the same Region.", ref, r.Bucket)
	}
	who := s.deliverer(r, b.Region).Through("s3")
	// The owner of the trail learns which keys of theirs are not there; a stranger
	// would not.
	who.Principal.Account = r.Account
	secret, _, key, err := s.cfg.KMS.NewDataKey(ctx, who, ref, map[string]string{
		contextKey: r.arn(), "aws:s3:arn": "arn:aws:s3:::" + r.Bucket + "/" + r.objectPrefix(),
	})
	switch {
	case err == nil:
		secret.Wipe()
		r.Key = key
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return fail(ErrKeyNotFound, "The KMS key %s does not exist.", ref)
	case errors.Is(err, access.ErrDenied):
		return fail(ErrKeyPolicy, "Insufficient permissions to access S3 bucket %s or KMS key %s.", r.Bucket, ref)
	case errors.Is(err, keyring.ErrDisabled), errors.Is(err, keyring.ErrInvalidState), errors.Is(err, keyring.ErrUsage):
		return fail(ErrKey, "The KMS key %s cannot be used: it is disabled, to be deleted, or of another kind.", ref)
	case errors.Is(err, keyring.ErrInvalidARN), errors.Is(err, keyring.ErrInvalid):
		return fail(ErrKeyID, "The KMS key id %.350s is not valid.", r.Key)
	}
	return err
}
