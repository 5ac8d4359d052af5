// Package template is the language of CloudFormation's templates: Parse reads a
// document in JSON or YAML and checks what can be checked without knowing
// anything else, Bind gives it its parameters, and a Bound evaluates the
// properties of one resource after the other. All of it is pure.
//
// A value is what JSON has: nil, bool, json.Number, string, []any and
// map[string]any. Functions stand in it as they do in JSON, a map with one member
// such as "Fn::Join"; the short tags of YAML are read as the same.
//
// Errors are *Error, in CloudFormation's own words where those are known.
//
// Source: AWS CloudFormation User Guide, "Template anatomy" and "Intrinsic
// function reference".
package template

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/form"
)

// Bounds of a template.
//
// Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas".
const (
	MaxBytes      = 1 << 20
	MaxResources  = 500
	MaxParameters = 200
	MaxOutputs    = 200
	MaxMappings   = 200
	maxDepth      = 64
	maxValues     = 100_000
	// maxMadeBytes bounds what functions make of the properties of one resource, of
	// the outputs, and of the template by its loops.
	maxMadeBytes = 8 << 20
)

// Error says what is wrong with a template or with the values for it.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func fail(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Template is a template that was read. It is immutable.
type Template struct {
	Description string
	Metadata    any
	Parameters  map[string]*Parameter
	Resources   map[string]*Resource
	Outputs     map[string]*Output

	mappings   map[string]any
	conditions map[string]any
	rules      map[string]rule
	// extended tells that the template has the transform AWS::LanguageExtensions.
	extended bool
	// source is what was read, kept where loops are still to be unrolled.
	source map[string]any
	// document is the template after that; nil where there was nothing to unroll.
	document map[string]any
}

// Resource is one resource of a template. Its properties are evaluated by a Bound.
type Resource struct {
	Type      string
	DependsOn []string
	// Condition names the condition under which the resource is wanted; empty for
	// always.
	Condition string

	properties map[string]any
	// deletion and replacement are the policies, nil for none; see Bound.Policies.
	deletion, replacement any
}

// Output is one output of a template.
type Output struct {
	Description string
	Condition   string

	value, export any
}

