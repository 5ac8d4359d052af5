package keyring_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// No ciphertext that we did not make opens, and none breaks anything.
func FuzzDecrypt(f *testing.F) {
	w := newWorld(f)
	r := w.open()
	key := create(f, r, keyring.Symmetric, "")
	blob := must[keyring.Encrypted](f)(r.Encrypt(f.Context(), root(), keyring.Use{Key: key.ARN}, []byte("x"))).Blob
	f.Add(blob[:len(blob)-1])
	f.Add(append([]byte(nil), blob[1:]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if string(b) == string(blob) {
			return
		}
		for _, use := range []keyring.Use{{}, {Key: key.ARN}} {
			out, err := r.Decrypt(t.Context(), root(), use, b)
			var refused *refusal.Error
			if !errors.As(err, &refused) && !errors.Is(err, access.ErrDenied) || out.Plaintext != nil {
				t.Errorf("Decrypt(%x) with %+v = %v, %v", b, use, out, err)
			}
		}
	})
}

// Whatever a caller names, it is a key of ours or refused.
func FuzzKeyNames(f *testing.F) {
	w := newWorld(f)
	r := w.open()
	key := create(f, r, keyring.Symmetric, "")
	if err := r.CreateAlias(f.Context(), root(), "alias/a", key.ARN); err != nil {
		f.Fatal(err)
	}
	names := []string{string(key.ID), key.ARN, "alias/a", "arn:aws:kms:eu-west-1:111122223333:alias/a"}
	for _, name := range append(names, "arn:aws:kms:eu-west-1:444455556666:key/"+unknownID, "arn:::::", "mrk-", "alias/") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		m, err := r.Describe(t.Context(), root(), keyring.Use{Key: ref})
		if err == nil {
			if slices.Contains(names, ref) {
				return
			}
			if m.Manager != keyring.Service {
				t.Errorf("%q names %s", ref, m.ARN)
			}
			return
		}
		var refused *refusal.Error
		if !errors.As(err, &refused) && !errors.Is(err, access.ErrDenied) {
			t.Errorf("Describe(%q) = %v", ref, err)
		}
		if err := r.CreateAlias(t.Context(), root(), ref, key.ARN); err == nil {
			err = r.DeleteAlias(t.Context(), root(), ref)
			if err != nil {
				t.Errorf("alias %q can be made and not removed: %v", ref, err)
			}
		}
	})
}

// Records of the journal are read as they were written, and anything else is
// refused.
func FuzzChangeRecord(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte("\x01\x00\x3cx"))
	f.Add([]byte("\x01\x00\x3b111122223333/eu-west-1/00000000-1111-2222-3333-444444444444"))
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := keyring.ReencodeChange(b)
		if err == nil && string(again) != string(b) {
			t.Errorf("%x is read as %x", b, again)
		}
	})
}
