package template

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// languageExtensions is the one transform that templates may have.
const languageExtensions = "AWS::LanguageExtensions"

// extensions are the functions that it adds. Fn::ForEach is none of them: loops
// are unrolled before anything is evaluated.
var extensions = []string{"Fn::Length", "Fn::ToJsonString"}

// maxLoops bounds how deep loops stand in each other.
//
// Source: AWS CloudFormation User Guide, "Fn::ForEach".
const maxLoops = 5

func checkTransform(v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			if item = m["Name"]; !isText(item) {
				return fail("Key Name of transform definition must be a string.")
			}
		}
		if item != languageExtensions {
			return fail("Template error: transforms are not supported: Transform %.128s", text(item))
		}
	}
	return nil
}

// extend reads a template that has the transform. Without a scope only its
// parameters are read, for its loops may be over those.
func extend(doc map[string]any, scope *Scope) (*Template, error) {
	t := blank(doc)
	t.extended = true
	if scope == nil {
		t.source = doc
		if description, ok := doc["Description"].(string); ok {
			t.Description = description
		}
		return t, t.readParameters(doc)
	}
	u := unroller{left: maxValues, room: maxMadeBytes}
	u.bound = &Bound{template: t, scope: *scope, decided: map[string]bool{}, imports: map[string]bool{}, room: maxMadeBytes}
	for _, read := range []func(map[string]any) error{t.readParameters, t.readMappings} {
		if err := read(doc); err != nil {
			return nil, err
		}
	}
	unrolled := make(map[string]any, len(doc))
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		if name == "Transform" {
			continue
		}
		v, err := u.unroll(doc[name], nil, 0)
		if err != nil {
			return nil, err
		}
		unrolled[name] = v
	}
	t = blank(unrolled)
	t.extended, t.document = true, unrolled
	return t, t.fill(unrolled)
}

// Expand returns the template with its loops unrolled, which may be over
// parameters. A template without the transform AWS::LanguageExtensions is returned
// as it is; one with it has no resources before.
//
// Source: AWS CloudFormation User Guide, "AWS::LanguageExtensions transform".
func (t *Template) Expand(scope Scope) (*Template, error) {
	if t.source == nil {
		return t, nil
	}
	return extend(t.source, &scope)
}

// Extended tells whether the template has the transform AWS::LanguageExtensions.
func (t *Template) Extended() bool { return t.extended }

// Transforms are the names of the template's transforms.
func (t *Template) Transforms() []string {
	if !t.extended {
		return nil
	}
	return []string{languageExtensions}
}

// Document is an expanded template as JSON; ok is false where there was nothing
// to expand.
func (t *Template) Document() (text string, ok bool) {
	if t.document == nil {
		return "", false
	}
	b, err := json.Marshal(t.document)
	return string(b), err == nil
}

// unroller replaces loops by what they make.
type unroller struct {
	bound *Bound // knows the parameters and the mappings
	left  int    // how many values may still be made
	room  int    // of so many bytes
}

// unroll returns v without loops and with the identifiers of those around it
// replaced by their values. What it returns shares nothing with v.
func (u *unroller) unroll(v any, values map[string]string, loops int) (any, error) {
	if u.left--; u.left < 0 {
		return nil, fail("Template error: the loops of the template make too many values.")
	}
	switch v := v.(type) {
	case string:
		return u.substitute(v, values)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, err := u.unroll(v[i], values, loops)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		if name, argument, ok := function(v); ok && name == "Ref" {
			if target, ok := argument.(string); ok {
				if value, ok := values[target]; ok {
					return u.take(value)
				}
			}
		}
		m := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if strings.HasPrefix(key, "Fn::ForEach::") {
				if err := u.loop(m, key, v[key], values, loops+1); err != nil {
					return nil, err
				}
				continue
			}
			item, err := u.unroll(v[key], values, loops)
			if err != nil {
				return nil, err
			}
			name, err := u.substitute(key, values)
			if err != nil {
				return nil, err
			}
			if err := put(m, name, item); err != nil {
				return nil, err
			}
		}
		return m, nil
	default:
		return v, nil
	}
}

