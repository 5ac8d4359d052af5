package keyring_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// Keys that are made one after the other are neighbours, their ids still look like
// the random ones that clients expect, and eight digits tell them apart: step, made
// to create a key twice under one name, ends each alias in those.
func TestKeyIDs(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	var moments []uint32
	for i := range 8 {
		in := keyring.CreateInput{MultiRegion: i%2 == 1}
		m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), in))
		pattern := `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`
		if in.MultiRegion {
			pattern = `^mrk-[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`
		} else {
			moment := must[uint64](t)(strconv.ParseUint(string(m.ID[:8]), 16, 32))
			moments = append(moments, uint32(moment))
		}
		if !regexp.MustCompile(pattern).MatchString(string(m.ID)) {
			t.Errorf("key id %q does not match %s", m.ID, pattern)
		}
		w.clock.Advance(time.Millisecond)
	}
	for i, moment := range moments[1:] {
		// They begin anew every 50 days.
		if int32(moment-moments[i]) <= 0 {
			t.Errorf("key ids in the order of their making begin with %#x", moments)
		}
	}
}
