package rootkey

import (
	"context"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Rotate makes a new root key and seals the vault under it instead of the old
// one, of which src keeps nothing. The vault may be in use meanwhile, or be one
// that was opened just for this while no server runs; never both.
//
// A crash or a failure at any point leaves src with the key that the vault
// needs, and Settle or another Rotate tidies up.
func Rotate(ctx context.Context, src Source, vault *sealed.Vault) (sealed.RootID, error) {
	keys, err := src.Load(ctx)
	if err != nil {
		return "", fmt.Errorf("rotate root key: %w", err)
	}
	current, err := inUse(ctx, keys, vault)
	if err != nil {
		return "", fmt.Errorf("rotate root key: %w", err)
	}
	next := sealed.RandomSecret(sealed.KeyBytes)
	if err := src.Replace(ctx, current, next); err != nil {
		return "", fmt.Errorf("rotate root key: %w", err)
	}
	if err := vault.Rewrap(ctx, next); err != nil {
		return "", fmt.Errorf("rotate root key: %w", err)
	}
	if err := src.Replace(ctx, next); err != nil {
		return "", fmt.Errorf("rotate root key: the new one is in use; remove the old one: %w", err)
	}
	return sealed.IDOfRoot(next)
}

// Settle removes from src the key that a Rotate which did not end left there
// beside the one in use. It does nothing when there is none. Call it once the
// vault is open.
func Settle(ctx context.Context, src Source, vault *sealed.Vault) error {
	keys, err := src.Load(ctx)
	if err == nil && len(keys) > 1 {
		var current sealed.Secret
		if current, err = inUse(ctx, keys, vault); err == nil {
			err = src.Replace(ctx, current)
		}
	}
	if err != nil {
		return fmt.Errorf("settle root key: %w", err)
	}
	return nil
}

// inUse is the key under which the vault is sealed, for good: the others can be
// given up.
func inUse(ctx context.Context, keys []sealed.Secret, vault *sealed.Vault) (sealed.Secret, error) {
	current, err := vault.Settle(ctx)
	if err != nil {
		return sealed.Secret{}, err
	}
	for _, key := range keys {
		id, err := sealed.IDOfRoot(key)
		if err != nil {
			return sealed.Secret{}, err
		}
		if id == current {
			return key, nil
		}
	}
	return sealed.Secret{}, fmt.Errorf("%w: the source does not hold the one in use, %s", sealed.ErrWrongRootKey, current)
}
