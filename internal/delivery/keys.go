package delivery

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/signedurl"
)

// PublicKeyConfig is a public key as its owner writes it.
type PublicKeyConfig struct {
	CallerReference string
	Name            string
	// EncodedKey is PEM; reading it back gives its normal form.
	EncodedKey string
	Comment    string
}

// PublicKey is a key that viewers' signatures are checked with. Its ID is the
// Key-Pair-Id of signed URLs and cookies.
type PublicKey struct {
	Meta
	Config PublicKeyConfig

	key *signedurl.PublicKey
}

// prepare fills the fields that are not stored.
func prepare(o object) error {
	k, ok := o.(*PublicKey)
	if !ok || k.key != nil {
		return nil
	}
	var err error
	k.key, err = signedurl.ParsePublicKey([]byte(k.Config.EncodedKey))
	return err
}

func (c *PublicKeyConfig) check() (*signedurl.PublicKey, error) {
	switch {
	case c.CallerReference == "" || len(c.CallerReference) > 128:
		return nil, refuse(ErrInvalid, "The parameter CallerReference is required and has at most 128 characters.")
	case c.Name == "" || len(c.Name) > 128 || hasControl(c.Name):
		return nil, refuse(ErrInvalid, "The parameter Name is required and has at most 128 characters.")
	case len(c.Comment) > maxCommentBytes:
		return nil, refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	}
	key, err := signedurl.ParsePublicKey([]byte(c.EncodedKey))
	if err != nil {
		return nil, refuse(ErrInvalid, "The parameter EncodedKey must be an RSA 2048 or ECDSA P-256 public key in PEM: %v.", err)
	}
	c.EncodedKey = string(key.PEM())
	return key, nil
}

// CreatePublicKey keeps a public key. The same configuration under the same
// caller reference returns the key that is there already.
//
// Beside ErrInvalid it returns ErrPublicKeyExists about the reference or the
// name, and ErrTooManyPublicKeys.
func (s *Service) CreatePublicKey(ctx context.Context, who access.Caller, c PublicKeyConfig) (_ *PublicKey, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreatePublicKey")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	account := who.Account()
	n := name{kindKey, account, newID("K")}
	if err := call.Decide(s.target(name{kindKey, account, "*"})); err != nil {
		return nil, err
	}
	key, err := c.check()
	if err != nil {
		return nil, err
	}
	for _, have := range shelf[*PublicKey](s, kindKey, account, "") {
		if have.Config == c {
			return have, nil
		}
	}
	var made *PublicKey
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claim(referenceKey(account, kindKey, c.CallerReference), n.id, ErrPublicKeyExists); err != nil {
			return err
		}
		if err := t.claim(nameKey(account, kindKey, c.Name), n.id, ErrPublicKeyExists); err != nil {
			return err
		}
		if err := t.count(account, kindKey, 1, s.cfg.Quotas.PublicKeys, ErrTooManyPublicKeys); err != nil {
			return err
		}
		made = &PublicKey{Meta: Meta{ETag: newID("E")}, Config: c, key: key}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// GetPublicKey returns a public key, or ErrNoPublicKey.
func (s *Service) GetPublicKey(ctx context.Context, who access.Caller, id string) (*PublicKey, error) {
	return get[*PublicKey](ctx, s, who, "cloudfront:GetPublicKey", kindKey, id, ErrNoPublicKey)
}

// GetPublicKeyConfig is GetPublicKey under its own permission.
func (s *Service) GetPublicKeyConfig(ctx context.Context, who access.Caller, id string) (*PublicKey, error) {
	return get[*PublicKey](ctx, s, who, "cloudfront:GetPublicKeyConfig", kindKey, id, ErrNoPublicKey)
}

// ListPublicKeys returns the caller's public keys.
func (s *Service) ListPublicKeys(ctx context.Context, who access.Caller, p Page) (*List[*PublicKey], error) {
	return list[*PublicKey](ctx, s, who, "cloudfront:ListPublicKeys", kindKey, p)
}

// UpdatePublicKey changes the comment; all else must stay as it is, or it is
// ErrImmutableKey. version is the ETag that the change was made for.
func (s *Service) UpdatePublicKey(ctx context.Context, who access.Caller, id, version string, c PublicKeyConfig) (_ *PublicKey, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdatePublicKey")
	defer call.End(ctx, &err)
	n := name{kindKey, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	key, err := c.check()
	if err != nil {
		return nil, err
	}
	var made *PublicKey
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*PublicKey](t, n, ErrNoPublicKey)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		same := c
		same.Comment = old.Config.Comment
		if same != old.Config {
			return ErrImmutableKey
		}
		made = &PublicKey{Meta: old.Meta, Config: c, key: key}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeletePublicKey removes a public key that is in no key group, or returns
// ErrPublicKeyInUse.
func (s *Service) DeletePublicKey(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeletePublicKey")
	defer call.End(ctx, &err)
	n := name{kindKey, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*PublicKey](t, n, ErrNoPublicKey)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrPublicKeyInUse, old); err != nil {
			return err
		}
		t.release(referenceKey(n.account, kindKey, old.Config.CallerReference))
		t.release(nameKey(n.account, kindKey, old.Config.Name))
		t.delete(n)
		return t.count(n.account, kindKey, -1, 0, nil)
	})
}

// unused checks that o, which stands at n, may be deleted.
func (t *txn) unused(n name, version string, inUse error, o object) error {
	if err := matchVersion(version, o.meta().ETag); err != nil {
		return err
	}
	users, err := t.users(n, 1)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return inUse
	}
	return nil
}
