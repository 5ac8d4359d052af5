package edge_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// policed gives the behaviour a response headers policy.
func policed(c delivery.ResponseHeadersPolicyConfig) func(*delivery.Behavior) {
	return func(b *delivery.Behavior) {
		b.Response = c.Compile()
		b.Allowed |= delivery.MethodOptions
	}
}

// wantHeaders compares headers, of which several values are joined by "|"; ""
// stands for none.
func wantHeaders(t *testing.T, resp *http.Response, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := strings.Join(resp.Header[http.CanonicalHeaderKey(name)], "|"); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	count := new(counter)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		count.count(r)
		h := w.Header()
		h.Set("X-Powered-By", "steam")
		h.Set("Server", "engine")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "none")
		h.Set("X-Own", "origin's")
		h.Set("X-Kept", "origin's")
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		io.WriteString(w, "text")
	})
	rules := delivery.ResponseHeadersPolicyConfig{
		Security: &delivery.SecurityHeadersConfig{
			XSSProtection:           &delivery.XSSProtectionConfig{Protection: true, ReportURI: "https://example.com/r"},
			FrameOptions:            &delivery.FrameOptionsConfig{Option: "SAMEORIGIN"},
			ReferrerPolicy:          &delivery.ReferrerPolicyConfig{Policy: "origin"},
			ContentSecurityPolicy:   &delivery.ContentSecurityConfig{Policy: "default-src 'self'"},
			ContentTypeOptions:      &delivery.ContentTypeOptionsConfig{Override: true},
			StrictTransportSecurity: &delivery.TransportSecurityConfig{MaxAge: 60, IncludeSubdomains: true, Preload: true},
		},
		Custom: []delivery.CustomHeader{
			{Name: "x-own", Value: "policy's", Override: true},
			{Name: "X-Kept", Value: "policy's"},
			{Name: "X-Empty"},
			{Name: "X-Both", Value: "added"},
		},
		Remove: []string{"x-powered-by", "Server", "X-Both"},
	}
	w := newWorld(t, newFeed(distribution(o, last(policed(rules)), first("/plain"))))
	for i, step := range []struct {
		path   string
		status int
		result string
	}{{"/a", 200, "Miss"}, {"/a", 200, "Hit"}, {"/missing", 404, "Error"}, {"/missing", 404, "Error"}} {
		resp := w.get(step.path)
		want(t, resp, step.status, step.result, "text")
		wantHeaders(t, resp, map[string]string{
			"X-Powered-By": "", "Server": "CloudFront", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"X-XSS-Protection": "1; report=https://example.com/r", "Referrer-Policy": "origin", "X-Own": "policy's", "X-Kept": "origin's",
			"Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": "max-age=60; includeSubDomains; preload",
			"X-Empty": "", "X-Both": "added", "Server-Timing": "",
		})
		if _, ok := resp.Header["X-Empty"]; !ok {
			t.Errorf("answer %d has no empty header", i)
		}
		w.edge.Settle()
	}
	if count.n() != 2 {
		t.Errorf("%d requests to the origin", count.n())
	}
	wantHeaders(t, w.get("/plain"), map[string]string{"X-Powered-By": "steam", "Server": "engine", "X-Own": "origin's"})
}

// TestResponseHeadersOfErrors go with the edge's own errors, but not with what
// it says to those whom it does not let in.
func TestResponseHeadersOfErrors(t *testing.T) {
	rules := delivery.ResponseHeadersPolicyConfig{Custom: []delivery.CustomHeader{{Name: "X-A", Value: "1"}}}
	w := newWorld(t, newFeed(distribution("http://127.0.0.1:1", last(policed(rules)), first("/shut", restricted, policed(rules)))))
	resp := w.get("/a")
	want(t, resp, 502, "Error", "*")
	wantHeaders(t, resp, map[string]string{"X-A": "1", "Server": "CloudFront"})
	for _, denied := range []*http.Response{w.get("/shut"), w.do("PUT", "/a")} {
		want(t, denied, 403, "Error", "*")
		wantHeaders(t, denied, map[string]string{"X-A": ""})
	}
}

