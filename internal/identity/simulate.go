package identity

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Simulation asks what the gate would decide.
type Simulation struct {
	// Actions are asked about one by one, on each of Resources ("*" if none).
	Actions, Resources []string
	// Policies count beside the principal's own, Boundaries instead of its own.
	Policies, Boundaries []string
	// ResourcePolicy is the policy of the resource, and Owner the account that
	// owns it; the caller's if empty.
	ResourcePolicy string
	Owner          arn.AccountID
	// Caller is the ARN of the user who asks, where policies are not of a user.
	Caller string
	// Keys are condition keys with their values.
	Keys map[string][]string
}

// Verdict is the answer about one action on one resource.
type Verdict struct {
	Action, Resource string
	Decision         policy.Decision
	// Findings are the statements that decided.
	Findings []NamedFinding
	// MissingKeys are condition keys that policies ask for and Keys lacks.
	MissingKeys []string
	// BoundaryAllows is nil where there is no boundary.
	BoundaryAllows *bool

	order string // of the answers
}

// NamedFinding is a statement that spoke, and the policy that it is in.
type NamedFinding struct {
	policy.Finding
	// PolicyID names the policy: "PolicyInputList.1", "user_alice_inline-name", or
	// the name of a managed policy.
	PolicyID string
}

// maxSimulations bounds the pairs of action and resource in one call.
const maxSimulations = 1000

// named is a document and what a simulation calls it.
type named struct {
	id       string
	document *policy.Document
}

// SimulatePrincipal tells what the gate would decide about calls of a user, group
// or role.
//
// Source: IAM API Reference, SimulatePrincipalPolicy.
func (a *Admin) SimulatePrincipal(ctx context.Context, who access.Caller, source string, in Simulation, page Page) (_ List[Verdict], err error) {
	call := a.begin(&who, "iam:SimulatePrincipalPolicy", note{"policySourceArn", source})
	defer call.End(ctx, &err)
	b, err := a.source(call, &who, source)
	if err != nil {
		return List[Verdict]{}, err
	}
	own, boundary := a.policiesOf(b)
	who.Tags = b.meta().Tags
	return simulate(a.simulatedPrincipal(b), who, own, boundary, in, page)
}

// SimulateCustom tells what the gate would decide about calls under the policies
// of the simulation alone.
//
// Source: IAM API Reference, SimulateCustomPolicy.
func (a *Admin) SimulateCustom(ctx context.Context, who access.Caller, in Simulation, page Page) (_ List[Verdict], err error) {
	call := a.begin(&who, "iam:SimulateCustomPolicy")
	defer call.End(ctx, &err)
	if err := a.ask(call, &who, "*", nil); err != nil {
		return List[Verdict]{}, err
	}
	if len(in.Policies) == 0 {
		return List[Verdict]{}, invalid("policyInputList", "null", "not be null")
	}
	p := policy.Principal{Kind: policy.User, Account: who.Account(), ARN: arn.User(who.Account(), "/", "simulated").String(), Name: "simulated"}
	return simulate(p, who, nil, nil, in, page)
}

// source decides about simulating the user, group or role of that ARN.
func (a *Admin) source(call *access.Call, who *access.Caller, source string) (bearer, error) {
	name, err := arn.Parse(source)
	if err != nil {
		return nil, fail(ErrValidation, "Invalid ARN:  Could not be parsed!")
	}
	kind, _, _ := strings.Cut(name.Resource, "/")
	b, ok := a.reg.named(map[string]Kind{"user": KindUser, "group": KindGroup, "role": KindRole}[kind], name)
	ok = ok && name.Account == who.Account() && b.ARN() == source
	var tags []Tag
	if ok {
		tags = b.meta().Tags
	}
	if err := a.ask(call, who, source, tags); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail(ErrNoSuchEntity, "Policy source %s cannot be found.", source)
	}
	return b, nil
}

func (r *register) named(k Kind, name arn.ARN) (bearer, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	b, ok := r.getLocked(placeOf(k, name.Account, name.Name())).(bearer)
	return b, ok
}

