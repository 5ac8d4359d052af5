package edge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// logs collects access logs by bucket, as lines of named fields.
type logs struct {
	mu    sync.Mutex
	lines map[string][]map[string]string
}

func (l *logs) deliver(_ context.Context, f *accesslog.File) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	names := strings.Fields(strings.TrimPrefix(all[1], "#Fields:"))
	for _, line := range all[2:] {
		fields := map[string]string{}
		for i, v := range strings.Split(line, "\t") {
			fields[names[i]] = v
		}
		l.lines[f.Bucket] = append(l.lines[f.Bucket], fields)
	}
	return nil
}

func TestAccessLog(t *testing.T) {
	l := &logs{lines: map[string][]map[string]string{}}
	log := accesslog.New(accesslog.Config{Deliver: l.deliver, Log: slog.New(slog.DiscardHandler)})
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "0123456789")
	})
	logging := func(cookies bool) func(*delivery.Distribution) {
		return func(d *delivery.Distribution) {
			d.Logging = &delivery.Logging{Bucket: "logs", Prefix: "cf/", Cookies: cookies}
		}
	}
	silent := distribution(o, func(d *delivery.Distribution) { d.ID, d.DomainName = "E2", "d2.cloudfront.localhost" })
	w := newWorld(t, newFeed(distribution(o, logging(true), last(restricted), first("/open/*")), silent), func(c *edge.Config) {
		c.AccessLog, c.AccessLogFolder = log, true
	})
	signed := w.sign("/a?x=%20", "")
	w.get("/open/a?q=1", "Referer: http://r/", "User-Agent: test 1", "Cookie: a=b", "X-Forwarded-For: 1.2.3.4")
	w.edge.Settle()
	w.get("/open/a", "Range: bytes=2-5")
	w.get("/secret/%41")
	w.get(signed)
	w.do("PUT", "/open/a")
	w.get("/b", "Host: d2.cloudfront.localhost", "Cookie: c=d")
	w.get("/", "Host: nobody.example")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{
			"cs-method": "GET", "cs(Host)": host, "x-host-header": host, "cs-uri-stem": "/open/a", "cs-uri-query": "q=1", "sc-status": "200", "cs(Referer)": "http://r/",
			"cs(User-Agent)": "test%201", "cs(Cookie)": "a=b", "x-edge-result-type": "Miss", "cs-protocol": "http", "x-forwarded-for": "1.2.3.4", "c-ip": "192.0.2.1",
			"c-port": "1234", "cs-protocol-version": "HTTP/1.1", "sc-content-type": "text/plain", "sc-content-len": "10", "sc-range-start": "-", "ssl-protocol": "-", "x-keyfront-denial": "-",
		},
		{"x-edge-result-type": "Hit", "sc-status": "206", "sc-content-len": "4", "sc-range-start": "2", "sc-range-end": "5", "cs(Cookie)": "-"},
		{"cs-uri-stem": "/secret/%2541", "sc-status": "403", "x-edge-result-type": "Error", "x-edge-detailed-result-type": "Error", "x-keyfront-denial": "unsigned"},
		{"cs-uri-query": strings.ReplaceAll(strings.SplitN(signed, "?", 2)[1], "%", "%25"), "x-edge-result-type": "Miss", "x-keyfront-denial": "-"},
		{"cs-method": "PUT", "sc-status": "403", "x-edge-detailed-result-type": "InvalidRequestMethod", "x-keyfront-denial": "method-not-allowed"},
	} {
		if i >= len(l.lines["logs"]) {
			t.Fatalf("%d lines, want 5", len(l.lines["logs"]))
		}
		got := l.lines["logs"][i]
		for name, value := range want {
			if got[name] != strings.NewReplacer("~", "%7E").Replace(value) {
				t.Errorf("line %d: %s is %q, want %q", i, name, got[name], value)
			}
		}
		if got["x-edge-request-id"] == "-" || got["sc-bytes"] == "0" || got["cs-bytes"] == "0" {
			t.Errorf("line %d lacks its id or bytes: %v", i, got)
		}
	}
	if len(l.lines["logs"]) != 5 || len(l.lines[""]) != 6 {
		t.Errorf("%d lines in the bucket and %d in the folder, want 5 and 6", len(l.lines["logs"]), len(l.lines[""]))
	}
	// The one that logs nowhere is in the folder, without its cookies.
	if !slices.ContainsFunc(l.lines[""], func(f map[string]string) bool {
		return f["cs(Host)"] == "d2.cloudfront.localhost" && f["cs(Cookie)"] == "-"
	}) {
		t.Errorf("the folder has %v", l.lines[""])
	}
}

