package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Principals lists the users and roles that the document names by ARN, each
// once, in order of appearance.
func (d *Document) Principals() []string {
	var names []string
	for i := range d.statements {
		for j := range d.statements[i].principals {
			w := &d.statements[i].principals[j]
			if w.kind == entityNamed && !slices.Contains(names, w.text) {
				names = append(names, w.text)
			}
		}
	}
	return names
}

// Bind ties every user and role that the document names to its unique id, so
// that a later one of the same name is not meant. identify gives the id of an
// ARN; an empty id leaves the name unbound, which is right for accounts that
// are not ours; ok false refuses the document with the service's own error.
//
// The ids are not part of the source: keep Bindings beside it, and bind again
// with them after Parse.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal".
func (d *Document) Bind(identify func(name string) (id string, ok bool)) (*Document, error) {
	bound := *d
	bound.statements = slices.Clone(d.statements)
	for i := range bound.statements {
		s := &bound.statements[i]
		s.principals = slices.Clone(s.principals)
		for j := range s.principals {
			w := &s.principals[j]
			if w.kind != entityNamed {
				continue
			}
			id, ok := identify(w.text)
			if !ok {
				p := parser{use: d.use, at: "Statement[" + strconv.Itoa(i) + "].Principal"}
				return nil, p.badPrincipal("AWS", w.text, "does not exist")
			}
			w.id = id
		}
	}
	return &bound, nil
}

// Bindings gives the unique id of every bound name.
func (d *Document) Bindings() map[string]string {
	ids := map[string]string{}
	for i := range d.statements {
		for _, w := range d.statements[i].principals {
			if w.kind == entityNamed && w.id != "" {
				ids[w.text] = w.id
			}
		}
	}
	return ids
}

// Render is the source as a reader gets it today: current gives the ARN that
// an id has now, and a name whose owner is gone shows as the bare id. Apart
// from such names it is the source byte by byte.
func (d *Document) Render(current func(id string) (name string, ok bool)) string {
	type change struct {
		start, end int
		text       string
	}
	var changes []change
	for i := range d.statements {
		for _, w := range d.statements[i].principals {
			if w.kind != entityNamed || w.id == "" {
				continue
			}
			name, ok := current(w.id)
			if !ok {
				name = w.id
			}
			if name != w.text {
				changes = append(changes, change{w.start, w.end, name})
			}
		}
	}
	if len(changes) == 0 {
		return d.source
	}
	slices.SortFunc(changes, func(a, b change) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, c := range changes {
		quoted, _ := json.Marshal(c.text) // strings always encode
		b.WriteString(d.source[at:c.start])
		b.Write(quoted)
		at = c.end
	}
	b.WriteString(d.source[at:])
	return b.String()
}
