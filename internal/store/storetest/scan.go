package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/store"
)

func testScanTable(t *testing.T, s store.Records) {
	for _, key := range []string{"", "a", "a\x00", "a\xff", "a\xff\xff", "b", "ba", "bb", "\xff", "\xff\xff"} {
		put(t, s, "test", key, key)
	}
	put(t, s, "tes", "a", "of a space before")
	put(t, s, "test2", "a", "of a space behind")
	for _, tt := range []struct {
		r    store.Range
		want []string
	}{
		{store.Range{}, []string{"", "a", "a\x00", "a\xff", "a\xff\xff", "b", "ba", "bb", "\xff", "\xff\xff"}},
		{store.Range{From: "b"}, []string{"b", "ba", "bb", "\xff", "\xff\xff"}},
		{store.Range{To: "b"}, []string{"", "a", "a\x00", "a\xff", "a\xff\xff"}},
		{store.Range{From: "a", To: "a\xff"}, []string{"a", "a\x00"}},
		{store.Range{From: "a\x00\x00", To: "b\x00"}, []string{"a\xff", "a\xff\xff", "b"}},
		{store.Range{From: "b", To: "b"}, []string{}},
		{store.Range{From: "c", To: "b"}, []string{}},
		{store.Range{From: "c", To: "d"}, []string{}},
		{store.Range{From: "\xff\xff\xff"}, []string{}},
		{store.Range{To: "\x00"}, []string{""}},
		{store.Prefix(""), []string{"", "a", "a\x00", "a\xff", "a\xff\xff", "b", "ba", "bb", "\xff", "\xff\xff"}},
		{store.Prefix("a"), []string{"a", "a\x00", "a\xff", "a\xff\xff"}},
		{store.Prefix("a\xff"), []string{"a\xff", "a\xff\xff"}},
		{store.Prefix("b"), []string{"b", "ba", "bb"}},
		{store.Prefix("\xff"), []string{"\xff", "\xff\xff"}},
		{store.Prefix("\xff\xff"), []string{"\xff\xff"}},
		{store.Prefix("c"), []string{}},
		{store.Prefix("b").After("b"), []string{"ba", "bb"}},
		{store.Prefix("b").After("ba"), []string{"bb"}},
		{store.Prefix("b").After("bb"), []string{}},
	} {
		if got := keys(scan(t, s, "test", tt.r)); !slices.Equal(got, tt.want) {
			t.Errorf("Scan(%#v) = %q, want %q", tt.r, got, tt.want)
		}
		tt.r.Reverse = true
		slices.Reverse(tt.want)
		if got := keys(scan(t, s, "test", tt.r)); !slices.Equal(got, tt.want) {
			t.Errorf("Scan(%#v) = %q, want %q", tt.r, got, tt.want)
		}
	}
}

