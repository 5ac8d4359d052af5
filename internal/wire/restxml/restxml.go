// Package restxml is the body format of the REST-XML services, S3 and
// CloudFront: it decodes request documents strictly, encodes answers, and has
// the two error documents.
//
// Structs are described by the tags of encoding/xml, such as
// `xml:"Items>CNAME,omitempty"`. They need no XMLName: the root's name and
// namespace are arguments.
//
// Source: Smithy 2.0, "AWS REST XML protocol"; Amazon S3 and Amazon CloudFront
// API References.
package restxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"time"
)

// Namespaces of the services' documents.
const (
	S3Namespace         = "http://s3.amazonaws.com/doc/2006-03-01/"
	CloudFrontNamespace = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
)

// ContentType is the media type of XML bodies.
const ContentType = "application/xml"

const (
	// MaxBytes bounds a document: the list of 10,000 parts that completes an
	// upload fits well, and 1,000 keys to delete whose every byte is a reference.
	MaxBytes = 8 << 20

	// MaxDepth bounds how deep elements may nest.
	MaxDepth = 32

	// MaxElements bounds the work for a document of MaxBytes.
	MaxElements = 100_000

	maxAttributes = 16
)

// Problem is what is wrong with a document.
type Problem uint8

const (
	Syntax   Problem = iota // not well-formed XML in UTF-8, or with a document type
	Root                    // another document than the operation takes
	Unknown                 // an element that the document does not have
	Repeated                // an element that may stand once, twice
	Value                   // text where elements belong, or text of another type
	TooDeep                 // more than MaxDepth elements in each other
	TooLarge                // more than MaxBytes or MaxElements
)

// DecodeError says why a document cannot be read.
type DecodeError struct {
	Problem Problem
	Path    string // the element, as in DistributionConfig/Aliases/Items
	Offset  int64  // where in the document, in bytes
	cause   error
}

func (e *DecodeError) Error() string {
	var what string
	switch e.Problem {
	case Root:
		what = "another document was expected"
	case Unknown:
		what = "unknown element"
	case Repeated:
		what = "repeated element"
	case Value:
		what = "value of the wrong type"
	case TooDeep:
		what = "nested too deeply"
	case TooLarge:
		what = "too large"
	default:
		what = "malformed"
	}
	return fmt.Sprintf("restxml: %s at byte %d (%.200q)", what, e.Offset, e.Path)
}

func (e *DecodeError) Unwrap() error { return e.cause }

// Document reads and writes one type of document. It is safe for concurrent use.
type Document[T any] struct {
	root   string
	schema *node
}

// Of compiles the document with the root element that T describes. It panics
// when T is not a struct.
func Of[T any](root string) Document[T] {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic("restxml: " + t.String() + " is not a struct")
	}
	return Document[T]{root, schemaOf(t, map[reflect.Type]*node{})}
}

// Decode reads a document. Namespaces and their prefixes do not matter. Elements
// that T lacks, repeated ones where T has no slice, and empty ones for a number or a
// bool, are errors, so that no setting is ever dropped. There are no entities beyond
// XML's five. The error is a *DecodeError.
func (d Document[T]) Decode(body []byte) (*T, error) {
	if len(body) > MaxBytes {
		return nil, &DecodeError{Problem: TooLarge, Path: d.root, Offset: MaxBytes}
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	f := &filter{in: xml.NewDecoder(bytes.NewReader(body)), root: d.root, schema: d.schema}
	into := new(T)
	if err := xml.NewTokenDecoder(f).Decode(into); err != nil {
		return nil, f.explain(err)
	}
	if err := f.end(); err != nil {
		return nil, f.explain(err)
	}
	return into, nil
}

// Append encodes v after dst, with the XML declaration, and with the namespace on
// the root unless it is "". As encoding/xml has it, the outer elements of a tag
// such as "Items>CNAME,omitempty" are written for an empty list too; where they
// may not be, make them a struct behind a pointer.
func (d Document[T]) Append(dst []byte, namespace string, v *T) ([]byte, error) {
	b := bytes.NewBuffer(append(dst, xml.Header...))
	start := xml.StartElement{Name: xml.Name{Local: d.root}}
	if namespace != "" {
		start.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}
	}
	if err := xml.NewEncoder(b).EncodeElement(v, start); err != nil {
		return nil, fmt.Errorf("restxml: encode %s: %w", d.root, err)
	}
	return b.Bytes(), nil
}

// filter passes the tokens of a document on to encoding/xml when they are within
// the schema and the bounds, without namespaces.
type filter struct {
	in     *xml.Decoder
	root   string
	schema *node

	open     []level
	elements int
	ended    bool
	err      *DecodeError
}

// level is one open element.
type level struct {
	name string
	node *node
	seen map[string]bool
	said bool // there was text, and not white space only
}

func (f *filter) path() string {
	names := make([]string, len(f.open))
	for i, l := range f.open {
		names[i] = l.name
	}
	return strings.Join(names, "/")
}

