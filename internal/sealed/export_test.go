package sealed

import (
	"context"
	"io"

	"github.com/keyfront-project/keyfront/internal/store"
)

// AddDomainKey gives a domain one more key, as a rotation of domain keys will.
// A vault that is opened afterwards wraps under it.
func AddDomainKey(ctx context.Context, v *Vault, domain string, version uint32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.records.Update(ctx, func(tx store.Writer) error {
		return v.writeDomainKeyLocked(tx, domain, version, RandomSecret(KeyBytes))
	})
}

// WrapFixed wraps with a chosen nonce and iv.
func WrapFixed(random [28]byte, key Secret, keyVersion uint32, domain, purpose, name string, secret Secret) []byte {
	k, err := newKDF(key)
	if err != nil {
		panic(err)
	}
	return k.wrap(random, keyVersion, place{domain, purpose, name}, secret)
}

// SealBlobFixed seals with a chosen nonce and iv.
func SealBlobFixed(random [28]byte, k *BlobKey, context map[string]string, plaintext []byte) ([]byte, error) {
	return k.seal(random, context, plaintext)
}

// NewWriterFixed seals with a chosen salt.
func NewWriterFixed(salt [16]byte, dst io.Writer, key Secret, b Binding) (*Writer, error) {
	return newWriter(dst, key, b, salt)
}

// PlainSize is the size of what an object holds, by that of the object.
var PlainSize = plainSize
