// Package rootkey is where the root key lives: the one secret that is kept
// outside the store, and without which nothing in the store opens.
//
// A Source keeps it. File is the Source that needs nothing else, a text file of
// mode 0600 (docs/spec/rootkey.md); Passphrase is the same with the keys wrapped
// under a passphrase. A TPM, a PKCS#11 token or another key service can be
// Sources too. Rotate replaces the root key of a vault. Harden keeps the keys of a running
// process out of core dumps and away from debuggers.
package rootkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

var (
	// ErrAbsent says that the source holds no root key yet.
	ErrAbsent = errors.New("rootkey: no root key")
	// ErrExists says that Create found a root key, which it never replaces.
	ErrExists = errors.New("rootkey: a root key exists")
	// ErrExposed says that others could read or replace the root key.
	ErrExposed = errors.New("rootkey: the root key is exposed")
	// ErrPassphrase says that a passphrase does not open the root key, or that
	// the file that holds it was changed: the two cannot be told apart.
	ErrPassphrase = errors.New("rootkey: wrong passphrase")
	// ErrWeak says that a new passphrase is too short.
	ErrWeak = errors.New("rootkey: passphrase too short")
	// ErrMalformed says that what the source holds is no root key.
	ErrMalformed = errors.New("rootkey: malformed root key")
)

// MaxKeys is how many root keys a source holds at most: the one in use, and
// while it is being replaced the next one.
const MaxKeys = 2

// Source keeps the root key. Its methods are called one at a time.
//
// A rotation (Rotate) goes: Replace(old, next); sealed.Vault.Rewrap(next); Replace(next).
// Whichever step is the last before a crash, the source then holds the key that
// the vault needs, and sealed.Open picks it out of those that Load returns.
type Source interface {
	// Load returns the root keys, each of sealed.KeyBytes bytes: one, or two
	// while a rotation is under way. It returns ErrAbsent when there is none.
	Load(ctx context.Context) ([]sealed.Secret, error)

	// Create makes a root key. When it returns nil, the key survives a power
	// loss. It returns ErrExists rather than replace one.
	Create(ctx context.Context) (sealed.Secret, error)

	// Replace makes keys, 1 to MaxKeys, all that the source holds. After any
	// failure or crash it holds either what it held before or keys, whole.
	Replace(ctx context.Context, keys ...sealed.Secret) error
}

// LoadOrCreate returns the root keys of src. When it has none and fresh says that
// no data is sealed under one yet, it makes one; otherwise the key was lost or
// moved, and making another would only hide that.
func LoadOrCreate(ctx context.Context, src Source, fresh bool) ([]sealed.Secret, error) {
	keys, err := src.Load(ctx)
	switch {
	case !errors.Is(err, ErrAbsent):
		return keys, err
	case !fresh:
		return nil, fmt.Errorf("%w, but the data is sealed under one: put it back", err)
	}
	key, err := src.Create(ctx)
	if err != nil {
		return nil, err
	}
	return []sealed.Secret{key}, nil
}
