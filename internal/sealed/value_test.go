package sealed_test

import (
	"bytes"
	"testing"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

func TestValue(t *testing.T) {
	key, other := sealed.RandomSecret(sealed.KeyBytes), sealed.RandomSecret(sealed.KeyBytes)
	bind := sealed.Bind("value", "a")
	for _, size := range []int{0, 1, 100, sealed.ChunkBytes, sealed.ChunkBytes + 1} {
		plaintext := bytes.Repeat([]byte{7}, size)
		box, err := sealed.SealValue(key, bind, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sealed.OpenValue(key, bind, box); err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes: opened %d, %v", size, len(got), err)
		}
		if _, err := sealed.OpenValue(other, bind, box); err == nil {
			t.Errorf("%d bytes open under another key", size)
		}
		if _, err := sealed.OpenValue(key, sealed.Bind("value", "b"), box); err == nil {
			t.Errorf("%d bytes open under another binding", size)
		}
		box[len(box)-1] ^= 1
		if _, err := sealed.OpenValue(key, bind, box); err == nil {
			t.Errorf("%d bytes open after a change", size)
		}
	}
}