// Types lists the types of the resources, each once, in order.
func (t *Template) Types() []string {
	set := make(map[string]bool)
	for _, r := range t.Resources {
		set[r.Type] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// Has reports whether a resource of the type sets the property, whatever its value.
func (t *Template) Has(resourceType, property string) bool {
	for _, r := range t.Resources {
		if _, ok := r.properties[property]; ok && r.Type == resourceType {
			return true
		}
	}
	return false
}

var (
	alphanumeric = form.New(`^[A-Za-z0-9]{1,255}$`)
	typeName     = form.New(`^[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}(::[A-Za-z0-9]{2,64}){1,2}$|^Custom::[A-Za-z0-9_@-]{1,60}$`)
)

// Parse reads a template.
func Parse(source string) (*Template, error) {
	if len(source) > MaxBytes {
		return nil, fail("Template may not exceed %d bytes in size.", MaxBytes)
	}
	root, err := read(source)
	if err != nil {
		return nil, err
	}
	doc, ok := root.(map[string]any)
	if !ok {
		return nil, fail("Template format error: unsupported structure.")
	}
	var strange []string
	for name := range doc {
		if name != "Transform" && !slices.Contains([]string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs"}, name) {
			strange = append(strange, name)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return nil, fail("Invalid template property or properties [%s]", strings.Join(strange, ", "))
	}
	if err := withoutNull("", doc); err != nil {
		return nil, err
	}
	if transform, ok := doc["Transform"]; ok {
		if err := checkTransform(transform); err != nil {
			return nil, err
		}
		return extend(doc, nil)
	}
	t := blank(doc)
	return t, t.fill(doc)
}

func blank(doc map[string]any) *Template {
	return &Template{Metadata: doc["Metadata"], Parameters: map[string]*Parameter{}, Resources: map[string]*Resource{}, Outputs: map[string]*Output{}}
}

// text is a scalar for a message.
func text(v any) string {
	if s, ok := scalar(v); ok {
		return s
	}
	return fmt.Sprint(v)
}

func (t *Template) fill(doc map[string]any) error {
	if v, ok := doc["AWSTemplateFormatVersion"]; ok && v != "2010-09-09" {
		return fail("Template format error: unsupported value for AWSTemplateFormatVersion.")
	}
	if v, ok := doc["Description"]; ok {
		if t.Description, ok = v.(string); !ok || len(t.Description) > 1024 {
			return fail("Template format error: Description must be a string of at most 1024 bytes.")
		}
	}
	for _, read := range []func(map[string]any) error{t.readParameters, t.readMappings, t.readConditions, t.readRules, t.readResources, t.readOutputs} {
		if err := read(doc); err != nil {
			return err
		}
	}
	return t.check()
}

// withoutNull returns an error about the first null in a value, by its path.
func withoutNull(path string, v any) error {
	switch v := v.(type) {
	case nil:
		return fail("[%.1024s] 'null' values are not allowed in templates", path)
	case []any:
		for i, item := range v {
			if err := withoutNull(path+"/"+strconv.Itoa(i), item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := withoutNull(path+"/"+key, v[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// section is a member of the template whose members have alphanumeric names and
// are maps.
func section(doc map[string]any, name string, most int) (map[string]map[string]any, error) {
	v, ok := doc[name]
	if !ok {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fail("Template format error: Any %s member must be an object.", name)
	}
	if len(m) > most {
		return nil, fail("Template format error: Number of %s, %d, is greater than maximum allowed, %d", strings.ToLower(name), len(m), most)
	}
	out := make(map[string]map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		// The names of conditions are not looked at, as on AWS.
		if name != "Conditions" && !alphanumeric.MatchString(key) {
			return nil, fail("Template format error: %s name %.255s is non alphanumeric.", strings.TrimSuffix(name, "s"), key)
		}
		if out[key], ok = m[key].(map[string]any); !ok {
			return nil, fail("Template format error: Any %s member must be an object.", name)
		}
	}
	return out, nil
}

func (t *Template) readMappings(doc map[string]any) error {
	m, err := section(doc, "Mappings", MaxMappings)
	if err != nil {
		return err
	}
	t.mappings = make(map[string]any, len(m))
	for name, first := range m {
		for _, key := range slices.Sorted(maps.Keys(first)) {
			values, ok := first[key].(map[string]any)
			if !ok {
				return fail("Template format error: Every Mappings member %.255s must be a map", key)
			}
			for _, v := range values {
				if _, ok := v.(map[string]any); ok {
					return fail("Template format error: Every Mappings attribute must be a String or a List.")
				}
			}
		}
		t.mappings[name] = first
	}
	return nil
}

func (t *Template) readConditions(doc map[string]any) error {
	m, err := section(doc, "Conditions", MaxParameters)
	if err != nil {
		return err
	}
	t.conditions = make(map[string]any, len(m))
	for name, v := range m {
		t.conditions[name] = v
	}
	return nil
}

func (t *Template) readResources(doc map[string]any) error {
	m, err := section(doc, "Resources", MaxResources)
	if err != nil {
		return err
	}
	if len(m) == 0 {
		return fail("Template format error: At least one Resources member must be defined.")
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		r, err := readResource(name, m[name])
		if err != nil {
			return err
		}
		t.Resources[name] = r
	}
	return nil
}

func readResource(name string, m map[string]any) (*Resource, error) {
	r := &Resource{properties: map[string]any{}}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v := m[key]
		ok := true
		switch key {
		case "Type":
			r.Type, ok = v.(string)
		case "Properties":
			r.properties, ok = v.(map[string]any)
		case "DependsOn":
			r.DependsOn, ok = names(v)
		case "Condition":
			r.Condition, ok = v.(string)
		case "DeletionPolicy":
			r.deletion, ok = v, isPolicy(v)
		case "UpdateReplacePolicy":
			r.replacement, ok = v, isPolicy(v)
		case "Metadata":
		case "Fn::Transform":
			return nil, errTransform
		case "CreationPolicy", "UpdatePolicy":
			return nil, fail("Template error: %s of resource %s is not supported: no type here waits for signals or moves traffic.", key, name)
		default:
			return nil, fail("Invalid template resource property '%.128s'", key)
		}
		if !ok {
			return nil, fail("Template format error: [/Resources/%s/%s] '%s' has the wrong type.", name, key, key)
		}
	}
	if r.Type == "" {
		return nil, fail("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", name)
	}
	if !typeName.MatchString(r.Type) {
		return nil, fail("Template format error: Unrecognized resource types: [%.200s]", r.Type)
	}
	return r, nil
}

// isPolicy tells whether v can say what becomes of a resource: a string, or a
// function that makes one.
func isPolicy(v any) bool {
	_, _, called := function(v)
	return called || isText(v)
}

// names is one name or a list of them.
func names(v any) ([]string, bool) {
	if s, ok := v.(string); ok {
		return []string{s}, true
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var all []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		all = append(all, s)
	}
	return all, true
}

func (t *Template) readOutputs(doc map[string]any) error {
	m, err := section(doc, "Outputs", MaxOutputs)
	if err != nil {
		return err
	}
	for name, members := range m {
		o := &Output{}
		for key, v := range members {
			ok := true
			switch key {
			case "Description":
				o.Description, ok = v.(string)
			case "Condition":
				o.Condition, ok = v.(string)
			case "Value":
				o.value = v
			case "Export":
				var export map[string]any
				if export, ok = v.(map[string]any); ok {
					o.export, ok = export["Name"]
					ok = ok && len(export) == 1
				}
			default:
				return fail("Template format error: Output %s has an unknown member %.128s.", name, key)
			}
			if !ok {
				return fail("Template format error: Output %s is malformed: %s", name, key)
			}
		}
		if o.value == nil {
			return fail("Template format error: Every Outputs member must contain a Value object")
		}
		t.Outputs[name] = o
	}
	return nil
}
