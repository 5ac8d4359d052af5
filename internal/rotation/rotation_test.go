package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/rotation"
)

var errCrash = errors.New("crash")

// world is a key service, a control plane and an edge that remember, and can
// make whoever uses them die: at the n-th call, before or after its effect.
type world struct {
	t     *testing.T
	now   time.Time
	state rotation.State

	pairs   map[string]bool   // name -> alive
	publics map[string]string // id -> name
	group   map[string]bool   // ids
	served  map[string]bool   // ids
	seen    map[string]time.Time
	names   int

	calls, dieAt int
	afterEffect  bool
	refuse       error // of Admit
	deaf         bool  // the edge takes no news
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), pairs: map[string]bool{}, publics: map[string]string{},
		group: map[string]bool{}, served: map[string]bool{}, seen: map[string]time.Time{},
	}
}

// do runs an effect, unless it is time to die.
func (w *world) do(effect func()) error {
	w.calls++
	if w.calls == w.dieAt && !w.afterEffect {
		return errCrash
	}
	effect()
	if w.calls == w.dieAt {
		return errCrash
	}
	return nil
}

func (w *world) Load(context.Context) (rotation.State, error) { return w.state.Clone(), nil }

func (w *world) Change(_ context.Context, fn func(*rotation.State) error) error {
	next := w.state.Clone()
	if err := fn(&next); err != nil {
		return err
	}
	return w.do(func() {
		w.state = next
		signing := 0
		for _, k := range w.state.Keys {
			if k.Phase == rotation.Signing {
				signing++
				if !w.served[k.ID] {
					w.t.Errorf("%s signs and the edge does not serve with it", k.ID)
				}
			}
		}
		if signing > 1 {
			w.t.Errorf("%d keys sign", signing)
		}
	})
}

func (w *world) Make(_ context.Context, name string) (ref, public string, err error) {
	err = w.do(func() {
		if _, ok := w.pairs[name]; !ok {
			w.pairs[name] = true
		}
	})
	return "ref-" + name, "public-" + name, err
}

func (w *world) Destroy(_ context.Context, ref string) error {
	return w.do(func() { w.pairs[strings.TrimPrefix(ref, "ref-")] = false })
}

func (w *world) Publish(_ context.Context, name, public string) (id string, err error) {
	if public != "public-"+name {
		w.t.Errorf("Publish(%s, %s)", name, public)
	}
	id = "K-" + name
	return id, w.do(func() { w.publics[id] = name })
}

func (w *world) Admit(_ context.Context, id string) error {
	if w.refuse != nil {
		return w.refuse
	}
	return w.do(func() {
		w.group[id] = true
		w.served[id] = !w.deaf
	})
}

func (w *world) Serving(_ context.Context, id string) (bool, error) { return w.served[id], nil }

func (w *world) Seen(_ context.Context, id string) (first, last time.Time, err error) {
	return w.seen[id], w.seen[id], nil
}

func (w *world) Expel(_ context.Context, id string) error {
	for _, k := range w.state.Keys {
		if k.ID == id && !k.Released && w.now.Before(k.SignedUntil) {
			w.t.Errorf("%s leaves at %v, and what it signed is good until %v", id, w.now, k.SignedUntil)
		}
	}
	return w.do(func() { delete(w.group, id); delete(w.served, id) })
}

func (w *world) Forget(_ context.Context, id string) error {
	if w.group[id] {
		w.t.Errorf("%s is forgotten while it is in the group", id)
	}
	return w.do(func() { delete(w.publics, id) })
}

func (w *world) machine(r rotation.Rules) *rotation.Machine {
	return &rotation.Machine{
		Store: w, Service: w, Edge: w, Rules: r, Now: func() time.Time { return w.now },
		NewName: func() string { w.names++; return fmt.Sprint(w.names) },
	}
}

// run does what is due, whoever dies meanwhile.
func (w *world) run(r rotation.Rules) {
	w.t.Helper()
	for range 10 {
		err := w.machine(r).Run(w.t.Context())
		if err == nil {
			return
		}
		if !errors.Is(err, errCrash) {
			w.t.Fatalf("Run: %v", err)
		}
	}
	w.t.Fatal("Run never succeeds")
}

func (w *world) sign(validity time.Duration) *rotation.Key {
	k := w.state.Signer()
	if until := w.now.Add(validity); until.After(k.SignedUntil) {
		k.SignedUntil = until
	}
	return k
}

// alone wants one key signing and nothing else left anywhere.
func (w *world) alone(what string) {
	w.t.Helper()
	if len(w.state.Keys) != 1 || w.state.Keys[0].Phase != rotation.Signing {
		w.t.Fatalf("%s: keys %+v, want one that signs", what, w.state.Keys)
	}
	id := w.state.Keys[0].ID
	alive := 0
	for _, up := range w.pairs {
		if up {
			alive++
		}
	}
	if alive != 1 || len(w.publics) != 1 || w.publics[id] == "" || len(w.group) != 1 || !w.group[id] {
		w.t.Errorf("%s: pairs %v, publics %v, group %v, want those of %s only", what, w.pairs, w.publics, w.group, id)
	}
}

