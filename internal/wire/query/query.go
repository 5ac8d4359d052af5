// Package query is the AWS query protocol, which IAM, STS and CloudFormation
// speak: requests are forms with an Action, answers are XML.
//
// A request's parameters are a tree written with dots:
//
//	Action=CreateRole&Version=2010-05-08&RoleName=r&Tags.member.1.Key=k&Tags.member.1.Value=v
//
// Source: Smithy 2.0, "AWS query protocol"; IAM API Reference, "Making query requests".
package query

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxBytes bounds a form: a policy of 128 KiB, every byte of it encoded, fits.
	MaxBytes = 1 << 20

	// MaxParameters bounds the number of parameters.
	MaxParameters = 10_000

	maxDepth = 16
)

// Problem is what is wrong with a form or a parameter.
type Problem uint8

const (
	Syntax   Problem = iota // not a form
	Repeated                // given more than once
	Missing                 // absent, and needed
	Empty                   // there, and empty where that is no value
	Value                   // not of its type
	TooLarge                // more than MaxBytes, MaxParameters or levels
)

// Error says what is wrong with a request.
type Error struct {
	Problem   Problem
	Parameter string // its full name, as in Tags.member.1.Key; "" for the form itself
	Want      string // for Value: the type wanted, such as Integer
}

func (e *Error) Error() string { return "query: " + e.Sentence() }

// Sentence tells the caller what is wrong.
func (e *Error) Sentence() string {
	name := fmt.Sprintf("The parameter %.128s ", e.Parameter)
	switch e.Problem {
	case Repeated:
		return name + "is given more than once."
	case Missing:
		return name + "is missing."
	case Empty:
		return name + "is empty."
	case Value:
		return name + "is not of type " + e.Want + "."
	case TooLarge:
		return "The request is too large."
	default:
		return "The request is not a form."
	}
}

// Form is a request's parameters, or those below one of its elements. Its
// methods note the first parameter that is not what it should be; Err tells it
// after all have been read. A Form is not safe for concurrent use.
type Form struct {
	node *node
	name string // in front of the names of this form's parameters, with a dot
	root *state
}

type state struct{ err error }

// node is a parameter, or what parameters have in common up to a dot.
type node struct {
	value    string
	given    bool // a parameter has exactly this name
	read     bool
	children map[string]*node
}

// Parse reads the form of a body, and the parameters of a query string for those
// who call with GET. The parameters of SigV4 are left out. The error is an *Error.
func Parse(body, rawQuery string) (Form, error) {
	f := Form{node: &node{}, root: &state{}}
	if len(body)+len(rawQuery) > MaxBytes {
		return Form{}, &Error{Problem: TooLarge}
	}
	count := 0
	for _, form := range []string{body, rawQuery} {
		for pair := range strings.SplitSeq(form, "&") {
			if pair == "" {
				continue
			}
			if count++; count > MaxParameters {
				return Form{}, &Error{Problem: TooLarge}
			}
			if err := f.add(pair); err != nil {
				return Form{}, err
			}
		}
	}
	return f, nil
}

func (f Form) add(pair string) error {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil {
		return &Error{Problem: Syntax}
	}
	value, err := url.QueryUnescape(rawValue)
	if err != nil {
		return &Error{Problem: Syntax}
	}
	if strings.HasPrefix(name, "X-Amz-") {
		return nil
	}
	n, depth := f.node, 0
	for part := range strings.SplitSeq(name, ".") {
		if depth++; depth > maxDepth {
			return &Error{Problem: TooLarge}
		}
		child := n.children[part]
		if child == nil {
			child = &node{}
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[part] = child
		}
		n = child
	}
	if n.given {
		return &Error{Problem: Repeated, Parameter: name}
	}
	n.value, n.given = value, true
	return nil
}

// Action and Version are the parameters that every request has.
func (f Form) Action() string  { return f.Optional("Action") }
func (f Form) Version() string { return f.Optional("Version") }

// Err is the first error of the reads so far: an *Error, or one of Refuse.
func (f Form) Err() error { return f.root.err }

// Refuse notes that the request is refused with err, unless it was before. Who refuses
// may leave parameters unread.
func (f Form) Refuse(err error) {
	if f.root.err == nil {
		f.root.err = err
	}
}

func (f Form) fail(e *Error) { f.Refuse(e) }

// Lookup is the value of a parameter, and whether it was given.
func (f Form) Lookup(name string) (string, bool) {
	n := f.node.children[name]
	if n == nil || !n.given {
		return "", false
	}
	n.read = true
	return n.value, true
}

// Optional is the value of a parameter, or "".
func (f Form) Optional(name string) string {
	v, _ := f.Lookup(name)
	return v
}

// Given is the value of a parameter that may be absent, "" then, but not empty: an empty
// name is not that of nobody in particular.
func (f Form) Given(name string) string {
	v, ok := f.Lookup(name)
	if ok && v == "" {
		f.fail(&Error{Problem: Empty, Parameter: f.name + name})
	}
	return v
}

