// Package storetest is the suite that every engine of package store passes. It
// tests the contract only, so that an engine on another machine, which retries
// its transactions, passes as well as one in memory.
package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// runTwice returns s with every Update run twice: the first time it is rolled
// back. A fn with an effect beside its transaction shows itself at once, so the
// tests of a domain package may use it as their store.
func runTwice(s store.Records) store.Records { return twice{s} }

type twice struct{ store.Records }

// errAgain rolls back the first of the two runs.
var errAgain = errors.New("storetest: run again")

func (t twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := t.Records.Update(ctx, func(tx store.Writer) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errAgain
	})
	if !errors.Is(err, errAgain) {
		return err
	}
	return t.Records.Update(ctx, fn)
}

// errMine is an error that the suite's own functions return.
var errMine = errors.New("storetest: mine")

// wait fails the test if one of n results is an error.
func wait(t *testing.T, n int, results <-chan error) {
	t.Helper()
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
