package rootkey_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func withPhrase(path, phrase string) rootkey.Passphrase {
	return rootkey.Passphrase{Path: path, Passphrase: func(context.Context) (sealed.Secret, error) {
		return sealed.NewSecret([]byte(phrase)), nil
	}}
}

const phrase = "correct horse battery staple"

func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root-key")
	src := withPhrase(path, phrase)
	if _, err := src.Load(t.Context()); !errors.Is(err, rootkey.ErrAbsent) {
		t.Errorf("Load = %v, want ErrAbsent", err)
	}
	key, err := src.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, src, key)
	if _, err := src.Create(t.Context()); !errors.Is(err, rootkey.ErrExists) {
		t.Errorf("Create again = %v, want ErrExists", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	for _, wrong := range []string{"x", phrase + " "} {
		if _, err := withPhrase(path, wrong).Load(t.Context()); !errors.Is(err, rootkey.ErrPassphrase) || strings.Contains(err.Error(), wrong+" ") {
			t.Errorf("Load with a wrong passphrase = %v", err)
		}
	}
	if _, err := withPhrase(path, "").Load(t.Context()); !errors.Is(err, rootkey.ErrWeak) {
		t.Errorf("Load without a passphrase = %v", err)
	}
	if _, err := withPhrase(path+"2", "too short").Create(t.Context()); !errors.Is(err, rootkey.ErrWeak) {
		t.Errorf("Create with a short passphrase = %v", err)
	}
	next := sealed.RandomSecret(sealed.KeyBytes)
	if err := src.Replace(t.Context(), key, next); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, src, key, next)
	if err := withPhrase(path, "another passphrase").Replace(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, withPhrase(path, "another passphrase"), next)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Load(t.Context()); !errors.Is(err, rootkey.ErrExposed) {
		t.Errorf("Load of an exposed file = %v", err)
	}
	asked := errors.New("nobody answered")
	src.Passphrase = func(context.Context) (sealed.Secret, error) { return sealed.Secret{}, asked }
	if err := src.Replace(t.Context(), next); !errors.Is(err, asked) {
		t.Errorf("Replace = %v, want what the asker said", err)
	}
}

// Every change of the file is noticed.
func TestPassphraseFileIsBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root-key")
	src := withPhrase(path, phrase)
	if _, err := src.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"cheaper":  func(s string) string { return strings.Replace(s, "argon2id 3 65536 4", "argon2id 2 65536 4", 1) },
		"id":       func(s string) string { return strings.Replace(s, "\nkey ", "\nkey 0", 1) },
		"version":  func(s string) string { return strings.Replace(s, "key 1", "key 2", 1) },
		"cut":      func(s string) string { return s[:strings.LastIndex(s, "key ")] },
		"greedy":   func(s string) string { return strings.Replace(s, " 65536 ", " 4294967295 ", 1) },
		"lanes":    func(s string) string { return strings.Replace(s, " 65536 4 ", " 65536 260 ", 1) },
		"two salt": func(s string) string { return s + "argon2id 1 64 1 AAAAAAAAAAAAAAAAAAAAAA==\n" },
	} {
		_, err := rootkey.ParseWrapped([]byte(change(string(text))), sealed.NewSecret([]byte(phrase)))
		if !errors.Is(err, rootkey.ErrMalformed) && !errors.Is(err, rootkey.ErrPassphrase) {
			t.Errorf("%s = %v", name, err)
		}
	}
	// The comment is anybody's.
	commented := strings.Replace(string(text), "# Whoever", "# mine\n# Whoever", 1)
	if _, err := rootkey.ParseWrapped([]byte(commented), sealed.NewSecret([]byte(phrase))); err != nil {
		t.Errorf("another comment = %v", err)
	}
}

// The golden file opens for ever.
func TestPassphraseGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/wrapped-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := rootkey.ParseWrapped(text, sealed.NewSecret([]byte(phrase)))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	want := make([]byte, 32)
	for i := range want {
		want[i] = byte(i)
	}
	if !keys[0].Equal(sealed.NewSecret(want)) {
		t.Error("the golden file holds another key")
	}
}

func FuzzParseWrapped(f *testing.F) {
	f.Add([]byte("keyfront wrapped root key 1\nargon2id 3 65536 4 AAAAAAAAAAAAAAAAAAAAAA==\nkey 00 AA==\n"))
	f.Add([]byte("keyfront wrapped root key 1\n# x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := rootkey.CheckWrapped(text); err != nil && !errors.Is(err, rootkey.ErrMalformed) {
			t.Errorf("%q = %v", text, err)
		}
	})
}

// brokenSource fails at one Replace, before or after the keys are written.
type brokenSource struct {
	rootkey.Source
	at, calls int
	after     bool
}

var errBroken = errors.New("broken")

func (b *brokenSource) Replace(ctx context.Context, keys ...sealed.Secret) error {
	b.calls++
	if b.calls != b.at {
		return b.Source.Replace(ctx, keys...)
	}
	if b.after {
		if err := b.Source.Replace(ctx, keys...); err != nil {
			return err
		}
	}
	return errBroken
}

// brokenRecords fails at every Update, before or after it.
type brokenRecords struct {
	store.Records
	after, broken bool
}

