package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/identity"
)

// writeCredentials keeps the root user's access key as an AWS shared credentials
// file of mode 0600 in the data folder, replacing an older one whole.
//
// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func writeCredentials(dataDir string, key identity.AccessKey) error {
	text := fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", key.ID, key.Secret.Reveal())
	name := filepath.Join(dataDir, credentialsFile)
	if old, err := os.ReadFile(name); err == nil && string(old) == string(text) {
		return nil
	}
	tmp := name + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write credentials: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return os.Rename(tmp, name)
}

// removeCredentials removes a file that an earlier start wrote: the configured
// access key has replaced the one in it.
func removeCredentials(dataDir string) error {
	err := os.Remove(filepath.Join(dataDir, credentialsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
