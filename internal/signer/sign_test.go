package signer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/signedurl"
)

const film = "https://example.com/films/a.mp4"

func TestSignsURLs(t *testing.T) {
	for _, algorithm := range []signer.Algorithm{signer.ECDSA, signer.RSA} {
		t.Run(string(algorithm), func(t *testing.T) {
			w := newWorld(t)
			st := w.profile(func(c *signer.ProfileConfig) { c.Algorithm = algorithm })
			out, err := w.SignURLs(t.Context(), w.me(), "links", []string{film, film + "?v=2", "HTTPS://EXAMPLE.com:443/films/b"}, "", signer.Grant{ValidFor: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			for _, url := range out.URLs {
				if !w.admits(st.Group, url) || !strings.Contains(url, "Key-Pair-Id="+out.KeyPairID) {
					t.Errorf("the edge refuses %s", url)
				}
			}
			w.clock.Advance(time.Hour)
			if w.admits(st.Group, out.URLs[0]) || w.clock.Now().Sub(out.Expires).Abs() > 5*time.Second {
				t.Errorf("a URL outlived %v", out.Expires)
			}
		})
	}
}

func TestRecordsWhatIsSigned(t *testing.T) {
	w := newWorld(t)
	w.profile()
	out, err := w.SignURLs(t.Context(), w.me(), "links", []string{film, film + "?v=2"}, "", signer.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	rec, _ := w.last("keyfront:SignURL")
	want := []audit.Pair{{Name: "until", Value: out.Expires.Format(time.RFC3339)}, {Name: "url", Value: film}, {Name: "url", Value: film + "?v=2"}, {Name: "keyPairId", Value: out.KeyPairID}}
	if fmt.Sprint(rec.Parameters) != fmt.Sprint(want) || rec.Decision != audit.Allowed || len(rec.Resources) != 1 || rec.Who.Type != "Root" {
		t.Errorf("record = %+v, want %v on one profile", rec, want)
	}
	used, _ := w.last("kms:Sign")
	if used.Who.ARN != signer.Principal || used.Who.SourceARN != rec.Resources[0] || used.RequestID != rec.RequestID {
		t.Errorf("record of the key's use = %+v", used)
	}
	for _, pair := range append(rec.Parameters, used.Parameters...) {
		if strings.Contains(pair.Value, "Signature=") {
			t.Errorf("a signature is in the record: %v", pair)
		}
	}

	if _, err := w.SignCookies(t.Context(), w.me(), "links", "https://example.com/films/*", nil, signer.Grant{}); err != nil {
		t.Fatal(err)
	}
	rec, _ = w.last("keyfront:SignCookies")
	if rec.Parameters[1] != (audit.Pair{Name: "resource", Value: "https://example.com/films/*"}) {
		t.Errorf("record of cookies = %+v", rec)
	}

	w.recorder.Fail(errors.New("disk full"))
	if out, err := w.SignURLs(t.Context(), w.me(), "links", []string{film}, "", signer.Grant{}); !errors.Is(err, access.ErrNotRecorded) || out.URLs != nil {
		t.Errorf("SignURLs without a record = %v, %v", out, err)
	}
}

// However much is signed, the record holds.
func TestRecordIsBounded(t *testing.T) {
	w := newWorld(t)
	w.profile()
	urls := make([]string, signer.MaxURLs)
	for i := range urls {
		urls[i] = fmt.Sprintf("%s?n=%d&x=%s", film, i, strings.Repeat("x", 900))
	}
	if _, err := w.SignURLs(t.Context(), w.me(), "links", urls, "", signer.Grant{}); err != nil {
		t.Fatal(err)
	}
	rec, _ := w.last("keyfront:SignURL")
	total := 0
	for _, p := range rec.Parameters {
		total += len(p.Name) + len(p.Value)
	}
	if len(rec.Parameters) != signer.MaxURLs+2 || total > 600<<10 {
		t.Errorf("the record has %d parameters of %d bytes", len(rec.Parameters), total)
	}
}

func TestSignsNothingBeyondTheProfile(t *testing.T) {
	w := newWorld(t)
	st := w.profile(func(c *signer.ProfileConfig) { c.LongestValidity = 2 * time.Hour })
	if _, err := w.Create(t.Context(), w.me(), "guarded", signer.ProfileConfig{KeyGroup: st.Group, Resources: []string{"https://example.com/*"}, AddressBits: 24}); err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix
	for _, tt := range []struct {
		name, profile, url, resource string
		grant                        signer.Grant
		want                         error
	}{
		{"inside", "links", film, "", signer.Grant{ValidFor: 2 * time.Hour}, nil},
		{"a pattern", "links", film, "https://example.com/films/a*", signer.Grant{}, nil},
		{"from tomorrow on", "links", film, "", signer.Grant{NotBefore: w.clock.Now().Add(time.Minute)}, nil},
		{"an address", "guarded", film, "", signer.Grant{Source: prefix("192.0.2.7/32")}, nil},
		{"a range", "guarded", film, "", signer.Grant{Source: prefix("192.0.2.0/24")}, nil},
		{"another path", "links", "https://example.com/music/a", "", signer.Grant{}, signer.ErrOutside},
		{"another host", "links", "https://example.org/films/a", "", signer.Grant{}, signer.ErrOutside},
		{"another scheme", "links", "http://example.com/films/a", "", signer.Grant{}, signer.ErrOutside},
		{"a wider pattern", "links", film, "https://example.com/*", signer.Grant{}, signer.ErrOutside},
		{"everything", "links", film, "*", signer.Grant{}, signer.ErrInvalid},
		{"a question mark", "links", film, "https://example.com/film?/*", signer.Grant{}, signer.ErrInvalid},
		{"up and out", "links", "https://example.com/films/../secret", "", signer.Grant{}, signer.ErrInvalid},
		{"up and out, coded", "links", "https://example.com/films/%2E%2e/secret", "", signer.Grant{}, signer.ErrInvalid},
		{"a coded slash", "links", "https://example.com/films/..%2fsecret", "", signer.Grant{}, signer.ErrInvalid},
		{"too long", "links", film, "", signer.Grant{ValidFor: 2*time.Hour + time.Second}, signer.ErrOutside},
		{"too late", "links", film, "", signer.Grant{Expires: w.clock.Now().Add(-time.Second)}, signer.ErrInvalid},
		{"backwards", "links", film, "", signer.Grant{ValidFor: -time.Hour}, signer.ErrInvalid},
		{"never begins", "links", film, "", signer.Grant{NotBefore: w.clock.Now().Add(24 * time.Hour)}, signedurl.ErrPolicy},
		{"no address", "guarded", film, "", signer.Grant{}, signer.ErrOutside},
		{"too wide a range", "guarded", film, "", signer.Grant{Source: prefix("192.0.2.0/23")}, signer.ErrOutside},
		{"a fragment", "links", film + "#x", "", signer.Grant{}, signedurl.ErrURL},
		{"a space", "links", film + " x", "", signer.Grant{}, signedurl.ErrURL},
		{"a reserved name", "links", film + "?Policy=x", "", signer.Grant{}, signedurl.ErrURL},
		{"a pattern elsewhere", "links", "https://example.com/films/b", "https://example.com/films/a*", signer.Grant{}, signedurl.ErrPolicy},
		{"no profile", "nobody", film, "", signer.Grant{}, signer.ErrNoProfile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := w.SignURLs(t.Context(), w.me(), tt.profile, []string{tt.url}, tt.resource, tt.grant)
			if !errors.Is(err, tt.want) || (err != nil) != (out.URLs == nil) {
				t.Errorf("SignURLs = %v, %v, want %v", out.URLs, err, tt.want)
			}
		})
	}
	for name, urls := range map[string][]string{"none": nil, "too many": make([]string, signer.MaxURLs+1), "one bad among good": {film, "https://example.org/"}} {
		if out, err := w.SignURLs(t.Context(), w.me(), "links", urls, "", signer.Grant{}); err == nil || out.URLs != nil {
			t.Errorf("SignURLs of %s = %v, %v", name, out.URLs, err)
		}
	}
}

// Policies can name each resource and its validity.
func TestPoliciesBite(t *testing.T) {
	w := newWorld(t)
	w.profile()
	backend := w.user("backend", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"keyfront:SignURL","Resource":"arn:aws:keyfront:us-east-1:111122223333:signer/links",
		"Condition":{"StringLike":{"keyfront:Resource":"https://example.com/films/${aws:username}/*"},"NumericLessThanEquals":{"keyfront:ValiditySeconds":"3600"}}}}`)
	own := "https://example.com/films/backend/a.mp4"
	local := w.user("local", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"keyfront:Sign*","Resource":"*","Condition":{"StringEquals":{"keyfront:SourceRange":"192.0.2.0/24"}}}}`)
	nobody := w.user("nobody", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}`)
	for _, tt := range []struct {
		name  string
		who   access.Caller
		urls  []string
		grant signer.Grant
		allow bool
	}{
		{"own", backend, []string{own, own + "?v=1"}, signer.Grant{ValidFor: time.Hour}, true},
		{"another's among own", backend, []string{own, film}, signer.Grant{ValidFor: time.Hour}, false},
		{"too long", backend, []string{own}, signer.Grant{ValidFor: time.Hour + time.Minute}, false},
		{"range", local, []string{film}, signer.Grant{Source: netip.MustParsePrefix("192.0.2.9/24")}, true},
		{"no range", local, []string{film}, signer.Grant{}, false},
		{"no permission", nobody, []string{film}, signer.Grant{}, false},
	} {
		_, err := w.SignURLs(t.Context(), tt.who, "links", tt.urls, "", tt.grant)
		if tt.allow && err != nil || !tt.allow && !errors.Is(err, access.ErrDenied) {
			t.Errorf("%s: SignURLs = %v, want allowed %v", tt.name, err, tt.allow)
		}
	}
	if _, err := w.SignCookies(t.Context(), backend, "links", own, nil, signer.Grant{}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("SignCookies without its permission = %v", err)
	}
	if _, err := w.SignURLs(t.Context(), nobody, "absent", []string{film}, "", signer.Grant{}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("SignURLs by an absent profile = %v: strangers learn what there is", err)
	}
}

func TestCookies(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	out, err := w.SignCookies(t.Context(), w.me(), "links", "https://example.com/films/*", &signedurl.CookieOptions{Domain: "example.com"}, signer.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	header := make([]string, len(out.Cookies))
	for i, c := range out.Cookies {
		header[i] = c.Name + "=" + c.Value
		if c.Domain != "example.com" || !c.Secure || !c.HttpOnly {
			t.Errorf("cookie %v", c)
		}
	}
	r := signedurl.Request{Scheme: "https", Host: "example.com", Path: "/films/b/c", Cookies: []string{strings.Join(header, "; ")}}
	if result := signedurl.Verify(&r, w.trusted(st.Group), w.clock.Now(), nil); !result.Allowed() {
		t.Errorf("the edge refuses the cookies: %v", result.Reason)
	}
	if _, err := w.SignCookies(t.Context(), w.me(), "links", film, &signedurl.CookieOptions{Domain: "cloudfront.net"}, signer.Grant{}); !errors.Is(err, signedurl.ErrPolicy) {
		t.Errorf("cookies for cloudfront.net = %v", err)
	}
}

// BenchmarkSign1000 is one call that signs 1,000 URLs, with decisions and record.
// cpu-ms/op is the processor time of the process, whoever else is at work on the
// machine; bare-cpu-ms/op that of 1,000 bare private-key operations.
func BenchmarkSign1000(b *testing.B) {
	for _, algorithm := range []signer.Algorithm{signer.ECDSA, signer.RSA} {
		b.Run(string(algorithm), func(b *testing.B) {
			w := newWorld(b)
			w.profile(func(c *signer.ProfileConfig) { c.Algorithm = algorithm })
			urls := make([]string, signer.MaxURLs)
			for i := range urls {
				urls[i] = fmt.Sprintf("https://example.com/films/%d.mp4?quality=high", i)
			}
			b.ReportAllocs()
			start := processorTime(b)
			for b.Loop() {
				if _, err := w.SignURLs(b.Context(), w.me(), "links", urls, "", signer.Grant{ValidFor: time.Hour}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime(b)-start)/float64(b.N)/1e6, "cpu-ms/op")
			b.ReportMetric(float64(bareSigning(b, algorithm, signer.MaxURLs))/1e6, "bare-cpu-ms/op")
		})
	}
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bareSigning is the processor time of n private-key operations.
func bareSigning(b *testing.B, algorithm signer.Algorithm, n int) time.Duration {
	var key crypto.Signer
	var err error
	if algorithm == signer.RSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte(film))
	start := processorTime(b)
	for range n {
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
	return processorTime(b) - start
}
