package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

var signing = map[keyring.KeySpec][]keyring.Algorithm{
	keyring.RSA2048: {
		keyring.AlgPKCS1SHA256, keyring.AlgPKCS1SHA384, keyring.AlgPKCS1SHA512,
		keyring.AlgPSSSHA256, keyring.AlgPSSSHA384, keyring.AlgPSSSHA512,
	},
	keyring.P256:    {keyring.AlgECDSASHA256},
	keyring.P384:    {keyring.AlgECDSASHA384},
	keyring.P521:    {keyring.AlgECDSASHA512},
	keyring.Ed25519: {keyring.AlgEd25519, keyring.AlgEd25519ph},
}

var hashOf = map[keyring.Algorithm]crypto.Hash{
	keyring.AlgPKCS1SHA256: crypto.SHA256, keyring.AlgPKCS1SHA384: crypto.SHA384, keyring.AlgPKCS1SHA512: crypto.SHA512,
	keyring.AlgPSSSHA256: crypto.SHA256, keyring.AlgPSSSHA384: crypto.SHA384, keyring.AlgPSSSHA512: crypto.SHA512,
	keyring.AlgECDSASHA256: crypto.SHA256, keyring.AlgECDSASHA384: crypto.SHA384, keyring.AlgECDSASHA512: crypto.SHA512,
}

// Every algorithm signs what it verifies, raw or hashed before, and nothing else.
func TestSignVerify(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	message := []byte("the message")
	for spec, algorithms := range signing {
		m := create(t, r, spec, keyring.SignVerify)
		for _, algorithm := range algorithms {
			use := keyring.Use{Key: m.ARN, Algorithm: algorithm}
			as, input := keyring.Raw, message
			if algorithm == keyring.AlgEd25519ph {
				sum := sha512.Sum512(message)
				as, input = keyring.Digest, sum[:]
			}
			signed, err := r.Sign(t.Context(), root(), use, as, input)
			if err != nil || signed.KeyARN != m.ARN || signed.Algorithm != algorithm {
				t.Errorf("Sign(%s, %s) = %+v, %v", spec, algorithm, signed, err)
				continue
			}
			verify := func(as keyring.MessageType, message, signature []byte) error {
				_, err := r.Verify(t.Context(), root(), use, as, message, signature)
				return err
			}
			if err := verify(as, input, signed.Signature); err != nil {
				t.Errorf("Verify(%s, %s) = %v", spec, algorithm, err)
			}
			if hash, ok := hashOf[algorithm]; ok {
				h := hash.New()
				h.Write(message)
				if err := verify(keyring.Digest, h.Sum(nil), signed.Signature); err != nil {
					t.Errorf("Verify(%s, %s, DIGEST) = %v", spec, algorithm, err)
				}
			}
			changed := bytes.Clone(input)
			changed[0] ^= 1
			wantError(t, "Verify of another message", verify(as, changed, signed.Signature), keyring.ErrInvalidSignature, "")
			bad := bytes.Clone(signed.Signature)
			bad[len(bad)-1] ^= 1
			wantError(t, "Verify of another signature", verify(as, input, bad), keyring.ErrInvalidSignature, "")
			wantError(t, "Verify of a cut signature", verify(as, input, bad[:len(bad)-1]), keyring.ErrInvalidSignature, "")
			wantError(t, "Verify of no DER", verify(as, input, []byte{0x30}), keyring.ErrInvalidSignature, "")
		}
	}
}

// KMS hashes the 64 bytes that it is given for Ed25519ph once more.
func TestEd25519phHashesTheDigest(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Ed25519, keyring.SignVerify)
	given := sha512.Sum512([]byte("the message"))
	signed := must[keyring.Signed](t)(r.Sign(t.Context(), root(), keyring.Use{Key: m.ARN, Algorithm: keyring.AlgEd25519ph}, keyring.Digest, given[:]))
	public := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN}))
	parsed, err := x509.ParsePKIXPublicKey(public.DER)
	if err != nil {
		t.Fatal(err)
	}
	twice := sha512.Sum512(given[:])
	if err := ed25519.VerifyWithOptions(parsed.(ed25519.PublicKey), twice[:], signed.Signature, &ed25519.Options{Hash: crypto.SHA512}); err != nil {
		t.Error(err)
	}
}

