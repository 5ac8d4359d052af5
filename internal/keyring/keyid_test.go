package keyring_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// Keys that are made one after the other are neighbours, and their ids still look
// like the random ones that clients expect.
func TestKeyIDs(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	var ids []string
	for i := range 8 {
		in := keyring.CreateInput{MultiRegion: i%2 == 1}
		m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), in))
		pattern := `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`
		if in.MultiRegion {
			pattern = `^mrk-[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`
		} else {
			ids = append(ids, string(m.ID))
		}
		if !regexp.MustCompile(pattern).MatchString(string(m.ID)) {
			t.Errorf("key id %q does not match %s", m.ID, pattern)
		}
		w.clock.Advance(time.Millisecond)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("key ids in the order of their making: %q", ids)
	}
}
