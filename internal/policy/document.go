package policy

import (
	"strconv"
)

// Use says where a document is to stand; the grammar differs.
type Use uint8

const (
	UseIdentity Use = iota
	UseKey
	UseBucket
	UseTrust
	UseSession
	UseBoundary
	UseControl
	// UseResource is the policy of a resource of any other service: a secret, a
	// function.
	UseResource
)

// Sizes of the largest documents that Parse reads, in bytes. Where a service
// allows less, or counts without white space (Document.Size), the service checks.
const (
	MaxKeyBytes    = 32768
	MaxBucketBytes = 20480
	MaxBytes       = 131072 // every other use
)

// hasPrincipal reports whether statements of the use name their callers.
func (u Use) hasPrincipal() bool {
	return u == UseKey || u == UseBucket || u == UseTrust || u == UseResource
}

// Document is a compiled policy. It is immutable.
type Document struct {
	source     string
	use        Use
	variables  bool
	statements []statement
}

// Parse reads and compiles a policy document.
//
// The whole grammar is checked, and whatever Decide could not honour is
// refused: unknown elements and operators, names that stand twice, numbers,
// dates and addresses that cannot be read. Time and memory are linear in the
// source, which is bounded (MaxBytes). Errors are *Error.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".
func Parse(use Use, source string) (*Document, error) {
	p := parser{use: use}
	limit := MaxBytes
	switch use {
	case UseKey:
		limit = MaxKeyBytes
	case UseBucket:
		limit = MaxBucketBytes
	}
	if len(source) > limit {
		return nil, p.fail(tooLarge, "", "the document has more than "+strconv.Itoa(limit)+" bytes")
	}
	root, err := readJSON(source)
	if err != nil {
		return nil, p.fail(badJSON, "", err.Error())
	}
	if use != UseBucket {
		for _, c := range source {
			if c > 0xff || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return nil, p.fail(badCharacter, "", "the document has characters beyond U+00FF")
			}
		}
	}
	statements, err := p.document(root)
	if err != nil {
		return nil, err
	}
	return &Document{source: source, use: use, variables: p.variables, statements: statements}, nil
}

// String is the document as it was written.
func (d *Document) String() string { return d.source }

// Variables reports whether the document knows variables: its Version is
// 2012-10-17, and neither absent nor 2008-10-17.
func (d *Document) Variables() bool { return d.variables }

// Use is what the document was parsed for.
func (d *Document) Use() Use { return d.use }

// Size counts the characters that are not white space, as IAM's limits do.
func (d *Document) Size() int {
	n := 0
	for _, c := range d.source {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			n++
		}
	}
	return n
}
