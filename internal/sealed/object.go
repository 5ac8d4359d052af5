package sealed

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
)

// A sealed object, as docs/spec/object.md describes it:
//
//	 0   1  format version, 1
//	 1   1  binary logarithm of the chunk size, 16
//	 2  16  salt
//	18  32  commitment to the data key, the binding and the bytes above
//	50   …  chunks of 65536 bytes, the last one shorter, each with its tag of 16
const (
	objectVersion     = 1
	chunkLog          = 16
	saltOffset        = 2
	saltBytes         = 16
	commitOffset      = saltOffset + saltBytes
	commitBytes       = 32
	objectHeaderBytes = commitOffset + commitBytes
	sealedChunkBytes  = ChunkBytes + tagBytes

	// ChunkBytes is how much plaintext is sealed, read and opened at once.
	ChunkBytes = 1 << chunkLog
	// MaxObjectBytes bounds the plaintext of one sealed object (256 TiB). It
	// keeps what one stream key encrypts far below the bounds of AES-GCM.
	MaxObjectBytes = 1 << 48
)

var errNoBinding = errors.New("sealed: an object needs a binding")

// Binding says what the bytes of an object are. A Reader needs the Binding that
// the Writer had. The zero Binding is refused.
type Binding struct {
	digest [sha256.Size]byte
	set    bool
}

// Bind returns the Binding of a list of strings: what the bytes are for, and the
// names of the bucket, object, version and part that they belong to. Different
// lists bind differently, however their strings are split.
func Bind(parts ...string) Binding {
	var encoded []byte
	for _, p := range parts {
		encoded = appendPart(encoded, p)
	}
	return Binding{digest: sha256.Sum256(encoded), set: true}
}

// SealedSize is the number of bytes that plainBytes have once they are sealed.
// plainBytes is 0 to MaxObjectBytes.
func SealedSize(plainBytes int64) int64 {
	chunks := max(1, (plainBytes+ChunkBytes-1)/ChunkBytes)
	return objectHeaderBytes + plainBytes + tagBytes*chunks
}

// plainSize is the inverse of SealedSize. It returns ErrCorrupt about a size
// that no sealed object has.
func plainSize(sealedBytes int64) (int64, error) {
	body := sealedBytes - objectHeaderBytes
	chunks := (body + sealedChunkBytes - 1) / sealedChunkBytes
	plain := body - tagBytes*chunks
	if body < tagBytes || plain > MaxObjectBytes || SealedSize(plain) != sealedBytes {
		return 0, ErrCorrupt
	}
	return plain, nil
}

// objectKey is what seals or opens the chunks of one object. It does not change.
type objectKey struct {
	aead   cipher.AEAD
	place  [sha256.Size]byte
	commit [commitBytes]byte
}

// newObjectKey derives the key of the stream whose header begins with prefix,
// which ends before the commitment.
func newObjectKey(dataKey Secret, b Binding, prefix []byte) (*objectKey, error) {
	if !b.set {
		return nil, errNoBinding
	}
	if dataKey.Len() != KeyBytes {
		return nil, errKeyLength
	}
	var bound [commitOffset + sha256.Size]byte
	copy(bound[:], prefix[:commitOffset])
	copy(bound[commitOffset:], b.digest[:])
	k := &objectKey{place: sha256.Sum256(bound[:])}
	var keys [KeyBytes + commitBytes]byte
	newDerivation(dataKey.Reveal()).derive(keys[:], labelObject, k.place[:])
	k.aead = newGCM(keys[:KeyBytes])
	copy(k.commit[:], keys[KeyBytes:])
	clear(keys[:])
	return k, nil
}

type objectSalt [saltBytes]byte

func newObjectSalt() (s objectSalt) {
	rand.Read(s[:])
	return s
}

// chunkBuffer is the memory of one open stream. The header stands before the
// first chunk, so that a small object is one write.
type chunkBuffer struct {
	nonce [ivBytes]byte
	bytes [objectHeaderBytes + sealedChunkBytes]byte
}

var chunkBuffers = sync.Pool{New: func() any { return new(chunkBuffer) }}

func (c *chunkBuffer) header() []byte { return c.bytes[:objectHeaderBytes] }
func (c *chunkBuffer) chunk() []byte  { return c.bytes[objectHeaderBytes:] }

// chunkNonce returns the nonce of chunk i, in memory that is already on the heap.
func (c *chunkBuffer) chunkNonce(i int64, final bool) []byte {
	binary.BigEndian.PutUint64(c.nonce[3:], uint64(i))
	c.nonce[11] = 0
	if final {
		c.nonce[11] = 1
	}
	return c.nonce[:]
}
