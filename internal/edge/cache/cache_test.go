package cache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

const dist delivery.DistributionID = "E1"

func open(t testing.TB, memory, disk int64) *cache.Cache {
	t.Helper()
	cfg := cache.Config{MemoryBytes: memory, DiskBytes: disk, Log: slog.New(slog.DiscardHandler)}
	if disk > 0 {
		cfg.Dir = filepath.Join(t.TempDir(), "cache")
	}
	c, err := cache.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func keyOf(url string) cache.Key { return sha256.Sum256([]byte(url)) }

func meta(url string) cache.Meta {
	return cache.Meta{Distribution: dist, URL: url, Status: 200, Expires: time.Now().Add(time.Hour)}
}

// text is a body of n bytes that belongs to url.
func text(url string, n int) string {
	return strings.Repeat(url+" ", n/(len(url)+1)+1)[:n]
}

// put stores a body of n bytes under url.
func put(t testing.TB, c *cache.Cache, url string, n int) {
	t.Helper()
	r, lead := c.Alone(keyOf(url), dist, url)
	defer r.Close()
	lead.Start(cache.Answer{Meta: meta(url), Length: int64(n), Keep: true, Shared: true})
	if err := lead.ReadBody(strings.NewReader(text(url, n))); err != nil {
		t.Fatal(err)
	}
	lead.Finish()
}

// read returns what is kept under url.
func read(t testing.TB, c *cache.Cache, url string) (string, bool) {
	t.Helper()
	e := c.Get(keyOf(url))
	if e == nil {
		return "", false
	}
	content, err := e.Open()
	if errors.Is(err, os.ErrNotExist) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var b bytes.Buffer
	if err := content.CopyRange(context.Background(), &b, 0, e.Size); err != nil {
		t.Fatal(err)
	}
	return b.String(), true
}

func TestBounds(t *testing.T) {
	const memory, disk = 2 << 20, 4 << 20
	c := open(t, memory, disk)
	dir := folder(t, c)
	for i := range 3000 {
		url := fmt.Sprintf("/%d", i)
		size := i * 7919 % (32 << 10)
		if i%50 == 0 {
			size = 300 << 10 // a file from the beginning
		}
		put(t, c, url, size)
		if got, ok := read(t, c, url); ok && got != text(url, size) {
			t.Fatalf("%s holds something else", url)
		}
		if got := c.MemoryBytes(); got > memory+memory/5 {
			t.Fatalf("after %d: %d bytes of memory, bound is %d", i, got, memory)
		}
		if got := c.DiskBytes(); got > disk {
			t.Fatalf("after %d: %d bytes of disk, bound is %d", i, got, disk)
		}
		if i%100 == 0 {
			if got := du(t, dir); got > disk {
				t.Fatalf("after %d: the folder has %d bytes, bound is %d", i, got, disk)
			}
		}
	}
	if c.DiskBytes() < disk/2 || c.MemoryBytes() < memory/4 {
		t.Errorf("%d bytes of memory and %d of disk are in use: it keeps too little", c.MemoryBytes(), c.DiskBytes())
	}
}

// folder finds the folder of a cache by the one file it makes.
func folder(t *testing.T, c *cache.Cache) string {
	t.Helper()
	put(t, c, "/probe", 200<<10)
	e := c.Get(keyOf("/probe"))
	content, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	return filepath.Dir(content.Name())
}

func du(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
			if info.Mode() != 0o600 {
				t.Errorf("%s has mode %v", e.Name(), info.Mode())
			}
		}
	}
	return n
}

// A scan does not push out what is asked for, in either tier.
func TestScan(t *testing.T) {
	for _, tt := range []struct {
		name         string
		memory, disk int64
		size, hot, n int
	}{
		{"memory", 4 << 20, 0, 4 << 10, 200, 5000},
		{"disk", 2 << 20, 16 << 20, 256 << 10, 20, 150},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t, tt.memory, tt.disk)
			// A cache that is far from full does not need to tell one from another.
			for i := range tt.n {
				put(t, c, fmt.Sprintf("/before/%d", i), tt.size)
			}
			for range 5 {
				for i := range tt.hot {
					url := fmt.Sprintf("/hot/%d", i)
					if _, ok := read(t, c, url); !ok {
						put(t, c, url, tt.size)
					}
				}
			}
			for i := range tt.n {
				put(t, c, fmt.Sprintf("/scan/%d", i), tt.size)
			}
			left := 0
			for i := range tt.hot {
				if _, ok := read(t, c, fmt.Sprintf("/hot/%d", i)); ok {
					left++
				}
			}
			if left < tt.hot*9/10 {
				t.Errorf("%d of %d hot answers are left after a scan", left, tt.hot)
			}
		})
	}
}