// testScanMany walks more records than any engine reads at once.
func testScanMany(t *testing.T, s store.Records) {
	const n = 3000
	var want []string
	err := s.Update(t.Context(), func(tx store.Writer) error {
		want = nil
		for i := range n {
			want = append(want, fmt.Sprintf("%06d", i))
			if err := tx.Put("test", want[i], []byte(want[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []store.Range{{}, {From: want[7], To: want[n-7]}, {From: want[1000], To: want[1001]}} {
		expect := slices.DeleteFunc(slices.Clone(want), func(key string) bool {
			return key < r.From || r.To != "" && key >= r.To
		})
		if got := keys(scan(t, s, "test", r)); !slices.Equal(got, expect) {
			t.Errorf("Scan(%#v) has %d keys, want %d in order", r, len(got), len(expect))
		}
		r.Reverse = true
		slices.Reverse(expect)
		if got := keys(scan(t, s, "test", r)); !slices.Equal(got, expect) {
			t.Errorf("Scan(%#v) has %d keys, want %d in order", r, len(got), len(expect))
		}
	}
}

func testScanLargeValues(t *testing.T, s store.Records) {
	want := []store.Record{}
	for i := range 20 {
		record := store.Record{Key: fmt.Sprintf("%02d", i), Value: bytes.Repeat([]byte{byte(i)}, i*20_000)}
		want = append(want, record)
		put(t, s, "test", record.Key, string(record.Value))
	}
	for _, reverse := range []bool{false, true} {
		got := scan(t, s, "test", store.Range{Reverse: reverse})
		if !sameRecords(got, want) {
			t.Errorf("Scan, reverse %v, has the keys %q with wrong values, or not those", reverse, keys(got))
		}
		slices.Reverse(want)
	}
}

func testScanBreakAndNest(t *testing.T, s store.Records) {
	const n = 300
	for i := range n {
		put(t, s, "test", fmt.Sprintf("%03d", i), "")
	}
	err := s.View(t.Context(), func(tx store.Reader) error {
		// Skip ahead: every hundredth key, by a new Scan each time.
		var got []string
		for r := (store.Range{}); ; {
			next := ""
			for record, err := range tx.Scan("test", r) {
				if err != nil {
					return err
				}
				next = record.Key
				break
			}
			if next == "" {
				break
			}
			got = append(got, next)
			r = r.After(next[:1] + "99")
		}
		if want := []string{"000", "100", "200"}; !slices.Equal(got, want) {
			t.Errorf("skipping Scan = %q, want %q", got, want)
		}

		// One sequence may be walked more than once, also within itself.
		seq := tx.Scan("test", store.Range{From: "000", To: "020"})
		pairs := 0
		for outer, err := range seq {
			if err != nil {
				return err
			}
			for inner, err := range seq {
				if err != nil {
					return err
				}
				if _, err := tx.Get("test", inner.Key); err != nil {
					return err
				}
				if inner.Key == outer.Key {
					break
				}
				pairs++
			}
		}
		if want := 20 * 19 / 2; pairs != want {
			t.Errorf("nested Scans met %d pairs, want %d", pairs, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testScanAndWrite changes what a running Scan has yielded.
func testScanAndWrite(t *testing.T, s store.Records) {
	const n = 700
	err := s.Update(t.Context(), func(tx store.Writer) error {
		for i := range n {
			if err := tx.Put("test", fmt.Sprintf("%03d", i), []byte("old")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, reverse := range []bool{false, true} {
		var met int
		err := s.Update(t.Context(), func(tx store.Writer) error {
			met = 0
			for record, err := range tx.Scan("test", store.Range{Reverse: reverse}) {
				if err != nil {
					return err
				}
				met++
				if record.Key[2] == '5' {
					err = tx.Delete("test", record.Key)
				} else {
					err = tx.Put("test", record.Key, []byte("new"))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := n
		if reverse {
			want = n / 10 * 9
		}
		if met != want {
			t.Errorf("Scan, reverse %v, met %d records, want %d", reverse, met, want)
		}
		for _, record := range scan(t, s, "test", store.Range{}) {
			if string(record.Value) != "new" || record.Key[2] == '5' {
				t.Fatalf("after the Scan, %q = %q", record.Key, record.Value)
			}
		}
	}
}

// testModel compares random transactions with a map.
func testModel(t *testing.T, s store.Records) {
	var spaces atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		space := store.Space(fmt.Sprintf("model.%d", spaces.Add(1)))
		key := rapid.Custom(func(rt *rapid.T) string {
			return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 3).Draw(rt, "key"))
		})
		model := map[string]string{}
		for range rapid.IntRange(1, 4).Draw(rt, "transactions") {
			type step struct {
				delete     bool
				key, value string
			}
			steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
				return step{rapid.Bool().Draw(rt, "delete"), key.Draw(rt, "key"), rapid.StringN(0, 3, -1).Draw(rt, "value")}
			}), 0, 12).Draw(rt, "steps")
			fails := rapid.Bool().Draw(rt, "fails")
			ranges := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) store.Range {
				return store.Range{From: key.Draw(rt, "from"), To: key.Draw(rt, "to"), Reverse: rapid.Bool().Draw(rt, "reverse")}
			}), 1, 4).Draw(rt, "ranges")

			var after map[string]string
			err := s.Update(t.Context(), func(tx store.Writer) error {
				after = maps.Clone(model)
				for _, step := range steps {
					var err error
					if step.delete {
						delete(after, step.key)
						err = tx.Delete(space, step.key)
					} else {
						after[step.key] = step.value
						err = tx.Put(space, step.key, []byte(step.value))
					}
					if err != nil {
						return err
					}
				}
				if err := equalsModel(tx, space, after, ranges); err != nil {
					return err
				}
				if fails {
					return errMine
				}
				return nil
			})
			switch {
			case fails && err == errMine:
			case fails || err != nil:
				rt.Fatalf("Update, fails %v, = %v", fails, err)
			default:
				model = after
			}
			err = s.View(t.Context(), func(tx store.Reader) error { return equalsModel(tx, space, model, ranges) })
			if err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func equalsModel(tx store.Reader, space store.Space, model map[string]string, ranges []store.Range) error {
	for _, r := range append(ranges, store.Range{}) {
		want := []store.Record{}
		for _, key := range slices.Sorted(maps.Keys(model)) {
			if key >= r.From && (r.To == "" || key < r.To) {
				want = append(want, store.Record{Key: key, Value: []byte(model[key])})
			}
		}
		if r.Reverse {
			slices.Reverse(want)
		}
		got, err := collect(tx, space, r)
		if err != nil {
			return err
		}
		if !sameRecords(got, want) {
			return fmt.Errorf("Scan(%#v) = %q, want %q", r, got, want)
		}
	}
	for key, want := range model {
		if got, err := tx.Get(space, key); err != nil || string(got) != want {
			return fmt.Errorf("Get(%q) = %q, %v, want %q", key, got, err, want)
		}
	}
	return nil
}
