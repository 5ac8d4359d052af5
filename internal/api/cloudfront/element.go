package cloudfront

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// maxElements bounds a document: the largest real one, a distribution with
// every quota used up, has a tenth.
const maxElements = 100_000

// element is one XML element of a request: text or children.
type element struct {
	parent   *element
	name     string
	chars    []byte
	children []*element
	taken    map[string]bool
}

func (e *element) text() string { return string(e.chars) }

// blank reports whether e has no text but white space.
func (e *element) blank() bool { return len(bytes.TrimSpace(e.chars)) == 0 }

// path names e from the root on: "DistributionConfig.Aliases.Quantity". It is
// made on demand, since a document may hold many long ones.
func (e *element) path() string {
	if e.parent == nil || e.parent.parent == nil {
		return e.name
	}
	return e.parent.path() + "." + e.name
}

// parse reads a document whose root is called root. Namespaces and attributes
// do not matter. Errors are *restxml.DecodeError.
//
// A configuration is read by the rows of shapes.go instead of struct tags: they
// know what is absent, fill defaults in, count Quantity, and write the same
// document back.
func parse(body []byte, root string) (*element, error) {
	if len(body) > restxml.MaxBytes {
		return nil, &restxml.DecodeError{Problem: restxml.TooLarge, Path: root, Offset: restxml.MaxBytes}
	}
	in := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	top := new(element)
	open := []*element{top}
	bad := func(p restxml.Problem) error {
		return &restxml.DecodeError{Problem: p, Path: open[len(open)-1].path(), Offset: in.InputOffset()}
	}
	for count := 0; ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad(restxml.Syntax)
		}
		at := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements {
				return nil, bad(restxml.TooLarge)
			}
			if len(open) > restxml.MaxDepth {
				return nil, bad(restxml.TooDeep)
			}
			e := &element{parent: at, name: t.Name.Local}
			at.children = append(at.children, e)
			open = append(open, e)
		case xml.EndElement:
			if len(at.children) > 0 {
				if !at.blank() {
					return nil, bad(restxml.Value)
				}
				at.chars = nil
			}
			open = open[:len(open)-1]
		case xml.CharData:
			at.chars = append(at.chars, t...)
		case xml.Directive: // a document type: entities, external files
			return nil, bad(restxml.Syntax)
		case xml.ProcInst:
			if t.Target != "xml" {
				return nil, bad(restxml.Syntax)
			}
		}
	}
	switch {
	case len(top.children) != 1 || !top.blank():
		return nil, bad(restxml.Syntax)
	case top.children[0].name != root:
		return nil, bad(restxml.Root)
	}
	return top.children[0], nil
}

// take returns the child with that name, nil if there is none, and marks it as
// understood.
func (e *element) take(name string) (*element, error) {
	if e.taken == nil {
		e.taken = make(map[string]bool)
	}
	e.taken[name] = true
	var found *element
	for _, c := range e.children {
		if c.name != name {
			continue
		}
		if found != nil {
			return nil, &restxml.DecodeError{Problem: restxml.Repeated, Path: c.path()}
		}
		found = c
	}
	return found, nil
}

// finish wants every child understood.
func (e *element) finish() error {
	for _, c := range e.children {
		if !e.taken[c.name] {
			return &restxml.DecodeError{Problem: restxml.Unknown, Path: c.path()}
		}
	}
	return nil
}

// writer builds an answer.
type writer struct{ bytes.Buffer }

func (w *writer) open(name string)  { w.WriteString("<" + name + ">") }
func (w *writer) close(name string) { w.WriteString("</" + name + ">") }

func (w *writer) escape(s string) {
	// A buffer's writes do not fail.
	_ = xml.EscapeText(w, []byte(s))
}

// document is v, as codec writes it, under a root element with the namespace.
func document[V any](root string, c codec[V], v *V) []byte {
	w := new(writer)
	w.WriteString("<?xml version=\"1.0\"?>\n<" + root + ` xmlns="` + restxml.CloudFrontNamespace + `">`)
	c.write(w, v)
	w.close(root)
	return w.Bytes()
}
