package edge_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

// host is the name of the distributions that tests make.
const host = "d1.cloudfront.localhost"

// feed is a delivery.Feed that a test changes by hand.
type feed struct {
	mu       sync.Mutex
	snapshot *delivery.Snapshot
	changed  chan struct{}
	seq      uint64
	applies  []func(delivery.Invalidation)
}

func newFeed(distributions ...*delivery.Distribution) *feed {
	return &feed{snapshot: delivery.NewSnapshot(1, distributions), changed: make(chan struct{})}
}

func (f *feed) Snapshot() *delivery.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *feed) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *feed) Subscribe(_ uint64, apply func(delivery.Invalidation)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applies = append(f.applies, apply)
	return func() {}
}

func (f *feed) set(distributions ...*delivery.Distribution) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snapshot = delivery.NewSnapshot(f.snapshot.Version()+1, distributions)
	close(f.changed)
	f.changed = make(chan struct{})
}

// invalidate returns when the invalidation has taken effect.
func (f *feed) invalidate(id delivery.DistributionID, paths ...string) {
	f.mu.Lock()
	f.seq++
	applies, inv := f.applies, delivery.Invalidation{Distribution: id, Seq: f.seq, Paths: paths}
	f.mu.Unlock()
	for _, apply := range applies {
		apply(inv)
	}
}

// day are the TTLs of CachingOptimized.
var day = delivery.TTL{Min: time.Second, Default: 24 * time.Hour, Max: 365 * 24 * time.Hour}

// legacy are the TTLs of ForwardedValues.
var legacy = delivery.TTL{Default: 24 * time.Hour, Max: 365 * 24 * time.Hour}

// distribution returns one with a single open behaviour, which edits may change.
func distribution(origin string, edits ...func(*delivery.Distribution)) *delivery.Distribution {
	u, err := url.Parse(origin)
	if err != nil {
		panic(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		panic(err)
	}
	o := &delivery.Origin{
		ID: "origin", DomainName: u.Hostname(), HTTPPort: port, HTTPSPort: port,
		ReadTimeout: 10 * time.Second, ConnectTimeout: 10 * time.Second, KeepAlive: 5 * time.Second, Attempts: 1,
	}
	if u.Scheme == "https" {
		o.Protocol = delivery.OriginHTTPSOnly
	}
	d := &delivery.Distribution{
		ID: "E1", ARN: "arn:aws:cloudfront::000000000000:distribution/E1", Account: "000000000000",
		DomainName: host, Enabled: true,
		Behaviors: []*delivery.Behavior{behavior(o, "*")},
		Origins:   map[string]*delivery.Origin{o.ID: o},
	}
	for _, edit := range edits {
		edit(d)
	}
	for i, b := range d.Behaviors {
		b.Index = i
	}
	return d
}

func behavior(o *delivery.Origin, pattern string) *delivery.Behavior {
	return &delivery.Behavior{
		Pattern: delivery.CompilePattern(pattern), Origin: o,
		Allowed: delivery.MethodGet | delivery.MethodHead, Cached: delivery.MethodGet | delivery.MethodHead,
		TTL: day,
	}
}

// last edits the default behaviour.
func last(edit func(*delivery.Behavior)) func(*delivery.Distribution) {
	return func(d *delivery.Distribution) { edit(d.Behaviors[len(d.Behaviors)-1]) }
}

// first puts a behaviour for a pattern before the others.
func first(pattern string, edits ...func(*delivery.Behavior)) func(*delivery.Distribution) {
	return func(d *delivery.Distribution) {
		b := behavior(d.Behaviors[0].Origin, pattern)
		for _, edit := range edits {
			edit(b)
		}
		d.Behaviors = append([]*delivery.Behavior{b}, d.Behaviors...)
	}
}

// viewers are keys and signer of a restricted behaviour.
type viewers struct {
	signer *signedurl.Signer
	keys   signedurl.KeySet
}

var signers = sync.OnceValue(func() *viewers {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	public, err := signedurl.NewPublicKey(&private.PublicKey)
	if err != nil {
		panic(err)
	}
	signer, err := signedurl.NewSigner("K1", private, &signedurl.SignerOptions{Hash: signedurl.SHA256})
	if err != nil {
		panic(err)
	}
	return &viewers{signer: signer, keys: signedurl.KeySet{"K1": public}}
})

func restricted(b *delivery.Behavior) { b.Restricted, b.Keys = true, signers().keys }

// world is an edge in front of an origin.
type world struct {
	t     *testing.T
	feed  *feed
	clock *clock.Clock
	edge  *edge.Edge
	log   *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func newWorld(t *testing.T, f *feed, edits ...func(*edge.Config)) *world {
	t.Helper()
	w := &world{t: t, feed: f, clock: clock.Movable(), log: new(lockedBuffer)}
	cfg := edge.Config{Feed: f, Clock: w.clock, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	if w.edge, err = edge.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.edge.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// originServer serves handler until the test ends.
func originServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// do sends a request straight into the handler. headers are "Name: value".
func (w *world) do(method, target string, headers ...string) *http.Response {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://"+host+"/", nil)
	r.RequestURI = target
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	w.edge.ServeHTTP(rec, r)
	return rec.Result()
}

func (w *world) get(target string, headers ...string) *http.Response {
	w.t.Helper()
	return w.do("GET", target, headers...)
}

// listen serves the edge on a real connection, as a server does, and returns its
// address.
func (w *world) listen() string {
	s := httptest.NewUnstartedServer(w.edge)
	edge.Bound(s.Config)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.Start()
	w.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// raw sends bytes to addr and reads the answer to them.
func raw(t *testing.T, addr, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// want checks status, X-Cache and body, of which "*" stands for any.
func want(t *testing.T, resp *http.Response, status int, result, text string) {
	t.Helper()
	got := body(t, resp)
	if resp.StatusCode != status || result != "*" && resp.Header.Get("X-Cache") != result+" from cloudfront" || text != "*" && got != text {
		t.Fatalf("got %d, X-Cache %q, body %.200q; want %d, %q, %.200q", resp.StatusCode, resp.Header.Get("X-Cache"), got, status, result, text)
	}
}

// counter counts what an origin is asked for.
type counter struct {
	mu   sync.Mutex
	seen []string
}

func (c *counter) count(r *http.Request) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, fmt.Sprintf("%s %s", r.Method, r.RequestURI))
	return len(c.seen)
}

func (c *counter) n() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}
