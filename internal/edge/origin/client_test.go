package origin_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/address"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

func TestBucketOf(t *testing.T) {
	for _, tt := range []struct {
		domain, bucket, region string
		ok                     bool
	}{
		{"films.s3.eu-central-1.amazonaws.com", "films", "eu-central-1", true},
		{"films.s3.amazonaws.com", "films", "us-east-1", true},
		{"films.s3.dualstack.eu-central-1.amazonaws.com", "films", "eu-central-1", true},
		{"films.s3-eu-west-1.amazonaws.com", "films", "eu-west-1", true},
		{"my.films.s3.eu-central-1.amazonaws.com", "my.films", "eu-central-1", true},
		{"a.s3.b.s3.amazonaws.com", "a.s3.b", "us-east-1", true},
		{"films.s3-website.eu-central-1.amazonaws.com", "", "", false},
		{"films.s3-website-eu-west-1.amazonaws.com", "", "", false},
		{"s3.amazonaws.com", "", "", false},
		{"s3.eu-central-1.amazonaws.com", "", "", false},
		{"films.s3.eu-central-1.amazonaws.com.evil.example", "", "", false},
		{"www.example.com", "", "", false},
		{"lb.eu-central-1.elb.amazonaws.com", "", "", false},
	} {
		bucket, region, ok := origin.BucketOf(tt.domain)
		if ok != tt.ok || ok && (bucket != tt.bucket || region != tt.region) {
			t.Errorf("BucketOf(%q) = %q, %q, %v; want %q, %q, %v", tt.domain, bucket, region, ok, tt.bucket, tt.region, tt.ok)
		}
	}
}

const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// credentials counts what it gives out.
type credentials struct {
	clock *clock.Clock
	given atomic.Int64
	err   error
}

func (c *credentials) Credential(_ context.Context, d *delivery.Distribution, o *delivery.Origin) (origin.Credential, error) {
	return origin.Credential{
		AccessKeyID:  fmt.Sprintf("ASIA%d", c.given.Add(1)),
		SessionToken: string(d.ID) + "/" + o.Access.ControlID + o.Access.IdentityID,
		Derive:       func(s sigv4.Scope) sigv4.SigningKey { return sigv4.DeriveKey([]byte(secret), s) },
		Expires:      c.clock.Now().Add(time.Hour),
	}, c.err
}

// buckets knows one.
type buckets struct {
	name string
	at   origin.Location
	err  error
}

func (b *buckets) Locate(_ context.Context, name string) (origin.Location, bool, error) {
	return b.at, name == b.name, b.err
}

func originAt(t *testing.T, server string) *delivery.Origin {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return &delivery.Origin{
		ID: "o", DomainName: u.Hostname(), HTTPPort: port, HTTPSPort: port, Attempts: 3,
		ConnectTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, KeepAlive: 5 * time.Second,
	}
}

func newClient(t *testing.T, cfg origin.Config) *origin.Client {
	t.Helper()
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	c := origin.New(cfg)
	t.Cleanup(c.Close)
	return c
}

func request(o *delivery.Origin, method, path string) *origin.Request {
	return &origin.Request{
		Distribution: &delivery.Distribution{ID: "E1"}, Origin: o, Method: method, Path: path, Header: make(http.Header),
	}
}

// get fetches path and returns status and body.
func get(t *testing.T, c *origin.Client, r *origin.Request) string {
	t.Helper()
	resp, err := c.Fetch(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(b))
}

