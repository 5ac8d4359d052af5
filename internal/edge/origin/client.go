package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
)

var (
	// ErrResolve means that the origin's domain name has no address.
	ErrResolve = errors.New("origin: domain name not resolved")
	// ErrConnect means that there was no connection, no trust in the origin's
	// certificate, or no answer that could be read.
	ErrConnect = errors.New("origin: no answer")
	// ErrTimeout means that the origin took longer than its settings allow.
	ErrTimeout = errors.New("origin: timeout")
	// ErrSign means that the request could not be signed, and was not sent.
	ErrSign = errors.New("origin: request not signed")
)

const (
	// maxHeaderBytes bounds the head of an origin's answer.
	maxHeaderBytes = 32 << 10
	// maxIdlePerHost and maxIdle bound the connections of a pool that wait for their
	// next request.
	maxIdlePerHost = 128
	maxIdle        = 1024
	// maxPools bounds the pools: origins choose their settings.
	maxPools = 64
)

// Config is what a Client is made of.
type Config struct {
	// Clock is required: signatures are dated by it.
	Clock       *clock.Clock
	Credentials Credentials // nil: requests that need a signature fail
	Buckets     Buckets     // nil: every name is dialled as it is
	// RootCAs are those that origins' certificates are checked with. Nil: the system's.
	RootCAs *x509.CertPool
}

// Client sends requests to origins over HTTP/1.1. It follows no redirect, and
// keeps connections for the next request as long as the origin's settings say.
// It is safe for concurrent use.
type Client struct {
	cfg Config

	mu       sync.Mutex
	pools    map[settings]*pool
	uses     uint64 // of all pools, ever
	sessions map[sessionKey]*session
}

// pool is the connections to origins of the same settings.
type pool struct {
	transport *http.Transport
	lastUse   uint64
}

// settings are those of an origin that a pool of connections depends on, beside
// the address.
type settings struct {
	connect, read, keepAlive time.Duration
	attempts                 int
	tlsMin, tlsMax           uint16
}

func settingsOf(o *delivery.Origin) settings {
	return settings{o.ConnectTimeout, o.ReadTimeout, o.KeepAlive, max(o.Attempts, 1), o.TLSMin, o.TLSMax}
}

// New returns a Client without connections.
func New(cfg Config) *Client {
	return &Client{cfg: cfg, pools: make(map[settings]*pool), sessions: make(map[sessionKey]*session)}
}

// Request is a request to an origin.
type Request struct {
	Distribution *delivery.Distribution
	Origin       *delivery.Origin

	Method string
	// TLS says that the viewer came over https, for origins that follow the viewer.
	TLS bool
	// Path is the raw path, which begins with a slash; the origin's own path
	// goes before it. Query is raw, without question mark.
	Path, Query string
	// Host is the Host header; empty means the origin's domain name.
	Host string
	// Header is what the request says beside what Fetch adds: a signature, and
	// what only the place behind Origin may see. It stays as it is, since whoever
	// is shown the request afterwards is shown none of that.
	Header http.Header
	// KeepAuthorization says that the viewer's own Authorization stands where the
	// origin's access control does not override it.
	KeepAuthorization bool
	// Body is nil, or the body to send. ContentLength is its length, or -1.
	Body          io.Reader
	ContentLength int64
	// Upgrade is the protocol that the header asks to go on in, if any. The answer
	// then may have the status 101, and its Body is an io.ReadWriteCloser without
	// timeouts for what the origin sends.
	Upgrade string
	// Timing, unless nil, is set before Fetch returns.
	Timing *Timing
}

// Fetch sends r and returns the answer as soon as its head is there. Whoever has
// it closes its Body. GET and HEAD are sent again, as often as the origin's
// settings say, when the origin lets the time for an answer pass.
//
// Errors wrap ErrResolve, ErrConnect, ErrTimeout or ErrSign, or are the cause
// why ctx ended. Errors of the Body are such as well, or mean that it is cut off.
//
// Source: CloudFront Developer Guide, "Request and response behavior for custom origins".
func (c *Client) Fetch(ctx context.Context, r *Request) (*http.Response, error) {
	attempts := 1
	if r.Body == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		attempts = max(r.Origin.Attempts, 1)
	}
	for {
		resp, err := c.try(ctx, r)
		attempts--
		if err == nil || attempts == 0 || !errors.Is(err, errNoHead) {
			return resp, err
		}
	}
}

// errNoHead is the timeout that another attempt may help against.
var errNoHead = fmt.Errorf("%w: no answer", ErrTimeout)

func (c *Client) try(ctx context.Context, r *Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	resp, err := c.send(ctx, cancel, r)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return resp, nil
}

