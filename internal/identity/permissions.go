package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Ref names one of the caller's entities.
type Ref struct {
	Kind Kind
	// Name is the ARN for policies and MFA devices.
	Name string
}

func action(name string) policy.Action { return policy.Action(name) }

// member is how IAM calls the parameter that names an entity of the kind.
func (r Ref) member() string {
	return strings.ToLower(string(r.Kind[:1])) + string(r.Kind[1:]) + "Name"
}

// bearer decides about a user, group or role and returns it. The boundary that
// the call asks for, or else the one that the entity has, is a condition key.
func (a *Admin) bearer(call *access.Call, who *access.Caller, ref Ref, boundary string) (bearer, error) {
	place := placeOf(ref.Kind, who.Account(), ref.Name)
	a.reg.mu.RLock()
	b, ok := a.reg.getLocked(place).(bearer)
	a.reg.mu.RUnlock()
	resource := arnOf(ref.Kind, who.Account(), "/", ref.Name)
	var tags []Tag
	if ok {
		resource, tags = b.ARN(), b.meta().Tags
		if boundary == "" {
			boundary = b.permissions().Boundary
		}
	}
	if boundary != "" {
		call.Keys.Set("iam:PermissionsBoundary", boundary)
	}
	if err := a.ask(call, who, resource, tags); err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(ref.Kind, ref.Name)
	}
	return b, nil
}

// editPermissions changes the policies of an entity that the call may change.
func (a *Admin) editPermissions(ctx context.Context, call *access.Call, who *access.Caller, ref Ref, boundary string, fn func(t *txn, p *Permissions) error) error {
	if _, err := a.bearer(call, who, ref, boundary); err != nil {
		return err
	}
	return a.change(ctx, call, who, func(t *txn) error {
		b, ok := t.get(placeOf(ref.Kind, who.Account(), ref.Name)).(bearer)
		if !ok {
			return notFound(ref.Kind, ref.Name)
		}
		next := cloneBearer(b)
		if err := fn(t, next.permissions()); err != nil {
			return err
		}
		t.put(next)
		return nil
	})
}

// PutInlinePolicy gives a user, group or role a policy of its own, or replaces
// it. It returns ErrMalformedPolicy about a text that is none.
//
// Source: IAM API Reference, PutUserPolicy, PutGroupPolicy, PutRolePolicy.
func (a *Admin) PutInlinePolicy(ctx context.Context, who access.Caller, ref Ref, name, text string) (err error) {
	call := a.begin(&who, action("iam:Put"+string(ref.Kind)+"Policy"),
		note{ref.member(), ref.Name}, note{"policyName", name}, note{"policyDocument", text})
	defer call.End(ctx, &err)
	if err := checkName("policyName", name, 128); err != nil {
		return err
	}
	return a.editPermissions(ctx, call, &who, ref, "", func(_ *txn, p *Permissions) error {
		d, err := parseDocument(policy.UseIdentity, text)
		if err != nil {
			return err
		}
		p.Inline = slices.DeleteFunc(slices.Clone(p.Inline), func(old InlinePolicy) bool { return strings.EqualFold(old.Name, name) })
		p.Inline = append(p.Inline, InlinePolicy{Name: name, Text: text, document: d})
		slices.SortFunc(p.Inline, func(a, b InlinePolicy) int { return strings.Compare(a.Name, b.Name) })
		return checkInlineSize(ref, p)
	})
}

// checkInlineSize bounds the inline policies of an entity together.
func checkInlineSize(ref Ref, p *Permissions) error {
	most := map[Kind]int{KindUser: maxUserInlineChars, KindGroup: maxGroupInlineChars, KindRole: maxRoleInlineChars}[ref.Kind]
	size := 0
	for i := range p.Inline {
		if d := p.Inline[i].document; d != nil {
			size += d.Size()
		}
	}
	if size > most {
		return fail(ErrLimit, "Maximum policy size of %d bytes exceeded for %s %s", most, strings.ToLower(string(ref.Kind)), ref.Name)
	}
	return nil
}

