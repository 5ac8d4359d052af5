package template

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Scope is what a template is evaluated in. StackName and StackID may be empty
// before there is a stack.
type Scope struct {
	Account, Region    string
	StackName, StackID string
	// Arguments are the values of all parameters, as Template.Arguments returns
	// them, with those of stored parameters looked up.
	Arguments map[string]string
	// Export finds the value that a stack exports under a name. An error says that
	// it could not look: it ends the evaluation and is returned as it is.
	Export func(name string) (value string, ok bool, err error)
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
	kept     map[string]Policies
	// imports are the exports that were asked for.
	imports map[string]bool
	// hide makes what is not to be shown look like Hidden.
	hide bool
	// circle guards conditions against each other.
	circle map[string]bool
	// room is how many bytes functions may still make.
	room int
}

// Bind gives a template its parameters, decides its conditions and checks its rules.
func (t *Template) Bind(scope Scope) (*Bound, error) {
	b := &Bound{
		template: t, scope: scope, decided: map[string]bool{}, needs: map[string][]string{}, kept: map[string]Policies{},
		imports: map[string]bool{}, circle: map[string]bool{}, room: maxMadeBytes,
	}
	for _, name := range slices.Sorted(maps.Keys(t.conditions)) {
		if _, err := b.condition(name); err != nil {
			return nil, err
		}
	}
	if err := b.obey(); err != nil {
		return nil, err
	}
	for name, r := range t.Resources {
		if !b.wanted(r.Condition) {
			continue
		}
		refs := references{extended: t.extended}
		if err := refs.collect(r.properties, b.choose); err != nil {
			return nil, err
		}
		if err := b.policies(name, r); err != nil {
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
	if err := b.checkOutputs(); err != nil {
		return nil, err
	}
	var err error
	b.sorted, err = order(b.needs)
	return b, err
}

// choose is the branch of an Fn::If that counts.
func (b *Bound) choose(condition string) int {
	if b.decided[condition] {
		return 1
	}
	return 2
}

// checkOutputs checks that no output that is wanted refers to a resource that is
// not.
func (b *Bound) checkOutputs() error {
	var missing []string
	for _, o := range b.template.Outputs {
		if !b.wanted(o.Condition) {
			continue
		}
		refs := references{extended: b.template.extended}
		if err := refs.collect([]any{o.value, o.export}, b.choose); err != nil {
			return err
		}
		for _, target := range refs.resources(b.template) {
			if !b.wanted(b.template.Resources[target].Condition) {
				missing = append(missing, target)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fail("Unresolved resource dependencies [%s] in the Outputs block of the template", strings.Join(slices.Compact(missing), ", "))
}

// Policies are what becomes of a resource.
type Policies struct {
	// Deletion is Delete, Retain or RetainExceptOnCreate, Replacement Delete or
	// Retain.
	Deletion, Replacement string
}

// policies evaluates the policies of a resource, which may depend on parameters.
func (b *Bound) policies(name string, r *Resource) (err error) {
	var p Policies
	if p.Deletion, err = b.policy(r.deletion); err != nil || !slices.Contains([]string{"Delete", "Retain", "RetainExceptOnCreate"}, p.Deletion) {
		return cmp.Or(err, fail("Template error: DeletionPolicy %.64s of resource %s is not supported.", p.Deletion, name))
	}
	if p.Replacement, err = b.policy(r.replacement); err != nil || !slices.Contains([]string{"Delete", "Retain"}, p.Replacement) {
		return cmp.Or(err, fail("Template error: UpdateReplacePolicy %.64s of resource %s is not supported.", p.Replacement, name))
	}
	b.kept[name] = p
	return nil
}

func (b *Bound) policy(v any) (string, error) {
	if v == nil {
		return "Delete", nil
	}
	return b.text(v, nil)
}

// Policies says what becomes of a resource that is wanted.
func (b *Bound) Policies(name string) Policies { return b.kept[name] }

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
	b.room = maxMadeBytes
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

// Hidden stands for the value of a parameter that is not to be shown.
const Hidden = "****"

// Shown is b with Hidden in the place of every value that is not to be shown. What
// depends on conditions is as in b.
func (b *Bound) Shown() *Bound {
	c := *b
	c.hide = true
	return &c
}

// Causes are what the value of one property of a resource comes from: the
// parameters, the resources by Ref and their attributes, these as Resource.Attribute.
func (b *Bound) Causes(name, property string) (parameters, resources, attributes []string) {
	refs := references{extended: b.template.extended}
	if refs.collect(b.template.Resources[name].properties[property], b.choose) != nil {
		return nil, nil, nil
	}
	for _, ref := range refs.refs {
		switch {
		case b.template.Parameters[ref] != nil:
			parameters = append(parameters, ref)
		case b.template.Resources[ref] != nil:
			resources = append(resources, ref)
		}
	}
	for _, a := range refs.attributes {
		attributes = append(attributes, a[0]+"."+a[1])
	}
	for _, list := range []*[]string{&parameters, &resources, &attributes} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return parameters, resources, attributes
}

// SameText tells whether two templates say the same of a property of a resource.
func (t *Template) SameText(other *Template, name, property string) bool {
	a, b := t.Resources[name], other.Resources[name]
	return a != nil && b != nil && reflect.DeepEqual(a.properties[property], b.properties[property])
}

// Value is one output with its value.
type Value struct {
	Name, Value, Description string
	// Export is the name under which other stacks may import it, or empty.
	Export string
}

// Outputs evaluates the outputs that are wanted, in the order of their names.
func (b *Bound) Outputs(known Lookup) ([]Value, error) {
	b.room = maxMadeBytes
	var all []Value
	for _, name := range slices.Sorted(maps.Keys(b.template.Outputs)) {
		o := b.template.Outputs[name]
		if !b.wanted(o.Condition) {
			continue
		}
		out := Value{Name: name, Description: o.Description}
		var err error
		if out.Value, err = b.text(o.value, known); err != nil {
			return nil, within(err, "output "+name)
		}
		if o.export != nil {
			if out.Export, err = b.text(o.export, known); err != nil {
				return nil, within(err, "export of output "+name)
			}
		}
		all = append(all, out)
	}
	return all, nil
}

// within says where in a template an error is, if it is one of the template.
func within(err error, place string) error {
	if _, own := errors.AsType[*Error](err); own {
		return fail("Template error: %s: %v", place, err)
	}
	return err
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
