package detached_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/detached"
)

// signers has a key for each type, and the digest each algorithm signs.
func signers(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err3 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err4 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, ed, err5 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RSA": rsaKey, "P-256": p256, "P-384": p384, "P-521": p521, "Ed25519": ed}
}

var options = []struct {
	algorithm detached.Algorithm
	key       string
	opts      crypto.SignerOpts
}{
	{"RSASSA_PKCS1_V1_5_SHA_256", "RSA", crypto.SHA256},
	{"RSASSA_PKCS1_V1_5_SHA_384", "RSA", crypto.SHA384},
	{"RSASSA_PKCS1_V1_5_SHA_512", "RSA", crypto.SHA512},
	{"RSASSA_PSS_SHA_256", "RSA", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}},
	{"RSASSA_PSS_SHA_384", "RSA", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA384}},
	{"RSASSA_PSS_SHA_512", "RSA", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA512}},
	{"ECDSA_SHA_256", "P-256", crypto.SHA256},
	{"ECDSA_SHA_384", "P-384", crypto.SHA384},
	{"ECDSA_SHA_512", "P-521", crypto.SHA512},
	{"ED25519_PH_SHA_512", "Ed25519", &ed25519.Options{Hash: crypto.SHA512}},
}

func digest(t *testing.T, a detached.Algorithm, content string) []byte {
	t.Helper()
	h, err := a.NewDigest()
	if err != nil {
		t.Fatal(err)
	}
	h.Write([]byte(content))
	return h.Sum(nil)
}

func TestVerify(t *testing.T) {
	keys, others := signers(t), signers(t)
	if len(options) != len(detached.Algorithms()) {
		t.Errorf("Algorithms has %d, the test %d", len(detached.Algorithms()), len(options))
	}
	for _, o := range options {
		d, wrong := digest(t, o.algorithm, "film"), digest(t, o.algorithm, "other")
		message := d
		if o.key == "Ed25519" { // KMS hashes the digest once more
			sum := sha512.Sum512(d)
			message = sum[:]
		}
		signature, err := keys[o.key].Sign(rand.Reader, message, o.opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(signature) > detached.MaxSignatureBytes {
			t.Errorf("%s: a signature of %d bytes", o.algorithm, len(signature))
		}
		public := keys[o.key].Public()
		if err := o.algorithm.Verify(public, d, signature); err != nil {
			t.Errorf("%s: Verify = %v", o.algorithm, err)
		}
		for what, err := range map[string]error{
			"another file": o.algorithm.Verify(public, wrong, signature),
			"another key":  o.algorithm.Verify(others[o.key].Public(), d, signature),
			"cut":          o.algorithm.Verify(public, d, signature[:len(signature)-1]),
			"no signature": o.algorithm.Verify(public, d, nil),
			"cut digest":   o.algorithm.Verify(public, d[:len(d)-1], signature),
			"long digest":  o.algorithm.Verify(public, append(d[:len(d):len(d)], 0), signature),
		} {
			if !errors.Is(err, detached.ErrInvalid) {
				t.Errorf("%s, %s: Verify = %v, want ErrInvalid", o.algorithm, what, err)
			}
		}
		for _, other := range options {
			err := other.algorithm.Verify(public, digest(t, other.algorithm, "film"), signature)
			switch {
			case other.algorithm == o.algorithm:
			case other.key == o.key && !errors.Is(err, detached.ErrInvalid), other.key != o.key && !errors.Is(err, detached.ErrAlgorithm):
				t.Errorf("%s taken for %s: Verify = %v", o.algorithm, other.algorithm, err)
			}
		}
	}
}

func TestUsualAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		offered []string
		want    detached.Algorithm
		ok      bool
	}{
		{[]string{"RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_512"}, "RSASSA_PKCS1_V1_5_SHA_256", true},
		{[]string{"ECDSA_SHA_384"}, "ECDSA_SHA_384", true},
		{[]string{"ED25519_SHA_512", "ED25519_PH_SHA_512"}, "ED25519_PH_SHA_512", true},
		{[]string{"ML_DSA_SHAKE_256"}, "", false},
		{nil, "", false},
	} {
		if got, err := detached.Default(tt.offered); got != tt.want || tt.ok != (err == nil) || err != nil && !errors.Is(err, detached.ErrAlgorithm) {
			t.Errorf("Default(%v) = %q, %v", tt.offered, got, err)
		}
	}
	want := map[string]detached.Algorithm{
		"RSA": "RSASSA_PKCS1_V1_5_SHA_256", "P-256": "ECDSA_SHA_256", "P-384": "ECDSA_SHA_384", "P-521": "ECDSA_SHA_512", "Ed25519": "ED25519_PH_SHA_512",
	}
	for name, key := range signers(t) {
		if got, err := detached.ForKey(key.Public()); got != want[name] || err != nil {
			t.Errorf("ForKey(%s) = %q, %v", name, got, err)
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.PublicKey{p224.Public(), nil} {
		if got, err := detached.ForKey(key); !errors.Is(err, detached.ErrAlgorithm) {
			t.Errorf("ForKey(%T) = %q, %v, want ErrAlgorithm", key, got, err)
		}
	}
	unknown := detached.Algorithm("ED25519_SHA_512")
	if _, err := unknown.NewDigest(); !errors.Is(err, detached.ErrAlgorithm) {
		t.Errorf("NewDigest = %v, want ErrAlgorithm", err)
	}
	if err := unknown.Verify(p224.Public(), nil, nil); !errors.Is(err, detached.ErrAlgorithm) {
		t.Errorf("Verify = %v, want ErrAlgorithm", err)
	}
}
