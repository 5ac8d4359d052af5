package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

var (
	ctx     = context.Background()
	errDisk = errors.New("the disk is broken")
)

func TestMain(m *testing.M) { storetest.Main(m, crashWork) }

const crashWriters, crashRounds = 2, 2

// crashWork updates from several goroutines and prints each answer at once.
func crashWork(folder *store.Folder, step storetest.Step) error {
	s, err := sqlite.OpenStepwise(folder, step) // statements of the writer come one at a time
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	errs := make([]error, crashWriters)
	for w := range crashWriters {
		group.Go(func() {
			for i := range crashRounds {
				key := fmt.Sprintf("%d.%d", w, i)
				if err := crashUpdate(s, key); err != nil {
					errs[w] = err
					return
				}
				fmt.Println("put", key)
			}
		})
	}
	group.Wait()
	return errors.Join(append(errs, s.Close())...)
}

// crashUpdate writes a record, its mirror in another space, and a total, which no
// part of it can be right without the others.
func crashUpdate(s store.Records, key string) error {
	return s.Update(ctx, func(tx store.Writer) error {
		total, err := tx.Get("total", "n")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return errors.Join(
			tx.Put("record", key, []byte(strings.Repeat(key, 3000))),
			tx.Put("total", "n", append(total, 'x')),
			tx.Put("mirror", key, nil),
		)
	})
}

// TestKill kills a child between every two statements of its work, reopens, and
// expects what was acknowledged to be there, and anything else to be absent or whole.
func TestKill(t *testing.T) {
	storetest.Kill(t, 29, func(folder *store.Folder, at int, said []string, done bool) {
		s := openRecords(t, folder)
		keys := checkWhole(t, fmt.Sprintf("killed at %d", at), s)
		for _, line := range said {
			key, ok := strings.CutPrefix(line, "put ")
			if !ok {
				t.Fatalf("child %d said %q", at, line)
			}
			if !keys[key] {
				t.Errorf("killed at %d: Update %s was acknowledged and is lost", at, key)
			}
		}
		// The store goes on where it was.
		if err := crashUpdate(s, "after"); err != nil {
			t.Errorf("killed at %d: Update after reopening = %v", at, err)
		}
		checkWhole(t, fmt.Sprintf("killed at %d, then updated", at), s)
		s.Close()
		if done && len(said) != crashWriters*crashRounds {
			t.Errorf("the work has %d answers, want %d", len(said), crashWriters*crashRounds)
		}
	})
}