// What a function makes of a request is not what the viewer sent.
func TestAccessLogBesideFunctions(t *testing.T) {
	l := &logs{lines: map[string][]map[string]string{}}
	log := accesslog.New(accesslog.Config{Deliver: l.deliver, Log: slog.New(slog.DiscardHandler)})
	r := registry{}
	change := r.at(t, trigger.ViewerRequest, "js", `function handler(event) {
		var r = event.request;
		r.uri = "/changed";
		r.headers = {host: r.headers.host, "user-agent": {value: "changed"}};
		r.cookies = {};
		return r;
	}`)
	w := newWorld(t, newFeed(distribution(originServer(t, echo), last(change), func(d *delivery.Distribution) {
		d.Logging = &delivery.Logging{Bucket: "logs", Cookies: true}
	})), func(c *edge.Config) { c.AccessLog, c.Functions = log, r })
	want(t, w.get("/asked?x=1", "User-Agent: viewer", "Referer: there", "Cookie: a=b"), 200, "Miss", "/changed")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got := l.lines["logs"][0]
	for name, want := range map[string]string{
		"cs-uri-stem": "/asked", "cs-uri-query": "x=1", "cs(User-Agent)": "viewer", "cs(Referer)": "there", "cs(Cookie)": "a=b",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestSignaturesAreRedacted(t *testing.T) {
	l := &logs{lines: map[string][]map[string]string{}}
	log := accesslog.New(accesslog.Config{Deliver: l.deliver, Log: slog.New(slog.DiscardHandler)})
	w := newWorld(t, newFeed(distribution("http://127.0.0.1:1", last(restricted), func(d *delivery.Distribution) {
		d.Logging = &delivery.Logging{Bucket: "logs", Cookies: true}
	})), func(c *edge.Config) { c.AccessLog, c.RedactSignatures = log, true })
	signed := w.sign("/a?x=Signature", "")
	_, signature, _ := strings.Cut(signed, "&Signature=")
	signature, _, _ = strings.Cut(signature, "&")
	w.get(signed)
	w.get("/b?a=b", "Cookie: x=y; CloudFront-Signature="+signature+"; z=1", "Cookie: CloudFront-Signature="+signature)
	w.get("/c", "Referer: http://"+host+signed)
	w.get("/d", "Referer: http://"+host+"/page?")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	lines := l.lines["logs"]
	for _, line := range lines {
		for name, value := range line {
			if strings.Contains(value, signature[:20]) {
				t.Errorf("%s holds the signature", name)
			}
		}
	}
	if q := lines[0]["cs-uri-query"]; !strings.HasPrefix(q, "x=Signature&Expires=") || !strings.Contains(q, "&Signature=redacted&Key-Pair-Id=K1") {
		t.Errorf("query is %q", q)
	}
	if c := lines[1]["cs(Cookie)"]; c != "x=y;%20CloudFront-Signature=redacted;%20z=1;%20CloudFront-Signature=redacted" {
		t.Errorf("cookies are %q", c)
	}
	if r := lines[2]["cs(Referer)"]; !strings.Contains(r, "&Signature=redacted&Key-Pair-Id=K1") {
		t.Errorf("referer is %q", r)
	}
	if r := lines[3]["cs(Referer)"]; r != "http://"+host+"/page?" {
		t.Errorf("referer is %q", r)
	}
}
