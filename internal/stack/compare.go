package stack

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// foreseen tells a template of the resources as they will be, as far as that is
// known before anything is done.
type foreseen struct {
	known
	unknown map[string]bool // resources that will be new
}

// later stands for a value that will be known only when the update is done.
func later(what string) string { return "{{changeSet:KNOWN_AFTER_APPLY:" + what + "}}" }

func (f foreseen) Ref(name string) (any, bool) {
	if f.unknown[name] {
		return later(name), true
	}
	return f.known.Ref(name)
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
	t, b, err := s.bind(ctx, r, d)
	if err != nil {
		return nil, err
	}
	view := foreseen{known{r.Resources}, map[string]bool{}}
	var changes []Change
	kept := map[string]bool{}
	for _, name := range b.Resources() {
		kept[name] = true
		want, have := t.Resources[name], r.Resources[name]
		properties, err := b.Properties(name, view)
		if err != nil {
			return nil, err
		}
		if have == nil {
			view.unknown[name] = true
			changes = append(changes, Change{Action: "Add", Logical: name, Type: want.Type})
			continue
		}
		c := Change{Action: "Modify", Logical: name, Physical: have.Physical, Type: want.Type, Replacement: "False"}
		for _, property := range different(have.Properties, properties) {
			// What a dynamic reference stands for shows only when it is resolved.
			if isDynamic(properties[property]) {
				continue
			}
			c.Properties = append(c.Properties, property)
			if slices.Contains(s.cfg.Providers[want.Type].Replaces(), property) {
				c.Replacement = "True"
				if strings.Contains(textOf(properties[property]), later("")[:20]) {
					c.Replacement = "Conditional"
				}
			}
		}
		if have.Type != want.Type {
			c.Replacement = "True"
		}
		if len(c.Properties) > 0 {
			c.Scope = append(c.Scope, "Properties")
		}
		if !slices.Equal(have.Tags, d.Tags) {
			c.Scope = append(c.Scope, "Tags")
		}
		if have.Type == want.Type && len(c.Scope) == 0 {
			continue
		}
		view.unknown[name] = c.Replacement != "False"
		changes = append(changes, c)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Resources)) {
		if have := r.Resources[name]; !kept[name] {
			changes = append(changes, Change{Action: "Remove", Logical: name, Physical: have.Physical, Type: have.Type})
		}
	}
	return changes, nil
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
func (s *Service) outputsChange(ctx context.Context, r *stackRecord, d *definition) bool {
	_, b, err := s.bind(ctx, r, d)
	if err != nil {
		return true
	}
	values, err := b.Outputs(known{r.Resources})
	if err != nil || len(values) != len(r.Outputs) {
		return true
	}
	for i, v := range values {
		if (Output{v.Name, v.Value, v.Description, v.Export}) != r.Outputs[i] {
			return true
		}
	}
	return false
}
