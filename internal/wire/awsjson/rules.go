package awsjson

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Rule is what one member of a request has to satisfy. Apart from Required,
// nothing is asked of an absent member.
type Rule struct {
	// Member is a path of the names of fields: "KeyId",
	// "Constraints.SourceArn", "Tags[].TagKey" for a member of each element,
	// "GrantTokens[]" for the elements themselves, "EncryptionContext{key}" and
	// "EncryptionContext{value}" for those of a map.
	Member string

	Required  bool
	Length    Bounds   // characters of a string, bytes of a blob, elements of a list or map
	Value     Bounds   // of an integer
	Pattern   string   // Java's or RE2's syntax; the whole string must match
	Enum      []string // the values allowed
	Sensitive bool     // the value is not repeated in the error, as a blob's never is
}

// Bounds are inclusive limits. The zero Bounds limits nothing.
type Bounds struct {
	min, max       int64
	hasMin, hasMax bool
}

func Between(low, high int64) Bounds { return Bounds{low, high, true, true} }
func AtLeast(low int64) Bounds       { return Bounds{min: low, hasMin: true} }
func AtMost(high int64) Bounds       { return Bounds{max: high, hasMax: true} }

// Violation is one constraint that a request does not satisfy.
type Violation struct {
	Path       string // in the service's spelling: tags.1.member.tagKey
	Value      string // as the text has it after "Value": "null", "'x'", or "" when it is not told
	Constraint string // "Member must not be null"
}

// ValidationError lists every constraint that a request does not satisfy, the
// first maxViolations of them.
type ValidationError struct {
	Violations []Violation
}

const maxViolations = 100

// Message is the text of the service's ValidationException.
func (e *ValidationError) Message() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(e.Violations)))
	if len(e.Violations) == 1 {
		b.WriteString(" validation error detected: ")
	} else {
		b.WriteString(" validation errors detected: ")
	}
	for i, v := range e.Violations {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString("Value ")
		if v.Value != "" {
			b.WriteString(v.Value + " ")
		}
		b.WriteString("at '" + v.Path + "' failed to satisfy constraint: " + v.Constraint)
	}
	return b.String()
}

// Error names the members only: the values are the caller's.
func (e *ValidationError) Error() string {
	paths := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		paths[i] = v.Path
	}
	return "awsjson: invalid members: " + strings.Join(paths, ", ")
}

// Rules checks requests of type T. It is safe for concurrent use.
type Rules[T any] struct {
	checks []check
}

// Compile makes a checker of rules. It panics on a rule that names no member of
// T, or asks of it what its type does not have: rules are fixed when the program
// is written.
func Compile[T any](rules ...Rule) Rules[T] {
	var c Rules[T]
	for _, r := range rules {
		c.checks = append(c.checks, compileRule(reflect.TypeFor[T](), r))
	}
	return c
}

// Check returns nil or a *ValidationError, with the violations in the order of
// the rules.
func (c Rules[T]) Check(request *T) error {
	var e ValidationError
	v := reflect.ValueOf(request).Elem()
	for i := range c.checks {
		c.checks[i].walk(v, 0, "", &e)
	}
	if len(e.Violations) == 0 {
		return nil
	}
	return &e
}

type part uint8

const (
	itself part = iota
	elements
	keys
	values
)

// step goes from a struct into one of its members, and then perhaps into the
// member's parts.
type step struct {
	index int
	name  string // lowerCamelCase
	part  part
}

type check struct {
	rule        Rule
	steps       []step
	blob        bool
	pattern     *regexp.Regexp
	constraints []string // texts of all that the rule asks of a present value
}

func compileRule(t reflect.Type, r Rule) check {
	bad := func(why string) { panic(fmt.Sprintf("awsjson: rule %s of %s: %s", r.Member, t, why)) }
	c := check{rule: r}
	at := t
	for name := range strings.SplitSeq(r.Member, ".") {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		s := step{}
		for suffix, p := range map[string]part{"[]": elements, "{key}": keys, "{value}": values} {
			if n, ok := strings.CutSuffix(name, suffix); ok {
				name, s.part = n, p
			}
		}
		if at.Kind() != reflect.Struct {
			bad("no structure to go into")
		}
		f, ok := at.FieldByName(name)
		if !ok || len(f.Index) != 1 {
			bad("no such member")
		}
		s.index, s.name = f.Index[0], strings.ToLower(name[:1])+name[1:]
		at = f.Type
		switch {
		case s.part == elements && at.Kind() == reflect.Slice:
			at = at.Elem()
		case s.part == keys && at.Kind() == reflect.Map:
			at = at.Key()
		case s.part == values && at.Kind() == reflect.Map:
			at = at.Elem()
		case s.part != itself:
			bad("no list or map")
		}
		c.steps = append(c.steps, s)
	}
	for at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	c.blob = at == reflect.TypeFor[[]byte]()
	switch at.Kind() {
	case reflect.String:
	case reflect.Slice, reflect.Map:
		if r.Pattern != "" || r.Enum != nil {
			bad("a list has no pattern or enum")
		}
	default:
		if r.Pattern != "" || r.Enum != nil || r.Length != (Bounds{}) {
			bad("only strings, blobs, lists and maps have lengths, patterns and enums")
		}
	}
	if r.Value != (Bounds{}) && !at.ConvertibleTo(reflect.TypeFor[int64]()) {
		bad("not a number")
	}
	if last := c.steps[len(c.steps)-1]; r.Required && last.part != itself {
		bad("elements are always there")
	}
	if r.Pattern != "" {
		c.pattern = regexp.MustCompile(`\A(?:` + javaEscape.ReplaceAllString(r.Pattern, `\x{$1}`) + `)\z`)
	}
	c.constraints = constraintTexts(r)
	return c
}

