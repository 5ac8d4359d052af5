package sealed

import (
	"crypto/hmac"
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

// derivation derives keys from one secret of 32 bytes: NIST SP 800-108r1, counter
// mode (section 4.1) with HMAC-SHA-256, a 32-bit counter before the fixed data,
// and a 32-bit length in bits at its end:
//
//	K(i) = HMAC(secret, u32(i) ‖ label ‖ 0x00 ‖ context ‖ u32(bits))
//
// HMAC and not CMAC, because the standard library has it; the keyed state is
// kept, so that a further derivation is two compressions and no key set-up.
type derivation struct {
	mac   hash.Hash
	input []byte
	out   [2 * sha256.Size]byte
}

func newDerivation(secret []byte) *derivation {
	return &derivation{mac: hmac.New(sha256.New, secret)}
}

// derive fills out, which has at most 64 bytes.
func (d *derivation) derive(out []byte, label string, context []byte) {
	for i, done := uint32(1), 0; done < len(out); i++ {
		in := binary.BigEndian.AppendUint32(d.input[:0], i)
		in = append(in, label...)
		in = append(in, 0)
		in = append(in, context...)
		in = binary.BigEndian.AppendUint32(in, uint32(8*len(out)))
		if i > 1 {
			d.mac.Reset()
		}
		d.mac.Write(in)
		done += copy(out[done:], d.mac.Sum(d.out[:0]))
		d.input = in
	}
	clear(d.out[:])
}

// kdf derives from a secret that is used often, also concurrently.
type kdf struct{ states sync.Pool }

func newKDF(secret Secret) (*kdf, error) {
	if secret.Len() != KeyBytes {
		return nil, errKeyLength
	}
	// States are made whenever the pool is empty, also after the caller has
	// wiped its Secret: the kdf owns its bytes.
	own := NewSecret(secret.Reveal())
	k := &kdf{}
	k.states.New = func() any { return newDerivation(own.Reveal()) }
	return k, nil
}

func (k *kdf) derive(out []byte, label string, context []byte) {
	d := k.states.Get().(*derivation)
	d.derive(out, label, context)
	d.mac.Reset()
	k.states.Put(d)
}