// policiesOf lists what the gate would read of an entity, with names.
func (a *Admin) policiesOf(b bearer) (own []named, boundary *policy.Document) {
	add := func(b bearer) {
		for _, p := range b.permissions().Inline {
			own = append(own, named{strings.ToLower(string(b.kind())) + "_" + b.meta().Name + "_" + p.Name, p.document})
		}
		for _, ref := range b.permissions().Attached {
			n := named{id: ref}
			if p := a.reg.policy(ref); p != nil {
				n = named{p.Name, p.document}
			}
			own = append(own, n)
		}
	}
	add(b)
	if u, ok := b.(*User); ok {
		for _, g := range a.groupsOf(u) {
			add(g)
		}
	}
	if ref := b.permissions().Boundary; ref != "" {
		if boundary = missing; a.reg.policy(ref) != nil {
			boundary = a.reg.policy(ref).document
		}
	}
	return own, boundary
}

// simulatedPrincipal is who would call: the user, a session of the role, or a
// user of the group.
func (a *Admin) simulatedPrincipal(b bearer) policy.Principal {
	switch st := a.reg.standing(b.meta().ID); {
	case st == nil:
		account := b.meta().Account
		return policy.Principal{Kind: policy.User, Account: account, ARN: arn.User(account, "/", "simulated").String(), Name: "simulated"}
	case st.principal.Kind == policy.RoleSession:
		return st.sessionPrincipal("simulated")
	default:
		return st.principal
	}
}

func simulate(p policy.Principal, who access.Caller, own []named, boundary *policy.Document, in Simulation, page Page) (out List[Verdict], err error) {
	if len(in.Actions) == 0 {
		return out, invalid("actionNames", "null", "not be null")
	}
	if len(in.Resources) == 0 {
		in.Resources = []string{"*"}
	}
	if len(in.Actions)*len(in.Resources) > maxSimulations {
		return out, fail(ErrInvalidInput, "More than %d pairs of action and resource.", maxSimulations)
	}
	for i, text := range in.Policies {
		d, err := simulatedDocument(policy.UseIdentity, text)
		if err != nil {
			return out, err
		}
		own = append(own, named{"PolicyInputList." + strconv.Itoa(i+1), d})
	}
	switch len(in.Boundaries) {
	case 0:
	case 1:
		if boundary, err = simulatedDocument(policy.UseBoundary, in.Boundaries[0]); err != nil {
			return out, err
		}
	default:
		return out, fail(ErrInvalidInput, "Only one permissions boundary can be simulated.")
	}
	if in.Caller != "" {
		if p, err = callerOf(in.Caller); err != nil {
			return out, err
		}
	}
	policies, keys := policy.Policies{Rule: policy.IdentityOnly, Boundary: boundary}, contextOf(&who, in.Keys)
	for _, n := range own {
		policies.Identity = append(policies.Identity, n.document)
	}
	var verdicts []Verdict
	for _, act := range in.Actions {
		if service, name, ok := strings.Cut(act, ":"); !ok || service == "" || name == "" {
			return out, fail(ErrInvalidInput, "Invalid Action: %s", act)
		}
		if policies.Resource, policies.Rule, err = resourceOf(in.ResourcePolicy, act); err != nil {
			return out, err
		}
		for _, resource := range in.Resources {
			r := &policy.Request{Principal: &p, Action: policy.Action(act), Resource: resource, Owner: in.Owner, Time: who.At, Context: keys}
			if r.Owner == "" {
				r.Owner = p.Account
			}
			v := verdict(r, &policies, own, in.Keys)
			v.order = fmt.Sprintf("%04d", len(verdicts))
			verdicts = append(verdicts, v)
		}
	}
	return paginate(verdicts, func(v Verdict) string { return v.order }, page)
}

func simulatedDocument(use policy.Use, text string) (*policy.Document, error) {
	d, err := policy.Parse(use, text)
	if err != nil {
		return nil, fail(ErrInvalidInput, "%s", malformed(err))
	}
	return d, nil
}

// callerOf is the principal that an ARN names.
func callerOf(text string) (policy.Principal, error) {
	a, err := arn.Parse(text)
	if err == nil {
		switch a.Principal() {
		case arn.AccountPrincipal:
			return rootPrincipal(a.Account), nil
		case arn.UserPrincipal:
			return policy.Principal{Kind: policy.User, Account: a.Account, ARN: text, Name: a.Name()}, nil
		}
	}
	return policy.Principal{}, fail(ErrInvalidInput, "Invalid value for CallerArn: only the ARN of a user can be simulated.")
}

