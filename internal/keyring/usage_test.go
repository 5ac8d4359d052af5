package keyring_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

func TestLastUsage(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m, second := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
	last := func(r *keyring.Ring, key string) keyring.LastUsage {
		t.Helper()
		return must[keyring.LastUsage](t)(r.LastUsage(t.Context(), root(), key))
	}
	if got := last(r, m.ARN); got != (keyring.LastUsage{KeyARN: m.ARN, Created: m.Created}) {
		t.Errorf("never used: %+v", got)
	}
	who := root()
	who.RequestID = "the request"
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), who, keyring.Use{Key: m.ARN}, []byte("x"))).Blob
	got := last(r, m.ARN)
	if got.Operation != "Encrypt" || got.RequestID != "the request" || got.At.IsZero() {
		t.Errorf("after Encrypt: %+v", got)
	}
	// What fails, or only looks, is no use.
	for _, use := range []keyring.Use{{Context: map[string]string{"a": "b"}}, {DryRun: true}} {
		if _, err := r.Decrypt(t.Context(), root(), use, blob); err == nil {
			t.Error("Decrypt succeeded")
		}
	}
	must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: m.ARN}))
	if again := last(r, m.ARN); again != got {
		t.Errorf("after no use: %+v, want %+v", again, got)
	}
	must[keyring.ReEncrypted](t)(r.ReEncrypt(t.Context(), root(), keyring.Use{}, keyring.Use{Key: second.ARN}, blob))
	for _, key := range []string{m.ARN, second.ARN} {
		if got := last(r, key); got.Operation != "ReEncrypt" {
			t.Errorf("after ReEncrypt: %+v", got)
		}
	}
	if err := keyring.WriteUsage(r, t.Context()); err != nil {
		t.Fatal(err)
	}
	other := w.open()
	if here, there := last(r, m.ARN), last(other, m.ARN); here != there {
		t.Errorf("another node says %+v, want %+v", there, here)
	}
	if _, err := r.LastUsage(t.Context(), w.user(account, "eve", ""), m.ARN); !errors.Is(err, access.ErrDenied) {
		t.Errorf("LastUsage of a stranger = %v", err)
	}
	// A use that is written late does not bring back a key that is gone.
	must[keyring.Encrypted](t)(r.Encrypt(t.Context(), who, keyring.Use{Key: m.ARN}, []byte("x")))
	must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
	w.clock.Advance(8 * day)
	if err := errors.Join(keyring.DoDue(r, t.Context()), keyring.WriteUsage(r, t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := mentions(t, w.records, m.ID); n != 0 {
		t.Errorf("%d records are left", n)
	}
}
