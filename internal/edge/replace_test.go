package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// instead gives errors with a status a page.
func instead(status int, path string, with int) func(*delivery.Distribution) {
	return func(d *delivery.Distribution) {
		if d.Errors == nil {
			d.Errors = make(map[int]delivery.ErrorResponse)
		}
		d.Errors[status] = delivery.ErrorResponse{PagePath: path, Status: with, MinTTL: 10 * time.Second}
	}
}

// withPages is an origin that has two pages, and errors of every kind.
func withPages(t *testing.T, c *counter) string {
	return originServer(t, func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		switch r.URL.Path {
		case "/e/page":
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Etag", `"page"`)
			io.WriteString(w, "sorry")
		case "/e/moved":
			http.Redirect(w, r, "/e/page", http.StatusFound)
		case "/e/broken":
			http.Error(w, "the page broke", http.StatusServiceUnavailable)
		case "/missing":
			w.Header().Set("Secret", "of the error")
			w.WriteHeader(http.StatusNotFound)
			w.(http.Flusher).Flush() // no length
			io.WriteString(w, "gone")
		case "/failing":
			http.Error(w, "trace of a stack", http.StatusInternalServerError)
		case "/teapot":
			http.Error(w, "no page", http.StatusTeapot)
		case "/ok":
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "ok")
		case "/hang-up":
			panic(http.ErrAbortHandler)
		}
	})
}

func TestErrorPages(t *testing.T) {
	var c counter
	all := func(b *delivery.Behavior) {
		b.Allowed = delivery.MethodGet | delivery.MethodHead | delivery.MethodOptions | delivery.MethodPost
	}
	w := newWorld(t, newFeed(distribution(withPages(t, &c), last(all),
		first("/private/*", restricted), first("/e/*"), first("/https/*", func(b *delivery.Behavior) { b.ViewerProtocol = delivery.HTTPSOnly }),
		first("/direct/*", func(b *delivery.Behavior) { b.CachingDisabled = true }),
		instead(400, "/e/page", 400), instead(403, "/e/page", 403), instead(404, "/e/page", 200), instead(416, "/e/page", 416),
		instead(500, "/e/page", 503), instead(502, "/e/page", 502))))
	for _, tt := range []struct {
		method, target string
		headers        []string
		status         int
		text           string
	}{
		{"GET", "/missing", nil, 200, "sorry"},
		{"HEAD", "/missing", nil, 200, ""},
		{"POST", "/missing", nil, 200, "sorry"},
		{"OPTIONS", "/missing", nil, 200, "sorry"},
		{"GET", "/failing", nil, 503, "sorry"},
		{"GET", "/hang-up", nil, 502, "sorry"},
		{"GET", "/hang-up", nil, 502, "sorry"}, // from the cache
		{"GET", "/teapot", nil, 418, "no page\n"},
		{"GET", "/ok", []string{"Range: bytes=9-"}, 416, "sorry"},
		{"GET", "/ok", []string{"Range: bytes=1-"}, 206, "k"},
		{"GET", "/private/film", nil, 403, "sorry"},
		{"GET", "/https/film", nil, 403, "sorry"},
		{"DELETE", "/ok", nil, 403, "sorry"},
		// Conditions and ranges are about the object, not about the page.
		{"GET", "/missing", []string{"Range: bytes=1-2"}, 200, "sorry"},
		{"GET", "/missing", []string{`If-None-Match: "page"`}, 200, "sorry"},
		{"GET", "/missing", []string{`If-Match: "other"`}, 200, "sorry"},
		// The page itself is an object like others.
		{"GET", "/e/page", []string{`If-None-Match: "page"`}, 304, ""},
	} {
		t.Run(tt.method+tt.target, func(t *testing.T) {
			resp := w.do(tt.method, tt.target, tt.headers...)
			want(t, resp, tt.status, "*", tt.text)
			if resp.Header.Get("Secret") != "" {
				t.Error("a header of the error reached the viewer")
			}
			if tt.text == "sorry" && (resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("X-Cache") != "Error from cloudfront") {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	if log := w.log.String(); !strings.Contains(log, "viewer denied") {
		t.Errorf("a denial with a page is not in the log: %s", log)
	}
	if got := w.get("/unknown", "Host: elsewhere.example"); got.StatusCode != 403 || got.Header.Get("Content-Type") != "text/html" {
		t.Errorf("unknown host: %d, %v", got.StatusCode, got.Header)
	}
}

// TestErrorAndPageAreKept counts: an error is kept for its own time, a page
// like any object, however many errors it stands for.
func TestErrorAndPageAreKept(t *testing.T) {
	var c counter
	w := newWorld(t, newFeed(distribution(withPages(t, &c), instead(404, "/e/page", 404), instead(403, "/e/page", 403), instead(500, "/e/page", 500),
		first("/private/*", restricted))))
	for range 3 {
		want(t, w.get("/missing"), 404, "Error", "sorry")
		want(t, w.get("/failing"), 500, "Error", "sorry")
		want(t, w.get("/private/film"), 403, "Error", "sorry")
	}
	if got := strings.Join(c.seen, ", "); got != "GET /missing, GET /e/page, GET /failing" {
		t.Errorf("the origin was asked for %s", got)
	}
	w.clock.Advance(11 * time.Second)
	want(t, w.get("/missing"), 404, "Error", "sorry")
	if c.n() != 4 {
		t.Errorf("the origin was asked %d times, want 4: the error had expired, the page not", c.n())
	}
}

func TestErrorPageThatFails(t *testing.T) {
	var c counter
	o := withPages(t, &c)
	for _, tt := range []struct {
		page   string
		status int
		text   string
	}{
		{"/e/broken", 503, "the page broke\n"},
		{"/missing", 404, "gone"},
		{"/e/moved", 302, "*"},
	} {
		for _, off := range []bool{false, true} {
			w := newWorld(t, newFeed(distribution(o, instead(404, tt.page, 200), instead(503, "/e/page", 200),
				last(func(b *delivery.Behavior) { b.CachingDisabled = off }))))
			for range 2 {
				want(t, w.get("/missing"), tt.status, "Error", tt.text)
			}
		}
	}
}

// TestErrorPageOfAnUpload ends what the origin did not want to read.
func TestErrorPageOfAnUpload(t *testing.T) {
	var c counter
	w := newWorld(t, newFeed(distribution(withPages(t, &c), instead(404, "/e/page", 404), last(func(b *delivery.Behavior) {
		b.Allowed |= delivery.MethodPost
	}))))
	r := httptest.NewRequest("POST", "http://"+host+"/missing", strings.NewReader(strings.Repeat("x", 1<<16)))
	r.RequestURI = "/missing"
	rec := httptest.NewRecorder()
	w.edge.ServeHTTP(rec, r)
	want(t, rec.Result(), 404, "Error", "sorry")
}