// checkWhole expects that every Update of crashUpdate is there whole or not at all,
// and returns which are there.
func checkWhole(t *testing.T, when string, s store.Records) map[string]bool {
	t.Helper()
	records, mirrors, total := map[string]bool{}, map[string]bool{}, 0
	err := s.View(ctx, func(tx store.Reader) error {
		for record, err := range tx.Scan("record", store.Range{}) {
			if err != nil {
				return err
			}
			records[record.Key] = true
			if string(record.Value) != strings.Repeat(record.Key, 3000) {
				t.Errorf("%s: record %s has %d wrong bytes", when, record.Key, len(record.Value))
			}
		}
		for record, err := range tx.Scan("mirror", store.Range{}) {
			if err != nil {
				return err
			}
			mirrors[record.Key] = true
		}
		value, err := tx.Get("total", "n")
		total = len(value)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if !maps.Equal(records, mirrors) || total != len(records) {
		t.Errorf("%s: records %v, mirrors %v, total %d: an Update is there in part", when, records, mirrors, total)
	}
	changes, err := s.Changes(ctx, "record")
	if changes != uint64(len(records)) || err != nil {
		t.Errorf("%s: change counter = %d, %v, want %d", when, changes, err, len(records))
	}
	return records
}

// TestPowerLoss copies the files after every statement of the writer, as a disk may
// hold them, once as they are and once with the log cut short anywhere behind what
// was synced when the last Update was acknowledged.
func TestPowerLoss(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	acknowledged, images := 0, 0
	var logSize int64 // when the last Update was acknowledged
	check := func(cut int64) {
		images++
		image := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "image"))
		defer image.Close()
		for _, name := range []string{"records.db", "records.db-wal"} {
			content, err := folder.Root().ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "records.db-wal" {
				content = content[:int64(len(content))-cut]
			}
			if err := image.Root().WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := openRecords(t, image)
		defer s.Close()
		when := fmt.Sprintf("image %d, %d bytes of the log lost", images, cut)
		if n := len(checkWhole(t, when, s)); n < acknowledged || n > acknowledged+1 {
			t.Errorf("%s: %d Updates, want %d or one more", when, n, acknowledged)
		}
	}
	size := func() int64 {
		info, err := folder.Root().Stat("records.db-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	s, err := sqlite.OpenStepwise(folder, func(_ string, do func() error) error {
		err := do()
		check(0)
		for unsynced := size() - logSize; unsynced > 0; unsynced /= 2 {
			check(unsynced)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logSize = size()
	for i := range 3 {
		if err := crashUpdate(s, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		acknowledged++
		logSize = size()
	}
	if images < 40 {
		t.Errorf("%d images, want more", images)
	}
}

// TestFailures fails every statement of an Update, once before it is done and once
// after, and expects all of the Update or nothing, as the answer said, now and after
// reopening. A COMMIT that holds and reports an error is answered with nil, and a
// BEGIN is tried again.
func TestFailures(t *testing.T) {
	var texts []string
	record := func(text string, do func() error) error {
		texts = append(texts, text)
		return do()
	}
	prepare := func(t *testing.T, onStep func(string, func() error) error) (*store.Folder, *sqlite.Records) {
		t.Helper()
		folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
		s, err := sqlite.OpenStepwise(folder, onStep)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		texts = nil
		if err := crashUpdate(s, "first"); err != nil {
			t.Fatal(err)
		}
		return folder, s
	}
	prepare(t, record)
	for step, text := range texts {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d.%.20s/done=%v", step, text, done), func(t *testing.T) {
				failing, n := false, 0
				folder, s := prepare(t, func(text string, do func() error) error {
					if !failing {
						return do()
					}
					if n++; n-1 != step {
						return do()
					}
					if done {
						if err := do(); err != nil {
							return err
						}
					}
					return errDisk
				})
				failing = true
				err := crashUpdate(s, "second")
				failing = false
				healed := done && (text == "COMMIT" || text == "BEGIN IMMEDIATE")
				if wantErr := !healed; errors.Is(err, errDisk) != wantErr || !wantErr && err != nil {
					t.Errorf("Update = %v, want an error: %v", err, wantErr)
				}
				if keys := checkWhole(t, "after the failure", s); keys["second"] != (err == nil) || !keys["first"] {
					t.Errorf("after Update = %v: %v", err, keys)
				}
				if err := crashUpdate(s, "third"); err != nil {
					t.Errorf("Update after the failure = %v", err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				keys := checkWhole(t, "after reopening", openRecords(t, folder))
				if keys["second"] != (err == nil) || !keys["first"] || !keys["third"] {
					t.Errorf("after reopening, Update = %v: %v", err, keys)
				}
			})
		}
	}
}

// TestDiskStaysBroken fails a COMMIT, undone or done, and everything after it until
// the disk is mended. Nobody can tell then whether the Update holds, until the next
// one finds out.
func TestDiskStaysBroken(t *testing.T) {
	for _, done := range []bool{false, true} {
		armed, broken := false, false
		folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
		s, err := sqlite.OpenStepwise(folder, func(text string, do func() error) error {
			if broken {
				return errDisk
			}
			if broken = armed && text == "COMMIT"; broken {
				if done {
					do()
				}
				return errDisk
			}
			return do()
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := crashUpdate(s, "before"); err != nil {
			t.Fatal(err)
		}
		armed = true
		if err := crashUpdate(s, "first"); !errors.Is(err, store.ErrUncertain) || !errors.Is(err, errDisk) {
			t.Errorf("Update whose COMMIT cannot be settled = %v, want ErrUncertain", err)
		}
		for range 2 {
			if err := crashUpdate(s, "second"); errors.Is(err, store.ErrUncertain) || !errors.Is(err, errDisk) {
				t.Errorf("Update on the broken disk = %v, want its error and no doubt", err)
			}
		}
		armed, broken = false, false
		if err := crashUpdate(s, "third"); err != nil {
			t.Errorf("Update on the mended disk = %v", err)
		}
		keys := checkWhole(t, "on the mended disk", s)
		want := map[string]bool{"before": true, "third": true}
		if done {
			want["first"] = true
		}
		if !maps.Equal(keys, want) {
			t.Errorf("on the mended disk: %v, want %v", keys, want)
		}
	}
}

// TestRollbackFails leaves a transaction behind that the next Update must clear.
func TestRollbackFails(t *testing.T) {
	broken := false
	s, err := sqlite.OpenStepwise(storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")), func(_ string, do func() error) error {
		if broken {
			return errDisk
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(ctx, func(tx store.Writer) error {
		defer func() { broken = true }()
		return tx.Put("record", "lost", nil)
	})
	if !errors.Is(err, errDisk) {
		t.Errorf("Update on a breaking disk = %v", err)
	}
	broken = false
	if err := crashUpdate(s, "next"); err != nil {
		t.Errorf("Update on the mended disk = %v", err)
	}
	if keys := checkWhole(t, "on the mended disk", s); !maps.Equal(keys, map[string]bool{"next": true}) {
		t.Errorf("on the mended disk: %v, want next", keys)
	}
}
