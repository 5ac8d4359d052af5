package edge_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

// behind configures the networks of trusted proxies and how they speak.
func behind(header edge.ProxyHeader, networks ...string) func(*edge.Config) {
	return func(c *edge.Config) {
		c.ProxyHeader = header
		for _, n := range networks {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(n))
		}
	}
}

// senderOf tells whom an edge takes for the sender of a request from peer, and
// by which scheme. headers are "Name: value".
func senderOf(e *edge.Edge, peer string, headers ...string) (addr, scheme string) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return e.Sender(r)
}

func TestSender(t *testing.T) {
	const xff, proto, fwd = "X-Forwarded-For: ", "X-Forwarded-Proto: ", "Forwarded: "
	nobody := behind(edge.XForwarded)
	x := behind(edge.XForwarded, "10.0.0.0/8", "fd00::/8")
	f := behind(edge.Forwarded, "10.0.0.0/8", "fd00::/8")
	for _, tt := range []struct {
		name    string
		trust   func(*edge.Config)
		peer    string
		headers []string
		want    string
	}{
		{"no proxies", nobody, "192.0.2.1:5", []string{xff + "203.0.113.9", proto + "https"}, "http 192.0.2.1:5"},
		{"no proxies, loopback", nobody, "127.0.0.1:5", []string{xff + "203.0.113.9"}, "http 127.0.0.1:5"},
		{"mapped peer", nobody, "[::ffff:192.0.2.1]:5", nil, "http 192.0.2.1:5"},
		{"no peer", nobody, "@", nil, "http "},
		{"a stranger's word", x, "192.0.2.1:5", []string{xff + "203.0.113.9", proto + "https"}, "http 192.0.2.1:5"},
		{"a proxy's word", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "https"}, "https 203.0.113.9"},
		{"a proxy on IPv6", x, "[fd00::1]:5", []string{xff + "2001:db8::9"}, "http 2001:db8::9"},
		{"a proxy without a word", x, "10.0.0.1:5", nil, "http 10.0.0.1:5"},
		{"the viewer's own word", x, "10.0.0.1:5", []string{xff + "1.1.1.1, 203.0.113.9"}, "http 203.0.113.9"},
		{"two headers", x, "10.0.0.1:5", []string{xff + "1.1.1.1", xff + "203.0.113.9"}, "http 203.0.113.9"},
		{"two proxies", x, "10.0.0.1:5", []string{xff + "1.1.1.1,203.0.113.9,10.2.3.4"}, "http 203.0.113.9"},
		{"proxies only", x, "10.0.0.1:5", []string{xff + "10.9.9.9, 10.2.3.4"}, "http 10.9.9.9"},
		{"with port", x, "10.0.0.1:5", []string{xff + "203.0.113.9:77"}, "http 203.0.113.9:77"},
		{"IPv6 with port", x, "10.0.0.1:5", []string{xff + "[2001:db8::9]:77"}, "http [2001:db8::9]:77"},
		{"bracketed", x, "10.0.0.1:5", []string{xff + "[2001:db8::9]"}, "http 2001:db8::9"},
		{"mapped", x, "10.0.0.1:5", []string{xff + "::ffff:203.0.113.9"}, "http 203.0.113.9"},
		{"no address", x, "10.0.0.1:5", []string{xff + "203.0.113.9, unknown"}, "http "},
		{"empty entry", x, "10.0.0.1:5", []string{xff + "203.0.113.9,"}, "http "},
		{"other scheme", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "gopher"}, "http 203.0.113.9"},
		{"scheme in step", x, "10.0.0.1:5", []string{xff + "1.1.1.1, 203.0.113.9, 10.2.3.4", proto + "http, https, http"}, "https 203.0.113.9"},
		{"one scheme for all", x, "10.0.0.1:5", []string{xff + "203.0.113.9, 10.2.3.4", proto + "https"}, "https 203.0.113.9"},
		{"the viewer's scheme", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "https, http"}, "http 203.0.113.9"},
		{"the other header", x, "10.0.0.1:5", []string{fwd + "for=1.1.1.1;proto=https"}, "http 10.0.0.1:5"},

		{"forwarded", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9;proto=https;by=10.0.0.1"}, "https 203.0.113.9"},
		{"forwarded, capitals", f, "10.0.0.1:5", []string{fwd + `Proto=HTTPS; For="[2001:db8::9]:77"`}, "https [2001:db8::9]:77"},
		{"forwarded twice", f, "10.0.0.1:5", []string{fwd + "for=1.1.1.1;proto=https, for=203.0.113.9;proto=http"}, "http 203.0.113.9"},
		{"forwarded by two", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9;proto=https, for=10.2.3.4;proto=http"}, "https 203.0.113.9"},
		{"forwarded, hidden", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9, for=_hidden"}, "http "},
		{"forwarded, nobody", f, "10.0.0.1:5", []string{fwd + "proto=https"}, "https "},
		{"the other header again", f, "10.0.0.1:5", []string{xff + "1.1.1.1"}, "http 10.0.0.1:5"},
		{"a separator in quotes", f, "10.0.0.1:5", []string{fwd + `for="1.1.1.1, for=203.0.113.9"`}, "http 203.0.113.9"},
	} {
		w := newWorld(t, newFeed(), tt.trust)
		addr, scheme := senderOf(w.edge, tt.peer, tt.headers...)
		if got := scheme + " " + addr; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What a trusted proxy says decides on admission and reaches the origin; what a
// viewer says does neither.
func TestTrustedProxyDecides(t *testing.T) {
	seen := make(chan http.Header, 8)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header })
	w := newWorld(t, newFeed(distribution(o, last(restricted), last(func(b *delivery.Behavior) {
		b.ViewerProtocol, b.CachingDisabled = delivery.HTTPSOnly, true
		b.Origin.Protocol = delivery.OriginHTTPOnly
		b.Forward.EdgeHeaders = []string{"CloudFront-Viewer-Address", "CloudFront-Forwarded-Proto"}
	}))), behind(edge.XForwarded, "10.0.0.0/8"))
	signed, err := signers().signer.Sign(context.Background(), "https://"+host+"/a", signedurl.Policy{
		Expires: w.clock.Now().Add(time.Hour), Source: netip.MustParsePrefix("203.0.113.0/24"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		peer, forwarded string
		status          int
	}{
		{"10.0.0.1:5", "203.0.113.9", 200},
		{"10.0.0.1:5", "203.0.113.9, 198.51.100.1", 403},
		{"10.0.0.1:5", "198.51.100.1, 203.0.113.9", 200},
		{"10.0.0.1:5", "unknown", 403},
		{"203.0.113.9:5", "203.0.113.9", 403}, // over http, and nobody vouches for https
	} {
		r := httptest.NewRequest("GET", "http://"+host+"/", nil)
		r.RequestURI, r.RemoteAddr = strings.TrimPrefix(signed, "https://"+host), tt.peer
		r.Header.Set("X-Forwarded-For", tt.forwarded)
		r.Header.Set("X-Forwarded-Proto", "https")
		rec := httptest.NewRecorder()
		w.edge.ServeHTTP(rec, r)
		if rec.Code != tt.status {
			t.Errorf("%s for %s: %d, want %d", tt.peer, tt.forwarded, rec.Code, tt.status)
		}
		if rec.Code != 200 {
			continue
		}
		h := <-seen
		if got := h.Get("Cloudfront-Viewer-Address") + " " + h.Get("Cloudfront-Forwarded-Proto"); got != "203.0.113.9 https" {
			t.Errorf("%s for %s: the origin is told %q", tt.peer, tt.forwarded, got)
		}
		if got := h.Get("X-Forwarded-For"); got != tt.forwarded+", 10.0.0.1" {
			t.Errorf("the origin gets X-Forwarded-For: %q", got)
		}
	}
}

func FuzzSender(f *testing.F) {
	f.Add("203.0.113.9, 10.1.2.3", "https", "for=203.0.113.9;proto=https, for=10.1.1.1")
	f.Add(",,", ",", `for="[::1]:80";;=,`)
	edges := []*edge.Edge{}
	for _, h := range []edge.ProxyHeader{edge.XForwarded, edge.Forwarded} {
		w := newWorld(&testing.T{}, newFeed(), behind(h, "10.0.0.0/8"))
		edges = append(edges, w.edge)
	}
	f.Fuzz(func(t *testing.T, xff, proto, forwarded string) {
		for _, e := range edges {
			_, scheme := senderOf(e, "10.0.0.1:5", "X-Forwarded-For: "+xff, "X-Forwarded-Proto: "+proto, "Forwarded: "+forwarded)
			if scheme != "http" && scheme != "https" {
				t.Errorf("scheme %q", scheme)
			}
			// What stands left of an entry that a trusted proxy wrote about a
			// stranger never counts.
			addr, _ := senderOf(e, "10.0.0.1:5", "X-Forwarded-For: "+xff+", 198.51.100.7", "Forwarded: "+forwarded+", for=198.51.100.7")
			if addr != "198.51.100.7" {
				t.Errorf("with %q and %q the sender is %q", xff, forwarded, addr)
			}
		}
	})
}
