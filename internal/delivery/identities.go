package delivery

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// AccessIdentityConfig is an origin access identity as its owner writes it.
type AccessIdentityConfig struct {
	CallerReference string
	Comment         string
}

// AccessIdentity is the legacy way for the edge to identify itself at a
// bucket: a principal of its own, which bucket policies name as
// "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity <ID>" or by
// CanonicalUserID.
type AccessIdentity struct {
	Meta
	Config          AccessIdentityConfig
	CanonicalUserID string
}

func (c *AccessIdentityConfig) check() error {
	switch {
	case c.CallerReference == "" || len(c.CallerReference) > 128:
		return refuse(ErrInvalid, "The parameter CallerReference is required and has at most 128 characters.")
	case len(c.Comment) > maxCommentBytes:
		return refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	}
	return nil
}

// CreateAccessIdentity keeps an origin access identity. The same configuration
// under the same caller reference returns the one that is there already;
// another configuration is ErrAccessIdentityExists.
func (s *Service) CreateAccessIdentity(ctx context.Context, who access.Caller, c AccessIdentityConfig) (_ *AccessIdentity, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateCloudFrontOriginAccessIdentity")
	defer call.End(ctx, &err)
	n := name{kindIdentity, who.Account(), newID("E")}
	if err := call.Decide(access.Target{ARN: name{kindIdentity, n.account, "*"}.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, have := range shelf[*AccessIdentity](s, kindIdentity, n.account, "") {
		if have.Config == c {
			return have, nil
		}
	}
	var made *AccessIdentity
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claim(referenceKey(n.account, kindIdentity, c.CallerReference), n.id, ErrAccessIdentityExists); err != nil {
			return err
		}
		if err := t.count(n.account, kindIdentity, 1, s.cfg.Quotas.AccessIdentities, ErrTooManyAccessIdentities); err != nil {
			return err
		}
		made = &AccessIdentity{Meta: Meta{ETag: newID("E")}, Config: c, CanonicalUserID: newCanonicalUserID()}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// GetAccessIdentity returns an origin access identity, or ErrNoAccessIdentity.
func (s *Service) GetAccessIdentity(ctx context.Context, who access.Caller, id string) (*AccessIdentity, error) {
	return get[*AccessIdentity](ctx, s, who, "cloudfront:GetCloudFrontOriginAccessIdentity", kindIdentity, id, ErrNoAccessIdentity)
}

// GetAccessIdentityConfig is GetAccessIdentity under its own permission.
func (s *Service) GetAccessIdentityConfig(ctx context.Context, who access.Caller, id string) (*AccessIdentity, error) {
	return get[*AccessIdentity](ctx, s, who, "cloudfront:GetCloudFrontOriginAccessIdentityConfig", kindIdentity, id, ErrNoAccessIdentity)
}

// ListAccessIdentities returns the caller's origin access identities.
func (s *Service) ListAccessIdentities(ctx context.Context, who access.Caller, p Page) (*List[*AccessIdentity], error) {
	return list[*AccessIdentity](ctx, s, who, "cloudfront:ListCloudFrontOriginAccessIdentities", kindIdentity, p)
}

// UpdateAccessIdentity changes the comment; another caller reference is ErrImmutable.
func (s *Service) UpdateAccessIdentity(ctx context.Context, who access.Caller, id, version string, c AccessIdentityConfig) (_ *AccessIdentity, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateCloudFrontOriginAccessIdentity")
	defer call.End(ctx, &err)
	n := name{kindIdentity, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var made *AccessIdentity
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*AccessIdentity](t, n, ErrNoAccessIdentity)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if old.Config.CallerReference != c.CallerReference {
			return refuse(ErrImmutable, "The parameter CallerReference cannot be changed.")
		}
		made = &AccessIdentity{Meta: old.Meta, Config: c, CanonicalUserID: old.CanonicalUserID}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteAccessIdentity removes an origin access identity that no origin uses,
// or returns ErrAccessIdentityInUse.
func (s *Service) DeleteAccessIdentity(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteCloudFrontOriginAccessIdentity")
	defer call.End(ctx, &err)
	n := name{kindIdentity, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*AccessIdentity](t, n, ErrNoAccessIdentity)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrAccessIdentityInUse, old); err != nil {
			return err
		}
		t.release(referenceKey(n.account, kindIdentity, old.Config.CallerReference))
		t.delete(n)
		return t.count(n.account, kindIdentity, -1, 0, nil)
	})
}