func (c *Client) send(ctx context.Context, cancel context.CancelCauseFunc, r *Request) (*http.Response, error) {
	req, place, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := c.sign(ctx, r, req, place); err != nil {
		return nil, err
	}
	b := &body{cancel: cancel, patience: r.Origin.ReadTimeout, ctx: ctx}
	if t := r.Origin.CompletionTimeout; t > 0 {
		b.completion = time.AfterFunc(t, func() { cancel(fmt.Errorf("%w: answer not complete", ErrTimeout)) })
	}
	trace := httptrace.ClientTrace{GotConn: quiet}
	if r.Timing != nil {
		var watch stopwatch
		watch.watch(&trace)
		defer func() { *r.Timing = watch.read() }()
	}
	resp, err := c.transport(settingsOf(r.Origin)).RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, &trace)))
	if err == nil && r.Upgrade != "" && resp.StatusCode == http.StatusSwitchingProtocols {
		b.stop()
		if up, ok := resp.Body.(io.ReadWriteCloser); ok && strings.EqualFold(resp.Header.Get("Upgrade"), r.Upgrade) {
			resp.Body = &upgraded{up, cancel}
			return resp, nil
		}
	}
	if err == nil && (resp.StatusCode < 200 || resp.StatusCode > 599) {
		// 101 was not asked for; nobody knows what the others mean.
		_ = resp.Body.Close()
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	if err != nil {
		b.stop()
		return nil, classify(ctx, err)
	}
	b.from = resp.Body
	if b.patience > 0 {
		b.stall = time.AfterFunc(b.patience, func() { cancel(fmt.Errorf("%w: no more of the answer", ErrTimeout)) })
		b.stall.Stop()
	}
	resp.Body = b
	return resp, nil
}

// classify turns a transport's error into one of ours.
func classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var dns *net.DNSError
	var dial *dialError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return fmt.Errorf("%w: %w", ErrResolve, err)
	case errors.As(err, &dial) && dial.timeout():
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %w", ErrConnect, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: %w", errNoHead, err)
	default:
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
}

// request builds the request and says where its origin is.
func (c *Client) request(ctx context.Context, r *Request) (*http.Request, place, error) {
	p, err := c.locate(ctx, r)
	if err != nil {
		return nil, p, err
	}
	u := &url.URL{Scheme: p.scheme, Host: p.address, RawQuery: r.Query}
	path := r.Origin.Path + r.Path
	if strings.HasPrefix(path, "//") {
		// As Opaque this would read as an authority.
		if u.Path, err = url.PathUnescape(path); err != nil {
			return nil, p, fmt.Errorf("%w: path: %w", ErrConnect, err)
		}
		u.RawPath = path
	} else {
		u.Opaque = path
	}
	header := r.Header.Clone()
	if r.Origin.S3 {
		// S3 wants every X-Amz header signed. Published functions that sign for
		// origins of both kinds sign this one for custom origins only.
		header.Del("X-Amz-Cf-Id")
	}
	maps.Copy(header, p.header)
	req := (&http.Request{
		Method: r.Method, URL: u, Host: p.host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if r.Body != nil {
		body := &requestBody{Reader: r.Body}
		req.Body, req.ContentLength, req.GetBody = body, r.ContentLength, body.again
	}
	return req, p, nil
}

// requestBody can be sent on another connection as long as nobody has begun it.
type requestBody struct {
	io.Reader
	begun atomic.Bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.Reader.Read(p)
}

func (b *requestBody) Close() error { return nil }

func (b *requestBody) again() (io.ReadCloser, error) {
	if b.begun.Load() {
		return nil, errors.New("the body has been begun")
	}
	return b, nil
}

// place is where a request goes.
type place struct {
	scheme, address string
	host            string      // the Host header
	region          string      // "" if the name says none
	header          http.Header // for this place only
}

func (c *Client) locate(ctx context.Context, r *Request) (place, error) {
	o := r.Origin
	p := place{scheme: "http", host: o.DomainName}
	port := o.HTTPPort
	if o.Protocol == delivery.OriginHTTPSOnly || o.Protocol == delivery.MatchViewer && r.TLS {
		p.scheme, port = "https", o.HTTPSPort
	}
	p.address = net.JoinHostPort(o.DomainName, strconv.Itoa(port))
	if r.Host != "" {
		p.host = r.Host
	}
	bucket, region, ok := bucketOf(o.DomainName)
	if p.region = region; !ok {
		p.region = regionOf(o.DomainName)
	}
	if !ok || c.cfg.Buckets == nil {
		return p, nil
	}
	at, found, err := c.cfg.Buckets.Locate(ctx, bucket)
	if err != nil {
		return p, fmt.Errorf("%w: locate bucket: %w", ErrConnect, err)
	}
	if !found {
		return p, nil
	}
	endpoint, err := url.Parse(at.Endpoint)
	if err != nil {
		return p, fmt.Errorf("%w: bucket's endpoint: %w", ErrConnect, err)
	}
	if at.Header != nil {
		p.header = at.Header(p.scheme)
	}
	p.scheme, p.address, p.region = endpoint.Scheme, endpoint.Host, at.Region
	return p, nil
}

// bucketOf takes the name of an S3 REST endpoint apart:
//
//	<bucket>.s3.<region>.amazonaws.com
//	<bucket>.s3.dualstack.<region>.amazonaws.com
//	<bucket>.s3-<region>.amazonaws.com
//	<bucket>.s3.amazonaws.com
func bucketOf(domain string) (bucket, region string, ok bool) {
	name, ok := strings.CutSuffix(domain, ".amazonaws.com")
	if !ok {
		return "", "", false
	}
	if bucket, ok = strings.CutSuffix(name, ".s3"); ok {
		return bucket, "us-east-1", bucket != ""
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", "", false
	}
	bucket, region = name[:dot], name[dot+1:]
	if old, ok := strings.CutPrefix(region, "s3-"); ok {
		return bucket, old, bucket != "" && !strings.HasPrefix(old, "website")
	}
	bucket = strings.TrimSuffix(bucket, ".dualstack")
	bucket, ok = strings.CutSuffix(bucket, ".s3")
	return bucket, region, ok && bucket != "" && region != ""
}

// Region is the region in the name of an AWS endpoint, or "" for other names.
func Region(domain string) string {
	if _, region, ok := bucketOf(domain); ok {
		return region
	}
	return regionOf(domain)
}

// Bucket is the bucket in the name of an S3 endpoint in virtual-host style.
func Bucket(domain string) (name string, ok bool) {
	name, _, ok = bucketOf(domain)
	return name, ok
}

// regionOf finds the region in the names of other AWS endpoints, whose last
// labels before the suffix name service and region.
func regionOf(domain string) string {
	for _, suffix := range []string{".on.aws", ".amazonaws.com"} {
		if name, ok := strings.CutSuffix(domain, suffix); ok {
			if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
				return name[dot+1:]
			}
		}
	}
	return ""
}

func (c *Client) transport(s settings) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pools[s]
	if !ok {
		if len(c.pools) >= maxPools {
			c.drop(c.leastUsed())
		}
		p = &pool{transport: c.newTransport(s)}
		c.pools[s] = p
	}
	c.uses++
	p.lastUse = c.uses
	return p.transport
}

