package delivery

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// AccessControlConfig is an origin access control as its owner writes it.
type AccessControlConfig struct {
	Name        string
	Description string
	// SigningProtocol is "sigv4".
	SigningProtocol string
	// SigningBehavior is "always", "never" or "no-override".
	SigningBehavior string
	OriginType      OriginType
}

// AccessControl says how the edge signs its requests to an origin.
type AccessControl struct {
	Meta
	Config AccessControlConfig
}

func (c *AccessControlConfig) check() error {
	switch {
	case c.Name == "" || len(c.Name) > 64 || hasControl(c.Name):
		return refuse(ErrInvalid, "The parameter Name is required and has at most 64 characters.")
	case len(c.Description) > 256:
		return refuse(ErrInvalid, "The parameter Description is too long: at most 256 characters.")
	case c.SigningProtocol != "sigv4":
		return invalidValue("SigningProtocol", c.SigningProtocol)
	case !oneOf(c.SigningBehavior, "always", "never", "no-override"):
		return invalidValue("SigningBehavior", c.SigningBehavior)
	case !oneOf(string(c.OriginType), "s3", "lambda", "mediastore", "mediapackagev2"):
		return invalidValue("OriginAccessControlOriginType", string(c.OriginType))
	}
	return nil
}

// CreateOriginAccessControl keeps an access control. Names are unique:
// ErrAccessControlExists.
func (s *Service) CreateOriginAccessControl(ctx context.Context, who access.Caller, c AccessControlConfig) (_ *AccessControl, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateOriginAccessControl")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	n := name{kindControl, who.Account(), newID("E")}
	if err := call.Decide(access.Target{ARN: name{kindControl, n.account, "*"}.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var made *AccessControl
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claim(nameKey(n.account, kindControl, c.Name), n.id, ErrAccessControlExists); err != nil {
			return err
		}
		if err := t.count(n.account, kindControl, 1, s.cfg.Quotas.AccessControls, ErrTooManyAccessControls); err != nil {
			return err
		}
		made = &AccessControl{Meta: Meta{ETag: newID("E")}, Config: c}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// GetOriginAccessControl returns an access control, or ErrNoAccessControl.
func (s *Service) GetOriginAccessControl(ctx context.Context, who access.Caller, id string) (*AccessControl, error) {
	return get[*AccessControl](ctx, s, who, "cloudfront:GetOriginAccessControl", kindControl, id, ErrNoAccessControl)
}

// GetOriginAccessControlConfig is GetOriginAccessControl under its own permission.
func (s *Service) GetOriginAccessControlConfig(ctx context.Context, who access.Caller, id string) (*AccessControl, error) {
	return get[*AccessControl](ctx, s, who, "cloudfront:GetOriginAccessControlConfig", kindControl, id, ErrNoAccessControl)
}

// ListOriginAccessControls returns the caller's access controls.
func (s *Service) ListOriginAccessControls(ctx context.Context, who access.Caller, p Page) (*List[*AccessControl], error) {
	return list[*AccessControl](ctx, s, who, "cloudfront:ListOriginAccessControls", kindControl, p)
}

// UpdateOriginAccessControl replaces the configuration.
func (s *Service) UpdateOriginAccessControl(ctx context.Context, who access.Caller, id, version string, c AccessControlConfig) (_ *AccessControl, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateOriginAccessControl")
	defer call.End(ctx, &err)
	n := name{kindControl, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var made *AccessControl
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*AccessControl](t, n, ErrNoAccessControl)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if old.Config.Name != c.Name {
			t.release(nameKey(n.account, kindControl, old.Config.Name))
			if err := t.claim(nameKey(n.account, kindControl, c.Name), n.id, ErrAccessControlExists); err != nil {
				return err
			}
		}
		if old.Config.OriginType != c.OriginType {
			// The domain names of its origins were checked against the old type.
			users, err := t.users(n, 1)
			if err != nil {
				return err
			}
			if len(users) > 0 {
				return refuse(ErrImmutable, "The origin type of an origin access control that is in use cannot be changed.")
			}
		}
		made = &AccessControl{Meta: old.Meta, Config: c}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteOriginAccessControl removes an access control that no origin uses, or
// returns ErrAccessControlInUse.
func (s *Service) DeleteOriginAccessControl(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteOriginAccessControl")
	defer call.End(ctx, &err)
	n := name{kindControl, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*AccessControl](t, n, ErrNoAccessControl)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrAccessControlInUse, old); err != nil {
			return err
		}
		t.release(nameKey(n.account, kindControl, old.Config.Name))
		t.delete(n)
		return t.count(n.account, kindControl, -1, 0, nil)
	})
}
