package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// condition is one key under one operator.
type condition struct {
	operator
	set      quantifier
	ifExists bool
	name     string // the operator as written
	written  string // the key as written
	key      keyName
	wants    []want
}

// want is one value of a condition, compiled for its operator.
type want struct {
	written string
	text    string    // for text, numbers, booleans, bytes
	vars    *template // the value has variables; text and pattern are then unset
	glob    arn.Glob
	pattern *arn.Pattern
	network netip.Prefix
	moment  time.Time
}

// holds judges the condition. deny is the effect of its statement, which
// decides where the request's values cannot be told.
//
// Source: IAM User Guide, "Multivalued context keys" and "Condition operators".
func (c *condition) holds(e *evaluation, deny bool) bool {
	v := c.key.values(e)
	if v.torn {
		return deny
	}
	if c.compare == absence {
		return c.wantsAbsence(v.n == 0)
	}
	if v.n == 0 {
		switch {
		case c.ifExists || c.set == everyValue:
			return true
		case c.set == anyValue:
			return false
		}
		return c.negated
	}
	switch c.set {
	case everyValue:
		if v.blank() {
			return true
		}
		for i := range v.n {
			if c.matchesAny(e, &v, i) == c.negated {
				return false
			}
		}
		return true
	case anyValue:
		for i := range v.n {
			if c.matchesAny(e, &v, i) != c.negated {
				return true
			}
		}
		return false
	}
	// Without a quantifier some value must match, or with a negated operator none.
	for i := range v.n {
		if c.matchesAny(e, &v, i) {
			return !c.negated
		}
	}
	return c.negated
}

// blank reports whether every value is the empty string, which ForAllValues
// takes for no value.
func (v *values) blank() bool {
	for i := range v.n {
		if v.clock != notDerived || v.at(i) != "" {
			return false
		}
	}
	return true
}

func (c *condition) wantsAbsence(absent bool) bool {
	for i := range c.wants {
		if strings.EqualFold(c.wants[i].text, "true") == absent {
			return true
		}
	}
	return false
}

// matchesAny reports whether value i matches some wanted value.
func (c *condition) matchesAny(e *evaluation, v *values, i int) bool {
	if c.compare == date && v.clock != notDerived {
		for j := range c.wants {
			if c.rel.holds(v.time.Compare(c.wants[j].moment)) {
				return true
			}
		}
		return false
	}
	present := v.at(i)
	switch c.compare {
	case date:
		moment, ok := parseDate(present)
		if !ok {
			return false
		}
		for j := range c.wants {
			if c.rel.holds(moment.Compare(c.wants[j].moment)) {
				return true
			}
		}
		return false
	case inNetwork:
		addr, err := netip.ParseAddr(present)
		if err != nil {
			return false
		}
		addr = addr.Unmap()
		for j := range c.wants {
			if c.wants[j].network.Contains(addr) {
				return true
			}
		}
		return false
	}
	for j := range c.wants {
		if c.matches(e, &c.wants[j], present) {
			return true
		}
	}
	return false
}

// matches compares one wanted with one present value.
func (c *condition) matches(e *evaluation, w *want, present string) bool {
	switch c.compare {
	case sameText, sameFolded:
		text := w.text
		if w.vars != nil {
			var ok bool
			if text, ok = w.vars.expand(e); !ok {
				return false
			}
		}
		return text == present || c.compare == sameFolded && strings.EqualFold(text, present)
	case likeText, likeARN:
		if c.compare == likeARN && w.pattern != nil {
			return w.pattern.Match(present)
		}
		glob := w.glob
		if w.vars != nil {
			var ok bool
			if glob, ok = w.vars.glob(e); !ok {
				return false
			}
		}
		if c.compare == likeText {
			return glob.Match(present)
		}
		pattern, ok := arn.PatternOf(glob)
		return ok && pattern.Match(present)
	case numeric:
		cmp, ok := compareNumbers(present, w.text)
		return ok && c.rel.holds(cmp)
	case boolean:
		return strings.EqualFold(w.text, present)
	case sameBytes:
		return w.text == present
	}
	return false
}

func (p *parser) conditions(n *node, s *statement) error {
	if n.kind != objectNode {
		return p.fail(badSyntax, "", "Condition is not an object")
	}
	for i, name := range n.keys {
		op, set, ifExists, ok := findOperator(name)
		if !ok {
			return p.fail(badOperator, name, "unknown operator "+quote(name))
		}
		block := &n.kids[i]
		if block.kind != objectNode {
			return p.fail(badSyntax, "", "the operator "+quote(name)+" has no map of keys")
		}
		for j, key := range block.keys {
			if vendor, rest, found := strings.Cut(key, ":"); !found || vendor == "" || rest == "" {
				return p.fail(badConditionKey, "", quote(key)+" is not a condition key")
			}
			c := condition{operator: op, set: set, ifExists: ifExists, name: name, written: key, key: newKeyName(key)}
			kids := []node{block.kids[j]}
			if kids[0].kind == arrayNode {
				kids = kids[0].kids
			}
			for k := range kids {
				w, err := p.want(&c, &kids[k])
				if err != nil {
					return err
				}
				c.wants = append(c.wants, w)
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

// want compiles one value. What its operator could never read is refused here:
// a Deny that silently never fires would be worse than no Deny.
func (p *parser) want(c *condition, n *node) (want, error) {
	if n.kind != stringNode && n.kind != numberNode && n.kind != boolNode {
		return want{}, p.fail(badConditionValue, "", "a value under "+quote(c.written)+" is not a string, number or boolean")
	}
	w := want{written: n.text, text: n.text}
	ok := true
	switch c.compare {
	case sameText, sameFolded, likeText, likeARN:
		err := p.wantText(c, &w)
		return w, err
	case numeric:
		ok = isNumber(n.text)
	case date:
		w.moment, ok = parseDate(n.text)
	case inNetwork:
		w.network, ok = parseNetwork(n.text)
	case sameBytes:
		raw, err := base64.StdEncoding.DecodeString(n.text)
		w.text, ok = string(raw), err == nil
	case absence:
		ok = strings.EqualFold(n.text, "true") || strings.EqualFold(n.text, "false")
	}
	if !ok {
		return want{}, p.fail(badConditionValue, "", quote(n.text)+" is no value for "+quote(c.name))
	}
	return w, nil
}

func (p *parser) wantText(c *condition, w *want) error {
	t, err := p.template(w.text)
	if err != nil {
		return err
	}
	if !t.constant() {
		w.vars = t
		return nil
	}
	w.text, w.glob = t.parts[0].text, t.parts[0].pattern
	if c.compare == likeARN {
		pattern, ok := arn.PatternOf(w.glob)
		if !ok {
			return p.fail(badConditionValue, "", quote(w.written)+` is neither "*" nor an ARN of six parts`)
		}
		w.pattern = &pattern
	}
	return nil
}
