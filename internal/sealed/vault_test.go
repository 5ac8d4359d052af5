package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

func mustOpen(t testing.TB, r store.Records, roots ...sealed.Secret) *sealed.Vault {
	t.Helper()
	v, err := sealed.Open(t.Context(), r, roots...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustDomain(t testing.TB, v *sealed.Vault, name string) *sealed.Domain {
	t.Helper()
	d, err := v.Domain(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVaultReopens(t *testing.T) {
	r, root := newRecords(), sealed.RandomSecret(sealed.KeyBytes)
	if got, err := sealed.Initialized(t.Context(), r); got || err != nil {
		t.Fatalf("Initialized(empty) = %v, %v", got, err)
	}
	secret := sealed.NewSecret([]byte("material"))
	v := mustOpen(t, r, root)
	blob := mustDomain(t, v, "kms").Wrap("material", "k1", secret)
	if len(blob) != secret.Len()+sealed.WrapOverheadBytes {
		t.Errorf("len(Wrap) = %d, want %d more than the secret", len(blob), sealed.WrapOverheadBytes)
	}
	if got, err := sealed.Initialized(t.Context(), r); !got || err != nil {
		t.Errorf("Initialized = %v, %v, want true", got, err)
	}

	again := mustOpen(t, r, root)
	got, err := mustDomain(t, again, "kms").Unwrap("material", "k1", blob)
	if err != nil || !got.Equal(secret) {
		t.Errorf("Unwrap after reopening = %q, %v", got.Reveal(), err)
	}
	if want, _ := sealed.IDOfRoot(root); again.RootID() != want || len(want) != 32 {
		t.Errorf("RootID = %q, want %q", again.RootID(), want)
	}
	// The root key is not needed in the store: nothing there shows it.
	for k, v := range r.kept {
		if bytes.Contains(v, root.Reveal()) {
			t.Errorf("record %q holds the root key", k.key)
		}
	}
}

func TestVaultRefusesAnotherRootKey(t *testing.T) {
	r := newRecords()
	right, wrong := sealed.RandomSecret(sealed.KeyBytes), sealed.RandomSecret(sealed.KeyBytes)
	v := mustOpen(t, r, right)
	mustDomain(t, v, "kms")
	before := maps.Clone(r.kept)

	_, err := sealed.Open(t.Context(), r, wrong)
	if !errors.Is(err, sealed.ErrWrongRootKey) || !strings.Contains(err.Error(), string(v.RootID())) {
		t.Errorf("Open(wrong) = %v, want ErrWrongRootKey naming %s", err, v.RootID())
	}
	if !maps.EqualFunc(before, r.kept, bytes.Equal) {
		t.Error("Open(wrong) wrote to the store")
	}
	if got := mustOpen(t, r, wrong, right).RootID(); got != v.RootID() {
		t.Errorf("Open(wrong, right) took %s, want %s", got, v.RootID())
	}
	for _, roots := range [][]sealed.Secret{{}, {sealed.Secret{}}, {sealed.RandomSecret(31)}, {right, sealed.RandomSecret(33)}} {
		if _, err := sealed.Open(t.Context(), r, roots...); err == nil {
			t.Errorf("Open with root keys of %d lengths: no error", len(roots))
		}
	}
}

func TestVaultRefusesDamagedRecords(t *testing.T) {
	root := sealed.RandomSecret(sealed.KeyBytes)
	for _, tt := range []struct {
		name   string
		damage func(*records)
	}{
		{"root id cut", func(r *records) { r.kept[recordKey{"seal.domain", "root"}] = []byte{1, 2} }},
		{"root id of another version", func(r *records) { r.kept[recordKey{"seal.domain", "root"}][0] = 2 }},
		{"root id gone, keys there", func(r *records) { delete(r.kept, recordKey{"seal.domain", "root"}) }},
		{"key changed", func(r *records) { r.kept[recordKey{"seal.domain", "key/kms/00000001"}][40] ^= 1 }},
		{"key of another domain", func(r *records) {
			r.kept[recordKey{"seal.domain", "key/kms/00000001"}] = r.kept[recordKey{"seal.domain", "key/s3/00000001"}]
		}},
		{"key of another version", func(r *records) {
			r.kept[recordKey{"seal.domain", "key/kms/00000002"}] = r.kept[recordKey{"seal.domain", "key/kms/00000001"}]
		}},
		{"version that is no number", func(r *records) {
			r.kept[recordKey{"seal.domain", "key/kms/x"}] = r.kept[recordKey{"seal.domain", "key/kms/00000001"}]
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRecords()
			v := mustOpen(t, r, root)
			mustDomain(t, v, "kms")
			mustDomain(t, v, "s3")
			tt.damage(r)
			v, err := sealed.Open(t.Context(), r, root)
			if err == nil {
				_, err = v.Domain(t.Context(), "kms")
			}
			if err == nil || errors.Is(err, sealed.ErrWrongRootKey) {
				t.Errorf("opened with error %v, want one about damage", err)
			}
		})
	}
}

func TestDomainNames(t *testing.T) {
	v := mustOpen(t, newRecords(), sealed.RandomSecret(sealed.KeyBytes))
	for _, name := range []string{"", "KMS", "a/b", "a b", "ä", strings.Repeat("a", 33)} {
		if _, err := v.Domain(t.Context(), name); err == nil {
			t.Errorf("Domain(%q): no error", name)
		}
	}
	first, second := mustDomain(t, v, "kms"), mustDomain(t, v, "kms")
	if first != second {
		t.Error("Domain makes a second one of the same name")
	}
}

func TestUnwrapBindsPlace(t *testing.T) {
	v := mustOpen(t, newRecords(), sealed.RandomSecret(sealed.KeyBytes))
	kms, s3 := mustDomain(t, v, "kms"), mustDomain(t, v, "s3")
	blob := kms.Wrap("material", "k1", sealed.NewSecret([]byte("m")))
	for _, tt := range []struct {
		domain        *sealed.Domain
		purpose, name string
	}{
		{s3, "material", "k1"},
		{kms, "materia", "lk1"},
		{kms, "material", "k2"},
		{kms, "token", "k1"},
		{kms, "", "materialk1"},
	} {
		if _, err := tt.domain.Unwrap(tt.purpose, tt.name, blob); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("Unwrap(%q, %q) = %v, want ErrCorrupt", tt.purpose, tt.name, err)
		}
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if _, err := kms.Unwrap("material", "k1", bad); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("Unwrap with byte %d flipped = %v, want ErrCorrupt", i, err)
		}
		if _, err := kms.Unwrap("material", "k1", blob[:i]); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("Unwrap of %d bytes = %v, want ErrCorrupt", i, err)
		}
	}
}

func TestWrapRoundTrip(t *testing.T) {
	v := mustOpen(t, newRecords(), sealed.RandomSecret(sealed.KeyBytes))
	d := mustDomain(t, v, "kms")
	rapid.Check(t, func(t *rapid.T) {
		purpose, name := rapid.String().Draw(t, "purpose"), rapid.String().Draw(t, "name")
		secret := sealed.NewSecret(rapid.SliceOf(rapid.Byte()).Draw(t, "secret"))
		a, b := d.Wrap(purpose, name, secret), d.Wrap(purpose, name, secret)
		if bytes.Equal(a, b) {
			t.Fatal("two wraps are equal")
		}
		if got, err := d.Unwrap(purpose, name, a); err != nil || !got.Equal(secret) {
			t.Fatalf("Unwrap = %v", err)
		}
	})
}

func TestDomainKeyVersions(t *testing.T) {
	r, root := newRecords(), sealed.RandomSecret(sealed.KeyBytes)
	v := mustOpen(t, r, root)
	secret := sealed.NewSecret([]byte("m"))
	old := mustDomain(t, v, "kms")
	first := old.Wrap("p", "n", secret)
	if err := sealed.AddDomainKey(t.Context(), v, "kms", 2); err != nil {
		t.Fatal(err)
	}
	d := mustDomain(t, mustOpen(t, r, root), "kms")
	second := d.Wrap("p", "n", secret)
	if first[4] != 1 || second[4] != 2 {
		t.Errorf("wrapped under versions %d and %d, want 1 and 2", first[4], second[4])
	}
	for _, blob := range [][]byte{first, second} {
		if got, err := d.Unwrap("p", "n", blob); err != nil || !got.Equal(secret) {
			t.Errorf("Unwrap of version %d = %v", blob[4], err)
		}
	}
	if _, err := old.Unwrap("p", "n", second); !errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("Unwrap of an unknown version = %v, want ErrCorrupt", err)
	}
}

