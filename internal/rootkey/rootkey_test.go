package rootkey_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func file(t *testing.T) rootkey.File {
	t.Helper()
	return rootkey.File{Path: filepath.Join(t.TempDir(), "root.key")}
}

func mustCreate(t *testing.T, f rootkey.File) sealed.Secret {
	t.Helper()
	key, err := f.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// names lists the folder of f.
func names(t *testing.T, f rootkey.File) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(f.Path))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func wantKeys(t *testing.T, src rootkey.Source, want ...sealed.Secret) {
	t.Helper()
	got, err := src.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("Load = %d keys, want %d", len(got), len(want))
	}
	for i := range got {
		if !got[i].Equal(want[i]) {
			t.Errorf("Load: key %d is another one", i)
		}
	}
}

func TestFile(t *testing.T) {
	f := file(t)
	if _, err := f.Load(t.Context()); !errors.Is(err, rootkey.ErrAbsent) || !strings.Contains(err.Error(), f.Path) {
		t.Errorf("Load = %v, want ErrAbsent naming the file", err)
	}
	key := mustCreate(t, f)
	if key.Len() != sealed.KeyBytes {
		t.Errorf("Create = %d bytes, want %d", key.Len(), sealed.KeyBytes)
	}
	info, err := os.Lstat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode = %v, want a regular file of 0600", info.Mode())
	}
	wantKeys(t, f, key)
	if _, err := f.Create(t.Context()); !errors.Is(err, rootkey.ErrExists) {
		t.Errorf("second Create = %v, want ErrExists", err)
	}
	wantKeys(t, f, key)
	if got := names(t, f); len(got) != 1 {
		t.Errorf("the folder has %q, want the key alone", got)
	}
}

func TestFileReplace(t *testing.T) {
	f := file(t)
	old, next := mustCreate(t, f), sealed.RandomSecret(sealed.KeyBytes)
	// What a crash in the middle of an earlier Replace leaves.
	if err := os.WriteFile(f.Path+".new-1", []byte("keyfront root"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f, old)
	for _, keys := range [][]sealed.Secret{{old, next}, {next}} {
		if err := f.Replace(t.Context(), keys...); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, f, keys...)
	}
	if got := names(t, f); len(got) != 1 {
		t.Errorf("the folder has %q, want the key alone", got)
	}
	for _, keys := range [][]sealed.Secret{{}, {old, next, old}, {sealed.RandomSecret(16)}} {
		if err := f.Replace(t.Context(), keys...); err == nil {
			t.Errorf("Replace with %d keys: no error", len(keys))
		}
	}
	wantKeys(t, f, next)
}

// TestRotation stops a rotation after every step, and opens the vault with what
// the file then holds.
func TestRotation(t *testing.T) {
	for stop := range 4 {
		f, records := file(t), memory.NewRecords()
		old, next := mustCreate(t, f), sealed.RandomSecret(sealed.KeyBytes)
		vault, err := sealed.Open(t.Context(), records, old)
		if err != nil {
			t.Fatal(err)
		}
		domain, err := vault.Domain(t.Context(), "kms")
		if err != nil {
			t.Fatal(err)
		}
		wrapped := domain.Wrap("purpose", "name", sealed.NewSecret([]byte("secret")))

		steps := []func() error{
			func() error { return f.Replace(t.Context(), old, next) },
			func() error { return vault.Rewrap(t.Context(), next) },
			func() error { return f.Replace(t.Context(), next) },
		}
		for _, step := range steps[:stop] {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}

		keys, err := rootkey.LoadOrCreate(t.Context(), f, false)
		if err != nil {
			t.Fatal(err)
		}
		if vault, err = sealed.Open(t.Context(), records, keys...); err != nil {
			t.Fatalf("stopped after %d steps: %v", stop, err)
		}
		if domain, err = vault.Domain(t.Context(), "kms"); err != nil {
			t.Fatalf("stopped after %d steps: %v", stop, err)
		}
		if got, err := domain.Unwrap("purpose", "name", wrapped); err != nil || string(got.Reveal()) != "secret" {
			t.Errorf("stopped after %d steps: Unwrap = %v", stop, err)
		}
	}
}

