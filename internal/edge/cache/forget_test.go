package cache_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// Of a distribution that is no more nothing is remembered, not even what was
// invalidated of it.
func TestForget(t *testing.T) {
	c := open(t, 4<<20, 0)
	known := func() string {
		var ids []string
		for id := range c.Distributions {
			ids = append(ids, string(id))
		}
		slices.Sort(ids)
		return fmt.Sprint(ids)
	}
	put(t, c, "/a", little)
	for _, id := range []delivery.DistributionID{dist, "E2", "E3"} {
		c.Invalidate(id, []string{"/b"})
	}
	if got := known(); got != "[E1 E2 E3]" {
		t.Errorf("the cache knows of %s", got)
	}
	c.Forget("E2")
	if _, ok := read(t, c, "/a"); !ok || known() != "[E1 E3]" {
		t.Errorf("after E2 went the cache knows of %s", known())
	}
	c.Forget(dist)
	if _, ok := read(t, c, "/a"); ok || known() != "[E3]" {
		t.Errorf("after E1 went the cache knows of %s", known())
	}
}