var rules = rotation.Rules{Period: 90 * 24 * time.Hour, Quiet: time.Hour}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	w.run(rules)
	w.alone("the first key")
	first := w.sign(24 * time.Hour).ID

	w.now = w.now.Add(rules.Period - time.Second)
	w.run(rules)
	w.alone("before the period is over")
	w.sign(24 * time.Hour)
	w.now = w.now.Add(time.Second)
	w.run(rules)
	if k := w.state.Signer(); len(w.state.Keys) != 2 || k.ID == first || w.state.Keys[0].Phase != rotation.Retired || !w.group[first] {
		t.Fatalf("after the period: %+v, group %v", w.state.Keys, w.group)
	}
	if got := w.state.Keys[0].Waits(w.now, rules); !strings.Contains(got, "what it signed to expire") {
		t.Errorf("the retired key waits for %q", got)
	}

	w.now = w.now.Add(24 * time.Hour)
	w.seen[first] = w.now
	w.now = w.now.Add(2 * time.Minute)
	w.run(rules)
	if got := w.state.Keys[0].Held(w.now, rules); len(w.state.Keys) != 2 {
		t.Errorf("a key left that is in traffic; Held = %v", got)
	}
	w.now = w.now.Add(time.Hour)
	w.run(rules)
	w.alone("after the last viewer")
}

func TestCrashAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			w.dieAt, w.afterEffect = at, after
			w.run(rules)
			w.now = w.now.Add(rules.Period)
			w.sign(24 * time.Hour)
			w.run(rules)
			if w.state.Signer() == nil || len(w.state.Keys) != 2 {
				t.Fatalf("died at call %d, after its effect %v: keys %+v", at, after, w.state.Keys)
			}
			w.now = w.now.Add(48 * time.Hour)
			w.run(rules)
			w.alone(fmt.Sprintf("died at call %d, after its effect %v", at, after))
			w.state.Ending = true
			w.now = w.now.Add(48 * time.Hour)
			w.run(rules)
			if len(w.state.Keys)+len(w.publics)+len(w.group) > 0 || slices.Contains(slices.Collect(maps.Values(w.pairs)), true) {
				t.Errorf("died at call %d: the end left keys %+v, publics %v, group %v, pairs %v", at, w.state.Keys, w.publics, w.group, w.pairs)
			}
			if w.calls < at {
				if at < 20 {
					t.Errorf("only %d calls were tried", at)
				}
				break
			}
		}
	}
}

// An end in the middle of a beginning leaves nothing, wherever it stands.
func TestEndOfABeginning(t *testing.T) {
	for at := 1; at <= 8; at++ {
		w := newWorld(t)
		w.dieAt = at
		_ = w.machine(rules).Run(t.Context())
		w.state.Ending = true
		w.now = w.now.Add(time.Hour)
		w.run(rules)
		if len(w.state.Keys)+len(w.publics)+len(w.group) > 0 || slices.Contains(slices.Collect(maps.Values(w.pairs)), true) {
			t.Errorf("ended at call %d: keys %+v, publics %v, group %v, pairs %v", at, w.state.Keys, w.publics, w.group, w.pairs)
		}
	}
}

func TestWaitsForTheEdge(t *testing.T) {
	w := newWorld(t)
	w.run(rules)
	old := w.sign(time.Hour).ID
	w.state.Wanted, w.deaf = true, true
	w.run(rules)
	if w.state.Signer().ID != old || len(w.state.Keys) != 2 || w.state.Keys[1].Phase != rotation.Waiting {
		t.Fatalf("keys %+v, want the old one signing and the new one waiting", w.state.Keys)
	}
	w.run(rules)
	if len(w.state.Keys) != 2 {
		t.Errorf("%d keys, want no further one while one waits", len(w.state.Keys))
	}
	w.served[w.state.Keys[1].ID] = true
	w.run(rules)
	if w.state.Signer().ID == old || w.state.Wanted {
		t.Errorf("the old key signs on: %+v", w.state)
	}
}

// A full key group stops the new key, and neither the old one nor the removal of others.
func TestOneFailureStopsNoOther(t *testing.T) {
	w := newWorld(t)
	w.run(rules)
	retired := w.sign(time.Minute).ID
	w.state.Wanted = true
	w.run(rules)
	w.state.Wanted, w.refuse = true, errors.New("the group is full")
	w.now = w.now.Add(time.Hour)
	err := w.machine(rules).Run(t.Context())
	for range 5 {
		err = w.machine(rules).Run(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "admitting: the group is full") {
		t.Errorf("Run = %v, want the full group", err)
	}
	if w.state.Signer() == nil || w.group[retired] || w.publics[retired] != "" {
		t.Errorf("keys %+v, group %v: the retired key stayed", w.state.Keys, w.group)
	}
	w.refuse = nil
	w.run(rules)
	if w.state.Wanted {
		t.Errorf("no new key came: %+v", w.state.Keys)
	}
}

func TestReleasedKeysLeaveAtOnce(t *testing.T) {
	w := newWorld(t)
	w.run(rules)
	old := w.sign(24 * time.Hour).ID
	w.seen[old] = w.now
	w.state.Wanted = true
	w.run(rules)
	w.state.Find(old).Released = true
	w.run(rules)
	w.alone("a released key")
}

// Keys that others sign with are kept for the longest validity.
func TestForeignSigners(t *testing.T) {
	r := rotation.Rules{Period: time.Hour, Validity: 24 * time.Hour}
	w := newWorld(t)
	w.run(r)
	w.now = w.now.Add(time.Hour)
	w.run(r)
	if want := w.now.Add(24 * time.Hour); !w.state.Keys[0].SignedUntil.Equal(want) {
		t.Errorf("SignedUntil = %v, want %v", w.state.Keys[0].SignedUntil, want)
	}
}
