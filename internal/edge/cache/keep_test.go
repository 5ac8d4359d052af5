package cache_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// reopen opens a cache in a folder that a test looks into.
func reopen(t testing.TB, dir string) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Config{MemoryBytes: 4 << 20, DiskBytes: 64 << 20, Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shut(t testing.TB, c *cache.Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

const (
	little = 10 << 10 // in memory
	much   = 3 << 20  // in a file
)

// kept is a folder with a little and much, after an orderly stop.
func kept(t testing.TB) string {
	dir := t.TempDir()
	c := reopen(t, dir)
	put(t, c, "/little", little)
	put(t, c, "/much", much)
	put(t, c, "/gone", much)
	put(t, c, "/empty", 0)
	c.Invalidate(dist, []string{"/gone"})
	c.Mark(7)
	shut(t, c)
	return dir
}

func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestRestart(t *testing.T) {
	dir := kept(t)
	for range 2 {
		c := reopen(t, dir)
		if got, ok := read(t, c, "/little"); !ok || got != text("/little", little) {
			t.Error("what was in memory is lost")
		}
		if got, ok := read(t, c, "/much"); !ok || got != text("/much", much) {
			t.Error("what was in a file is lost")
		}
		if got, ok := read(t, c, "/empty"); !ok || got != "" {
			t.Error("what has no body is lost")
		}
		if _, ok := read(t, c, "/gone"); ok || c.Marked() != 7 {
			t.Errorf("an invalidation is undone, or not known: mark %d", c.Marked())
		}
		if n := c.DiskBytes(); n < much || n > much+8192 {
			t.Errorf("%d bytes are booked", n)
		}
		// New files get names of their own.
		put(t, c, "/more", much)
		if got, _ := read(t, c, "/much"); got != text("/much", much) {
			t.Error("a new file took an old one's place")
		}
		c.Invalidate(dist, []string{"/more"})
		shut(t, c)
	}
}

// After a crash there is no index: nothing is given out that an invalidation
// since the last stop could have named.
func TestCrash(t *testing.T) {
	dir := kept(t)
	reopen(t, dir) // and never closed
	c := reopen(t, dir)
	defer shut(t, c)
	for _, url := range []string{"/little", "/much"} {
		if _, ok := read(t, c, url); ok {
			t.Errorf("%s outlived a crash", url)
		}
	}
	if c.Marked() != 0 || len(names(t, dir)) != 0 {
		t.Errorf("left: mark %d, files %v", c.Marked(), names(t, dir))
	}
}

// What is damaged is gone, and what is not is whole.
func TestDamagedFolder(t *testing.T) {
	change := func(name string, edit func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			all, err := filepath.Glob(filepath.Join(dir, name))
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			b, err := os.ReadFile(all[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(all[0], edit(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(all[0], time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for _, tt := range []struct {
		name         string
		damage       func(t *testing.T, dir string)
		little, much bool
	}{
		{"nothing", func(*testing.T, string) {}, true, true},
		{"index flipped", change("kept", flip), false, false},
		{"index cut", change("kept", func(b []byte) []byte { return b[:len(b)-1] }), false, false},
		{"index longer", change("kept", func(b []byte) []byte { return append(b, 0) }), false, false},
		{"index empty", change("kept", func([]byte) []byte { return nil }), false, false},
		{"body flipped", change("*.body", flip), true, false},
		{"body cut", change("*.body", func(b []byte) []byte { return b[1:] }), true, false},
		{"body gone", func(t *testing.T, dir string) {
			all, _ := filepath.Glob(filepath.Join(dir, "*.body"))
			if err := os.Remove(all[0]); err != nil {
				t.Fatal(err)
			}
		}, true, false},
		{"stranger", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "ff.body"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := kept(t)
			tt.damage(t, dir)
			c := reopen(t, dir)
			defer shut(t, c)
			for url, want := range map[string]bool{"/little": tt.little, "/much": tt.much} {
				n := map[string]int{"/little": little, "/much": much}[url]
				if got, ok := read(t, c, url); ok != want || ok && got != text(url, n) {
					t.Errorf("%s: kept %v, want %v", url, ok, want)
				}
			}
			if all := names(t, dir); len(all) > 1 || len(all) == 1 && !tt.much {
				t.Errorf("the folder has %v", all)
			}
		})
	}
}

func TestRecordProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			if rapid.Bool().Draw(t, "zero") {
				return time.Time{}
			}
			return time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		})
		m := cache.Meta{
			Distribution: dist, URL: bytes.Draw(t, "url"), Status: rapid.IntRange(100, 599).Draw(t, "status"),
			ETag: bytes.Draw(t, "etag"), LastModified: bytes.Draw(t, "modified"), Compressed: rapid.Bool().Draw(t, "c"), Weakened: rapid.Bool().Draw(t, "w"),
			Origin: bytes.Draw(t, "origin"), Generated: rapid.Bool().Draw(t, "g"),
			Stored: moment.Draw(t, "stored"), Expires: moment.Draw(t, "expires"), HoldUntil: moment.Draw(t, "hold"),
			StaleWhileRevalidate: time.Duration(rapid.Int64().Draw(t, "swr")), StaleIfError: time.Duration(rapid.Int64().Draw(t, "sie")),
		}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			m.Header = append(m.Header, cache.Field{Name: bytes.Draw(t, "name"), Values: rapid.SliceOfN(bytes, 1, 3).Draw(t, "values")})
		}
		size := rapid.Int64Range(0, 1<<60).Draw(t, "size")
		got, n, ok := cache.Recorded(cache.AppendRecord(m, size))
		if !ok || n != size || !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v, %d, %v; want %+v, %d", got, n, ok, m, size)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(cache.AppendRecord(meta("/a"), 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, size, ok := cache.Recorded(b); ok {
			if again, n, ok := cache.Recorded(cache.AppendRecord(m, size)); !ok || n != size || !reflect.DeepEqual(again, m) {
				t.Errorf("%+v became %+v", m, again)
			}
		}
	})
}
