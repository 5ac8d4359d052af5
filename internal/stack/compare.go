package stack

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/template"
)

// foreseen tells a template of the resources as they will be, as far as that is
// known before anything is done.
type foreseen struct {
	known
	unknown map[string]bool // resources that will be new
}

// KnownAfterApply stands for a value that is known only when a change is done.
const KnownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// shown is v as a change set shows it: every string that is not known yet as
// KnownAfterApply, whatever is around what is not known.
func shown(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, notYet) {
			return KnownAfterApply
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = shown(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = shown(v[key])
		}
		return m
	}
	return v
}

// notYet begins what later returns.
const notYet = "{{changeSet:KNOWN_AFTER_APPLY:"

// later stands for a value that will be known only when the update is done, and
// says which.
func later(what string) string { return notYet + what + "}}" }

func (f foreseen) Ref(name string) (any, bool) {
	if v, ok := f.known.Ref(name); ok && !f.unknown[name] {
		return v, true
	}
	return later(name), true
}

func (f foreseen) Attribute(name, attribute string) (any, bool) {
	if f.unknown[name] {
		return later(name + "." + attribute), true
	}
	if v, ok := f.known.Attribute(name, attribute); ok {
		return v, true
	}
	return later(name + "." + attribute), true
}

// compare lists what a definition would change of a stack.
func (s *Service) compare(ctx context.Context, r *stackRecord, d *definition) ([]Change, error) {
	// An export that is not there may be when the change is done.
	t, b, err := s.bindTo(r, d, func(name string) (string, bool, error) {
		value, ok, err := s.exported(ctx, r.realm(), name)
		if !ok {
			value = later(name)
		}
		return value, true, err
	})
	if err != nil {
		return nil, err
	}
	c := &comparison{s: s, stack: r, view: foreseen{known{r.Resources}, map[string]bool{}}, text: t, bound: b, want: d, touched: map[string]bool{}}
	if len(r.Resources) > 0 {
		// Without the template that was, only the values tell what changes.
		c.oldText, c.oldBound, _ = s.bind(ctx, r, &r.definition)
	}
	var changes []Change
	kept := map[string]bool{}
	for _, name := range b.Resources() {
		kept[name] = true
		change, err := c.resource(name)
		if err != nil {
			return nil, err
		}
		if change != nil {
			changes = append(changes, *change)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Resources)) {
		if have := r.Resources[name]; !kept[name] {
			policy := "Delete"
			if have.Deletion != "Delete" {
				policy = "Retain"
			}
			changes = append(changes, Change{
				Action: "Remove", Logical: name, Physical: have.Physical, Type: have.Type, Policy: policy,
				Before: c.before(name, foreseen{known{}, nil}),
			})
		}
	}
	return changes, nil
}

// comparison is a look at what a definition makes of a stack.
type comparison struct {
	s     *Service
	stack *stackRecord
	want  *definition
	view  foreseen
	text  *template.Template
	bound *template.Bound
	// oldText and oldBound are what the stack was made from, nil where that cannot
	// be had.
	oldText  *template.Template
	oldBound *template.Bound
	// touched are the resources that change and stay.
	touched map[string]bool
}

// resource is what happens to one resource that is wanted, nil for nothing.
func (c *comparison) resource(name string) (*Change, error) {
	want, have := c.text.Resources[name], c.stack.Resources[name]
	properties, err := c.bound.Properties(name, c.view)
	if err != nil {
		return nil, err
	}
	visible, err := c.bound.Shown().Properties(name, c.view)
	if err != nil {
		return nil, err
	}
	after := shown(visible).(map[string]any)
	if have == nil {
		c.view.unknown[name] = true
		return &Change{Action: "Add", Logical: name, Type: want.Type, After: after}, nil
	}
	change := &Change{Action: "Modify", Logical: name, Physical: have.Physical, Type: want.Type, Replacement: "False", Before: c.before(name, known{c.stack.Resources}), After: after}
	replaces := c.s.cfg.Providers[want.Type].Replaces()
	for _, property := range different(have.Properties, properties) {
		// What a dynamic reference stands for shows only when it is resolved.
		if isDynamic(properties[property]) {
			continue
		}
		detail := Detail{Property: property, Replaces: slices.Contains(replaces, property)}
		if detail.Replaces && change.Replacement != "True" {
			change.Replacement = "True"
			if strings.Contains(textOf(properties[property]), notYet) {
				change.Replacement = "Conditional"
			}
		}
		change.Details = append(change.Details, c.causes(name, detail)...)
	}
	if have.Type != want.Type {
		change.Replacement = "True"
	}
	if len(change.Details) > 0 {
		change.Scope = append(change.Scope, "Properties")
	}
	if !slices.Equal(have.Tags, c.want.Tags) {
		change.Scope = append(change.Scope, "Tags")
	}
	policies := c.bound.Policies(name)
	if have.Deletion != policies.Deletion {
		change.Scope = append(change.Scope, "DeletionPolicy")
	}
	if have.Replacement != policies.Replacement {
		change.Scope = append(change.Scope, "UpdateReplacePolicy")
	}
	if have.Type == want.Type && len(change.Scope) == 0 {
		return c.possible(name, change), nil
	}
	switch {
	case change.Replacement == "False":
		c.touched[name] = true
	case have.Replacement == "Retain":
		change.Policy = "ReplaceAndRetain"
	default:
		change.Policy = "ReplaceAndDelete"
	}
	c.view.unknown[name] = change.Replacement != "False"
	return change, nil
}

