package resource

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// principalKinds are roles, users and groups, with what belongs to them alone.
func principalKinds(admin *identity.Admin) map[string]*kind {
	role := &principalKind{admin: admin, kind: identity.KindRole}
	user := &principalKind{admin: admin, kind: identity.KindUser}
	group := &principalKind{admin: admin, kind: identity.KindGroup}
	member := membershipKind{admin}
	return map[string]*kind{
		"AWS::IAM::Role":  {create: role.create, update: role.update, delete: role.delete, label: role.label, replaces: []string{"Path", "RoleName"}, attributes: []string{"Arn", "RoleId"}},
		"AWS::IAM::User":  {create: user.create, update: user.update, delete: user.delete, label: user.label, replaces: []string{"UserName"}, attributes: []string{"Arn"}},
		"AWS::IAM::Group": {create: group.create, update: group.update, delete: group.delete, replaces: []string{"GroupName"}, attributes: []string{"Arn"}},

		"AWS::IAM::UserToGroupAddition": {create: member.create, update: member.update, delete: member.delete, replaces: []string{"GroupName"}, attributes: []string{"Id"}},
	}
}

type inlinePolicy struct {
	PolicyName     string
	PolicyDocument document
}

// principalProperties are those of AWS::IAM::Role, ::User and ::Group together;
// which type has which is in check.
type principalProperties struct {
	RoleName, UserName, GroupName string
	Path, Description             string
	AssumeRolePolicyDocument      document
	MaxSessionDuration            int
	PermissionsBoundary           string
	ManagedPolicyArns             []string
	Policies                      []inlinePolicy
	Groups                        []string
	Tags                          []tag
}

type principalKind struct {
	admin *identity.Admin
	kind  identity.Kind
}

// foreign are the properties that the other two types have.
var foreign = map[identity.Kind][]string{
	identity.KindRole:  {"UserName", "GroupName", "Groups"},
	identity.KindUser:  {"RoleName", "GroupName", "Description", "AssumeRolePolicyDocument", "MaxSessionDuration"},
	identity.KindGroup: {"RoleName", "UserName", "Description", "AssumeRolePolicyDocument", "MaxSessionDuration", "PermissionsBoundary", "Groups", "Tags"},
}

func (k *principalKind) read(properties map[string]any) (*principalProperties, error) {
	for _, name := range foreign[k.kind] {
		if _, ok := properties[name]; ok {
			return nil, refusal("Encountered unsupported property " + name)
		}
	}
	p := &principalProperties{}
	return p, read(properties, p)
}

func identityTags(m map[string]string) []identity.Tag {
	return convert(m, func(key, value string) identity.Tag { return identity.Tag{Key: key, Value: value} })
}

func (k *principalKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, err := k.read(t.Properties)
	if err != nil {
		return stack.Made{}, err
	}
	name := named(p.RoleName+p.UserName+p.GroupName, t, 64)
	switch tags := identityTags(tagged(p.Tags, t)); k.kind {
	case identity.KindRole:
		_, err = k.admin.CreateRole(ctx, t.Who, identity.NewRole{
			Name: name, Path: p.Path, Trust: string(p.AssumeRolePolicyDocument), Description: p.Description,
			MaxSession: time.Duration(p.MaxSessionDuration) * time.Second, Boundary: p.PermissionsBoundary, Tags: tags,
		})
	case identity.KindUser:
		_, err = k.admin.CreateUser(ctx, t.Who, identity.NewUser{Name: name, Path: p.Path, Boundary: p.PermissionsBoundary, Tags: tags})
	default:
		_, err = k.admin.CreateGroup(ctx, t.Who, name, p.Path)
	}
	if err != nil && !(t.Again && errors.Is(err, identity.ErrExists) && k.own(ctx, t, name)) {
		return stack.Made{}, err
	}
	made := stack.Made{Physical: name}
	if err := k.settle(ctx, t, name, p, &principalProperties{}); err != nil {
		return made, err
	}
	made.Attributes, err = k.attributes(ctx, t, name)
	return made, err
}

// own tells whether the principal is younger than the making that was cut off.
func (k *principalKind) own(ctx context.Context, t *stack.Task, name string) bool {
	meta, err := k.meta(ctx, t, name)
	return err == nil && !meta.CreatedAt.Before(t.Since.Truncate(time.Second))
}

func (k *principalKind) meta(ctx context.Context, t *stack.Task, name string) (*identity.Meta, error) {
	switch k.kind {
	case identity.KindRole:
		r, err := k.admin.Role(ctx, t.Who, name)
		if err != nil {
			return nil, err
		}
		return &r.Meta, nil
	case identity.KindUser:
		u, err := k.admin.User(ctx, t.Who, name)
		if err != nil {
			return nil, err
		}
		return &u.Meta, nil
	default:
		g, _, err := k.admin.Group(ctx, t.Who, name, identity.Page{Max: identity.MaxPage})
		if err != nil {
			return nil, err
		}
		return &g.Meta, nil
	}
}

func (k *principalKind) attributes(ctx context.Context, t *stack.Task, name string) (map[string]any, error) {
	meta, err := k.meta(ctx, t, name)
	if err != nil {
		return nil, err
	}
	noun := "role"
	switch k.kind {
	case identity.KindUser:
		noun = "user"
	case identity.KindGroup:
		noun = "group"
	}
	m := map[string]any{"Arn": "arn:aws:iam::" + string(meta.Account) + ":" + noun + meta.Path + meta.Name}
	if k.kind == identity.KindRole {
		m["RoleId"] = meta.ID
	}
	return m, nil
}

