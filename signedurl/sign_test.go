package signedurl_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

var until = signedurl.Policy{Expires: time.Unix(expiry, 0)}

func TestSignSpelling(t *testing.T) {
	s := newSigner(t, testKeys(t)["rsa2048"], signedurl.SHA1)
	rows := []struct{ url, want string }{
		{imageURL, imageURL + "?"},
		{imageURL + "?a=b", imageURL + "?a=b&"},
		{imageURL + "?", imageURL + "?&"},
		{"HTTPS://D111111abcdef8.CloudFront.net:443/A", "https://d111111abcdef8.cloudfront.net/A?"},
		{"http://h:80", "http://h/?"},
		{"http://h?a", "http://h/?a&"},
		{"http://h:443/", "http://h:443/?"},
		{"http://localhost:8080/a//b/../%2f;c'd", "http://localhost:8080/a//b/../%2f;c'd?"},
		{"http://[::1]:8080/", "http://[::1]:8080/?"},
		{"http://h/?q='a'&r[]=1", "http://h/?q=%27a%27&r[]=1&"},
		{"http://h/*", "http://h/*?"},
		{"wss://h/a", "wss://h/a?"},
	}
	for _, row := range rows {
		got, err := s.Sign(t.Context(), row.url, until)
		if err != nil || !strings.HasPrefix(got, row.want+"Expires=1767290400&Signature=") || !strings.HasSuffix(got, "&Key-Pair-Id="+string(rsaID)) {
			t.Errorf("Sign(%q) = %q, %v, want %q and the parameters", row.url, got, err, row.want)
			continue
		}
		if res := signedurl.Verify(request(t, got), trusted(t), now, nil); !res.Allowed() {
			t.Errorf("Sign(%q): %v", row.url, res.Reason)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	s := newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	for _, url := range []string{
		"", "/image.jpg", "h/image.jpg", "://h/", "https:///a", "ftp://h/a", "rtmp://h/a", "http*://h/a",
		"https://user@h/a", "https://h*/a", "https://%68/a", "https://h:/a", "https://:8080/a",
		"https://h/a#b", "https://h/a b", "https://h/a?b c", "https://h/a\n", "https://h/\x00", "https://h/ä", "https://ä/a", "https://h/a\x7f",
		`https://h/"`, `https://h/\`, "https://h/<", "https://h/>", "https://h/^", "https://h/`", "https://h/{a}", "https://h/a|b",
		"https://h/a?Expires=1", "https://h/a?Policy", "https://h/a?b&Signature=", "https://h/a?Key-Pair-Id=1&c", "https://h/a?Hash-Algorithm=SHA1",
	} {
		if got, err := s.Sign(t.Context(), url, until); !errors.Is(err, signedurl.ErrURL) {
			t.Errorf("Sign(%q) = %q, %v, want ErrURL", url, got, err)
		}
	}

	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for name, p := range map[string]signedurl.Policy{
		"no expiry":                 {},
		"before 1970":               {Expires: at(-1)},
		"1970":                      {Expires: at(0)},
		"after 2038":                {Expires: at(signedurl.MaxTime + 1)},
		"start after end":           {Expires: at(10), NotBefore: at(11)},
		"start at end":              {Expires: at(10), NotBefore: at(10)},
		"start before 1970":         {Expires: at(10), NotBefore: at(-1)},
		"IPv6":                      {Expires: at(10), Source: netip.MustParsePrefix("2001:db8::/32")},
		"invalid range":             {Expires: at(10), Source: netip.PrefixFrom(netip.MustParseAddr("1.2.3.4"), 33)},
		"other resource":            {Expires: at(10), Resource: "https://d111111abcdef8.cloudfront.net/other.jpg"},
		"pattern of other URLs":     {Expires: at(10), Resource: "https://*/videos/*"},
		"stream name":               {Expires: at(10), Resource: "image.jpg"},
		"resource with a space":     {Expires: at(10), Resource: "https://*/ *"},
		"resource beyond ASCII":     {Expires: at(10), Resource: "https://*/ä*"},
		"resource with a quote":     {Expires: at(10), Resource: `https://*"*`},
		"resource longer than fits": {Expires: at(10), Resource: "https://" + strings.Repeat("*", signedurl.MaxPolicyBytes)},
	} {
		if got, err := s.Sign(t.Context(), imageURL, p); !errors.Is(err, signedurl.ErrPolicy) {
			t.Errorf("%s: Sign = %q, %v, want ErrPolicy", name, got, err)
		}
	}
	p := signedurl.Policy{Expires: at(10), NotBefore: at(1)}
	if got, err := s.Sign(t.Context(), "https://h/*", p); !errors.Is(err, signedurl.ErrPolicy) {
		t.Errorf("a star that becomes a wildcard: Sign = %q, %v, want ErrPolicy", got, err)
	}
}

// TestCannedOrCustom has the rule by which the policy is chosen.
func TestCannedOrCustom(t *testing.T) {
	s := newSigner(t, testKeys(t)["p256"], signedurl.SHA256)
	with := func(change func(*signedurl.Policy)) signedurl.Policy {
		p := until
		change(&p)
		return p
	}
	rows := []struct {
		name, url string
		policy    signedurl.Policy
		custom    bool
		text      string // of a custom policy; empty: not compared
	}{
		{"expiry only", imageURL + "?a=b", until, false, cannedText(imageURL+"?a=b", expiry)},
		{"the URL as resource", imageURL, with(func(p *signedurl.Policy) { p.Resource = imageURL }), false, cannedText(imageURL, expiry)},
		{"a star in the URL", imageURL + "*", until, false, cannedText(imageURL+"*", expiry)},
		{"a star in the URL as resource", imageURL + "*", with(func(p *signedurl.Policy) { p.Resource = imageURL + "*" }), true, cannedText(imageURL+"*", expiry)},
		{"a wildcard", imageURL, with(func(p *signedurl.Policy) { p.Resource = "http*://*/image.???" }), true, cannedText("http*://*/image.???", expiry)},
		{
			"an escaped query", imageURL + "?a=b", with(func(p *signedurl.Policy) { p.Resource = imageURL + `\?a=*` }), true,
			cannedText(imageURL+`\\?a=*`, expiry),
		},
		{
			"a start", imageURL + "?a=b", with(func(p *signedurl.Policy) { p.NotBefore = time.Unix(1767200000, 0) }), true,
			`{"Statement":[{"Resource":"` + imageURL + `?a=b","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},"DateGreaterThan":{"AWS:EpochTime":1767200000}}}]}`,
		},
		{
			"a range", imageURL, with(func(p *signedurl.Policy) { p.Source = netip.MustParsePrefix("192.0.2.7/24") }), true,
			`{"Statement":[{"Resource":"` + imageURL + `","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}}}]}`,
		},
	}
	for _, row := range rows {
		signed := sign(t, s, row.url, row.policy)
		if !strings.HasSuffix(signed, "&Key-Pair-Id="+string(ecdsaID)+"&Hash-Algorithm=SHA256") {
			t.Errorf("%s: %s does not end with key id and hash", row.name, signed)
		}
		res := signedurl.Verify(request(t, signed), trusted(t), now, nil)
		if !res.Allowed() || res.Custom != row.custom {
			t.Errorf("%s: %v, Custom = %v, want allowed and %v", row.name, res.Reason, res.Custom, row.custom)
		}
		if got := string(res.SignedPolicy()); got != row.text {
			t.Errorf("%s: policy is %s, want %s", row.name, got, row.text)
		}
	}
}

func TestSignIsDeterministicUnderRSA(t *testing.T) {
	s := newSigner(t, testKeys(t)["rsa2048"], signedurl.SHA1)
	if a, b := sign(t, s, imageURL, until), sign(t, s, imageURL, until); a != b {
		t.Errorf("two signatures of one URL differ: %s and %s", a, b)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	key := privateKey(t, "p256.pem")
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"P-384":        newSignerError(ecdsaID, p384, ""),
		"SHA-512":      newSignerError(ecdsaID, key, "SHA512"),
		"lower case":   newSignerError(ecdsaID, key, "sha1"),
		"empty id":     newSignerError("", key, ""),
		"id with an &": newSignerError("K1&a=b", key, ""),
	} {
		if !errors.Is(err, signedurl.ErrKey) {
			t.Errorf("%s: NewSigner: %v, want ErrKey", name, err)
		}
	}
}

func newSignerError(id signedurl.KeyID, key crypto.Signer, h signedurl.Hash) error {
	_, err := signedurl.NewSigner(id, key, &signedurl.SignerOptions{Hash: h})
	return err
}

// remote is a key behind a network: it watches the context.
type remote struct{ crypto.Signer }

func (r remote) SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.Signer.Sign(rand.Reader, digest, opts)
}

func (remote) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("Sign was called although there is SignContext")
}

