package policy

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// Decision is the answer of Decide.
type Decision struct {
	Allowed bool
	Reason  Reason // Undenied when allowed
}

// Reason is why a request was denied.
type Reason uint8

const (
	Undenied Reason = iota
	// Nobody allowed it.
	NoIdentityAllow
	NoResourceAllow
	NoBoundaryAllow
	NoSessionAllow
	NoControlAllow
	// A statement denied it.
	IdentityDeny
	ResourceDeny
	BoundaryDeny
	SessionDeny
	ControlDeny
	// RootMayNotAssume says that root users have no roles.
	RootMayNotAssume
	// Undecidable says that the request or its policies are not fit to be
	// judged: no principal, no action, a document that is missing.
	Undecidable
)

// Explicit reports whether a statement denied the request.
func (r Reason) Explicit() bool { return r >= IdentityDeny && r <= ControlDeny }

// evaluation is one request on its way through the documents.
type evaluation struct {
	r        *Request
	p        *Principal
	use      Use // of the document being judged
	resource arn.Name

	action actionName
}

// newEvaluation prepares r. ok is false when r cannot be judged.
func newEvaluation(r *Request) (e evaluation, ok bool) {
	if r == nil || r.Principal == nil || r.Resource == "" ||
		strings.IndexByte(string(r.Action), ':') <= 0 || len(r.Action) > maxActionLen {
		return evaluation{}, false
	}
	e = evaluation{r: r, p: r.Principal, resource: arn.NameOf(r.Resource)}
	e.action.set(string(r.Action))
	return e, true
}

// voice is what one or several documents of a kind say.
type voice struct {
	denied  bool
	allowed grade
}

// hear adds what d says. It stops at the first Deny, and passes over an Allow
// that can add nothing.
func (v *voice) hear(e *evaluation, d *Document) {
	e.use = d.use
	for i := range d.statements {
		s := &d.statements[i]
		if !s.deny && v.allowed == byEverybody {
			continue
		}
		g, _ := s.judge(e)
		switch {
		case g == unnamed:
		case s.deny:
			v.denied = true
			return
		default:
			v.allowed = max(v.allowed, g)
		}
	}
}

// hearAll adds what a list says. ok is false when a document is missing.
func (v *voice) hearAll(e *evaluation, list []*Document) (ok bool) {
	for _, d := range list {
		if d == nil {
			return false
		}
		if v.hear(e, d); v.denied {
			return true
		}
	}
	return true
}

// voices are all that spoke on a request.
type voices struct {
	resource, identity, boundary, session, control voice
}

// Decide answers whether the request may go on. It allocates nothing unless a
// policy with variables or a text comparison of a clock key applies. Whatever
// cannot be judged is denied.
//
// Source: IAM User Guide, "Policy evaluation logic"; KMS Developer Guide,
// "Troubleshooting key access".
func Decide(r *Request, p *Policies) Decision {
	if reason := decide(r, p); reason != Undenied {
		return Decision{Reason: reason}
	}
	return Decision{Allowed: true}
}

func decide(r *Request, p *Policies) Reason {
	e, ok := newEvaluation(r)
	if !ok || p == nil {
		return Undecidable
	}
	var v voices
	if reason := v.collect(&e, p); reason != Undenied {
		return reason
	}
	switch e.p.Kind {
	case Anonymous:
		// Nobody in particular has no account whose policies could agree.
		if p.Rule == ResourceOrIdentity && v.resource.allowed == byEverybody {
			return Undenied
		}
		return NoResourceAllow
	case Service, OriginIdentity:
		if v.resource.allowed != unnamed {
			return Undenied
		}
		return NoResourceAllow
	case Root:
		if p.Rule == TrustPolicy {
			return RootMayNotAssume
		}
	case User, RoleSession, FederatedUser:
	default:
		return Undecidable
	}
	if p.HasControl && v.control.allowed == unnamed {
		return NoControlAllow
	}
	if r.Owner != "" && r.Owner != e.p.Account {
		return v.acrossAccounts(&e, p)
	}
	return v.inAccount(&e, p)
}

// collect hears every document. A Deny anywhere settles the matter.
func (v *voices) collect(e *evaluation, p *Policies) Reason {
	complete := true
	if p.Resource != nil {
		if v.resource.hear(e, p.Resource); v.resource.denied {
			return ResourceDeny
		}
	}
	complete = v.control.hearAll(e, p.Control)
	if v.control.denied {
		return ControlDeny
	}
	complete = v.identity.hearAll(e, p.Identity) && complete
	if v.identity.denied {
		return IdentityDeny
	}
	if p.Boundary != nil {
		if v.boundary.hear(e, p.Boundary); v.boundary.denied {
			return BoundaryDeny
		}
	}
	complete = v.session.hearAll(e, p.Session) && complete
	if v.session.denied {
		return SessionDeny
	}
	if !complete {
		return Undecidable
	}
	return Undenied
}

// own is the caller's side: identity policies, limited by boundary and session.
func (v *voices) own(e *evaluation, p *Policies) Reason {
	if e.p.Kind != Root && v.identity.allowed == unnamed {
		return NoIdentityAllow
	}
	return v.limits(p)
}

// limits is what boundary and session take away.
func (v *voices) limits(p *Policies) Reason {
	switch {
	case !v.withinBoundary(p):
		return NoBoundaryAllow
	case !v.withinSession(p):
		return NoSessionAllow
	}
	return Undenied
}

func (v *voices) withinBoundary(p *Policies) bool {
	return p.Boundary == nil || v.boundary.allowed != unnamed
}

func (v *voices) withinSession(p *Policies) bool {
	return !p.HasSession && len(p.Session) == 0 || v.session.allowed != unnamed
}

// inAccount decides where caller and resource have one account. A policy of
// the resource that names the caller itself, or everybody, is enough. One that
// names the session's role leaves the limits of the role standing. One that
// names the account only delegates to the caller's own policies.
func (v *voices) inAccount(e *evaluation, p *Policies) Reason {
	if p.Rule > IdentityOnly {
		return Undecidable
	}
	if p.Rule == IdentityOnly {
		return v.own(e, p)
	}
	switch v.resource.allowed {
	case byItself, byEverybody:
		return Undenied
	}
	if v.granted(p) {
		return Undenied
	}
	switch {
	case v.resource.allowed == byIssuer:
		return v.limits(p)
	case p.Rule == ResourceOrIdentity, v.resource.allowed == byAccount, v.grantedAccount(p):
		return v.own(e, p)
	case p.Rule == KeyPolicy && p.Granted:
		return NoSessionAllow
	}
	return NoResourceAllow
}

// granted reports whether a grant to the caller admits it. Boundaries do not
// limit grants, session policies do.
func (v *voices) granted(p *Policies) bool {
	return p.Rule == KeyPolicy && p.Granted && v.withinSession(p)
}

func (v *voices) grantedAccount(p *Policies) bool {
	return p.Rule == KeyPolicy && p.GrantedAccount
}

func (v *voices) acrossAccounts(e *evaluation, p *Policies) Reason {
	if p.Rule > IdentityOnly {
		return Undecidable
	}
	if v.granted(p) {
		return Undenied
	}
	if reason := v.own(e, p); reason != Undenied {
		return reason
	}
	if p.Rule == IdentityOnly || v.resource.allowed == unnamed && !v.grantedAccount(p) {
		return NoResourceAllow
	}
	return Undenied
}
