package resource

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// permissionKinds are policies, access keys and instance profiles.
func permissionKinds(admin *identity.Admin) map[string]*kind {
	inline, managed, key, profile := inlineKind{admin}, managedKind{admin}, accessKeyKind{admin}, profileKind{admin}
	return map[string]*kind{
		"AWS::IAM::Policy": {create: inline.create, update: inline.update, delete: inline.delete, replaces: []string{"PolicyName"}, attributes: []string{"Id"}},
		"AWS::IAM::ManagedPolicy": {
			create: managed.create, update: managed.update, delete: managed.delete,
			replaces: []string{"Description", "ManagedPolicyName", "Path"}, attributes: []string{"AttachmentCount", "CreateDate", "DefaultVersionId", "IsAttachable", "PermissionsBoundaryUsageCount", "PolicyArn", "PolicyId", "UpdateDate"},
		},
		"AWS::IAM::AccessKey":       {create: key.create, update: key.update, delete: key.delete, replaces: []string{"Serial", "UserName"}, attributes: []string{"SecretAccessKey"}},
		"AWS::IAM::InstanceProfile": {create: profile.create, update: profile.update, delete: profile.delete, replaces: []string{"InstanceProfileName", "Path"}, attributes: []string{"Arn"}},
	}
}

// holders are the principals that a policy is given to.
type holders struct{ Groups, Roles, Users []string }

func (h *holders) refs() []identity.Ref {
	var all []identity.Ref
	for _, of := range []struct {
		kind  identity.Kind
		names []string
	}{{identity.KindGroup, h.Groups}, {identity.KindRole, h.Roles}, {identity.KindUser, h.Users}} {
		for _, name := range of.names {
			all = append(all, identity.Ref{Kind: of.kind, Name: name})
		}
	}
	return all
}

type inlineKind struct{ admin *identity.Admin }

// inlineProperties are those of AWS::IAM::Policy.
type inlineProperties struct {
	PolicyName           string
	PolicyDocument       document
	Groups, Roles, Users []string
}

func (p *inlineProperties) refs() []identity.Ref {
	return (&holders{p.Groups, p.Roles, p.Users}).refs()
}

func (k inlineKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	t.Physical = t.Name(64)
	return k.put(ctx, t, &inlineProperties{})
}

func (k inlineKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	before := &inlineProperties{}
	recall(t.Before, before)
	return k.put(ctx, t, before)
}

func (k inlineKind) put(ctx context.Context, t *stack.Task, before *inlineProperties) (stack.Made, error) {
	p := &inlineProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	if len(p.refs()) == 0 {
		return stack.Made{}, refusal("At least one of [Groups,Roles,Users] must be non-empty.")
	}
	made := stack.Made{Physical: t.Physical, Attributes: map[string]any{"Id": t.Physical}}
	for _, ref := range p.refs() {
		if err := k.admin.PutInlinePolicy(ctx, t.Who, ref, p.PolicyName, string(p.PolicyDocument)); err != nil {
			return made, err
		}
	}
	gone, _ := difference(before.refs(), p.refs())
	return made, k.take(ctx, t, gone, p.PolicyName)
}

