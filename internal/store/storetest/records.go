package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// OpenRecords opens a new and empty store. reopen opens it again after Close, with
// all that was in it; it is nil if the engine keeps nothing.
type OpenRecords func(t *testing.T) (s store.Records, reopen func() store.Records)

// TestRecords tests an engine against the contract of store.Records.
func TestRecords(t *testing.T, open OpenRecords) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s store.Records)
	}{
		{"GetPutDelete", testGetPutDelete},
		{"CallerOwnsSlices", testCallerOwnsSlices},
		{"SpacesAreApart", testSpacesAreApart},
		{"AnyBytes", testAnyBytes},
		{"Sizes", testSizes},
		{"ScanTable", testScanTable},
		{"ScanMany", testScanMany},
		{"ScanLargeValues", testScanLargeValues},
		{"ScanBreakAndNest", testScanBreakAndNest},
		{"ScanAndWrite", testScanAndWrite},
		{"Model", testModel},
		{"ReadYourWrites", testReadYourWrites},
		{"ErrorRollsBack", testErrorRollsBack},
		{"PanicRollsBack", testPanicRollsBack},
		{"GoexitRollsBack", testGoexitRollsBack},
		{"MethodFails", testMethodFails},
		{"TransactionEnds", testTransactionEnds},
		{"Context", testContext},
		{"ContextWhileWaiting", testContextWhileWaiting},
		{"Changes", testChanges},
		{"LostUpdate", testLostUpdate},
		{"WriteSkew", testWriteSkew},
		{"Phantom", testPhantom},
		{"Snapshot", testSnapshot},
		{"Recency", testRecency},
		{"FailuresAmongOthers", testFailuresAmongOthers},
		{"Close", testRecordsClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			t.Cleanup(func() { s.Close() })
			test.run(t, s)
		})
		t.Run(test.name+"/Twice", func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			t.Cleanup(func() { s.Close() })
			test.run(t, runTwice(s))
		})
	}
	t.Run("Reopen", func(t *testing.T) {
		t.Parallel()
		testRecordsReopen(t, open)
	})
}

// put, get and scan are one-operation transactions that must succeed.

func put(t *testing.T, s store.Records, space store.Space, key, value string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx store.Writer) error {
		return tx.Put(space, key, []byte(value))
	})
	if err != nil {
		t.Fatalf("Update with Put(%s, %q) = %v", space, key, err)
	}
}

// get returns the value of key, or "absent".
func get(t *testing.T, s store.Records, space store.Space, key string) string {
	t.Helper()
	var got string
	err := s.View(t.Context(), func(tx store.Reader) error {
		value, err := tx.Get(space, key)
		if errors.Is(err, store.ErrNotFound) {
			value, err = []byte("absent"), nil
		}
		got = string(value)
		return err
	})
	if err != nil {
		t.Fatalf("View with Get(%s, %q) = %v", space, key, err)
	}
	return got
}

func scan(t *testing.T, s store.Records, space store.Space, r store.Range) []store.Record {
	t.Helper()
	var got []store.Record
	err := s.View(t.Context(), func(tx store.Reader) (err error) {
		got, err = collect(tx, space, r)
		return err
	})
	if err != nil {
		t.Fatalf("View with Scan(%s, %#v) = %v", space, r, err)
	}
	return got
}

func collect(tx store.Reader, space store.Space, r store.Range) ([]store.Record, error) {
	var all []store.Record
	for record, err := range tx.Scan(space, r) {
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}

func keys(records []store.Record) []string {
	names := []string{}
	for _, r := range records {
		names = append(names, r.Key)
	}
	return names
}

func sameRecords(a, b []store.Record) bool {
	return slices.EqualFunc(a, b, func(a, b store.Record) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
	})
}

func testGetPutDelete(t *testing.T, s store.Records) {
	expect := func(want string) {
		t.Helper()
		if got := get(t, s, "test", "k"); got != want {
			t.Fatalf("Get = %q, want %q", got, want)
		}
	}
	remove := func(key string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx store.Writer) error { return tx.Delete("test", key) })
		if err != nil {
			t.Fatalf("Update with Delete = %v", err)
		}
	}
	expect("absent")
	remove("k")
	expect("absent")
	put(t, s, "test", "k", "1")
	expect("1")
	put(t, s, "test", "k", "22")
	expect("22")
	put(t, s, "test", "k", "")
	expect("")
	remove("other")
	expect("")
	remove("k")
	expect("absent")
	put(t, s, "test", "k", "3")
	expect("3")
	if err := s.Update(t.Context(), func(store.Writer) error { return nil }); err != nil {
		t.Errorf("Update that does nothing = %v", err)
	}
}

