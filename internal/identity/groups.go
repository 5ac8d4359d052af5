package identity

import (
	"context"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
)

// CreateGroup makes a group. An empty path is "/". It returns ErrExists about a
// name that is taken.
func (a *Admin) CreateGroup(ctx context.Context, who access.Caller, name, path string) (_ *Group, err error) {
	call := a.begin(&who, "iam:CreateGroup", note{"groupName", name}, note{"path", path})
	defer call.End(ctx, &err)
	g := &Group{Meta: Meta{Account: who.Account(), Name: name, Path: path}}
	if err := checkNew(&who, "groupName", &g.Meta, 128); err != nil {
		return nil, err
	}
	if err := a.ask(call, &who, g.ARN(), nil); err != nil {
		return nil, err
	}
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindGroup, g.Account, g.Name); err != nil {
			return err
		}
		if err := t.quota(KindGroup, g.Account, maxGroups, "Groups"); err != nil {
			return err
		}
		g = copyOf(g)
		g.ID, g.CreatedAt = newID("AGPA"), t.now
		t.put(g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Group describes a group and a page of its users.
func (a *Admin) Group(ctx context.Context, who access.Caller, name string, p Page) (_ *Group, _ List[*User], err error) {
	call := a.begin(&who, "iam:GetGroup", note{"groupName", name})
	defer call.End(ctx, &err)
	g, err := admit[*Group](a, call, &who, name)
	if err != nil {
		return nil, List[*User]{}, err
	}
	users, err := paginate(among[*User](a.reg, a.reg.members, g.ID), nameKey[*User], p)
	return g, users, err
}

// Groups lists the groups whose path begins with prefix.
func (a *Admin) Groups(ctx context.Context, who access.Caller, prefix string, p Page) (List[*Group], error) {
	return listing[*Group](ctx, a, &who, "iam:ListGroups", underPrefix(KindGroup, &who, prefix), prefix, p)
}

// UpdateGroup renames or moves a group. Empty values change nothing.
func (a *Admin) UpdateGroup(ctx context.Context, who access.Caller, name, newName, newPath string) (err error) {
	call := a.begin(&who, "iam:UpdateGroup", note{"groupName", name}, note{"newGroupName", newName}, note{"newPath", newPath})
	defer call.End(ctx, &err)
	old, err := admit[*Group](a, call, &who, name)
	if err != nil {
		return err
	}
	if err := a.askMoved(call, &who, old, newName, newPath); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		g, err := current[*Group](t, who.Account(), name)
		if err != nil {
			return err
		}
		return t.move(g, copyOf(g), newName, newPath)
	})
}

// DeleteGroup deletes a group. It returns ErrDeleteConflict while the group has
// users or policies.
func (a *Admin) DeleteGroup(ctx context.Context, who access.Caller, name string) (err error) {
	call := a.begin(&who, "iam:DeleteGroup", note{"groupName", name})
	defer call.End(ctx, &err)
	if _, err := admit[*Group](a, call, &who, name); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		g, err := current[*Group](t, who.Account(), name)
		if err != nil {
			return err
		}
		if len(among[*User](t.reg, t.reg.members, g.ID)) > 0 {
			return fail(ErrDeleteConflict, "Cannot delete entity, must remove users from group first.")
		}
		if err := checkUnused(&g.Permissions); err != nil {
			return err
		}
		t.remove(g)
		return nil
	})
}

// AddUserToGroup puts a user into a group. A member stays one.
func (a *Admin) AddUserToGroup(ctx context.Context, who access.Caller, group, user string) (err error) {
	call := a.begin(&who, "iam:AddUserToGroup", note{"groupName", group}, note{"userName", user})
	defer call.End(ctx, &err)
	return a.member(ctx, call, &who, group, user, func(u *User, id string) error {
		if slices.Contains(u.Groups, id) {
			return nil
		}
		if len(u.Groups) >= maxGroupsPerUser {
			return fail(ErrLimit, "Cannot exceed quota for GroupsPerUser: %d", maxGroupsPerUser)
		}
		u.Groups = append(slices.Clone(u.Groups), id)
		return nil
	})
}

// RemoveUserFromGroup takes a user out of a group. It is no error if the user is
// not in it.
func (a *Admin) RemoveUserFromGroup(ctx context.Context, who access.Caller, group, user string) (err error) {
	call := a.begin(&who, "iam:RemoveUserFromGroup", note{"groupName", group}, note{"userName", user})
	defer call.End(ctx, &err)
	return a.member(ctx, call, &who, group, user, func(u *User, id string) error {
		u.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(g string) bool { return g == id })
		return nil
	})
}

func (a *Admin) member(ctx context.Context, call *access.Call, who *access.Caller, group, user string, fn func(u *User, groupID string) error) error {
	if _, err := admit[*Group](a, call, who, group); err != nil {
		return err
	}
	return a.change(ctx, call, who, func(t *txn) error {
		g, err := current[*Group](t, who.Account(), group)
		if err != nil {
			return err
		}
		return edit(t, who.Account(), user, func(u *User) error { return fn(u, g.ID) })
	})
}

// GroupsForUser lists the groups that a user is in.
func (a *Admin) GroupsForUser(ctx context.Context, who access.Caller, user string, p Page) (_ List[*Group], err error) {
	call := a.begin(&who, "iam:ListGroupsForUser", note{"userName", user})
	defer call.End(ctx, &err)
	u, err := admit[*User](a, call, &who, user)
	if err != nil {
		return List[*Group]{}, err
	}
	return paginate(a.groupsOf(u), nameKey[*Group], p)
}

func (a *Admin) groupsOf(u *User) []*Group {
	var groups []*Group
	for _, id := range u.Groups {
		if g, ok := a.reg.byUniqueID(id).(*Group); ok {
			groups = append(groups, g)
		}
	}
	sortByName(groups)
	return groups
}