// leastUsed is the pool that nobody has used for longest; there is one.
func (c *Client) leastUsed() (oldest settings) {
	last := c.uses + 1
	for s, p := range c.pools {
		if p.lastUse < last {
			oldest, last = s, p.lastUse
		}
	}
	return oldest
}

// drop closes a pool. Its requests under way go on, and their connections end with
// them.
func (c *Client) drop(s settings) {
	c.pools[s].transport.CloseIdleConnections()
	delete(c.pools, s)
}

func (c *Client) newTransport(s settings) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            s.dial,
		TLSClientConfig:        &tls.Config{RootCAs: c.cfg.RootCAs, MinVersion: s.tlsMin, MaxVersion: s.tlsMax},
		TLSHandshakeTimeout:    s.connect,
		ResponseHeaderTimeout:  s.read,
		IdleConnTimeout:        s.keepAlive,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // the viewer's Accept-Encoding is the edge's to judge
		Protocols:              protocols,
	}
}

// Retain closes connections and forgets credentials that no distribution in
// s needs.
func (c *Client) Retain(distributions func(yield func(*delivery.Distribution) bool)) {
	used := make(map[settings]bool)
	live := make(map[delivery.DistributionID]bool)
	for d := range distributions {
		live[d.ID] = true
		for _, o := range d.Origins {
			used[settingsOf(o)] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.pools {
		if !used[s] {
			c.drop(s)
		}
	}
	for k := range c.sessions {
		if !live[k.distribution] {
			delete(c.sessions, k)
		}
	}
}

// Close closes idle connections.
func (c *Client) Close() {
	c.Retain(func(func(*delivery.Distribution) bool) {})
}

// body is an answer's body that the origin must not let wait for too long.
type body struct {
	from       io.ReadCloser
	ctx        context.Context
	cancel     context.CancelCauseFunc
	patience   time.Duration
	stall      *time.Timer // runs while a Read does
	completion *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	if b.stall != nil {
		b.stall.Reset(b.patience)
		defer b.stall.Stop()
	}
	n, err := b.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if b.ctx.Err() != nil {
			err = context.Cause(b.ctx)
		} else {
			err = fmt.Errorf("%w: body: %w", ErrConnect, err)
		}
	}
	return n, err
}

func (b *body) Close() error {
	b.stop()
	b.cancel(nil)
	return b.from.Close()
}

func (b *body) stop() {
	if b.stall != nil {
		b.stall.Stop()
	}
	if b.completion != nil {
		b.completion.Stop()
	}
}