func TestFileCreatedAtOnce(t *testing.T) {
	f := file(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []sealed.Secret
	for range 8 {
		wg.Go(func() {
			// The losers may also find their unfinished file swept away.
			if key, err := f.Create(context.Background()); err == nil {
				mu.Lock()
				defer mu.Unlock()
				made = append(made, key)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d of 8 made the key, want one", len(made))
	}
	wantKeys(t, f, made[0])
}

func TestFileRefusesExposure(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o620, 0o602, 0o610, 0o601, 0o666, 0o644, 0o777, 0o440} {
		f := file(t)
		mustCreate(t, f)
		if err := os.Chmod(f.Path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := f.Load(t.Context())
		if !errors.Is(err, rootkey.ErrExposed) || !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode)) {
			t.Errorf("Load with mode %04o = %v, want ErrExposed naming it", mode, err)
		}
	}
	f := file(t)
	key := mustCreate(t, f)
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(f.Path, mode); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, f, key)
	}

	link := rootkey.File{Path: filepath.Join(t.TempDir(), "link")}
	if err := os.Symlink(f.Path, link.Path); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, link, key)
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(f.Path, 4711, -1); err != nil {
		t.Fatal(err)
	}
	for _, f := range []rootkey.File{f, link} {
		if _, err := f.Load(t.Context()); !errors.Is(err, rootkey.ErrExposed) || !strings.Contains(err.Error(), "4711") {
			t.Errorf("Load of a stranger's file = %v, want ErrExposed naming user 4711", err)
		}
	}
}