func testCallerOwnsSlices(t *testing.T, s store.Records) {
	value := []byte("before")
	err := s.Update(t.Context(), func(tx store.Writer) error {
		if err := tx.Put("test", "k", value); err != nil {
			return err
		}
		copy(value, "xxxxxx")
		got, err := tx.Get("test", "k")
		if string(got) != "before" {
			t.Errorf("Get after the caller changed its slice = %q, %v", got, err)
		}
		copy(got, "yyyyyy")
		copy(value, "before") // for the next run
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx store.Reader) error {
		records, err := collect(tx, "test", store.Range{})
		if err != nil {
			return err
		}
		copy(records[0].Value, "zzzzzz")
		got, err := tx.Get("test", "k")
		if string(got) != "before" {
			t.Errorf("Get after a Scan's consumer changed its slice = %q", got)
		}
		copy(got, "zzzzzz")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "test", "k"); got != "before" {
		t.Errorf("Get = %q, want %q", got, "before")
	}
}

func testSpacesAreApart(t *testing.T, s store.Records) {
	spaces := []store.Space{"a", "a.b", "a.bc", "b", "A"}
	for _, space := range spaces {
		put(t, s, space, "k", string(space))
		put(t, s, space, string(space), "")
	}
	err := s.Update(t.Context(), func(tx store.Writer) error { return tx.Delete("a.b", "k") })
	if err != nil {
		t.Fatal(err)
	}
	for _, space := range spaces {
		want := string(space)
		if space == "a.b" {
			want = "absent"
		}
		if got := get(t, s, space, "k"); got != want {
			t.Errorf("Get(%s) = %q, want %q", space, got, want)
		}
	}
	got := keys(scan(t, s, "a", store.Range{}))
	if want := []string{"a", "k"}; !slices.Equal(got, want) {
		t.Errorf("Scan(a) = %q, want %q", got, want)
	}
}

func testAnyBytes(t *testing.T, s store.Records) {
	want := []string{
		"", "\x00", "\x00\x00", "\x00\xff", "%", "'", "A", "a", "a\x00", "a\x00b", "a/b", "aa",
		"\x7f", "\x80", "é", "\xed\xa0\x80", "\xf0\x9f\x94\x91", "\xfe", "\xff", "\xff\x00", "\xff\xff",
	}
	for _, key := range want {
		put(t, s, "test", key, "v"+key)
	}
	records := scan(t, s, "test", store.Range{})
	if got := keys(records); !slices.Equal(got, want) {
		t.Errorf("Scan = %q, want %q", got, want)
	}
	for _, r := range records {
		if string(r.Value) != "v"+r.Key {
			t.Errorf("value of %q = %q", r.Key, r.Value)
		}
		if got := get(t, s, "test", r.Key); got != "v"+r.Key {
			t.Errorf("Get(%q) = %q", r.Key, got)
		}
	}
}

func testSizes(t *testing.T, s store.Records) {
	key := strings.Repeat("\xff", store.MaxKeyBytes)
	value := strings.Repeat("value", store.MaxValueBytes/5+1)[:store.MaxValueBytes]
	put(t, s, "test", key, value)
	put(t, s, "test", key[1:], "shorter")
	if got := get(t, s, "test", key); got != value {
		t.Errorf("value of the greatest size came back with %d bytes, want %d and equal", len(got), len(value))
	}
	got := scan(t, s, "test", store.Range{From: key[1:]})
	want := []store.Record{{Key: key[1:], Value: []byte("shorter")}, {Key: key, Value: []byte(value)}}
	if !sameRecords(got, want) {
		t.Errorf("Scan of the greatest sizes has %d records, want the %d that were put", len(got), len(want))
	}
	put(t, s, "test", key, "small")
	if got := get(t, s, "test", key); got != "small" {
		t.Errorf("Get after replacing the large value = %q", got)
	}
}

func testRecordsReopen(t *testing.T, open OpenRecords) {
	s, reopen := open(t)
	t.Cleanup(func() { s.Close() })
	if reopen == nil {
		t.Skip("the engine keeps nothing")
	}
	const n = 500
	for round := range 3 {
		for i := range 10 {
			err := s.Update(t.Context(), func(tx store.Writer) error {
				for k := i; k < n; k += 10 {
					if err := tx.Put("test", fmt.Sprintf("%04d", k), fmt.Append(nil, round)); err != nil {
						return err
					}
				}
				return tx.Delete("test", fmt.Sprintf("%04d", round))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := scan(t, s, "test", store.Range{})
		before, err := s.Changes(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
		s = reopen()
		t.Cleanup(func() { s.Close() })
		if got := scan(t, s, "test", store.Range{}); !sameRecords(got, want) {
			t.Fatalf("after reopening, Scan has %d records, want the %d from before", len(got), len(want))
		}
		after, err := s.Changes(t.Context(), "test")
		if after < before || err != nil {
			t.Errorf("Changes after reopening = %d, %v, want at least %d", after, err, before)
		}
		if _, err := s.Changes(t.Context(), "never"); err != nil {
			t.Errorf("Changes of an unused space = %v", err)
		}
	}
}
