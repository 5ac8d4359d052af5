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
	if !s.matchesAction(e.r.Action) {
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

func (s *statement) matchesAction(a Action) bool {
	for i := range s.actions {
		if s.actions[i].match(string(a)) {
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

// actionPattern is one value of Action.
type actionPattern struct {
	written string
	text    string // in lower case
	form    actionForm
}

type actionForm uint8

const (
	exactAction  actionForm = iota
	prefixAction            // text ends in the only wildcard, a *, which is cut off
	searchAction
)

func newActionPattern(written string) actionPattern {
	s := lowerASCII(written)
	switch wild := strings.IndexAny(s, "*?"); {
	case wild < 0:
		return actionPattern{written: written, text: s}
	case wild == len(s)-1 && s[wild] == '*':
		return actionPattern{written: written, text: s[:wild], form: prefixAction}
	}
	return actionPattern{written: written, text: s, form: searchAction}
}

func (a *actionPattern) match(action string) bool {
	switch a.form {
	case exactAction:
		return equalFold(a.text, action)
	case prefixAction:
		return len(action) >= len(a.text) && equalFold(a.text, action[:len(a.text)])
	}
	return searchFold(a.text, action)
}

// searchFold matches a pattern with * and ? without case. Both strings are
// short: time is at most the product of their lengths.
func searchFold(pattern, s string) bool {
	star, mark, pi, si := -1, 0, 0, 0
	for si < len(s) {
		switch {
		case pi < len(pattern) && pattern[pi] == '*':
			star, mark = pi, si
			pi++
		case pi < len(pattern) && (pattern[pi] == '?' || pattern[pi] == lowerByte(s[si])):
			pi++
			si++
		case star < 0:
			return false
		default:
			mark++
			si, pi = mark, star+1
		}
	}
	return strings.Trim(pattern[pi:], "*") == ""
}

// maxActionLen bounds one value of Action.
const maxActionLen = 128

func (p *parser) actions(n *node, s *statement) error {
	values, err := p.list(n, "Action")
	if err != nil {
		return err
	}
	if len(values) == 0 && p.use != UseKey {
		return p.fail(noActions, "", "Action is an empty list")
	}
	for i := range values {
		text := values[i].text
		if err := p.checkAction(text); err != nil {
			return err
		}
		s.actions = append(s.actions, newActionPattern(text))
	}
	return nil
}

func (p *parser) checkAction(text string) error {
	if text == "*" {
		if p.use == UseTrust {
			return p.fail(foreignAction, "", "a trust policy speaks of sts actions only")
		}
		return nil
	}
	vendor, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || vendor == "":
		return p.fail(noVendor, "", quote(text)+" names no service")
	case strings.Contains(name, ":"):
		return p.fail(manyColons, "", quote(text)+" has more than one colon")
	case !isVendor(vendor):
		return p.fail(badVendor, vendor, quote(vendor)+" is not the name of a service")
	case len(text) > maxActionLen || name == "" || strings.Trim(lowerASCII(name), "abcdefghijklmnopqrstuvwxyz0123456789*?-_") != "":
		return p.fail(badSyntax, "", quote(text)+" is not an action")
	case p.use == UseBucket && !strings.EqualFold(vendor, "s3"):
		return p.fail(foreignAction, "", "a bucket policy speaks of s3 actions only")
	case p.use == UseTrust && !isTrustAction(text):
		return p.fail(foreignAction, "", quote(text)+" is not an action on a role")
	}
	return nil
}

func isVendor(s string) bool {
	return s != "" && strings.Trim(lowerASCII(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isTrustAction(text string) bool {
	a := newActionPattern(text)
	for _, action := range []string{
		"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity",
	} {
		if a.match(action) {
			return true
		}
	}
	return false
}

// resourcePattern is one value of Resource. Where path is set it stands in
// the place of the pattern's sixth part, and has variables.
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
		return e.hasParts && rp.pattern.MatchParts(&e.parts), true
	}
	glob, defined := rp.path.glob(e)
	return defined && e.hasParts && rp.pattern.MatchHead(&e.parts) && glob.Match(e.parts[5]), defined
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
