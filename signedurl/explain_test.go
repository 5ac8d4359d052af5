package signedurl_test

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/signedurl"
)

// parameters makes the parameters of a signature of any text, which may be none that
// the Signer would make. policy is empty for a canned one.
func parameters(tb testing.TB, key testKey, h crypto.Hash, text, policy string) string {
	q := fmt.Sprintf("Expires=%d", expiry)
	if policy != "" {
		q = "Policy=" + coded(policy)
	}
	return q + "&Signature=" + rawSign(tb, key.private, h, text) + "&Key-Pair-Id=" + string(key.id)
}

// Every usual mistake is named, with either kind of key.
func TestMistakesAreNamed(t *testing.T) {
	const (
		host  = "d111111abcdef8.cloudfront.net"
		site  = "https://" + host
		hours = expiry
	)
	custom := func(resource string) string { return cannedText(resource, hours) }
	spaced := func(resource string) string {
		return fmt.Sprintf(`{"Statement": [{"Resource": "%s", "Condition": {"DateLessThan": {"AWS:EpochTime": %d}}}]}`, resource, hours)
	}
	for _, tt := range []struct {
		name string
		// url is asked for, with the signature of signed added, under policy
		// unless that is empty.
		url, signed, policy string
		hash                crypto.Hash
		want                []signedurl.Hint
	}{
		{name: "nothing wrong", url: imageURL, signed: custom(imageURL)},
		{name: "nothing wrong, custom", url: imageURL, signed: custom(site + "/*"), policy: custom(site + "/*")},

		{name: "http for https", url: imageURL, signed: custom("http://" + host + "/image.jpg"), want: []signedurl.Hint{signedurl.HintScheme}},
		{name: "https for http", url: "http://" + host + "/a", signed: custom(site + "/a"), want: []signedurl.Hint{signedurl.HintScheme}},
		{name: "https for http elsewhere", url: "http://" + host + ":8080/a", signed: custom(site + "/a"), want: []signedurl.Hint{signedurl.HintScheme}},
		{name: "http for https, custom", url: imageURL, signed: custom("http://" + host + "/*"), policy: custom("http://" + host + "/*"), want: []signedurl.Hint{signedurl.HintScheme}},
		{name: "another name", url: imageURL, signed: custom("https://www.example.com/image.jpg"), want: []signedurl.Hint{signedurl.HintHost}},
		{name: "another name, custom", url: imageURL, signed: custom("https://www.example.com/*"), policy: custom("https://www.example.com/*"), want: []signedurl.Hint{signedurl.HintHost}},
		{name: "another name and a port", url: "http://" + host + ":8080/a", signed: custom("http://www.example.com:8080/a"), want: []signedurl.Hint{signedurl.HintHost}},
		{name: "pattern of a folder", url: site + "/a/b/c.mp4", signed: custom(site + "/a/*"), want: []signedurl.Hint{signedurl.HintWildcard}},
		{name: "pattern of a stem", url: site + "/a/b/c.mp4", signed: custom("http*://" + host + "/a/b/c.mp4*"), want: []signedurl.Hint{signedurl.HintWildcard}},
		{name: "pattern of a site", url: site + "/a/b/c.mp4?x=1", signed: custom(site + "/*"), want: []signedurl.Hint{signedurl.HintWildcard}},
		{name: "pattern of everything", url: site + "/a", signed: custom("*"), want: []signedurl.Hint{signedurl.HintWildcard}},
		{name: "encoded twice", url: site + "/a%2520b", signed: custom(site + "/a%20b"), want: []signedurl.Hint{signedurl.HintEncodedTwice}},
		{name: "query encoded twice", url: site + "/a?q=%2526", signed: custom(site + "/a?q=%26"), want: []signedurl.Hint{signedurl.HintEncodedTwice}},
		{name: "encoded twice, custom", url: site + "/a%2520b", signed: custom(site + "/a%20b"), policy: custom(site + "/a%20b"), want: []signedurl.Hint{signedurl.HintEncodedTwice}},
		{name: "encoded later", url: site + "/a%20b", signed: custom(site + "/a b"), want: []signedurl.Hint{signedurl.HintEncodedLater}},
		{name: "plus for space", url: site + "/a?q=x%20y", signed: custom(site + "/a?q=x+y"), want: []signedurl.Hint{signedurl.HintEncodedLater}},
		{name: "space for plus", url: site + "/a?q=x+y", signed: custom(site + "/a?q=x%20y"), want: []signedurl.Hint{signedurl.HintEncodedLater}},
		{name: "parameter added", url: site + "/a?x=1&utm=2", signed: custom(site + "/a?x=1"), want: []signedurl.Hint{signedurl.HintQuery}},
		{name: "query added", url: site + "/a?x=1&utm=2", signed: custom(site + "/a"), want: []signedurl.Hint{signedurl.HintQuery}},
		{name: "query added, custom", url: site + "/a?x=1", signed: custom(site + "/a"), policy: custom(site + "/a"), want: []signedurl.Hint{signedurl.HintQuery}},
		{name: "canned with spaces", url: imageURL, signed: spaced(imageURL), want: []signedurl.Hint{signedurl.HintWhitespace}},
		{name: "canned with a line break", url: imageURL, signed: custom(imageURL) + "\n", want: []signedurl.Hint{signedurl.HintWhitespace}},
		{name: "canned as an object", url: imageURL, signed: strings.NewReplacer("[", "", "]", "").Replace(custom(imageURL)), want: []signedurl.Hint{signedurl.HintEscaped}},
		{name: "canned with escapes", url: site + "/a?b=c&d=e", signed: custom(site + `/a?b=c\u0026d=e`), want: []signedurl.Hint{signedurl.HintEscaped}},
		{name: "canned with escaped slashes", url: imageURL, signed: strings.ReplaceAll(custom(imageURL), "/", `\/`), want: []signedurl.Hint{signedurl.HintEscaped}},
		{name: "signed compact, sent with spaces", url: imageURL, signed: custom(imageURL), policy: spaced(imageURL), want: []signedurl.Hint{signedurl.HintWhitespace}},
		{name: "signed with spaces, sent compact", url: imageURL, signed: spaced(imageURL), policy: custom(imageURL), want: []signedurl.Hint{signedurl.HintWhitespace}},
		{name: "signed with a line break, sent without", url: imageURL, signed: custom(imageURL) + "\n", policy: custom(imageURL), want: []signedurl.Hint{signedurl.HintWhitespace}},
		{name: "two mistakes", url: imageURL, signed: spaced("http://" + host + "/image.jpg"), want: []signedurl.Hint{signedurl.HintScheme, signedurl.HintWhitespace}},
		{name: "hash not named", url: imageURL, signed: custom(imageURL), hash: crypto.SHA256, want: []signedurl.Hint{signedurl.HintHash}},
		{name: "unknown text", url: imageURL, signed: "something else"},
		{name: "milliseconds", url: imageURL, signed: custom(imageURL), policy: cannedText(imageURL, hours*1000), want: []signedurl.Hint{signedurl.HintMilliseconds}},
		{name: "quoted time", url: imageURL, signed: custom(imageURL), policy: strings.Replace(custom(imageURL), "1767290400", `"1767290400"`, 1), want: []signedurl.Hint{signedurl.HintQuotedTime}},
	} {
		for kind, key := range testKeys(t) {
			h := tt.hash
			if h == 0 {
				h = crypto.SHA1
			}
			url := tt.url + "?"
			if strings.Contains(tt.url, "?") {
				url = tt.url + "&"
			}
			r := request(t, url+parameters(t, key, h, tt.signed, tt.policy))
			e := signedurl.Explain(r, trusted(t), now, nil, []string{"other.example.com", "www.example.com"})
			var got []signedurl.Hint
			for _, m := range e.Mistakes {
				got = append(got, m.Name)
				if m.Text == "" {
					t.Errorf("%s, %s: %s has no words", tt.name, kind, m.Name)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s, %s: mistakes %v, want %v (%s)", tt.name, kind, e.Mistakes, tt.want, e.Reason)
			}
			if e.Allowed() != strings.HasPrefix(tt.name, "nothing wrong") {
				t.Errorf("%s, %s: allowed is %v", tt.name, kind, e.Allowed())
			}
			if e.Reason.Cause == signedurl.CauseWrongSignature && e.Signed != nil {
				if string(e.Signed) != tt.signed {
					t.Errorf("%s, %s: found that %q was signed, want %q", tt.name, kind, e.Signed, tt.signed)
				}
				if at := e.ExpectedAt; at != e.SignedAt || string(e.Expected[:at]) != tt.signed[:at] || string(e.Expected) != tt.signed && at < min(len(e.Expected), len(tt.signed)) && e.Expected[at] == tt.signed[at] {
					t.Errorf("%s, %s: %q and %q differ first at %d", tt.name, kind, e.Expected, tt.signed, at)
				}
			}
			if opened := e.Reason.Cause == signedurl.CauseWrongSignature && kind == "rsa2048"; e.Opened != opened {
				t.Errorf("%s, %s: opened is %v, want %v", tt.name, kind, e.Opened, opened)
			}
		}
	}
}

func TestMistakesInEncoding(t *testing.T) {
	key := testKeys(t)["rsa2048"]
	good := parameters(t, key, crypto.SHA1, cannedText(imageURL, expiry), "")
	url64 := strings.NewReplacer("~", "_", "_", "").Replace(good)
	for name, tt := range map[string]struct {
		query string
		want  signedurl.Hint
	}{
		"base64url":           {url64, signedurl.HintBase64URL},
		"encoded twice":       {strings.ReplaceAll(good, "_&", "%255F&"), signedurl.HintEncodedTwice},
		"milliseconds":        {strings.Replace(good, "1767290400", "1767290400000", 1), signedurl.HintMilliseconds},
		"another trusted key": {strings.Replace(good, string(rsaID), string(otherID), 1), signedurl.HintOtherKey},
		"cut at the first &":  {good[:strings.IndexByte(good, '&')], signedurl.HintCutShort},
		"cut in the middle":   {good[:len(good)/2], signedurl.HintCutShort},
		"no such signature":   {strings.Replace(good, "Signature=", "Signature=AAAA", 1), signedurl.HintOtherKey},
	} {
		keys := trusted(t)
		keys[otherID] = publicKey(t, "rsa2048-other.pub.pem")
		e := signedurl.Explain(request(t, imageURL+"?"+tt.query), keys, now, nil, nil)
		if len(e.Mistakes) != 1 || e.Mistakes[0].Name != tt.want {
			t.Errorf("%s: %v, want %s (%s)", name, e.Mistakes, tt.want, e.Reason)
		}
	}
}

func TestMistakesWithCookies(t *testing.T) {
	key := testKeys(t)["p256"]
	policy := cannedText("https://d111111abcdef8.cloudfront.net/*", expiry)
	cookie := func(name, value string) string { return "CloudFront-" + name + "=" + value }
	sig, id := cookie("Signature", rawSign(t, key.private, crypto.SHA1, policy)), cookie("Key-Pair-Id", string(key.id))
	good := strings.Join([]string{cookie("Policy", coded(policy)), sig, id}, "; ")
	for _, tt := range []struct {
		name, query, cookies string
		want                 signedurl.Hint
	}{
		{"good", "", good, ""},
		{"a stray parameter", "?Expires=5", good, signedurl.HintStrayParameter},
		{"a stray parameter and bad cookies", "?Expires=5", sig + ";" + id, ""},
		{"policy kept back", "", sig + "; " + id, signedurl.HintCookieScope},
		{"key kept back", "", sig + "; " + cookie("Policy", coded(policy)), signedurl.HintCookieScope},
		{"signature kept back", "", id + "; " + cookie("Policy", coded(policy)), signedurl.HintCookieScope},
		{"two sets", "", cookie("Policy", coded(cannedText("https://other/*", 5))) + "; " + good, signedurl.HintCookieScope},
		{"two bad sets", "", id + "; " + id, signedurl.HintCookieScope},
	} {
		r := request(t, imageURL+tt.query)
		r.Cookies = []string{tt.cookies}
		e := signedurl.Explain(r, trusted(t), now, nil, nil)
		if tt.want == "" && len(e.Mistakes) > 0 || tt.want != "" && (len(e.Mistakes) != 1 || e.Mistakes[0].Name != tt.want) {
			t.Errorf("%s: %v, want %q (%s)", tt.name, e.Mistakes, tt.want, e.Reason)
		}
	}
}

func TestCookieSent(t *testing.T) {
	for _, tt := range []struct {
		setCookie, url string
		want           string // "" for sent, "-" for no Set-Cookie, else a word of the mistake
	}{
		{"CloudFront-Policy=x", imageURL, ""},
		{"CloudFront-Policy=x; Path=/; Domain=d111111abcdef8.cloudfront.net; Secure; HttpOnly", imageURL, ""},
		{"CloudFront-Policy=x; Path=/images", "https://www.example.com/images/a", ""},
		{"CloudFront-Policy=x; Path=/images/", "https://www.example.com/images/a", ""},
		{"CloudFront-Policy=x; Path=/images", "https://www.example.com/imagesque", "Path"},
		{"CloudFront-Policy=x; Path=/images/*", "https://www.example.com/images/a", "'*'"},
		{"CloudFront-Policy=x; Path=/video/", "https://www.example.com/images/a", "Path"},
		{"CloudFront-Policy=x; Domain=.example.com", "https://www.example.com:8443/", ""},
		{"CloudFront-Policy=x; Domain=example.org", "https://www.example.com/", "Domain"},
		{"CloudFront-Policy=x; Domain=ample.com", "https://www.example.com/", "Domain"},
		{"CloudFront-Policy=x; Domain=.cloudfront.net", imageURL, "cloudfront.net"},
		{"CloudFront-Policy=x; Secure", "http://www.example.com/", "Secure"},
		{"no cookie", imageURL, "-"},
	} {
		wrong, ok := signedurl.CookieSent(tt.setCookie, request(t, tt.url))
		switch {
		case ok != (tt.want != "-"):
			t.Errorf("CookieSent(%q) is ok: %v", tt.setCookie, ok)
		case ok && (wrong == nil) != (tt.want == ""), wrong != nil && (wrong.Name != signedurl.HintCookieScope || !strings.Contains(wrong.Text, tt.want)):
			t.Errorf("CookieSent(%q, %s) = %v, want %q", tt.setCookie, tt.url, wrong, tt.want)
		}
	}
}

// Whatever arrives, Explain judges as Verify does and finds an end.
func FuzzExplain(f *testing.F) {
	key := testKey{rsaID, privateKey(f, "rsa2048.pem")}
	f.Add(imageURL+"?"+parameters(f, key, crypto.SHA1, cannedText(imageURL, expiry), ""), "", "other")
	f.Add(imageURL+"?a%2520b&Policy=e30_&Signature=AAAA&Key-Pair-Id="+string(rsaID), "", "other")
	f.Add(imageURL, "CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id="+string(rsaID)+"; CloudFront-Expires=1", "")
	keys := trusted(f)
	f.Fuzz(func(t *testing.T, url, cookies, other string) {
		r, err := signedurl.NewRequest(url)
		if err != nil {
			return
		}
		r.Cookies = []string{cookies}
		e := signedurl.Explain(&r, keys, now, nil, []string{other})
		if want := signedurl.Verify(&r, keys, now, nil); verdictOf(e.Result) != verdictOf(want) {
			t.Errorf("Explain says %v, Verify %v", verdictOf(e.Result), verdictOf(want))
		}
		if e.ExpectedAt > len(e.Expected) || e.SignedAt > len(e.Signed) {
			t.Errorf("differences at %d of %d and %d of %d", e.ExpectedAt, len(e.Expected), e.SignedAt, len(e.Signed))
		}
	})
}
