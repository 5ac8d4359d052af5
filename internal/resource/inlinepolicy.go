package resource

import (
	"context"
	"maps"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// onePolicyKinds are policies of one principal each. Ref is "policy|principal".
func onePolicyKinds(admin *identity.Admin) map[string]*kind {
	all := map[string]*kind{}
	for _, holder := range []identity.Kind{identity.KindGroup, identity.KindRole, identity.KindUser} {
		k := onePolicyKind{admin, holder}
		all["AWS::IAM::"+string(holder)+"Policy"] = &kind{create: k.create, update: k.put, delete: k.delete, replaces: []string{"PolicyName", k.member()}}
	}
	return all
}

type onePolicyKind struct {
	admin  *identity.Admin
	holder identity.Kind
}

// member is the property that names the principal: RoleName.
func (k onePolicyKind) member() string { return string(k.holder) + "Name" }

// onePolicyProperties are those of AWS::IAM::RolePolicy and its like, without the
// one that names the principal.
type onePolicyProperties struct {
	PolicyName     string
	PolicyDocument document
}

func (k onePolicyKind) read(t *stack.Task) (p onePolicyProperties, holder identity.Ref, err error) {
	rest := maps.Clone(t.Properties)
	name, _ := scalar(rest[k.member()])
	delete(rest, k.member())
	return p, identity.Ref{Kind: k.holder, Name: name}, read(rest, &p)
}

// create leaves a policy of that name that the principal has to whoever made it.
func (k onePolicyKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, holder, err := k.read(t)
	if err != nil {
		return stack.Made{}, err
	}
	have, err := k.admin.InlinePolicy(ctx, t.Who, holder, p.PolicyName)
	switch {
	case err == nil && !(t.Again && have.Text == string(p.PolicyDocument)):
		return stack.Made{}, refusal(p.PolicyName + " already exists")
	case unless(err, identity.ErrNoSuchEntity) != nil:
		return stack.Made{}, err
	}
	return k.put(ctx, t)
}

func (k onePolicyKind) put(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, holder, err := k.read(t)
	if err != nil {
		return stack.Made{}, err
	}
	if err := k.admin.PutInlinePolicy(ctx, t.Who, holder, p.PolicyName, string(p.PolicyDocument)); err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: p.PolicyName + "|" + holder.Name}, nil
}

func (k onePolicyKind) delete(ctx context.Context, t *stack.Task) error {
	p, holder, err := k.read(t)
	if err != nil {
		return err
	}
	return unless(k.admin.DeleteInlinePolicy(ctx, t.Who, holder, p.PolicyName), identity.ErrNoSuchEntity)
}
