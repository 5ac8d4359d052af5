package edge_test

import (
	"fmt"
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

// Where all of a viewer's headers go to the origin, those do not in which it
// believes whoever is in front of it, and none that CGI would take for one of the
// edge's or for a custom header of the origin.
func TestHeadersThatAreNotTheViewersToSay(t *testing.T) {
	var mu sync.Mutex
	var seen http.Header
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = r.Header
	})
	d := distribution(o, last(everyMethod), last(func(b *delivery.Behavior) {
		b.Forward.Headers.Mode = delivery.SelectAll
		b.Forward.EdgeHeaders = []string{"cloudfront-viewer-address"}
	}))
	for _, origin := range d.Origins {
		origin.Headers = []delivery.Header{{Name: "X-Origin-Key", Value: "ours"}}
	}
	w := newWorld(t, newFeed(d))
	for _, method := range []string{"GET", "POST"} {
		w.do(method, "/a", "X-Forwarded-Proto: evil", "X-Real-Ip: evil", "Proxy: http://evil.example", "X_origin_key: evil", "X_forwarded_for: evil",
			"X-Forwarded_proto: evil", "Cloudfront_viewer_address: evil", "Te_: evil", "X_amz_cf_id: evil", "Proxy_connection: evil", "X_edge_location: evil",
			"X_mine: a", "X-Forwarded-Host: b").Body.Close()
		mu.Lock()
		head := fmt.Sprint(seen)
		mu.Unlock()
		for _, want := range []string{"X-Origin-Key:[ours]", "X-Forwarded-For:[192.0.2.1]", "Cloudfront-Viewer-Address:[192.0.2.1:1234]", "X_mine:[a]", "X-Forwarded-Host:[b]", "Te_:[evil]"} {
			if !strings.Contains(head, want) {
				t.Errorf("%s: %s lacks %s", method, head, want)
			}
		}
		if strings.Count(head, "evil") != 1 {
			t.Errorf("%s: the origin heard %s", method, head)
		}
	}
}
