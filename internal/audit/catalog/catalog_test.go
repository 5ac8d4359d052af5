package catalog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
)

// terms has what a record is about: its action, error and request.
func terms(e *audit.Entry, yield func(string)) {
	yield("action\x00" + e.Action)
	yield("request\x00" + e.RequestID)
	if e.Error != "" {
		yield("error\x00" + e.Error)
	}
}

var start = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// record is the i-th of a log, one a second.
func record(i int) *audit.Record {
	r := &audit.Record{
		Time: start.Add(time.Duration(i) * time.Second), RequestID: "r" + strconv.Itoa(i), Action: "kms:" + []string{"Encrypt", "Decrypt", "Sign"}[i%3],
		Who: audit.Identity{Type: "Root", Account: "111122223333"},
	}
	if i%5 == 0 {
		r.Error = "AccessDeniedException"
	}
	return r
}

func writeLog(t testing.TB, dir string, segmentBytes int64) *audit.Log {
	t.Helper()
	l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: [][]byte{make([]byte, 32)}, SegmentBytes: segmentBytes, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendTo(t testing.TB, l *audit.Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := l.Append(t.Context(), record(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, log, dir, version string, next func() uint64) *catalog.Catalog {
	t.Helper()
	r, err := audit.OpenReader(log)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(catalog.Config{Log: r, Dir: dir, Terms: terms, Version: version, Next: next})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); r.Close() })
	return c
}

func find(t testing.TB, c *catalog.Catalog, q catalog.Query, most int) (seqs []uint64) {
	t.Helper()
	for e, err := range c.Find(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		if seqs = append(seqs, e.Seq); len(seqs) == most {
			break
		}
	}
	return seqs
}

