package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/clock"
)

func TestMetricsAreForLoopbackOrTheToken(t *testing.T) {
	m := newMetrics()
	m.count("kms", true)
	tests := []struct {
		peer, token, header string
		status              int
		proxied             string // name of a header
	}{
		{"127.0.0.1:1", "", "", 200, ""},
		{"127.0.0.1:1", "", "", 403, "Origin"},
		{"127.0.0.1:1", "", "", 403, "Sec-Fetch-Site"},
		{"127.0.0.1:1", "", "", 403, "Via"},
		{"127.0.0.1:1", "", "", 403, "X-Forwarded-For"},
		{"127.0.0.1:1", "", "", 403, "Forwarded"},
		{"127.0.0.1:1", "secret", "Bearer secret", 200, "Via"},
		{"[::1]:1", "", "", 200, ""},
		{"[::ffff:127.0.0.1]:1", "", "", 200, ""},
		{"192.0.2.1:1", "", "", 403, ""},
		{"192.0.2.1:1", "", "Bearer ", 403, ""},
		{"192.0.2.1:1", "secret", "Bearer secret", 200, ""},
		{"192.0.2.1:1", "secret", "Bearer other", 403, ""},
		{"192.0.2.1:1", "secret", "Basic secret", 403, ""},
		{"not an address", "", "", 403, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/_keyfront/metrics", nil)
		r.RemoteAddr, r.Host = tt.peer, "localhost:4566"
		if tt.proxied != "" {
			r.Header.Set(tt.proxied, "1.1 somebody")
		}
		if tt.header != "" {
			r.Header.Set("Authorization", tt.header)
		}
		w := httptest.NewRecorder()
		m.handler(tt.token).ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("peer %s, token %q, %q: %d, want %d", tt.peer, tt.token, tt.header, w.Code, tt.status)
		}
		if has := strings.Contains(w.Body.String(), `keyfront_api_requests_total{admitted="true",service="kms"} 1`); has != (tt.status == 200) {
			t.Errorf("peer %s: figures shown %v", tt.peer, has)
		}
	}
}

// A page whose name was made to lead to this machine is told nothing: browsers
// send its name.
func TestFiguresAreNotForRebornNames(t *testing.T) {
	for host, want := range map[string]int{
		"127.0.0.1:4566": 200, "localhost:4566": 200, "LOCALHOST.": 200, "[::1]:4566": 200, "[::1]": 200, "keyfront:4566": 200, "api.localhost": 200, "10.1.2.3": 200,
		"evil.example:4566": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "evillocalhost.example": 403, "evil.local": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/_keyfront/metrics", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:1", host
		w := httptest.NewRecorder()
		newMetrics().handler("secret").ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %s: %d, want %d", host, w.Code, want)
		}
		r.Header.Set("Authorization", "Bearer secret")
		w = httptest.NewRecorder()
		newMetrics().handler("secret").ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("Host %s with the token: %d, want 200", host, w.Code)
		}
	}
}

// A page in a browser, which may send requests anywhere, does not move the clock.
func TestClockIsNotForPages(t *testing.T) {
	c := clock.Movable()
	before := c.Now()
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Origin", "http://evil.example", 403},
		{"Origin", "null", 403},
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-origin", 403},
		{"Sec-Fetch-Mode", "cors", 200}, // Node.js sends it
	} {
		r := httptest.NewRequest(http.MethodPost, "/_keyfront/clock", strings.NewReader(`{"advance":"1000h"}`))
		r.Header.Set(tt.header, tt.value)
		w := httptest.NewRecorder()
		clockRoute(c).ServeHTTP(w, r)
		if moved := c.Now().Sub(before) > time.Hour; w.Code != tt.status || moved != (tt.status == 200) {
			t.Errorf("%s %s: %d and moved %v, want %d", tt.header, tt.value, w.Code, moved, tt.status)
		}
	}
}