func (k inlineKind) take(ctx context.Context, t *stack.Task, from []identity.Ref, name string) error {
	for _, ref := range from {
		if err := unless(k.admin.DeleteInlinePolicy(ctx, t.Who, ref, name), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	return nil
}

func (k inlineKind) delete(ctx context.Context, t *stack.Task) error {
	p := &inlineProperties{}
	recall(t.Properties, p)
	return k.take(ctx, t, p.refs(), p.PolicyName)
}

type managedKind struct{ admin *identity.Admin }

// managedProperties are those of AWS::IAM::ManagedPolicy.
type managedProperties struct {
	ManagedPolicyName, Description, Path string
	PolicyDocument                       document
	Groups, Roles, Users                 []string
}

func (p *managedProperties) refs() []identity.Ref {
	return (&holders{p.Groups, p.Roles, p.Users}).refs()
}

func (k managedKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p := &managedProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	name := named(p.ManagedPolicyName, t, 128)
	path := p.Path
	if path == "" {
		path = "/"
	}
	policy, err := k.admin.CreatePolicy(ctx, t.Who, identity.NewPolicy{Name: name, Path: path, Text: string(p.PolicyDocument), Description: p.Description})
	if t.Again && errors.Is(err, identity.ErrExists) {
		taken := err
		policy, err = k.admin.Policy(ctx, t.Who, "arn:aws:iam::"+string(t.Who.Account())+":policy"+path+name)
		if err == nil && policy.CreatedAt.Before(t.Since.Truncate(time.Second)) {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	err = k.attach(ctx, t, policy.ARN(), nil, p.refs())
	return k.made(policy), err
}

func (k managedKind) made(p *identity.Policy) stack.Made {
	use := k.admin.PolicyUsage(p.Account, p)
	return stack.Made{Physical: p.ARN(), Attributes: map[string]any{
		"PolicyArn": p.ARN(), "PolicyId": p.ID, "DefaultVersionId": p.Default, "IsAttachable": "true",
		"AttachmentCount": strconv.Itoa(use.Attachments), "PermissionsBoundaryUsageCount": strconv.Itoa(use.Boundaries),
		"CreateDate": p.CreatedAt.Format(time.RFC3339), "UpdateDate": p.UpdatedAt.Format(time.RFC3339),
	}}
}

// attach brings the holders of a policy from before to after.
func (k managedKind) attach(ctx context.Context, t *stack.Task, arn string, before, after []identity.Ref) error {
	gone, added := difference(before, after)
	for _, ref := range added {
		if err := k.admin.AttachPolicy(ctx, t.Who, ref, arn); err != nil {
			return err
		}
	}
	for _, ref := range gone {
		if err := unless(k.admin.DetachPolicy(ctx, t.Who, ref, arn), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	return nil
}

func (k managedKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, before := &managedProperties{}, &managedProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, before)
	policy, err := k.admin.Policy(ctx, t.Who, t.Physical)
	if err != nil {
		return stack.Made{}, err
	}
	if p.PolicyDocument != before.PolicyDocument {
		if len(policy.Versions) == identity.MaxVersions {
			// The oldest makes room, as CloudFormation does it.
			oldest := slices.IndexFunc(policy.Versions, func(v identity.PolicyVersion) bool { return v.ID != policy.Default })
			if err := k.admin.DeletePolicyVersion(ctx, t.Who, t.Physical, policy.Versions[oldest].ID); err != nil {
				return stack.Made{}, err
			}
		}
		if _, err := k.admin.CreatePolicyVersion(ctx, t.Who, t.Physical, string(p.PolicyDocument), true); err != nil {
			return stack.Made{}, err
		}
		if policy, err = k.admin.Policy(ctx, t.Who, t.Physical); err != nil {
			return stack.Made{}, err
		}
	}
	err = k.attach(ctx, t, t.Physical, before.refs(), p.refs())
	return k.made(policy), err
}

func (k managedKind) delete(ctx context.Context, t *stack.Task) error {
	p := &managedProperties{}
	recall(t.Properties, p)
	policy, err := k.admin.Policy(ctx, t.Who, t.Physical)
	if err != nil {
		return unless(err, identity.ErrNoSuchEntity)
	}
	if err := k.attach(ctx, t, t.Physical, p.refs(), nil); err != nil {
		return err
	}
	for _, v := range policy.Versions {
		if v.ID == policy.Default {
			continue
		}
		if err := k.admin.DeletePolicyVersion(ctx, t.Who, t.Physical, v.ID); err != nil {
			return err
		}
	}
	return unless(k.admin.DeletePolicy(ctx, t.Who, t.Physical), identity.ErrNoSuchEntity)
}

type accessKeyKind struct{ admin *identity.Admin }

// accessKeyProperties are those of AWS::IAM::AccessKey.
type accessKeyProperties struct {
	UserName, Status string
	Serial           int
}

func (k accessKeyKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p := &accessKeyProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	if p.UserName == "" {
		return stack.Made{}, errors.New("UserName must have a value")
	}
	// The token brings back a key whose secret was lost in a crash.
	key, _, _, err := k.admin.CreateAccessKey(ctx, t.Who, p.UserName, t.Token)
	if err != nil {
		return stack.Made{}, err
	}
	made := stack.Made{Physical: key.ID, Attributes: map[string]any{"SecretAccessKey": string(key.Secret.Reveal())}}
	if p.Status == "Inactive" {
		err = k.admin.UpdateAccessKey(ctx, t.Who, p.UserName, key.ID, p.Status)
	}
	return made, err
}

func (k accessKeyKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p := &accessKeyProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	status := "Active"
	set(&status, p.Status)
	if err := k.admin.UpdateAccessKey(ctx, t.Who, p.UserName, t.Physical, status); err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: t.Physical, Attributes: t.Attributes}, nil
}

func (k accessKeyKind) delete(ctx context.Context, t *stack.Task) error {
	p := &accessKeyProperties{}
	recall(t.Properties, p)
	return unless(k.admin.DeleteAccessKey(ctx, t.Who, p.UserName, t.Physical), identity.ErrNoSuchEntity)
}

type profileKind struct{ admin *identity.Admin }

// profileProperties are those of AWS::IAM::InstanceProfile.
type profileProperties struct {
	InstanceProfileName, Path string
	Roles                     []string
}

func (k profileKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p := &profileProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	name := named(p.InstanceProfileName, t, 128)
	profile, err := k.admin.CreateProfile(ctx, t.Who, name, p.Path, nil)
	if t.Again && errors.Is(err, identity.ErrExists) {
		taken := err
		profile, err = k.admin.Profile(ctx, t.Who, name)
		if err == nil && profile.CreatedAt.Before(t.Since.Truncate(time.Second)) {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	made := stack.Made{Physical: name, Attributes: map[string]any{"Arn": profile.ARN()}}
	have := []string{}
	if r := k.admin.ProfileRole(profile); r != nil {
		have = append(have, r.Name)
	}
	return made, k.settle(ctx, t, name, have, p.Roles)
}

func (k profileKind) settle(ctx context.Context, t *stack.Task, name string, before, after []string) error {
	gone, added := difference(before, after)
	for _, role := range gone {
		if err := unless(k.admin.RemoveRoleFromProfile(ctx, t.Who, name, role), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	for _, role := range added {
		if err := k.admin.AddRoleToProfile(ctx, t.Who, name, role); err != nil {
			return err
		}
	}
	return nil
}

func (k profileKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, before := &profileProperties{}, &profileProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, before)
	made := stack.Made{Physical: t.Physical, Attributes: t.Attributes}
	return made, k.settle(ctx, t, t.Physical, before.Roles, p.Roles)
}

func (k profileKind) delete(ctx context.Context, t *stack.Task) error {
	p := &profileProperties{}
	recall(t.Properties, p)
	if err := k.settle(ctx, t, t.Physical, p.Roles, nil); err != nil {
		return err
	}
	return unless(k.admin.DeleteProfile(ctx, t.Who, t.Physical), identity.ErrNoSuchEntity)
}
