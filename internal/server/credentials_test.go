package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/server"
)

// The credentials file has the keys that starts made, of every account that was
// the default one; configured keys are nobody's to write down.
func TestCredentialsOfEveryDefaultAccount(t *testing.T) {
	const first, second, third = "000000000000", "111122223333", "444455556666"
	data := filepath.Join(t.TempDir(), "data")
	start := func(account, keyID string) (made, file string) {
		t.Helper()
		cfg := onDisk(data)
		cfg.Account, cfg.RootAccessKeyID = account, keyID
		if keyID != "" {
			cfg.RootSecretAccessKey = "secret-of-" + keyID
		}
		s, err := server.Start(t.Context(), cfg, server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		key, err := s.RootKey()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(data, "credentials"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return "]\naws_access_key_id = " + key.ID + "\naws_secret_access_key = " + string(key.Secret.Reveal()) + "\n", string(b)
	}
	want := func(file, text string) {
		t.Helper()
		if file != text {
			t.Errorf("credentials:\n%s\nwant:\n%s", file, text)
		}
	}
	of1, file := start(first, "")
	want(file, "[default"+of1)
	of2, file := start(second, "")
	want(file, "[default"+of2+"["+first+of1)
	_, file = start(third, "AKIACONFIGURED0003")
	want(file, "["+first+of1+"["+second+of2)
	again, file := start(first, "")
	if again != of1 {
		t.Errorf("account %s has another key after a start with account %s", first, second)
	}
	want(file, "[default"+of1+"["+second+of2)
	// A configured key replaces the account's own, and nobody else's.
	_, file = start(first, "AKIACONFIGURED0001")
	want(file, "["+second+of2)
	_, file = start(second, "AKIACONFIGURED0002")
	want(file, "")
}
