package sealed_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

const (
	someUUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
	someMRK  = "mrk-1234abcd12ab34cd56ef1234567890ab"
)

func mustBlobKey(t testing.TB, material sealed.Secret, keyID string, materialID byte) *sealed.BlobKey {
	t.Helper()
	k, err := sealed.NewBlobKey(material, sealed.BlobHeader{KeyID: keyID, MaterialID: [32]byte{materialID}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustSeal(t testing.TB, k *sealed.BlobKey, context map[string]string, plaintext []byte) []byte {
	t.Helper()
	blob, err := k.Seal(context, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestBlobRoundTrip(t *testing.T) {
	material := sealed.RandomSecret(sealed.KeyBytes)
	keys := map[string]*sealed.BlobKey{
		someUUID: mustBlobKey(t, material, someUUID, 7),
		someMRK:  mustBlobKey(t, material, someMRK, 7),
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom([]string{someUUID, someMRK}).Draw(t, "id")
		context := rapid.MapOfN(rapid.String(), rapid.String(), 0, 12).Draw(t, "context")
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 4096).Draw(t, "plaintext")
		k := keys[id]
		blob, err := k.Seal(context, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(blob) != len(plaintext)+sealed.BlobOverheadBytes {
			t.Fatalf("len(Seal(%d bytes)) = %d", len(plaintext), len(blob))
		}
		want := sealed.BlobHeader{KeyID: id, MaterialID: [32]byte{7}}
		if h, err := sealed.ParseBlob(blob); err != nil || h != want {
			t.Fatalf("ParseBlob = %v, %v, want %v", h, err, want)
		}
		got, err := k.Open(maps.Clone(context), blob)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("Open = %v", err)
		}
		other := maps.Clone(context)
		if other == nil {
			other = map[string]string{}
		}
		other["one more"] = ""
		if _, err := k.Open(other, blob); !errors.Is(err, sealed.ErrCorrupt) {
			t.Fatalf("Open with one more pair = %v, want ErrCorrupt", err)
		}
	})
}

func TestBlobBindsEverything(t *testing.T) {
	material := sealed.RandomSecret(sealed.KeyBytes)
	k := mustBlobKey(t, material, someUUID, 1)
	context := map[string]string{"a": "bc", "d": ""}
	blob := mustSeal(t, k, context, []byte("plain"))

	for i := range blob {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(blob)
			bad[i] ^= bit
			if _, err := k.Open(context, bad); !errors.Is(err, sealed.ErrCorrupt) {
				t.Errorf("Open with byte %d flipped = %v, want ErrCorrupt", i, err)
			}
		}
		if _, err := k.Open(context, blob[:i]); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("Open of %d bytes = %v, want ErrCorrupt", i, err)
		}
	}
	if _, err := k.Open(context, append(bytes.Clone(blob), 0)); !errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("Open of a longer blob = %v, want ErrCorrupt", err)
	}
	for _, wrong := range []map[string]string{
		nil, {}, {"a": "bc"}, {"d": ""}, {"a": "b", "cd": ""}, {"ab": "c", "d": ""}, {"a": "bc", "D": ""}, {"a": "", "d": "bc"}, {"bc": "a", "": "d"},
	} {
		if _, err := k.Open(wrong, blob); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("Open with context %v = %v, want ErrCorrupt", wrong, err)
		}
	}

	// The header is authenticated itself, not only compared: the same material
	// under other names does not open a blob whose names were rewritten.
	for name, other := range map[string]*sealed.BlobKey{
		"key id":      mustBlobKey(t, material, "00000000-12ab-34cd-56ef-1234567890ab", 1),
		"kind of id":  mustBlobKey(t, material, someMRK, 1),
		"material id": mustBlobKey(t, material, someUUID, 2),
		"material":    mustBlobKey(t, sealed.RandomSecret(sealed.KeyBytes), someUUID, 1),
	} {
		names := mustSeal(t, other, context, []byte("plain"))[:50]
		rewritten := append(bytes.Clone(names), blob[50:]...)
		for _, b := range [][]byte{blob, rewritten} {
			if _, err := other.Open(context, b); !errors.Is(err, sealed.ErrCorrupt) {
				t.Errorf("other %s: Open = %v, want ErrCorrupt", name, err)
			}
		}
	}
}

func TestBlobEmptyContextIsNone(t *testing.T) {
	k := mustBlobKey(t, sealed.RandomSecret(sealed.KeyBytes), someUUID, 1)
	if _, err := k.Open(map[string]string{}, mustSeal(t, k, nil, nil)); err != nil {
		t.Errorf("Open with the empty context of a blob without = %v", err)
	}
}

