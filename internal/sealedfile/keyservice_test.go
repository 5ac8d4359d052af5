package sealedfile_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/sealedfile"
)

var errNoAccess = errors.New("AccessDeniedException")

// keyService is a KMS with one key of each kind, all under one name and one alias.
type keyService struct {
	symmetric *sealed.BlobKey
	rsa       *rsa.PrivateKey
	curves    map[ecdh.Curve]*ecdsa.PrivateKey
	// seen are the names that keys were asked for by, and the last context.
	seen    []string
	context map[string]string
	down    error
}

func newKeyService(t testing.TB) *keyService {
	t.Helper()
	k, err := sealed.NewBlobKey(sealed.NewSecret(bytes.Repeat([]byte{7}, sealed.KeyBytes)), sealed.BlobHeader{KeyID: someUUID})
	if err != nil {
		t.Fatal(err)
	}
	keys := someKeys()
	return &keyService{symmetric: k, rsa: keys.rsa, curves: map[ecdh.Curve]*ecdsa.PrivateKey{
		ecdh.P256(): keys.p256, ecdh.P384(): keys.p384, ecdh.P521(): keys.p521,
	}}
}

func (k *keyService) asked(name string) error {
	k.seen = append(k.seen, name)
	if k.down == nil && name != someARN && name != someAlias {
		return errNoAccess
	}
	return k.down
}

func (k *keyService) DataKey(_ context.Context, key string, context map[string]string) (sealed.Secret, []byte, string, error) {
	if err := k.asked(key); err != nil {
		return sealed.Secret{}, nil, "", err
	}
	k.context = context
	plain := sealed.RandomSecret(sealed.KeyBytes)
	blob, err := k.symmetric.Seal(context, plain.Reveal())
	return plain, blob, someARN, err
}

func (k *keyService) Decrypt(_ context.Context, key, algorithm string, ciphertext []byte, context map[string]string) (sealed.Secret, error) {
	if err := k.asked(key); err != nil {
		return sealed.Secret{}, err
	}
	var plain []byte
	var err error
	switch algorithm {
	case "SYMMETRIC_DEFAULT":
		plain, err = k.symmetric.Open(context, ciphertext)
	case "RSAES_OAEP_SHA_256":
		plain, err = rsa.DecryptOAEP(sha256.New(), nil, k.rsa, ciphertext, nil)
	default:
		err = errNoAccess
	}
	return sealed.NewSecret(plain), err
}

func (k *keyService) SharedSecret(_ context.Context, key string, peer []byte) (sealed.Secret, error) {
	if err := k.asked(key); err != nil {
		return sealed.Secret{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(peer)
	if err != nil {
		return sealed.Secret{}, err
	}
	point, err := parsed.(*ecdsa.PublicKey).ECDH()
	if err != nil {
		return sealed.Secret{}, err
	}
	private, err := k.curves[point.Curve()].ECDH()
	if err != nil {
		return sealed.Secret{}, err
	}
	secret, err := private.ECDH(point)
	return sealed.NewSecret(secret), err
}

// anyContext is a service without a bound on contexts.
type anyContext struct{ *keyService }

func (a anyContext) DataKey(ctx context.Context, key string, _ map[string]string) (sealed.Secret, []byte, string, error) {
	return a.keyService.DataKey(ctx, key, nil)
}

func TestKeyServiceContext(t *testing.T) {
	k := newKeyService(t)
	pairs := map[string]string{"tenant": "a", "none": ""}
	to, err := sealedfile.ToKeyService(k, someAlias, pairs)
	if err != nil {
		t.Fatal(err)
	}
	file := seal(t, to, []byte("plain"))
	want := map[string]string{"tenant": "a", "none": "", "keyfront:format": "sealed-file/1"}
	if !maps.Equal(k.context, want) {
		t.Errorf("the data key was made under %v, want %v", k.context, want)
	}
	h, _, err := sealedfile.ReadHeader(bytes.NewReader(file))
	if err != nil || !maps.Equal(h.Context, pairs) || h.Key != someARN || h.Method != sealedfile.MethodKMS {
		t.Errorf("ReadHeader = %+v, %v", h, err)
	}
	for _, tt := range []struct {
		context map[string]string
		ok      bool
	}{
		{nil, true},
		{map[string]string{"tenant": "a"}, true},
		{pairs, true},
		{map[string]string{"tenant": "b"}, false},
		{map[string]string{"more": ""}, false},
	} {
		k.seen = nil
		_, err := open(t.Context(), file, sealedfile.ByKeyService(k, "", tt.context))
		if tt.ok && err != nil || !tt.ok && (!errors.Is(err, sealedfile.ErrContext) || k.seen != nil) {
			t.Errorf("Open with %v = %v, asked for %v", tt.context, err, k.seen)
		}
	}
	if _, err := sealedfile.ToKeyService(k, someAlias, map[string]string{"keyfront:format": "x"}); err == nil {
		t.Error("ToKeyService took the pair that is its own")
	}
}

func TestKeyServiceIsAskedForTheRightKey(t *testing.T) {
	k := newKeyService(t)
	for name, w := range ways(t, k) {
		file := seal(t, w.to, []byte("plain"))
		for _, tt := range []struct{ given, want string }{{"", someARN}, {someAlias, someAlias}, {"alias/other", "alias/other"}} {
			k.seen = nil
			_, err := open(t.Context(), file, sealedfile.ByKeyService(k, tt.given, nil))
			if !slices.Equal(k.seen, []string{tt.want}) {
				t.Errorf("%s: with the key %q the service was asked for %q, want %q", name, tt.given, k.seen, tt.want)
			}
			if denied := tt.given == "alias/other"; denied != errors.Is(err, errNoAccess) {
				t.Errorf("%s: with the key %q: %v", name, tt.given, err)
			}
		}
	}
	nameless, err := sealedfile.ToPublicKey(someKeys().p256.Public(), "")
	if err != nil {
		t.Fatal(err)
	}
	k.seen = nil
	file := seal(t, nameless, []byte("plain"))
	if _, err := open(t.Context(), file, sealedfile.ByKeyService(k, "", nil)); !errors.Is(err, sealedfile.ErrRecipient) || k.seen != nil {
		t.Errorf("a file without a name, opened without one: %v", err)
	}
	if got, err := open(t.Context(), file, sealedfile.ByKeyService(k, someAlias, nil)); err != nil || string(got) != "plain" {
		t.Errorf("a file without a name, opened by one: %v", err)
	}
}

func TestKeyServiceDown(t *testing.T) {
	k := newKeyService(t)
	all := ways(t, k)
	for name, w := range all {
		file := seal(t, w.to, []byte("plain"))
		k.down = errors.New("down")
		if _, err := open(t.Context(), file, w.kms); !errors.Is(err, k.down) {
			t.Errorf("%s: Open = %v, want the service's error", name, err)
		}
		k.down = nil
	}
	k.down = errors.New("down")
	var out bytes.Buffer
	if err := sealedfile.Seal(t.Context(), &out, bytes.NewReader(nil), all["kms"].to); !errors.Is(err, k.down) || out.Len() > 0 {
		t.Errorf("Seal = %v after %d bytes, want the service's error and none", err, out.Len())
	}
}