func TestSignErrors(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	p256 := create(t, r, keyring.P256, keyring.SignVerify)
	symmetric := create(t, r, keyring.Symmetric, "")
	mac := create(t, r, keyring.HMAC224, keyring.MACUsage)
	edwards := create(t, r, keyring.Ed25519, keyring.SignVerify)
	ecdsaUse := keyring.Use{Key: p256.ARN, Algorithm: keyring.AlgECDSASHA256}
	for _, tt := range []struct {
		name    string
		use     keyring.Use
		as      keyring.MessageType
		bytes   int
		kind    error
		message string
	}{
		{"digest too short", ecdsaUse, keyring.Digest, 31, keyring.ErrInvalid, "Digest is invalid length for algorithm ECDSA_SHA_256."},
		{"digest too long", ecdsaUse, keyring.Digest, 64, keyring.ErrInvalid, "Digest is invalid length for algorithm ECDSA_SHA_256."},
		{"nothing", ecdsaUse, keyring.Raw, 0, keyring.ErrInvalid, "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"oversized", ecdsaUse, keyring.Raw, 4097, keyring.ErrInvalid, "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096"},
		{"another hash", keyring.Use{Key: p256.ARN, Algorithm: keyring.AlgECDSASHA384}, keyring.Raw, 1, keyring.ErrUsage, "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."},
		{"another family", keyring.Use{Key: p256.ARN, Algorithm: keyring.AlgPSSSHA256}, keyring.Raw, 1, keyring.ErrUsage, "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."},
		{"symmetric key", keyring.Use{Key: symmetric.ARN, Algorithm: keyring.AlgECDSASHA256}, keyring.Raw, 1, keyring.ErrUsage, symmetric.ARN + " key usage is ENCRYPT_DECRYPT which is not valid for Sign."},
		{"HMAC key", keyring.Use{Key: mac.ARN, Algorithm: keyring.AlgECDSASHA256}, keyring.Raw, 1, keyring.ErrUsage, mac.ARN + " key usage is GENERATE_VERIFY_MAC which is not valid for Sign."},
		{"raw Ed25519ph", keyring.Use{Key: edwards.ARN, Algorithm: keyring.AlgEd25519ph}, keyring.Raw, 64, keyring.ErrInvalid, "MessageType RAW is not valid for the algorithm ED25519_PH_SHA_512."},
		{"hashed Ed25519", keyring.Use{Key: edwards.ARN, Algorithm: keyring.AlgEd25519}, keyring.Digest, 64, keyring.ErrInvalid, "MessageType DIGEST is not valid for the algorithm ED25519_SHA_512."},
		{"external mu", ecdsaUse, "EXTERNAL_MU", 64, keyring.ErrInvalid, "MessageType EXTERNAL_MU is not valid for the algorithm ECDSA_SHA_256."},
		{"dry run", keyring.Use{Key: p256.ARN, Algorithm: keyring.AlgECDSASHA256, DryRun: true}, keyring.Raw, 1, keyring.ErrDryRun, "The request would have succeeded, but the DryRun option is set."},
	} {
		_, err := r.Sign(t.Context(), root(), tt.use, tt.as, make([]byte, tt.bytes))
		wantError(t, tt.name, err, tt.kind, tt.message)
	}
	wantError(t, "wrong MAC algorithm", second(r.GenerateMAC(t.Context(), root(), keyring.Use{Key: mac.ARN, Algorithm: keyring.AlgHMAC256}, []byte("m"))),
		keyring.ErrUsage, "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
	for _, m := range []keyring.Metadata{symmetric, mac} {
		wantError(t, "public key of "+string(m.Spec), second(r.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN})), keyring.ErrUnsupported, "")
	}
}

