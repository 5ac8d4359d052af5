package signedurl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

// What a program has not filled in is an error that says so, or lets nobody in.

func TestEmptyKeys(t *testing.T) {
	for name, pub := range map[string]crypto.PublicKey{
		"none":             nil,
		"nil RSA":          (*rsa.PublicKey)(nil),
		"empty RSA":        &rsa.PublicKey{},
		"modulus only":     &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047)},
		"nil ECDSA":        (*ecdsa.PublicKey)(nil),
		"empty ECDSA":      &ecdsa.PublicKey{},
		"curve only":       &ecdsa.PublicKey{Curve: elliptic.P256()},
		"value, not a key": ecdsa.PublicKey{},
	} {
		if k, err := signedurl.NewPublicKey(pub); k != nil || !errors.Is(err, signedurl.ErrKey) {
			t.Errorf("NewPublicKey of %s: %v, %v", name, k, err)
		}
	}
	for name, key := range map[string]crypto.Signer{
		"none": nil, "nil RSA": (*rsa.PrivateKey)(nil), "nil ECDSA": (*ecdsa.PrivateKey)(nil),
		"empty RSA": &rsa.PrivateKey{}, "empty ECDSA": &ecdsa.PrivateKey{},
	} {
		if s, err := signedurl.NewSigner("K1", key, nil); s != nil || !errors.Is(err, signedurl.ErrKey) {
			t.Errorf("NewSigner with %s: %v, %v", name, s, err)
		}
	}
}

func TestZeroSigner(t *testing.T) {
	var s signedurl.Signer
	p := signedurl.Policy{Resource: imageURL, Expires: time.Unix(expiry, 0)}
	if _, err := s.Sign(t.Context(), p.Resource, p); !errors.Is(err, signedurl.ErrKey) {
		t.Errorf("Sign: %v", err)
	}
	if _, err := s.Cookies(t.Context(), p, nil); !errors.Is(err, signedurl.ErrKey) {
		t.Errorf("Cookies: %v", err)
	}
}

func TestNobodyIsTrusted(t *testing.T) {
	r := request(t, sign(t, newSigner(t, testKeys(t)["rsa2048"], ""), imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	var verifier signedurl.Verifier
	for name, tt := range map[string]struct {
		keys signedurl.Keys
		want signedurl.Code
	}{
		"no keys":     {nil, signedurl.InvalidKey},
		"nil set":     {signedurl.KeySet(nil), signedurl.InvalidKey},
		"key missing": {signedurl.KeySet{rsaID: nil}, signedurl.InvalidKey},
		"zero key":    {signedurl.KeySet{rsaID: new(signedurl.PublicKey)}, signedurl.AccessDenied},
	} {
		if got := signedurl.Verify(r, tt.keys, now, nil); got.Code != tt.want {
			t.Errorf("%s: Verify says %q, want %q", name, got.Code, tt.want)
		}
		if got := verifier.Verify(r, tt.keys, now, nil); got.Code != tt.want {
			t.Errorf("%s: Verifier.Verify says %q, want %q", name, got.Code, tt.want)
		}
		if got := signedurl.Explain(r, tt.keys, now, nil, nil); got.Code != tt.want {
			t.Errorf("%s: Explain says %q, want %q", name, got.Code, tt.want)
		}
	}
}

// The zero Verifier verifies each time anew.
func TestZeroVerifier(t *testing.T) {
	var v signedurl.Verifier
	r := request(t, sign(t, newSigner(t, testKeys(t)["rsa2048"], ""), imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	for range 2 {
		if got := v.Verify(r, trusted(t), now, nil); !got.Allowed() || got.Remembered || v.Len() != 0 {
			t.Errorf("allowed: %v, remembered: %v, %d entries", got.Allowed(), got.Remembered, v.Len())
		}
	}
}

func TestEqualWithNothing(t *testing.T) {
	k := publicKey(t, "rsa2048.pub.pem")
	if k.Equal(nil) || k.Equal((*signedurl.PublicKey)(nil)) || k.Equal(new(signedurl.PublicKey)) || !k.Equal(k) {
		t.Error("a key equals nothing, or not itself")
	}
}

// A key stays what it was when its maker changes what it was made of.
func TestKeyIsACopy(t *testing.T) {
	pub := *privateKey(t, "rsa2048.pem").Public().(*rsa.PublicKey)
	k, err := signedurl.NewPublicKey(&pub)
	if err != nil {
		t.Fatal(err)
	}
	pub.E = 3
	r := request(t, sign(t, newSigner(t, testKeys(t)["rsa2048"], ""), imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	if got := signedurl.Verify(r, signedurl.KeySet{rsaID: k}, now, nil); !got.Allowed() {
		t.Errorf("the key has become another: %v", got.Reason)
	}
}