func TestFileRefusesOtherThanFiles(t *testing.T) {
	folder := rootkey.File{Path: t.TempDir()}
	if err := os.Chmod(folder.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	pipe := file(t)
	if err := syscall.Mkfifo(pipe.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []rootkey.File{folder, pipe} {
		if _, err := f.Load(t.Context()); !errors.Is(err, rootkey.ErrMalformed) {
			t.Errorf("Load = %v, want ErrMalformed", err)
		}
	}
	nowhere := rootkey.File{Path: filepath.Join(t.TempDir(), "no", "root.key")}
	if _, err := nowhere.Create(t.Context()); err == nil || errors.Is(err, rootkey.ErrExists) {
		t.Errorf("Create in an absent folder = %v", err)
	}
}

func TestLoadOrCreate(t *testing.T) {
	f := file(t)
	if _, err := rootkey.LoadOrCreate(t.Context(), f, false); !errors.Is(err, rootkey.ErrAbsent) {
		t.Errorf("a lost key = %v, want ErrAbsent", err)
	}
	if got := names(t, f); len(got) != 0 {
		t.Fatalf("a lost key was made anew: %q", got)
	}
	first, err := rootkey.LoadOrCreate(t.Context(), f, true)
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f, first...)
	for _, fresh := range []bool{true, false} {
		again, err := rootkey.LoadOrCreate(t.Context(), f, fresh)
		if err != nil || len(again) != 1 || !again[0].Equal(first[0]) {
			t.Errorf("LoadOrCreate again, fresh %v = %v", fresh, err)
		}
	}
	if err := os.WriteFile(f.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rootkey.LoadOrCreate(t.Context(), f, true); !errors.Is(err, rootkey.ErrMalformed) {
		t.Errorf("an empty file = %v, want ErrMalformed", err)
	}
}

// specRead is a second reader, written from docs/spec/rootkey.md alone.
func specRead(text string) (keys [][]byte) {
	lines := strings.Split(text, "\n")
	if strings.TrimSpace(lines[0]) != "keyfront root key 1" {
		return nil
	}
	for _, line := range lines[1:] {
		var id, encoded string
		if n, _ := fmt.Sscanf(line, "key %s %s", &id, &encoded); n != 2 {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("\x00\x00\x00\x01keyfront/root-id/1\x00\x00\x00\x00\x80"))
		if err != nil || hex.EncodeToString(mac.Sum(nil)[:16]) != id {
			return nil
		}
		keys = append(keys, key)
	}
	return keys
}

func TestGoldenFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "rootkey-v1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	first, second := make([]byte, 32), make([]byte, 32)
	for i := range first {
		first[i], second[i] = byte(i), byte(255-i)
	}
	f := file(t)
	if err := os.WriteFile(f.Path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, f, sealed.NewSecret(first), sealed.NewSecret(second))
	if got := specRead(string(text)); len(got) != 2 || !bytes.Equal(got[0], first) || !bytes.Equal(got[1], second) {
		t.Errorf("by the document: %x", got)
	}
	if err := f.Replace(t.Context(), sealed.NewSecret(first), sealed.NewSecret(second)); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if got := specRead(string(written)); len(got) != 2 || !bytes.Equal(got[0], first) || !bytes.Equal(got[1], second) {
		t.Errorf("what Replace writes, by the document: %x", got)
	}
}

func TestParse(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i)
	}
	id, err := sealed.IDOfRoot(sealed.NewSecret(raw))
	if err != nil {
		t.Fatal(err)
	}
	const version, key = "keyfront root key 1\n", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	good := "key " + string(id) + " " + key
	for _, tt := range []struct {
		name, text string
		keys       int
	}{
		{"plain", version + good + "\n", 1},
		{"no last newline", version + good, 1},
		{"two keys", version + good + "\n" + good + "\n", 2},
		{"comments and blanks", version + "# hello\n\n  " + good + "  \n#", 1},
		{"Windows line ends", strings.ReplaceAll(version+good+"\n", "\n", "\r\n"), 1},
		{"upper-case id", version + "key " + strings.ToUpper(string(id)) + " " + key, 1},

		{"empty", "", 0},
		{"no version", good, 0},
		{"comment before version", "# x\n" + version + good, 0},
		{"later version", "keyfront root key 2\n" + good, 0},
		{"version alone", version, 0},
		{"three keys", version + strings.Repeat(good+"\n", 3), 0},
		{"mistyped key", version + "key " + string(id) + " B" + key[1:], 0},
		{"mistyped id", version + "key 0" + string(id[:31]) + " " + key, 0},
		{"short id", version + "key " + string(id[:31]) + " " + key, 0},
		{"short key", version + "key " + string(id) + " " + key[:40], 0},
		{"no padding", version + "key " + string(id) + " " + key[:43], 0},
		{"stray bits in base64", version + "key " + string(id) + " " + key[:42] + "9=", 0},
		{"URL base64", version + "key " + string(id) + " " + strings.Repeat("-", 43) + "=", 0},
		{"no id", version + "key " + key, 0},
		{"more fields", version + good + " x", 0},
		{"another word", version + "passphrase " + string(id) + " " + key, 0},
		{"too long", version + good + "\n#" + strings.Repeat("x", 4096), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := rootkey.Parse([]byte(tt.text))
			if tt.keys > 0 {
				if err != nil || len(keys) != tt.keys || !bytes.Equal(keys[0].Reveal(), raw) {
					t.Errorf("Parse = %d keys, %v, want %d", len(keys), err, tt.keys)
				}
				return
			}
			if !errors.Is(err, rootkey.ErrMalformed) {
				t.Fatalf("Parse = %v, want ErrMalformed", err)
			}
			if strings.Contains(err.Error(), key[5:30]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "rootkey-v1.txt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte("keyfront root key 1\nkey a b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := rootkey.Parse(text)
		if err != nil {
			if !errors.Is(err, rootkey.ErrMalformed) {
				t.Fatalf("Parse = %v, want ErrMalformed", err)
			}
			return
		}
		if len(keys) < 1 || len(keys) > rootkey.MaxKeys {
			t.Fatalf("Parse = %d keys", len(keys))
		}
		for _, k := range keys {
			if k.Len() != sealed.KeyBytes {
				t.Fatalf("a key of %d bytes", k.Len())
			}
		}
	})
}
