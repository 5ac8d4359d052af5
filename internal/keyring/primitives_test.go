package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// vectors reads a file of Project Wycheproof.
func vectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func TestWycheproofSignatures(t *testing.T) {
	for _, tt := range []struct {
		file      string
		algorithm keyring.Algorithm
	}{
		{"rsa_signature_2048_sha256_test.json", keyring.AlgPKCS1SHA256},
		{"rsa_signature_2048_sha384_test.json", keyring.AlgPKCS1SHA384},
		{"rsa_signature_2048_sha512_test.json", keyring.AlgPKCS1SHA512},
		{"rsa_signature_3072_sha256_test.json", keyring.AlgPKCS1SHA256},
		{"rsa_signature_3072_sha384_test.json", keyring.AlgPKCS1SHA384},
		{"rsa_signature_3072_sha512_test.json", keyring.AlgPKCS1SHA512},
		{"rsa_signature_4096_sha256_test.json", keyring.AlgPKCS1SHA256},
		{"rsa_signature_4096_sha384_test.json", keyring.AlgPKCS1SHA384},
		{"rsa_signature_4096_sha512_test.json", keyring.AlgPKCS1SHA512},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", keyring.AlgPSSSHA256},
		{"rsa_pss_2048_sha384_mgf1_48_test.json", keyring.AlgPSSSHA384},
		{"rsa_pss_3072_sha256_mgf1_32_test.json", keyring.AlgPSSSHA256},
		{"rsa_pss_4096_sha256_mgf1_32_test.json", keyring.AlgPSSSHA256},
		{"rsa_pss_4096_sha384_mgf1_48_test.json", keyring.AlgPSSSHA384},
		{"rsa_pss_4096_sha512_mgf1_64_test.json", keyring.AlgPSSSHA512},
		{"ecdsa_secp256r1_sha256_test.json", keyring.AlgECDSASHA256},
		{"ecdsa_secp384r1_sha384_test.json", keyring.AlgECDSASHA384},
		{"ecdsa_secp521r1_sha512_test.json", keyring.AlgECDSASHA512},
		{"ecdsa_secp256k1_sha256_test.json", keyring.AlgECDSASHA256},
		{"ed25519_test.json", keyring.AlgEd25519},
	} {
		t.Run(tt.file, func(t *testing.T) {
			var file struct {
				TestGroups []struct {
					PublicKeyDER hexBytes
					PublicKeyASN hexBytes `json:"publicKeyAsn"`
					Tests        []struct {
						TcID     int
						Comment  string
						Msg, Sig hexBytes
						Result   string
					}
				}
			}
			vectors(t, tt.file, &file)
			n := 0
			for _, g := range file.TestGroups {
				der := g.PublicKeyDER
				if len(der) == 0 {
					der = g.PublicKeyASN
				}
				public, err := keyring.ParsePublic(der)
				if err != nil {
					t.Fatalf("public key: %v", err)
				}
				for _, c := range g.Tests {
					n++
					got := keyring.Verifies(public, tt.algorithm, c.Msg, c.Sig)
					if want := c.Result == "valid"; got != want && c.Result != "acceptable" {
						t.Errorf("%d (%s) = %v, want %s", c.TcID, c.Comment, got, c.Result)
					}
				}
			}
			if n == 0 {
				t.Error("no vectors")
			}
		})
	}
}

func TestWycheproofOAEP(t *testing.T) {
	for _, tt := range []struct {
		file      string
		algorithm keyring.Algorithm
	}{
		{"rsa_oaep_2048_sha1_mgf1sha1_test.json", keyring.AlgOAEPSHA1},
		{"rsa_oaep_2048_sha256_mgf1sha256_test.json", keyring.AlgOAEPSHA256},
		{"rsa_oaep_3072_sha256_mgf1sha256_test.json", keyring.AlgOAEPSHA256},
		{"rsa_oaep_4096_sha256_mgf1sha256_test.json", keyring.AlgOAEPSHA256},
	} {
		t.Run(tt.file, func(t *testing.T) {
			var file struct {
				TestGroups []struct {
					PrivateKeyPkcs8 hexBytes
					Tests           []struct {
						TcID           int
						Comment        string
						Msg, Ct, Label hexBytes
						Result         string
					}
				}
			}
			vectors(t, tt.file, &file)
			n := 0
			for _, g := range file.TestGroups {
				parsed, err := x509.ParsePKCS8PrivateKey(g.PrivateKeyPkcs8)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range g.Tests {
					if len(c.Label) > 0 {
						continue // KMS has no labels
					}
					n++
					got, err := keyring.DecryptOAEP(parsed.(*rsa.PrivateKey), tt.algorithm, c.Ct)
					if want := c.Result == "valid"; (err == nil) != want || want && !bytes.Equal(got, c.Msg) {
						t.Errorf("%d (%s) = %x, %v, want %s", c.TcID, c.Comment, got, err, c.Result)
					}
				}
			}
			if n == 0 {
				t.Error("no vectors")
			}
		})
	}
}