// InlinePolicy returns a policy of a user, group or role, and its text.
func (a *Admin) InlinePolicy(ctx context.Context, who access.Caller, ref Ref, name string) (_ InlinePolicy, err error) {
	call := a.begin(&who, action("iam:Get"+string(ref.Kind)+"Policy"), note{ref.member(), ref.Name}, note{"policyName", name})
	defer call.End(ctx, &err)
	b, err := a.bearer(call, &who, ref, "")
	if err != nil {
		return InlinePolicy{}, err
	}
	p := b.permissions().inline(name)
	if p == nil {
		return InlinePolicy{}, noInline(ref, name)
	}
	return *p, nil
}

func noInline(ref Ref, name string) error {
	return fail(ErrNoSuchEntity, "The %s policy with name %s cannot be found.", strings.ToLower(string(ref.Kind)), name)
}

// DeleteInlinePolicy takes a policy of its own from a user, group or role.
func (a *Admin) DeleteInlinePolicy(ctx context.Context, who access.Caller, ref Ref, name string) (err error) {
	call := a.begin(&who, action("iam:Delete"+string(ref.Kind)+"Policy"), note{ref.member(), ref.Name}, note{"policyName", name})
	defer call.End(ctx, &err)
	return a.editPermissions(ctx, call, &who, ref, "", func(_ *txn, p *Permissions) error {
		if p.inline(name) == nil {
			return noInline(ref, name)
		}
		p.Inline = slices.DeleteFunc(slices.Clone(p.Inline), func(old InlinePolicy) bool { return strings.EqualFold(old.Name, name) })
		return nil
	})
}

// InlinePolicies lists the names of the inline policies of a user, group or role.
func (a *Admin) InlinePolicies(ctx context.Context, who access.Caller, ref Ref, p Page) (_ List[string], err error) {
	call := a.begin(&who, action("iam:List"+string(ref.Kind)+"Policies"), note{ref.member(), ref.Name})
	defer call.End(ctx, &err)
	b, err := a.bearer(call, &who, ref, "")
	if err != nil {
		return List[string]{}, err
	}
	var names []string
	for _, inline := range b.permissions().Inline {
		names = append(names, inline.Name)
	}
	return paginate(names, func(s string) string { return s }, p)
}

// AttachPolicy attaches a managed policy to a user, group or role. One that is
// attached stays so.
//
// Source: IAM API Reference, AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy.
func (a *Admin) AttachPolicy(ctx context.Context, who access.Caller, ref Ref, policyARN string) (err error) {
	call := a.begin(&who, action("iam:Attach"+string(ref.Kind)+"Policy"), note{ref.member(), ref.Name}, note{"policyArn", policyARN})
	defer call.End(ctx, &err)
	if _, err := checkPolicyARN(policyARN); err != nil {
		return err
	}
	call.Keys.Set("iam:PolicyARN", policyARN)
	return a.editPermissions(ctx, call, &who, ref, "", func(t *txn, p *Permissions) error {
		if t.attachable(who.Account(), policyARN) == nil {
			return fail(ErrNoSuchEntity, "Policy %s does not exist or is not attachable.", policyARN)
		}
		if slices.Contains(p.Attached, policyARN) {
			return nil
		}
		if len(p.Attached) >= maxAttached {
			return fail(ErrLimit, "Cannot exceed quota for PoliciesPer%s: %d", ref.Kind, maxAttached)
		}
		p.Attached = append(slices.Clone(p.Attached), policyARN)
		return nil
	})
}

// attachable finds a managed policy that an account may use: its own, or AWS's.
func (t *txn) attachable(account arn.AccountID, ref string) *Policy {
	p := t.reg.policy(ref)
	if p == nil || p.Account != account && p.Account != awsAccount {
		return nil
	}
	return p
}

