package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

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
