package template

import (
	"maps"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/form"
)

// pseudo are the parameters that every template has.
var pseudo = map[string]bool{
	"AWS::AccountId": true, "AWS::NoValue": true, "AWS::NotificationARNs": true, "AWS::Partition": true,
	"AWS::Region": true, "AWS::StackId": true, "AWS::StackName": true, "AWS::URLSuffix": true,
}

func unknownFunction(name string) error {
	return fail("Template error: Encountered unsupported function: %.64s Supported functions are: [%s]", name, strings.Join(slices.Sorted(maps.Keys(functions)), ", "))
}

// has tells whether templates like this one have the function of that name.
func (t *Template) has(name string) bool {
	return functions[name] || t.extended && slices.Contains(extensions, name)
}

// errTransform refuses a transform in the middle of a template.
var errTransform = fail("Template error: transforms are not supported: Fn::Transform")

// function tells whether v is a call: a map with one member that is named so.
func function(v any) (name string, argument any, ok bool) {
	m, isMap := v.(map[string]any)
	if !isMap || len(m) != 1 {
		return "", nil, false
	}
	for name, argument = range m {
	}
	return name, argument, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

// references are what a value refers to.
type references struct {
	refs       []string    // of Ref, and of Fn::Sub without a dot
	attributes [][2]string // of Fn::GetAtt, and of Fn::Sub with one
	conditions []string    // of Fn::If
	mappings   []string    // of Fn::FindInMap that have no default
	extended   bool        // whether extensions may be called
}

// resources are the resources among what is referred to.
func (r *references) resources(t *Template) []string {
	var all []string
	for _, name := range r.refs {
		if t.Resources[name] != nil {
			all = append(all, name)
		}
	}
	for _, a := range r.attributes {
		all = append(all, a[0])
	}
	return all
}

// collect finds the references in a value. choose tells which branch of an Fn::If
// counts, 1 or 2; without it both do.
func (r *references) collect(v any, choose func(condition string) int) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := r.collect(item, choose); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		name, argument, ok := function(v)
		if ok {
			return r.collectCall(name, argument, choose)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "Fn::Transform" {
				return errTransform
			}
			if strings.HasPrefix(key, "Fn::") {
				return fail("Template error: %s must be the only member of its object.", key)
			}
			if err := r.collect(v[key], choose); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *references) collectCall(name string, argument any, choose func(string) int) error {
	list, _ := argument.([]any)
	switch name {
	case "Fn::Transform":
		return errTransform
	case "Ref":
		target, ok := argument.(string)
		if !ok || target == "" {
			return fail("Template validation error: every Ref object must have a single String value.")
		}
		r.refs = append(r.refs, target)
		return nil
	case "Fn::GetAtt":
		target, attribute, err := attributeOf(argument)
		if err != nil {
			return err
		}
		name, _ := attribute.(string)
		r.attributes = append(r.attributes, [2]string{target, name})
		return r.collect(attribute, choose)
	case "Fn::Sub":
		return r.collectSub(argument, choose)
	case "Fn::If":
		if len(list) != 3 {
			return fail("Template error: Fn::If requires a list argument with three elements.")
		}
		condition, ok := list[0].(string)
		if !ok {
			return fail("Template error: Fn::If requires the name of a condition.")
		}
		r.conditions = append(r.conditions, condition)
		if choose == nil {
			return r.collect(list[1:], nil)
		}
		return r.collect(list[choose(condition)], choose)
	case "Fn::FindInMap":
		if len(list) > 0 && len(list) < 4 {
			if m, ok := list[0].(string); ok {
				r.mappings = append(r.mappings, m)
			}
		}
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		return fail("Template error: %s can only be used in the Conditions section.", name)
	}
	if !functions[name] && !(r.extended && slices.Contains(extensions, name)) {
		return unknownFunction(name)
	}
	return r.collect(argument, choose)
}

func (r *references) collectSub(argument any, choose func(string) int) error {
	text, own, err := subArguments(argument)
	if err != nil {
		return err
	}
	for _, v := range own {
		if err := r.collect(v, choose); err != nil {
			return err
		}
	}
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if _, ok := own[name]; ok || strings.HasPrefix(name, "!") {
			continue
		}
		if target, attribute, dotted := strings.Cut(name, "."); dotted {
			r.attributes = append(r.attributes, [2]string{target, attribute})
		} else {
			r.refs = append(r.refs, name)
		}
	}
	return nil
}

// placeholder is ${Name}, ${Name.Attribute} or ${!Literal} in Fn::Sub.
var placeholder = form.New(`\$\{\s*(![^{}]*|[A-Za-z0-9_.:]+)\s*\}`)

