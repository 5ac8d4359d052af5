package signedurl_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

const (
	rsaID   = signedurl.KeyID("K1RSATESTKEY00")
	ecdsaID = signedurl.KeyID("K2ECDSATESTKEY")
	otherID = signedurl.KeyID("K3OTHERTESTKEY")

	// expiry is the moment that AWS's shared vectors use.
	expiry = 1767290400

	imageURL = "https://d111111abcdef8.cloudfront.net/image.jpg"
)

// now is an hour before expiry.
var now = time.Unix(expiry-3600, 0)

// testKey is a key of testdata with the id that it goes by.
type testKey struct {
	id      signedurl.KeyID
	private crypto.Signer
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func privateKey(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	key, err := signedurl.ParsePrivateKey(readFile(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func publicKey(tb testing.TB, name string) *signedurl.PublicKey {
	tb.Helper()
	key, err := signedurl.ParsePublicKey(readFile(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func testKeys(tb testing.TB) map[string]testKey {
	return map[string]testKey{
		"rsa2048": {rsaID, privateKey(tb, "rsa2048.pem")},
		"p256":    {ecdsaID, privateKey(tb, "p256.pem")},
	}
}

func trusted(tb testing.TB) signedurl.KeySet {
	return signedurl.KeySet{
		rsaID:   publicKey(tb, "rsa2048.pub.pem"),
		ecdsaID: publicKey(tb, "p256.pub.pem"),
	}
}

func newSigner(tb testing.TB, key testKey, h signedurl.Hash) *signedurl.Signer {
	tb.Helper()
	s, err := signedurl.NewSigner(key.id, key.private, &signedurl.SignerOptions{Hash: h})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func sign(tb testing.TB, s *signedurl.Signer, url string, p signedurl.Policy) string {
	tb.Helper()
	signed, err := s.Sign(tb.Context(), url, p)
	if err != nil {
		tb.Fatalf("Sign(%q): %v", url, err)
	}
	return signed
}

func request(tb testing.TB, url string) *signedurl.Request {
	tb.Helper()
	r, err := signedurl.NewRequest(url)
	if err != nil {
		tb.Fatalf("NewRequest(%q): %v", url, err)
	}
	r.Peer = netip.MustParseAddr("192.0.2.7")
	return &r
}

// cookieHeader is what a browser sends back.
func cookieHeader(cookies []*http.Cookie) string {
	r := http.Request{Header: http.Header{}}
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r.Header.Get("Cookie")
}

// rawSign signs any text, also one that the Signer would refuse to make, and
// returns the coded signature.
func rawSign(tb testing.TB, key crypto.Signer, h crypto.Hash, text string) string {
	tb.Helper()
	var digest []byte
	switch h {
	case crypto.SHA256:
		sum := sha256.Sum256([]byte(text))
		digest = sum[:]
	case crypto.SHA1:
		sum := sha1.Sum([]byte(text))
		digest = sum[:]
	}
	sig, err := key.Sign(rand.Reader, digest, h)
	if err != nil {
		tb.Fatal(err)
	}
	return coded(string(sig))
}

func coded(text string) string { return string(signedurl.AppendCoded(nil, []byte(text))) }

// cannedText is the policy of section "canned policy" of the Developer Guide.
func cannedText(resource string, expires int64) string {
	return fmt.Sprintf(`{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}`, resource, expires)
}

// verdict is what tables of rejections compare.
type verdict struct {
	code  signedurl.Code
	cause signedurl.Cause
}

func verdictOf(res signedurl.Result) verdict { return verdict{res.Code, res.Reason.Cause} }
