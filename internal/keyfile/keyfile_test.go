package keyfile_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/keyfile"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemText(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// equal is what every key of the standard library has.
type equal interface{ Equal(crypto.PublicKey) bool }

func TestEveryForm(t *testing.T) {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}}
	forms := map[string]struct {
		key     crypto.Signer
		private [][]byte // in DER or PEM
		public  [][]byte
	}{
		"RSA": {rsaKey, [][]byte{
			x509.MarshalPKCS1PrivateKey(rsaKey),
			pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
			pemText("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey))),
		}, [][]byte{
			x509.MarshalPKCS1PublicKey(rsaKey.Public().(*rsa.PublicKey)),
			pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey.Public().(*rsa.PublicKey))),
		}},
		"EC": {ecKey, [][]byte{
			must(x509.MarshalECPrivateKey(ecKey)),
			pemText("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey))),
			slices.Concat(pemText("EC PARAMETERS", []byte{6, 5, 0x2b, 0x81, 4, 0, 0x22}), pemText("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey)))),
			slices.Concat([]byte("Bag Attributes\n"), pemText("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ecKey))), []byte("\n\n")),
		}, [][]byte{
			pemText("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, ecKey.Public(), ecKey))),
		}},
		"Ed25519": {edKey, [][]byte{must(x509.MarshalPKCS8PrivateKey(edKey))}, nil},
	}
	for name, form := range forms {
		spki := must(x509.MarshalPKIXPublicKey(form.key.Public()))
		public := append(form.public, spki, pemText("PUBLIC KEY", spki))
		for i, text := range public {
			kept := bytes.Clone(text)
			key, err := keyfile.ParsePublic(kept)
			clear(kept)
			if err != nil || !key.(equal).Equal(form.key.Public()) {
				t.Errorf("%s: ParsePublic of form %d = %v", name, i, err)
			}
			if _, err := keyfile.ParsePrivate(text); !errors.Is(err, keyfile.ErrPublic) && !errors.Is(err, keyfile.ErrFormat) {
				t.Errorf("%s: ParsePrivate of public form %d = %v", name, i, err)
			}
		}
		for i, text := range form.private {
			kept := bytes.Clone(text)
			key, err := keyfile.ParsePrivate(kept)
			clear(kept)
			if err != nil || !key.(crypto.Signer).Public().(equal).Equal(form.key.Public()) {
				t.Errorf("%s: ParsePrivate of form %d = %v", name, i, err)
			}
			if _, err := keyfile.ParsePublic(text); !errors.Is(err, keyfile.ErrPrivate) {
				t.Errorf("%s: ParsePublic of private form %d = %v, want ErrPrivate", name, i, err)
			}
		}
	}
	exchange := must(ecdh.X25519().GenerateKey(rand.Reader))
	if key, err := keyfile.ParsePublic(must(x509.MarshalPKIXPublicKey(exchange.Public()))); err != nil || !key.(equal).Equal(exchange.Public()) {
		t.Errorf("X25519: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	rsaDER := x509.MarshalPKCS1PrivateKey(must(rsa.GenerateKey(rand.Reader, 2048)))
	one := pemText("RSA PRIVATE KEY", rsaDER)
	for name, tt := range map[string]struct {
		text            string
		private, public error
	}{
		"empty":            {"", keyfile.ErrFormat, keyfile.ErrFormat},
		"text":             {"hello", keyfile.ErrFormat, keyfile.ErrFormat},
		"too long":         {strings.Repeat("x", keyfile.MaxBytes+1), keyfile.ErrFormat, keyfile.ErrFormat},
		"damaged":          {"-----BEGIN PRIVATE KEY-----\nAAAA", keyfile.ErrFormat, keyfile.ErrFormat},
		"two":              {string(one) + string(one), keyfile.ErrFormat, keyfile.ErrFormat},
		"foreign":          {string(pemText("AGE KEY", []byte("x"))), keyfile.ErrFormat, keyfile.ErrFormat},
		"openssh":          {string(pemText("OPENSSH PRIVATE KEY", []byte("x"))), keyfile.ErrFormat, keyfile.ErrPrivate},
		"bad inside":       {string(pemText("PRIVATE KEY", []byte("x"))), keyfile.ErrFormat, keyfile.ErrPrivate},
		"bad public":       {string(pemText("PUBLIC KEY", []byte("x"))), keyfile.ErrPublic, keyfile.ErrFormat},
		"bad certificate":  {string(pemText("CERTIFICATE", []byte("x"))), keyfile.ErrPublic, keyfile.ErrFormat},
		"encrypted PKCS 8": {string(pemText("ENCRYPTED PRIVATE KEY", []byte("x"))), keyfile.ErrEncrypted, keyfile.ErrPrivate},
		"encrypted PKCS 1": {string(pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Bytes: []byte("x"), Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
		})), keyfile.ErrEncrypted, keyfile.ErrPrivate},
	} {
		if _, err := keyfile.ParsePrivate([]byte(tt.text)); !errors.Is(err, tt.private) {
			t.Errorf("%s: ParsePrivate = %v, want %v", name, err, tt.private)
		}
		if _, err := keyfile.ParsePublic([]byte(tt.text)); !errors.Is(err, tt.public) {
			t.Errorf("%s: ParsePublic = %v, want %v", name, err, tt.public)
		}
	}
}

// TestOpenSSL reads what openssl writes.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl not found")
	}
	dir := t.TempDir()
	openssl := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v", args, err)
		}
		return out
	}
	curve := filepath.Join(dir, "curve.pem")
	openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", curve)
	rsaName := filepath.Join(dir, "rsa.pem")
	openssl("genpkey", "-quiet", "-algorithm", "RSA", "-out", rsaName)
	for _, tt := range []struct {
		args    []string
		private bool
		err     error
	}{
		{[]string{"ec", "-in", curve}, true, nil}, // with EC PARAMETERS or without
		{[]string{"ec", "-in", curve, "-outform", "DER"}, true, nil},
		{[]string{"pkcs8", "-topk8", "-nocrypt", "-in", curve}, true, nil},
		{[]string{"ec", "-in", curve, "-pubout"}, false, nil},
		{[]string{"rsa", "-in", rsaName, "-traditional"}, true, nil},
		{[]string{"rsa", "-in", rsaName, "-RSAPublicKey_out"}, false, nil},
		{[]string{"rsa", "-in", rsaName, "-pubout", "-outform", "DER"}, false, nil},
		{[]string{"req", "-new", "-x509", "-subj", "/CN=x", "-key", rsaName}, false, nil},
		{[]string{"pkcs8", "-topk8", "-passout", "pass:secret", "-in", curve}, true, keyfile.ErrEncrypted},
		{[]string{"rsa", "-in", rsaName, "-traditional", "-aes128", "-passout", "pass:secret"}, true, keyfile.ErrEncrypted},
	} {
		text := openssl(tt.args...)
		var err error
		if tt.private {
			_, err = keyfile.ParsePrivate(text)
		} else {
			_, err = keyfile.ParsePublic(text)
		}
		if !errors.Is(err, tt.err) {
			t.Errorf("openssl %v: %v, want %v", tt.args, err, tt.err)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	private := must(x509.MarshalPKCS8PrivateKey(key))
	public := must(x509.MarshalPKIXPublicKey(key.Public()))
	f.Add(private)
	f.Add(public)
	f.Add(pemText("PRIVATE KEY", private))
	f.Add(pemText("EC PARAMETERS", public))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		private, errPrivate := keyfile.ParsePrivate(text)
		public, errPublic := keyfile.ParsePublic(text)
		if (private == nil) == (errPrivate == nil) || (public == nil) == (errPublic == nil) {
			t.Errorf("ParsePrivate = %T, %v; ParsePublic = %T, %v", private, errPrivate, public, errPublic)
		}
		if errPrivate == nil && errPublic == nil {
			t.Error("a text is a private and a public key")
		}
		if !bytes.Equal(text, before) {
			t.Error("the text was changed")
		}
	})
}