func TestRewrap(t *testing.T) {
	r := newRecords()
	old, next := sealed.RandomSecret(sealed.KeyBytes), sealed.RandomSecret(sealed.KeyBytes)
	v, other := mustOpen(t, r, old), mustOpen(t, r, old)
	d := mustDomain(t, v, "kms")
	secret := sealed.NewSecret([]byte("m"))
	blob := d.Wrap("p", "n", secret)

	r.failCommit = true
	if err := v.Rewrap(t.Context(), next); !errors.Is(err, errCommit) {
		t.Fatalf("Rewrap with a failing store = %v", err)
	}
	r.failCommit = false
	if want, _ := sealed.IDOfRoot(old); v.RootID() != want {
		t.Error("a failed Rewrap changed the root key in use")
	}
	mustOpen(t, r, old)

	if err := v.Rewrap(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Open(t.Context(), r, old); !errors.Is(err, sealed.ErrWrongRootKey) {
		t.Errorf("Open(old) after Rewrap = %v, want ErrWrongRootKey", err)
	}
	for name, d := range map[string]*sealed.Domain{
		"held":      d,
		"rewrapped": mustDomain(t, v, "kms"),
		"reopened":  mustDomain(t, mustOpen(t, r, old, next), "kms"),
	} {
		if got, err := d.Unwrap("p", "n", blob); err != nil || !got.Equal(secret) {
			t.Errorf("%s: Unwrap after Rewrap = %v", name, err)
		}
	}
	mustDomain(t, v, "made-later")

	// A process that still holds the old key must not write under it.
	if _, err := other.Domain(t.Context(), "late"); !errors.Is(err, sealed.ErrWrongRootKey) {
		t.Errorf("Domain under an old root key = %v, want ErrWrongRootKey", err)
	}
	if err := other.Rewrap(t.Context(), old); !errors.Is(err, sealed.ErrWrongRootKey) {
		t.Errorf("Rewrap under an old root key = %v, want ErrWrongRootKey", err)
	}
	if err := v.Rewrap(t.Context(), sealed.RandomSecret(16)); err == nil {
		t.Error("Rewrap took a short key")
	}
}

func TestDomainsMadeAtOnce(t *testing.T) {
	r, root := newRecords(), sealed.RandomSecret(sealed.KeyBytes)
	secret := sealed.NewSecret([]byte("m"))
	blobs := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range blobs {
		wg.Go(func() {
			v, err := sealed.Open(context.Background(), r, root)
			if err != nil {
				t.Error(err)
				return
			}
			d, err := v.Domain(context.Background(), fmt.Sprint("d", i%2))
			if err != nil {
				t.Error(err)
				return
			}
			blobs[i] = d.Wrap("p", "n", secret)
		})
	}
	wg.Wait()
	v := mustOpen(t, r, root)
	for i, blob := range blobs {
		if _, err := mustDomain(t, v, fmt.Sprint("d", i%2)).Unwrap("p", "n", blob); err != nil {
			t.Errorf("wrap %d: %v", i, err)
		}
	}
}

func BenchmarkWrap(b *testing.B) {
	d := mustDomain(b, mustOpen(b, newRecords(), sealed.RandomSecret(sealed.KeyBytes)), "kms")
	secret := sealed.RandomSecret(32)
	blob := d.Wrap("material", "k1", secret)
	b.Run("wrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Wrap("material", "k1", secret)
		}
	})
	b.Run("unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Unwrap("material", "k1", blob); err != nil {
				b.Fatal(err)
			}
		}
	})
}
