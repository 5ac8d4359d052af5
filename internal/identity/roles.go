package identity

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// NewRole describes a role to be made.
type NewRole struct {
	Name string // 1 to 64 letters
	Path string // "/" if empty
	// Trust is the document that says who may assume the role.
	Trust       string
	Description string
	// MaxSession is one hour to twelve; zero is one hour.
	MaxSession time.Duration
	// Boundary is the ARN of a managed policy, or empty.
	Boundary string
	Tags     []Tag
}

// CreateRole makes a role. It returns ErrExists about a name that is taken, and
// ErrMalformedPolicy about a trust policy that is none.
func (a *Admin) CreateRole(ctx context.Context, who access.Caller, in NewRole) (_ *Role, err error) {
	call := a.begin(&who, "iam:CreateRole", note{"roleName", in.Name}, note{"path", in.Path},
		note{"assumeRolePolicyDocument", in.Trust}, note{"permissionsBoundary", in.Boundary})
	defer call.End(ctx, &err)
	r := &Role{
		Meta:        Meta{Account: who.Account(), Name: in.Name, Path: in.Path, Tags: in.Tags},
		Description: in.Description, MaxSession: in.MaxSession,
	}
	r.Boundary = in.Boundary
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	if err := checkNew(&who, "roleName", &r.Meta, 64); err != nil {
		return nil, err
	}
	if err := checkDescription(r.Description); err != nil {
		return nil, err
	}
	if err := checkMaxSession(r.MaxSession); err != nil {
		return nil, err
	}
	if err := a.askNew(call, &who, r, "iam:TagRole"); err != nil {
		return nil, err
	}
	if r.Trust, err = a.trust(in.Trust); err != nil {
		return nil, err
	}
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindRole, r.Account, r.Name); err != nil {
			return err
		}
		if err := t.quota(KindRole, r.Account, maxRoles, "Roles"); err != nil {
			return err
		}
		if err := t.checkBoundary(r.Account, r.Boundary); err != nil {
			return err
		}
		r = copyOf(r)
		r.ID, r.CreatedAt = newID("AROA"), t.now
		t.put(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// trust reads a trust policy and ties the users and roles in it to their ids.
func (a *Admin) trust(text string) (TrustPolicy, error) {
	d, err := parseDocument(policy.UseTrust, text)
	if err != nil {
		return TrustPolicy{}, err
	}
	if d.Size() > maxTrustChars {
		return TrustPolicy{}, fail(ErrLimit, "Cannot exceed quota for ACLSizePerRole: %d", maxTrustChars)
	}
	bound, err := d.Bind(a.service.Identify)
	if err != nil {
		return TrustPolicy{}, malformed(err)
	}
	return TrustPolicy{Text: text, Bindings: maps.Clone(bound.Bindings()), document: bound}, nil
}

// parseDocument reads a document, or returns ErrMalformedPolicy with the
// sentence of IAM.
func parseDocument(use policy.Use, text string) (*policy.Document, error) {
	if text == "" {
		return nil, invalid("policyDocument", text, "have length greater than or equal to 1")
	}
	d, err := policy.Parse(use, text)
	if err != nil {
		return nil, malformed(err)
	}
	return d, nil
}

func malformed(err error) error {
	if problem, ok := errors.AsType[*policy.Error](err); ok {
		return &refusal.Error{Kind: ErrMalformedPolicy, Sentence: problem.Problem}
	}
	return err
}

// TrustText is a role's trust policy as a reader gets it today: principals that
// were renamed have their new names, and ones that are gone their unique ids.
func (a *Admin) TrustText(r *Role) string {
	if r.Trust.document == nil {
		return r.Trust.Text
	}
	return r.Trust.document.Render(a.service.NameOf)
}

// Role describes a role.
func (a *Admin) Role(ctx context.Context, who access.Caller, name string) (_ *Role, err error) {
	call := a.begin(&who, "iam:GetRole", note{"roleName", name})
	defer call.End(ctx, &err)
	return admit[*Role](a, call, &who, name)
}

// Roles lists the roles whose path begins with prefix.
func (a *Admin) Roles(ctx context.Context, who access.Caller, prefix string, p Page) (List[*Role], error) {
	return listing[*Role](ctx, a, &who, "iam:ListRoles", underPrefix(KindRole, &who, prefix), prefix, p)
}

// RoleUpdate is what of a role changes; nil stays as it is.
type RoleUpdate struct {
	Description *string
	// MaxSession is one hour to twelve.
	MaxSession *time.Duration
}

// UpdateRole changes a role. op is iam:UpdateRole or iam:UpdateRoleDescription.
func (a *Admin) UpdateRole(ctx context.Context, who access.Caller, op policy.Action, name string, in RoleUpdate) (_ *Role, err error) {
	call := a.begin(&who, op, note{"roleName", name})
	defer call.End(ctx, &err)
	if in.Description != nil {
		if err := checkDescription(*in.Description); err != nil {
			return nil, err
		}
		call.Note("description", *in.Description)
	}
	if in.MaxSession != nil {
		if err := checkMaxSession(*in.MaxSession); err != nil {
			return nil, err
		}
		call.Note("maxSessionDuration", strconv.Itoa(int(in.MaxSession.Seconds())))
	}
	return a.editRole(ctx, call, &who, name, func(r *Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSession != nil {
			r.MaxSession = *in.MaxSession
		}
		return nil
	})
}

// UpdateTrust replaces a role's trust policy. It returns ErrMalformedPolicy
// about a text that is none.
func (a *Admin) UpdateTrust(ctx context.Context, who access.Caller, name, text string) (err error) {
	call := a.begin(&who, "iam:UpdateAssumeRolePolicy", note{"roleName", name}, note{"policyDocument", text})
	defer call.End(ctx, &err)
	_, err = a.editRole(ctx, call, &who, name, func(r *Role) (err error) {
		r.Trust, err = a.trust(text)
		return err
	})
	return err
}

func (a *Admin) editRole(ctx context.Context, call *access.Call, who *access.Caller, name string, fn func(*Role) error) (*Role, error) {
	if _, err := admit[*Role](a, call, who, name); err != nil {
		return nil, err
	}
	var out *Role
	err := a.change(ctx, call, who, func(t *txn) error {
		return edit(t, who.Account(), name, func(r *Role) error {
			out = r
			return fn(r)
		})
	})
	return out, err
}

// DeleteRole deletes a role. It returns ErrDeleteConflict while the role has
// policies or an instance profile. The role's sessions end.
func (a *Admin) DeleteRole(ctx context.Context, who access.Caller, name string) (err error) {
	call := a.begin(&who, "iam:DeleteRole", note{"roleName", name})
	defer call.End(ctx, &err)
	if _, err := admit[*Role](a, call, &who, name); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		r, err := current[*Role](t, who.Account(), name)
		if err != nil {
			return err
		}
		if len(among[*Profile](t.reg, t.reg.belongings, r.ID)) > 0 {
			return fail(ErrDeleteConflict, "Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := checkUnused(&r.Permissions); err != nil {
			return err
		}
		t.remove(r)
		return nil
	})
}
