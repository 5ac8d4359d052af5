package trail

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	keyBits = 2048
	// keyLife is how long a key is valid, keyOverlap how long before its end the
	// next one takes over.
	keyLife    = 90 * 24 * time.Hour
	keyOverlap = 24 * time.Hour

	keyPurpose = "digest-key"
)

// PublicKey verifies digests.
type PublicKey struct {
	// DER is the RSAPublicKey of PKCS #1.
	DER         []byte
	From, To    time.Time
	Fingerprint string // MD5 of DER, 32 hexadecimal digits
}

// keyRecord is a signing key at key/region/fingerprint. It stays for ever: old
// digests are verified with it.
type keyRecord struct {
	Public  []byte    `json:"public"`
	Wrapped []byte    `json:"wrapped"` // PKCS #8, under the domain cloudtrail
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

type signingKey struct {
	private     *rsa.PrivateKey
	fingerprint string
}

func keyName(region, fingerprint string) string { return "key/" + region + "/" + fingerprint }

// signingKey is the key that signs the digest of a plan, which is made if there
// is none for its time. A plan that is carried out again finds the same one: its
// key is still the newest that is valid then.
func (s *Service) signingKey(ctx context.Context, region string, p *plan) (k signingKey, err error) {
	var rec keyRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		rec, k.fingerprint = keyRecord{}, ""
		for stored, err := range tx.Scan(space, store.Prefix(keyName(region, ""))) {
			if err != nil {
				return err
			}
			var have keyRecord
			if err := json.Unmarshal(stored.Value, &have); err != nil {
				return fmt.Errorf("trail: key %q: %w", stored.Key, err)
			}
			valid := !p.At.Before(have.From) && p.At.Before(have.To.Add(-keyOverlap))
			if valid && (k.fingerprint == "" || have.From.After(rec.From)) {
				rec, k.fingerprint = have, stored.Key[len(keyName(region, "")):]
			}
		}
		return nil
	})
	if err != nil {
		return k, err
	}
	if k.fingerprint == "" {
		return s.newKey(ctx, region, p.At)
	}
	secret, err := s.cfg.Keys.Unwrap(keyPurpose, keyName(region, k.fingerprint), rec.Wrapped)
	if err != nil {
		return k, fmt.Errorf("trail: open the signing key of %s: %w", region, err)
	}
	defer secret.Wipe()
	parsed, err := x509.ParsePKCS8PrivateKey(secret.Reveal())
	if err != nil {
		return k, fmt.Errorf("trail: signing key of %s: %w", region, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return k, errors.New("trail: the signing key of " + region + " is no RSA key")
	}
	k.private = private
	return k, nil
}

func (s *Service) newKey(ctx context.Context, region string, at time.Time) (k signingKey, err error) {
	if k.private, err = rsa.GenerateKey(rand.Reader, keyBits); err != nil {
		return k, fmt.Errorf("trail: make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return k, fmt.Errorf("trail: make a signing key: %w", err)
	}
	secret := sealed.NewSecret(der)
	clear(der)
	defer secret.Wipe()
	public := x509.MarshalPKCS1PublicKey(&k.private.PublicKey)
	// The fingerprint names a key and proves nothing; AWS's has this length.
	sum := md5.Sum(public)
	k.fingerprint = hex.EncodeToString(sum[:])
	name := keyName(region, k.fingerprint)
	value, err := json.Marshal(keyRecord{public, s.cfg.Keys.Wrap(keyPurpose, name, secret), at, at.Add(keyLife)})
	if err != nil {
		return k, err
	}
	return k, s.cfg.Records.Update(ctx, func(tx store.Writer) error { return tx.Put(space, name, value) })
}

// PublicKeys lists the keys that verify digests of the caller's region and were
// valid between from and to; zero times are no bounds.
//
// Source: AWS CloudTrail API Reference, ListPublicKeys.
func (s *Service) PublicKeys(ctx context.Context, who access.Caller, from, to time.Time) (keys []PublicKey, err error) {
	call := s.cfg.Gate.Begin(who, "cloudtrail:ListPublicKeys")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return nil, fail(ErrTimeRange, "The start time is after the end time.")
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		keys = nil
		prefix := keyName(who.Region, "")
		for stored, err := range tx.Scan(space, store.Prefix(prefix)) {
			if err != nil {
				return err
			}
			var rec keyRecord
			if err := json.Unmarshal(stored.Value, &rec); err != nil {
				return fmt.Errorf("trail: key %q: %w", stored.Key, err)
			}
			if !from.IsZero() && rec.To.Before(from) || !to.IsZero() && rec.From.After(to) {
				continue
			}
			keys = append(keys, PublicKey{rec.Public, rec.From, rec.To, stored.Key[len(prefix):]})
		}
		return nil
	})
	return keys, err
}