func (k *principalKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, err := k.read(t.Properties)
	if err != nil {
		return stack.Made{}, err
	}
	before := &principalProperties{}
	recall(t.Before, before)
	if err := k.reshape(ctx, t, p, before); err != nil {
		return stack.Made{}, err
	}
	if err := k.settle(ctx, t, t.Physical, p, before); err != nil {
		return stack.Made{}, err
	}
	attributes, err := k.attributes(ctx, t, t.Physical)
	return stack.Made{Physical: t.Physical, Attributes: attributes}, err
}

// reshape changes what a principal was made with.
func (k *principalKind) reshape(ctx context.Context, t *stack.Task, p, before *principalProperties) error {
	ref := identity.Ref{Kind: k.kind, Name: t.Physical}
	if k.kind == identity.KindRole {
		session := time.Duration(p.MaxSessionDuration) * time.Second
		if session == 0 {
			session = time.Hour
		}
		if _, err := k.admin.UpdateRole(ctx, t.Who, "iam:UpdateRole", t.Physical, identity.RoleUpdate{Description: &p.Description, MaxSession: &session}); err != nil {
			return err
		}
		if p.AssumeRolePolicyDocument != before.AssumeRolePolicyDocument {
			if err := k.admin.UpdateTrust(ctx, t.Who, t.Physical, string(p.AssumeRolePolicyDocument)); err != nil {
				return err
			}
		}
	}
	if path := cmp.Or(p.Path, "/"); k.kind != identity.KindRole && path != cmp.Or(before.Path, "/") {
		move := k.admin.UpdateUser
		if k.kind == identity.KindGroup {
			move = k.admin.UpdateGroup
		}
		if err := move(ctx, t.Who, t.Physical, "", path); err != nil {
			return err
		}
	}
	switch {
	case p.PermissionsBoundary == before.PermissionsBoundary:
	case p.PermissionsBoundary == "":
		if err := k.admin.DeleteBoundary(ctx, t.Who, ref); err != nil {
			return err
		}
	default:
		if err := k.admin.PutBoundary(ctx, t.Who, ref, p.PermissionsBoundary); err != nil {
			return err
		}
	}
	if k.kind == identity.KindGroup {
		return nil
	}
	meta, err := k.meta(ctx, t, t.Physical)
	if err != nil {
		return err
	}
	old := map[string]string{}
	for _, of := range meta.Tags {
		old[of.Key] = of.Value
	}
	want := tagged(p.Tags, t)
	if gone := dropped(old, want); len(gone) > 0 {
		if err := k.admin.Untag(ctx, t.Who, ref, gone); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	return k.admin.Tag(ctx, t.Who, ref, identityTags(want))
}

func (k *principalKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	return k.admin.Tag(ctx, t.Who, identity.Ref{Kind: k.kind, Name: made.Physical}, identityTags(tags))
}

// settle brings the policies and groups of a principal from before to p.
func (k *principalKind) settle(ctx context.Context, t *stack.Task, name string, p, before *principalProperties) error {
	ref := identity.Ref{Kind: k.kind, Name: name}
	gone, added := difference(before.ManagedPolicyArns, p.ManagedPolicyArns)
	for _, arn := range gone {
		if err := unless(k.admin.DetachPolicy(ctx, t.Who, ref, arn), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	for _, arn := range added {
		if err := k.admin.AttachPolicy(ctx, t.Who, ref, arn); err != nil {
			return err
		}
	}
	for _, policy := range p.Policies {
		if err := k.admin.PutInlinePolicy(ctx, t.Who, ref, policy.PolicyName, string(policy.PolicyDocument)); err != nil {
			return err
		}
	}
	gone, _ = difference(policyNames(before.Policies), policyNames(p.Policies))
	for _, policy := range gone {
		if err := unless(k.admin.DeleteInlinePolicy(ctx, t.Who, ref, policy), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	gone, added = difference(before.Groups, p.Groups)
	for _, group := range gone {
		if err := unless(k.admin.RemoveUserFromGroup(ctx, t.Who, group, name), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	for _, group := range added {
		if err := k.admin.AddUserToGroup(ctx, t.Who, group, name); err != nil {
			return err
		}
	}
	return nil
}

func policyNames(policies []inlinePolicy) []string {
	names := make([]string, len(policies))
	for i := range policies {
		names[i] = policies[i].PolicyName
	}
	return names
}

func (k *principalKind) delete(ctx context.Context, t *stack.Task) error {
	p := &principalProperties{}
	recall(t.Properties, p)
	if _, err := k.meta(ctx, t, t.Physical); err != nil {
		return unless(err, identity.ErrNoSuchEntity)
	}
	if err := k.settle(ctx, t, t.Physical, &principalProperties{}, p); err != nil {
		return err
	}
	var err error
	switch k.kind {
	case identity.KindRole:
		err = k.admin.DeleteRole(ctx, t.Who, t.Physical)
	case identity.KindUser:
		err = k.admin.DeleteUser(ctx, t.Who, t.Physical)
	default:
		err = k.admin.DeleteGroup(ctx, t.Who, t.Physical)
	}
	return unless(err, identity.ErrNoSuchEntity)
}
