package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// NewPolicy describes a managed policy to be made.
type NewPolicy struct {
	Name        string // 1 to 128 letters
	Path        string // "/" if empty
	Text        string
	Description string
	Tags        []Tag
}

// CreatePolicy makes a managed policy. It returns ErrExists about a name that is
// taken, and ErrMalformedPolicy about a text that is no policy.
func (a *Admin) CreatePolicy(ctx context.Context, who access.Caller, in NewPolicy) (_ *Policy, err error) {
	call := a.begin(&who, "iam:CreatePolicy", note{"policyName", in.Name}, note{"path", in.Path}, note{"policyDocument", in.Text})
	defer call.End(ctx, &err)
	p := &Policy{
		Meta:        Meta{Account: who.Account(), Name: in.Name, Path: in.Path, Tags: in.Tags},
		Description: in.Description, Default: "v1", LastVersion: 1,
	}
	if err := checkNew(&who, "policyName", &p.Meta, 128); err != nil {
		return nil, err
	}
	if err := checkDescription(p.Description); err != nil {
		return nil, err
	}
	if err := a.askNew(call, &who, p, "iam:TagPolicy"); err != nil {
		return nil, err
	}
	if err := checkManaged(in.Text); err != nil {
		return nil, err
	}
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindPolicy, p.Account, p.Name); err != nil {
			return err
		}
		if err := t.quota(KindPolicy, p.Account, maxPolicies, "Policies"); err != nil {
			return err
		}
		p = copyOf(p)
		p.ID, p.CreatedAt, p.UpdatedAt = newID("ANPA"), t.now, t.now
		p.Versions = []PolicyVersion{{ID: "v1", Text: in.Text, CreatedAt: t.now}}
		t.put(p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// checkManaged says whether text may be a version of a managed policy. Unlike an
// inline policy, it must say that it is in the newer version of the language.
func checkManaged(text string) error {
	d, err := parseDocument(policy.UseIdentity, text)
	if err != nil {
		return err
	}
	if !d.Variables() {
		return fail(ErrMalformedPolicy, "Policy document must be version 2012-10-17 or greater.")
	}
	if d.Size() > maxManagedChars {
		return fail(ErrLimit, "Cannot exceed quota for PolicySize: %d", maxManagedChars)
	}
	return nil
}

// managed decides about a managed policy of the caller's account, or of AWS, and
// returns it. own wants one that the caller can change.
func (a *Admin) managed(call *access.Call, who *access.Caller, ref string, own bool) (*Policy, error) {
	name, err := checkPolicyARN(ref)
	if err != nil {
		return nil, err
	}
	p := a.reg.policy(ref)
	var tags []Tag
	if p != nil && p.Account == who.Account() {
		tags = p.Tags
	}
	if err := a.ask(call, who, ref, tags); err != nil {
		return nil, err
	}
	if own && name.Account != who.Account() {
		return nil, fail(ErrForeign, "Policy is outside your own account.")
	}
	if p == nil || p.Account != who.Account() && p.Account != awsAccount {
		return nil, notFound(KindPolicy, ref)
	}
	return p, nil
}

// editPolicy changes one of the caller's managed policies.
func (a *Admin) editPolicy(ctx context.Context, call *access.Call, who *access.Caller, ref string, fn func(t *txn, p *Policy) error) error {
	if _, err := a.managed(call, who, ref, true); err != nil {
		return err
	}
	return a.change(ctx, call, who, func(t *txn) error {
		p := t.reg.policy(ref)
		if p == nil {
			return notFound(KindPolicy, ref)
		}
		return edit(t, p.Account, p.Name, func(p *Policy) error { return fn(t, p) })
	})
}

// Policy describes a managed policy.
func (a *Admin) Policy(ctx context.Context, who access.Caller, ref string) (_ *Policy, err error) {
	call := a.begin(&who, "iam:GetPolicy", note{"policyArn", ref})
	defer call.End(ctx, &err)
	return a.managed(call, &who, ref, false)
}

// PolicyFilter chooses managed policies.
type PolicyFilter struct {
	// Scope is "AWS" or "Local"; "All" or empty for both.
	Scope string
	// Attached leaves out what nobody has attached.
	Attached   bool
	PathPrefix string
	// Usage is "PermissionsPolicy" or "PermissionsBoundary": what is in such use.
	// Empty is all.
	Usage string
}

func checkUsage(usage string) error {
	if usage == "" {
		return nil
	}
	return checkEnum("policyUsageFilter", usage, "PermissionsPolicy", usageBoundary)
}

const usageBoundary = "PermissionsBoundary"

// Policies lists managed policies.
func (a *Admin) Policies(ctx context.Context, who access.Caller, in PolicyFilter, p Page) (_ List[*Policy], err error) {
	call := a.begin(&who, "iam:ListPolicies", note{"scope", in.Scope}, note{"pathPrefix", in.PathPrefix})
	defer call.End(ctx, &err)
	if err := checkPrefix(in.PathPrefix); err != nil {
		return List[*Policy]{}, err
	}
	if err := checkEnum("scope", cmp.Or(in.Scope, "All"), "All", "AWS", "Local"); err != nil {
		return List[*Policy]{}, err
	}
	if err := checkUsage(in.Usage); err != nil {
		return List[*Policy]{}, err
	}
	if err := a.ask(call, &who, underPrefix(KindPolicy, &who, in.PathPrefix), nil); err != nil {
		return List[*Policy]{}, err
	}
	var all []*Policy
	if in.Scope != "AWS" {
		all = list[*Policy](a.reg, who.Account(), in.PathPrefix)
	}
	if in.Scope != "Local" {
		for _, m := range awsManaged {
			if strings.HasPrefix(m.Path, in.PathPrefix) {
				all = append(all, m)
			}
		}
	}
	all = slices.DeleteFunc(all, func(m *Policy) bool {
		u := a.PolicyUsage(who.Account(), m)
		switch {
		case in.Usage == usageBoundary:
			return u.Boundaries == 0
		case in.Usage != "" || in.Attached:
			return u.Attachments == 0
		}
		return false
	})
	slices.SortFunc(all, func(a, b *Policy) int { return strings.Compare(a.ARN(), b.ARN()) })
	return paginate(all, (*Policy).ARN, p)
}

// Usage is how often a managed policy is in use in an account.
type Usage struct{ Attachments, Boundaries int }

// PolicyUsage counts who has the policy in the account.
func (a *Admin) PolicyUsage(account arn.AccountID, p *Policy) Usage {
	ref := p.ARN()
	a.reg.mu.RLock()
	defer a.reg.mu.RUnlock()
	return Usage{countIn(account, a.reg.attached[ref]), countIn(account, a.reg.bounded[ref])}
}

func countIn(account arn.AccountID, places []place) int {
	n := 0
	for _, p := range places {
		if p.account == account {
			n++
		}
	}
	return n
}

// DeletePolicy deletes a managed policy. It returns ErrDeleteConflict while
// somebody has it, or it has versions beside the default one.
func (a *Admin) DeletePolicy(ctx context.Context, who access.Caller, ref string) (err error) {
	call := a.begin(&who, "iam:DeletePolicy", note{"policyArn", ref})
	defer call.End(ctx, &err)
	if _, err := a.managed(call, &who, ref, true); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		p := t.reg.policy(ref)
		if p == nil {
			return notFound(KindPolicy, ref)
		}
		if a.PolicyUsage(p.Account, p) != (Usage{}) {
			return fail(ErrDeleteConflict, "Cannot delete a policy attached to entities.")
		}
		if len(p.Versions) > 1 {
			return fail(ErrDeleteConflict, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		t.remove(p)
		return nil
	})
}

// CreatePolicyVersion adds a version to a managed policy, as the default one if
// that is asked for.
func (a *Admin) CreatePolicyVersion(ctx context.Context, who access.Caller, ref, text string, asDefault bool) (_ PolicyVersion, err error) {
	call := a.begin(&who, "iam:CreatePolicyVersion", note{"policyArn", ref}, note{"policyDocument", text}, note{"setAsDefault", fmt.Sprint(asDefault)})
	defer call.End(ctx, &err)
	var v PolicyVersion
	err = a.editPolicy(ctx, call, &who, ref, func(t *txn, p *Policy) error {
		if err := checkManaged(text); err != nil {
			return err
		}
		if len(p.Versions) >= MaxVersions {
			return fail(ErrLimit, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", MaxVersions)
		}
		p.LastVersion++
		v = PolicyVersion{ID: fmt.Sprintf("v%d", p.LastVersion), Text: text, CreatedAt: t.now}
		p.Versions = append(slices.Clone(p.Versions), v)
		p.UpdatedAt = t.now
		if asDefault {
			p.Default, p.document = v.ID, nil
		}
		return nil
	})
	return v, err
}

// PolicyVersion returns a version of a managed policy, and whether it is the
// default one.
func (a *Admin) PolicyVersion(ctx context.Context, who access.Caller, ref, id string) (_ PolicyVersion, isDefault bool, err error) {
	call := a.begin(&who, "iam:GetPolicyVersion", note{"policyArn", ref}, note{"versionId", id})
	defer call.End(ctx, &err)
	p, err := a.managed(call, &who, ref, false)
	if err != nil {
		return PolicyVersion{}, false, err
	}
	v := p.version(id)
	if v == nil {
		return PolicyVersion{}, false, noVersion(ref, id)
	}
	return *v, v.ID == p.Default, nil
}

func noVersion(ref, id string) error {
	if number(id) == 0 {
		return invalid("versionId", id, `satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)
	}
	return fail(ErrNoSuchEntity, "Policy %s version %s does not exist or is not attachable.", ref, id)
}

// PolicyVersions lists the versions of a managed policy, the newest first, and
// names the default one.
func (a *Admin) PolicyVersions(ctx context.Context, who access.Caller, ref string, page Page) (_ List[PolicyVersion], defaultID string, err error) {
	call := a.begin(&who, "iam:ListPolicyVersions", note{"policyArn", ref})
	defer call.End(ctx, &err)
	p, err := a.managed(call, &who, ref, false)
	if err != nil {
		return List[PolicyVersion]{}, "", err
	}
	versions := slices.Clone(p.Versions)
	slices.Reverse(versions)
	list, err := paginate(versions, func(v PolicyVersion) string { return fmt.Sprintf("%08x", ^uint32(number(v.ID))) }, page)
	return list, p.Default, err
}

// DeletePolicyVersion deletes a version of a managed policy, which must not be
// the default one (ErrDeleteConflict).
func (a *Admin) DeletePolicyVersion(ctx context.Context, who access.Caller, ref, id string) (err error) {
	call := a.begin(&who, "iam:DeletePolicyVersion", note{"policyArn", ref}, note{"versionId", id})
	defer call.End(ctx, &err)
	return a.editPolicy(ctx, call, &who, ref, func(t *txn, p *Policy) error {
		if p.version(id) == nil {
			return noVersion(ref, id)
		}
		if p.Default == id {
			return fail(ErrDeleteConflict, "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(v PolicyVersion) bool { return v.ID == id })
		p.UpdatedAt = t.now
		return nil
	})
}

// SetDefaultPolicyVersion makes a version of a managed policy the one that counts.
func (a *Admin) SetDefaultPolicyVersion(ctx context.Context, who access.Caller, ref, id string) (err error) {
	call := a.begin(&who, "iam:SetDefaultPolicyVersion", note{"policyArn", ref}, note{"versionId", id})
	defer call.End(ctx, &err)
	return a.editPolicy(ctx, call, &who, ref, func(t *txn, p *Policy) error {
		if p.version(id) == nil {
			return noVersion(ref, id)
		}
		p.Default, p.document, p.UpdatedAt = id, nil, t.now
		return nil
	})
}

// Holder is an entity that has a managed policy attached, or as its boundary.
type Holder struct {
	Kind     Kind
	Name, ID string
}

// HolderFilter chooses among the holders of a policy.
type HolderFilter struct {
	// Filter is "User", "Group" or "Role"; empty for all.
	Filter     string
	PathPrefix string
	// Usage is "PermissionsPolicy" (also if empty) or "PermissionsBoundary".
	Usage string
}

// PolicyHolders lists who in the caller's account has a managed policy.
//
// Source: IAM API Reference, ListEntitiesForPolicy.
func (a *Admin) PolicyHolders(ctx context.Context, who access.Caller, ref string, in HolderFilter, page Page) (_ List[Holder], err error) {
	call := a.begin(&who, "iam:ListEntitiesForPolicy", note{"policyArn", ref})
	defer call.End(ctx, &err)
	if err := checkPrefix(in.PathPrefix); err != nil {
		return List[Holder]{}, err
	}
	if in.Filter != "" {
		if err := checkEnum("entityFilter", in.Filter, "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"); err != nil {
			return List[Holder]{}, err
		}
	}
	if err := checkUsage(in.Usage); err != nil {
		return List[Holder]{}, err
	}
	if _, err := a.managed(call, &who, ref, false); err != nil {
		return List[Holder]{}, err
	}
	x := a.reg.attached
	if in.Usage == usageBoundary {
		x = a.reg.bounded
	}
	var holders []Holder
	for _, b := range among[bearer](a.reg, x, ref) {
		m := b.meta()
		if m.Account == who.Account() && (in.Filter == "" || in.Filter == string(b.kind())) && strings.HasPrefix(m.Path, in.PathPrefix) {
			holders = append(holders, Holder{b.kind(), m.Name, m.ID})
		}
	}
	slices.SortFunc(holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return paginate(holders, func(h Holder) string { return string(h.Kind) + "/" + h.Name }, page)
}
