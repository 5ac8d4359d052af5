package edge_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// Only viewers that were let in are uses of a key, and a key that nobody trusts
// any more is forgotten.
func TestKeyUse(t *testing.T) {
	d := distribution(originServer(t, echo), func(d *delivery.Distribution) { restricted(d.Behaviors[0]) })
	f := newFeed(d)
	w := newWorld(t, f)
	if got := w.edge.KeyUse("K1"); got != (edge.KeyUse{}) {
		t.Errorf("KeyUse before any request = %v", got)
	}
	w.get("/a?Expires=2000000000&Signature=x&Key-Pair-Id=K1")
	w.get("/a")
	if got := w.edge.KeyUse("K1"); got != (edge.KeyUse{}) {
		t.Errorf("KeyUse after refused requests = %v", got)
	}
	signed := w.sign("/a", "")
	w.get(signed)
	first := w.edge.KeyUse("K1")
	w.clock.Advance(time.Minute)
	w.get(signed)
	got := w.edge.KeyUse("K1")
	if first.First.IsZero() || got.First != first.First || got.Last.Sub(first.Last) < 59*time.Second {
		t.Errorf("KeyUse = %v, then %v a minute later", first, got)
	}

	f.set(distribution(originServer(t, echo)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.edge.Run(ctx)
	if got := w.edge.KeyUse("K1"); got != (edge.KeyUse{}) {
		t.Errorf("KeyUse of a key that nobody trusts = %v", got)
	}
}