// resourceOf reads the policy of the resource as the service of the action would.
func resourceOf(text, act string) (*policy.Document, policy.Rule, error) {
	if text == "" {
		return nil, policy.IdentityOnly, nil
	}
	use, rule := policy.UseResource, policy.ResourceOrIdentity
	switch service, _, _ := strings.Cut(strings.ToLower(act), ":"); service {
	case "kms":
		use, rule = policy.UseKey, policy.KeyPolicy
	case "s3":
		use = policy.UseBucket
	case "sts":
		use, rule = policy.UseTrust, policy.TrustPolicy
	}
	d, err := simulatedDocument(use, text)
	return d, rule, err
}

// contextOf is the condition keys of a simulated request: those that are given,
// and the clock and the principal's tags.
func contextOf(who *access.Caller, given map[string][]string) *policy.Context {
	keys := policy.NewContext(len(given) + len(who.Tags))
	for _, t := range who.Tags {
		keys.SetIn("aws:PrincipalTag/", t.Key, t.Value)
	}
	for name, values := range given {
		if len(values) == 1 {
			keys.Set(name, values[0])
		} else {
			keys.SetList(name, values)
		}
	}
	return keys
}

func verdict(r *policy.Request, p *policy.Policies, own []named, given map[string][]string) Verdict {
	v := Verdict{Action: string(r.Action), Resource: r.Resource, Decision: policy.Decide(r, p)}
	for _, f := range policy.Explain(r, p) {
		// A statement that allows has no part in an explicit denial.
		if !f.Applied || f.Deny != v.Decision.Reason.Explicit() {
			continue
		}
		id := f.Source.String()
		if f.Source == policy.IdentitySource {
			id = own[f.Policy].id
		}
		v.Findings = append(v.Findings, NamedFinding{f, id})
	}
	if p.Boundary != nil {
		ok := policy.Decide(r, &policy.Policies{Rule: policy.IdentityOnly, Identity: []*policy.Document{p.Boundary}}).Allowed
		v.BoundaryAllows = &ok
	}
	v.MissingKeys = missingKeys(p, given)
	return v
}

// ContextKeys lists the condition keys that policies ask for: those of the texts,
// and those of the user, group or role source if it is not empty.
//
// Source: IAM API Reference, GetContextKeysForPrincipalPolicy, GetContextKeysForCustomPolicy.
func (a *Admin) ContextKeys(ctx context.Context, who access.Caller, source string, texts []string) (_ []string, err error) {
	op := action("iam:GetContextKeysForCustomPolicy")
	if source != "" {
		op = "iam:GetContextKeysForPrincipalPolicy"
	}
	call := a.begin(&who, op, note{"policySourceArn", source})
	defer call.End(ctx, &err)
	var own []named
	if source == "" {
		err = a.ask(call, &who, "*", nil)
	} else {
		var b bearer
		if b, err = a.source(call, &who, source); err == nil {
			own, _ = a.policiesOf(b)
		}
	}
	if err != nil {
		return nil, err
	}
	var documents []*policy.Document
	for _, n := range own {
		documents = append(documents, n.document)
	}
	for _, text := range texts {
		d, err := simulatedDocument(policy.UseIdentity, text)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return contextKeys(documents), nil
}

// contextKeys lists the condition keys that documents ask for, each once.
func contextKeys(documents []*policy.Document) []string {
	var keys []string
	for _, d := range documents {
		if d != nil {
			keys = append(keys, d.ContextKeys()...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// missingKeys lists the keys that policies ask for and that neither the
// simulation gives nor the gate derives.
func missingKeys(p *policy.Policies, given map[string][]string) []string {
	known := map[string]bool{
		"aws:currenttime": true, "aws:epochtime": true, "aws:principalarn": true, "aws:principalaccount": true, "aws:principaltype": true,
		"aws:userid": true, "aws:username": true, "aws:principalisawsservice": true, "aws:resourceaccount": true, "s3:resourceaccount": true,
	}
	for name := range given {
		known[strings.ToLower(name)] = true
	}
	return slices.DeleteFunc(contextKeys(append(slices.Clone(p.Identity), p.Resource, p.Boundary)), func(k string) bool { return known[k] })
}
