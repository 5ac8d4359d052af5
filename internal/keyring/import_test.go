package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// wrapKWP is section 4.1 of RFC 5649.
func wrapKWP(t testing.TB, kek, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	n := (len(key) + 7) / 8
	out := make([]byte, 8+8*n)
	binary.BigEndian.PutUint32(out, 0xA65959A6)
	binary.BigEndian.PutUint32(out[4:], uint32(len(key)))
	copy(out[8:], key)
	if n == 1 {
		block.Encrypt(out, out)
		return out
	}
	a := out[:8]
	for j := range 6 {
		for i := 1; i <= n; i++ {
			b := append(bytes.Clone(a), out[8*i:8*i+8]...)
			block.Encrypt(b, b)
			binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(b)^uint64(n*j+i))
			copy(out[8*i:], b[8:])
		}
	}
	return out
}

// wrapFor wraps material as GetParametersForImport asks for.
func wrapFor(t testing.TB, p keyring.ImportParameters, algorithm keyring.WrappingAlgorithm, material []byte) []byte {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(p.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA256
	if strings.HasSuffix(string(algorithm), "SHA_1") {
		hash = crypto.SHA1
	}
	oaep := func(b []byte) []byte {
		return must[[]byte](t)(rsa.EncryptOAEP(hash.New(), rand.Reader, parsed.(*rsa.PublicKey), b, nil))
	}
	if strings.HasPrefix(string(algorithm), "RSAES_OAEP") {
		return oaep(material)
	}
	kek := sealed.RandomSecret(32).Reveal()
	return append(oaep(kek), wrapKWP(t, kek, material)...)
}

func external(t testing.TB, r *keyring.Ring, spec keyring.KeySpec, usage keyring.KeyUsage) keyring.Metadata {
	t.Helper()
	m, err := r.Create(t.Context(), root(), keyring.CreateInput{Spec: spec, Usage: usage, Origin: keyring.External})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// offer is material on its way, ready for ImportMaterial.
func offer(t testing.TB, r *keyring.Ring, key string, algorithm keyring.WrappingAlgorithm, spec keyring.KeySpec, material []byte) keyring.ImportInput {
	t.Helper()
	p, err := r.ParametersForImport(t.Context(), root(), key, algorithm, spec)
	if err != nil {
		t.Fatal(err)
	}
	return keyring.ImportInput{Key: key, Token: p.Token, Wrapped: wrapFor(t, p, algorithm, material), Model: keyring.DoesNotExpire}
}

const oaep256 = keyring.WrappingAlgorithm("RSAES_OAEP_SHA_256")

func symmetricOffer(t testing.TB, r *keyring.Ring, key string, material []byte) keyring.ImportInput {
	t.Helper()
	return offer(t, r, key, oaep256, keyring.RSA2048, material)
}

func pkcs8(t testing.TB, private any) []byte {
	t.Helper()
	return must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
}

func state(t testing.TB, r *keyring.Ring, key string) keyring.State {
	t.Helper()
	return must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: key})).State
}

