package policy

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// template is text with variables. It always has at least one part, and just
// one, a fixed one, when it has no variable.
type template struct {
	parts []templatePart
}

// templatePart is fixed text, or a variable.
type templatePart struct {
	text     string   // of a fixed part; the default of a variable
	pattern  arn.Glob // text with its wildcards, of a fixed part
	key      keyName  // of a variable
	variable bool
	fallback bool // the variable has a default
}

// constant reports whether t has no variable.
func (t *template) constant() bool { return len(t.parts) == 1 && !t.parts[0].variable }

// template compiles text. Wildcards stay wildcards, but for ${*} and ${?}.
func (p *parser) template(text string) (*template, error) {
	t := &template{}
	fixed := templatePart{}
	add := func(text string, g arn.Glob) {
		fixed.text += text
		fixed.pattern = arn.Join(fixed.pattern, g)
	}
	for p.variables {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		inside, after, ok := cutVariable(rest)
		if !ok {
			return nil, p.fail(badSyntax, "", "the variable in "+quote(text)+" does not end")
		}
		text = after
		add(before, arn.Compile(before))
		if inside == "*" || inside == "?" || inside == "$" {
			add(inside, arn.Literal(inside))
			continue
		}
		part, ok := newVariable(inside)
		if !ok {
			return nil, p.fail(badSyntax, "", quote("${"+inside+"}")+" is not a variable")
		}
		if fixed.text != "" {
			t.parts = append(t.parts, fixed)
		}
		t.parts = append(t.parts, part)
		fixed = templatePart{}
	}
	add(text, arn.Compile(text))
	if fixed.text != "" || len(t.parts) == 0 {
		t.parts = append(t.parts, fixed)
	}
	return t, nil
}

// cutVariable splits what follows "${" at the closing brace. A brace inside
// the quotes of a default does not close.
func cutVariable(s string) (inside, after string, ok bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// newVariable reads "key" or "key, 'default'".
func newVariable(inside string) (templatePart, bool) {
	name, fallback, has := strings.Cut(inside, ",")
	part := templatePart{variable: true, fallback: has}
	if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, "${}'*?") {
		return part, false
	}
	part.key = newKeyName(name)
	if !has {
		return part, true
	}
	fallback = strings.TrimSpace(fallback)
	if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' || strings.Count(fallback, "'") != 2 {
		return part, false
	}
	part.text = fallback[1 : len(fallback)-1]
	return part, true
}

// value is the text of a variable in the request. Only single-valued keys have one.
func (tp *templatePart) value(e *evaluation) (string, bool) {
	v := tp.key.values(e)
	if v.n == 0 {
		return tp.text, tp.fallback
	}
	return v.at(0), !v.multi && !v.torn
}

// expand is the text with its variables filled in. ok is false when one has no
// value.
func (t *template) expand(e *evaluation) (s string, ok bool) {
	for i := range t.parts {
		part := &t.parts[i]
		text := part.text
		if part.variable {
			if text, ok = part.value(e); !ok {
				return "", false
			}
		}
		s += text
	}
	return s, true
}

// glob is expand for patterns. Wildcards in a variable's value are literal:
// whoever chooses a user name or a tag must not choose the pattern.
func (t *template) glob(e *evaluation) (g arn.Glob, ok bool) {
	for i := range t.parts {
		part := &t.parts[i]
		next := part.pattern
		if part.variable {
			text, ok := part.value(e)
			if !ok {
				return arn.Glob{}, false
			}
			next = arn.Literal(text)
		}
		g = arn.Join(g, next)
	}
	return g, true
}
