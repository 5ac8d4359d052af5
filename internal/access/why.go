package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// ErrNoDenial says that no denied call with that request id is remembered, or
// none that is the asker's business.
var ErrNoDenial = errors.New("access: no denial of that request is remembered")

// Denial is one denied decision as its owner may see it.
type Denial struct {
	RequestID string
	Time      time.Time
	Principal string
	Action    policy.Action
	Resource  string
	Reason    policy.Reason
	// Findings are what every statement of the asker's own policies had to say, and
	// the policies that said nothing.
	Findings []Finding

	caller, owner arn.AccountID
}

// Finding is what a statement, or a whole policy, had to say.
type Finding struct {
	policy.Finding
	// Name is what identity calls the policy; empty where only Source and the
	// place tell which it is.
	Name string
}

// maxDenials bounds the denials that are remembered, and maxFindings what they
// found together: a policy may have hundreds of statements, each with its finding.
const (
	maxDenials  = 4096
	maxFindings = 16 * maxDenials
)

// denials remembers the newest denials of this process.
type denials struct {
	mu sync.Mutex
	// Guarded by mu.
	kept     []Denial // oldest first
	findings int      // of all that are kept
}

func (d *denials) add(n Denial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, n)
	for d.findings += len(n.Findings); len(d.kept) > maxDenials || d.findings > maxFindings; {
		d.findings -= len(d.kept[0].Findings)
		d.kept[0] = Denial{} // its place stays until the slice grows
		d.kept = d.kept[1:]
	}
}

// of returns the denials of a request that are the business of account, as the
// caller's or as the resource's owner, in the order of time.
func (d *denials) of(requestID string, account arn.AccountID) []Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []Denial
	for _, n := range d.kept {
		if n.RequestID == requestID && (n.caller == account || n.owner == account) {
			found = append(found, n.seenBy(account))
		}
	}
	return found
}

// seenBy leaves to an account what its own policies said: the resource's policy
// is its owner's business, the others are the caller's account's.
func (n Denial) seenBy(account arn.AccountID) Denial {
	var own []Finding
	for _, f := range n.Findings {
		whose := n.caller
		if f.Source == policy.ResourceSource {
			whose = n.owner
		}
		if whose == account {
			own = append(own, f)
		}
	}
	n.Findings = own
	// Which way to say no it is, is the business of those whose policies say it.
	switch n.Reason {
	case policy.ResourceDeny:
		if account != n.owner {
			n.Reason = policy.NoResourceAllow
		}
	case policy.IdentityDeny, policy.NoBoundaryAllow, policy.BoundaryDeny, policy.NoSessionAllow, policy.SessionDeny,
		policy.NoControlAllow, policy.ControlDeny:
		if account != n.caller {
			n.Reason = policy.NoIdentityAllow
		}
	}
	return n
}

// remember keeps why a decision was a denial.
func (c *Call) remember(r *policy.Request, p *policy.Policies, d policy.Decision) {
	who := c.who.Principal.ARN
	if c.who.Principal.Kind == policy.Service {
		who = c.who.Principal.Service
	}
	c.gate.denials.add(Denial{
		RequestID: c.who.RequestID, Time: c.who.At, Principal: who, Action: r.Action, Resource: r.Resource, Reason: d.Reason,
		Findings: c.gate.explain(r, p), caller: c.who.Principal.Account, owner: r.Owner,
	})
}

// explain is policy.Explain with the names of the policies.
func (g *Gate) explain(r *policy.Request, p *policy.Policies) []Finding {
	found := policy.Explain(r, p)
	var names []string
	var boundary string
	if g.cfg.PolicyNames != nil {
		names, boundary = g.cfg.PolicyNames(r.Principal)
	}
	if len(names) != len(p.Identity) {
		names = nil // they changed since
	}
	all := make([]Finding, len(found))
	for i, f := range found {
		all[i].Finding = f
		switch {
		case f.Source == policy.BoundarySource:
			all[i].Name = boundary
		case f.Source == policy.IdentitySource && names != nil:
			all[i].Name = names[f.Policy]
		}
	}
	return all
}

// Why tells why the decisions of a past request were denials: the newest
// denials of this process are remembered, 4,096 at the most. It returns ErrNoDenial when there is
// none, or none of the asker's account.
//
// The asker needs keyfront:Explain.
func (g *Gate) Why(ctx context.Context, who Caller, requestID string) (_ []Denial, err error) {
	call := g.Begin(who, "keyfront:Explain")
	defer call.End(ctx, &err)
	call.Note("requestId", requestID)
	if err := call.Decide(Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	found := g.denials.of(requestID, who.Account())
	if len(found) == 0 {
		return nil, ErrNoDenial
	}
	return found, nil
}

// Question describes a request that nobody made, to be told what would be.
type Question struct {
	Principal string // ARN
	Action    policy.Action
	Resource  string // ARN, or "*"
	// Keys are condition keys; they win over those of the asker's own request.
	Keys map[string][]string
}

// Described is what may speak on the request of a Question.
type Described struct {
	Principal policy.Principal
	Tags      []Tag
	// Target names action, resource and the resource's policy.
	Target Target
}

// Explain tells how a described request would be decided and why. describe looks
// it up, when the asker may ask. The asker needs keyfront:Explain, and must be of
// the principal's account or of the resource's; it returns ErrNoDenial otherwise.
func (g *Gate) Explain(ctx context.Context, who Caller, q Question, describe func(context.Context, Caller, Question) (Described, error)) (allowed bool, _ Denial, err error) {
	call := g.Begin(who, "keyfront:Explain")
	defer call.End(ctx, &err)
	call.Note("principal", q.Principal)
	call.Note("action", string(q.Action))
	call.Note("resource", q.Resource)
	if err := call.Decide(Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return false, Denial{}, err
	}
	d, err := describe(ctx, who, q)
	if err != nil {
		return false, Denial{}, err
	}
	if who.Account() != d.Principal.Account && who.Account() != d.Target.Owner {
		return false, Denial{}, ErrNoDenial
	}
	asked := who
	asked.Principal, asked.Tags, asked.Session, asked.SourceARN = d.Principal, d.Tags, nil, ""
	would := g.Begin(asked, d.Target.Action)
	would.describe()
	for name, values := range q.Keys {
		would.Keys.Set(name, values...)
	}
	r, p, decision := would.decide(d.Target)
	why := Denial{
		Time: who.At, Principal: d.Principal.ARN, Action: r.Action, Resource: r.Resource, Reason: decision.Reason,
		Findings: g.explain(r, p), caller: d.Principal.Account, owner: r.Owner,
	}
	return decision.Allowed, why.seenBy(who.Account()), nil
}
