// Package refusal is how the domain packages say no: an error that carries its
// kind, by which a door finds the code on the wire, and the sentence that the
// caller may read.
//
// Only the sentence of a refusal is for the caller. The text of an error that is
// none may tell what failed inside, and is for the log.
package refusal

import (
	"errors"
	"fmt"
)

// Error is a refusal. It matches its Kind.
type Error struct {
	// Kind is one of the Err variables of the package that refuses.
	Kind error
	// Sentence is AWS's own where that is known, and empty where AWS sends none.
	Sentence string
}

// New returns the refusal of that kind whose sentence is format with args.
func New(kind error, format string, args ...any) error {
	return &Error{kind, fmt.Sprintf(format, args...)}
}

// Error is the sentence, or the text of the kind where there is no sentence.
func (e *Error) Error() string {
	if e.Sentence == "" {
		return e.Kind.Error()
	}
	return e.Sentence
}

func (e *Error) Unwrap() error { return e.Kind }

// Sentence is what the refusal in err says to the caller; ok is whether there is
// one. An error that is none has nothing to say.
func Sentence(err error) (sentence string, ok bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return "", false
	}
	return e.Sentence, true
}