func TestBlobLimits(t *testing.T) {
	k := mustBlobKey(t, sealed.RandomSecret(sealed.KeyBytes), someUUID, 1)
	if blob := mustSeal(t, k, nil, make([]byte, 4096)); len(blob) >= 6144 {
		t.Errorf("a blob of 4096 bytes has %d, want less than 6144", len(blob))
	}
	longest := make([]byte, sealed.MaxBlobPlaintextBytes)
	if _, err := k.Open(nil, mustSeal(t, k, nil, longest)); err != nil {
		t.Errorf("Open of the longest plaintext = %v", err)
	}
	if _, err := k.Seal(nil, append(longest, 0)); err == nil {
		t.Error("Seal took a plaintext above the bound")
	}

	for _, tt := range []struct {
		context map[string]string
		ok      bool
	}{
		{map[string]string{"": strings.Repeat("v", 8188)}, true},
		{map[string]string{"": strings.Repeat("v", 8189)}, false},
		{map[string]string{strings.Repeat("k", 4000): "", "b": strings.Repeat("v", 4183)}, true},
		{map[string]string{strings.Repeat("k", 4000): "", "b": strings.Repeat("v", 4184)}, false},
		{map[string]string{"a": strings.Repeat("v", 1<<20)}, false},
		{map[string]string{strings.Repeat("k", 65536+4): ""}, false},
	} {
		blob, err := k.Seal(tt.context, nil)
		if tt.ok {
			if err == nil {
				_, err = k.Open(tt.context, blob)
			}
			if err != nil || sealed.CheckContext(tt.context) != nil {
				t.Errorf("a context of %d pairs at the bound = %v", len(tt.context), err)
			}
			continue
		}
		_, openErr := k.Open(tt.context, mustSeal(t, k, nil, nil))
		for _, err := range []error{err, openErr, sealed.CheckContext(tt.context)} {
			if !errors.Is(err, sealed.ErrContextTooLong) {
				t.Errorf("a context above the bound = %v, want ErrContextTooLong", err)
			}
		}
	}
}

func TestNewBlobKeyRefuses(t *testing.T) {
	good := sealed.RandomSecret(sealed.KeyBytes)
	for _, id := range []string{
		"", "mrk-", "x", someMRK[4:], "mrk-" + someUUID, someMRK + "0", strings.ToUpper(someUUID), strings.ToUpper(someMRK),
		"1234abcd12ab-34cd-56ef-1234567890ab-", "1234abcd-12ab-34cd-56ef-1234567890ag", "1234abcd-12ab-34cd-56e-f1234567890ab",
		"alias/a-b-c-d-e", "mrk-1234abcd12ab34cd56ef1234567890aé",
	} {
		if _, err := sealed.NewBlobKey(good, sealed.BlobHeader{KeyID: id}); err == nil {
			t.Errorf("NewBlobKey(%q): no error", id)
		}
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := sealed.NewBlobKey(sealed.RandomSecret(n), sealed.BlobHeader{KeyID: someUUID}); err == nil {
			t.Errorf("NewBlobKey with %d bytes of material: no error", n)
		}
	}
}

func TestBlobKeyOwnsItsMaterial(t *testing.T) {
	material := sealed.RandomSecret(sealed.KeyBytes)
	same := sealed.NewSecret(material.Reveal())
	k := mustBlobKey(t, material, someUUID, 1)
	material.Wipe()
	blob := mustSeal(t, k, nil, []byte("x"))
	if _, err := mustBlobKey(t, same, someUUID, 1).Open(nil, blob); err != nil {
		t.Errorf("Open of what was sealed after Wipe = %v", err)
	}
}

func FuzzParseBlob(f *testing.F) {
	material := sealed.NewSecret(bytes.Repeat([]byte{1}, sealed.KeyBytes))
	for _, id := range []string{someUUID, someMRK} {
		k, err := sealed.NewBlobKey(material, sealed.BlobHeader{KeyID: id})
		if err != nil {
			f.Fatal(err)
		}
		blob, err := k.Seal(nil, []byte("x"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(blob)
		f.Add(blob[:60])
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		h, err := sealed.ParseBlob(blob)
		if err != nil {
			if !errors.Is(err, sealed.ErrCorrupt) {
				t.Fatalf("ParseBlob = %v, want ErrCorrupt", err)
			}
			return
		}
		// What parses names a key, and that key's blobs have the same header.
		k, err := sealed.NewBlobKey(material, h)
		if err != nil {
			t.Fatalf("NewBlobKey(%v) = %v", h, err)
		}
		again, err := k.Seal(nil, nil)
		if err != nil || !bytes.Equal(again[:50], blob[:50]) {
			t.Fatalf("header of %v is not canonical", h)
		}
		k.Open(nil, blob)
	})
}

func BenchmarkBlob(b *testing.B) {
	k := mustBlobKey(b, sealed.RandomSecret(sealed.KeyBytes), someUUID, 1)
	context := map[string]string{"tenant": "a", "purpose": "invoice", "aws:s3:arn": "arn:aws:s3:::bucket/key"}
	for _, size := range []int{32, 1024, 4096} {
		plaintext := make([]byte, size)
		blob := mustSeal(b, k, context, plaintext)
		b.Run(fmt.Sprintf("seal/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Seal(context, plaintext); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("open/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Open(context, blob); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("bare-gcm-with-new-key/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var key [32]byte
			var nonce [12]byte
			for b.Loop() {
				block, _ := aes.NewCipher(key[:])
				aead, _ := cipher.NewGCM(block)
				aead.Seal(make([]byte, 0, size+16), nonce[:], plaintext, nil)
			}
		})
	}
	b.Run("parse", func(b *testing.B) {
		blob := mustSeal(b, k, nil, nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sealed.ParseBlob(blob); err != nil {
				b.Fatal(err)
			}
		}
	})
}
