package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

func TestInvalidate(t *testing.T) {
	byQuery := func(b *delivery.Behavior) {
		b.Key.Query.Mode, b.Forward.Query.Mode = delivery.SelectAll, delivery.SelectAll
	}
	byHeader := func(b *delivery.Behavior) {
		b.Key.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, "x-v")
		b.Forward.Headers = b.Key.Headers
	}
	targets := []string{"/", "/index.html", "/a", "/a/b", "/A", "/q/a", "/q/a?x=1", "/q/a?x=2", "/h/a#1", "/h/a#2", "/signed"}
	for _, tt := range []struct {
		paths string
		gone  string
	}{
		{"/a", "/a"},
		{"/", "/ /index.html"},
		{"/index.html", "/ /index.html"},
		{"/a*", "/a /a/b"},
		{"/a/*", "/a/b"},
		{"/*", strings.Join(targets, " ")},
		{"/q/a", "/q/a"},
		{"/q/a?x=1", "/q/a?x=1"},
		{"/q/a?x=3", ""},
		{"/q/a*", "/q/a /q/a?x=1 /q/a?x=2"},
		{"/q/a?*", "/q/a?x=1 /q/a?x=2"},
		{"/h/a", "/h/a#1 /h/a#2"},
		{"/signed", "/signed"},
		{"/a /A /h/*", "/a /A /h/a#1 /h/a#2"},
		{"/nothing", ""},
	} {
		var c counter
		// Small answers and large ones, which lie in files.
		o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, c.count(r), strings.Repeat("x", len(r.RequestURI)%2*200<<10))
			w.(http.Flusher).Flush()
		})
		d := distribution(o, first("/q/*", byQuery), first("/h/*", byHeader), first("/signed", restricted),
			func(d *delivery.Distribution) { d.DefaultRootObject = "index.html" })
		w := newWorld(t, newFeed(d), func(c *edge.Config) { c.CacheDir, c.CacheMemoryBytes = t.TempDir(), 1<<20 })
		send := func(target string) string {
			target, variant, _ := strings.Cut(target, "#")
			if target == "/signed" {
				target = w.sign(target, "")
			}
			return w.get(target, "X-V: "+variant).Header.Get("X-Cache")
		}
		for _, target := range targets {
			send(target)
		}
		w.feed.invalidate("E2", "/*")
		w.feed.invalidate("E1", strings.Fields(tt.paths)...)
		gone := " " + tt.gone + " "
		for _, target := range targets {
			want := "Hit from cloudfront"
			if strings.Contains(gone, " "+target+" ") && target != "/index.html" {
				want = "Miss from cloudfront"
			}
			if got := send(target); got != want {
				t.Errorf("after %s: %s is a %q, want %q", tt.paths, target, got, want)
			}
		}
	}
}

// However viewers spelled a path, what was kept for them goes with it.
func TestInvalidateSpellings(t *testing.T) {
	same := []string{"/a/film", "/a/%66ilm", "/%61/f%69lm", "//a/film", "/a//film", "/./a/film", "/b/../a/film", "/a/%2e/film"}
	others := []string{"/a%2Ffilm", "/a/film/", "/A/film", "/a/fil%256d"}
	for _, path := range append(slices.Clone(same), "/a/*", "/%61/f*", "//a/fi*") {
		o := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
		w := newWorld(t, newFeed(distribution(o)))
		for _, target := range append(slices.Clone(same), others...) {
			want(t, w.get(target), 200, "Miss", target)
			w.edge.Settle()
		}
		w.feed.invalidate("E1", path)
		for _, target := range same {
			want(t, w.get(target), 200, "Miss", target)
		}
		for _, target := range others {
			if !strings.HasSuffix(path, "*") {
				want(t, w.get(target), 200, "Hit", target)
			}
		}
	}
}

// What began before an invalidation is neither joined nor kept after it.
func TestInvalidateFill(t *testing.T) {
	var c counter
	came, release := make(chan struct{}, 10), make(chan struct{})
	w := newWorld(t, newFeed(distribution(originServer(t, func(w http.ResponseWriter, r *http.Request) {
		n := c.count(r)
		came <- struct{}{}
		<-release
		fmt.Fprint(w, n)
		w.(http.Flusher).Flush()
	}))))
	before, after := make(chan string), make(chan string)
	go func() { before <- body(t, w.get("/a")) }()
	<-came
	w.feed.invalidate("E1", "/a")
	go func() { after <- body(t, w.get("/a")) }()
	<-came
	close(release)
	if got := <-before; got != "1" {
		t.Errorf("the viewer from before got %q, want its own answer", got)
	}
	if got := <-after; got != "2" {
		t.Errorf("the viewer from after got %q, want 2", got)
	}
	want(t, w.get("/a"), 200, "Hit", "2")
}

// "Unchanged" is worth nothing about an answer that was invalidated meanwhile:
// it is asked for again, whole.
func TestInvalidateRevalidation(t *testing.T) {
	g := newGate()
	w := newWorld(t, newFeed(distribution(originServer(t, g.ServeHTTP))))
	done := make(chan string)
	go func() { done <- body(t, w.get("/a")) }()
	<-g.came
	g.answer <- func(w http.ResponseWriter) {
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=60")
		io.WriteString(w, "old")
		w.(http.Flusher).Flush()
	}
	<-done
	w.clock.Advance(time.Hour)
	go func() { done <- body(t, w.get("/a")) }()
	<-g.came
	w.feed.invalidate("E1", "/*")
	g.answer <- func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotModified) }
	<-g.came
	g.answer <- func(w http.ResponseWriter) { io.WriteString(w, "new") }
	if got := <-done; got != "new" {
		t.Errorf("got %q, want new", got)
	}
}

// Under load, no viewer that asks after an invalidation gets what was there
// before it. It is for -race as well.
func TestInvalidateRace(t *testing.T) {
	var content, promised atomic.Int64
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%08d%s", content.Load(), strings.Repeat("x", len(r.RequestURI)*40<<10))
	})
	w := newWorld(t, newFeed(distribution(o)), func(c *edge.Config) { c.CacheDir, c.CacheMemoryBytes = t.TempDir(), 1<<20 })
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				least := promised.Load()
				resp := w.get("/" + strings.Repeat("a", n%4))
				var got int64
				if _, err := fmt.Fscanf(resp.Body, "%d", &got); err != nil || got < least {
					t.Errorf("got version %d, %v; want %d or later", got, err, least)
					return
				}
			}
		})
	}
	for range 100 {
		n := content.Add(1)
		w.feed.invalidate("E1", "/*")
		promised.Store(n)
	}
	cancel()
	group.Wait()
}

// A deleted distribution leaves nothing in the cache.
func TestTidy(t *testing.T) {
	var c counter
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, c.count(r))
		w.(http.Flusher).Flush()
	})
	w := newWorld(t, newFeed(distribution(o)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		w.edge.Run(ctx)
		close(done)
	}()
	want(t, w.get("/a"), 200, "Miss", "1")
	w.feed.set(distribution(o))
	want(t, w.get("/a"), 200, "Hit", "1")
	w.feed.set()
	want(t, w.get("/a"), 403, "Error", "*")
	waitFor(t, func() bool {
		w.feed.set(distribution(o))
		missed := body(t, w.get("/a")) != "1"
		w.feed.set()
		return missed
	})
	cancel()
	<-done
}
