package template

import (
	"maps"
	"slices"
)

// Scope is what a template is evaluated in. StackName and StackID may be empty
// before there is a stack.
type Scope struct {
	Account, Region    string
	StackName, StackID string
	// Arguments are the values of all parameters, as Template.Arguments returns
	// them, with those of stored parameters looked up.
	Arguments map[string]string
	// Export finds the value that a stack exports under a name.
	Export func(name string) (value string, ok bool)
}

// Lookup finds what is known of the resources of a stack. ok false means that the
// resource is not there.
type Lookup interface {
	// Ref is what Ref of the resource returns.
	Ref(resource string) (value any, ok bool)
	// Attribute is what Fn::GetAtt returns.
	Attribute(resource, attribute string) (value any, ok bool)
}

// Bound is a template with its parameters. It belongs to one goroutine.
type Bound struct {
	template *Template
	scope    Scope
	decided  map[string]bool
	sorted   []string
	needs    map[string][]string
	// imports are the exports that were asked for.
	imports map[string]bool
	// circle guards conditions against each other.
	circle map[string]bool
}

// Bind gives a template its parameters, decides its conditions and checks its rules.
func (t *Template) Bind(scope Scope) (*Bound, error) {
	b := &Bound{
		template: t, scope: scope, decided: map[string]bool{}, needs: map[string][]string{},
		imports: map[string]bool{}, circle: map[string]bool{},
	}
	for _, name := range slices.Sorted(maps.Keys(t.conditions)) {
		if _, err := b.condition(name); err != nil {
			return nil, err
		}
	}
	if err := b.obey(); err != nil {
		return nil, err
	}
	choose := func(condition string) int {
		if b.decided[condition] {
			return 1
		}
		return 2
	}
	for name, r := range t.Resources {
		if !b.wanted(r.Condition) {
			continue
		}
		var refs references
		if err := refs.collect(r.properties, choose); err != nil {
			return nil, err
		}
		on := refs.resources(t)
		for _, target := range on {
			if !b.wanted(t.Resources[target].Condition) {
				return nil, fail("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", target)
			}
		}
		for _, target := range r.DependsOn {
			if b.wanted(t.Resources[target].Condition) {
				on = append(on, target)
			}
		}
		slices.Sort(on)
		b.needs[name] = slices.Compact(on)
	}
	var err error
	b.sorted, err = order(b.needs)
	return b, err
}

func (b *Bound) wanted(condition string) bool { return condition == "" || b.decided[condition] }

// Resources are the names of the resources that are wanted, each after those
// that it needs.
func (b *Bound) Resources() []string { return b.sorted }

// Needs are the resources that a resource needs to be there.
func (b *Bound) Needs(name string) []string { return b.needs[name] }

// Imports are the exports that the evaluations so far have used, in order.
func (b *Bound) Imports() []string { return slices.Sorted(maps.Keys(b.imports)) }

// Properties evaluates the properties of a resource.
func (b *Bound) Properties(name string, known Lookup) (map[string]any, error) {
	v, _, err := b.evaluate(b.template.Resources[name].properties, known)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fail("Template format error: Properties of resource %s must be an object.", name)
	}
	return m, nil
}

// Value is one output with its value.
type Value struct {
	Name, Value, Description string
	// Export is the name under which other stacks may import it, or empty.
	Export string
}

// Outputs evaluates the outputs that are wanted, in the order of their names.
func (b *Bound) Outputs(known Lookup) ([]Value, error) {
	var all []Value
	for _, name := range slices.Sorted(maps.Keys(b.template.Outputs)) {
		o := b.template.Outputs[name]
		if !b.wanted(o.Condition) {
			continue
		}
		out := Value{Name: name, Description: o.Description}
		var err error
		if out.Value, err = b.text(o.value, known); err != nil {
			return nil, fail("Template error: output %s: %v", name, err)
		}
		if o.export != nil {
			if out.Export, err = b.text(o.export, known); err != nil {
				return nil, fail("Template error: export of output %s: %v", name, err)
			}
		}
		all = append(all, out)
	}
	return all, nil
}

// text evaluates what has to be a scalar.
func (b *Bound) text(v any, known Lookup) (string, error) {
	v, _, err := b.evaluate(v, known)
	if err != nil {
		return "", err
	}
	s, ok := scalar(v)
	if !ok {
		return "", fail("the value must be a string.")
	}
	return s, nil
}
