package edge_test

import (
	"net/http"
	"testing"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// late is a feed that hands out an invalidation that came while nobody listened.
type late struct {
	*feed
	missed delivery.Invalidation
	after  uint64
}

func (l *late) Subscribe(after uint64, apply func(delivery.Invalidation)) func() {
	l.after = after
	if l.missed.Seq > after {
		apply(l.missed)
	}
	return l.feed.Subscribe(after, apply)
}

// What is kept outlives a restart, but for what was invalidated meanwhile; and
// its signature is asked for as before.
func TestRestart(t *testing.T) {
	o := originServer(t, echo)
	dir := t.TempDir()
	f := &late{feed: newFeed(distribution(o, first("/private/*", restricted)))}
	c := clock.Movable()
	var w *world
	open := func() {
		e, err := edge.New(edge.Config{Feed: f, Clock: c, CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		w = &world{t: t, feed: f.feed, clock: c, edge: e, log: new(lockedBuffer)}
	}
	shut := func() {
		w.edge.Settle()
		if err := w.edge.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	signed := w.sign("/private/a", "")
	for _, target := range []string{"/a", "/b", signed} {
		if resp := w.get(target); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d", target, resp.StatusCode)
		}
	}
	f.invalidate("E1", "/nothing")
	shut()

	f.missed = delivery.Invalidation{Distribution: "E1", Seq: 2, Paths: []string{"/b"}}
	open()
	if f.after != 1 {
		t.Errorf("the edge resumes after %d, want 1", f.after)
	}
	want(t, w.get("/a"), 200, "Hit", "/a")
	want(t, w.get("/b"), 200, "Miss", "/b")
	want(t, w.get(signed), 200, "Hit", "/private/a")
	want(t, w.get("/private/a"), 403, "Error", deniedMissing)
	shut()

	// Without its key, the signature of what is kept is good no more.
	f.set(distribution(o, first("/private/*", func(b *delivery.Behavior) { b.Restricted = true })))
	open()
	if f.after != 2 {
		t.Errorf("the edge resumes after %d, want 2", f.after)
	}
	if resp := w.get(signed); resp.StatusCode != http.StatusForbidden {
		t.Errorf("key removed while down: got %d", resp.StatusCode)
	}
	shut()

	// What its distribution left behind goes with it.
	f.set()
	open()
	w.edge.Tidy()
	f.set(distribution(o))
	want(t, w.get("/a"), 200, "Miss", "/a")
	shut()
}
