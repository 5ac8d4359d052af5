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
		colon := strings.IndexByte(s, ':')
		if colon < 0 {
			return Parts{}, false
		}
		p[i], s = s[:colon], s[colon+1:]
	}
	p[5] = s
	return p, true
}

// Pattern matches resource names part by part: a wildcard in one of the first
// five parts never crosses a colon, the sixth part is one string. The pattern
// "*" matches everything, ARN or not.
//
// Source: IAM User Guide, "IAM JSON policy elements: Resource".
type Pattern struct {
	all   bool
	parts [6]Glob
}

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
		return Pattern{all: true}, true
	}
	parts, ok := Split(g.text)
	if !ok {
		return Pattern{}, false
	}
	for i, part := range parts {
		p.parts[i] = globOf(part)
	}
	return p, true
}

// MatchesAll reports whether p is "*".
func (p *Pattern) MatchesAll() bool { return p.all }

// Match reports whether p covers the resource name s.
func (p *Pattern) Match(s string) bool {
	if p.all {
		return true
	}
	parts, ok := Split(s)
	return ok && p.MatchParts(&parts)
}

// MatchParts is Match for a name that is split already.
func (p *Pattern) MatchParts(v *Parts) bool {
	return p.all || p.matchHead(v) && p.parts[5].Match(v[5])
}

// MatchHead reports whether the first five parts match and leaves the sixth
// to the caller, who has it elsewhere.
func (p *Pattern) MatchHead(v *Parts) bool { return p.all || p.matchHead(v) }

func (p *Pattern) matchHead(v *Parts) bool {
	return p.parts[2].Match(v[2]) && p.parts[4].Match(v[4]) && p.parts[3].Match(v[3]) &&
		p.parts[1].Match(v[1]) && p.parts[0].Match(v[0])
}
