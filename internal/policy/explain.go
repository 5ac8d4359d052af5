package policy

// Source names a kind of policy.
type Source uint8

const (
	ResourceSource Source = iota
	IdentitySource
	BoundarySource
	SessionSource
	ControlSource
)

func (s Source) String() string {
	return [...]string{"resource policy", "identity policy", "permissions boundary", "session policy", "service control policy"}[s]
}

// Finding says what one statement, or one whole policy, had to say on a request.
type Finding struct {
	Source Source
	// Policy is the document's place in its list of Policies; 0 for those that
	// are no list.
	Policy int
	// Statement is the statement's place in the document, from 0. It is -1 in
	// the finding that a whole policy said nothing.
	Statement int
	Sid       string
	Deny      bool
	// Applied says that the statement counted.
	Applied bool
	// Delegates says of an applied Allow that it names only the caller's
	// account, so that the caller's own policies must allow the request too.
	Delegates bool
	// Failed is the element that kept the statement from applying. Wanted is
	// what it lists, as written, and Present what the request has. Not says
	// that it is the element's complement, NotAction and so on.
	Failed          Element
	Not             bool
	Wanted, Present []string
	// Conditions are the conditions of a statement whose other elements match.
	Conditions []ConditionFinding
}

// ConditionFinding is the judgement of one key under one operator.
type ConditionFinding struct {
	Operator, Key string // as written
	// Wanted are the values of the policy, variables filled in where the
	// request has their values.
	Wanted []string
	// Present are the values of the request; none when the key is absent, or
	// when the request has it in two spellings.
	Present []string
	Held    bool
}

// Explain lists what every statement of p had to say on r, in the order of the
// documents, and the policies that said nothing. It is for the owner of the
// policies, never for the caller. It is nil when the request cannot be judged.
func Explain(r *Request, p *Policies) []Finding {
	e, ok := newEvaluation(r)
	if !ok || p == nil {
		return nil
	}
	var all []Finding
	if p.Resource != nil {
		all = e.explain(all, ResourceSource, 0, p.Resource)
	}
	for i, d := range p.Control {
		all = e.explain(all, ControlSource, i, d)
	}
	for i, d := range p.Identity {
		all = e.explain(all, IdentitySource, i, d)
	}
	if p.Boundary != nil {
		all = e.explain(all, BoundarySource, 0, p.Boundary)
	}
	for i, d := range p.Session {
		all = e.explain(all, SessionSource, i, d)
	}
	return all
}

func (e *evaluation) explain(all []Finding, source Source, index int, d *Document) []Finding {
	silent := true
	if d != nil {
		e.use = d.use
		for i := range d.statements {
			f := e.finding(&d.statements[i])
			f.Source, f.Policy, f.Statement = source, index, i
			silent = silent && !f.Applied
			all = append(all, f)
		}
	}
	if silent {
		all = append(all, Finding{Source: source, Policy: index, Statement: -1})
	}
	return all
}

func (e *evaluation) finding(s *statement) Finding {
	g, failed := s.judge(e)
	f := Finding{Sid: s.sid, Deny: s.deny, Applied: g != unnamed, Failed: failed}
	f.Delegates = g == byAccount && !s.deny
	switch failed {
	case ActionElement:
		f.Not, f.Present = s.notAction, []string{string(e.r.Action)}
		for i := range s.actions {
			f.Wanted = append(f.Wanted, s.actions[i].written)
		}
	case PrincipalElement:
		f.Not, f.Present = s.notPrincipal, e.p.names()
		for i := range s.principals {
			f.Wanted = append(f.Wanted, s.principals[i].name())
		}
	case ResourceElement:
		f.Not, f.Present = s.notResource, []string{e.r.Resource}
		for i := range s.resources {
			f.Wanted = append(f.Wanted, s.resources[i].text)
		}
	default:
		for i := range s.conditions {
			f.Conditions = append(f.Conditions, s.conditions[i].finding(e, s.deny))
		}
	}
	return f
}

func (c *condition) finding(e *evaluation, deny bool) ConditionFinding {
	f := ConditionFinding{Operator: c.name, Key: c.written, Held: c.holds(e, deny)}
	for i := range c.wants {
		w := &c.wants[i]
		text := w.written
		if w.vars != nil {
			if filled, ok := w.vars.expand(e); ok {
				text = filled
			}
		}
		f.Wanted = append(f.Wanted, text)
	}
	v := c.key.values(e)
	for i := 0; i < v.n && !v.torn; i++ {
		f.Present = append(f.Present, v.at(i))
	}
	return f
}

// names are the names by which a Principal element may know the caller.
func (p *Principal) names() []string {
	switch p.Kind {
	case Anonymous:
		return nil
	case Service:
		return []string{p.Service}
	}
	names := []string{p.ARN}
	if p.IssuerARN != "" {
		names = append(names, p.IssuerARN)
	}
	if p.UniqueID != "" {
		names = append(names, p.UniqueID)
	}
	return names
}

// name is the value as a reader should see it: a bound name shows its id,
// since the same name may by now belong to somebody else.
func (w *principal) name() string {
	switch {
	case w.kind == everyone:
		return "*"
	case w.kind == entityNamed && w.id != "":
		return w.text + " (" + w.id + ")"
	}
	return w.text
}
