package arn

import (
	"fmt"
	"strings"
)

// Parts are the six parts of an ARN: "arn", partition, service, region,
// account, resource.
type Parts [6]string

// Split cuts s at its first five colons. It does not look at the parts.
// ok is false when there are fewer.
func Split(s string) (p Parts, ok bool) {
	for i := range 5 {
		if p[i], s, ok = strings.Cut(s, ":"); !ok {
			return Parts{}, false
		}
	}
	p[5] = s
	return p, true
}

// Name is a resource name made ready for matching with many patterns. It need
// not be an ARN: then only the pattern "*" matches.
type Name struct {
	text  string
	parts Parts
	ok    bool
}

// NameOf prepares s.
func NameOf(s string) Name {
	n := Name{text: s}
	n.parts, n.ok = Split(s)
	return n
}

// Resource is the sixth part of the name; ok is false when it has none.
func (n *Name) Resource() (s string, ok bool) { return n.parts[5], n.ok }

// Pattern matches resource names part by part: a wildcard in one of the first
// five parts never crosses a colon, the sixth part is one string. The pattern
// "*" matches everything, ARN or not.
//
// Source: IAM User Guide, "IAM JSON policy elements: Resource".
type Pattern struct {
	form patternForm
	text string // what the form compares as a whole
	// parts are the sixth part of literalHead, all six of partByPart.
	parts []Glob
}

// patternForm names the shapes that compare at once, as most patterns do.
type patternForm uint8

const (
	literalWhole  patternForm = iota // no wildcard
	literalPrefix                    // one *, at the end of the sixth part
	literalHead                      // wildcards in the sixth part only; text is the rest
	partByPart
	everything
)

// ParsePattern compiles a pattern as a user writes it: "*" or six parts.
func ParsePattern(s string) (Pattern, error) {
	p, ok := PatternOf(Compile(s))
	if !ok {
		return Pattern{}, fmt.Errorf("arn: malformed pattern %.64q", s)
	}
	return p, nil
}

// PatternOf is the pattern that g's text describes. ok is false unless g is
// "*" or has six parts.
func PatternOf(g Glob) (p Pattern, ok bool) {
	if g.MatchesAll() {
		return Pattern{form: everything}, true
	}
	parts, ok := Split(g.text)
	if !ok {
		return Pattern{}, false
	}
	head := g.text[:len(g.text)-len(parts[5])]
	resource := globOf(parts[5])
	switch {
	case wildAt(head) >= 0:
		p = Pattern{form: partByPart, parts: make([]Glob, len(parts))}
		for i, part := range parts {
			p.parts[i] = globOf(part)
		}
	case resource.form == formExact:
		p = Pattern{form: literalWhole, text: g.text}
	case resource.form == formPrefix:
		p = Pattern{form: literalPrefix, text: g.text[:len(g.text)-1]}
	default:
		p = Pattern{form: literalHead, text: head, parts: []Glob{resource}}
	}
	return p, true
}

// MatchesAll reports whether p is "*".
func (p *Pattern) MatchesAll() bool { return p.form == everything }

// Match reports whether p covers the resource name s.
func (p *Pattern) Match(s string) bool {
	n := NameOf(s)
	return p.MatchName(&n)
}

// MatchName is Match for a name that is prepared already. It allocates nothing.
func (p *Pattern) MatchName(n *Name) bool {
	switch p.form {
	case literalWhole:
		return n.text == p.text
	case literalPrefix:
		return strings.HasPrefix(n.text, p.text)
	case literalHead:
		return strings.HasPrefix(n.text, p.text) && p.parts[0].Match(n.parts[5])
	case everything:
		return true
	}
	if !n.ok {
		return false
	}
	// The later parts tell names apart better.
	for i := len(p.parts) - 1; i >= 0; i-- {
		if !p.parts[i].Match(n.parts[i]) {
			return false
		}
	}
	return true
}
