package trail_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// shorten removes the oldest files of the log as an archive does, all but the
// last n, and returns the number of the first record that is left.
func (w *world) shorten(n int) uint64 {
	w.t.Helper()
	for {
		files := w.files()
		if len(files) <= n {
			return files[0].First
		}
		if err := w.log.Remove(files[0]); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A trail that was stuck for so long that records are archived says so, and goes
// on with what is left.
func TestRecordsThatWereArchivedBeforeTheyWereDelivered(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{Validation: true})
	w.clock.Advance(time.Minute)
	w.deliver()
	w.shelf.fail = bucket.ErrNoBucket
	for range 30 {
		w.call("kms:Lost", "us-east-1")
	}
	w.deliver() // planned, and stuck
	if n, err := w.trails.Owed(t.Context()); err != nil || n == math.MaxUint64 || n == 0 {
		t.Errorf("Owed = %d, %v", n, err)
	}
	w.clock.Advance(40 * 24 * time.Hour)
	first := w.shorten(1)
	w.deliver()
	st, err := w.trails.GetTrailStatus(t.Context(), w.root(), "audit")
	if err != nil || !st.Logging || st.Delivery.Error == "" {
		t.Errorf("status %+v, %v, want an error", st, err)
	}
	if n, err := w.trails.Owed(t.Context()); err != nil || n < first {
		t.Errorf("Owed = %d, %v, want %d or more", n, err, first)
	}
	w.shelf.fail = nil
	w.call("kms:Found", "us-east-1")
	w.clock.Advance(time.Minute)
	w.deliver()
	if got := w.names(); !slices.Contains(got, "Found") || len(got) > 20 {
		t.Errorf("delivered %v, want what is left", got)
	}
	// The chain of digests has a gap that validators report.
	keys := w.shelf.keys("/CloudTrail-Digest/")
	if len(keys) < 2 || !strings.Contains(string(w.shelf.bodies[keys[len(keys)-1]]), `"previousDigestSignature":null`) {
		t.Errorf("the digests %v are one chain", keys)
	}
	w.shelf.fail = bucket.ErrNoBucket
	if err := w.trails.StopLogging(t.Context(), w.root(), "audit"); err != nil {
		t.Fatal(err)
	}
	w.shelf.fail = nil
	w.deliver()
	if n, err := w.trails.Owed(t.Context()); err != nil || n != math.MaxUint64 {
		t.Errorf("Owed by a stopped trail = %d, %v", n, err)
	}
}

// What happened while a trail was stopped is not delivered, whatever it still
// owed when it was started again.
func TestNothingOfAPauseIsDelivered(t *testing.T) {
	stop := func(w *world) {
		w.t.Helper()
		if err := w.trails.StopLogging(w.t.Context(), w.root(), "audit"); err != nil {
			w.t.Fatal(err)
		}
	}
	start := func(w *world) {
		w.t.Helper()
		if err := w.trails.StartLogging(w.t.Context(), w.root(), "audit"); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, between := range map[string]func(w *world){
		"delivered": func(w *world) { w.deliver() },
		// The log files are there, and the last digest waits for its second.
		"digest owed":    func(w *world) { w.shelf.failAfter = errors.New("crash"); w.deliver(); w.shelf.failAfter = nil },
		"all owed":       func(*world) {},
		"bucket missing": func(w *world) { w.shelf.fail = bucket.ErrNoBucket; w.deliver(); w.shelf.fail = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create(trail.Settings{Validation: true})
			var want []string
			for _, round := range []string{"One", "Two", "Three"} {
				w.call("kms:"+round, "us-east-1")
				want = append(want, round)
				w.clock.Advance(time.Minute)
				stop(w)
				between(w)
				w.call("kms:Between", "us-east-1")
				start(w)
			}
			w.call("kms:Last", "us-east-1")
			w.start()
			w.clock.Advance(time.Minute)
			w.deliver()
			w.clock.Advance(time.Minute)
			w.deliver()
			want = append(want, "Last")
			slices.Sort(want)
			if got := w.names(); !slices.Equal(got, want) {
				t.Errorf("delivered %v, want %v", got, want)
			}
			if name != "delivered" { // then each start begins another chain
				w.digests("us-east-1")
			}
		})
	}
}

func TestATrailThatCannotDeliverIsNotStartedForEver(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{})
	w.shelf.fail = bucket.ErrNoBucket
	var err error
	for n := 0; err == nil; n++ {
		if n > 200 {
			t.Fatal("no end")
		}
		w.call("kms:One", "us-east-1")
		if err := w.trails.StopLogging(t.Context(), w.root(), "audit"); err != nil {
			t.Fatal(err)
		}
		err = w.trails.StartLogging(t.Context(), w.root(), "audit")
	}
	if !errors.Is(err, trail.ErrLimit) {
		t.Errorf("StartLogging = %v, want ErrLimit", err)
	}
	w.shelf.fail = nil
	w.deliver()
	if err := w.trails.StartLogging(t.Context(), w.root(), "audit"); err != nil {
		t.Errorf("StartLogging once it has delivered: %v", err)
	}
}

// LookupEvents never looks complete when it is not.
func TestLookupOfArchivedEvents(t *testing.T) {
	w := newWorld(t)
	for range 30 {
		w.call("kms:Old", "us-east-1", "arn:aws:kms:us-east-1:111122223333:key/1")
	}
	removed := w.clock.Now()
	w.clock.Advance(24 * time.Hour)
	for range 30 {
		w.call("kms:New", "us-east-1", "arn:aws:kms:us-east-1:111122223333:key/1")
	}
	lookup := func(in trail.Lookup) (int, error) {
		page, err := w.trails.LookupEvents(t.Context(), w.root(), in)
		return len(page.Events), err
	}
	if n, err := lookup(trail.Lookup{Attribute: trail.ByEventName, Value: "Old"}); n != 30 || err != nil {
		t.Fatalf("%d events, %v, while all are there", n, err)
	}
	w.shorten(3)
	w.removed = removed
	tests := []struct {
		name string
		in   trail.Lookup
		want int
	}{
		{"to the beginning", trail.Lookup{Attribute: trail.ByEventName, Value: "Old"}, -1},
		{"from before", trail.Lookup{From: removed.Add(-time.Hour)}, -1},
		{"only before", trail.Lookup{To: removed.Add(time.Hour)}, -1},
		{"a page that is full", trail.Lookup{Attribute: trail.ByEventName, Value: "New", Max: 2}, 2},
		{"from behind", trail.Lookup{Attribute: trail.ByEventName, Value: "Old", From: removed.Add(time.Second)}, 0},
	}
	for _, tt := range tests {
		n, err := lookup(tt.in)
		if tt.want < 0 {
			if !errors.Is(err, trail.ErrTimeRange) {
				t.Errorf("%s: %d events, %v, want ErrTimeRange", tt.name, n, err)
			}
			continue
		}
		if n != tt.want || err != nil {
			t.Errorf("%s: %d events, %v, want %d", tt.name, n, err, tt.want)
		}
	}
	// After 90 days nobody asks for them.
	w.clock.Advance(90 * 24 * time.Hour)
	if _, err := lookup(trail.Lookup{}); err != nil {
		t.Errorf("after 90 days: %v", err)
	}
}
