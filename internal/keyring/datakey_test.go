package keyring_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

func TestDataKeys(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	bind := map[string]string{"purpose": "test"}
	use := keyring.Use{Key: key.ARN, Context: bind}
	for _, n := range []int{1, 16, 32, 1024} {
		dk := must[keyring.DataKey](t)(r.GenerateDataKey(t.Context(), root(), use, n))
		got, err := r.Decrypt(t.Context(), root(), keyring.Use{Context: bind}, dk.Blob)
		if err != nil || dk.Plaintext.Len() != n || !bytes.Equal(got.Plaintext, dk.Plaintext.Reveal()) || dk.KeyARN != key.ARN || dk.MaterialID != key.MaterialID {
			t.Errorf("data key of %d bytes = %+v, opens to %d bytes, %v", n, dk, len(got.Plaintext), err)
		}
		without := must[keyring.DataKey](t)(r.GenerateDataKeyWithoutPlaintext(t.Context(), root(), use, n))
		got, err = r.Decrypt(t.Context(), root(), keyring.Use{Context: bind}, without.Blob)
		blank := n > 1 && bytes.Equal(got.Plaintext, make([]byte, n)) // one byte may well be 0
		if err != nil || without.Plaintext.Len() != 0 || len(got.Plaintext) != n || blank {
			t.Errorf("data key of %d bytes without plaintext = %+v, opens to %x, %v", n, without, got.Plaintext, err)
		}
	}
	for _, n := range []int{0, 1025} {
		if _, err := r.GenerateDataKey(t.Context(), root(), use, n); !errors.Is(err, keyring.ErrInvalid) {
			t.Errorf("data key of %d bytes = %v, want ErrInvalid", n, err)
		}
	}
	for _, spec := range []keyring.KeySpec{keyring.RSA2048, keyring.P256, keyring.P384, keyring.P521, keyring.Ed25519} {
		without := must[keyring.DataKeyPair](t)(r.GenerateDataKeyPairWithoutPlaintext(t.Context(), root(), use, spec))
		opened, err := r.Decrypt(t.Context(), root(), keyring.Use{Context: bind}, without.Private.Blob)
		if err != nil || without.Private.Plaintext.Len() != 0 {
			t.Errorf("%s without plaintext = %+v, %v", spec, without, err)
			continue
		}
		private, err := x509.ParsePKCS8PrivateKey(opened.Plaintext)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if der, _ := x509.MarshalPKIXPublicKey(publicOf(private)); !bytes.Equal(der, without.Public) {
			t.Errorf("%s: the public half belongs to another private half", spec)
		}
	}
	signing := create(t, r, keyring.P256, keyring.SignVerify)
	rsaKey := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	wantError(t, "data key under a signing key", second(r.GenerateDataKey(t.Context(), root(), keyring.Use{Key: signing.ARN}, 32)),
		keyring.ErrUsage, signing.ARN+" key usage is SIGN_VERIFY which is not valid for GenerateDataKey.")
	wantError(t, "data key under an RSA key", second(r.GenerateDataKey(t.Context(), root(), keyring.Use{Key: rsaKey.ARN}, 32)),
		keyring.ErrUsage, rsaKey.ARN+" key spec is RSA_2048 which is not valid for GenerateDataKey.")
	wantError(t, "pair of an HMAC spec", second(r.GenerateDataKeyPair(t.Context(), root(), use, keyring.HMAC256)),
		keyring.ErrUnsupported, "KeyPairSpec HMAC_256 is not supported.")
}

// What a service asks for on a caller's behalf.
func TestServiceDataKeys(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	who := w.user(account, "alice", allowAll).Through("s3")
	bind := map[string]string{"aws:s3:arn": "arn:aws:s3:::b/k"}

	managed := must[string](t)(r.ManagedKey(t.Context(), who, "s3"))
	if again := must[string](t)(r.ManagedKey(t.Context(), root().Through("s3"), "s3")); again != managed {
		t.Errorf("ManagedKey = %s, then %s", managed, again)
	}
	if got, err := r.ManagedKey(t.Context(), who, "ec3"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("ManagedKey(ec3) = %q, %v", got, err)
	}
	meta := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: "alias/aws/s3"}))
	if meta.ARN != managed || meta.Manager != keyring.Service || meta.Description == "" {
		t.Errorf("Describe(alias/aws/s3) = %+v", meta)
	}
	for _, ref := range []string{managed, string(meta.ID), "alias/aws/s3", "arn:aws:kms:eu-west-1:111122223333:alias/aws/s3"} {
		key, wrapped, arn, err := r.NewDataKey(t.Context(), who, ref, bind)
		if err != nil || arn != managed || key.Len() != 32 {
			t.Fatalf("NewDataKey(%s) = %s, %v", ref, arn, err)
		}
		rec := w.recorder.Last()
		if rec.InvokedBy != "s3.eu-west-1.amazonaws.com" || rec.Action != "kms:GenerateDataKey" || rec.Decision != audit.Allowed ||
			!slices.Contains(rec.Context, audit.Pair{Name: "aws:s3:arn", Value: "arn:aws:s3:::b/k"}) {
			t.Errorf("NewDataKey is recorded as %+v", rec)
		}
		got, err := r.OpenDataKey(t.Context(), who, wrapped, bind)
		if err != nil || !got.Equal(key) {
			t.Errorf("OpenDataKey = %v", err)
		}
		if _, err := r.OpenDataKey(t.Context(), who, wrapped, nil); !errors.Is(err, keyring.ErrInvalidCiphertext) {
			t.Errorf("OpenDataKey without its context = %v", err)
		}
		// The key works through its service only, and in its account only.
		if _, err := r.OpenDataKey(t.Context(), w.user(account, "alice", allowAll), wrapped, bind); !errors.Is(err, access.ErrDenied) {
			t.Errorf("OpenDataKey without the service = %v", err)
		}
		if _, err := r.OpenDataKey(t.Context(), w.user(other, "eve", allowAll).Through("s3"), wrapped, bind); !errors.Is(err, access.ErrDenied) {
			t.Errorf("OpenDataKey from another account = %v", err)
		}
	}
	if err := r.Disable(t.Context(), root(), managed); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Disable of a managed key = %v, want denied", err)
	}
}

// A service principal gets in by the key policy alone.
func TestServicePrincipal(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	const distribution = "arn:aws:cloudfront::111122223333:distribution/E1"
	m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*",
		 "Condition":{"StringEquals":{"aws:SourceArn":"` + distribution + `"}}}]}`}))
	_, wrapped, _, err := r.NewDataKey(t.Context(), root().Through("s3"), m.ARN, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenDataKey(t.Context(), service("cloudfront.amazonaws.com", distribution).Through("s3"), wrapped, nil); err != nil {
		t.Errorf("OpenDataKey for the distribution = %v", err)
	}
	for name, who := range map[string]access.Caller{
		"another distribution": service("cloudfront.amazonaws.com", distribution+"2"),
		"another service":      service("logs.amazonaws.com", distribution),
	} {
		if _, err := r.OpenDataKey(t.Context(), who, wrapped, nil); !errors.Is(err, access.ErrDenied) {
			t.Errorf("OpenDataKey for %s = %v, want denied", name, err)
		}
	}
}
