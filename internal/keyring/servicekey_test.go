package keyring_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

const (
	signerService = "signer.keyfront"
	signerPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"signer.keyfront"},"Action":["kms:Sign","kms:GetPublicKey"],"Resource":"*","Condition":{"StringEquals":{"aws:SourceArn":"arn:profile"}}}]}`
	serviceKeyID  = keyring.KeyID("0d990263-018e-4e65-a703-eff731de951e")
)

func asSigner(source string) access.Caller { return service(signerService, source) }

func TestServiceKey(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	in := keyring.ServiceKey{ID: serviceKeyID, Spec: keyring.P256, Description: "d", Policy: signerPolicy}
	arn, err := r.CreateServiceKey(t.Context(), asSigner("arn:profile"), in)
	if err != nil {
		t.Fatal(err)
	}
	before, err := r.PublicKey(t.Context(), asSigner("arn:profile"), keyring.Use{Key: arn})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever asks again after a crash gets the same key.
	again, err := r.CreateServiceKey(t.Context(), asSigner("arn:profile"), in)
	after, perr := r.PublicKey(t.Context(), asSigner("arn:profile"), keyring.Use{Key: again})
	if err != nil || perr != nil || again != arn || string(after.DER) != string(before.DER) {
		t.Errorf("second CreateServiceKey = %s, %v, %v, want the key that is there", again, err, perr)
	}
	if _, err := r.Sign(t.Context(), root(), keyring.Use{Key: arn, Algorithm: keyring.AlgECDSASHA256}, keyring.Raw, []byte("m")); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Sign by the account's root = %v, want ErrDenied", err)
	}
	if _, err := r.PublicKey(t.Context(), asSigner("arn:other"), keyring.Use{Key: arn}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("PublicKey for another resource = %v, want ErrDenied", err)
	}

	for name, bad := range map[string]struct {
		who  access.Caller
		edit func(*keyring.ServiceKey)
		want error
	}{
		"a user":         {root(), func(*keyring.ServiceKey) {}, access.ErrUndecided},
		"no id":          {asSigner("arn:profile"), func(k *keyring.ServiceKey) { k.ID = "x" }, keyring.ErrInvalid},
		"symmetric":      {asSigner("arn:profile"), func(k *keyring.ServiceKey) { k.Spec = keyring.Symmetric }, keyring.ErrUnsupported},
		"no policy":      {asSigner("arn:profile"), func(k *keyring.ServiceKey) { k.Policy = "{}" }, keyring.ErrMalformedPolicy},
		"a user's again": {root(), func(k *keyring.ServiceKey) { k.ID = unknownID }, access.ErrUndecided},
	} {
		in := in
		bad.edit(&in)
		if _, err := r.CreateServiceKey(t.Context(), bad.who, in); !errors.Is(err, bad.want) {
			t.Errorf("CreateServiceKey by %s = %v, want %v", name, err, bad.want)
		}
	}
	if _, err := r.Describe(t.Context(), root(), keyring.Use{Key: unknownID}); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("a refused key is there: %v", err)
	}
}

func TestSignMany(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.P256, keyring.SignVerify)
	use := keyring.Use{Key: m.ARN, Algorithm: keyring.AlgECDSASHA256}
	var kept crypto.Signer
	digest := sha256.Sum256([]byte("policy"))
	err := r.SignMany(t.Context(), root(), use, func(s crypto.Signer) error {
		kept = s
		for range 3 {
			sig, err := s.Sign(nil, digest[:], crypto.SHA256)
			if err != nil || !ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), digest[:], sig) {
				t.Errorf("Sign = %x, %v", sig, err)
			}
		}
		_, err := s.Sign(nil, digest[:20], crypto.SHA1)
		if !errors.Is(err, keyring.ErrInvalid) {
			t.Errorf("Sign of a short digest = %v, want ErrInvalid", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Sign(nil, digest[:], crypto.SHA256); err == nil {
		t.Error("the signer outlived SignMany")
	}
	last := w.recorder.Last()
	if last.Action != "kms:Sign" || last.Decision != audit.Allowed || last.Parameters[len(last.Parameters)-1] != (audit.Pair{Name: "signatures", Value: "3"}) {
		t.Errorf("record = %+v, want one kms:Sign of 3 signatures", last)
	}

	if err := r.SignMany(t.Context(), asSigner("arn:any"), use, func(crypto.Signer) error { t.Error("ran"); return nil }); !errors.Is(err, access.ErrDenied) {
		t.Errorf("SignMany by a stranger = %v, want ErrDenied", err)
	}
	use.Algorithm = "NONE"
	if err := r.SignMany(t.Context(), root(), use, func(crypto.Signer) error { t.Error("ran"); return nil }); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("SignMany by no algorithm = %v, want ErrInvalid", err)
	}
	use.Algorithm = keyring.AlgECDSASHA256
	w.recorder.Fail(errors.New("disk full"))
	if err := r.SignMany(t.Context(), root(), use, func(crypto.Signer) error { return nil }); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("SignMany without a record = %v, want ErrNotRecorded", err)
	}
}
