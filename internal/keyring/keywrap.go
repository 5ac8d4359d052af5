package keyring

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

var errKeyWrap = errors.New("keyring: wrapped key does not open")

// unwrapKWP opens a key that AES Key Wrap with Padding wrapped under kek, which
// is an AES key. The padding check takes the same time whatever is wrong.
//
// Source: RFC 5649, section 4.2.
func unwrapKWP(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	n := len(wrapped)/8 - 1 // blocks of 64 bits, beside the first
	if len(wrapped)%8 != 0 || n < 1 {
		return nil, errKeyWrap
	}
	out := append([]byte(nil), wrapped...)
	a, r := out[:8], out[8:]
	if n == 1 {
		block.Decrypt(out, out)
	} else {
		// The inverse of section 2.2.1 of RFC 3394, indexed.
		var b [aes.BlockSize]byte
		for j := 5; j >= 0; j-- {
			for i := n; i >= 1; i-- {
				t := binary.BigEndian.Uint64(a) ^ uint64(n*j+i)
				binary.BigEndian.PutUint64(b[:8], t)
				copy(b[8:], r[(i-1)*8:i*8])
				block.Decrypt(b[:], b[:])
				copy(a, b[:8])
				copy(r[(i-1)*8:], b[8:])
			}
		}
		clear(b[:])
	}
	const initial = 0xA65959A6
	size := int(binary.BigEndian.Uint32(a[4:]))
	ok := subtle.ConstantTimeEq(int32(binary.BigEndian.Uint32(a)^initial), 0)
	ok &= subtle.ConstantTimeLessOrEq(8*(n-1)+1, size&0x7fffffff) & subtle.ConstantTimeLessOrEq(size&0x7fffffff, 8*n)
	ok &= subtle.ConstantTimeEq(int32(uint32(size)>>31), 0)
	padding := byte(0)
	for i := max(0, 8*n-7); i < 8*n; i++ {
		beyond := byte(subtle.ConstantTimeLessOrEq(size&0x7fffffff, i))
		padding |= r[i] & -beyond
	}
	if ok&subtle.ConstantTimeByteEq(padding, 0) != 1 {
		clear(out)
		return nil, errKeyWrap
	}
	return r[:size:size], nil
}