func subArguments(argument any) (text string, own map[string]any, err error) {
	if list, ok := argument.([]any); ok && len(list) == 2 {
		argument = list[0]
		if own, ok = list[1].(map[string]any); !ok {
			argument = nil
		}
	}
	text, ok := argument.(string)
	if !ok {
		return "", nil, fail("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
	}
	return text, own, nil
}

// attributeOf reads the argument of Fn::GetAtt. The attribute is a string, or a Ref
// that names it.
func attributeOf(argument any) (target string, attribute any, err error) {
	switch v := argument.(type) {
	case string:
		target, attribute, _ = cut(v)
	case []any:
		if len(v) == 2 {
			target, _ = v[0].(string)
			attribute = v[1]
		}
	}
	name, _, called := function(attribute)
	if target == "" || attribute == "" || !called && !isText(attribute) || called && name != "Ref" {
		return "", nil, fail("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
	}
	return target, attribute, nil
}

// cut divides Resource.Attribute.
func cut(s string) (target string, attribute any, dotted bool) {
	target, rest, dotted := strings.Cut(s, ".")
	return target, rest, dotted
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// check looks at what the parts of a template say of each other.
func (t *Template) check() error {
	if err := t.checkConditions(); err != nil {
		return err
	}
	if err := t.checkRules(); err != nil {
		return err
	}
	graph := make(map[string][]string)
	inResources, inOutputs := references{extended: t.extended}, references{extended: t.extended}
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[name]
		refs, sure := references{extended: t.extended}, references{extended: t.extended}
		if err := refs.collect(r.properties, nil); err != nil {
			return err
		}
		if r.Condition != "" && t.conditions[r.Condition] == nil {
			return unknownCondition(r.Condition, "Resources")
		}
		for _, policy := range []any{r.deletion, r.replacement} {
			if err := refs.collect(policy, nil); err != nil {
				return err
			}
		}
		for _, on := range r.DependsOn {
			if t.Resources[on] == nil {
				return fail("Template format error: Unresolved resource dependencies [%.255s] in the Resources block of the template", on)
			}
		}
		inResources.add(&refs)
		// What only one branch of a condition refers to is no circle yet; Bind
		// knows which branch counts.
		if err := sure.collect(withoutChoices(r.properties), nil); err != nil {
			return err
		}
		graph[name] = append(sure.resources(t), r.DependsOn...)
	}
	for _, o := range t.Outputs {
		if o.Condition != "" && t.conditions[o.Condition] == nil {
			return unknownCondition(o.Condition, "Outputs")
		}
		if err := inOutputs.collect([]any{o.value, o.export}, nil); err != nil {
			return err
		}
	}
	if err := t.resolve(&inResources, "Resources"); err != nil {
		return err
	}
	if err := t.resolve(&inOutputs, "Outputs"); err != nil {
		return err
	}
	_, err := order(graph)
	return err
}

func (r *references) add(other *references) {
	r.refs = append(r.refs, other.refs...)
	r.attributes = append(r.attributes, other.attributes...)
	r.conditions = append(r.conditions, other.conditions...)
	r.mappings = append(r.mappings, other.mappings...)
}

// withoutChoices is v without the Fn::If in it.
func withoutChoices(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutChoices(v[i])
		}
		return list
	case map[string]any:
		if name, _, ok := function(v); ok && name == "Fn::If" {
			return nil
		}
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = withoutChoices(v[key])
		}
		return m
	default:
		return v
	}
}

// resolve checks that all that a block refers to is in the template.
func (t *Template) resolve(r *references, block string) error {
	var missing []string
	for _, name := range r.refs {
		if t.Resources[name] == nil && t.Parameters[name] == nil && !pseudo[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fail("Template format error: Unresolved resource dependencies [%s] in the %s block of the template", strings.Join(slices.Compact(missing), ", "), block)
	}
	for _, a := range r.attributes {
		if t.Resources[a[0]] == nil {
			return fail("Template error: instance of Fn::GetAtt references undefined resource %.255s", a[0])
		}
	}
	for _, name := range r.conditions {
		if t.conditions[name] == nil {
			return fail("Template error: unresolved condition dependency %.255s in Fn::If", name)
		}
	}
	for _, name := range r.mappings {
		if t.mappings[name] == nil {
			return fail("Template error: Mapping named '%.255s' is not present in the 'Mappings' section of template.", name)
		}
	}
	return nil
}

func unknownCondition(name, block string) error {
	return fail("Template format error: Unresolved condition dependency %.255s in the %s block of the template", name, block)
}

// order sorts the nodes of a graph so that each comes after what it depends on,
// alphabetically where that leaves a choice.
func order(graph map[string][]string) ([]string, error) {
	done := make(map[string]bool, len(graph))
	sorted := make([]string, 0, len(graph))
	var path []string // from where the walk began to where it is
	var visit func(name string) error
	visit = func(name string) error {
		if done[name] {
			return nil
		}
		if at := slices.Index(path, name); at >= 0 {
			circle := slices.Sorted(slices.Values(path[at:]))
			return fail("Circular dependency between resources: [%s]", strings.Join(circle, ", "))
		}
		path = append(path, name)
		on := slices.Clone(graph[name])
		slices.Sort(on)
		for _, next := range slices.Compact(on) {
			if _, ok := graph[next]; !ok {
				continue
			}
			if err := visit(next); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		sorted = append(sorted, name)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(graph)) {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return sorted, nil
}
