package keyring_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// The order of ids is that of a set that is sorted anew each time.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o keyring.Order
		model := map[keyring.KeyID]bool{}
		id := rapid.Custom(func(t *rapid.T) keyring.KeyID {
			return keyring.KeyID(fmt.Sprintf("%03d", rapid.IntRange(0, 400).Draw(t, "id")))
		})
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			k := id.Draw(t, "key")
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				o.Remove(k)
				delete(model, k)
			} else {
				o.Add(k)
				model[k] = true
			}
		}
		last := id.Draw(t, "last")
		want := slices.Sorted(maps.Keys(model))
		want = slices.DeleteFunc(want, func(k keyring.KeyID) bool { return k <= last })
		if got := o.After(last); !slices.Equal(got, want) {
			t.Fatalf("after %s: %v, want %v", last, got, want)
		}
	})
}
