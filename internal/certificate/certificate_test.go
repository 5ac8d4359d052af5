package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/certificate"
)

const arn = "arn:aws:acm:us-east-1:000000000000:certificate/a"

// issue writes a certificate for name, of a moment of its own; it ends after as many
// hours.
func issue(t *testing.T, f certificate.Files, name string, moment int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Duration(moment) * time.Hour),
	}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), moment)
	write(t, f.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), moment)
}

func write(t *testing.T, name string, b []byte, moment int64) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(moment, 0)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func shown(t *testing.T, s *certificate.Set, arn string) (names []string) {
	t.Helper()
	for _, c := range s.Named(arn) {
		names = append(names, c.Leaf.Subject.CommonName)
	}
	return names
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	one := certificate.Files{Cert: filepath.Join(dir, "1.pem"), Key: filepath.Join(dir, "1.key")}
	two := certificate.Files{Cert: filepath.Join(dir, "2.pem"), Key: filepath.Join(dir, "2.key"), ARN: arn}
	if _, err := certificate.Open([]certificate.Files{one}); err == nil {
		t.Error("files that do not exist were opened")
	}
	issue(t, one, "one", 1)
	issue(t, two, "two", 1)
	s, err := certificate.Open([]certificate.Files{one, two})
	if err != nil {
		t.Fatal(err)
	}
	step := func(what string, want bool, wantErr bool, names ...string) {
		t.Helper()
		got, err := s.Reload()
		if got != want || (err != nil) != wantErr {
			t.Errorf("%s: Reload() = %v, %v", what, got, err)
		}
		if all := shown(t, s, ""); len(all) != 2 || all[0] != names[0] || all[1] != names[1] {
			t.Errorf("%s: certificates %v, want %v", what, all, names)
		}
	}
	step("unchanged", false, false, "one", "two")
	issue(t, two, "new two", 2)
	step("renewed", true, false, "one", "new two")

	again, err := certificate.Open([]certificate.Files{two, one})
	if err != nil {
		t.Fatal(err)
	}
	if first := s.Named("")[0].Leaf.NotAfter; s.End() != first || again.End() != first {
		t.Errorf("End() = %v and %v, want %v", s.End(), again.End(), first)
	}

	good, err := os.ReadFile(one.Key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, one.Key, []byte("garbage"), 3)
	step("key damaged", false, true, "one", "new two")
	step("still damaged", false, false, "one", "new two")
	other, err := os.ReadFile(two.Key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, one.Key, other, 4)
	step("key of another", false, true, "one", "new two")
	if err := os.Remove(one.Key); err != nil {
		t.Fatal(err)
	}
	step("key gone", false, true, "one", "new two")
	write(t, one.Key, good, 5)
	step("mended", true, false, "one", "new two")

	if got := shown(t, s, arn); len(got) != 1 || got[0] != "new two" {
		t.Errorf("by ARN: %v", got)
	}
	if !s.Has(arn) || s.Has("") || s.Has(arn+"b") || len(s.Named(arn+"b")) != 0 {
		t.Error("ARNs are mixed up")
	}
}
