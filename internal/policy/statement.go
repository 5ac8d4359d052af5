package policy

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// statement is one compiled statement.
type statement struct {
	sid          string
	deny         bool
	notPrincipal bool
	notAction    bool
	notResource  bool
	anyResource  bool // the use has no Resource element
	principals   []principal
	actions      []actionPattern
	resources    []resourcePattern
	conditions   []condition
}

// Element names a part of a statement.
type Element uint8

const (
	NoElement Element = iota
	ActionElement
	PrincipalElement
	ResourceElement
	ConditionElement
)

func (e Element) String() string {
	return [...]string{"", "Action", "Principal", "Resource", "Condition"}[e]
}

// judge says how far the statement applies to the request: the closest grade
// by which it names the caller, or 0 and the element that failed. It judges the
// cheapest and most telling element first.
func (s *statement) judge(e *evaluation) (grade, Element) {
	if !s.matchesAction(&e.action) {
		return unnamed, ActionElement
	}
	g := s.names(e.p, e.use)
	if g == unnamed {
		return unnamed, PrincipalElement
	}
	if !s.matchesResource(e) {
		return unnamed, ResourceElement
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(e, s.deny) {
			return unnamed, ConditionElement
		}
	}
	return g, NoElement
}

func (s *statement) matchesAction(action *actionName) bool {
	for i := range s.actions {
		if s.actions[i].match(action) {
			return !s.notAction
		}
	}
	// A statement without the element, as KMS keeps them, has no notAction either.
	return s.notAction
}

func (s *statement) matchesResource(e *evaluation) bool {
	if s.anyResource {
		return true
	}
	if !s.notResource {
		for i := range s.resources {
			if ok, _ := s.resources[i].match(e); ok {
				return true
			}
		}
		return false
	}
	for i := range s.resources {
		ok, defined := s.resources[i].match(e)
		// An entry whose variable has no value matches nothing. Its complement
		// would then be everything, which a Deny may hit and an Allow may not give.
		if ok || !defined && !s.deny {
			return false
		}
	}
	return true
}

// resourcePattern is one value of Resource. Where path is set, it has the
// variables of the sixth part, for which pattern takes everything.
type resourcePattern struct {
	text    string
	pattern arn.Pattern
	path    *template
}

// match reports whether the pattern covers the request's resource. defined is
// false when a variable has no value.
func (rp *resourcePattern) match(e *evaluation) (ok, defined bool) {
	if rp.pattern.MatchesAll() {
		return true, true
	}
	if rp.path == nil {
		return rp.pattern.MatchName(&e.resource), true
	}
	glob, defined := rp.path.glob(e)
	if !defined {
		return false, false
	}
	path, ok := e.resource.Resource()
	return ok && rp.pattern.MatchName(&e.resource) && glob.Match(path), true
}

func (p *parser) resources(n *node, s *statement) error {
	values, err := p.list(n, "Resource")
	if err != nil {
		return err
	}
	if len(values) == 0 && p.use != UseKey {
		return p.fail(noResources, "", "Resource is an empty list")
	}
	for i := range values {
		rp, err := p.resource(values[i].text)
		if err != nil {
			return err
		}
		s.resources = append(s.resources, rp)
	}
	return nil
}

func (p *parser) resource(text string) (resourcePattern, error) {
	rp := resourcePattern{text: text}
	if text == "*" {
		rp.pattern, _ = arn.ParsePattern(text)
		return rp, nil
	}
	parts, ok := arn.Split(text)
	if !ok || parts[0] != "arn" || parts[5] == "" {
		return rp, p.fail(badResource, text, quote(text)+` is neither "*" nor an ARN of six parts`)
	}
	if parts[2] == "" || strings.ContainsAny(parts[2], "*?") {
		return rp, p.fail(wildResourceVendor, "", quote(text)+" does not name its service in full")
	}
	head := text[:len(text)-len(parts[5])]
	if p.variables && strings.Contains(head, "${") {
		return rp, p.fail(badResource, text, quote(text)+" has a variable before the fifth colon")
	}
	tail, err := p.template(parts[5])
	if err != nil {
		return rp, err
	}
	if tail.constant() {
		rp.pattern, _ = arn.PatternOf(arn.Join(arn.Compile(head), tail.parts[0].pattern))
		return rp, nil
	}
	rp.pattern, _ = arn.ParsePattern(head + "*")
	rp.path = tail
	return rp, nil
}