func (b *brokenRecords) Update(ctx context.Context, fn func(store.Writer) error) error {
	if !b.broken {
		return b.Records.Update(ctx, fn)
	}
	if b.after {
		if err := b.Records.Update(ctx, fn); err != nil {
			return err
		}
		return errors.Join(store.ErrUncertain, errBroken)
	}
	return errBroken
}

// Whatever step fails, with its effect or without: the source has the key that
// the vault needs, what was wrapped opens, and the next rotation succeeds.
func TestRotate(t *testing.T) {
	for _, tt := range []struct {
		name        string
		replace     int // which Replace fails
		rewrap, did bool
	}{
		{name: "nothing fails"},
		{name: "first replace", replace: 1},
		{name: "first replace, done", replace: 1, did: true},
		{name: "rewrap", rewrap: true},
		{name: "rewrap, done", rewrap: true, did: true},
		{name: "second replace", replace: 2},
		{name: "second replace, done", replace: 2, did: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, file := t.Context(), file(t)
			first := mustCreate(t, file)
			records := &brokenRecords{Records: memory.NewRecords(), after: tt.did}
			vault, err := sealed.Open(ctx, records, first)
			if err != nil {
				t.Fatal(err)
			}
			domain, err := vault.Domain(ctx, "test")
			if err != nil {
				t.Fatal(err)
			}
			wrapped := domain.Wrap("p", "n", sealed.NewSecret([]byte("secret")))

			records.broken = tt.rewrap
			id, err := rootkey.Rotate(ctx, &brokenSource{Source: file, at: tt.replace, after: tt.did}, vault)
			records.broken = false
			if fails := tt.replace > 0 || tt.rewrap; fails != errors.Is(err, errBroken) {
				t.Fatalf("Rotate = %v", err)
			} else if !fails && id != vault.RootID() {
				t.Errorf("Rotate = %s, the vault is under %s", id, vault.RootID())
			}

			// The process ends here, and another begins.
			keys, err := file.Load(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, err := sealed.Open(ctx, records, keys...)
			if err != nil {
				t.Fatalf("the vault does not open: %v", err)
			}
			if err := rootkey.Settle(ctx, file, next); err != nil {
				t.Fatal(err)
			}
			if keys, err = file.Load(ctx); err != nil || len(keys) != 1 {
				t.Errorf("after Settle there are %d keys, %v", len(keys), err)
			}
			if domain, err = next.Domain(ctx, "test"); err != nil {
				t.Fatal(err)
			}
			if secret, err := domain.Unwrap("p", "n", wrapped); err != nil || string(secret.Reveal()) != "secret" {
				t.Errorf("Unwrap = %v", err)
			}
			if _, err := rootkey.Rotate(ctx, file, next); err != nil {
				t.Errorf("the next Rotate = %v", err)
			}
			if keys, err = file.Load(ctx); err != nil || len(keys) != 1 || keys[0].Equal(first) {
				t.Errorf("after the next Rotate there are %d keys, %v", len(keys), err)
			}
		})
	}
}

// A rotation of which nobody knows whether it holds is followed by another in the
// same process: the key that the vault may be under is not given up before the
// store has settled the question.
func TestRotateAfterAnUncertainOne(t *testing.T) {
	for name, held := range map[string]bool{"it holds": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			ctx, file := t.Context(), file(t)
			first := mustCreate(t, file)
			records := &uncertainRecords{Records: memory.NewRecords()}
			vault, err := sealed.Open(ctx, records, first)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := vault.Domain(ctx, "early"); err != nil {
				t.Fatal(err)
			}
			records.next = &held
			if _, err := rootkey.Rotate(ctx, file, vault); !errors.Is(err, store.ErrUncertain) {
				t.Fatalf("Rotate = %v, want ErrUncertain", err)
			}
			_, err = rootkey.Rotate(ctx, file, vault)
			keys, lerr := file.Load(ctx)
			if lerr != nil {
				t.Fatal(lerr)
			}
			if _, oerr := sealed.Open(ctx, records, keys...); oerr != nil {
				t.Fatalf("after another Rotate (%v) the vault does not open: %v", err, oerr)
			}
			if err != nil || len(keys) != 1 {
				t.Errorf("another Rotate = %v, and left %d keys", err, len(keys))
			}
			if _, err := vault.Domain(ctx, "late"); err != nil {
				t.Errorf("Domain = %v", err)
			}
		})
	}
}

// uncertainRecords does not know how the next Update ended, if next is set: the
// change holds or not as it says, which shows with the Update after it.
type uncertainRecords struct {
	store.Records
	next    *bool
	pending func(store.Writer) error
}

func (u *uncertainRecords) Update(ctx context.Context, fn func(store.Writer) error) error {
	if u.next != nil {
		if *u.next {
			u.pending = fn
		}
		u.next = nil
		return store.ErrUncertain
	}
	if settle := u.pending; settle != nil {
		u.pending = nil
		if err := u.Records.Update(ctx, settle); err != nil {
			return err
		}
	}
	return u.Records.Update(ctx, fn)
}

func TestRotateWithAnotherKey(t *testing.T) {
	file := file(t)
	mustCreate(t, file)
	vault, err := sealed.Open(t.Context(), memory.NewRecords(), sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rootkey.Rotate(t.Context(), file, vault); !errors.Is(err, sealed.ErrWrongRootKey) {
		t.Errorf("Rotate = %v, want ErrWrongRootKey", err)
	}
}