func TestPublicKey(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.RSA3072, keyring.EncryptDecrypt)
	public := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: string(m.ID)}))
	parsed, err := x509.ParsePKIXPublicKey(public.DER)
	if err != nil || parsed.(*rsa.PublicKey).N.BitLen() != 3072 || public.Usage != keyring.EncryptDecrypt || public.Spec != keyring.RSA3072 || public.KeyARN != m.ARN || len(public.Algorithms) != 2 {
		t.Errorf("PublicKey = %+v, %v", public, err)
	}
	// Reopening makes the same key of what was stored.
	again := must[keyring.PublicKey](t)(w.open().PublicKey(t.Context(), root(), keyring.Use{Key: string(m.ID)}))
	if !bytes.Equal(again.DER, public.DER) {
		t.Error("the public key changed when the ring was opened again")
	}
}

func TestMAC(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for spec, algorithm := range map[keyring.KeySpec]keyring.Algorithm{
		keyring.HMAC224: keyring.AlgHMAC224, keyring.HMAC256: keyring.AlgHMAC256,
		keyring.HMAC384: keyring.AlgHMAC384, keyring.HMAC512: keyring.AlgHMAC512,
	} {
		use := keyring.Use{Key: create(t, r, spec, keyring.MACUsage).ARN, Algorithm: algorithm}
		made := must[keyring.MAC](t)(r.GenerateMAC(t.Context(), root(), use, []byte("m")))
		if _, err := r.VerifyMAC(t.Context(), root(), use, []byte("m"), made.Code); err != nil {
			t.Errorf("VerifyMAC(%s) = %v", algorithm, err)
		}
		wantError(t, "VerifyMAC of another message", second(r.VerifyMAC(t.Context(), root(), use, []byte("n"), made.Code)), keyring.ErrInvalidMAC, "")
		wantError(t, "VerifyMAC of a cut MAC", second(r.VerifyMAC(t.Context(), root(), use, []byte("m"), made.Code[:8])), keyring.ErrInvalidMAC, "")
	}
}

func TestDeriveSharedSecret(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for spec, curve := range map[keyring.KeySpec]elliptic.Curve{
		keyring.P256: elliptic.P256(), keyring.P384: elliptic.P384(), keyring.P521: elliptic.P521(),
	} {
		m := create(t, r, spec, keyring.KeyAgreement)
		use := keyring.Use{Key: m.ARN, Algorithm: keyring.AlgECDH}
		theirs, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(theirs.Public())
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.DeriveSharedSecret(t.Context(), root(), use, der)
		if err != nil || len(got.Secret) != (curve.Params().BitSize+7)/8 || got.Origin != keyring.FromKMS {
			t.Fatalf("DeriveSharedSecret(%s) = %+v, %v", spec, got, err)
		}
		ours := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN}))
		if want, ok := keyring.Agree(theirs, ours.DER); !ok || !bytes.Equal(got.Secret, want) {
			t.Errorf("%s: the two sides disagree", spec)
		}
		other, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		wrong, _ := x509.MarshalPKIXPublicKey(other.Public())
		for _, peer := range [][]byte{nil, der[:20], wrong} {
			wantError(t, "DeriveSharedSecret with a bad peer", second(r.DeriveSharedSecret(t.Context(), root(), use, peer)), keyring.ErrInvalid, "")
		}
		_, err = r.Sign(t.Context(), root(), keyring.Use{Key: m.ARN, Algorithm: keyring.AlgECDSASHA256}, keyring.Raw, []byte("m"))
		if !errors.Is(err, keyring.ErrUsage) {
			t.Errorf("Sign with an agreement key = %v", err)
		}
	}
}

func TestRandom(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	a, b := must[interface{ Len() int }](t)(r.Random(t.Context(), root(), 32)), must[interface{ Len() int }](t)(r.Random(t.Context(), root(), 1024))
	if a.Len() != 32 || b.Len() != 1024 {
		t.Errorf("Random gave %d and %d bytes", a.Len(), b.Len())
	}
	if _, err := r.Random(t.Context(), root(), 1025); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("Random(1025) = %v", err)
	}
}
