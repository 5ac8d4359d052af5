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
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// behind configures the networks of trusted proxies and how they speak.
func behind(header forwarded.Header, networks ...string) func(*edge.Config) {
	return func(c *edge.Config) {
		c.Proxies.Header = header
		for _, n := range networks {
			c.Proxies.Networks = append(c.Proxies.Networks, netip.MustParsePrefix(n))
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
	}))), behind(forwarded.XForwarded, "10.0.0.0/8"))
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
