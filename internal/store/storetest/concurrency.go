package storetest

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// number reads a decimal record; an absent one is 0.
func number(tx store.Reader, space store.Space, key string) (int, error) {
	value, err := tx.Get(space, key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

func setNumber(tx store.Writer, space store.Space, key string, n int) error {
	return tx.Put(space, key, strconv.AppendInt(nil, int64(n), 10))
}

func testLostUpdate(t *testing.T, s store.Records) {
	const writers, rounds = 8, 40
	results := make(chan error, writers)
	for range writers {
		go func() {
			results <- func() error {
				for range rounds {
					err := s.Update(t.Context(), func(tx store.Writer) error {
						n, err := number(tx, "test", "n")
						if err != nil {
							return err
						}
						return setNumber(tx, "test", "n", n+1)
					})
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	wait(t, writers, results)
	if got, want := get(t, s, "test", "n"), strconv.Itoa(writers*rounds); got != want {
		t.Errorf("%d increments made %s", writers*rounds, got)
	}
}

// testWriteSkew has pairs that may each go off duty only while the other is on.
// Each reads both records and writes its own, so row locks would not help.
func testWriteSkew(t *testing.T, s store.Records) {
	const rounds = 60
	for round := range rounds {
		pair := []string{fmt.Sprintf("%02d.a", round), fmt.Sprintf("%02d.b", round)}
		results := make(chan error, 2)
		for i := range 2 {
			go func() {
				results <- s.Update(t.Context(), func(tx store.Writer) error {
					off, err := number(tx, "off", pair[1-i])
					if err != nil || off == 1 {
						return err
					}
					return setNumber(tx, "off", pair[i], 1)
				})
			}()
		}
		wait(t, 2, results)
	}
	if n := len(scan(t, s, "off", store.Range{})); n != rounds {
		t.Errorf("%d are off duty in %d pairs, want one each", n, rounds)
	}
}

// testPhantom adds records as long as a Scan counts fewer than a limit.
func testPhantom(t *testing.T, s store.Records) {
	const writers, limit = 8, 10
	results := make(chan error, writers)
	for w := range writers {
		go func() {
			results <- func() error {
				for i := range limit {
					err := s.Update(t.Context(), func(tx store.Writer) error {
						all, err := collect(tx, "test", store.Prefix("p/"))
						if err != nil || len(all) >= limit {
							return err
						}
						return tx.Put("test", fmt.Sprintf("p/%d.%d", i, w), nil)
					})
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	wait(t, writers, results)
	if n := len(scan(t, s, "test", store.Prefix("p/"))); n != limit {
		t.Errorf("%d records, want the limit of %d", n, limit)
	}
}

// testSnapshot moves units between accounts while readers add them up.
func testSnapshot(t *testing.T, s store.Records) {
	const accounts, total, writers, readers, rounds = 10, 1000, 4, 4, 40
	key := func(i int) string { return fmt.Sprintf("%02d", i) }
	err := s.Update(t.Context(), func(tx store.Writer) error {
		for i := range accounts {
			if err := setNumber(tx, "accounts", key(i), total/accounts); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) func(store.Writer) error {
		return func(tx store.Writer) error {
			if from == to {
				return nil
			}
			a, errA := number(tx, "accounts", from)
			b, errB := number(tx, "accounts", to)
			return errors.Join(errA, errB,
				setNumber(tx, "accounts", from, a-1), setNumber(tx, "accounts", to, b+1))
		}
	}
	sum := func(tx store.Reader) error {
		scanned, got := 0, 0
		for record, err := range tx.Scan("accounts", store.Range{}) {
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(record.Value))
			if err != nil {
				return err
			}
			scanned += n
		}
		for i := range accounts {
			n, err := number(tx, "accounts", key(i))
			if err != nil {
				return err
			}
			got += n
		}
		if scanned != total || got != total {
			return fmt.Errorf("a View scanned %d and got %d, want %d", scanned, got, total)
		}
		return nil
	}
	results := make(chan error, writers+readers)
	for w := range writers {
		go func() {
			var err error
			for i := range rounds {
				err = errors.Join(err, s.Update(t.Context(), move(key((w+i)%accounts), key((w*3+i*7+1)%accounts))))
			}
			results <- err
		}()
	}
	for range readers {
		go func() {
			var err error
			for range rounds {
				err = errors.Join(err, s.View(t.Context(), sum))
			}
			results <- err
		}()
	}
	wait(t, writers+readers, results)
	if err := s.View(t.Context(), sum); err != nil {
		t.Error(err)
	}
}

// testRecency counts up, and expects that a View sees every Update that returned
// before it, and every one that a change counter read before it had counted.
func testRecency(t *testing.T, s store.Records) {
	const rounds = 50
	type observation struct {
		counter uint64
		n       int
	}
	observe := func() (o observation, err error) {
		if o.counter, err = s.Changes(t.Context(), "test"); err != nil {
			return o, err
		}
		err = s.View(t.Context(), func(tx store.Reader) error {
			o.n, err = number(tx, "test", "n")
			return err
		})
		return o, err
	}

	stop, result := make(chan struct{}), make(chan error, 1)
	var seen []observation
	go func() {
		for {
			select {
			case <-stop:
				result <- nil
				return
			default:
			}
			o, err := observe()
			if err != nil {
				result <- err
				return
			}
			seen = append(seen, o)
		}
	}()

	var counters []uint64 // by the number of the Update, beginning with none
	for i := range rounds {
		if i > 0 {
			err := s.Update(t.Context(), func(tx store.Writer) error { return setNumber(tx, "test", "n", i) })
			if err != nil {
				t.Error(err)
			}
		}
		o, err := observe()
		if err != nil || o.n != i {
			t.Errorf("after Update %d returned, n = %d, %v", i, o.n, err)
		}
		counters = append(counters, o.counter)
	}
	close(stop)
	wait(t, 1, result)
	last := 0
	for _, o := range seen {
		counted := sort.Search(len(counters), func(i int) bool { return counters[i] > o.counter }) - 1
		if o.n < counted {
			t.Errorf("a View after counter %d saw n = %d, want at least %d", o.counter, o.n, counted)
		}
		if o.n < last {
			t.Errorf("a View saw n = %d after one that saw %d", o.n, last)
		}
		last = o.n
	}
}

// testFailuresAmongOthers mixes Updates that succeed, fail and panic, so that they
// meet in the same commit: each fares by itself.
func testFailuresAmongOthers(t *testing.T, s store.Records) {
	const writers, rounds = 12, 15
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range rounds {
				key := fmt.Sprintf("%02d.%02d", w, i)
				err := guarded(func() error {
					return s.Update(t.Context(), func(tx store.Writer) error {
						if err := errors.Join(tx.Put("test", key, nil), tx.Put("mirror", key, nil)); err != nil {
							return err
						}
						switch (w + i) % 3 {
						case 1:
							return errMine
						case 2:
							panic(errMine)
						}
						return nil
					})
				})
				if want := (w+i)%3 != 0; errors.Is(err, errMine) != want || err != nil && !want {
					t.Errorf("Update %s = %v, want it to fail: %v", key, err, want)
				}
			}
		})
	}
	group.Wait()
	for _, space := range []store.Space{"test", "mirror"} {
		records := scan(t, s, space, store.Range{})
		if want := writers * rounds / 3; len(records) != want {
			t.Errorf("%d records in %s, want %d", len(records), space, want)
		}
		for _, record := range records {
			var w, i int
			if _, err := fmt.Sscanf(record.Key, "%d.%d", &w, &i); err != nil || (w+i)%3 != 0 {
				t.Errorf("record %s in %s is of an Update that failed", record.Key, space)
			}
		}
	}
}

// guarded calls fn and returns what it panicked with as its error.
func guarded(fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %w", value.(error))
		}
	}()
	return fn()
}

func testRecordsClose(t *testing.T, s store.Records) {
	inside, leave := make(chan struct{}, 2), make(chan struct{})
	running := make(chan error, 2)
	go func() {
		running <- s.Update(t.Context(), func(tx store.Writer) error {
			inside <- struct{}{}
			<-leave
			return tx.Put("test", "k", nil)
		})
	}()
	go func() {
		running <- s.View(t.Context(), func(tx store.Reader) error {
			inside <- struct{}{}
			<-leave
			_, err := collect(tx, "test", store.Range{})
			return err
		})
	}()
	<-inside
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close did not wait for running transactions: %v", err)
		closed <- err
	default:
	}
	close(leave)
	for range 2 {
		// The second run of runTwice may come after Close.
		if err := <-running; err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("transaction that Close waited for = %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
	_, changesErr := s.Changes(t.Context(), "test")
	for name, err := range map[string]error{
		"View":    s.View(t.Context(), func(store.Reader) error { return nil }),
		"Update":  s.Update(t.Context(), func(store.Writer) error { return nil }),
		"Changes": changesErr,
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}