// DetachPolicy detaches a managed policy from a user, group or role.
func (a *Admin) DetachPolicy(ctx context.Context, who access.Caller, ref Ref, policyARN string) (err error) {
	call := a.begin(&who, action("iam:Detach"+string(ref.Kind)+"Policy"), note{ref.member(), ref.Name}, note{"policyArn", policyARN})
	defer call.End(ctx, &err)
	if _, err := checkPolicyARN(policyARN); err != nil {
		return err
	}
	call.Keys.Set("iam:PolicyARN", policyARN)
	return a.editPermissions(ctx, call, &who, ref, "", func(_ *txn, p *Permissions) error {
		if !slices.Contains(p.Attached, policyARN) {
			return fail(ErrNoSuchEntity, "Policy %s was not found.", policyARN)
		}
		p.Attached = slices.DeleteFunc(slices.Clone(p.Attached), func(old string) bool { return old == policyARN })
		return nil
	})
}

// AttachedPolicies lists the managed policies of a user, group or role whose
// path begins with prefix.
func (a *Admin) AttachedPolicies(ctx context.Context, who access.Caller, ref Ref, prefix string, p Page) (_ List[*Policy], err error) {
	call := a.begin(&who, action("iam:ListAttached"+string(ref.Kind)+"Policies"), note{ref.member(), ref.Name})
	defer call.End(ctx, &err)
	if err := checkPrefix(prefix); err != nil {
		return List[*Policy]{}, err
	}
	b, err := a.bearer(call, &who, ref, "")
	if err != nil {
		return List[*Policy]{}, err
	}
	return paginate(a.attachedTo(b.permissions(), prefix), attachedKey, p)
}

func (a *Admin) attachedTo(p *Permissions, prefix string) []*Policy {
	var all []*Policy
	for _, ref := range p.Attached {
		if m := a.reg.policy(ref); m != nil && strings.HasPrefix(m.Path, prefix) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *Policy) int { return strings.Compare(attachedKey(a), attachedKey(b)) })
	return all
}

// attachedKey orders managed policies by their names. A policy of the account may
// be called like one of AWS.
func attachedKey(p *Policy) string { return nameKey(p) + " " + p.ARN() }

// PutBoundary sets the permissions boundary of a user or role.
//
// Source: IAM API Reference, PutUserPermissionsBoundary, PutRolePermissionsBoundary.
func (a *Admin) PutBoundary(ctx context.Context, who access.Caller, ref Ref, policyARN string) (err error) {
	call := a.begin(&who, action("iam:Put"+string(ref.Kind)+"PermissionsBoundary"), note{ref.member(), ref.Name}, note{"permissionsBoundary", policyARN})
	defer call.End(ctx, &err)
	if _, err := checkPolicyARN(policyARN); err != nil {
		return err
	}
	return a.editPermissions(ctx, call, &who, ref, policyARN, func(t *txn, p *Permissions) error {
		p.Boundary = policyARN
		return t.checkBoundary(who.Account(), policyARN)
	})
}

// DeleteBoundary takes the permissions boundary from a user or role.
func (a *Admin) DeleteBoundary(ctx context.Context, who access.Caller, ref Ref) (err error) {
	call := a.begin(&who, action("iam:Delete"+string(ref.Kind)+"PermissionsBoundary"), note{ref.member(), ref.Name})
	defer call.End(ctx, &err)
	return a.editPermissions(ctx, call, &who, ref, "", func(_ *txn, p *Permissions) error {
		if p.Boundary == "" {
			return fail(ErrNoSuchEntity, "%s %s does not have a permission boundary.", ref.Kind, ref.Name)
		}
		p.Boundary = ""
		return nil
	})
}

// checkBoundary says whether the policy can be a boundary in the account. Empty
// is none.
func (t *txn) checkBoundary(account arn.AccountID, ref string) error {
	if ref != "" && t.attachable(account, ref) == nil {
		return fail(ErrNoSuchEntity, "Scope ARN: %s does not exist or is not attachable.", ref)
	}
	return nil
}
