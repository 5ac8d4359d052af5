package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/config"
)

func TestMetricsAreForLoopbackOrTheToken(t *testing.T) {
	m := newMetrics()
	m.count("kms", true, time.Millisecond)
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

// Each call counts once, by its action and what came of it.
func TestCallsAreCounted(t *testing.T) {
	m := newMetrics()
	full := errors.New("disk full")
	for _, tt := range []struct {
		record audit.Record
		err    error
	}{
		{audit.Record{Action: "kms:Encrypt", Decision: audit.Allowed}, nil},
		{audit.Record{Action: "kms:Encrypt", Decision: audit.Allowed}, nil},
		{audit.Record{Action: "kms:Encrypt", Decision: audit.Allowed, Corrects: true, Error: "KMSInternalException"}, nil},
		{audit.Record{Action: "kms:Encrypt", Decision: audit.Denied, Error: "AccessDeniedException"}, nil},
		{audit.Record{Action: "kms:Encrypt", Error: "NotFoundException"}, nil},
		{audit.Record{Action: "s3:GetObject", Decision: audit.Allowed}, full},
	} {
		if err := (counted{told{tt.err}, m}).Append(t.Context(), &tt.record); err != tt.err {
			t.Errorf("Append = %v, want %v", err, tt.err)
		}
	}
	text := figuresOf(t, m)
	for _, want := range []string{
		`keyfront_calls_total{action="kms:Encrypt",outcome="ok"} 2`,
		`keyfront_calls_total{action="kms:Encrypt",outcome="denied"} 1`,
		`keyfront_calls_total{action="kms:Encrypt",outcome="failed"} 1`,
		`keyfront_calls_total{action="s3:GetObject",outcome="failed"} 1`,
		`keyfront_audit_append_seconds_count 6`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// told is a log that answers with an error, or none.
type told struct{ err error }

func (l told) Append(context.Context, *audit.Record) error { return l.err }

func figuresOf(t *testing.T, m *metrics) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/_keyfront/metrics", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	w := httptest.NewRecorder()
	m.handler("").ServeHTTP(w, r)
	return w.Body.String()
}

// Every figure of a server stands in the manual, and the other way round.
func TestFiguresAreDocumented(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir, cfg.APIAddr, cfg.EdgeAddr = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
	s, err := Start(t.Context(), cfg, Options{Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	described := make(chan *prometheus.Desc, 1000)
	s.metrics.registry.Describe(described)
	close(described)
	var have, told []string
	for d := range described {
		if name := regexp.MustCompile(`fqName: "(keyfront_\w+)"`).FindStringSubmatch(d.String()); name != nil {
			have = append(have, name[1])
		}
	}
	ops, err := os.ReadFile("../../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(ops), "\n## Figures\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range regexp.MustCompile("`(keyfront_\\w+)`").FindAllStringSubmatch(section, -1) {
		told = append(told, m[1])
	}
	// Without listeners for https, nothing of theirs is shown.
	have = append(have, "keyfront_certificate_end_seconds")
	slices.Sort(have)
	slices.Sort(told)
	if !slices.Equal(have, told) {
		t.Errorf("the server has\n%v\nand docs/ops.md\n%v", have, told)
	}
	for s.buckets.LastScrub() == nil { // the first begins with the server
		if t.Context().Err() != nil {
			t.Fatal("no scrub")
		}
		runtime.Gosched()
	}
	text := figuresOf(t, s.metrics)
	if free := regexp.MustCompile(`(?m)^keyfront_data_free_bytes [1-9]`); !free.MatchString(text) || !strings.Contains(text, `keyfront_build_info{version="v1.2.3"} 1`) || !strings.Contains(text, "\nkeyfront_objects_damaged 0\n") {
		t.Errorf("figures are %s", text)
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
