// Package detached makes the digests of detached file signatures and verifies
// them without a key service. A signature is what KMS Sign returns under
// MessageType DIGEST, and what openssl dgst -sign writes: for RSA as many bytes as
// the modulus has (RFC 8017), for ECDSA an ASN.1 DER sequence (RFC 3279).
// Algorithms go by their names in KMS.
package detached

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // registers SHA256
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Algorithm is a signing algorithm in the words of KMS.
type Algorithm string

var (
	// ErrInvalid says that a signature is not one of these bytes under this key.
	ErrInvalid = errors.New("signature does not match")
	// ErrAlgorithm says that files cannot be signed in this way, or not with a
	// key of this type.
	ErrAlgorithm = errors.New("no algorithm for signatures of files")
)

// MaxSignatureBytes bounds the signatures of all algorithms here.
const MaxSignatureBytes = 1024

type scheme uint8

const (
	pkcs1 scheme = iota
	pss
	ecdsaDER
	ed25519ph
)

// row is one algorithm.
type row struct {
	name   Algorithm
	scheme scheme
	hash   crypto.Hash
	curve  elliptic.Curve // of ECDSA: KMS ties each hash to one
}

// algorithms lists them, for each type of key the default first. What KMS has
// beyond these does not sign a digest.
var algorithms = []row{
	{"RSASSA_PKCS1_V1_5_SHA_256", pkcs1, crypto.SHA256, nil},
	{"RSASSA_PKCS1_V1_5_SHA_384", pkcs1, crypto.SHA384, nil},
	{"RSASSA_PKCS1_V1_5_SHA_512", pkcs1, crypto.SHA512, nil},
	{"RSASSA_PSS_SHA_256", pss, crypto.SHA256, nil},
	{"RSASSA_PSS_SHA_384", pss, crypto.SHA384, nil},
	{"RSASSA_PSS_SHA_512", pss, crypto.SHA512, nil},
	{"ECDSA_SHA_256", ecdsaDER, crypto.SHA256, elliptic.P256()},
	{"ECDSA_SHA_384", ecdsaDER, crypto.SHA384, elliptic.P384()},
	{"ECDSA_SHA_512", ecdsaDER, crypto.SHA512, elliptic.P521()},
	{"ED25519_PH_SHA_512", ed25519ph, crypto.SHA512, nil},
}

// Algorithms names all that files can be signed with.
func Algorithms() []Algorithm {
	names := make([]Algorithm, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

// Default is the algorithm to sign files with, of those that a KMS key offers.
func Default(offered []string) (Algorithm, error) {
	for _, a := range algorithms {
		if slices.Contains(offered, string(a.name)) {
			return a.name, nil
		}
	}
	if len(offered) == 0 {
		return "", fmt.Errorf("%w: the key is not one for signing", ErrAlgorithm)
	}
	return "", fmt.Errorf("%w: the key offers %s only", ErrAlgorithm, strings.Join(offered, ", "))
}

// ForKey is the algorithm that verifies with public when nobody names one: the
// one that Default has for keys of this type.
func ForKey(public crypto.PublicKey) (Algorithm, error) {
	for _, a := range algorithms {
		if a.suits(public) {
			return a.name, nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrAlgorithm, kind(public))
}

// NewDigest returns what the bytes of a file are written to; its Sum is the
// message of type DIGEST. The error is ErrAlgorithm.
func (a Algorithm) NewDigest() (hash.Hash, error) {
	for _, known := range algorithms {
		if known.name == a {
			return known.hash.New(), nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrAlgorithm, a)
}

// Verify returns nil if signature is one of a file with this digest by the holder
// of public's private half. Otherwise it is ErrInvalid, or ErrAlgorithm if a is
// not one for keys of this type.
func (a Algorithm) Verify(public crypto.PublicKey, digest, signature []byte) error {
	i := slices.IndexFunc(algorithms, func(known row) bool { return known.name == a })
	if i < 0 {
		return fmt.Errorf("%w: %s", ErrAlgorithm, a)
	}
	if !algorithms[i].suits(public) {
		return fmt.Errorf("%w: %s does not go with %s", ErrAlgorithm, a, kind(public))
	}
	if !algorithms[i].verifies(public, digest, signature) {
		return ErrInvalid
	}
	return nil
}

// suits reports whether the algorithm is one for keys of this type.
func (r row) suits(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return r.scheme == pkcs1 || r.scheme == pss
	case *ecdsa.PublicKey:
		return r.scheme == ecdsaDER && r.curve == public.Curve
	case ed25519.PublicKey:
		return r.scheme == ed25519ph
	}
	return false
}

// verifies wants a key that suits.
func (r row) verifies(public crypto.PublicKey, digest, signature []byte) bool {
	if len(digest) != r.hash.Size() {
		return false
	}
	switch r.scheme {
	case pkcs1:
		return rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), r.hash, digest, signature) == nil
	case pss:
		// KMS makes the salt as long as the hash; openssl as long as it can be.
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}
		return rsa.VerifyPSS(public.(*rsa.PublicKey), r.hash, digest, signature, options) == nil
	case ecdsaDER:
		return ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest, signature)
	default:
		// KMS takes the digest for the message of Ed25519ph and hashes it once more.
		again := sha512.Sum512(digest)
		return ed25519.VerifyWithOptions(public.(ed25519.PublicKey), again[:], signature, &ed25519.Options{Hash: crypto.SHA512}) == nil
	}
}

// kind names the type of a key for people.
func kind(public crypto.PublicKey) string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA keys of %d bits", public.N.BitLen())
	case *ecdsa.PublicKey:
		return "keys on " + public.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519 keys"
	}
	return fmt.Sprintf("keys of type %T", public)
}
