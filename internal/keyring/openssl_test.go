package keyring_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"testing"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// What OpenSSL calls an algorithm.
var opensslSignatures = []struct {
	algorithm keyring.Algorithm
	specs     []keyring.KeySpec
	hash      string
	pss       bool
}{
	{keyring.AlgPKCS1SHA256, []keyring.KeySpec{keyring.RSA2048, keyring.RSA3072}, "sha256", false},
	{keyring.AlgPKCS1SHA384, []keyring.KeySpec{keyring.RSA2048}, "sha384", false},
	{keyring.AlgPKCS1SHA512, []keyring.KeySpec{keyring.RSA2048}, "sha512", false},
	{keyring.AlgPSSSHA256, []keyring.KeySpec{keyring.RSA2048, keyring.RSA3072}, "sha256", true},
	{keyring.AlgPSSSHA384, []keyring.KeySpec{keyring.RSA2048}, "sha384", true},
	{keyring.AlgPSSSHA512, []keyring.KeySpec{keyring.RSA2048}, "sha512", true},
	{keyring.AlgECDSASHA256, []keyring.KeySpec{keyring.P256, keyring.Secp256k1}, "sha256", false},
	{keyring.AlgECDSASHA384, []keyring.KeySpec{keyring.P384}, "sha384", false},
	{keyring.AlgECDSASHA512, []keyring.KeySpec{keyring.P521}, "sha512", false},
}

// Signatures made here verify in OpenSSL, for raw messages and for digests.
func TestSignForOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	w := newWorld(t)
	r := w.open()
	message := []byte("the message")
	o.file("message", message)
	keys := make(map[keyring.KeySpec]keyring.Metadata)
	for _, tt := range opensslSignatures {
		for _, spec := range tt.specs {
			if _, ok := keys[spec]; !ok {
				keys[spec] = create(t, r, spec, keyring.SignVerify)
			}
			use := keyring.Use{Key: string(keys[spec].ID), Algorithm: tt.algorithm}
			public := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: use.Key}))
			o.file("public.der", public.DER)
			for as, input := range map[keyring.MessageType][]byte{keyring.Raw: message, keyring.Digest: digest(tt.hash, message)} {
				signed := must[keyring.Signed](t)(r.Sign(t.Context(), root(), use, as, input))
				o.file("signature", signed.Signature)
				args := []string{"dgst", "-" + tt.hash, "-verify", "public.der", "-keyform", "DER", "-signature", "signature"}
				if tt.pss {
					args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-sigopt", "rsa_mgf1_md:"+tt.hash)
				}
				if out := o.run(append(args, "message")...); !bytes.Contains(out, []byte("Verified OK")) {
					t.Errorf("%s %s %s: openssl says %s", spec, tt.algorithm, as, out)
				}
			}
		}
	}
}

// Data key pairs made here sign in OpenSSL, and so are keys for it.
func TestDataKeyPairsForOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	w := newWorld(t)
	r := w.open()
	wrapping := create(t, r, keyring.Symmetric, "")
	o.file("message", []byte("the message"))
	for _, spec := range []keyring.KeySpec{keyring.RSA2048, keyring.P256, keyring.P384, keyring.P521, keyring.Secp256k1} {
		pair := must[keyring.DataKeyPair](t)(r.GenerateDataKeyPair(t.Context(), root(), keyring.Use{Key: wrapping.ARN}, spec))
		o.file("private.der", pair.Private.Plaintext.Reveal())
		o.file("public.der", pair.Public)
		o.run("pkey", "-inform", "DER", "-in", "private.der", "-check", "-noout")
		o.run("dgst", "-sha256", "-sign", "private.der", "-keyform", "DER", "-out", "signature", "message")
		o.run("dgst", "-sha256", "-verify", "public.der", "-keyform", "DER", "-signature", "signature", "message")
	}
}

// RSA ciphertexts go to OpenSSL and come from it.
func TestOAEPWithOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	public := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: key.ARN}))
	o.file("public.der", public.DER)
	secret := []byte("a secret")
	o.file("plaintext", secret)
	for algorithm, hash := range map[keyring.Algorithm]string{keyring.AlgOAEPSHA1: "sha1", keyring.AlgOAEPSHA256: "sha256"} {
		padding := []string{"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:" + hash, "-pkeyopt", "rsa_mgf1_md:" + hash}
		ciphertext := o.run(append([]string{"pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public.der", "-in", "plaintext"}, padding...)...)
		got, err := r.Decrypt(t.Context(), root(), keyring.Use{Key: key.ARN, Algorithm: algorithm}, ciphertext)
		if err != nil || !bytes.Equal(got.Plaintext, secret) {
			t.Errorf("Decrypt(%s by openssl) = %q, %v", algorithm, got.Plaintext, err)
		}

		// The private half of a data key pair is openssl's, its public half ours.
		wrapping := create(t, r, keyring.Symmetric, "")
		pair := must[keyring.DataKeyPair](t)(r.GenerateDataKeyPair(t.Context(), root(), keyring.Use{Key: wrapping.ARN}, keyring.RSA2048))
		o.file("private.der", pair.Private.Plaintext.Reveal())
		o.file("ciphertext", keyring.EncryptOAEPTo(t, pair.Public, algorithm, secret))
		args := []string{"pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "private.der", "-in", "ciphertext"}
		if got := o.run(append(args, padding...)...); !bytes.Equal(got, secret) {
			t.Errorf("openssl decrypts %s to %q", algorithm, got)
		}
	}
}

func digest(hash string, message []byte) []byte {
	switch hash {
	case "sha256":
		h := sha256.Sum256(message)
		return h[:]
	case "sha384":
		h := sha512.Sum384(message)
		return h[:]
	default:
		h := sha512.Sum512(message)
		return h[:]
	}
}