// Every sort of material arrives by every algorithm that suits it.
func TestImport(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	rsaKey := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	p256 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p521 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	const kwp1, kwp256, oaep1 = "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256", "RSAES_OAEP_SHA_1"
	for _, tt := range []struct {
		spec       keyring.KeySpec
		usage      keyring.KeyUsage
		material   []byte
		algorithms []keyring.WrappingAlgorithm
		wrapping   keyring.KeySpec
	}{
		{keyring.Symmetric, "", make([]byte, 32), []keyring.WrappingAlgorithm{oaep1, oaep256, kwp1, kwp256}, keyring.RSA2048},
		{keyring.HMAC224, keyring.MACUsage, make([]byte, 64), []keyring.WrappingAlgorithm{oaep256, kwp256}, keyring.RSA2048},
		{keyring.RSA2048, keyring.SignVerify, pkcs8(t, rsaKey), []keyring.WrappingAlgorithm{kwp1, kwp256}, keyring.RSA2048},
		{keyring.P256, keyring.SignVerify, pkcs8(t, p256), []keyring.WrappingAlgorithm{oaep1, oaep256, kwp256}, keyring.RSA2048},
		{keyring.P521, keyring.KeyAgreement, pkcs8(t, p521), []keyring.WrappingAlgorithm{kwp256}, keyring.RSA2048},
		{keyring.P521, keyring.KeyAgreement, pkcs8(t, p521), []keyring.WrappingAlgorithm{oaep256}, keyring.RSA3072},
		{keyring.Ed25519, keyring.SignVerify, pkcs8(t, edKey), []keyring.WrappingAlgorithm{oaep256}, keyring.RSA2048},
	} {
		for _, algorithm := range tt.algorithms {
			m := external(t, r, tt.spec, tt.usage)
			if m.State != keyring.PendingImport || m.MaterialID != "" || m.Expiration != "" {
				t.Errorf("%s is made as %+v", tt.spec, m)
			}
			out, err := r.ImportMaterial(t.Context(), root(), offer(t, r, m.ARN, algorithm, tt.wrapping, tt.material))
			if err != nil || out.KeyARN != m.ARN || (out.MaterialID != "") != (tt.spec == keyring.Symmetric) {
				t.Errorf("%s by %s = %+v, %v", tt.spec, algorithm, out, err)
				continue
			}
			if m = must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: m.ARN})); m.State != keyring.Enabled || m.Expiration != keyring.DoesNotExpire {
				t.Errorf("%s is then %+v", tt.spec, m)
			}
			// The same again, and nothing else.
			if _, err := r.ImportMaterial(t.Context(), root(), offer(t, r, m.ARN, algorithm, tt.wrapping, tt.material)); err != nil {
				t.Errorf("%s by %s again = %v", tt.spec, algorithm, err)
			}
		}
	}
	m := external(t, r, keyring.P256, keyring.SignVerify)
	in := offer(t, r, m.ARN, oaep256, keyring.RSA2048, pkcs8(t, p256))
	if _, err := r.ImportMaterial(t.Context(), root(), in); err != nil {
		t.Fatal(err)
	}
	got := must[keyring.PublicKey](t)(w.open().PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN})).DER
	if want := must[[]byte](t)(x509.MarshalPKIXPublicKey(p256.Public())); !bytes.Equal(got, want) {
		t.Error("the public key is not the one of the imported private key")
	}
}