// What memory has no room for goes to a file, and comes back when it is asked for.
func TestDemotion(t *testing.T) {
	c := open(t, 2<<20, 64<<20)
	const n, size = 400, 8 << 10 // more than the memory holds
	for i := range n {
		put(t, c, fmt.Sprintf("/%d", i), size)
		// The way to the files is bounded: what comes faster than the disk
		// takes it is forgotten.
		for c.Demoting() != 0 {
			runtime.Gosched()
		}
	}
	left := 0
	for i := range n {
		url := fmt.Sprintf("/%d", i)
		if got, ok := read(t, c, url); ok {
			left++
			if got != text(url, size) {
				t.Fatalf("%s holds something else", url)
			}
		}
	}
	if left < n*8/10 {
		t.Errorf("%d of %d are left", left, n)
	}
	c.Invalidate(dist, []string{"/*"})
	for i := range n {
		if _, ok := read(t, c, fmt.Sprintf("/%d", i)); ok {
			t.Fatalf("/%d is there after an invalidation", i)
		}
	}
	if c.DiskBytes() != 0 {
		t.Errorf("%d bytes of files are left", c.DiskBytes())
	}
}

// follow reads a fill to its end.
func follow(r *cache.Reader) (string, error) {
	var b bytes.Buffer
	if _, err := r.Head(context.Background()); err != nil {
		return "", err
	}
	err := r.CopyRange(context.Background(), &b, 0, -1)
	return b.String(), err
}

// A body that is too large for the cache passes by: those who were there have
// it whole, who comes later begins anew, and nothing is kept.
func TestPassing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		disk   int64
		size   int
		length bool
	}{
		{"no disk", 0, 1 << 20, false},
		{"no disk, length known", 0, 1 << 20, true},
		{"small disk", 1 << 20, 3 << 20, false},
		{"small disk, length known", 1 << 20, 3 << 20, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t, 1<<20, tt.disk)
			key := keyOf("/a")
			r1, lead, _ := c.Join(key, dist, "/a", nil)
			r2, other, _ := c.Join(key, dist, "/a", nil)
			if other != nil {
				t.Fatal("the second one began a fill of its own")
			}
			var group sync.WaitGroup
			for _, r := range []*cache.Reader{r1, r2} {
				group.Go(func() {
					defer r.Close()
					if got, err := follow(r); got != text("/a", tt.size) || err != nil {
						t.Errorf("got %d bytes, %v", len(got), err)
					}
				})
			}
			length := int64(-1)
			if tt.length {
				length = int64(tt.size)
			}
			lead.Start(cache.Answer{Meta: meta("/a"), Length: length, Keep: true, Shared: true})
			if err := lead.ReadBody(strings.NewReader(text("/a", tt.size))); err != nil {
				t.Fatal(err)
			}
			late, again, _ := c.Join(key, dist, "/a", nil)
			if again == nil {
				t.Error("somebody joined a body that passes by")
			}
			late.Close()
			lead.Finish()
			group.Wait()
			if c.Get(key) != nil || c.DiskBytes() != 0 {
				t.Errorf("something is kept; %d bytes of files", c.DiskBytes())
			}
		})
	}
}

// A reader that does not read holds up neither filler nor other readers.
func TestSlowReader(t *testing.T) {
	for _, size := range []int{100 << 10, 4 << 20} {
		c := open(t, 16<<20, 64<<20)
		slow, lead, _ := c.Join(keyOf("/a"), dist, "/a", nil)
		fast, _, _ := c.Join(keyOf("/a"), dist, "/a", nil)
		lead.Start(cache.Answer{Meta: meta("/a"), Length: -1, Keep: true, Shared: true})
		if err := lead.ReadBody(iotest.HalfReader(strings.NewReader(text("/a", size)))); err != nil {
			t.Fatal(err)
		}
		lead.Finish()
		for _, r := range []*cache.Reader{fast, slow} {
			if got, err := follow(r); got != text("/a", size) || err != nil {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			r.Close()
		}
	}
}

func TestFailures(t *testing.T) {
	boom := errors.New("boom")
	c := open(t, 1<<20, 0)
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		want   error
	}{
		{"breaks off", io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(boom)), 10, boom},
		{"breaks off, no length", io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(boom)), -1, boom},
		{"too long", strings.NewReader("123456"), 5, cache.ErrTooLong},
	} {
		r, lead, _ := c.Join(keyOf("/a"), dist, "/a", nil)
		lead.Start(cache.Answer{Meta: meta("/a"), Length: tt.length, Keep: true, Shared: true})
		err := lead.ReadBody(tt.body)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: ReadBody = %v, want %v", tt.name, err, tt.want)
		}
		lead.Fail(err)
		if got, err := follow(r); got != "12345" || !errors.Is(err, tt.want) {
			t.Errorf("%s: reader got %q, %v", tt.name, got, err)
		}
		r.Close()
		if c.Get(keyOf("/a")) != nil {
			t.Errorf("%s: it is kept", tt.name)
		}
	}
	if n := c.MemoryBytes(); n != 0 {
		t.Errorf("%d bytes are accounted for nothing", n)
	}
}