func TestCORS(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Access-Control-Allow-Origin", "https://origin.example")
			w.Header().Set("Access-Control-Max-Age", "7")
			w.Header().Set("Vary", "Accept-Encoding")
		}
		io.WriteString(w, "text")
	})
	age := 600
	all := delivery.CORSConfig{AllowOrigins: []string{"*"}}
	listed := delivery.CORSConfig{
		AllowOrigins: []string{"https://*.example.org", "example.com:8443"}, AllowCredentials: true, MaxAge: &age,
		AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"X-A", "X-B"}, ExposeHeaders: []string{"Etag"},
	}
	every := listed
	every.AllowMethods, every.Override = []string{"ALL"}, true
	const (
		a = "Origin: https://a.example.org"
		b = "Origin: https://b.example"
		p = "Access-Control-Request-Method: PUT"
	)
	none := "-|-|-|-|-|-"
	for _, tt := range []struct {
		name    string
		cors    delivery.CORSConfig
		method  string
		path    string
		headers []string
		want    string // the six CORS headers in the order of their names, and Vary
	}{
		{"no origin", all, "GET", "/", nil, none + " -"},
		{"any origin", all, "GET", "/", []string{b}, "-|-|-|*|-|- -"},
		{"any origin, preflight", all, "OPTIONS", "/", []string{b, p}, "-|-|-|*|-|- -"},
		{"the origin's own stays", all, "GET", "/own", []string{b}, "-|-|-|https://origin.example|-|7 Accept-Encoding"},
		{"listed", listed, "GET", "/", []string{a}, "true|-|-|https://a.example.org|Etag|- Origin"},
		{"not listed", listed, "GET", "/", []string{b}, none + " Origin"},
		{"null", listed, "GET", "/", []string{"Origin: null"}, none + " Origin"},
		{"listed, no origin", listed, "GET", "/", nil, none + " Origin"},
		{"preflight", listed, "OPTIONS", "/", []string{a, p}, "true|X-A, X-B|GET, PUT|https://a.example.org|Etag|600 Origin"},
		{"OPTIONS that is no preflight", listed, "OPTIONS", "/", []string{a}, "true|-|-|https://a.example.org|Etag|- Origin"},
		{"no override", listed, "OPTIONS", "/own", []string{a, p}, "true|X-A, X-B|GET, PUT|https://origin.example|Etag|7 Accept-Encoding,Origin"},
		{"override", every, "OPTIONS", "/own", []string{a, p}, "true|X-A, X-B|GET, DELETE, HEAD, OPTIONS, PATCH, POST, PUT|https://a.example.org|Etag|600 Accept-Encoding,Origin"},
		{"override for nobody", every, "GET", "/own", []string{b}, none + " Accept-Encoding,Origin"},
	} {
		c := tt.cors
		w := newWorld(t, newFeed(distribution(o, last(policed(delivery.ResponseHeadersPolicyConfig{CORS: &c})))))
		for range 2 { // from the origin, and from the cache
			h := w.do(tt.method, tt.path, tt.headers...).Header
			var got []string
			for _, name := range []string{"Credentials", "Headers", "Methods", "Origin"} {
				got = append(got, h.Get("Access-Control-Allow-"+name))
			}
			got = append(got, h.Get("Access-Control-Expose-Headers"), h.Get("Access-Control-Max-Age"))
			for i := range got {
				if got[i] == "" {
					got[i] = "-"
				}
			}
			vary := strings.Join(h["Vary"], ",")
			if vary == "" {
				vary = "-"
			}
			if got := strings.Join(got, "|") + " " + vary; got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			w.edge.Settle()
		}
	}
}

func TestServerTiming(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server-Timing", "db;dur=5")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=10")
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(304)
			return
		}
		io.WriteString(w, "text")
	})
	const (
		upstream = `cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=\d+,cdn-upstream-connect;dur=\d+,cdn-upstream-fbl;dur=\d+,`
		edge     = `,cdn-pop;desc="[A-Z0-9-]+",cdn-rid;desc="[\w=-]+"`
		end      = `,cdn-downstream-fbl;dur=\d+$`
	)
	rate := 100.0
	w := newWorld(t, newFeed(distribution(o, last(policed(delivery.ResponseHeadersPolicyConfig{
		ServerTiming: &delivery.ServerTimingConfig{Enabled: true, SamplingRate: &rate},
	})), first("/asked", policed(delivery.ResponseHeadersPolicyConfig{ServerTiming: &delivery.ServerTimingConfig{Enabled: true}})))))
	check := func(resp *http.Response, form string) {
		t.Helper()
		got := resp.Header["Server-Timing"]
		if form == "" {
			if got != nil {
				t.Errorf("Server-Timing: %q, want none", got)
			}
		} else if len(got) != 1 || !regexp.MustCompile("^"+form).MatchString(got[0]) {
			t.Errorf("Server-Timing: %q, want %s", got, form)
		}
		w.edge.Settle()
	}
	check(w.get("/a"), "db;dur=5,"+upstream+"cdn-cache-miss"+edge+end)
	check(w.get("/a"), "cdn-cache-hit"+edge+`,cdn-hit-layer;desc="EDGE"`+end)
	w.clock.Advance(20e9)
	check(w.get("/a"), "db;dur=5,"+upstream+"cdn-cache-refresh"+edge+end)
	if got := w.get("/asked").Header["Server-Timing"]; !slices.Equal(got, []string{"db;dur=5"}) {
		t.Errorf("not asked for: %q", got)
	}
	w.edge.Settle()
	check(w.get("/asked"), "")
	check(w.get("/asked", "Pragma: no-cache, Server-Timing"), "cdn-cache-hit")
}
