package identity

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
)

// CreateProfile makes an instance profile. It returns ErrExists about a name that
// is taken.
func (a *Admin) CreateProfile(ctx context.Context, who access.Caller, name, path string, tags []Tag) (_ *Profile, err error) {
	call := a.begin(&who, "iam:CreateInstanceProfile", note{"instanceProfileName", name}, note{"path", path})
	defer call.End(ctx, &err)
	p := &Profile{Meta: Meta{Account: who.Account(), Name: name, Path: path, Tags: tags}}
	if err := checkNew(&who, "instanceProfileName", &p.Meta, 128); err != nil {
		return nil, err
	}
	if err := a.askNew(call, &who, p, "iam:TagInstanceProfile"); err != nil {
		return nil, err
	}
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindProfile, p.Account, p.Name); err != nil {
			return err
		}
		if err := t.quota(KindProfile, p.Account, maxProfiles, "InstanceProfiles"); err != nil {
			return err
		}
		p = copyOf(p)
		p.ID, p.CreatedAt = newID("AIPA"), t.now
		t.put(p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Profile describes an instance profile.
func (a *Admin) Profile(ctx context.Context, who access.Caller, name string) (_ *Profile, err error) {
	call := a.begin(&who, "iam:GetInstanceProfile", note{"instanceProfileName", name})
	defer call.End(ctx, &err)
	return admit[*Profile](a, call, &who, name)
}

// ProfileRole is the role of an instance profile, nil if it has none.
func (a *Admin) ProfileRole(p *Profile) *Role {
	r, _ := a.reg.byUniqueID(p.RoleID).(*Role)
	return r
}

// Profiles lists the instance profiles whose path begins with prefix.
func (a *Admin) Profiles(ctx context.Context, who access.Caller, prefix string, p Page) (List[*Profile], error) {
	return listing[*Profile](ctx, a, &who, "iam:ListInstanceProfiles", underPrefix(KindProfile, &who, prefix), prefix, p)
}

// ProfilesForRole lists the instance profiles that a role is in.
func (a *Admin) ProfilesForRole(ctx context.Context, who access.Caller, role string, p Page) (_ List[*Profile], err error) {
	call := a.begin(&who, "iam:ListInstanceProfilesForRole", note{"roleName", role})
	defer call.End(ctx, &err)
	r, err := admit[*Role](a, call, &who, role)
	if err != nil {
		return List[*Profile]{}, err
	}
	return paginate(among[*Profile](a.reg, a.reg.belongings, r.ID), nameKey[*Profile], p)
}

// AddRoleToProfile puts a role into an instance profile, which has room for one
// (ErrLimit). The caller needs iam:PassRole for the role.
func (a *Admin) AddRoleToProfile(ctx context.Context, who access.Caller, name, role string) (err error) {
	call := a.begin(&who, "iam:AddRoleToInstanceProfile", note{"instanceProfileName", name}, note{"roleName", role})
	defer call.End(ctx, &err)
	if _, err := admit[*Profile](a, call, &who, name); err != nil {
		return err
	}
	call.ResetKeys() // they told of the profile
	resource := arnOf(KindRole, who.Account(), "/", role)
	if r, ok := get[*Role](a.reg, who.Account(), role); ok {
		resource = r.ARN()
		call.ResourceTags(r.Tags, "iam:ResourceTag/")
	}
	call.Keys.Set("iam:PassedToService", "ec2.amazonaws.com")
	if err := also(call, &who, "iam:PassRole", resource); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		r, err := current[*Role](t, who.Account(), role)
		if err != nil {
			return err
		}
		return edit(t, who.Account(), name, func(p *Profile) error {
			if p.RoleID != "" {
				return fail(ErrLimit, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
			}
			p.RoleID = r.ID
			return nil
		})
	})
}

// RemoveRoleFromProfile takes a role out of an instance profile.
func (a *Admin) RemoveRoleFromProfile(ctx context.Context, who access.Caller, name, role string) (err error) {
	call := a.begin(&who, "iam:RemoveRoleFromInstanceProfile", note{"instanceProfileName", name}, note{"roleName", role})
	defer call.End(ctx, &err)
	if _, err := admit[*Profile](a, call, &who, name); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		r, err := current[*Role](t, who.Account(), role)
		if err != nil {
			return err
		}
		return edit(t, who.Account(), name, func(p *Profile) error {
			if p.RoleID != r.ID {
				return notFound(KindRole, role)
			}
			p.RoleID = ""
			return nil
		})
	})
}

// DeleteProfile deletes an instance profile. It returns ErrDeleteConflict while
// it has a role.
func (a *Admin) DeleteProfile(ctx context.Context, who access.Caller, name string) (err error) {
	call := a.begin(&who, "iam:DeleteInstanceProfile", note{"instanceProfileName", name})
	defer call.End(ctx, &err)
	if _, err := admit[*Profile](a, call, &who, name); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		p, err := current[*Profile](t, who.Account(), name)
		if err != nil {
			return err
		}
		if p.RoleID != "" {
			return fail(ErrDeleteConflict, "Cannot delete entity, must remove roles from instance profile first.")
		}
		t.remove(p)
		return nil
	})
}
