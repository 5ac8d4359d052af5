package identity

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
)

// NewUser describes a user to be made.
type NewUser struct {
	Name string // 1 to 64 letters
	Path string // "/" if empty
	// Boundary is the ARN of a managed policy, or empty.
	Boundary string
	Tags     []Tag
}

// CreateUser makes a user. It returns ErrExists about a name that is taken.
func (a *Admin) CreateUser(ctx context.Context, who access.Caller, in NewUser) (_ *User, err error) {
	call := a.begin(&who, "iam:CreateUser", note{"userName", in.Name}, note{"path", in.Path}, note{"permissionsBoundary", in.Boundary})
	defer call.End(ctx, &err)
	u := &User{Meta: Meta{Account: who.Account(), Name: in.Name, Path: in.Path, Tags: in.Tags}}
	u.Boundary = in.Boundary
	if err := checkNew(&who, "userName", &u.Meta, 64); err != nil {
		return nil, err
	}
	if err := a.askNew(call, &who, u, "iam:TagUser"); err != nil {
		return nil, err
	}
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindUser, u.Account, u.Name); err != nil {
			return err
		}
		if err := t.quota(KindUser, u.Account, maxUsers, "Users"); err != nil {
			return err
		}
		if err := t.checkBoundary(u.Account, u.Boundary); err != nil {
			return err
		}
		u = copyOf(u)
		u.ID, u.CreatedAt = newID("AIDA"), t.now
		t.put(u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// askNew decides about an entity that is to be made, with its tags and boundary.
func (a *Admin) askNew(call *access.Call, who *access.Caller, e entity, tagAction string) error {
	call.RequestTags(e.meta().Tags)
	if b, ok := e.(bearer); ok && b.permissions().Boundary != "" {
		if _, err := checkPolicyARN(b.permissions().Boundary); err != nil {
			return err
		}
		call.Keys.Set("iam:PermissionsBoundary", b.permissions().Boundary)
	}
	if err := a.ask(call, who, arnOfEntity(e), nil); err != nil {
		return err
	}
	if len(e.meta().Tags) == 0 {
		return nil
	}
	return also(call, who, action(tagAction), arnOfEntity(e))
}

// User describes a user. An empty name is the caller; the root user is a User
// without a name whose ID is the account.
func (a *Admin) User(ctx context.Context, who access.Caller, name string) (_ *User, err error) {
	call := a.begin(&who, "iam:GetUser", note{"userName", name})
	defer call.End(ctx, &err)
	name, root, err := self(&who, name)
	if err != nil {
		return nil, err
	}
	if root {
		if err := a.ask(call, &who, who.Principal.ARN, nil); err != nil {
			return nil, err
		}
		u := &User{Meta: Meta{Account: who.Account(), ID: string(who.Account())}}
		if account, ok := get[*Account](a.reg, who.Account(), string(who.Account())); ok {
			u.CreatedAt = account.CreatedAt
		}
		return u, nil
	}
	return admit[*User](a, call, &who, name)
}

// Users lists the users whose path begins with prefix.
func (a *Admin) Users(ctx context.Context, who access.Caller, prefix string, p Page) (List[*User], error) {
	return listing[*User](ctx, a, &who, "iam:ListUsers", underPrefix(KindUser, &who, prefix), prefix, p)
}

// UpdateUser renames or moves a user. Empty values change nothing.
func (a *Admin) UpdateUser(ctx context.Context, who access.Caller, name, newName, newPath string) (err error) {
	call := a.begin(&who, "iam:UpdateUser", note{"userName", name}, note{"newUserName", newName}, note{"newPath", newPath})
	defer call.End(ctx, &err)
	old, err := admit[*User](a, call, &who, name)
	if err != nil {
		return err
	}
	if err := a.askMoved(call, &who, old, newName, newPath); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		u, err := current[*User](t, who.Account(), name)
		if err != nil {
			return err
		}
		next := copyOf(u)
		return t.move(u, next, newName, newPath)
	})
}

// askMoved checks a new name and path, and decides about the entity's new ARN.
func (a *Admin) askMoved(call *access.Call, who *access.Caller, old entity, newName, newPath string) error {
	m := *old.meta()
	if newName != "" {
		m.Name = newName
	}
	if newPath != "" {
		m.Path = newPath
	}
	maxLen := 64
	if old.kind() == KindGroup {
		maxLen = 128
	}
	if err := checkName("newName", m.Name, maxLen); err != nil {
		return err
	}
	if err := checkPath("newPath", m.Path); err != nil {
		return err
	}
	moved := arnOf(old.kind(), m.Account, m.Path, m.Name)
	return call.Decide(access.Target{ARN: moved, Owner: who.Account()})
}

// move keeps next, a copy of old, under another name or path.
func (t *txn) move(old, next entity, newName, newPath string) error {
	m := next.meta()
	if newName != "" {
		m.Name = newName
	}
	if newPath != "" {
		m.Path = newPath
	}
	if placeOfEntity(next) != placeOfEntity(old) {
		if err := t.free(old.kind(), m.Account, m.Name); err != nil {
			return err
		}
	}
	t.rename(old, next)
	return nil
}

// DeleteUser deletes a user. It returns ErrDeleteConflict while the user has
// access keys, MFA devices, policies or groups. The user's sessions end.
func (a *Admin) DeleteUser(ctx context.Context, who access.Caller, name string) (err error) {
	call := a.begin(&who, "iam:DeleteUser", note{"userName", name})
	defer call.End(ctx, &err)
	if _, err := admit[*User](a, call, &who, name); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		u, err := current[*User](t, who.Account(), name)
		if err != nil {
			return err
		}
		if err := checkUnused(&u.Permissions); err != nil {
			return err
		}
		if len(u.Groups) > 0 {
			return fail(ErrDeleteConflict, "Cannot delete entity, must remove users from group first.")
		}
		if len(among[*Key](t.reg, t.reg.belongings, u.ID)) > 0 {
			return fail(ErrDeleteConflict, "Cannot delete entity, must delete access keys first.")
		}
		if len(among[*Device](t.reg, t.reg.belongings, u.ID)) > 0 {
			return fail(ErrDeleteConflict, "Cannot delete entity, must delete MFA device first.")
		}
		t.remove(u)
		return nil
	})
}

// checkUnused returns ErrDeleteConflict while there are policies.
func checkUnused(p *Permissions) error {
	switch {
	case len(p.Attached) > 0:
		return fail(ErrDeleteConflict, "Cannot delete entity, must detach all policies first.")
	case len(p.Inline) > 0:
		return fail(ErrDeleteConflict, "Cannot delete entity, must delete policies first.")
	}
	return nil
}
