package keyring

import (
	"context"
	"crypto"
	"errors"
	"io"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// ServiceKey is a signing key that a service of this server needs in an account.
type ServiceKey struct {
	// ID is drawn by the service before it asks, so that asking twice makes one key.
	ID   KeyID
	Spec KeySpec
	// Description and Policy are the key's. The policy must let the service use it.
	Description, Policy string
}

// CreateServiceKey makes a key that a service manages in its caller's account
// and region, and returns its ARN; if the account has a key of that id, it
// changes nothing. It needs no permission, but a service as its caller:
// others get access.ErrUndecided. It returns ErrInvalid about an id that is none,
// ErrUnsupported about specs that do not sign, ErrMalformedPolicy.
func (r *Ring) CreateServiceKey(ctx context.Context, who access.Caller, in ServiceKey) (keyARN string, err error) {
	call := r.gate.Begin(who, "kms:CreateKey")
	defer call.End(ctx, &err)
	call.Note("keySpec", string(in.Spec))
	call.Note("keyUsage", string(SignVerify))
	call.Note("description", in.Description)
	if who.Principal.Kind != policy.Service {
		return "", access.ErrUndecided
	}
	call.Open()
	p, err := r.newPath(&who)
	if err != nil {
		return "", err
	}
	spec := specs[in.Spec]
	if !validKeyID(string(in.ID)) {
		return "", fail(ErrInvalid, "%.64q is no key id.", in.ID)
	}
	if spec == nil || spec.algorithms(SignVerify) == nil {
		return "", fail(ErrUnsupported, "KeySpec %s does not sign.", in.Spec)
	}
	if _, err := r.checkPolicy(call, p, in.Policy, true); err != nil {
		return "", err
	}
	p.id = in.ID
	call.On(p.arn())
	if k := r.index.key(p.region, p.id); k != nil && k.account == p.account {
		return k.arn, nil
	}
	secret, err := r.generate(spec)
	if err != nil {
		return "", err
	}
	defer secret.Wipe()
	err = call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			if err := c.free(p); errors.Is(err, ErrExists) {
				return nil // another node made it
			} else if err != nil {
				return err
			}
			return r.putNew(c, p, &keyRecord{
				Created: toMillis(r.clock.Now()), Spec: in.Spec, Usage: SignVerify, Origin: FromKMS, Manager: Service,
				State: Enabled, Description: in.Description, Policy: in.Policy,
			}, secret)
		})
	})
	return p.arn(), err
}

// SignMany admits who once, as Sign does, and runs fn with a signer of the key
// for any number of digests that use.Algorithm takes. One record
// stands for all of them and tells how many: what fn made counts only if SignMany
// returns nil. The signer is of no use once fn has returned, and not for
// concurrent use.
func (r *Ring) SignMany(ctx context.Context, who access.Caller, use Use, fn func(crypto.Signer) error) (err error) {
	call := r.begin(&who, opSign)
	defer call.End(ctx, &err)
	hash := algorithmTable[use.Algorithm].hash
	if !hash.Available() {
		return fail(ErrInvalid, "SigningAlgorithm %.64q signs no digests.", use.Algorithm)
	}
	k, err := r.admitSigning(ctx, call, &who, opSign, &use, Digest, make([]byte, hash.Size()))
	if err != nil {
		return err
	}
	if use.DryRun {
		return dryRun()
	}
	private, err := k.current().signer()
	if err != nil {
		return err
	}
	s := &lentSigner{private: private, public: private.Public(), algorithm: use.Algorithm}
	err = fn(s)
	s.private = nil
	call.Note("signatures", strconv.Itoa(s.made))
	if err == nil {
		r.used(k, opSign, &who)
	}
	return err
}

// lentSigner is a key for as long as SignMany runs.
type lentSigner struct {
	private   crypto.Signer // nil once it was given back
	public    crypto.PublicKey
	algorithm Algorithm
	made      int
}

var errReturned = errors.New("keyring: signer used after SignMany")

func (s *lentSigner) Public() crypto.PublicKey { return s.public }

func (s *lentSigner) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if s.private == nil {
		return nil, errReturned
	}
	if err := checkMessage(s.algorithm, Digest, digest); err != nil {
		return nil, err
	}
	s.made++
	return sign(s.private, s.algorithm, Digest, digest)
}