// javaEscape is how the service models write code points, which RE2 does not read.
var javaEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

const (
	lengthAtMost  = "Member must have length less than or equal to "
	lengthAtLeast = "Member must have length greater than or equal to "
	valueAtMost   = "Member must have value less than or equal to "
	valueAtLeast  = "Member must have value greater than or equal to "
	patternText   = "Member must satisfy regular expression pattern: "
	enumText      = "Member must satisfy enum value set: "
	requiredText  = "Member must not be null"
)

func constraintTexts(r Rule) (texts []string) {
	bounds := func(b Bounds, atMost, atLeast string) {
		if b.hasMax {
			texts = append(texts, atMost+strconv.FormatInt(b.max, 10))
		}
		if b.hasMin {
			texts = append(texts, atLeast+strconv.FormatInt(b.min, 10))
		}
	}
	bounds(r.Length, lengthAtMost, lengthAtLeast)
	bounds(r.Value, valueAtMost, valueAtLeast)
	if r.Pattern != "" {
		texts = append(texts, patternText+r.Pattern)
	}
	if r.Enum != nil {
		texts = append(texts, enumText+"["+strings.Join(r.Enum, ", ")+"]")
	}
	return texts
}

// walk checks what the steps from n on reach from the struct v.
func (c *check) walk(v reflect.Value, n int, path string, e *ValidationError) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	s := c.steps[n]
	member := v.Field(s.index)
	absent := false
	switch member.Kind() {
	case reflect.Pointer:
		if absent = member.IsNil(); !absent {
			member = member.Elem()
		}
	case reflect.Map, reflect.Slice:
		absent = member.IsNil()
	case reflect.String:
		absent = member.Len() == 0 // an enum: the SDK's types have no other way to say so
	}
	if n > 0 {
		path += "."
	}
	path += s.name
	last := n == len(c.steps)-1
	if absent {
		if last && c.rule.Required {
			e.add(Violation{path, "null", requiredText})
		}
		return
	}
	switch s.part {
	case itself:
		if !last {
			c.walk(member, n+1, path, e)
			return
		}
		for _, text := range c.violated(member) {
			e.add(Violation{path, c.show(member), text})
		}
	case elements:
		for i := range member.Len() {
			elem := member.Index(i)
			if !last {
				c.walk(elem, n+1, path+"."+strconv.Itoa(i+1)+".member", e)
			} else if c.violated(elem) != nil {
				e.add(Violation{path, c.show(member), "Member must satisfy constraint: [" + strings.Join(c.constraints, ", ") + "]"})
				return
			}
		}
	case keys, values:
		text := "Map keys must satisfy constraint: ["
		if s.part == values {
			text = "Map value must satisfy constraint: ["
		}
		for it := member.MapRange(); it.Next(); {
			part := it.Key()
			if s.part == values {
				part = it.Value()
			}
			if c.violated(part) != nil {
				e.add(Violation{path, c.show(member), text + strings.Join(c.constraints, ", ") + "]"})
				return
			}
		}
	}
}

func (e *ValidationError) add(v Violation) {
	if len(e.Violations) < maxViolations {
		e.Violations = append(e.Violations, v)
	}
}

// violated gives the texts of the rule's constraints that a present value breaks.
func (c *check) violated(v reflect.Value) (texts []string) {
	bounds := func(b Bounds, n int64, atMost, atLeast string) {
		if b.hasMax && n > b.max {
			texts = append(texts, atMost+strconv.FormatInt(b.max, 10))
		}
		if b.hasMin && n < b.min {
			texts = append(texts, atLeast+strconv.FormatInt(b.min, 10))
		}
	}
	r := &c.rule
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if r.Length != (Bounds{}) {
			bounds(r.Length, int64(utf8.RuneCountInString(s)), lengthAtMost, lengthAtLeast)
		}
		if c.pattern != nil && !c.pattern.MatchString(s) {
			texts = append(texts, patternText+r.Pattern)
		}
		if r.Enum != nil && !slices.Contains(r.Enum, s) {
			texts = append(texts, enumText+"["+strings.Join(r.Enum, ", ")+"]")
		}
	case reflect.Slice, reflect.Map:
		bounds(r.Length, int64(v.Len()), lengthAtMost, lengthAtLeast)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bounds(r.Value, v.Int(), valueAtMost, valueAtLeast)
	}
	return texts
}

// show is how an error's text has a value: as Java prints it, in quotes.
func (c *check) show(v reflect.Value) string {
	if c.blob || c.rule.Sensitive {
		return ""
	}
	var text string
	switch v.Kind() {
	case reflect.String:
		text = v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		text = strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.String {
			return ""
		}
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = v.Index(i).String()
		}
		text = "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		if v.Type().Elem().Kind() != reflect.String {
			return ""
		}
		parts := make([]string, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			parts = append(parts, it.Key().String()+"="+it.Value().String())
		}
		slices.Sort(parts)
		text = "{" + strings.Join(parts, ", ") + "}"
	default:
		return ""
	}
	return "'" + text + "'"
}