func TestImportRefusals(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := external(t, r, keyring.Symmetric, "")
	good := symmetricOffer(t, r, m.ARN, bytes.Repeat([]byte{1}, 32))
	now := w.clock.Now()
	with := func(change func(*keyring.ImportInput)) keyring.ImportInput {
		in := good
		change(&in)
		return in
	}
	short := symmetricOffer(t, r, m.ARN, make([]byte, 31))
	otherKey := symmetricOffer(t, r, external(t, r, keyring.Symmetric, "").ARN, make([]byte, 32))
	for name, tt := range map[string]struct {
		in   keyring.ImportInput
		kind error
		text string
	}{
		"no date":        {with(func(in *keyring.ImportInput) { in.Model = "" }), keyring.ErrInvalid, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"},
		"past":           {with(func(in *keyring.ImportInput) { in.Model, in.ValidTo = keyring.Expires, now }), keyring.ErrInvalid, "The validTo date must be in the future, by no more than 365 days."},
		"too far":        {with(func(in *keyring.ImportInput) { in.Model, in.ValidTo = keyring.Expires, now.Add(366*day) }), keyring.ErrInvalid, "The validTo date must be in the future, by no more than 365 days."},
		"needless date":  {with(func(in *keyring.ImportInput) { in.ValidTo = now.Add(day) }), keyring.ErrInvalid, "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE"},
		"no token":       {with(func(in *keyring.ImportInput) { in.Token = []byte("x") }), keyring.ErrImportToken, ""},
		"other token":    {with(func(in *keyring.ImportInput) { in.Token = otherKey.Token }), keyring.ErrImportToken, ""},
		"garbage":        {with(func(in *keyring.ImportInput) { in.Wrapped = []byte("x") }), keyring.ErrInvalidCiphertext, ""},
		"other pair":     {with(func(in *keyring.ImportInput) { in.Wrapped = otherKey.Wrapped }), keyring.ErrInvalidCiphertext, ""},
		"wrong length":   {short, keyring.ErrIncorrectMaterial, ""},
		"existing":       {with(func(in *keyring.ImportInput) { in.Type = keyring.ExistingMaterial }), keyring.ErrIncorrectMaterial, ""},
		"wrong id":       {with(func(in *keyring.ImportInput) { in.MaterialID = unknownID }), keyring.ErrIncorrectMaterial, ""},
		"id of new":      {with(func(in *keyring.ImportInput) { in.MaterialID, in.Type = unknownID, keyring.NewMaterial }), keyring.ErrInvalid, "KeyMaterialId cannot be set if the ImportType is NEW_KEY_MATERIAL"},
		"key of its own": {with(func(in *keyring.ImportInput) { in.Key = create(t, r, keyring.Symmetric, "").ARN }), keyring.ErrUnsupported, ""},
	} {
		_, err := r.ImportMaterial(t.Context(), root(), tt.in)
		if tt.kind == keyring.ErrUnsupported {
			tt.text = tt.in.Key + " origin is AWS_KMS which is not valid for this operation."
		}
		wantError(t, name, err, tt.kind, tt.text)
	}
	if s := state(t, r, m.ARN); s != keyring.PendingImport {
		t.Errorf("after refusals the key is %s", s)
	}
	w.clock.Advance(day)
	_, err := r.ImportMaterial(t.Context(), root(), good)
	wantError(t, "a day later", err, keyring.ErrImportTokenExpired, "")

	signing := external(t, r, keyring.RSA2048, keyring.SignVerify)
	if _, err := r.ParametersForImport(t.Context(), root(), signing.ARN, oaep256, keyring.RSA4096); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("OAEP for an RSA key = %v", err)
	}
	if _, err := r.ParametersForImport(t.Context(), root(), m.ARN, "RSAES_PKCS1_V1_5", keyring.RSA2048); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("PKCS1 = %v", err)
	}
	const kwp = keyring.WrappingAlgorithm("RSA_AES_KEY_WRAP_SHA_256")
	small := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	_, err = r.ImportMaterial(t.Context(), root(), offer(t, r, signing.ARN, kwp, keyring.RSA2048, pkcs8(t, small)))
	wantError(t, "a modulus of another length", err, keyring.ErrIncorrectMaterial, "")
	_, err = r.ImportMaterial(t.Context(), root(), offer(t, r, signing.ARN, kwp, keyring.RSA2048, make([]byte, 32)))
	wantError(t, "no private key", err, keyring.ErrIncorrectMaterial, "")
}

// Imported material expires by itself, and what it encrypted opens once it is back.
func TestImportExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		m := external(t, r, keyring.Symmetric, "")
		material := bytes.Repeat([]byte{7}, 32)
		in := symmetricOffer(t, r, m.ARN, material)
		in.Model, in.ValidTo = keyring.Expires, w.clock.Now().Add(10*day)
		id := must[keyring.Imported](t)(r.ImportMaterial(t.Context(), root(), in)).MaterialID
		got := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: m.ARN}))
		if got.Expiration != keyring.Expires || got.ValidTo.Sub(in.ValidTo).Abs() > time.Millisecond || got.MaterialID != id {
			t.Errorf("Describe = %+v", got)
		}
		blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob
		w.clock.Advance(10 * day)
		_, err := r.Decrypt(t.Context(), root(), keyring.Use{}, blob)
		wantError(t, "Decrypt after the end", err, keyring.ErrInvalidState, m.ARN+" is pending import.")
		run(t, r)
		synctest.Wait()
		if n := w.recorder.Last(); n.Action != "kms:DeleteExpiredKeyMaterial" || n.Resources[0] != m.ARN {
			t.Errorf("the record says %+v", n)
		}
		for key := range dump(t, w.records) {
			if strings.HasPrefix(key, "kms.material") {
				t.Errorf("%s is left", key)
			}
		}
		_, err = r.Decrypt(t.Context(), root(), keyring.Use{}, blob)
		wantError(t, "Decrypt after the deletion", err, keyring.ErrInvalidState, m.ARN+" is pending import.")
		_, err = r.ImportMaterial(t.Context(), root(), symmetricOffer(t, r, m.ARN, make([]byte, 32)))
		wantError(t, "importing something else", err, keyring.ErrIncorrectMaterial, "")
		if _, err := r.ImportMaterial(t.Context(), root(), symmetricOffer(t, r, m.ARN, material)); err != nil {
			t.Fatal(err)
		}
		if opened, err := r.Decrypt(t.Context(), root(), keyring.Use{}, blob); err != nil || string(opened.Plaintext) != "x" {
			t.Errorf("Decrypt after another import = %q, %v", opened.Plaintext, err)
		}
	})
}

