package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

// checkContents expects every value that stands apart to have one record, and returns
// how many do.
func checkContents(t interface{ Errorf(string, ...any) }, folder *store.Folder) (apart int64) {
	query := func(text string) string {
		value, err := sqlite.Query(folder, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		return value
	}
	if got := query("PRAGMA integrity_check"); got != "ok" {
		t.Errorf("integrity check = %v", got)
	}
	all := query("SELECT count(*) FROM contents")
	named := query("SELECT count(DISTINCT id) FROM contents JOIN records ON content = id")
	references := query("SELECT count(content) FROM records")
	if all != named || all != references {
		t.Errorf("%v values stand apart, %v are named, by %v records", all, named, references)
	}
	apart, _ = strconv.ParseInt(all, 10, 64)
	return apart
}

// values reads a space, and expects the same upwards, downwards and one by one.
func values(s store.Records, space store.Space) (map[string]string, error) {
	up, down := map[string]string{}, map[string]string{}
	err := s.View(ctx, func(tx store.Reader) error {
		for reverse, all := range map[bool]map[string]string{false: up, true: down} {
			for record, err := range tx.Scan(space, store.Range{Reverse: reverse}) {
				if err != nil {
					return err
				}
				all[record.Key] = string(record.Value)
			}
		}
		for key, value := range up {
			if got, err := tx.Get(space, key); err != nil || string(got) != value {
				return fmt.Errorf("Get %q = %d bytes, %w, Scan had %d", key, len(got), err, len(value))
			}
		}
		return nil
	})
	if err == nil && !maps.Equal(up, down) {
		err = fmt.Errorf("Scan upwards found %d records, downwards %d", len(up), len(down))
	}
	return up, err
}

// TestContents writes, replaces and deletes values of all lengths, some in Updates
// that fail, beside a map that does the same. No value stays behind that no record has.
func TestContents(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	s := openRecords(t, folder)
	errRefused := errors.New("refused")
	spaces := 0
	rapid.Check(t, func(rt *rapid.T) {
		spaces++
		space := store.Space(fmt.Sprint(spaces))
		want := map[string]string{}
		for range rapid.IntRange(1, 6).Draw(rt, "updates") {
			after, refused := maps.Clone(want), rapid.Bool().Draw(rt, "refused")
			err := s.Update(ctx, func(tx store.Writer) error {
				for range rapid.IntRange(1, 6).Draw(rt, "writes") {
					key := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "key")
					size := rapid.SampledFrom([]int{-1, 0, 800, 801, 5000, 20_000}).Draw(rt, "bytes, or -1 to delete")
					if size < 0 {
						delete(after, key)
						if err := tx.Delete(space, key); err != nil {
							return err
						}
						continue
					}
					value := strings.Repeat(rapid.StringMatching("[a-z]").Draw(rt, "value"), size)
					after[key] = value
					if err := tx.Put(space, key, []byte(value)); err != nil {
						return err
					}
				}
				if refused {
					return errRefused
				}
				return nil
			})
			if refused != errors.Is(err, errRefused) || err != nil && !refused {
				rt.Fatalf("Update = %v", err)
			}
			if !refused {
				want = after
			}
			if got, err := values(s, space); err != nil || !maps.Equal(got, want) {
				rt.Fatalf("records %v, %v, want %v", slices.Sorted(maps.Keys(got)), err, slices.Sorted(maps.Keys(want)))
			}
		}
		checkContents(rt, folder)
	})
}

// schema1 is the database of testdata/schema1.db in a folder, and its records.
func schema1(t *testing.T) (*store.Folder, map[store.Space]map[string]string) {
	t.Helper()
	content, err := os.ReadFile("testdata/schema1.db")
	if err != nil {
		t.Fatal(err)
	}
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	if err := folder.Root().WriteFile("records.db", content, 0o600); err != nil {
		t.Fatal(err)
	}
	records := map[store.Space]map[string]string{"small": {}, "large": {}}
	for _, key := range []string{"", "a", "b", "c"} {
		records["small"][key] = strings.Repeat("<"+key+">", 100/(2+len(key)))
		records["large"][key] = strings.Repeat("<"+key+">", 5000/(2+len(key)))
	}
	return folder, records
}

// checkRecords expects the records and nothing else in their spaces.
func checkRecords(t *testing.T, when string, s store.Records, want map[store.Space]map[string]string) {
	t.Helper()
	for space, records := range want {
		if got, err := values(s, space); err != nil || !maps.Equal(got, records) {
			t.Errorf("%s: %d records in %s, %v, or their values differ; want %d", when, len(got), space, err, len(records))
		}
	}
}

// TestSchema1 opens a database of the first schema, whose large values stand in their
// records, and replaces and deletes some.
func TestSchema1(t *testing.T) {
	folder, want := schema1(t)
	s := openRecords(t, folder)
	checkRecords(t, "upgraded", s, want)
	if n, err := s.Changes(ctx, "large"); n != 4 || err != nil {
		t.Errorf("Changes = %d, %v, want 4", n, err)
	}
	large := strings.Repeat("new", 3000)
	want["large"]["a"], want["small"]["b"], want["large"]["b"] = large, large, "short"
	delete(want["large"], "c")
	err := s.Update(ctx, func(tx store.Writer) error {
		return errors.Join(
			tx.Put("large", "a", []byte(large)),
			tx.Put("small", "b", []byte(large)),
			tx.Put("large", "b", []byte("short")),
			tx.Delete("large", "c"),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	checkRecords(t, "changed", s, want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := checkContents(t, folder); n != 2 {
		t.Errorf("%d values stand apart, want the two that were written", n)
	}
	checkRecords(t, "reopened", openRecords(t, folder), want)
}

// TestUpgradePowerLoss upgrades a database of the first schema, and opens what a disk
// may hold when the power fails meanwhile: the database and any part of the log.
func TestUpgradePowerLoss(t *testing.T) {
	folder, want := schema1(t)
	before, err := folder.Root().ReadFile("records.db")
	if err != nil {
		t.Fatal(err)
	}
	s := openRecords(t, folder)
	defer s.Close()
	log, err := folder.Root().ReadFile("records.db-wal")
	if err != nil {
		t.Fatal(err)
	}
	after, err := folder.Root().ReadFile("records.db")
	if err != nil || !bytes.Equal(before, after) || len(log) == 0 {
		t.Fatalf("the upgrade is not in a log of %d bytes, %v", len(log), err)
	}
	images := 0
	for cut := 0; cut <= len(log); cut += 509 {
		image := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "image"))
		for name, content := range map[string][]byte{"records.db": before, "records.db-wal": log[:len(log)-cut]} {
			if err := image.Root().WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		images++
		when := fmt.Sprintf("%d bytes of the log lost", cut)
		s := openRecords(t, image)
		checkRecords(t, when, s, want)
		if err := crashUpdate(s, "after"); err != nil {
			t.Errorf("%s: Update = %v", when, err)
		}
		checkWhole(t, when, s)
		s.Close()
		checkContents(t, image)
		image.Close()
	}
	if images < 20 {
		t.Errorf("%d images, want more", images)
	}
}