// Requests to a bucket of this server go to its API, and verify there as the
// service's, under the name that the origin has.
func TestBucket(t *testing.T) {
	clk := clock.Movable()
	creds := &credentials{clock: clk}
	const domain = "films.s3.eu-central-1.amazonaws.com"
	var last string // the access key of the newest request
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := sigv4.Parse(r)
		if err != nil {
			t.Error(err)
		}
		if a.Form == sigv4.FormNone {
			fmt.Fprintf(w, "unsigned %s %s", r.Host, r.RequestURI)
			return
		}
		last = a.Scope.AccessKeyID
		p, err := a.Verify(r, nil, sigv4.DeriveKey([]byte(secret), a.Scope), clk.Now(), sigv4.Profile{Service: "s3", Region: "eu-west-3", Style: sigv4.S3})
		if err != nil {
			t.Error(err)
		}
		if p.Mode() != sigv4.Unsigned || !a.Signs("x-amz-date") || !a.Signs("host") || r.Header["X-Amz-Cf-Id"] != nil {
			t.Errorf("mode %v, signed headers %v", p.Mode(), a.SignedHeaders())
		}
		fmt.Fprintf(w, "%s %s %s", a.SecurityToken, r.Host, r.RequestURI)
	}))
	defer api.Close()
	c := newClient(t, origin.Config{
		Clock: clk, Credentials: creds,
		Buckets: &buckets{name: "films", at: origin.Location{Region: "eu-west-3", Endpoint: api.URL}},
	})
	access := func(a delivery.OriginAccess) *delivery.Origin {
		return &delivery.Origin{DomainName: domain, Path: "/p", S3: true, HTTPPort: 80, HTTPSPort: 443, Access: a, ReadTimeout: 5 * time.Second}
	}
	control := delivery.OriginAccess{ControlID: "OAC1", Signing: delivery.SignAlways, Type: "s3"}
	for _, tt := range []struct {
		name   string
		access delivery.OriginAccess
		viewer bool // has an Authorization of its own
		want   string
	}{
		{"open", delivery.OriginAccess{}, false, "unsigned"},
		{"always", control, false, "E1/OAC1"},
		{"always, viewer's replaced", control, true, "E1/OAC1"},
		{"never", delivery.OriginAccess{ControlID: "OAC1", Signing: delivery.SignNever}, false, "unsigned"},
		{"no-override", delivery.OriginAccess{ControlID: "OAC1", Signing: delivery.SignNoOverride}, false, "E1/OAC1"},
		{"identity", delivery.OriginAccess{IdentityID: "OAI1", CanonicalUserID: "c"}, false, "E1/OAI1"},
	} {
		for _, path := range []string{"/a", "//a//b", "/a%20b/%E2%82%AC", "/a+b(c)", "/a%2Fb"} {
			r := request(access(tt.access), "GET", path)
			r.Query = "x=1&y=%20&x=0"
			r.TLS = true
			r.Header.Set("X-Amz-Cf-Id", "id")
			if tt.viewer {
				r.Header.Set("Authorization", "Basic eA==")
				r.KeepAuthorization = true
			}
			if got, want := get(t, c, r), "200 "+tt.want+" "+domain+" /p"+path+"?x=1&y=%20&x=0"; got != want {
				t.Errorf("%s: got %s, want %s", tt.name, got, want)
			}
		}
	}

	// One credential lasts until shortly before its end.
	r := request(access(control), "GET", "/a")
	r.Header.Set("X-Amz-Cf-Id", "id")
	send := func() string {
		r.Header = http.Header{"X-Amz-Cf-Id": {"id"}}
		get(t, c, r)
		return last
	}
	before := send()
	clk.Advance(58 * time.Minute)
	if got := send(); got != before {
		t.Errorf("the access key changed from %s to %s before its time", before, got)
	}
	clk.Advance(90 * time.Second)
	after := send()
	if after == before {
		t.Error("the access key is used to its end")
	}
	// And over midnight, when the scope changes.
	clk.Advance(24 * time.Hour)
	send()

	creds.err = errors.New("boom")
	clk.Advance(24 * time.Hour)
	if _, err := c.Fetch(t.Context(), request(access(control), "GET", "/a")); !errors.Is(err, origin.ErrSign) {
		t.Errorf("Fetch = %v, want ErrSign", err)
	}
	c = newClient(t, origin.Config{Buckets: &buckets{err: errors.New("boom")}})
	if _, err := c.Fetch(t.Context(), request(access(control), "GET", "/a")); !errors.Is(err, origin.ErrConnect) {
		t.Errorf("Fetch = %v, want ErrConnect", err)
	}
}

// A viewer's own signature stays where the access control says so.
func TestNoOverride(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) }))
	defer s.Close()
	o := originAt(t, s.URL)
	o.Access = delivery.OriginAccess{ControlID: "OAC1", Signing: delivery.SignNoOverride, Type: "lambda"}
	c := newClient(t, origin.Config{Credentials: &credentials{clock: clock.System()}})
	r := request(o, "GET", "/")
	r.Header.Set("Authorization", "mine")
	r.KeepAuthorization = true
	if got := get(t, c, r); got != "200 mine" {
		t.Errorf("got %s", got)
	}
	if got := get(t, c, request(o, "GET", "/")); !strings.HasPrefix(got, "200 AWS4-HMAC-SHA256 Credential=ASIA1/") || !strings.Contains(got, "/us-east-1/lambda/aws4_request") {
		t.Errorf("got %s", got)
	}
}

// The origin's certificate must be good for its domain name.
func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v", r.Proto, r.TLS != nil)
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	o := originAt(t, s.URL)
	o.Protocol = delivery.OriginHTTPSOnly
	if got := get(t, newClient(t, origin.Config{RootCAs: roots}), request(o, "GET", "/")); got != "200 HTTP/1.1 true" {
		t.Errorf("got %s", got)
	}
	if _, err := newClient(t, origin.Config{}).Fetch(t.Context(), request(o, "GET", "/")); !errors.Is(err, origin.ErrConnect) {
		t.Errorf("unknown authority: Fetch = %v, want ErrConnect", err)
	}
	o.DomainName = "localhost"
	if _, err := newClient(t, origin.Config{RootCAs: roots}).Fetch(t.Context(), request(o, "GET", "/")); !errors.Is(err, origin.ErrConnect) {
		t.Errorf("another name: Fetch = %v, want ErrConnect", err)
	}
}

