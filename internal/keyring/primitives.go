package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	_ "crypto/sha1"   // registers crypto.SHA1, for OAEP
	_ "crypto/sha256" // registers SHA224 and SHA256
	_ "crypto/sha512" // registers SHA384 and SHA512

	"filippo.io/mldsa"
	"filippo.io/mldsa/mldsacrypto"
	"gitlab.com/yawning/secp256k1-voi/secec"
)

// prepare turns a message into what the primitive signs: its digest, or the
// message itself for Ed25519 and ML-DSA. The message is Raw, or a Digest of the
// right length, or μ.
func prepare(algorithm Algorithm, as MessageType, message []byte) []byte {
	if as == Digest && algorithm != AlgEd25519ph {
		return message
	}
	if algorithm == AlgEd25519 || algorithm == AlgMLDSA {
		return message
	}
	// Ed25519ph hashes what the caller calls a digest once more, as KMS does.
	h := algorithmTable[algorithm].hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// signOptions are the options of crypto.Signer for an algorithm.
func signOptions(algorithm Algorithm, as MessageType) crypto.SignerOpts {
	info := algorithmTable[algorithm]
	switch {
	case as == ExternalMu:
		return mldsacrypto.MLDSAMu
	case algorithm == AlgMLDSA:
		return &mldsa.Options{}
	case algorithm == AlgEd25519:
		return &ed25519.Options{}
	case algorithm == AlgEd25519ph:
		return &ed25519.Options{Hash: crypto.SHA512}
	case info.padding == pss:
		return pssOptions(info.hash)
	default:
		return info.hash
	}
}

// sign signs what prepare made. ECDSA signatures are ASN.1 DER, RSA signatures
// as long as the modulus, Ed25519 signatures 64 bytes.
func sign(private crypto.Signer, algorithm Algorithm, as MessageType, prepared []byte) ([]byte, error) {
	return private.Sign(rand.Reader, prepared, signOptions(algorithm, as))
}

// verifies reports whether signature is one of what prepare made.
func verifies(public crypto.PublicKey, algorithm Algorithm, prepared, signature []byte) bool {
	info := algorithmTable[algorithm]
	switch public := public.(type) {
	case *rsa.PublicKey:
		if info.padding == pss {
			return rsa.VerifyPSS(public, info.hash, prepared, signature, pssOptions(info.hash)) == nil
		}
		return rsa.VerifyPKCS1v15(public, info.hash, prepared, signature) == nil
	case *secec.PublicKey:
		return public.Verify(prepared, signature, &secec.ECDSAOptions{Hash: info.hash})
	case *mldsa.PublicKey:
		return mldsa.Verify(public, prepared, signature, nil) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, prepared, signature)
	case ed25519.PublicKey:
		return ed25519.VerifyWithOptions(public, prepared, signature, signOptions(algorithm, Raw).(*ed25519.Options)) == nil
	default:
		return false
	}
}

// encryptOAEP encrypts with an empty label and the same hash in MGF1.
func encryptOAEP(public *rsa.PublicKey, algorithm Algorithm, plaintext []byte) ([]byte, error) {
	return rsa.EncryptOAEP(algorithmTable[algorithm].hash.New(), rand.Reader, public, plaintext, nil)
}

func decryptOAEP(private *rsa.PrivateKey, algorithm Algorithm, ciphertext []byte) ([]byte, error) {
	return rsa.DecryptOAEP(algorithmTable[algorithm].hash.New(), nil, private, ciphertext, nil)
}

func computeMAC(algorithm Algorithm, secret, message []byte) []byte {
	mac := hmac.New(algorithmTable[algorithm].hash.New, secret)
	mac.Write(message)
	return mac.Sum(nil)
}

// agree is the x-coordinate of the product of private and the peer's point,
// SP 800-56A section 5.7.1.2. peer is a SubjectPublicKeyInfo on the same curve.
func agree(private *ecdsa.PrivateKey, peer []byte) ([]byte, bool) {
	parsed, err := x509.ParsePKIXPublicKey(peer)
	if err != nil {
		return nil, false
	}
	theirs, ok := parsed.(*ecdsa.PublicKey)
	if !ok || theirs.Curve != private.Curve {
		return nil, false
	}
	theirPoint, err := theirs.ECDH()
	if err != nil {
		return nil, false
	}
	ours, err := private.ECDH()
	if err != nil {
		return nil, false
	}
	secret, err := ours.ECDH(theirPoint)
	return secret, err == nil
}
