package policy

import (
	"errors"
	"strings"
)

// ErrMalformed says that a document is not a policy of the wanted kind.
var ErrMalformed = errors.New("policy: malformed")

// Use says where a document is to stand; the grammar differs.
type Use uint8

const (
	UseIdentity Use = iota
	UseKey
	UseBucket
	UseTrust
)

// Document is a compiled policy. It is immutable.
type Document struct {
	source string
}

// Parse reads and compiles a policy document.
func Parse(use Use, source string) (*Document, error) {
	return &Document{source: source}, nil
}

// String is the document as it was written.
func (d *Document) String() string { return d.source }

// Decision is the answer of Decide.
type Decision struct {
	Allowed bool
	Reason  Reason
}

// Reason is why a request was denied.
type Reason uint8

// Decide answers whether the request may go on.
func Decide(r *Request, p *Policies) Decision { return Decision{Allowed: true} }

// Set adds or replaces a condition key with the values of the request.
func (c *Context) Set(name string, values ...string) {
	c.keys = append(c.keys, contextKey{name: strings.ToLower(name), values: values})
}
