package keyring

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
)

// EncryptFor is Encrypt for a service that has its callers' small values
// encrypted directly: it returns the ciphertext alone.
func (r *Ring) EncryptFor(ctx context.Context, who access.Caller, ref string, bind map[string]string, plaintext []byte) (blob []byte, err error) {
	out, err := r.Encrypt(ctx, who, Use{Key: ref, Context: bind}, plaintext)
	return out.Blob, err
}

// DecryptFor is Decrypt of what EncryptFor made.
func (r *Ring) DecryptFor(ctx context.Context, who access.Caller, blob []byte, bind map[string]string) (plaintext []byte, err error) {
	out, err := r.Decrypt(ctx, who, Use{Context: bind}, blob)
	return out.Plaintext, err
}
