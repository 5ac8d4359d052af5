package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// TestSchemeInTheKey keeps one answer for each scheme, and tells the origin
// which, whatever a viewer claims.
func TestSchemeInTheKey(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("CloudFront-Forwarded-Proto"))
	})
	w := newWorld(t, newFeed(distribution(o, func(d *delivery.Distribution) {
		d.Behaviors[0].Origin.Protocol = delivery.OriginHTTPOnly
		d.Behaviors[0].Key.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, "cloudfront-forwarded-proto")
		d.Behaviors[0].Forward.Headers = d.Behaviors[0].Key.Headers
	})))
	for _, result := range []string{"Miss", "Hit"} {
		want(t, w.get("/a", "CloudFront-Forwarded-Proto: https"), 200, result, "http")
		r := httptest.NewRequest("GET", "https://"+host+"/a", nil)
		r.RequestURI = "/a"
		rec := httptest.NewRecorder()
		w.edge.ServeHTTP(rec, r)
		want(t, rec.Result(), 200, result, "https")
	}
}

// TestForwardedBesideTheKey sends to the origin what is selected beyond the key,
// and answers everyone from the first answer.
func TestForwardedBesideTheKey(t *testing.T) {
	var mu sync.Mutex
	var seen *http.Request
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = r
		mu.Unlock()
		w.Header().Set("Content-Length", "0")
	})
	w := newWorld(t, newFeed(distribution(o, last(func(b *delivery.Behavior) {
		b.Forward.Headers = delivery.NewSelection(delivery.SelectAllExcept, false, "x-secret")
		b.Forward.Query.Mode = delivery.SelectAll
		b.Forward.Cookies = delivery.NewSelection(delivery.SelectWhitelist, true, "sid*")
		b.Forward.EdgeHeaders = []string{"cloudfront-forwarded-proto", "cloudfront-viewer-http-version"}
	}))))
	want(t, w.get("/a?b=1&B=2", "Referer: r", "X-Secret: s", "Cookie: sid1=x; other=y", "CloudFront-Forwarded-Proto: https",
		"CloudFront-Viewer-Country: XX", "Authorization: mine"), 200, "Miss", "")
	mu.Lock()
	first := seen
	mu.Unlock()
	for name, value := range map[string]string{
		"Referer": "r", "X-Secret": "", "Cookie": "sid1=x", "Cloudfront-Forwarded-Proto": "http", "Cloudfront-Viewer-Http-Version": "1.1",
		"Cloudfront-Viewer-Country": "", "Authorization": "mine",
	} {
		if got := strings.Join(first.Header[name], "|"); got != value {
			t.Errorf("%s reached the origin as %q, want %q", name, got, value)
		}
	}
	if first.Host != host || first.RequestURI != "/a?b=1&B=2" {
		t.Errorf("asked %s for %s", first.Host, first.RequestURI)
	}
	w.edge.Settle() // a behavior that forwards cookies has no joint fetches
	want(t, w.get("/a?b=9", "Referer: other"), 200, "Hit", "")
}
