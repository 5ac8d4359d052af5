package edge_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

// inspect is what an owner knows of the distributions of w.
func (w *world) inspect() *delivery.Inspection {
	return &delivery.Inspection{
		Snapshot: w.feed.Snapshot(),
		Trusted:  [][]string{nil, {"group-1"}},
		Groups:   map[signedurl.KeyID][]string{"K1": {"group-1"}, "K2": {"group-2"}, "K3": nil},
		Hosts:    []string{host, "www.example.com"},
	}
}

func (w *world) explain(q edge.Question) *edge.Explanation {
	w.t.Helper()
	if q.At.IsZero() {
		q.At = w.clock.Now()
	}
	x, err := w.edge.Explain(q, w.inspect())
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func TestExplain(t *testing.T) {
	const site = "http://" + host
	w := newWorld(t, newFeed(distribution("http://127.0.0.1:1", last(restricted), first("/open/*"), first("/tls/*", func(b *delivery.Behavior) {
		b.ViewerProtocol = delivery.RedirectToHTTPS
	}), func(d *delivery.Distribution) { d.Aliases = []string{"www.example.com", "*.example.org"} }),
		distribution("http://127.0.0.1:1", func(d *delivery.Distribution) { d.ID, d.DomainName, d.Enabled = "E2", "d2.cloudfront.localhost", false })))
	signed := func(target string) string { return site + w.sign(target, "") }
	everything := site + "/a?" + w.credentials()
	replace := func(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }
	cookies := "CloudFront-" + replace(w.credentials(), "&", "; CloudFront-")
	fromHome, err := signers().signer.Sign(t.Context(), site+"/a", signedurl.Policy{Expires: w.clock.Now().Add(time.Hour), Source: netip.MustParsePrefix("192.0.2.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		q        edge.Question
		status   int
		cause    string
		mistakes []string
		because  string // a piece of the reason
	}{
		{"signed", edge.Question{URL: signed("/a")}, 0, "", nil, "admitted"},
		{"open", edge.Question{URL: site + "/open/a"}, 0, "", nil, "open to everybody"},
		{"by cookie", edge.Question{URL: site + "/a", Header: http.Header{"Cookie": {cookies}}}, 0, "", nil, ""},
		{"by another name", edge.Question{URL: "http://127.0.0.1:8080/open/a", Header: http.Header{"Host": {"www.example.com"}}}, 0, "", nil, ""},
		{"from the range", edge.Question{URL: fromHome, Peer: netip.MustParseAddr("::ffff:192.0.2.7")}, 0, "", nil, ""},

		{"unknown host", edge.Question{URL: "http://other.example/"}, 403, "host-unknown", nil, "no distribution"},
		{"disabled", edge.Question{URL: "http://d2.cloudfront.localhost/"}, 403, "distribution-disabled", nil, "disabled"},
		{"method", edge.Question{URL: signed("/a"), Method: "PUT"}, 403, "method-not-allowed", nil, "PUT"},
		{"https wanted", edge.Question{URL: site + "/tls/a"}, 301, "https-required", nil, "redirects"},
		{"too long", edge.Question{URL: site + "/" + strings.Repeat("a", 9000)}, 413, "url-too-long", nil, "8192"},
		{"bad target", edge.Question{URL: site + "/a b"}, 400, "target-malformed", nil, ""},
		{"dots", edge.Question{URL: site + "/a/%2e%2e/b?" + w.credentials()}, 403, "path-ambiguous", nil, "dot segments"},
		{"unsigned", edge.Question{URL: site + "/a"}, 403, "unsigned", nil, "neither"},
		{"expired", edge.Question{URL: signed("/a"), At: w.clock.Now().Add(2 * time.Hour)}, 403, "expired", nil, "expired 1h0m"},
		{"from elsewhere", edge.Question{URL: fromHome, Peer: netip.MustParseAddr("198.51.100.1")}, 403, "address-mismatch", nil, "outside"},
		{"from nowhere", edge.Question{URL: fromHome}, 403, "address-not-ipv4", nil, "gives no ip"},

		{"milliseconds", edge.Question{URL: site + "/a?Expires=1767290400000&Signature=AAAA&Key-Pair-Id=K1"}, 403, "expires-malformed", []string{"milliseconds"}, ""},
		{"base64url", edge.Question{URL: site + "/a?Expires=1767290400&Signature=AA_A&Key-Pair-Id=K1"}, 403, "signature-undecodable", []string{"base64url"}, ""},
		{"encoded twice", edge.Question{URL: replace(signed("/a%20b"), "%20", "%2520")}, 403, "signature-wrong", []string{"encoded-twice"}, ""},
		{"another scheme", edge.Question{URL: replace(signed("/a"), "http:", "https:")}, 403, "signature-wrong", []string{"other-scheme"}, ""},
		{"another name", edge.Question{URL: replace(signed("/a"), host, "x.example.org")}, 403, "signature-wrong", []string{"other-host"}, ""},
		{"parameter added", edge.Question{URL: signed("/a") + "&x=1"}, 403, "signature-wrong", []string{"query-added"}, ""},
		{"key of another group", edge.Question{URL: replace(everything, "=K1", "=K2")}, 403, "key-unknown", []string{"key-elsewhere"}, "K2"},
		{"key of no group", edge.Question{URL: replace(everything, "=K1", "=K3")}, 403, "key-unknown", []string{"key-in-no-group"}, "K3"},
		{"key of nobody", edge.Question{URL: replace(everything, "=K1", "=K4")}, 403, "key-unknown", []string{"key-not-of-account"}, "K4"},
		{"stray parameter", edge.Question{URL: site + "/a?Expires=1", Header: http.Header{"Cookie": {cookies}}}, 403, "key-id-missing", []string{"stray-parameter"}, ""},
		{"cookie path", edge.Question{URL: site + "/a", SetCookies: []string{
			"CloudFront-Policy=x; Path=/a", "CloudFront-Signature=AAAA; Path=/videos/*", "CloudFront-Key-Pair-Id=K1; Domain=.example.net",
		}}, 403, "key-id-missing", []string{"cookie-scope", "cookie-scope", "cookie-scope"}, ""},
	} {
		x := w.explain(tt.q)
		var mistakes []string
		for _, m := range x.Mistakes {
			mistakes = append(mistakes, m.Name)
		}
		words := x.Reason
		for _, m := range x.Mistakes {
			words += " " + m.Text
		}
		if x.Status != tt.status || x.Cause != tt.cause || x.Admitted != (tt.status == 0) || !slices.Equal(mistakes, tt.mistakes) || !strings.Contains(words, tt.because) {
			t.Errorf("%s: %d %q %v: %s; want %d %q %v and %q", tt.name, x.Status, x.Cause, x.Mistakes, x.Reason, tt.status, tt.cause, tt.mistakes, tt.because)
		}
		// The viewer's own request ends alike.
		if tt.q.SetCookies == nil && tt.name != "from nowhere" && tt.q.At.IsZero() && !tt.q.Peer.IsValid() && !strings.HasPrefix(tt.q.URL, "https") && tt.status != 0 {
			r, _ := signedurl.NewRequest(tt.q.URL)
			target := strings.TrimPrefix(tt.q.URL, "http://"+r.Host)
			headers := []string{"Host: " + r.Host}
			for _, c := range tt.q.Header["Cookie"] {
				headers = append(headers, "Cookie: "+c)
			}
			method := tt.q.Method
			if method == "" {
				method = "GET"
			}
			resp := w.do(method, target, headers...)
			if resp.StatusCode != tt.status || tt.status == 403 && x.Code != "" && !strings.Contains(body(t, resp), "<Code>"+x.Code+"</Code>") {
				t.Errorf("%s: the viewer gets %d, explained were %d %s", tt.name, resp.StatusCode, tt.status, x.Code)
			}
		}
	}
}

func TestExplainTellsWhatWasChosen(t *testing.T) {
	w := newWorld(t, newFeed(distribution("http://127.0.0.1:1", last(restricted), first("/open/*"), func(d *delivery.Distribution) {
		d.Aliases = []string{"www.example.com", "*.example.org", "*.sub.example.org"}
	})))
	for _, tt := range []struct{ url, distribution, pattern, behavior, guards string }{
		{"http://" + host + "/open/a", "its domain name", "/open/*", "number 1 of 1", ""},
		{"http://d1.cloudfront.net/a", "under cloudfront.net", "*", "none of the 1", "*"},
		{"http://www.example.com/a", "alias www.example.com", "*", "none of the 1", "*"},
		{"http://a.sub.example.org/open/../a", "wildcard alias *.sub.example.org", "*", "normal spelling /a", "*"},
		{"http://a.example.org/open/%2e%2e/a", "wildcard alias *.example.org", "*", "", "*"},
		{"http://a.example.org/open/a;/../b", "wildcard alias *.example.org", "/open/*", "normal spelling /open/b", ""},
	} {
		x := w.explain(edge.Question{URL: tt.url})
		if !strings.Contains(x.Distribution.Because, tt.distribution) || x.Behavior.Pattern != tt.pattern || !strings.Contains(x.Behavior.Because, tt.behavior) ||
			strings.Join(x.Behavior.Guards, " ") != tt.guards || x.Behavior.Restricted != (tt.guards != "") {
			t.Errorf("%s: %+v, %+v; want %+v", tt.url, *x.Distribution, *x.Behavior, tt)
		}
		if tt.guards != "" && !slices.Equal(x.Behavior.KeyGroups, []string{"group-1"}) {
			t.Errorf("%s: trusts %v", tt.url, x.Behavior.KeyGroups)
		}
	}

	x := w.explain(edge.Question{URL: "http://" + host + w.sign("/a?b=c", ""), Peer: netip.MustParseAddr("192.0.2.1")})
	s := x.Signature
	if s == nil || s.Carrier != "url" || s.KeyID != "K1" || !slices.Equal(s.KeyGroups, []string{"group-1"}) || s.Hash != "SHA256" || !s.Verified || s.Custom ||
		s.Resource != "http://"+host+"/a?b=c" || !s.Policy.Expires.After(w.clock.Now()) || s.Signed != s.Expected {
		t.Errorf("signature is %+v", s)
	}
	x = w.explain(edge.Question{URL: "http://" + host + "/b?" + strings.TrimPrefix(w.sign("/a", "http://"+host+"/a*"), "/a?")})
	if s = x.Signature; s.Signed != "http://"+host+"/a*" || s.Expected != "http://"+host+"/b" || s.Signed[:s.SignedAt] != "http://"+host+"/" || s.ExpectedAt != s.SignedAt || !s.Verified || !s.Custom {
		t.Errorf("mismatch is explained as %+v", s)
	}
	if _, err := w.edge.Explain(edge.Question{URL: "/a"}, w.inspect()); err == nil {
		t.Error("a path is explained, want an error")
	}
}
