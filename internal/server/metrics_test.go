package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMetricsAreForLoopbackOrTheToken(t *testing.T) {
	m := newMetrics()
	m.count("kms", true)
	tests := []struct {
		peer, token, header string
		status              int
		proxied             string
	}{
		{"127.0.0.1:1", "", "", 200, ""},
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
		r.RemoteAddr = tt.peer
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
