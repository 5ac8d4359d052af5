package sealed

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// A key blob, as docs/spec/keyblob.md describes it:
//
//	 0   1  format version, 1
//	 1   1  kind of key id: 0 a UUID, 1 "mrk-" and 32 hexadecimal digits
//	 2  16  key id
//	18  32  material id
//	50   …  box: nonce 16 ‖ iv 12 ‖ ciphertext ‖ tag 16 (see box.go)
//
// The associated data is the header (the first 50 bytes) and the canonical
// encryption context after it.
const (
	blobVersion     = 1
	blobIDOffset    = 2
	blobMatOffset   = blobIDOffset + 16
	blobHeaderBytes = blobMatOffset + 32

	// BlobOverheadBytes is by how much a key blob is longer than its plaintext.
	BlobOverheadBytes = blobHeaderBytes + boxOverhead
	// MaxBlobBytes bounds what ParseBlob reads.
	MaxBlobBytes = 6144
	// MaxBlobPlaintextBytes is the longest plaintext of a key blob.
	MaxBlobPlaintextBytes = MaxBlobBytes - BlobOverheadBytes

	kindUUID, kindMultiRegion = 0, 1
	multiRegionPrefix         = "mrk-"
)

var errPlaintextTooLong = fmt.Errorf("sealed: plaintext of a key blob is longer than %d bytes", MaxBlobPlaintextBytes)

// BlobHeader names the key and the material that sealed a key blob. What
// ParseBlob returns is a claim until BlobKey.Open has succeeded.
type BlobHeader struct {
	// KeyID is a lower-case UUID, or "mrk-" and 32 lower-case hexadecimal digits.
	KeyID string
	// MaterialID tells the versions of a key's material apart.
	MaterialID [32]byte
}

// ParseBlob reads the header of a key blob. It returns ErrCorrupt unless blob
// has the form of one; it needs no key and checks no tag.
func ParseBlob(blob []byte) (BlobHeader, error) {
	if len(blob) < BlobOverheadBytes || len(blob) > MaxBlobBytes || blob[0] != blobVersion {
		return BlobHeader{}, ErrCorrupt
	}
	var h BlobHeader
	digits := hex.AppendEncode(make([]byte, 0, 36), blob[blobIDOffset:blobMatOffset])
	switch blob[1] {
	case kindUUID:
		for _, i := range [...]int{8, 13, 18, 23} {
			digits = append(digits, 0)
			copy(digits[i+1:], digits[i:])
			digits[i] = '-'
		}
		h.KeyID = string(digits)
	case kindMultiRegion:
		h.KeyID = multiRegionPrefix + string(digits)
	default:
		return BlobHeader{}, ErrCorrupt
	}
	copy(h.MaterialID[:], blob[blobMatOffset:])
	return h, nil
}

var errKeyID = errors.New("sealed: a key id is a lower-case UUID, or mrk- and 32 hexadecimal digits")

// encode is the inverse of ParseBlob.
func (h BlobHeader) encode() (out [blobHeaderBytes]byte, err error) {
	out[0] = blobVersion
	digits, ok := strings.CutPrefix(h.KeyID, multiRegionPrefix)
	if ok {
		out[1] = kindMultiRegion
	} else {
		groups := strings.Split(h.KeyID, "-")
		if len(h.KeyID) != 36 || len(groups) != 5 || len(groups[0]) != 8 ||
			len(groups[1]) != 4 || len(groups[2]) != 4 || len(groups[3]) != 4 {
			return out, errKeyID
		}
		digits = strings.Join(groups, "")
	}
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return out, errKeyID
	}
	if _, err := hex.Decode(out[blobIDOffset:blobMatOffset], []byte(digits)); err != nil {
		return out, errKeyID
	}
	copy(out[blobMatOffset:], h.MaterialID[:])
	return out, nil
}

// BlobKey seals and opens the key blobs of one version of a key's material. It
// is prepared once and used often, also concurrently. It keeps its own copy of
// the material.
type BlobKey struct {
	kdf     *kdf
	header  [blobHeaderBytes]byte
	scratch sync.Pool // of *blobScratch
}

type blobScratch struct {
	aad  []byte
	keys []string
}

// NewBlobKey prepares material, which has KeyBytes bytes, under the names that
// its blobs will carry.
func NewBlobKey(material Secret, h BlobHeader) (*BlobKey, error) {
	header, err := h.encode()
	if err != nil {
		return nil, err
	}
	kdf, err := newKDF(material)
	if err != nil {
		return nil, err
	}
	k := &BlobKey{kdf: kdf, header: header}
	k.scratch.New = func() any { return new(blobScratch) }
	return k, nil
}

// Seal returns a key blob of plaintext, BlobOverheadBytes longer than it. The
// context is authenticated but not stored: Open needs equal pairs. There is no
// bound on how many blobs one key may seal.
//
// It returns ErrContextTooLong, or an error about a plaintext of more than
// MaxBlobPlaintextBytes.
func (k *BlobKey) Seal(context map[string]string, plaintext []byte) ([]byte, error) {
	return k.seal(newEntropy(), context, plaintext)
}

func (k *BlobKey) seal(e entropy, context map[string]string, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxBlobPlaintextBytes {
		return nil, errPlaintextTooLong
	}
	if err := CheckContext(context); err != nil {
		return nil, err
	}
	blob := make([]byte, 0, len(plaintext)+BlobOverheadBytes)
	blob = append(blob, k.header[:]...)
	s := k.associate(context)
	blob = k.kdf.sealBox(blob, e, labelBlob, plaintext, s.aad)
	k.scratch.Put(s)
	return blob, nil
}

// Open returns the plaintext of a blob that Seal made with an equal context. It
// returns ErrCorrupt about anything else, also about a blob of another key or
// material, and ErrContextTooLong.
func (k *BlobKey) Open(context map[string]string, blob []byte) ([]byte, error) {
	if err := CheckContext(context); err != nil {
		return nil, err
	}
	if len(blob) < BlobOverheadBytes || len(blob) > MaxBlobBytes || [blobHeaderBytes]byte(blob) != k.header {
		return nil, ErrCorrupt
	}
	s := k.associate(context)
	plaintext, err := k.kdf.openBox(blob[blobHeaderBytes:], labelBlob, s.aad)
	k.scratch.Put(s)
	return plaintext, err
}

func (k *BlobKey) associate(context map[string]string) *blobScratch {
	s := k.scratch.Get().(*blobScratch)
	s.aad, s.keys = appendContext(append(s.aad[:0], k.header[:]...), context, s.keys)
	return s
}