func TestFindAcrossFiles(t *testing.T) {
	dir := t.TempDir()
	l := writeLog(t, dir, 2000)
	c := open(t, dir, t.TempDir(), "1", l.Acknowledged)
	if got := find(t, c, catalog.Query{}, 0); len(got) != 0 {
		t.Errorf("an empty log has records %v", got)
	}
	appendTo(t, l, 0, 60)
	tests := []struct {
		name string
		q    catalog.Query
		want []uint64
	}{
		{"one request", catalog.Query{All: []string{"request\x00r17"}}, []uint64{18}},
		{"two terms", catalog.Query{All: []string{"action\x00kms:Sign", "error\x00AccessDeniedException"}}, []uint64{51, 36, 21, 6}},
		{"no such term", catalog.Query{All: []string{"action\x00kms:Sign", "request\x00r0"}}, nil},
		{"a time", catalog.Query{From: start.Add(10 * time.Second), To: start.Add(12 * time.Second)}, []uint64{13, 12, 11}},
		{"before", catalog.Query{Before: 4}, []uint64{3, 2, 1}},
	}
	for _, tt := range tests {
		if got := find(t, c, tt.q, 0); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	appendTo(t, l, 60, 90)
	if got := find(t, c, catalog.Query{}, 3); !slices.Equal(got, []uint64{90, 89, 88}) {
		t.Errorf("newest %v, want 90, 89, 88", got)
	}
}

// What is found is what a walk through the log finds, whatever is asked, and
// whether the files were there, in memory, or are made for the question.
func TestFindsWhatAWalkFinds(t *testing.T) {
	dir, index := t.TempDir(), t.TempDir()
	l := writeLog(t, dir, 1500)
	appendTo(t, l, 0, 80)
	rapid.Check(t, func(rt *rapid.T) {
		if rapid.Bool().Draw(rt, "fresh") {
			if err := os.RemoveAll(index); err != nil {
				rt.Fatal(err)
			}
		}
		c := open(t, dir, index, rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "version"), l.Acknowledged)
		if rapid.Bool().Draw(rt, "settle") {
			if err := c.Settle(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		q := catalog.Query{
			All:    rapid.SliceOfN(rapid.SampledFrom([]string{"action\x00kms:Sign", "action\x00kms:Encrypt", "error\x00AccessDeniedException"}), 0, 3).Draw(rt, "terms"),
			Before: uint64(rapid.IntRange(0, 85).Draw(rt, "before")),
		}
		if n := rapid.IntRange(-1, 80).Draw(rt, "from"); n >= 0 {
			q.From = start.Add(time.Duration(n) * time.Second)
		}
		if n := rapid.IntRange(-1, 80).Draw(rt, "to"); n >= 0 {
			q.To = start.Add(time.Duration(n) * time.Second)
		}
		var want []uint64
		for i := 79; i >= 0; i-- {
			r := record(i)
			have := []string{"action\x00" + r.Action, "error\x00" + r.Error}
			missing := slices.ContainsFunc(q.All, func(term string) bool { return !slices.Contains(have, term) })
			if missing || q.Before != 0 && uint64(i+1) >= q.Before || !q.From.IsZero() && r.Time.Before(q.From) || !q.To.IsZero() && r.Time.After(q.To) {
				continue
			}
			want = append(want, uint64(i+1))
		}
		if got := find(t, c, q, 0); !slices.Equal(got, want) {
			rt.Errorf("Find(%+v) = %v, want %v", q, got, want)
		}
	})
}

func TestOnlyWhatIsAcknowledgedIsFound(t *testing.T) {
	dir := t.TempDir()
	l := writeLog(t, dir, 0)
	appendTo(t, l, 0, 5)
	next := uint64(3)
	c := open(t, dir, t.TempDir(), "1", func() uint64 { return next })
	if got := find(t, c, catalog.Query{}, 0); !slices.Equal(got, []uint64{2, 1}) {
		t.Errorf("found %v, want 2 and 1", got)
	}
	next = 6
	if got := find(t, c, catalog.Query{}, 2); !slices.Equal(got, []uint64{5, 4}) {
		t.Errorf("found %v, want 5 and 4", got)
	}
}

// TestDamagedIndex: an index that was changed finds nothing that the log does
// not say, and one that was cut is made anew.
func TestDamagedIndex(t *testing.T) {
	dir, index := t.TempDir(), t.TempDir()
	l := writeLog(t, dir, 4000)
	appendTo(t, l, 0, 40)
	if err := open(t, dir, index, "1", l.Acknowledged).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(index, "*.idx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("index files %v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	q := catalog.Query{All: []string{"action\x00kms:Sign"}}
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0xff
		if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		for e, err := range open(t, dir, index, "1", l.Acknowledged).Find(t.Context(), q) {
			if err == nil && e.Action != "kms:Sign" {
				t.Fatalf("byte %d changed: found %s", at, e.Action)
			}
		}
	}
	want := find(t, open(t, dir, t.TempDir(), "1", l.Acknowledged), q, 0)
	for _, cut := range []int{0, 10, 64, len(whole) - 1} {
		if err := os.WriteFile(files[0], whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := find(t, open(t, dir, index, "1", l.Acknowledged), q, 0); !slices.Equal(got, want) {
			t.Errorf("cut at %d: found %v, want %v", cut, got, want)
		}
	}
}

func TestMissingRecordsAreNotIndexed(t *testing.T) {
	dir := t.TempDir()
	l := writeLog(t, dir, 2000)
	appendTo(t, l, 0, 40)
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], text[:strings.IndexByte(string(text), '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, t.TempDir(), "1", l.Acknowledged).Settle(t.Context()); err == nil || !strings.Contains(err.Error(), "record 2 is missing") {
		t.Errorf("Settle = %v, want an error about record 2", err)
	}
}

// TestManyInOneFile: what a file has more of than is read at once is all found.
func TestManyInOneFile(t *testing.T) {
	dir := t.TempDir()
	l := writeLog(t, dir, 0)
	appendTo(t, l, 0, 900)
	c := open(t, dir, t.TempDir(), "1", l.Acknowledged)
	all := find(t, c, catalog.Query{}, 0)
	if len(all) != 900 || all[0] != 900 || all[899] != 1 || !slices.IsSortedFunc(all, func(a, b uint64) int { return int(b) - int(a) }) {
		t.Errorf("found %d records", len(all))
	}
	if some := find(t, c, catalog.Query{All: []string{"action\x00kms:Sign"}, From: start.Add(3 * time.Second)}, 0); len(some) != 299 {
		t.Errorf("found %d of an action, want 299", len(some))
	}
}

// fill appends n records at once, so that they stand in no order of time.
func fill(t testing.TB, l *audit.Log, n int) {
	t.Helper()
	const writers = 256
	done := make(chan error)
	for w := range writers {
		go func() {
			var err error
			for i := w; i < n && err == nil; i += writers {
				err = l.Append(t.Context(), record(i))
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestManyChunks: of a file with many records, only what a time overlaps is
// read, and nothing is missed.
func TestManyChunks(t *testing.T) {
	const records = 5000
	dir := t.TempDir()
	l := writeLog(t, dir, 800_000)
	fill(t, l, records)
	var all []*audit.Entry
	for e, err := range audit.Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.log")); err != nil || len(files) < 2 || len(all) != records {
		t.Fatalf("%d records in %d files, %v, want at least one full file", len(all), len(files), err)
	}
	index := t.TempDir()
	if err := open(t, dir, index, "1", l.Acknowledged).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		// Opened anew, so that the index is read from its file.
		c := open(t, dir, index, "1", l.Acknowledged)
		at := func(name string) time.Time {
			if rapid.Bool().Draw(rt, "some "+name) {
				return start.Add(time.Duration(rapid.IntRange(-10, records+10).Draw(rt, name)) * time.Second)
			}
			return time.Time{}
		}
		q := catalog.Query{From: at("from"), To: at("to"), Before: uint64(rapid.IntRange(0, records+5).Draw(rt, "before"))}
		if rapid.Bool().Draw(rt, "some action") {
			q.All = []string{"action\x00kms:Sign"}
		}
		var want []uint64
		for _, e := range slices.Backward(all) {
			switch {
			case q.Before != 0 && e.Seq >= q.Before, !q.From.IsZero() && e.Time.Before(q.From), !q.To.IsZero() && e.Time.After(q.To):
			case len(q.All) > 0 && e.Action != "kms:Sign":
			default:
				want = append(want, e.Seq)
			}
		}
		if got := find(t, c, q, 0); !slices.Equal(got, want) {
			rt.Fatalf("%+v: found %d records, want %d", q, len(got), len(want))
		}
	})
}

// An index that somebody deletes while it is in use is made anew.
func TestDeletedIndex(t *testing.T) {
	dir, index := t.TempDir(), t.TempDir()
	l := writeLog(t, dir, 4000)
	appendTo(t, l, 0, 40)
	c := open(t, dir, index, "1", l.Acknowledged)
	want := find(t, c, catalog.Query{}, 0)
	files, err := filepath.Glob(filepath.Join(index, "*.idx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("index files %v, %v", files, err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, c, catalog.Query{}, 0); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

func TestUnfinishedIndexes(t *testing.T) {
	dir, index := t.TempDir(), t.TempDir()
	l := writeLog(t, dir, 4000)
	appendTo(t, l, 0, 40)
	for name, age := range map[string]time.Duration{"crashed.idx.1.new": 2 * time.Hour, "under-way.idx.2.new": 0} {
		name = filepath.Join(index, name)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, dir, index, "1", l.Acknowledged).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(index, "*.new")); err != nil || len(left) != 1 || filepath.Base(left[0]) != "under-way.idx.2.new" {
		t.Errorf("%v are left, %v, want the one that is under way", left, err)
	}
}

// Files that are archived and removed go out of the index, and who is looking at
// that moment finds what is left.
func TestRemovedFiles(t *testing.T) {
	dir, index := t.TempDir(), t.TempDir()
	l := writeLog(t, dir, 4000)
	appendTo(t, l, 0, 60)
	c := open(t, dir, index, "1", l.Acknowledged)
	reader, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	files, err := reader.Segments()
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var got []uint64
	for e, err := range c.Find(t.Context(), catalog.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.Seq); e.Seq == files[3].First {
			for _, s := range files[:2] {
				if err := l.Remove(s); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if last := got[len(got)-1]; last != files[2].First {
		t.Errorf("found records down to %d, want %d", last, files[2].First)
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(index, "*.idx")); err != nil || len(left) != len(files)-3 {
		t.Errorf("%d index files of %d full ones are left, %v", len(left), len(files)-3, err)
	}
	if again := find(t, c, catalog.Query{}, 0); !slices.Equal(again, got) {
		t.Errorf("found %d records, then %d", len(got), len(again))
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	l := writeLog(t, dir, 0)
	appendTo(t, l, 0, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range open(t, dir, t.TempDir(), "1", l.Acknowledged).Find(ctx, catalog.Query{}) {
		if err == nil {
			t.Error("a record after the end of the context")
		}
	}
}

// BenchmarkFind looks for a page of 50 in a large log: set KEYFRONT_BENCH_RECORDS
// for one of that many records; the default is small.
func BenchmarkFind(b *testing.B) {
	records := 100_000
	if n, err := strconv.Atoi(os.Getenv("KEYFRONT_BENCH_RECORDS")); err == nil {
		records = n
	}
	dir := b.TempDir()
	l := writeLog(b, dir, 0)
	fill(b, l, records)
	index := b.TempDir()
	b.Run("settle", func(b *testing.B) {
		c := open(b, dir, index, "1", l.Acknowledged)
		for b.Loop() {
			if err := c.Settle(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	c := open(b, dir, index, "1", l.Acknowledged)
	find(b, c, catalog.Query{}, 1)
	for name, q := range map[string]catalog.Query{
		"newest":   {},
		"frequent": {All: []string{"action\x00kms:Sign", "error\x00AccessDeniedException"}},
		"rare":     {All: []string{fmt.Sprintf("request\x00r%d", records/2)}},
		"absent":   {All: []string{"request\x00nobody"}},
		"page":     {All: []string{"action\x00kms:Sign"}, From: start, Before: uint64(records / 10)},
		"longAgo":  {All: []string{"action\x00kms:Sign"}, To: start.Add(time.Hour)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				find(b, c, q, 50)
			}
		})
	}
}
