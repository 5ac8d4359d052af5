package cache_test

import (
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// An answer with max-age=0 that was stored after a request had come is not fresh
// for that request.
func TestFresh(t *testing.T) {
	stored := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name         string
		life, hold   time.Duration
		before, then bool // a second before it was stored, and a second after
	}{
		{"for a minute", time.Minute, 0, true, true},
		{"for no time", 0, 0, false, false},
		{"gone since", time.Second, 0, true, false},
		{"held", 0, time.Minute, true, true},
	} {
		m := cache.Meta{Stored: stored, Expires: stored.Add(tt.life)}
		if tt.hold > 0 {
			m.HoldUntil = stored.Add(tt.hold)
		}
		if before, then := m.Fresh(stored.Add(-time.Second)), m.Fresh(stored.Add(time.Second)); before != tt.before || then != tt.then {
			t.Errorf("%s: fresh %v and %v, want %v and %v", tt.name, before, then, tt.before, tt.then)
		}
	}
}
