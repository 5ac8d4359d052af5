// Package sealed is how Keyfront keeps secrets: the hierarchy that wraps keys,
// and the formats of everything it encrypts.
//
//	root key (rootkey)
//	  └─ domain keys            Vault, Domain     docs/spec/wrap.md
//	       └─ key material, data keys, passwords …
//	            ├─ key blobs    BlobKey           docs/spec/keyblob.md
//	            └─ objects      Writer, Reader    docs/spec/object.md
//
// Every format starts with a version byte, authenticates all of its bytes, and
// binds the ciphertext to its purpose and place, so that one moved elsewhere
// does not open. Every key that meets AES-256-GCM is derived for one message or
// one stream only (SP 800-108), so no key wears out. What was sealed by any
// release opens in every later one.
//
// The package takes its primitives from the standard library, knows nothing of
// KMS or S3, and decides nothing: whoever holds a Domain, a BlobKey or a Reader
// may use it. All failures to decrypt are ErrCorrupt and look alike.
package sealed

import (
	"encoding/binary"
	"errors"
)

// KeyBytes is the length of every key that the package takes: root keys, domain
// keys, the material of a BlobKey and the data key of an object.
const KeyBytes = 32

var (
	// ErrCorrupt says that a ciphertext does not open: it was changed, cut,
	// moved, made by another key or bound to something else, or never was one.
	// It does not say which, and an error that wraps it does not either.
	ErrCorrupt = errors.New("sealed: ciphertext does not open")

	// ErrWrongRootKey says that none of the given root keys is the one under
	// which the store was sealed.
	ErrWrongRootKey = errors.New("sealed: wrong root key")

	// ErrContextTooLong says that an encryption context is longer than
	// MaxContextBytes in its canonical form.
	ErrContextTooLong = errors.New("sealed: encryption context too long")

	errKeyLength = errors.New("sealed: a key must have 32 bytes")
)

// appendPart adds s with its length before it, so that no two lists of parts
// have the same encoding.
func appendPart(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