// Several materials: a new one waits for its rotation, and each is needed.
func TestImportSeveral(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := external(t, r, keyring.Symmetric, "")
	first, second, third := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)
	load := func(material []byte, kind keyring.ImportType) (string, error) {
		in := symmetricOffer(t, r, m.ARN, material)
		in.Type, in.Description = kind, "from the safe"
		out, err := r.ImportMaterial(t.Context(), root(), in)
		return out.MaterialID, err
	}
	_, err := r.RotateNow(t.Context(), root(), m.ARN)
	wantError(t, "RotateNow without material", err, keyring.ErrInvalidState, m.ARN+" is pending import.")
	id1 := must[string](t)(load(first, ""))
	_, err = r.RotateNow(t.Context(), root(), m.ARN)
	wantError(t, "RotateNow without new material", err, keyring.ErrInvalidState, "No available key material pending rotation for the key: "+m.ARN+".")
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob
	id2 := must[string](t)(load(second, keyring.NewMaterial))
	_, err = load(first, keyring.NewMaterial)
	wantError(t, "new material that is not new", err, keyring.ErrIncorrectMaterial, "")
	_, err = load(third, keyring.NewMaterial)
	var e *refusal.Error
	if !errors.As(err, &e) || e.Kind != keyring.ErrInvalidState {
		t.Errorf("a third = %v", err)
	}
	states := func() (out []keyring.MaterialState) {
		for _, r := range rotations(t, r, m, true) {
			out = append(out, r.State)
			if r.Description != "from the safe" || !r.Imported {
				t.Errorf("Rotations: %+v", r)
			}
		}
		return out
	}
	if got := states(); len(got) != 2 || got[0] != keyring.Current || got[1] != keyring.PendingRotation {
		t.Errorf("before the rotation: %v", got)
	}
	if _, err := r.RotateNow(t.Context(), root(), m.ARN); err != nil {
		t.Fatal(err)
	}
	if got := states(); len(got) != 2 || got[0] != keyring.NonCurrent || got[1] != keyring.Current {
		t.Errorf("after the rotation: %v", got)
	}
	if opened, err := w.open().Decrypt(t.Context(), root(), keyring.Use{}, blob); err != nil || opened.MaterialID != id1 {
		t.Errorf("Decrypt after the rotation = %+v, %v", opened, err)
	}
	if out, err := r.DeleteImported(t.Context(), root(), m.ARN, id1); err != nil || out.MaterialID != id1 {
		t.Errorf("DeleteImported = %+v, %v", out, err)
	}
	if s := state(t, w.open(), m.ARN); s != keyring.PendingImport {
		t.Errorf("without its first material the key is %s", s)
	}
	if got := must[string](t)(load(first, "")); got != id1 || state(t, r, m.ARN) != keyring.Enabled {
		t.Errorf("after the first is back: %s", state(t, r, m.ARN))
	}
	// Pending material may go: the key stays what it was.
	id3 := must[string](t)(load(third, keyring.NewMaterial))
	must[keyring.Imported](t)(r.DeleteImported(t.Context(), root(), m.ARN, id3))
	if out := must[keyring.Imported](t)(r.DeleteImported(t.Context(), root(), m.ARN, "")); out.MaterialID != id2 {
		t.Errorf("DeleteImported deleted %s, want the current %s", out.MaterialID, id2)
	}
	_, err = r.DeleteImported(t.Context(), root(), m.ARN, id3)
	wantError(t, "DeleteImported of unknown material", err, keyring.ErrNotFound, "Key material "+id3+" of "+m.ARN+" does not exist")
	if err := r.EnableRotation(t.Context(), root(), m.ARN, 0); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("EnableRotation = %v", err)
	}
}

