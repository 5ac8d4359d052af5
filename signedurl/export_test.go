package signedurl

import (
	"crypto/x509"
	"encoding/pem"
)

// ParsePublicKeyOfBits reads an RSA key of a length that CloudFront refuses, for
// vectors that others made with such keys.
func ParsePublicKeyOfBits(text []byte, bits int) (*PublicKey, error) {
	block, _ := pem.Decode(text)
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return newPublicKey(pub, block.Bytes, bits)
}

// SumInto opens a window on the digest of a policy.
var SumInto = sumInto

// AppendCoded and DecodeCoded open a window on the wire alphabet.
var AppendCoded = appendCoded

// DecodeCoded returns false for what cannot be decoded.
func DecodeCoded(value string) ([]byte, bool) {
	b, bad := decodeCoded(value)
	return b, bad == nil
}
