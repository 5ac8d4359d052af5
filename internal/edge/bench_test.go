package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// cpu is what this process, client and server together, has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// client sends one request again and again over one kept connection. It does as
// little as it can, so that the server's share of the CPU counts.
type client struct {
	b       *testing.B
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	length  int

	requests [][]byte // in turns, in place of request, if there are any
	sent     int
}

func requestFor(target string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
}

func newClient(b *testing.B, handler http.Handler, target string, length int) *client {
	b.Helper()
	s := httptest.NewServer(handler)
	b.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	c := &client{
		b: b, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), length: length,
		request: requestFor(target),
	}
	for range 100 {
		c.once()
	}
	return c
}

func (c *client) once() {
	if n := len(c.requests); n > 0 {
		c.request = c.requests[c.sent%n]
		c.sent++
	}
	if _, err := c.conn.Write(c.request); err != nil {
		c.b.Fatal(err)
	}
	status, err := c.in.ReadSlice('\n')
	if err != nil || !strings.HasPrefix(string(status), "HTTP/1.1 200 ") {
		c.b.Fatalf("%q, %v", status, err)
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			c.b.Fatal(err)
		}
		if len(line) <= 2 {
			break
		}
	}
	if n, err := c.in.Discard(c.length); err != nil {
		c.b.Fatal(n, err)
	}
}

// overLoopback measures one handler.
func overLoopback(b *testing.B, handler http.Handler, target string, length int) {
	c := newClient(b, handler, target, length)
	b.ReportAllocs()
	b.SetBytes(int64(length))
	before := cpu(b)
	for b.Loop() {
		c.once()
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
}

// compare measures two handlers in turns, so that what else the machine does
// weighs on both, and reports how much more CPU the first one takes.
func compare(b *testing.B, first, second *client, batch int) {
	var used [2]time.Duration
	for b.Loop() {
		for i, c := range []*client{first, second} {
			before := cpu(b)
			for range batch {
				c.once()
			}
			used[i] += cpu(b) - before
		}
	}
	n := float64(b.N * batch)
	b.ReportMetric(float64(used[0])/n, "edge-cpu-ns")
	b.ReportMetric(float64(used[1])/n, "bare-cpu-ns")
	b.ReportMetric(float64(used[0])/float64(used[1]), "ratio")
}

func benchEdge(b *testing.B, size int, edits ...func(*delivery.Distribution)) *edge.Edge {
	b.Helper()
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		describe(w.Header(), size)
		io.Copy(w, io.LimitReader(pattern(int64(size)), int64(size)))
	}))
	b.Cleanup(o.Close)
	e, err := edge.New(edge.Config{
		Feed: newFeed(distribution(o.URL, edits...)), Clock: clock.System(), Log: slog.New(slog.DiscardHandler), CacheDir: b.TempDir(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	return e
}

func signedTarget(b *testing.B) string {
	b.Helper()
	w := &world{t: &testing.T{}, clock: clock.System()}
	return w.sign("/videos/a.mp4", "")
}

// BenchmarkHit1KiB is a viewer's signed request for a cached object, beside
// BenchmarkBareHandler1KiB: cpu-ns/op may be 1.3 times as much.
func BenchmarkHit1KiB(b *testing.B) {
	overLoopback(b, benchEdge(b, 1<<10, last(restricted)), signedTarget(b), 1<<10)
}

func BenchmarkOpenHit1KiB(b *testing.B) {
	overLoopback(b, benchEdge(b, 1<<10), "/videos/a.mp4", 1<<10)
}

// describe sets the headers that the object itself has.
func describe(h http.Header, size int) {
	h.Set("Content-Type", "video/mp4")
	h.Set("Etag", `"0123456789abcdef0123456789abcdef"`)
	h.Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.Itoa(size))
}

// bare writes the same object without an edge.
func bare(size int) http.Handler {
	body := []byte(patternText(0, int64(size)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		describe(w.Header(), size)
		w.Write(body)
	})
}

// same writes what an edge writes, without being one.
func same(size int) http.Handler {
	body := []byte(patternText(0, int64(size)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		describe(h, size)
		h.Set("Date", "Fri, 02 Jan 2026 03:04:05 GMT")
		h.Set("X-Cache", "Hit from cloudfront")
		h.Set("Via", "1.1 0123456789abcdef0123456789abcdef.cloudfront.net (CloudFront)")
		h.Set("X-Amz-Cf-Pop", "KFE50-P1")
		h.Set("X-Amz-Cf-Id", "0123456789abcdef0123456789abcdef0123456789abcdef012345==")
		h.Set("Age", "5")
		w.Write(body)
	})
}

func BenchmarkSameBytes1KiB(b *testing.B) {
	overLoopback(b, same(1<<10), signedTarget(b), 1<<10)
}

func BenchmarkBareHandler1KiB(b *testing.B) {
	overLoopback(b, bare(1<<10), signedTarget(b), 1<<10)
}

func BenchmarkHit10MiB(b *testing.B) {
	overLoopback(b, benchEdge(b, 10<<20, last(restricted)), signedTarget(b), 10<<20)
}

func BenchmarkServeFile10MiB(b *testing.B) {
	name := filepath.Join(b.TempDir(), "a.mp4")
	if err := os.WriteFile(name, []byte(patternText(0, 10<<20)), 0o600); err != nil {
		b.Fatal(err)
	}
	overLoopback(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }), signedTarget(b), 10<<20)
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkHandler is a hit without a network.
func BenchmarkHandler(b *testing.B) {
	for name, edit := range map[string]func(*delivery.Behavior){
		"open": func(*delivery.Behavior) {}, "signed": restricted,
		"policed": policed(delivery.ResponseHeadersPolicyConfig{
			CORS: &delivery.CORSConfig{AllowOrigins: []string{"*"}},
			Security: &delivery.SecurityHeadersConfig{
				XSSProtection:           &delivery.XSSProtectionConfig{Protection: true, ModeBlock: true},
				FrameOptions:            &delivery.FrameOptionsConfig{Option: "SAMEORIGIN"},
				ReferrerPolicy:          &delivery.ReferrerPolicyConfig{Policy: "strict-origin-when-cross-origin"},
				ContentTypeOptions:      &delivery.ContentTypeOptionsConfig{Override: true},
				StrictTransportSecurity: &delivery.TransportSecurityConfig{MaxAge: 31536000},
			},
		}),
	} {
		b.Run(name, func(b *testing.B) {
			benchHandler(b, benchEdge(b, 1<<10, last(edit)))
		})
	}
}