func TestSignContext(t *testing.T) {
	key := testKeys(t)["p256"]
	for name, private := range map[string]crypto.Signer{"local": key.private, "remote": remote{key.private}} {
		s := newSigner(t, testKey{key.id, private}, signedurl.SHA256)
		signed := sign(t, s, imageURL, until)
		if res := signedurl.Verify(request(t, signed), trusted(t), now, nil); !res.Allowed() {
			t.Errorf("%s: %v", name, res.Reason)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Sign(ctx, imageURL, until); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: error = %v, want context.Canceled", name, err)
		}
		if _, err := s.Cookies(ctx, signedurl.Policy{Resource: "*", Expires: until.Expires}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: error of Cookies = %v, want context.Canceled", name, err)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	s := newSigner(t, testKeys(t)["rsa2048"], signedurl.SHA256)
	canned := signedurl.Policy{Resource: imageURL, Expires: until.Expires}
	custom := signedurl.Policy{Resource: "https://example.com/v/*", Expires: until.Expires}
	rows := []struct {
		policy signedurl.Policy
		opts   *signedurl.CookieOptions
		names  string
		rest   string // of each Set-Cookie header
	}{
		{canned, nil, "Expires Signature Key-Pair-Id Hash-Algorithm", "; Path=/; HttpOnly; Secure"},
		{custom, nil, "Policy Signature Key-Pair-Id Hash-Algorithm", "; Path=/; HttpOnly; Secure"},
		{
			custom, &signedurl.CookieOptions{Domain: "example.com", Path: "/v/", SameSite: http.SameSiteStrictMode},
			"Policy Signature Key-Pair-Id Hash-Algorithm", "; Path=/v/; Domain=example.com; HttpOnly; Secure; SameSite=Strict",
		},
		{custom, &signedurl.CookieOptions{InsecureAllowHTTP: true}, "Policy Signature Key-Pair-Id Hash-Algorithm", "; Path=/; HttpOnly"},
	}
	for _, row := range rows {
		cookies, err := s.Cookies(t.Context(), row.policy, row.opts)
		if err != nil {
			t.Errorf("Cookies(%+v, %+v): %v", row.policy, row.opts, err)
			continue
		}
		var names []string
		for _, c := range cookies {
			names = append(names, strings.TrimPrefix(c.Name, "CloudFront-"))
			if got := strings.TrimPrefix(c.String(), c.Name+"="+c.Value); got != row.rest {
				t.Errorf("Set-Cookie: %s, want it to end with %q", c, row.rest)
			}
		}
		if got := strings.Join(names, " "); got != row.names {
			t.Errorf("cookies are %q, want %q", got, row.names)
		}
	}
}

func TestCookiesRefuse(t *testing.T) {
	s := newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	for _, resource := range []string{"", "image.jpg", "images/*", "https://h/a b", "https://h/a b*", "https://h/a#b", "https://h/a?Expires=1"} {
		p := signedurl.Policy{Resource: resource, Expires: until.Expires}
		if got, err := s.Cookies(t.Context(), p, nil); !errors.Is(err, signedurl.ErrURL) && !errors.Is(err, signedurl.ErrPolicy) {
			t.Errorf("Cookies for %q = %v, %v, want an error", resource, got, err)
		}
	}
	for _, opts := range []signedurl.CookieOptions{
		{Path: "images/"}, {Path: "/images/*"}, {Path: "/;"}, {Domain: "cloudfront.net"}, {Domain: ".CloudFront.net"}, {Domain: "*.example.com"}, {Domain: "a b"},
	} {
		p := signedurl.Policy{Resource: "*", Expires: until.Expires}
		if got, err := s.Cookies(t.Context(), p, &opts); !errors.Is(err, signedurl.ErrPolicy) {
			t.Errorf("Cookies with %+v = %v, %v, want ErrPolicy", opts, got, err)
		}
	}
	if _, err := s.Cookies(t.Context(), signedurl.Policy{Resource: "*"}, nil); !errors.Is(err, signedurl.ErrPolicy) {
		t.Errorf("Cookies without expiry: %v, want ErrPolicy", err)
	}
}