// A reader gives up alone; the last one ends the fill, and the next begins anew.
func TestAbandoned(t *testing.T) {
	c := open(t, 1<<20, 0)
	r1, lead, _ := c.Join(keyOf("/a"), dist, "/a", nil)
	r2, _, _ := c.Join(keyOf("/a"), dist, "/a", nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := r1.Head(ctx); !errors.Is(err, gone) {
		t.Errorf("Head = %v, want %v", err, gone)
	}
	r1.Close()
	if lead.Context().Err() != nil {
		t.Error("the fill ended while there was a reader")
	}
	r2.Close()
	if err := context.Cause(lead.Context()); !errors.Is(err, cache.ErrAbandoned) {
		t.Errorf("the fill's context ended by %v, want %v", err, cache.ErrAbandoned)
	}
	r3, next, _ := c.Join(keyOf("/a"), dist, "/a", nil)
	if next == nil {
		t.Error("somebody joined an abandoned fill")
	}
	lead.Fail(cache.ErrAbandoned)
	r4, other, _ := c.Join(keyOf("/a"), dist, "/a", nil)
	if other != nil {
		t.Error("the end of the abandoned fill took the next one away")
	}
	next.Fail(io.EOF)
	r3.Close()
	r4.Close()
}

// readerFrom stands for a network connection.
type readerFrom struct {
	io.Writer
	files int
	bytes int64
}

func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	if l, ok := src.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			r.files++
		}
	}
	n, err := io.Copy(r.Writer, src)
	r.bytes += n
	return n, err
}

// Files reach a connection's ReadFrom as what sendfile wants: an *os.File in an
// *io.LimitedReader.
func TestSendfile(t *testing.T) {
	c := open(t, 1<<20, 64<<20)
	const size = 5 << 20
	put(t, c, "/a", size)
	content, err := c.Get(keyOf("/a")).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var b bytes.Buffer
	w := &readerFrom{Writer: &b}
	if err := content.CopyRange(context.Background(), w, 1000, size-2000); err != nil {
		t.Fatal(err)
	}
	if b.String() != text("/a", size)[1000:size-1000] {
		t.Error("other bytes came out")
	}
	if w.files != 5 || w.bytes != size-2000 {
		t.Errorf("%d calls of ReadFrom with files, %d bytes", w.files, w.bytes)
	}
}

// New leaves nothing of an earlier cache, and nothing else in the folder alone.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"1.body", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cache.New(cache.Config{MemoryBytes: 1 << 20, DiskBytes: 1 << 20, Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "/a", 400<<10)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 || entries[1].Name() != "kept" || entries[2].Name() != "notes.txt" {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	for _, cfg := range []cache.Config{
		{MemoryBytes: 1},
		{MemoryBytes: 1 << 20, Dir: dir, DiskBytes: 1},
		{MemoryBytes: 1 << 20, Dir: filepath.Join(dir, "notes.txt"), DiskBytes: 1 << 20},
	} {
		if _, err := cache.New(cfg); err == nil {
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}

// Readers, fills and invalidations at once. Run with -race.
func TestTogether(t *testing.T) {
	c := open(t, 1<<20, 4<<20)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := i; ctx.Err() == nil; n += 3 {
				url := fmt.Sprintf("/%d", n%40)
				size := n % 7 * 40 << 10
				e := c.Get(keyOf(url))
				r, lead, kept := c.Join(keyOf(url), dist, url, e)
				if kept != nil {
					continue
				}
				if lead != nil {
					go func() {
						lead.Start(cache.Answer{Meta: meta(url), Length: -1, Keep: n%5 > 0, Shared: n%5 > 0})
						if err := lead.ReadBody(strings.NewReader(text(url, size))); err != nil {
							lead.Fail(err)
						} else {
							lead.Finish()
						}
					}()
				}
				if n%3 > 0 {
					if got, err := follow(r); err == nil && got != text(url, len(got)) {
						t.Errorf("%s: other bytes", url)
					}
				}
				r.Close()
			}
		})
	}
	for i := range 300 {
		c.Invalidate(dist, []string{fmt.Sprintf("/%d*", i%10)})
	}
	cancel()
	group.Wait()
}

func BenchmarkGet(b *testing.B) {
	c := open(b, 16<<20, 0)
	put(b, c, "/a", 1<<10)
	key := keyOf("/a")
	b.ReportAllocs()
	for b.Loop() {
		if c.Get(key) == nil {
			b.Fatal("it is gone")
		}
	}
}

// BenchmarkInvalidate is one prefix among 10,000 answers.
func BenchmarkInvalidate(b *testing.B) {
	c := open(b, 64<<20, 0)
	for i := range 10_000 {
		put(b, c, fmt.Sprintf("/%d", i), 100)
	}
	for b.Loop() {
		c.Invalidate(dist, []string{"/nothing*"})
	}
}
