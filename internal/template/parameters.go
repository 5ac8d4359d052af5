package template

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/form"
)

// Parameter is one parameter of a template.
type Parameter struct {
	Type        string
	Description string
	// Default is nil where there is none.
	Default *string
	// NoEcho keeps the value out of every answer.
	NoEcho bool

	AllowedValues []string
	// AllowedPattern matches the whole value; nil for any.
	AllowedPattern        *regexp.Regexp
	ConstraintDescription string
	// The lengths are in characters, the values for Type Number; nil for none.
	MinLength, MaxLength *int
	MinValue, MaxValue   *float64
}

// Stored tells whether the value is the name of a parameter in Parameter Store,
// whose value is meant.
func (p *Parameter) Stored() bool { return strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") }

// list tells whether the value is a list, written with commas.
func (p *Parameter) list() bool {
	inner := strings.TrimSuffix(strings.TrimPrefix(p.Type, "AWS::SSM::Parameter::Value<"), ">")
	return inner == "CommaDelimitedList" || strings.HasPrefix(inner, "List<")
}

var parameterTypes = form.New(`^(String|Number|CommaDelimitedList|List<(String|Number|AWS::[A-Za-z0-9:]+)>|AWS::SSM::Parameter::Name|AWS::SSM::Parameter::Value<(String|CommaDelimitedList|List<String>|AWS::[A-Za-z0-9:]+)>|AWS::(EC2|Route53)::[A-Za-z0-9:]+)$`)

func (t *Template) readParameters(doc map[string]any) error {
	m, err := section(doc, "Parameters", MaxParameters)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		p := &Parameter{}
		for key, v := range m[name] {
			if !p.read(key, v) {
				return fail("Template format error: [/Parameters/%s/%.128s] is not a valid member of a parameter.", name, key)
			}
		}
		if p.Type == "" {
			return fail("Template format error: Every Parameters object must contain a Type member.")
		}
		if !parameterTypes.MatchString(p.Type) {
			return fail("Template format error: Unrecognized parameter type: %.128s", p.Type)
		}
		t.Parameters[name] = p
		if p.Default != nil {
			if err := p.checkStored(name, *p.Default); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes over one member. It returns false about one that is none.
func (p *Parameter) read(key string, v any) bool {
	if key == "AllowedValues" {
		list, ok := v.([]any)
		for _, item := range list {
			s, isScalar := scalar(item)
			ok = ok && isScalar
			p.AllowedValues = append(p.AllowedValues, s)
		}
		return ok
	}
	s, ok := scalar(v)
	if !ok {
		return false
	}
	switch key {
	case "Type":
		p.Type = s
	case "Description":
		p.Description = s
		ok = len(s) <= 4000
	case "Default":
		p.Default = &s
	case "NoEcho":
		p.NoEcho = strings.EqualFold(s, "true")
		ok = p.NoEcho || strings.EqualFold(s, "false")
	case "AllowedPattern":
		var err error
		p.AllowedPattern, err = regexp.Compile(`\A(?:` + s + `)\z`)
		ok = err == nil
	case "ConstraintDescription":
		p.ConstraintDescription = s
	case "MinLength":
		p.MinLength, ok = number(s, strconv.Atoi)
	case "MaxLength":
		p.MaxLength, ok = number(s, strconv.Atoi)
	case "MinValue":
		p.MinValue, ok = number(s, parseFloat)
	case "MaxValue":
		p.MaxValue, ok = number(s, parseFloat)
	default:
		ok = false
	}
	return ok
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func number[T any](s string, parse func(string) (T, error)) (*T, bool) {
	n, err := parse(s)
	return &n, err == nil
}

// checkStored checks a value as it is given: that of a stored parameter is only
// a name.
func (p *Parameter) checkStored(name, value string) error {
	if p.Stored() {
		return nil
	}
	return p.Check(name, value)
}

// Check checks a value against the constraints of the parameter of that name.
func (p *Parameter) Check(name, value string) error {
	items := []string{value}
	if p.list() {
		items = splitList(value)
	}
	for _, item := range items {
		if sentence := p.violation(item); sentence != "" {
			if p.ConstraintDescription != "" {
				sentence = "failed to satisfy constraint: " + p.ConstraintDescription
				return fail("Parameter %s %s", name, sentence)
			}
			return fail("Parameter '%s' %s", name, sentence)
		}
	}
	return nil
}

func (p *Parameter) violation(value string) string {
	length := len([]rune(value))
	switch {
	case p.AllowedValues != nil && !slices.Contains(p.AllowedValues, value):
		return "must be one of AllowedValues"
	case p.AllowedPattern != nil && !p.AllowedPattern.MatchString(value):
		pattern := p.AllowedPattern.String()
		return "must match pattern " + pattern[len(`\A(?:`):len(pattern)-len(`)\z`)]
	case p.MinLength != nil && length < *p.MinLength:
		return "must contain at least " + strconv.Itoa(*p.MinLength) + " characters"
	case p.MaxLength != nil && length > *p.MaxLength:
		return "must contain at most " + strconv.Itoa(*p.MaxLength) + " characters"
	}
	if p.Type != "Number" && p.Type != "List<Number>" {
		return ""
	}
	n, err := parseFloat(value)
	switch {
	case err != nil:
		return "must be a number."
	case p.MinValue != nil && n < *p.MinValue:
		return "must be a number not less than " + strconv.FormatFloat(*p.MinValue, 'f', -1, 64)
	case p.MaxValue != nil && n > *p.MaxValue:
		return "must be a number not greater than " + strconv.FormatFloat(*p.MaxValue, 'f', -1, 64)
	}
	return ""
}

func splitList(value string) []string {
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// Arguments completes the given values by defaults and checks them all.
func (t *Template) Arguments(given map[string]string) (map[string]string, error) {
	var strange, missing []string
	for name := range given {
		if t.Parameters[name] == nil {
			strange = append(strange, name)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return nil, fail("Parameters: [%s] do not exist in the template", strings.Join(strange, ", "))
	}
	values := make(map[string]string, len(t.Parameters))
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		value, ok := given[name]
		if !ok && p.Default != nil {
			value, ok = *p.Default, true
		}
		if !ok {
			missing = append(missing, name)
			continue
		}
		if err := p.checkStored(name, value); err != nil {
			return nil, err
		}
		values[name] = value
	}
	if len(missing) > 0 {
		return nil, fail("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return values, nil
}

// argument is the value of a parameter as functions see it.
func (p *Parameter) argument(value string) any {
	if !p.list() {
		return value
	}
	list := []any{}
	for _, item := range splitList(value) {
		list = append(list, item)
	}
	return list
}

// scalar is a value that stands for a string.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}
