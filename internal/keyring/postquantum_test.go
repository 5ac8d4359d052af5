package keyring_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

func TestWycheproofMLDSA(t *testing.T) {
	for spec, name := range map[keyring.KeySpec]string{keyring.MLDSA44: "44", keyring.MLDSA65: "65", keyring.MLDSA87: "87"} {
		var file struct {
			TestGroups []struct {
				PublicKey hexBytes
				Tests     []struct {
					TcID          int
					Comment       string
					Msg, Sig, Ctx hexBytes
					Result        string
				}
			}
		}
		vectors(t, "mldsa_"+name+"_verify_test.json", &file)
		n := 0
		for _, g := range file.TestGroups {
			public, err := keyring.MLDSAPublicKey(spec, g.PublicKey)
			for _, c := range g.Tests {
				if len(c.Ctx) > 0 {
					continue // KMS has no context
				}
				n++
				got := err == nil && keyring.Verifies(public, keyring.AlgMLDSA, c.Msg, c.Sig)
				if want := c.Result == "valid"; got != want {
					t.Errorf("%s %d (%s) = %v, want %s", spec, c.TcID, c.Comment, got, c.Result)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: no vectors", spec)
		}
	}
}

func TestWycheproofMLKEM(t *testing.T) {
	for spec, name := range map[keyring.KeySpec]string{keyring.MLKEM512: "512", keyring.MLKEM768: "768", keyring.MLKEM1024: "1024"} {
		var file struct {
			TestGroups []struct {
				Tests []struct {
					TcID           int
					Comment        string
					Seed, Ek, C, K hexBytes
					Result         string
				}
			}
		}
		vectors(t, "mlkem_"+name+"_test.json", &file)
		n := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				n++
				private, err := keyring.NewDecapsulator(spec, c.Seed)
				var shared []byte
				if err == nil {
					shared, err = private.Decapsulate(c.C)
				}
				got := err == nil && bytes.Equal(shared, c.K) && bytes.Equal(private.Encapsulator().Bytes(), c.Ek)
				if want := c.Result == "valid"; got != want {
					t.Errorf("%s %d (%s) = %v %v, want %s", spec, c.TcID, c.Comment, got, err, c.Result)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: no vectors", spec)
		}
	}
}

func TestMLDSA(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	lengths := map[keyring.KeySpec][2]int{keyring.MLDSA44: {2420, 1312}, keyring.MLDSA65: {3309, 1952}, keyring.MLDSA87: {4627, 2592}}
	for spec, want := range lengths {
		m := create(t, r, spec, keyring.SignVerify)
		use := keyring.Use{Key: m.ARN, Algorithm: keyring.AlgMLDSA}
		message := []byte("the message")
		der := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), use)).DER
		var info struct {
			Algorithm asn1.RawValue
			Key       asn1.BitString
		}
		if _, err := asn1.Unmarshal(der, &info); err != nil || len(info.Key.Bytes) != want[1] {
			t.Errorf("%s: public key of %d bytes, %v; want %d", spec, len(info.Key.Bytes), err, want[1])
		}
		raw := must[keyring.Signed](t)(r.Sign(t.Context(), root(), use, keyring.Raw, message)).Signature
		mu := must[keyring.Signed](t)(r.Sign(t.Context(), root(), use, keyring.ExternalMu, keyring.Mu(info.Key.Bytes, message))).Signature
		for name, signature := range map[string][]byte{"RAW": raw, "EXTERNAL_MU": mu} {
			if len(signature) != want[0] {
				t.Errorf("%s %s: %d bytes, want %d", spec, name, len(signature), want[0])
			}
			if _, err := w.open().Verify(t.Context(), root(), use, keyring.Raw, message, signature); err != nil {
				t.Errorf("%s %s does not verify: %v", spec, name, err)
			}
		}
		if _, err := r.Verify(t.Context(), root(), use, keyring.Raw, []byte("another"), raw); !errors.Is(err, keyring.ErrInvalidSignature) {
			t.Errorf("%s: another message = %v", spec, err)
		}
		if _, err := r.Verify(t.Context(), root(), use, keyring.ExternalMu, make([]byte, 64), raw); !errors.Is(err, keyring.ErrUnsupported) {
			t.Errorf("%s: Verify EXTERNAL_MU = %v", spec, err)
		}
		_, err := r.Sign(t.Context(), root(), use, keyring.ExternalMu, make([]byte, 63))
		wantError(t, "a short μ", err, keyring.ErrInvalid, "The message of type EXTERNAL_MU must have 64 bytes.")
		_, err = r.Sign(t.Context(), root(), use, keyring.Digest, make([]byte, 64))
		wantError(t, "a digest", err, keyring.ErrInvalid, "MessageType DIGEST is not valid for the algorithm ML_DSA_SHAKE_256.")
	}
	p256 := keyring.Use{Key: create(t, r, keyring.P256, keyring.SignVerify).ARN, Algorithm: keyring.AlgECDSASHA256}
	_, err := r.Sign(t.Context(), root(), p256, keyring.ExternalMu, make([]byte, 64))
	wantError(t, "μ for ECDSA", err, keyring.ErrInvalid, "MessageType EXTERNAL_MU is not valid for the algorithm ECDSA_SHA_256.")
}

func TestMLKEM(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for spec, size := range map[keyring.KeySpec]int{keyring.MLKEM512: 768, keyring.MLKEM768: 1088, keyring.MLKEM1024: 1568} {
		m := create(t, r, spec, keyring.EncapsulateDecapsulate)
		use := keyring.Use{Key: m.ARN, Algorithm: keyring.AlgMLKEM}
		made := must[keyring.Encapsulated](t)(r.Encapsulate(t.Context(), root(), use))
		if len(made.Secret) != 32 || len(made.Ciphertext) != size || made.KeyARN != m.ARN {
			t.Errorf("%s: secret of %d bytes in %d", spec, len(made.Secret), len(made.Ciphertext))
		}
		opened := must[keyring.Encapsulated](t)(w.open().Decapsulate(t.Context(), root(), use, made.Ciphertext))
		if !bytes.Equal(opened.Secret, made.Secret) {
			t.Errorf("%s: the secrets differ", spec)
		}
		made.Ciphertext[5] ^= 1
		if other, err := r.Decapsulate(t.Context(), root(), use, made.Ciphertext); err != nil || len(other.Secret) != 32 || bytes.Equal(other.Secret, made.Secret) {
			t.Errorf("%s: a changed ciphertext = %v", spec, err)
		}
		_, err := r.Decapsulate(t.Context(), root(), use, made.Ciphertext[1:])
		wantError(t, "a shorter ciphertext", err, keyring.ErrInvalidCiphertext, "")
		use.DryRun = true
		if _, err := r.Encapsulate(t.Context(), root(), use); !errors.Is(err, keyring.ErrDryRun) {
			t.Errorf("%s: dry run = %v", spec, err)
		}
		if der := must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN})).DER; len(der) < size/2 {
			t.Errorf("%s: public key of %d bytes", spec, len(der))
		}
		if last := must[keyring.LastUsage](t)(r.LastUsage(t.Context(), root(), m.ARN)); last.Operation != "Decapsulate" {
			t.Errorf("%s: last usage %+v", spec, last)
		}
	}
	sym := keyring.Use{Key: create(t, r, keyring.Symmetric, "").ARN, Algorithm: keyring.AlgMLKEM}
	_, err := r.Encapsulate(t.Context(), root(), sym)
	wantError(t, "Encapsulate with a symmetric key", err, keyring.ErrUsage, sym.Key+" key usage is ENCRYPT_DECRYPT which is not valid for Encapsulate.")
}