func (f *filter) fail(p Problem) error {
	f.err = &DecodeError{Problem: p, Path: f.path(), Offset: f.in.InputOffset()}
	return f.err
}

// explain makes a *DecodeError of what encoding/xml says.
func (f *filter) explain(err error) error {
	if f.err != nil {
		return f.err
	}
	p := Value
	if _, ok := errors.AsType[*xml.SyntaxError](err); ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		p = Syntax
	}
	return &DecodeError{Problem: p, Path: f.path(), Offset: f.in.InputOffset(), cause: err}
}

// Token is the next token that encoding/xml may see.
func (f *filter) Token() (xml.Token, error) {
	for {
		t, err := f.in.Token()
		if err != nil {
			if err != io.EOF {
				f.fail(Syntax)
				f.err.cause = err
			}
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return f.start(t)
		case xml.EndElement:
			if at := &f.open[len(f.open)-1]; at.node.filled && !at.said {
				// encoding/xml would read 0 or false.
				return nil, f.fail(Value)
			}
			f.open = f.open[:len(f.open)-1]
			f.ended = len(f.open) == 0
			t.Name.Space = ""
			return t, nil
		case xml.CharData:
			if len(f.open) == 0 || !f.open[len(f.open)-1].node.text {
				if len(bytes.TrimSpace(t)) > 0 {
					return nil, f.fail(Value)
				}
				continue
			}
			at := &f.open[len(f.open)-1]
			at.said = at.said || len(bytes.TrimSpace(t)) > 0
			return t, nil
		case xml.ProcInst:
			if t.Target != "xml" || len(f.open) > 0 || f.ended {
				return nil, f.fail(Syntax)
			}
		case xml.Directive: // a document type: entities, external files
			return nil, f.fail(Syntax)
		}
	}
}

func (f *filter) start(t xml.StartElement) (xml.Token, error) {
	if f.ended || len(t.Attr) > maxAttributes {
		return nil, f.fail(Syntax)
	}
	if f.elements++; f.elements > MaxElements {
		return nil, f.fail(TooLarge)
	}
	name := t.Name.Local
	next := f.schema
	ok, problem := true, Root
	if len(f.open) == 0 {
		ok = name == f.root
	} else {
		parent := &f.open[len(f.open)-1]
		var c child
		if c, ok = parent.node.children[name]; !ok {
			problem = Unknown
		} else if !c.repeated && parent.seen[name] {
			ok, problem = false, Repeated
		}
		next = c.node
		if parent.seen == nil {
			parent.seen = map[string]bool{}
		}
		parent.seen[name] = true
	}
	f.open = append(f.open, level{name: name, node: next})
	if len(f.open) > MaxDepth {
		ok, problem = false, TooDeep
	}
	if !ok {
		return nil, f.fail(problem)
	}
	attributes := t.Attr[:0]
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			attributes = append(attributes, xml.Attr{Name: xml.Name{Local: a.Name.Local}, Value: a.Value})
		}
	}
	return xml.StartElement{Name: xml.Name{Local: name}, Attr: attributes}, nil
}

// end wants nothing behind the root element.
func (f *filter) end() error {
	t, err := f.Token()
	if err == io.EOF {
		return nil
	}
	if err == nil && t != nil {
		err = f.fail(Syntax)
	}
	return err
}

// node is what may stand in one element.
type node struct {
	children map[string]child
	text     bool // it holds text
	filled   bool // which is a number or a truth value, and never empty
}

type child struct {
	node     *node
	repeated bool // the element may stand more than once
}

var textUnmarshaler = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()

// schemaOf reads the tags of a type. of holds the structs on the way, since a
// type may contain itself.
func schemaOf(t reflect.Type, of map[reflect.Type]*node) *node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(textUnmarshaler) {
		return &node{text: true, filled: t.Kind() == reflect.Bool || t.ConvertibleTo(reflect.TypeFor[int]())}
	}
	if n, ok := of[t]; ok {
		return n
	}
	n := &node{children: map[string]child{}}
	of[t] = n
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("xml"), ",")
		switch {
		case !field.IsExported() || name == "-" || field.Name == "XMLName" || strings.Contains(options, "attr"):
			continue
		case strings.Contains(options, "chardata"):
			n.text = true
			continue
		case field.Anonymous && name == "":
			maps.Copy(n.children, schemaOf(field.Type, of).children)
			continue
		case name == "":
			name = field.Name
		}
		at := n
		path := strings.Split(name, ">")
		for _, outer := range path[:len(path)-1] {
			if at.children[outer].node == nil {
				at.children[outer] = child{node: &node{children: map[string]child{}}}
			}
			at = at.children[outer].node
		}
		leaf := field.Type
		repeated := leaf.Kind() == reflect.Slice && leaf.Elem().Kind() != reflect.Uint8
		if repeated {
			leaf = leaf.Elem()
		}
		at.children[path[len(path)-1]] = child{schemaOf(leaf, of), repeated}
	}
	return n
}