func TestWycheproofMAC(t *testing.T) {
	for _, tt := range []struct {
		file      string
		algorithm keyring.Algorithm
		bits      int
	}{
		{"hmac_sha224_test.json", keyring.AlgHMAC224, 224},
		{"hmac_sha256_test.json", keyring.AlgHMAC256, 256},
		{"hmac_sha384_test.json", keyring.AlgHMAC384, 384},
		{"hmac_sha512_test.json", keyring.AlgHMAC512, 512},
	} {
		var file struct {
			TestGroups []struct {
				TagSize int
				Tests   []struct {
					TcID          int
					Key, Msg, Tag hexBytes
					Result        string
				}
			}
		}
		vectors(t, tt.file, &file)
		n := 0
		for _, g := range file.TestGroups {
			if g.TagSize != tt.bits {
				continue // KMS never truncates
			}
			for _, c := range g.Tests {
				n++
				equal := bytes.Equal(keyring.ComputeMAC(tt.algorithm, c.Key, c.Msg), c.Tag)
				if equal != (c.Result == "valid") {
					t.Errorf("%s %d: equal is %v, want %s", tt.file, c.TcID, equal, c.Result)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: no vectors", tt.file)
		}
	}
}

func TestWycheproofAgreement(t *testing.T) {
	for file, curve := range map[string]elliptic.Curve{
		"ecdh_secp256r1_test.json": elliptic.P256(),
		"ecdh_secp384r1_test.json": elliptic.P384(),
		"ecdh_secp521r1_test.json": elliptic.P521(),
	} {
		var content struct {
			TestGroups []struct {
				Tests []struct {
					TcID                    int
					Comment                 string
					Public, Private, Shared hexBytes
					Result                  string
				}
			}
		}
		vectors(t, file, &content)
		n := 0
		for _, g := range content.TestGroups {
			for _, c := range g.Tests {
				private, err := ecdsa.ParseRawPrivateKey(curve, scalar(curve, c.Private))
				if err != nil {
					continue // a scalar that is none
				}
				n++
				got, ok := keyring.Agree(private, c.Public)
				switch {
				case c.Result == "valid" && (!ok || !bytes.Equal(got, c.Shared)):
					t.Errorf("%s %d (%s) = %x, %v, want %x", file, c.TcID, c.Comment, got, ok, c.Shared)
				case c.Result == "invalid" && ok:
					t.Errorf("%s %d (%s) = %x, want none", file, c.TcID, c.Comment, got)
				case c.Result == "acceptable" && ok && !bytes.Equal(got, c.Shared):
					t.Errorf("%s %d (%s) = %x, want %x", file, c.TcID, c.Comment, got, c.Shared)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: no vectors", file)
		}
	}
}

// scalar is a private key in as many bytes as the curve's order has.
func scalar(curve elliptic.Curve, b []byte) []byte {
	out := make([]byte, (curve.Params().N.BitLen()+7)/8)
	new(big.Int).SetBytes(b).FillBytes(out)
	return out
}

func publicOf(private any) crypto.PublicKey { return private.(crypto.Signer).Public() }

// openssl runs the command line tool in a folder of its own, or skips.
type openssl struct {
	t   *testing.T
	dir string
}

func newOpenSSL(t *testing.T) *openssl {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	return &openssl{t, t.TempDir()}
}

func (o *openssl) file(name string, content []byte) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

func (o *openssl) run(args ...string) []byte {
	o.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = o.dir
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		o.t.Errorf("openssl %s: %v\n%s%s", strings.Join(args, " "), err, problems.String(), out)
	}
	return out
}