// String is the value of a parameter that must be there and not be empty.
func (f Form) String(name string) string {
	v, ok := f.Lookup(name)
	switch {
	case !ok:
		f.fail(&Error{Problem: Missing, Parameter: f.name + name})
	case v == "":
		f.fail(&Error{Problem: Empty, Parameter: f.name + name})
	}
	return v
}

// Require notes the parameters that must be there, empty or not, or something below
// them, and are not.
func (f Form) Require(names ...string) {
	for _, name := range names {
		if !f.Has(name) {
			f.fail(&Error{Problem: Missing, Parameter: f.name + name})
		}
	}
}

// Int is the value of an integer parameter, or otherwise when it is absent.
func (f Form) Int(name string, otherwise int) int {
	v, ok := f.Lookup(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		f.fail(&Error{Problem: Value, Parameter: f.name + name, Want: "Integer"})
		return otherwise
	}
	return int(n)
}

// Bool is the value of a boolean parameter, or otherwise when it is absent.
func (f Form) Bool(name string, otherwise bool) bool {
	v, ok := f.Lookup(name)
	switch {
	case !ok:
		return otherwise
	case strings.EqualFold(v, "true"):
		return true
	case strings.EqualFold(v, "false"):
		return false
	}
	f.fail(&Error{Problem: Value, Parameter: f.name + name, Want: "Boolean"})
	return otherwise
}

// Time is the value of a timestamp parameter in ISO 8601 or in epoch seconds, or
// the zero time when it is absent.
func (f Form) Time(name string) time.Time {
	v, ok := f.Lookup(name)
	if !ok {
		return time.Time{}
	}
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t.UTC()
	}
	if n, err := strconv.ParseInt(v, 10, 40); err == nil {
		return time.Unix(n, 0).UTC()
	}
	f.fail(&Error{Problem: Value, Parameter: f.name + name, Want: "Timestamp"})
	return time.Time{}
}

// Sub is the structure of that name, empty when it is absent.
func (f Form) Sub(name string) Form {
	sub := Form{node: f.node.children[name], name: f.name + name + ".", root: f.root}
	if sub.node == nil {
		sub.node = &node{}
	}
	return sub
}

// Has reports whether a parameter of that name, or below it, was given.
func (f Form) Has(name string) bool { return f.node.children[name] != nil }

// List is the structures of a list, name.member.1 and so on, in the order of
// their numbers. It is nil when the list is absent, and empty when the request
// says name= for an empty list.
func (f Form) List(name string) []Form {
	list, items := f.items(name, "member")
	if list == nil {
		return nil
	}
	forms := make([]Form, len(items))
	for i, item := range items {
		prefix := f.name + name + ".member." + strconv.Itoa(item.number) + "."
		forms[i] = Form{node: item.node, name: prefix, root: f.root}
	}
	return forms
}

// Strings is the values of a list of strings; see List.
func (f Form) Strings(name string) []string {
	list, items := f.items(name, "member")
	if list == nil {
		return nil
	}
	values := make([]string, 0, len(items))
	for _, item := range items {
		if !item.node.given {
			f.fail(&Error{Problem: Value, Parameter: f.name + name + ".member." + strconv.Itoa(item.number), Want: "String"})
			continue
		}
		item.node.read = true
		values = append(values, item.node.value)
	}
	return values
}

// Map is the pairs of a map, name.entry.1.key and name.entry.1.value and so on.
func (f Form) Map(name string) map[string]string {
	list, items := f.items(name, "entry")
	if list == nil {
		return nil
	}
	m := make(map[string]string, len(items))
	for _, item := range items {
		entry := Form{node: item.node, name: f.name + name + ".entry." + strconv.Itoa(item.number) + ".", root: f.root}
		key := entry.Optional("key")
		if _, ok := m[key]; ok {
			f.fail(&Error{Problem: Repeated, Parameter: entry.name + "key"})
		}
		m[key] = entry.Optional("value")
	}
	return m
}

type item struct {
	number int
	node   *node
}

// items is the numbered elements of a list or map, and the node that has them,
// nil when there is none.
func (f Form) items(name, label string) (list *node, items []item) {
	n := f.node.children[name]
	if n == nil {
		return nil, nil
	}
	if n.given {
		n.read = true
		if n.value != "" {
			f.fail(&Error{Problem: Value, Parameter: f.name + name, Want: "List"})
		}
	}
	members := n.children[label]
	if members == nil {
		return n, nil
	}
	for text, child := range members.children {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || text != strconv.Itoa(number) {
			f.fail(&Error{Problem: Value, Parameter: f.name + name + "." + label, Want: "List"})
			continue
		}
		items = append(items, item{number, child})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.number, b.number) })
	return n, items
}

// Unread is the full names of the parameters that nobody has asked for, in
// ascending order: what an operation would otherwise drop in silence.
func (f Form) Unread() []string {
	var names []string
	var walk func(n *node, name string)
	walk = func(n *node, name string) {
		if n.given && !n.read {
			names = append(names, name)
		}
		for part, child := range n.children {
			if name != "" {
				part = name + "." + part
			}
			walk(child, part)
		}
	}
	walk(f.node, strings.TrimSuffix(f.name, "."))
	slices.Sort(names)
	return names
}