// BenchmarkHandlerLogged is the same with an access log, compressed and thrown away.
func BenchmarkHandlerLogged(b *testing.B) {
	discard := slog.New(slog.DiscardHandler)
	log := accesslog.New(accesslog.Config{Log: discard, Deliver: func(context.Context, *accesslog.File) error { return nil }})
	o := httptest.NewServer(bare(1 << 10))
	b.Cleanup(o.Close)
	e, err := edge.New(edge.Config{
		Feed: newFeed(distribution(o.URL, last(restricted))), Clock: clock.System(), Log: discard, AccessLog: log, AccessLogFolder: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close(); log.Close() })
	benchHandler(b, e)
}

func benchHandler(b *testing.B, e *edge.Edge) {
	r := httptest.NewRequest("GET", "http://"+host+signedTarget(b), nil)
	r.RequestURI = r.URL.RequestURI()
	w := &discard{header: make(http.Header)}
	for range 100 {
		e.ServeHTTP(w, r)
	}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		e.ServeHTTP(w, r)
	}
}

// BenchmarkRatio1KiB is what the budget is about: a signed request for a cached
// object beside a bare handler that writes the same bytes, head and body.
func BenchmarkRatio1KiB(b *testing.B) {
	target := signedTarget(b)
	compare(b, newClient(b, benchEdge(b, 1<<10, last(restricted)), target, 1<<10), newClient(b, same(1<<10), target, 1<<10), 100)
}

// BenchmarkRatioObject1KiB is the same beside a handler that knows only the
// object's own headers.
func BenchmarkRatioObject1KiB(b *testing.B) {
	target := signedTarget(b)
	compare(b, newClient(b, benchEdge(b, 1<<10, last(restricted)), target, 1<<10), newClient(b, bare(1<<10), target, 1<<10), 100)
}

// BenchmarkRatioSigned10000 is BenchmarkRatio1KiB with 10,000 signed URLs of one
// object in turns, each of which has been seen before.
func BenchmarkRatioSigned10000(b *testing.B) {
	compareTurns(b, 10_000, 1<<10, func(int) string { return "/videos/a.mp4" }) // ECDSA: each signature is another
}

// BenchmarkRatioObjects1000 is 1,000 signed objects of 4 KiB in turns, beside a bare
// handler that writes the same bytes.
func BenchmarkRatioObjects1000(b *testing.B) {
	compareTurns(b, 1000, 4<<10, func(i int) string { return fmt.Sprintf("/videos/%d.mp4", i) })
}

// compareTurns asks for n signed paths in turns, each of which was asked for before.
func compareTurns(b *testing.B, n, size int, path func(int) string) {
	w := &world{t: &testing.T{}, clock: clock.System()}
	requests := make([][]byte, n)
	first := w.sign(path(0), "")
	for i := range requests {
		requests[i] = requestFor(w.sign(path(i), ""))
	}
	turns := func(handler http.Handler) *client {
		c := newClient(b, handler, first, size)
		c.requests = append(c.requests, requests...)
		for range requests {
			c.once()
		}
		return c
	}
	compare(b, turns(benchEdge(b, size, last(restricted))), turns(same(size)), 1000)
}

func BenchmarkRatio10MiB(b *testing.B) {
	name := filepath.Join(b.TempDir(), "a.mp4")
	if err := os.WriteFile(name, []byte(patternText(0, 10<<20)), 0o600); err != nil {
		b.Fatal(err)
	}
	target := signedTarget(b)
	file := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	compare(b, newClient(b, benchEdge(b, 10<<20, last(restricted)), target, 10<<20), newClient(b, file, target, 10<<20), 1)
}

// BenchmarkMiss is a request to an origin and back, without keeping the answer.
func BenchmarkMiss(b *testing.B) {
	overLoopback(b, benchEdge(b, 1<<10, last(func(b *delivery.Behavior) { b.CachingDisabled = true })), "/a", 1<<10)
}
