package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

// together runs Updates so that all of them meet in one commit: the first holds the
// turn until the others wait for it, which the writer's statements tell.
func together(t *testing.T, s *sqlite.Records, fns ...func(store.Writer) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var group, started sync.WaitGroup
	holding := make(chan struct{})
	started.Add(len(fns) - 1)
	group.Go(func() {
		errs[0] = s.Update(ctx, func(tx store.Writer) error {
			close(holding)
			started.Wait()
			return fns[0](tx)
		})
	})
	<-holding
	for i, fn := range fns[1:] {
		group.Go(func() {
			started.Done()
			errs[i+1] = s.Update(ctx, fn)
		})
	}
	group.Wait()
	return errs
}

// TestGroupCommit expects that concurrent Updates share commits.
func TestGroupCommit(t *testing.T) {
	commits := 0
	s, err := sqlite.OpenStepwise(storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")), func(text string, do func() error) error {
		if text == "COMMIT" {
			commits++
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const members = 50
	var fns []func(store.Writer) error
	for i := range members {
		fns = append(fns, func(tx store.Writer) error { return tx.Put("test", fmt.Sprint(i), nil) })
	}
	for i, err := range together(t, s, fns...) {
		if err != nil {
			t.Errorf("Update %d = %v", i, err)
		}
	}
	if n, err := s.Changes(ctx, "test"); n != members || err != nil {
		t.Errorf("Changes = %d, %v, want %d", n, err, members)
	}
	if commits > members/2 {
		t.Errorf("%d Updates at once made %d commits", members, commits)
	}
}

// TestGroupFails fails the COMMIT of several Updates: each gets the error, even the
// one whose own fn had failed because of what another wrote.
func TestGroupFails(t *testing.T) {
	failing := true
	s, err := sqlite.OpenStepwise(storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")), func(text string, do func() error) error {
		if failing && text == "COMMIT" {
			failing = false
			return errDisk
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	errTaken := errors.New("taken")
	claim := func(tx store.Writer) error {
		if _, err := tx.Get("test", "k"); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(errTaken, err)
		}
		return tx.Put("test", "k", nil)
	}
	var claimed int
	for _, err := range together(t, s, claim, claim, claim) {
		switch {
		case errors.Is(err, errDisk):
		case err == nil:
			claimed++
		case !errors.Is(err, errTaken):
			t.Errorf("Update = %v", err)
		}
	}
	// Who came after the failed commit may have claimed it.
	_, err = get(s, "test", "k")
	if there := err == nil; there != (claimed == 1) || claimed > 1 {
		t.Errorf("%d claimed the record, Get = %v", claimed, err)
	}
	if failing {
		t.Error("no COMMIT was failed")
	}
}

// TestTransactionLost has SQLite roll back the whole transaction below one member,
// as it does on some errors: the others learn that theirs is gone too.
func TestTransactionLost(t *testing.T) {
	lose := false
	var s *sqlite.Records
	s, err := sqlite.OpenStepwise(storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")), func(text string, do func() error) error {
		err := do()
		if lose && text == sqlite.PutText {
			lose = false
			return errors.Join(errDisk, s.RollBack())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(key string) func(store.Writer) error {
		return func(tx store.Writer) error { return tx.Put("test", key, nil) }
	}
	errs := together(t, s, put("a"), func(tx store.Writer) error {
		lose = true
		return tx.Put("test", "b", nil)
	}, put("c"))
	for i, key := range []string{"a", "b", "c"} {
		_, err := get(s, "test", key)
		if there := err == nil; there != (errs[i] == nil) {
			t.Errorf("Update %s = %v, but Get = %v", key, errs[i], err)
		}
		if errs[i] != nil && !errors.Is(errs[i], errDisk) {
			t.Errorf("Update %s = %v, want the reason", key, errs[i])
		}
	}
	if errs[1] == nil {
		t.Error("the Update that lost the transaction succeeded")
	}
}

// TestGroupAbandoned ends the contexts of all who wait for the turn about when it is
// passed to them: the one before them is committed and answered all the same.
func TestGroupAbandoned(t *testing.T) {
	s := openRecords(t, storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")))
	defer s.Close()
	for round := range 50 {
		waiting, cancel := context.WithCancel(ctx)
		var group, started sync.WaitGroup
		holding := make(chan struct{})
		started.Add(3)
		key := fmt.Sprint(round)
		group.Go(func() {
			err := s.Update(ctx, func(tx store.Writer) error {
				close(holding)
				started.Wait()
				go cancel()
				return tx.Put("test", key, nil)
			})
			if err != nil {
				t.Errorf("Update = %v", err)
			}
		})
		<-holding
		for range 3 {
			group.Go(func() {
				started.Done()
				err := s.Update(waiting, func(tx store.Writer) error { return tx.Put("test", "more", nil) })
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Update whose context may end = %v", err)
				}
			})
		}
		group.Wait()
		if _, err := get(s, "test", key); err != nil {
			t.Errorf("Get = %v", err)
		}
	}
}

// get is a View with one Get.
func get(s store.Records, space store.Space, key string) (value []byte, err error) {
	err = s.View(ctx, func(tx store.Reader) error {
		value, err = tx.Get(space, key)
		return err
	})
	return value, err
}