// before is the properties of a resource as they were, without what is not to be
// shown. Of one that goes, AWS does not look up what it referred to.
func (c *comparison) before(name string, view template.Lookup) map[string]any {
	if c.oldText == nil || c.oldText.Resources[name] == nil {
		return nil
	}
	properties, err := c.oldBound.Shown().Properties(name, view)
	if err != nil {
		return nil
	}
	return shown(properties).(map[string]any)
}

// causes says why a property has another value.
func (c *comparison) causes(name string, of Detail) (all []Detail) {
	add := func(source, cause string, dynamic bool) {
		d := of
		d.Source, d.Cause, d.Dynamic = source, cause, dynamic
		all = append(all, d)
	}
	parameters, resources, attributes := c.bound.Causes(name, of.Property)
	for _, p := range parameters {
		// A stored parameter whose value is another one was not changed here.
		if old, had := c.stack.Arguments[p]; !had || old != c.want.Arguments[p] {
			add("ParameterReference", p, false)
		}
	}
	switch {
	case len(all) > 0:
		add("DirectModification", "", true)
	case c.oldText == nil || !c.text.SameText(c.oldText, name, of.Property):
		add("DirectModification", "", false)
		return all
	}
	for _, ref := range resources {
		if c.view.unknown[ref] {
			add("ResourceReference", ref, false)
		}
	}
	for _, a := range attributes {
		if target, _, _ := strings.Cut(a, "."); c.view.unknown[target] {
			add("ResourceAttribute", a, false)
		}
	}
	switch {
	case len(all) == 0:
		add("DirectModification", "", false)
	case all[0].Source != "ParameterReference":
		of.Valued = true
		add("DirectModification", "", true)
	}
	return all
}

// possible makes a change of one that is none, if an attribute that the resource
// uses belongs to a resource that changes and stays: whether it has another value
// then shows only when that is done.
func (c *comparison) possible(name string, change *Change) *Change {
	replaces := c.s.cfg.Providers[change.Type].Replaces()
	for _, property := range slices.Sorted(maps.Keys(change.After)) {
		_, _, attributes := c.bound.Causes(name, property)
		for _, a := range attributes {
			if target, _, _ := strings.Cut(a, "."); c.touched[target] {
				d := Detail{Property: property, Source: "ResourceAttribute", Cause: a, Dynamic: true, Replaces: slices.Contains(replaces, property)}
				change.Details = append(change.Details, d)
				if d.Replaces {
					change.Replacement = "Conditional"
				}
			}
		}
	}
	if len(change.Details) == 0 {
		return nil
	}
	change.Scope, change.Possible = []string{"Properties"}, true
	c.touched[name] = true
	return change
}

func isDynamic(v any) bool { return strings.Contains(textOf(v), "{{resolve:") }

// textOf is every string in a value, one after the other.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var all strings.Builder
		for _, item := range v {
			all.WriteString(textOf(item))
		}
		return all.String()
	case map[string]any:
		var all strings.Builder
		for _, item := range v {
			all.WriteString(textOf(item))
		}
		return all.String()
	default:
		return ""
	}
}

// different lists the members in which two maps differ, in order.
func different(a, b map[string]any) []string {
	var names []string
	for name := range a {
		if !reflect.DeepEqual(a[name], b[name]) {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// outputsChange tells whether a definition has other outputs than the stack.
func (s *Service) outputsChange(ctx context.Context, r *stackRecord, d *definition) (bool, error) {
	_, b, err := s.bind(ctx, r, d)
	var values []template.Value
	if err == nil {
		values, err = b.Outputs(known{r.Resources})
	}
	if errors.Is(err, errUnread) {
		return false, err
	}
	// What cannot be evaluated yet is news.
	return err != nil || !slices.EqualFunc(values, r.Outputs, func(v template.Value, o Output) bool {
		return o == Output{v.Name, v.Value, v.Description, v.Export}
	}), nil
}