func TestAttempts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var came atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			go io.Copy(io.Discard, conn)
		}
	}()
	for method, want := range map[string]int64{"GET": 3, "HEAD": 3, "OPTIONS": 1, "DELETE": 1, "POST": 1} {
		came.Store(0)
		o := originAt(t, "http://"+l.Addr().String())
		o.ReadTimeout = 30 * time.Millisecond
		_, err := newClient(t, origin.Config{}).Fetch(t.Context(), request(o, method, "/"))
		if !errors.Is(err, origin.ErrTimeout) || came.Load() != want {
			t.Errorf("%s: %d attempts, %v; want %d", method, came.Load(), err, want)
		}
	}
}

func TestCompletion(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
		}
	}))
	defer s.Close()
	o := originAt(t, s.URL)
	o.CompletionTimeout = 50 * time.Millisecond
	resp, err := newClient(t, origin.Config{}).Fetch(t.Context(), request(o, "GET", "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, origin.ErrTimeout) {
		t.Errorf("body ends by %v, want ErrTimeout", err)
	}
}

func TestErrors(t *testing.T) {
	c := newClient(t, origin.Config{})
	o := originAt(t, "http://127.0.0.1:1")
	if _, err := c.Fetch(t.Context(), request(o, "GET", "/")); !errors.Is(err, origin.ErrConnect) {
		t.Errorf("nobody there: %v", err)
	}
	o.DomainName = "nobody.invalid"
	if _, err := c.Fetch(t.Context(), request(o, "GET", "/")); !errors.Is(err, origin.ErrResolve) && !errors.Is(err, origin.ErrTimeout) {
		t.Errorf("no such name: %v", err)
	}
	for _, at := range []string{"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"} {
		o.DomainName = at
		if _, err := c.Fetch(t.Context(), request(o, "GET", "/latest/meta-data/")); !errors.Is(err, origin.ErrConnect) || !errors.Is(err, address.ErrMetadata) {
			t.Errorf("%s: %v, want that it is refused", at, err)
		}
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := c.Fetch(ctx, request(o, "GET", "/")); !errors.Is(err, gone) {
		t.Errorf("cancelled: %v", err)
	}
}

// Connections serve the next request, and none stays when nobody needs it.
func TestKeepAlive(t *testing.T) {
	var opened, closed atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := newClient(t, origin.Config{})
	o := originAt(t, s.URL)
	for range 10 {
		get(t, c, request(o, "GET", "/"))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 10 requests", n)
	}
	d := &delivery.Distribution{ID: "E1", Origins: map[string]*delivery.Origin{"o": o}}
	c.Retain(func(yield func(*delivery.Distribution) bool) { yield(d) })
	get(t, c, request(o, "GET", "/"))
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections although it is retained", n)
	}
	c.Retain(func(func(*delivery.Distribution) bool) {})
	for closed.Load() == 0 {
		get(t, newClient(t, origin.Config{}), request(o, "GET", "/")) // gives the server a turn
	}
}

// However many settings origins have, pools of connections are few; those that are
// used stay, and who reads from one that goes reads to the end.
func TestPoolsAreBounded(t *testing.T) {
	var connections atomic.Int32
	finish := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begin")
		if r.URL.Path == "/slow" {
			w.(http.Flusher).Flush()
			<-finish
		}
		fmt.Fprint(w, " end")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newClient(t, origin.Config{})
	slow, err := c.Fetch(t.Context(), request(originAt(t, server.URL), "GET", "/slow"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	used := originAt(t, server.URL)
	used.ReadTimeout = time.Minute
	const others = 100
	for i := range others {
		o := originAt(t, server.URL)
		o.KeepAlive += time.Duration(i+1) * time.Second
		for _, o := range []*delivery.Origin{o, used} {
			if got := get(t, c, request(o, "GET", "/")); got != "200 begin end" {
				t.Fatalf("got %q", got)
			}
		}
	}
	if n := c.Pools(); n != 64 {
		t.Errorf("%d pools, want 64", n)
	}
	if n := connections.Load(); n > others*3/2 {
		t.Errorf("%d connections, want about one for each of %d settings", n, others+2)
	}
	close(finish)
	if b, err := io.ReadAll(slow.Body); err != nil || string(b) != "begin end" {
		t.Errorf("the request under way reads %q, %v", b, err)
	}
}
