package edge_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// ask sends a question as the servers of that path do. edits change its headers;
// an empty value takes one away.
func (w *world) ask(path, target string, edits ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	h := map[string]string{
		"X-Forwarded-Proto": "http", "X-Forwarded-Host": host, "X-Forwarded-For": "192.0.2.7",
		"X-Original-Method": "GET", "X-Original-Uri": target,
	}
	if path == "/forward-auth" {
		h["X-Forwarded-Method"], h["X-Forwarded-Uri"] = "GET", target
		delete(h, "X-Original-Method")
		delete(h, "X-Original-Uri")
	}
	for i := 0; i < len(edits); i += 2 {
		h[edits[i]] = edits[i+1]
	}
	for name, value := range h {
		for v := range strings.SplitSeq(value, "\n") {
			if v != "" {
				r.Header.Add(name, v)
			}
		}
	}
	rec := httptest.NewRecorder()
	w.edge.Subrequests().ServeHTTP(rec, r)
	return rec
}

func TestSubrequests(t *testing.T) {
	w := newWorld(t, newFeed(distribution("http://127.0.0.1:1", last(restricted), first("/open/*"), first("/tls/*", func(b *delivery.Behavior) {
		b.ViewerProtocol = delivery.RedirectToHTTPS
	}))), behind(forwarded.XForwarded, "10.0.0.0/8"))
	signed := w.sign("/videos/a.mp4?x=1", "")
	cookies := "CloudFront-" + strings.ReplaceAll(w.credentials(), "&", "; CloudFront-")
	fromHome, err := signers().signer.Sign(t.Context(), "http://"+host+"/a", signedurl.Policy{Expires: w.clock.Now().Add(time.Hour), Source: netip.MustParsePrefix("192.0.2.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	fromHome = strings.TrimPrefix(fromHome, "http://"+host)
	for _, path := range []string{"/auth-request", "/forward-auth"} {
		family := "X-Original-"
		other := "X-Forwarded-"
		if path == "/forward-auth" {
			family, other = other, family
		}
		for _, tt := range []struct {
			name, target string
			edits        []string
			status       int
			answer       string
		}{
			{"signed", signed, nil, 204, ""},
			{"by cookie", "/videos/a.mp4", []string{"Cookie", cookies}, 204, ""},
			{"open", "/open/a", nil, 204, ""},
			{"over https", "/tls/a", []string{"X-Forwarded-Proto", "https"}, 204, ""},
			{"from the range", fromHome, nil, 204, ""},
			{"from the range, by a proxy", fromHome, []string{"X-Forwarded-For", "192.0.2.7, 10.0.0.1"}, 204, ""},
			{"the other kind's headers", "/open/a", []string{other + "Uri", "/videos/a.mp4", other + "Method", "PUT"}, 204, ""},

			{"unsigned", "/videos/a.mp4", nil, 403, deniedMissing},
			{"unsigned, but for the other kind", "/videos/a.mp4", []string{other + "Uri", "/open/a"}, 403, deniedMissing},
			{"another path", strings.Replace(signed, "a.mp4", "b.mp4", 1), nil, 403, "AccessDenied"},
			{"another host", "/open/a", []string{"X-Forwarded-Host", "other.example"}, 403, "AccessDenied"},
			{"another method", signed, []string{family + "Method", "PUT"}, 403, "AccessDenied"},
			{"over http", "/tls/a", nil, 403, "AccessDenied"},
			{"around the corner", "/open/%2e%2e/videos/a.mp4", nil, 403, "MissingKey"},
			{"from elsewhere", fromHome, []string{"X-Forwarded-For", "192.0.2.7, 198.51.100.1"}, 403, "AccessDenied"},
			{"from nowhere", fromHome, []string{"X-Forwarded-For", "unknown"}, 403, "AccessDenied"},

			{"no target", "", nil, 400, family + "Uri"},
			{"two targets", "/open/a\n/open/b", nil, 400, family + "Uri"},
			{"no method", signed, []string{family + "Method", ""}, 400, family + "Method"},
			{"no scheme", signed, []string{"X-Forwarded-Proto", ""}, 400, "X-Forwarded-Proto"},
			{"another scheme", signed, []string{"X-Forwarded-Proto", "gopher"}, 400, "X-Forwarded-Proto"},
			{"no host", signed, []string{"X-Forwarded-Host", ""}, 400, "X-Forwarded-Host"},
			{"no address", signed, []string{"X-Forwarded-For", ""}, 400, "X-Forwarded-For"},
		} {
			rec := w.ask(path, tt.target, tt.edits...)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.answer) {
				t.Errorf("%s, %s: %d %s, want %d %s", path, tt.name, rec.Code, rec.Body, tt.status, tt.answer)
			}
			if id := rec.Header().Get("X-Amz-Cf-Id"); rec.Code == 403 && tt.name != "another host" && tt.name != "over http" && (id == "" || !strings.Contains(w.log.String(), id)) {
				t.Errorf("%s, %s: the log does not say why", path, tt.name)
			}
		}
	}
	if rec := w.ask("/", signed); rec.Code != http.StatusNotFound {
		t.Errorf("/: %d, want 404", rec.Code)
	}
}