// loop puts what a loop makes into a map.
func (u *unroller) loop(into map[string]any, name string, argument any, values map[string]string, loops int) error {
	list, _ := argument.([]any)
	if len(list) != 3 {
		return fail("Fn::ForEach layout is incorrect: %.255s", name)
	}
	identifier, isName := list[0].(string)
	body, isMap := list[2].(map[string]any)
	if !isName || !isMap || !alphanumeric.MatchString(identifier) {
		return fail("Fn::ForEach layout is incorrect: %.255s", name)
	}
	if _, taken := values[identifier]; taken || u.bound.template.Parameters[identifier] != nil {
		return fail("Fn::ForEach identifier %s of %.255s is the name of a parameter or of another loop", identifier, name)
	}
	if loops > maxLoops {
		return fail("Fn::ForEach may be nested %d times at most: %.255s", maxLoops, name)
	}
	items, err := u.collection(list[1], values)
	if err != nil {
		return err
	}
	for _, item := range items {
		inner := maps.Clone(values)
		if inner == nil {
			inner = map[string]string{}
		}
		inner[identifier] = item
		made, err := u.unroll(body, inner, loops)
		if err != nil {
			return err
		}
		m := made.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if err := put(into, key, m[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// collection evaluates what a loop is over. It is empty where it refers to a
// parameter that has no value yet.
func (u *unroller) collection(v any, values map[string]string) ([]string, error) {
	v, err := u.unroll(v, values, 0)
	if err != nil {
		return nil, err
	}
	refs := references{extended: true}
	if err := refs.collect(v, nil); err != nil {
		return nil, err
	}
	for _, name := range refs.refs {
		if _, ok := u.bound.scope.Arguments[name]; !ok && u.bound.template.Parameters[name] != nil {
			return nil, nil
		}
	}
	evaluated, _, err := u.bound.evaluate(v, nil)
	if err != nil {
		return nil, err
	}
	items, ok := texts(evaluated)
	if !ok {
		return nil, fail("Fn::ForEach needs a list of strings to loop over")
	}
	return items, nil
}

// substitute replaces ${Identifier}, and &{Identifier} by its letters and digits.
func (u *unroller) substitute(s string, values map[string]string) (string, error) {
	if len(values) == 0 || !strings.ContainsAny(s, "$&") {
		return u.take(s)
	}
	var pairs []string
	size := len(s)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		exact, letters := "${"+name+"}", "&{"+name+"}"
		size += (strings.Count(s, exact) + strings.Count(s, letters)) * len(values[name])
		pairs = append(pairs, exact, values[name], letters, plain(values[name]))
	}
	if size > u.room {
		return "", errTooLong
	}
	return u.take(strings.NewReplacer(pairs...).Replace(s))
}

// take counts a text that is made.
func (u *unroller) take(s string) (string, error) {
	if u.room -= len(s); u.room < 0 {
		return "", errTooLong
	}
	return s, nil
}

// plain is a string without all that names of resources cannot have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func length(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fail("Template error: Fn::Length requires a list, or a function that returns one.")
	}
	return json.Number(strconv.Itoa(len(list))), nil
}

// toJSON writes an object or a list without spaces, members in the order of their
// names.
func toJSON(v any) (any, error) {
	switch v.(type) {
	case map[string]any, []any:
	default:
		return nil, fail("Template error: Fn::ToJsonString requires an object or a list.")
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// byDefault evaluates the fourth argument of Fn::FindInMap.
func (b *Bound) byDefault(v any, known Lookup) (any, error) {
	m, _ := v.(map[string]any)
	value, ok := m["DefaultValue"]
	if !ok || len(m) != 1 {
		return nil, fail("Template error: the fourth argument of Fn::FindInMap must be an object with a DefaultValue.")
	}
	value, _, err := b.evaluate(value, known)
	return value, err
}

// put adds a member that no other loop may have made.
func put(m map[string]any, name string, v any) error {
	if _, ok := m[name]; ok {
		return fail("Template format error: duplicate key %.128s.", name)
	}
	m[name] = v
	return nil
}
