package signedurl_test

import (
	"crypto"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

func TestDigests(t *testing.T) {
	rows := []struct{ text, sha1, sha256 string }{
		{
			cannedText("https://d111111abcdef8.cloudfront.net/image.jpg", expiry),
			"44ed2b79fb9f461beaf14a6c778d5ef0e294d28f", "2c04eeea5e268d90c830f296d13f79b996c008406291e6a197cd92b3968423b0",
		},
		{
			cannedText("https://d111111abcdef8.cloudfront.net/a%20b.jpg?size=large&license=yes", expiry),
			"ec0457067ebe628707926fd8e530c64955b99411", "4db0df3af5041be39191802aaf48bed85cf5d296adaae5f33cd7731def091ba6",
		},
	}
	for _, row := range rows {
		for h, want := range map[signedurl.Hash]string{signedurl.SHA1: row.sha1, signedurl.SHA256: row.sha256} {
			var sum [32]byte
			digest, _ := signedurl.SumInto(&sum, h, []byte(row.text))
			if got := hex.EncodeToString(digest); got != want {
				t.Errorf("%s of %s = %s, want %s", h, row.text, got, want)
			}
		}
	}
}

// TestSpellings signs a canned policy for one spelling and asks for another:
// the bytes decide.
func TestSpellings(t *testing.T) {
	keys, key := trusted(t), privateKey(t, "p256.pem")
	const d = "https://d111111abcdef8.cloudfront.net"
	// $ stands where the reserved parameters go.
	rows := []struct {
		signed, asked string
		want          bool
	}{
		{d + "/a", d + "/a?$", true},
		{d + "/a?b=c&d", d + "/a?b=c&d&$", true},
		{d + "/a?b=c&d", d + "/a?$&b=c&d", true},
		{d + "/a?b=c&d", d + "/a?b=c&$&d", true},
		{d + "/a?b=c&d", d + "/a?d&b=c&$", false},
		{d + "/a?b=c&d", d + "/a?b=c&$", false},
		{d + "/a?b=c", d + "/a?b=c&d&$", false},
		{d + "/a?", d + "/a?&$", true},
		{d + "/a", d + "/a?&$", false},
		{d + "/a?b=1&b=2", d + "/a?b=1&$&b=2", true},

		{d + "/a+b", d + "/a+b?$", true},
		{d + "/a+b", d + "/a%20b?$", false},
		{d + "/a%2Fb", d + "/a%2Fb?$", true},
		{d + "/a%2Fb", d + "/a%2fb?$", false},
		{d + "/a%2Fb", d + "/a/b?$", false},
		{d + "/a~b", d + "/a%7Eb?$", false},
		{d + "/a%7Eb", d + "/a%7Eb?$", true},
		{d + "/a//b", d + "/a//b?$", true},
		{d + "/a//b", d + "/a/b?$", false},
		{d + "/a/./b", d + "/a/./b?$", true},
		{d + "/a/./b", d + "/a/b?$", false},
		{d + "/a/../b", d + "/a/../b?$", true},
		{d + "/a/../b", d + "/b?$", false},
		{d + "/'", d + "/'?$", true},
		{d + "/a?q='", d + "/a?q=%27&$", false},
		{d + "/a?q=+", d + "/a?q=%20&$", false},
		{d + "/a?q=%2B&r='", d + "/a?q=%2B&r='&$", true},
		{d + "/a?q=a?b", d + "/a?q=a?b&$", true},
		{d + "/", d + "?$", true},
		{d + "/*", d + "/*?$", true},
		{d + "/*", d + "/a?$", false},

		{d + "/a", strings.Replace(d, "https", "http", 1) + "/a?$", false},
		{strings.Replace(d, "https", "http", 1) + "/a", d + "/a?$", false},
		{d + "/a", "https://alias.example/a?$", false},
		{"https://alias.example/a", "https://alias.example/a?$", true},
		{d + "/a", "https://D111111ABCDEF8.CloudFront.NET/a?$", true},
		{d + "/a", d + ":443/a?$", true},
		{d + "/a", d + ":80/a?$", true}, // no default here, and dropped second
		{"http://localhost:8080/a", "http://localhost:8080/a?$", true},
		{"http://localhost/a", "http://localhost:8080/a?$", true},
		{"http://localhost:8080/a", "http://localhost/a?$", false},
		{"http://localhost:8080/a", "http://localhost:8081/a?$", false},
		{"http://localhost/a", "http://localhost:80/a?$", true},
		{"http://[::1]:8080/a", "http://[::1]:8080/a?$", true},
		{"http://[::1]/a", "http://[::1]:8080/a?$", true},
		{"http://[::1]/a", "http://[::1]/a?$", true},

		{"ws://localhost/a", "ws://localhost/a?$", true},
		{"http://localhost/a", "ws://localhost/a?$", true},
		{"wss://localhost:1/a", "wss://localhost:1/a?$", true},
		{"https://localhost/a", "wss://localhost:1/a?$", true},
		{"wss://localhost/a", "https://localhost/a?$", false},
	}
	verifier := signedurl.NewVerifier(0)
	for _, row := range rows {
		reserved := "Expires=1767290400&Signature=" + rawSign(t, key, crypto.SHA1, cannedText(row.signed, expiry)) + "&Key-Pair-Id=" + string(ecdsaID)
		r := request(t, strings.Replace(row.asked, "$", reserved, 1))
		res := signedurl.Verify(r, keys, now, nil)
		if res.Allowed() != row.want {
			t.Errorf("signed %s, asked %s: %v, want allowed = %v", row.signed, row.asked, res.Reason, row.want)
		}
		if res.Allowed() && res.Resource() != row.signed {
			t.Errorf("signed %s, asked %s: Resource() = %s", row.signed, row.asked, res.Resource())
		}
		for _, remembered := range []bool{false, row.want} {
			again := verifier.Verify(r, keys, now, nil)
			if again.Allowed() != row.want || again.Remembered && !remembered || again.Resource() != res.Resource() {
				t.Errorf("signed %s, asked %s: a Verifier says %v for %s", row.signed, row.asked, again.Reason, again.Resource())
			}
		}
	}
}

func TestHashes(t *testing.T) {
	keys := trusted(t)
	hashes := map[signedurl.Hash]crypto.Hash{signedurl.SHA1: crypto.SHA1, signedurl.SHA256: crypto.SHA256}
	for name, key := range testKeys(t) {
		for used, h := range hashes {
			url := imageURL + "?Expires=1767290400&Signature=" + rawSign(t, key.private, h, cannedText(imageURL, expiry)) + "&Key-Pair-Id=" + string(key.id)
			for suffix, claimed := range map[string]signedurl.Hash{
				"": signedurl.SHA1, "&Hash-Algorithm=SHA1": signedurl.SHA1, "&Hash-Algorithm=SHA256": signedurl.SHA256,
			} {
				res := signedurl.Verify(request(t, url+suffix), keys, now, nil)
				if want := used == claimed; res.Allowed() != want {
					t.Errorf("%s, signed over %s, sent with %q: %v, want allowed = %v", name, used, suffix, res.Reason, want)
				}
				strict := signedurl.Verify(request(t, url+suffix), keys, now, &signedurl.Options{RefuseSHA1: true})
				if want := used == signedurl.SHA256 && claimed == used; strict.Allowed() != want {
					t.Errorf("%s, signed over %s, sent with %q, SHA-1 off: %v, want allowed = %v", name, used, suffix, strict.Reason, want)
				}
				if claimed == signedurl.SHA1 && strict.Reason.Cause != signedurl.CauseRefusedHash {
					t.Errorf("%s, sent with %q, SHA-1 off: cause %q, want %q", name, suffix, strict.Reason.Cause, signedurl.CauseRefusedHash)
				}
			}
		}
	}
}

// TestSignatureForm refuses what is not the ASN.1 form, and demands no low S.
func TestSignatureForm(t *testing.T) {
	keys, key := trusted(t), privateKey(t, "p256.pem")
	der, _ := signedurl.DecodeCoded(rawSign(t, key, crypto.SHA1, cannedText(imageURL, expiry)))
	verify := func(sig []byte) bool {
		url := imageURL + "?Expires=1767290400&Signature=" + coded(string(sig)) + "&Key-Pair-Id=" + string(ecdsaID)
		res := signedurl.Verify(request(t, url), keys, now, nil)
		return res.Allowed()
	}
	if !verify(der) {
		t.Error("the ASN.1 form is refused")
	}
	if verify(append(der[:len(der):len(der)], 0)) {
		t.Error("a byte after the SEQUENCE is accepted")
	}
	if raw := make([]byte, 64); verify(raw) {
		t.Error("64 raw bytes are accepted")
	}
}

func TestConditions(t *testing.T) {
	s := newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	keys := trusted(t)
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	const start = 1767200000
	window := signedurl.Policy{Expires: at(expiry), NotBefore: at(start)}
	from := func(cidr string) signedurl.Policy {
		return signedurl.Policy{Expires: at(expiry), Source: netip.MustParsePrefix(cidr)}
	}
	minute := &signedurl.Options{Skew: time.Minute}

	rows := []struct {
		name   string
		policy signedurl.Policy
		at     time.Time
		peer   string
		opts   *signedurl.Options
		want   signedurl.Cause
	}{
		{"a second before the end", window, at(expiry - 1), "", nil, ""},
		{"a nanosecond before the end", window, at(expiry).Add(-1), "", nil, ""},
		{"the end", window, at(expiry), "", nil, signedurl.CauseExpired},
		{"after the end", window, at(expiry + 1), "", nil, signedurl.CauseExpired},
		{"the start", window, at(start), "", nil, signedurl.CauseNotYetValid},
		{"before the start", window, at(start - 1), "", nil, signedurl.CauseNotYetValid},
		{"after the start", window, at(start + 1), "", nil, ""},
		{"canned, the end", signedurl.Policy{Expires: at(expiry)}, at(expiry), "", nil, signedurl.CauseExpired},
		{"canned, before the end", signedurl.Policy{Expires: at(expiry)}, at(expiry - 1), "", nil, ""},

		{"skew, the end", window, at(expiry + 59), "", minute, ""},
		{"skew, a minute after the end", window, at(expiry + 60), "", minute, signedurl.CauseExpired},
		{"skew, the start", window, at(start - 59), "", minute, ""},
		{"skew, a minute before the start", window, at(start - 60), "", minute, signedurl.CauseNotYetValid},

		{"inside", from("192.0.2.0/24"), now, "192.0.2.255", nil, ""},
		{"outside", from("192.0.2.0/24"), now, "192.0.3.0", nil, signedurl.CauseAddress},
		{"mapped to IPv6", from("192.0.2.0/24"), now, "::ffff:192.0.2.1", nil, ""},
		{"one address", from("192.0.2.1/32"), now, "192.0.2.1", nil, ""},
		{"not the one address", from("192.0.2.1/32"), now, "192.0.2.2", nil, signedurl.CauseAddress},
		{"any IPv4", from("0.0.0.0/0"), now, "203.0.113.9", nil, ""},
		{"IPv6 is not any IPv4", from("0.0.0.0/0"), now, "2001:db8::1", nil, signedurl.CauseAddressNotIPv4},
		{"host bits", from("192.0.2.77/24"), now, "192.0.2.1", nil, ""},
		{"unknown peer", from("0.0.0.0/0"), now, "", nil, signedurl.CauseAddressNotIPv4},
		{"IPv6 without condition", window, now, "2001:db8::1", nil, ""},
	}
	verifier := signedurl.NewVerifier(0)
	for _, row := range rows {
		r := request(t, sign(t, s, imageURL, row.policy))
		r.Peer = netip.Addr{}
		if row.peer != "" {
			r.Peer = netip.MustParseAddr(row.peer)
		}
		res := signedurl.Verify(r, keys, row.at, row.opts)
		if res.Reason.Cause != row.want {
			t.Errorf("%s: %v, want cause %q", row.name, res.Reason, row.want)
		}
		for range 2 {
			if again := verifier.Verify(r, keys, row.at, row.opts); again.Reason != res.Reason {
				t.Errorf("%s: a Verifier says %v, Verify %v", row.name, again.Reason, res.Reason)
			}
		}
	}
}

func TestCookies(t *testing.T) {
	keys, s := trusted(t), newSigner(t, testKeys(t)["p256"], signedurl.SHA256)
	header := func(resource string) string {
		cookies, err := s.Cookies(t.Context(), signedurl.Policy{Resource: resource, Expires: time.Unix(expiry, 0)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return cookieHeader(cookies)
	}
	const d = "https://d111111abcdef8.cloudfront.net"
	canned, custom := header(d+"/a?b=c"), header(d+"/v/*")
	foreign := "CloudFront-Policy=x; CloudFront-Signature=x; CloudFront-Key-Pair-Id=KUNKNOWN000000"
	quoted := strings.NewReplacer("=", `="`, ";", `";`).Replace(custom) + `"`
	escaped := strings.NewReplacer("~", "%7E", "-", "%2D", "_", "%5F").Replace(custom)
	for _, name := range []string{"Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"} {
		name = "CloudFront-" + name
		escaped = strings.Replace(escaped, strings.ReplaceAll(name, "-", "%2D"), name, 1)
	}

	rows := []struct {
		name    string
		url     string
		cookies []string
		want    verdict
	}{
		{"canned", d + "/a?b=c", []string{canned}, verdict{}},
		{"canned, other query", d + "/a?b=d", []string{canned}, verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"canned, no query", d + "/a", []string{canned}, verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"custom", d + "/v/1.ts", []string{custom}, verdict{}},
		{"custom, any query", d + "/v/1.ts?x=y", []string{custom}, verdict{}},
		{"custom, other path", d + "/w/1.ts", []string{custom}, verdict{signedurl.AccessDenied, signedurl.CauseResource}},
		{"among others", d + "/v/1", []string{"a=b; " + custom + ";c"}, verdict{}},
		{"tabs and no spaces", d + "/v/1", []string{"a=b;\t" + strings.ReplaceAll(custom, "; ", ";") + "\t"}, verdict{}},
		{"in two headers", d + "/v/1", []string{"a=b", custom}, verdict{}},
		{"one a header", d + "/v/1", strings.Split(custom, "; "), verdict{}},
		{"quoted", d + "/v/1", []string{quoted}, verdict{}},
		{"percent-encoded", d + "/v/1", []string{escaped}, verdict{}},
		{"lower case", d + "/v/1", []string{strings.ToLower(custom)}, verdict{signedurl.MissingKey, signedurl.CauseUnsigned}},
		{"the first of each name counts", d + "/v/1", []string{custom + "; " + foreign}, verdict{}},
		{"the first of each name counts, even bad", d + "/v/1", []string{foreign, custom}, verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},
		{"both kinds: Policy wins", d + "/v/1", []string{"CloudFront-Expires=1; " + custom}, verdict{}},

		{"a stray Policy parameter", d + "/v/1?Policy=", []string{custom}, verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"a stray Expires parameter", d + "/v/1?Expires=5", []string{custom}, verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"a stray hash parameter", d + "/v/1?Hash-Algorithm", []string{custom}, verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"a bad signed URL", d + "/v/1?Key-Pair-Id=KUNKNOWN000000", []string{custom}, verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},
		{"reserved names without prefix", d + "/v/1", []string{strings.ReplaceAll(custom, "CloudFront-", "")}, verdict{signedurl.MissingKey, signedurl.CauseUnsigned}},
	}
	verifier := signedurl.NewVerifier(0)
	for _, row := range rows {
		r := request(t, row.url)
		r.Cookies = row.cookies
		res := signedurl.Verify(r, keys, now, nil)
		if got := verdictOf(res); got != row.want {
			t.Errorf("%s: Verify = %v, want %v", row.name, got, row.want)
		}
		for range 2 {
			if got := verdictOf(verifier.Verify(r, keys, now, nil)); got != row.want {
				t.Errorf("%s: Verifier = %v, want %v", row.name, got, row.want)
			}
		}
	}

	// A valid signed URL needs no cookies, and bad ones do no harm.
	r := request(t, sign(t, s, d+"/a", signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	r.Cookies = []string{foreign}
	if res := signedurl.Verify(r, keys, now, nil); !res.Allowed() || res.Carrier != signedurl.CarrierURL {
		t.Errorf("signed URL beside bad cookies: %v by %q", res.Reason, res.Carrier)
	}
}

func TestFromHTTP(t *testing.T) {
	rows := []struct {
		name string
		r    http.Request
		want signedurl.Request
	}{
		{
			"raw target",
			http.Request{Method: "GET", Host: "H:1", RequestURI: "/a//%2F/../b?c=%20&d?", RemoteAddr: "192.0.2.1:99", Header: http.Header{"Cookie": {"a=b", "c"}}},
			signedurl.Request{Scheme: "http", Host: "H:1", Path: "/a//%2F/../b", RawQuery: "c=%20&d?", Peer: netip.MustParseAddr("192.0.2.1"), Cookies: []string{"a=b", "c"}},
		},
		{
			"https, empty query",
			http.Request{Method: "GET", Host: "h", RequestURI: "/a?", TLS: &tls.ConnectionState{}, RemoteAddr: "[::1]:99"},
			signedurl.Request{Scheme: "https", Host: "h", Path: "/a", ForceQuery: true, Peer: netip.MustParseAddr("::1")},
		},
		{
			"absolute form",
			http.Request{Method: "GET", Host: "h", RequestURI: "http://h/a?b"},
			signedurl.Request{Scheme: "http", Host: "h", Path: "/a", RawQuery: "b"},
		},
		{
			"a URL in the path",
			http.Request{Method: "GET", Host: "h", RequestURI: "/http://x/a"},
			signedurl.Request{Scheme: "http", Host: "h", Path: "/http://x/a"},
		},
		{
			"WebSocket",
			http.Request{Method: "GET", Host: "h", RequestURI: "/", Header: http.Header{"Upgrade": {"WebSocket"}}},
			signedurl.Request{Scheme: "http", Host: "h", Path: "/", WebSocket: true},
		},
		{
			"asterisk form",
			http.Request{Method: "OPTIONS", Host: "h", RequestURI: "*"},
			signedurl.Request{Scheme: "http", Host: "h", Path: "*"},
		},
	}
	for _, row := range rows {
		got := signedurl.FromHTTP(&row.r)
		if strings.Join(got.Cookies, "|") != strings.Join(row.want.Cookies, "|") {
			t.Errorf("%s: Cookies = %q, want %q", row.name, got.Cookies, row.want.Cookies)
		}
		got.Cookies, row.want.Cookies = nil, nil
		if !sameRequest(got, row.want) {
			t.Errorf("%s: FromHTTP = %+v, want %+v", row.name, got, row.want)
		}
	}
}

func sameRequest(a, b signedurl.Request) bool {
	return a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path && a.RawQuery == b.RawQuery &&
		a.ForceQuery == b.ForceQuery && a.Peer == b.Peer && a.WebSocket == b.WebSocket
}

// FuzzVerify wants no request to panic, a Verifier to agree with Verify, and
// only what was signed to be allowed.
func FuzzVerify(f *testing.F) {
	keys, s := trusted(f), newSigner(f, testKeys(f)["p256"], signedurl.SHA1)
	signed := sign(f, s, imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)})
	_, query, _ := strings.Cut(signed, "?")
	f.Add("d111111abcdef8.cloudfront.net", "/image.jpg", query, "")
	f.Add("d111111abcdef8.cloudfront.net:1", "/image.jpg", "", "CloudFront-"+strings.ReplaceAll(query, "&", "; CloudFront-"))
	signed = sign(f, s, imageURL, signedurl.Policy{Resource: "https://*/image.jpg*", Expires: time.Unix(expiry, 0)})
	_, query, _ = strings.Cut(signed, "?")
	f.Add("x", "/image.jpg", "a&"+query+"&b", "")
	verifier := signedurl.NewVerifier(64)
	f.Fuzz(func(t *testing.T, host, path, query, cookie string) {
		r := signedurl.Request{Scheme: "https", Host: host, Path: path, RawQuery: query, Cookies: []string{cookie}}
		res := signedurl.Verify(&r, keys, now, nil)
		again := verifier.Verify(&r, keys, now, nil)
		if res.Reason != again.Reason || res.Resource() != again.Resource() {
			t.Fatalf("Verify says %v for %s, a Verifier %v for %s", res.Reason, res.Resource(), again.Reason, again.Resource())
		}
		if res.Allowed() && !strings.HasPrefix(path, "/image.jpg") {
			t.Fatalf("%q was let in", path)
		}
		_ = res.Reason.String()
		_ = res.SignedPolicy()
	})
}
