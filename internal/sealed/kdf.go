package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Labels separate what one secret is used for. They are part of the formats.
const (
	labelRootID = "keyfront/root-id/1"
	labelWrap   = "keyfront/wrap/1"
	labelBlob   = "keyfront/blob/1"
	labelObject = "keyfront/object/1"
)

// kdf derives keys from one secret of 32 bytes: NIST SP 800-108r1, counter mode
// (section 4.1) with HMAC-SHA-256, a 32-bit counter before the fixed data, and
// a 32-bit length in bits at its end:
//
//	K(i) = HMAC(secret, u32(i) ‖ label ‖ 0x00 ‖ context ‖ u32(bits))
//
// HMAC and not CMAC, because the standard library has it; the keyed state is
// kept, so that a derivation is two compressions and no key set-up. It may be
// used concurrently.
type kdf struct{ states sync.Pool }

type kdfState struct {
	mac   hash.Hash
	input []byte
	out   [2 * sha256.Size]byte
}

func newKDF(secret Secret) (*kdf, error) {
	if secret.Len() != KeyBytes {
		return nil, errKeyLength
	}
	// States are made whenever the pool is empty, also after the caller has
	// wiped its Secret: the kdf owns its bytes.
	own := NewSecret(secret.Reveal())
	k := &kdf{}
	k.states.New = func() any {
		return &kdfState{mac: hmac.New(sha256.New, own.Reveal())}
	}
	return k, nil
}

// derive fills out, which has at most 64 bytes.
func (k *kdf) derive(out []byte, label string, context []byte) {
	s := k.states.Get().(*kdfState)
	for i, done := uint32(1), 0; done < len(out); i++ {
		in := binary.BigEndian.AppendUint32(s.input[:0], i)
		in = append(in, label...)
		in = append(in, 0)
		in = append(in, context...)
		in = binary.BigEndian.AppendUint32(in, uint32(8*len(out)))
		s.mac.Reset()
		s.mac.Write(in)
		done += copy(out[done:], s.mac.Sum(s.out[:0]))
		s.input = in
	}
	clear(s.out[:])
	k.states.Put(s)
}

// A box is one sealed message:
//
//	nonce 16 ‖ iv 12 ‖ ciphertext ‖ tag 16
//
// It is sealed by AES-256-GCM under the key derived from (secret, label, nonce).
// Both random parts together make a repeat of (key, iv) a collision of 224 bits.
// The bytes after the nonce are what cipher.NewGCMWithRandomNonce makes.
const (
	nonceBytes  = 16
	ivBytes     = 12
	tagBytes    = 16
	boxOverhead = nonceBytes + ivBytes + tagBytes
)

// entropy is the random part of a box: its nonce and its iv.
type entropy [nonceBytes + ivBytes]byte

func newEntropy() (e entropy) {
	rand.Read(e[:])
	return e
}

// sealBox appends a box of plaintext to dst. No two boxes may share e.
func (k *kdf) sealBox(dst []byte, e entropy, label string, plaintext, aad []byte) []byte {
	dst = append(dst, e[:]...)
	random := dst[len(dst)-len(e):]
	return k.boxCipher(label, random[:nonceBytes]).Seal(dst, random[nonceBytes:], plaintext, aad)
}

// openBox returns the plaintext in a slice of its own.
func (k *kdf) openBox(box []byte, label string, aad []byte) ([]byte, error) {
	if len(box) < boxOverhead {
		return nil, ErrCorrupt
	}
	iv, sealed := box[nonceBytes:nonceBytes+ivBytes], box[nonceBytes+ivBytes:]
	plaintext, err := k.boxCipher(label, box[:nonceBytes]).Open(nil, iv, sealed, aad)
	if err != nil {
		return nil, ErrCorrupt
	}
	return plaintext, nil
}

func (k *kdf) boxCipher(label string, nonce []byte) cipher.AEAD {
	var key [KeyBytes]byte
	k.derive(key[:], label, nonce)
	aead := newGCM(key[:])
	clear(key[:])
	return aead
}

// newGCM returns AES-256-GCM under key, which has 32 bytes.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("sealed: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("sealed: " + err.Error())
	}
	return aead
}
