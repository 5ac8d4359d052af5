package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
)

// keepCredentials leaves the default account's root access key in the data
// folder, unless it was configured: then who configured it has it. The file is an
// AWS shared credentials file: the default account's key is the profile
// "default", and keys that the file had of accounts that were the default one
// before are profiles with the account's number.
//
// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func (s *Server) keepCredentials() error {
	if s.state.folder == nil {
		return nil
	}
	name := filepath.Join(s.state.folder.Path(), credentialsFile)
	before, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keys, err := s.identity.RootKeys()
	if err != nil {
		return err
	}
	var text strings.Builder
	account := arn.AccountID(s.cfg.Account)
	if s.cfg.RootAccessKeyID == "" {
		writeProfile(&text, "default", keys[account])
	}
	delete(keys, account)
	for _, other := range slices.Sorted(maps.Keys(keys)) {
		// A key that the file never had was configured.
		if !strings.Contains(string(before), keyLine(keys[other])) {
			continue
		}
		writeProfile(&text, string(other), keys[other])
		if strings.HasPrefix(string(before), "[default]\n"+keyLine(keys[other])) {
			s.log.Warn("the default account is another one now; the former one's credentials are a profile of the credentials file",
				slog.String("account", string(account)), slog.String("profile", string(other)))
		}
	}
	return replaceCredentials(name, string(before), text.String())
}

func writeProfile(text *strings.Builder, name string, key identity.AccessKey) {
	fmt.Fprintf(text, "[%s]\n%saws_secret_access_key = %s\n", name, keyLine(key), key.Secret.Reveal())
}

func keyLine(key identity.AccessKey) string { return "aws_access_key_id = " + key.ID + "\n" }

// replaceCredentials replaces the file whole, with mode 0600; no text is no file.
func replaceCredentials(name, before, text string) error {
	switch {
	case text == before:
		return nil
	case text == "":
		return os.Remove(name)
	}
	tmp := name + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write credentials: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return os.Rename(tmp, name)
}
