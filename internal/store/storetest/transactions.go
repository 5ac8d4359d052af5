package storetest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

func testReadYourWrites(t *testing.T, s store.Records) {
	put(t, s, "test", "b", "old")
	put(t, s, "test", "c", "old")
	err := s.Update(t.Context(), func(tx store.Writer) error {
		err := errors.Join(
			tx.Put("test", "a", []byte("new")),
			tx.Put("test", "b", []byte("new")),
			tx.Delete("test", "c"),
			tx.Put("test", "d", []byte("gone")),
			tx.Delete("test", "d"),
		)
		if err != nil {
			return err
		}
		if value, err := tx.Get("test", "b"); string(value) != "new" || err != nil {
			t.Errorf("Get of a replaced record = %q, %v", value, err)
		}
		for _, key := range []string{"c", "d"} {
			if value, err := tx.Get("test", key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get(%s) of a deleted record = %q, %v", key, value, err)
			}
		}
		records, err := collect(tx, "test", store.Range{})
		if got, want := keys(records), []string{"a", "b"}; !slices.Equal(got, want) {
			t.Errorf("Scan = %q, want %q", got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testErrorRollsBack(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	change := func(tx store.Writer) error {
		return errors.Join(
			tx.Put("test", "kept", []byte("new")),
			tx.Put("other", "new", []byte("new")),
			tx.Delete("test", "kept"),
		)
	}
	err := s.Update(t.Context(), func(tx store.Writer) error {
		if err := change(tx); err != nil {
			return err
		}
		return errMine
	})
	if err != errMine {
		t.Errorf("Update with a failing fn = %v, want that very error", err)
	}
	if err := s.View(t.Context(), func(store.Reader) error { return errMine }); err != errMine {
		t.Errorf("View with a failing fn = %v, want that very error", err)
	}
	expectUntouched(t, s)
}

// expectUntouched expects "kept" in "test", nothing in "other", and a store that works.
func expectUntouched(t *testing.T, s store.Records) {
	t.Helper()
	if got := get(t, s, "test", "kept"); got != "old" {
		t.Errorf("after a rollback, kept = %q, want %q", got, "old")
	}
	if got := scan(t, s, "other", store.Range{}); len(got) != 0 {
		t.Errorf("after a rollback, the other space has %q", keys(got))
	}
	put(t, s, "after", "k", "v")
	if got := get(t, s, "after", "k"); got != "v" {
		t.Errorf("after a rollback, a new record = %q", got)
	}
}

func testPanicRollsBack(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	mustPanic := func(name string, call func()) {
		t.Helper()
		defer func() {
			if got := recover(); got != "mine" {
				t.Errorf("panic through %s = %v, want mine", name, got)
			}
		}()
		call()
	}
	mustPanic("Update", func() {
		s.Update(t.Context(), func(tx store.Writer) error {
			tx.Put("test", "kept", []byte("new"))
			tx.Put("other", "new", nil)
			panic("mine")
		})
	})
	mustPanic("a Scan in Update", func() {
		s.Update(t.Context(), func(tx store.Writer) error {
			tx.Put("other", "new", nil)
			for range tx.Scan("test", store.Range{}) {
				panic("mine")
			}
			return nil
		})
	})
	mustPanic("View", func() {
		s.View(t.Context(), func(store.Reader) error { panic("mine") })
	})
	expectUntouched(t, s)
}

// testGoexitRollsBack ends the goroutine within fn, as t.FailNow does.
func testGoexitRollsBack(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	for _, call := range []func(){
		func() {
			s.Update(t.Context(), func(tx store.Writer) error {
				tx.Put("test", "kept", []byte("new"))
				runtime.Goexit()
				return nil
			})
		},
		func() { s.View(t.Context(), func(store.Reader) error { runtime.Goexit(); return nil }) },
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			call()
		}()
		<-done
	}
	expectUntouched(t, s)
}

func testTransactionEnds(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	var late store.Writer
	if err := s.Update(t.Context(), func(tx store.Writer) error { late = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	var lateReader store.Reader
	if err := s.View(t.Context(), func(tx store.Reader) error { lateReader = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"Put":    func() error { return late.Put("other", "new", nil) },
		"Delete": func() error { return late.Delete("test", "kept") },
		"Get":    func() error { _, err := late.Get("test", "kept"); return err },
		"Scan":   func() error { _, err := collect(late, "test", store.Range{}); return err },
		"View's Get": func() error {
			_, err := lateReader.Get("test", "kept")
			return err
		},
		"View's Scan": func() error {
			_, err := collect(lateReader, "test", store.Range{})
			return err
		},
	} {
		if err := call(); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s after the transaction ended = %v, want an error", name, err)
		}
	}
	expectUntouched(t, s)
}

func testContext(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	ran := false
	for name, err := range map[string]error{
		"View":    s.View(ended, func(store.Reader) error { ran = true; return nil }),
		"Update":  s.Update(ended, func(store.Writer) error { ran = true; return nil }),
		"Changes": func() error { _, err := s.Changes(ended, "test"); return err }(),
	} {
		if !errors.Is(err, context.Canceled) || ran {
			t.Errorf("%s with an ended context = %v, ran %v", name, err, ran)
		}
	}

	// A context that ends within fn fails the transaction, though fn hides it.
	ctx, stop := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Writer) error {
		if err := tx.Put("other", "new", nil); err != nil {
			return err
		}
		stop()
		if err := tx.Put("other", "new2", nil); err == nil {
			t.Error("Put after the context ended succeeded")
		}
		if _, err := tx.Get("test", "kept"); !errors.Is(err, context.Canceled) {
			t.Errorf("Get after the context ended = %v", err)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update whose context ended = %v", err)
	}
	ctx, stop = context.WithCancel(t.Context())
	err = s.View(ctx, func(tx store.Reader) error {
		stop()
		if _, err := collect(tx, "test", store.Range{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Scan after the context ended = %v", err)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("View whose context ended = %v", err)
	}

	// A context may end after the last operation: then the answer is true.
	ctx, stop = context.WithCancel(t.Context())
	err = s.Update(ctx, func(tx store.Writer) error {
		defer stop()
		return tx.Put("late", "new", nil)
	})
	if visible := get(t, s, "late", "new") != "absent"; visible != (err == nil) {
		t.Errorf("Update whose context ended last = %v, visible %v", err, visible)
	}
	expectUntouched(t, s)
}

// testContextWhileWaiting lets an Update give up while another one runs. An
// engine that runs both at once just fails or finishes the second.
func testContextWhileWaiting(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	inside, leave := make(chan struct{}, 2), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- s.Update(t.Context(), func(tx store.Writer) error {
			inside <- struct{}{}
			<-leave
			return tx.Put("test", "first", nil)
		})
	}()
	<-inside
	ctx, stop := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		second <- s.Update(ctx, func(tx store.Writer) error {
			<-ctx.Done()
			return tx.Put("other", "new", nil)
		})
	}()
	stop()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("Update that waited = %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Errorf("Update that it waited for = %v", err)
	}
	expectUntouched(t, s)
}

func testChanges(t *testing.T, s store.Records) {
	counter := func(space store.Space) uint64 {
		t.Helper()
		n, err := s.Changes(t.Context(), space)
		if err != nil {
			t.Fatalf("Changes(%s) = %v", space, err)
		}
		return n
	}
	last := counter("test")
	grew := func(why string, want bool) {
		t.Helper()
		n := counter("test")
		if (n > last) != want || n < last {
			t.Errorf("after %s: Changes = %d, before %d, want it to grow: %v", why, n, last, want)
		}
		last = n
	}
	grew("nothing", false)
	put(t, s, "test", "a", "1")
	grew("a Put", true)
	put(t, s, "test", "a", "1")
	grew("the same Put again", true)
	put(t, s, "other", "a", "1")
	grew("a Put elsewhere", false)
	err := s.Update(t.Context(), func(tx store.Writer) error { return tx.Delete("test", "a") })
	if err != nil {
		t.Fatal(err)
	}
	grew("a Delete", true)
	err = s.Update(t.Context(), func(tx store.Writer) error {
		_, err := collect(tx, "test", store.Range{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	grew("an Update that only reads", false)
	err = s.Update(t.Context(), func(tx store.Writer) error {
		return errors.Join(tx.Put("test", "b", nil), errMine)
	})
	if !errors.Is(err, errMine) {
		t.Fatal(err)
	}
	grew("a rollback", false)
	before := counter("other")
	err = s.Update(t.Context(), func(tx store.Writer) error {
		return errors.Join(tx.Put("test", "c", nil), tx.Put("other", "c", nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	grew("a Put in two spaces", true)
	if n := counter("other"); n <= before {
		t.Errorf("Changes(other) = %d, before %d", n, before)
	}
}

// testMethodFails expects that a method's failure fails the transaction, though fn
// hides it.
func testMethodFails(t *testing.T, s store.Records) {
	put(t, s, "test", "kept", "old")
	for name, call := range map[string]func(store.Writer) error{
		"Put":    func(tx store.Writer) error { return tx.Put("", "k", nil) },
		"Delete": func(tx store.Writer) error { return tx.Delete("", "k") },
	} {
		err := s.Update(t.Context(), func(tx store.Writer) error {
			if err := tx.Put("other", "new", nil); err != nil {
				return err
			}
			if err := call(tx); err == nil {
				t.Errorf("%s in the empty space succeeded", name)
			}
			return nil
		})
		if err == nil {
			t.Errorf("Update whose %s failed succeeded", name)
		}
	}
	expectUntouched(t, s)
}