// A key that lost its material while it waited for its deletion waits for it
// when the deletion is called off.
func TestImportAndDeletion(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := external(t, r, keyring.Symmetric, "")
	if _, err := r.ImportMaterial(t.Context(), root(), symmetricOffer(t, r, m.ARN, make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
	must[keyring.Imported](t)(r.DeleteImported(t.Context(), root(), m.ARN, ""))
	if s := state(t, r, m.ARN); s != keyring.PendingDeletion {
		t.Errorf("state = %s", s)
	}
	must[string](t)(r.CancelDeletion(t.Context(), root(), m.ARN))
	if s := state(t, r, m.ARN); s != keyring.PendingImport {
		t.Errorf("state = %s", s)
	}
}

func TestImportNeedsPermission(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := external(t, r, keyring.Symmetric, "")
	in := symmetricOffer(t, r, m.ARN, make([]byte, 32))
	if _, err := r.ImportMaterial(t.Context(), w.user(account, "eve", ""), in); !errors.Is(err, access.ErrDenied) {
		t.Errorf("ImportMaterial = %v", err)
	}
}

func TestWycheproofKWP(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Tests []struct {
				TcID         int
				Comment      string
				Key, Msg, Ct hexBytes
				Result       string
			}
		}
	}
	vectors(t, "aes_kwp_test.json", &file)
	n := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			n++
			got, err := keyring.UnwrapKWP(c.Key, c.Ct)
			if want := c.Result != "invalid"; (err == nil) != want || want && !bytes.Equal(got, c.Msg) {
				t.Errorf("%d (%s) = %x, %v; want %s", c.TcID, c.Comment, got, err, c.Result)
			}
			if c.Result == "valid" && !bytes.Equal(wrapKWP(t, c.Key, c.Msg), c.Ct) {
				t.Errorf("%d (%s): the test's own wrapping is wrong", c.TcID, c.Comment)
			}
		}
	}
	if n == 0 {
		t.Error("no vectors")
	}
}

// No bytes make unwrapping panic, and what opens is what was wrapped.
func FuzzUnwrapKWP(f *testing.F) {
	kek := make([]byte, 32)
	for _, n := range []int{1, 8, 9, 32} {
		f.Add(wrapKWP(f, kek, make([]byte, n)))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		key, err := keyring.UnwrapKWP(kek, wrapped)
		if err == nil && !bytes.Equal(wrapKWP(t, kek, key), wrapped) {
			t.Errorf("%x opens to %x, which wraps to something else", wrapped, key)
		}
	})
}

// Imported keys of every curve: what is adopted is adopted again as it is.
func TestAdoptIsCanonical(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	wrapping := create(t, r, keyring.Symmetric, "")
	for _, spec := range []keyring.KeySpec{keyring.RSA2048, keyring.P256, keyring.P384, keyring.P521, keyring.Ed25519, keyring.Secp256k1} {
		pair := must[keyring.DataKeyPair](t)(r.GenerateDataKeyPair(t.Context(), root(), keyring.Use{Key: wrapping.ARN}, spec))
		first := must[[]byte](t)(keyring.Adopt(spec, pair.Private.Plaintext.Reveal()))
		if again := must[[]byte](t)(keyring.Adopt(spec, first)); !bytes.Equal(first, again) {
			t.Errorf("%s: the second form is another one", spec)
		}
		for _, other := range []keyring.KeySpec{keyring.RSA3072, keyring.P256, keyring.P384, keyring.Ed25519, keyring.Secp256k1} {
			if _, err := keyring.Adopt(other, first); other != spec && !errors.Is(err, keyring.ErrIncorrectMaterial) {
				t.Errorf("a key of %s as %s = %v", spec, other, err)
			}
		}
	}
}

// No bytes make the reader of imported keys panic, and what it takes has one form.
func FuzzAdopt(f *testing.F) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pkcs8(f, private))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, spec := range []keyring.KeySpec{keyring.RSA2048, keyring.P256, keyring.P384, keyring.Ed25519, keyring.Secp256k1, keyring.HMAC256, keyring.Symmetric} {
			adopted, err := keyring.Adopt(spec, raw)
			if err != nil {
				if !errors.Is(err, keyring.ErrIncorrectMaterial) {
					t.Errorf("%s %x = %v", spec, raw, err)
				}
				continue
			}
			if again, err := keyring.Adopt(spec, adopted); err != nil || !bytes.Equal(adopted, again) {
				t.Errorf("%s %x has two forms", spec, raw)
			}
		}
	})
}
