package front_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// door notes what reached it.
type door struct {
	name    string
	seen    *front.Request
	body    string
	refused error
}

func (d *door) Serve(w http.ResponseWriter, r *front.Request) {
	if r.Header.Get("X-Panic") != "" {
		panic("a fault of ours")
	}
	d.seen, d.body = r, string(r.Body)
	if r.Header.Get("X-Refuse") != "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.Body == nil && r.Request.Body != nil {
		b, err := io.ReadAll(r.Payload.Body(r.Request.Body))
		d.body = string(b)
		if err != nil {
			d.refused = err
		}
	}
	io.WriteString(w, d.name)
}

func (d *door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	d.refused, d.body = err, string(r.Body)
	w.WriteHeader(http.StatusForbidden)
}

type harness struct {
	url           string
	front         *front.Front
	kms, s3, sts  *door
	cf, own, long *door
	folder        string
	clock         *clock.Clock
	serviceAccess identity.AccessKey
}

func start(t testing.TB) *harness {
	t.Helper()
	records := memory.NewRecords()
	vault, err := sealed.Open(context.Background(), records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(context.Background(), "identity")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := identity.Open(context.Background(), identity.Config{
		Records: records, Domain: domain, Account: "111122223333",
		RootKey: identity.AccessKey{ID: keyID, Secret: sealed.NewSecret([]byte(secret))},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{kms: &door{name: "kms"}, s3: &door{name: "s3"}, sts: &door{name: "sts"}, cf: &door{name: "cloudfront"}, own: &door{name: "keyfront"}, long: &door{name: "lambda"}, folder: t.TempDir(), clock: clock.Movable()}
	h.serviceAccess, err = ids.ServiceSession("cloudfront.amazonaws.com", "arn:aws:cloudfront::111122223333:distribution/E1", "111122223333", h.clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	f := front.New(front.Config{
		Identity: ids, Clock: h.clock, Log: slog.New(slog.DiscardHandler),
		Open: map[string]http.Handler{"/_keyfront/health": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "own") })},
		Services: []front.Service{
			{Name: "kms", Door: h.kms, MaxBodyBytes: 1000},
			{Name: "sts", Door: h.sts, MaxBodyBytes: 1000},
			{Name: "cloudfront", Door: h.cf, MaxBodyBytes: 1000},
			{Name: "keyfront", Door: h.own, MaxBodyBytes: 1000},
			{Name: "lambda", Door: h.long, MaxBodyBytes: 32 << 20},
			{Name: "s3", Door: h.s3, Style: sigv4.S3, Anonymous: true},
		},
		Proxies: forwarded.Proxies{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Hop: "secret", Folder: h.folder,
	})
	h.front = f
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// signed makes a request for service, signed at the harness's time.
func (h *harness) signed(t testing.TB, method, path, body, service string, style sigv4.Style, change func(*http.Request)) *http.Request {
	t.Helper()
	return h.signedBy(t, identity.AccessKey{ID: keyID, Secret: sealed.NewSecret([]byte(secret))}, method, path, body, service, style, change)
}

func (h *harness) signedBy(t testing.TB, key identity.AccessKey, method, path, body, service string, style sigv4.Style, change func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	at := h.clock.Now()
	scope := sigv4.Scope{AccessKeyID: key.ID, Date: at.Format("20060102"), Region: "eu-west-1", Service: service}
	s := sigv4.Signer{Key: sigv4.DeriveKey(key.Secret.Reveal(), scope), Scope: scope, SecurityToken: key.SessionToken, Style: style}
	sum := sha256.Sum256([]byte(body))
	if err := s.Sign(r, hex.EncodeToString(sum[:]), at); err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *harness) do(t testing.TB, r *http.Request) (status int, body string, err error) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestSignedRequestReachesItsService(t *testing.T) {
	h := start(t)
	tests := []struct {
		service string
		style   sigv4.Style
		door    *door
	}{{"kms", sigv4.General, h.kms}, {"sts", sigv4.General, h.sts}, {"cloudfront", sigv4.General, h.cf}, {"s3", sigv4.S3, h.s3}}
	for _, tt := range tests {
		for range 2 { // derived and kept signing key
			status, body, err := h.do(t, h.signed(t, http.MethodPost, "/a//b/../c%20d?x=1", "the body", tt.service, tt.style, nil))
			if err != nil || status != 200 || body != tt.service {
				t.Fatalf("%s: %d %q %v, refused %v", tt.service, status, body, err, tt.door.refused)
			}
		}
		c := tt.door.seen.Caller
		if c.Principal.Kind != policy.Root || c.AccessKeyID != keyID || c.Region != "eu-west-1" || !c.SourceIP.IsLoopback() || c.RequestID == "" || c.TLS {
			t.Errorf("%s: caller %+v", tt.service, c)
		}
		if tt.door.body != "the body" {
			t.Errorf("%s: body %q", tt.service, tt.door.body)
		}
	}
}

// What policies are told of how a caller came is what the connection shows, a
// trusted proxy says, or the edge vouches for.
func TestHowTheCallerCame(t *testing.T) {
	h := start(t)
	for _, tt := range []struct{ name, peer, header, value, want string }{
		{"plain", "203.0.113.9:5", "", "", "203.0.113.9 false"},
		{"a stranger's word", "203.0.113.9:5", "X-Forwarded-Proto", "https", "203.0.113.9 false"},
		{"a proxy's word", "10.0.0.1:5", "X-Forwarded-Proto", "https", "10.0.0.1 true"},
		{"a proxy's caller", "10.0.0.1:5", "X-Forwarded-For", "1.1.1.1, 198.51.100.7", "198.51.100.7 false"},
		{"the edge", "127.0.0.1:5", front.HopHeader, "secret https", "127.0.0.1 true"},
		{"the edge, by http", "127.0.0.1:5", front.HopHeader, "secret http", "127.0.0.1 false"},
		{"the edge as a proxy", "10.0.0.1:5", front.HopHeader, "secret http", "10.0.0.1 false"},
		{"a guess", "127.0.0.1:5", front.HopHeader, "guess https", "127.0.0.1 false"},
		{"no secret", "127.0.0.1:5", front.HopHeader, " https", "127.0.0.1 false"},
	} {
		r := h.signedBy(t, h.serviceAccess, http.MethodGet, "/b/k", "", "s3", sigv4.S3, nil)
		r.RemoteAddr = tt.peer
		if tt.header == front.HopHeader { // beside what a viewer sent
			r.Header.Set("X-Forwarded-For", "198.51.100.7")
			r.Header.Set("X-Forwarded-Proto", "https")
		}
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		h.front.ServeHTTP(httptest.NewRecorder(), r)
		if got := h.s3.seen.Header.Get(front.HopHeader); got != "" {
			t.Errorf("%s: the door sees %q", tt.name, got)
		}
		if c := h.s3.seen.Caller; fmt.Sprint(c.SourceIP, c.TLS) != tt.want {
			t.Errorf("%s: came from %v, by https %v; want %s", tt.name, c.SourceIP, c.TLS, tt.want)
		}
	}
}

// Viewers do not reach our own routes by way of the edge: what they ask for there
// is an object of the origin.
func TestTheEdgeReachesNoOwnRoute(t *testing.T) {
	h := start(t)
	for _, path := range []string{"/_keyfront/health", "/_keyfront/explain"} {
		for hop, want := range map[string]bool{"secret https": true, "guess https": false} {
			h.s3.seen = nil
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set(front.HopHeader, hop)
			h.front.ServeHTTP(httptest.NewRecorder(), r)
			if got := h.s3.seen != nil; got != want {
				t.Errorf("%s with hop %q reaches S3: %v, want %v", path, hop, got, want)
			}
		}
	}
}

// What a viewer signed for another service does not reach it through the edge, at whose
// address a policy may trust callers. A function's own requests do.
func TestTheEdgeLeadsToOneService(t *testing.T) {
	h := start(t)
	for hop, want := range map[string]string{"secret https": "kms", "secret https s3": "s3", "guess https s3": "kms"} {
		h.kms.seen, h.s3.refused = nil, nil
		r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
		r.Header.Set(front.HopHeader, hop)
		if _, _, err := h.do(t, r); err != nil {
			t.Fatal(err)
		}
		if reached := h.kms.seen != nil; reached != (want == "kms") {
			t.Errorf("with hop %q it reaches KMS: %v", hop, reached)
		}
		if scope, refused := errors.AsType[*sigv4.ScopeError](h.s3.refused); refused != (want == "s3") || refused && scope.Field != "service" {
			t.Errorf("with hop %q S3 refuses it for %v", hop, h.s3.refused)
		}
	}
}

func TestServiceSessionActsForItsResource(t *testing.T) {
	h := start(t)
	if status, _, err := h.do(t, h.signedBy(t, h.serviceAccess, http.MethodGet, "/b/k", "", "s3", sigv4.S3, nil)); status != 200 || err != nil {
		t.Fatalf("status %d, %v, refused %v", status, err, h.s3.refused)
	}
	c := h.s3.seen.Caller
	if c.Principal.Service != "cloudfront.amazonaws.com" || c.SourceARN != "arn:aws:cloudfront::111122223333:distribution/E1" {
		t.Errorf("caller %+v", c)
	}
	h.clock.Advance(time.Hour)
	h.do(t, h.signedBy(t, h.serviceAccess, http.MethodGet, "/b/k", "", "s3", sigv4.S3, nil))
	if !errors.Is(h.s3.refused, front.ErrExpiredToken) {
		t.Errorf("after its end: %v, want ErrExpiredToken", h.s3.refused)
	}
}

// Clients that go by the machine's time are known after the clock was moved, and
// hear of the other one.
func TestMovedClock(t *testing.T) {
	h := start(t)
	r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
	now := h.clock.Advance(90 * 24 * time.Hour)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	told, err := http.ParseTime(res.Header.Get("Date"))
	if res.StatusCode != http.StatusOK || err != nil || told.Sub(now).Abs() > time.Hour {
		t.Errorf("%s, Date %v (%v), want 200 and about %v", res.Status, told, err, now)
	}
}

func TestRefusals(t *testing.T) {
	var (
		mismatch *sigv4.MismatchError
		skew     *sigv4.SkewError
		unsigned *sigv4.UnsignedHeadersError
		scope    *sigv4.ScopeError
		payload  *sigv4.PayloadMismatchError
	)
	tests := []struct {
		name   string
		r      func(h *harness) *http.Request
		is     error
		as     any
		server bool // judged by the S3 door while it streams
	}{
		{name: "unsigned", is: front.ErrNoAuthentication, r: func(h *harness) *http.Request {
			r, _ := http.NewRequest(http.MethodPost, h.url, strings.NewReader("{}"))
			r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
			return r
		}},
		{name: "unknown access key", is: front.ErrUnknownAccessKey, r: func(h *harness) *http.Request {
			return h.signedBy(t, identity.AccessKey{ID: "AKIANOBODY", Secret: sealed.NewSecret([]byte("x"))}, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
		}},
		{name: "wrong secret", as: &mismatch, r: func(h *harness) *http.Request {
			return h.signedBy(t, identity.AccessKey{ID: keyID, Secret: sealed.NewSecret([]byte("x"))}, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
		}},
		{name: "foreign token", is: front.ErrInvalidToken, r: func(h *harness) *http.Request {
			return h.signedBy(t, identity.AccessKey{ID: keyID, Secret: sealed.NewSecret([]byte(secret)), SessionToken: "x"}, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
		}},
		{name: "old", as: &skew, r: func(h *harness) *http.Request {
			h.clock.Advance(-16 * time.Minute)
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			h.clock.Advance(16 * time.Minute)
			return r
		}},
		{name: "unsigned header", as: &unsigned, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
			return r
		}},
		{name: "changed body", as: &mismatch, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			r.Body = io.NopCloser(strings.NewReader("[]"))
			return r
		}},
		{name: "changed S3 body", as: &payload, server: true, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPut, "/b/k", "{}", "s3", sigv4.S3, nil)
			r.Body = io.NopCloser(strings.NewReader("[]"))
			return r
		}},
		{name: "yesterday's scope", as: &scope, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			auth := r.Header.Get("Authorization")
			day := h.clock.Now().Format("20060102")
			r.Header.Set("Authorization", strings.Replace(auth, day, "20200101", 1))
			return r
		}},
		{name: "large body", is: front.ErrBodyTooLarge, r: func(h *harness) *http.Request {
			return h.signed(t, http.MethodPost, "/", strings.Repeat("x", 1001), "kms", sigv4.General, nil)
		}},
		{name: "large body without length", is: front.ErrBodyTooLarge, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", strings.Repeat("x", 1001), "kms", sigv4.General, nil)
			r.ContentLength = -1
			return r
		}},
		{name: "region that is none", as: &scope, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "eu-west-1", "eu.west_1", 1))
			return r
		}},
		{name: "region that is long", as: &scope, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "eu-west-1", strings.Repeat("x", 33), 1))
			return r
		}},
		{name: "asymmetric", is: sigv4.ErrSigV4a, r: func(h *harness) *http.Request {
			r := h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, func(r *http.Request) { r.Header.Set("X-Amz-Region-Set", "*") })
			r.Header.Set("Authorization", strings.NewReplacer("HMAC", "ECDSA-P256", "/eu-west-1", "").Replace(r.Header.Get("Authorization")))
			return r
		}},
		{name: "two forms", is: sigv4.ErrTwoForms, r: func(h *harness) *http.Request {
			return h.signed(t, http.MethodPost, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "{}", "kms", sigv4.General, nil)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := start(t)
			if _, _, err := h.do(t, tt.r(h)); err != nil {
				t.Fatal(err)
			}
			var refused error
			for _, d := range []*door{h.kms, h.s3, h.sts, h.cf} {
				if d.refused != nil {
					refused = d.refused
				}
				if d.seen != nil && !tt.server {
					t.Errorf("the %s door served it", d.name)
				}
			}
			if tt.is != nil && !errors.Is(refused, tt.is) {
				t.Errorf("refused with %v, want %v", refused, tt.is)
			}
			if tt.as != nil && !errors.As(refused, tt.as) {
				t.Errorf("refused with %v, want a %T", refused, tt.as)
			}
		})
	}
}

// What is wrong with a signature is told by the service that it names, if it names
// one, and not by S3, which serves everything else.
func TestMalformedSignatureGoesToItsService(t *testing.T) {
	const query = "/?Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fus-east-1%2F"
	for path, want := range map[string]string{
		query + "sts%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Date=20261122T000000Z&X-Amz-Expires=604801": "sts",
		query + "kms%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Date=then":                                  "kms",
		query + "sts%2Faws4_request&X-Amz-SignedHeaders=HOST&X-Amz-Signature=0":                                                  "sts",
		query + "sts&X-Amz-SignedHeaders=host&X-Amz-Signature=0":                                                                 "s3",
	} {
		h := start(t)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.do(t, r); err != nil {
			t.Fatal(err)
		}
		var malformed *sigv4.MalformedError
		for _, d := range []*door{h.kms, h.s3, h.sts, h.cf} {
			if errors.As(d.refused, &malformed) != (d.name == want) || d.seen != nil {
				t.Errorf("%s: the %s door was told %v, want it to be the %s door", path, d.name, d.refused, want)
			}
		}
	}
}

// Who refuses an unsigned request sees the beginning of its body, and no more.
func TestRefusalSeesTheBeginning(t *testing.T) {
	h := start(t)
	body := strings.Repeat("Action=AssumeRoleWithWebIdentity&", 1000)
	for _, sent := range []string{"", body[:100], body} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, strings.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, _, err := h.do(t, r); err != nil {
			t.Fatal(err)
		}
		if want := sent[:min(len(sent), 4096)]; !errors.Is(h.sts.refused, front.ErrNoAuthentication) || h.sts.body != want {
			t.Errorf("refused with %v and %d bytes of %d, want %d", h.sts.refused, len(h.sts.body), len(sent), len(want))
		}
	}
}

// A client that waits for a 100 Continue gets a refusal at once instead.
func TestRefusalBeforeTheBody(t *testing.T) {
	h := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "PUT /films/k HTTP/1.1\r\nHost: localhost\r\nX-Refuse: yes\r\nExpect: 100-continue\r\nContent-Length: 123\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusForbidden || !resp.Close {
		t.Errorf("answer = %+v, %v, want 403 and the connection closed", resp, err)
	}
}

// A browser's question before it uses a presigned URL repeats the URL's query,
// whose signature is for another method.
func TestPreflightOfPresignedURL(t *testing.T) {
	h := start(t)
	r, err := http.NewRequest(http.MethodOptions, h.url+"/films/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+keyID+
		"%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261122T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("0", 64), nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body, err := h.do(t, r); err != nil || status != http.StatusOK || body != "s3" {
		t.Fatalf("preflight = %d %q, %v", status, body, err)
	}
	if h.s3.seen.Auth.Form != sigv4.FormNone || h.s3.seen.Caller.AccessKeyID != "" {
		t.Errorf("the preflight's caller is %+v", h.s3.seen.Caller)
	}
}

func TestUnsignedRouting(t *testing.T) {
	h := start(t)
	get := func(method, path, target, contentType string) (int, string) {
		r, err := http.NewRequest(method, h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		status, body, err := h.do(t, r)
		if err != nil {
			t.Fatal(err)
		}
		return status, body
	}
	if status, body := get(http.MethodGet, "/bucket/key", "", ""); status != 200 || body != "s3" || h.s3.seen.Caller.Principal.Kind != policy.Anonymous {
		t.Errorf("anonymous S3 request = %d %q", status, body)
	}
	if status, body := get(http.MethodGet, "/_keyfront/health", "", ""); status != 200 || body != "own" {
		t.Errorf("own route = %d %q", status, body)
	}
	if get(http.MethodGet, "/_keyfront/secrets", "", ""); !errors.Is(h.own.refused, front.ErrNoAuthentication) || h.own.seen != nil {
		t.Errorf("unsigned own route refused with %v", h.own.refused)
	}
	if get(http.MethodGet, "/2020-05-31/distribution", "", ""); !errors.Is(h.cf.refused, front.ErrNoAuthentication) {
		t.Errorf("CloudFront refused with %v", h.cf.refused)
	}
	if get(http.MethodPost, "/", "", "application/x-www-form-urlencoded"); !errors.Is(h.sts.refused, front.ErrNoAuthentication) {
		t.Errorf("STS refused with %v", h.sts.refused)
	}
	status, body := get(http.MethodPost, "/", `Dynamo"DB.Get`, "")
	if want := `{"__type":"UnknownOperationException","message":"Keyfront has no service \"Dynamo\\\"DB\"."}`; status != 400 || body != want {
		t.Errorf("unknown JSON service = %d %s, want 400 %s", status, body, want)
	}
}

func TestUnknownSignedService(t *testing.T) {
	h := start(t)
	status, body, err := h.do(t, h.signed(t, http.MethodPost, "/", "", "sqs", sigv4.General, nil))
	if err != nil || status != 400 || !strings.Contains(body, `Keyfront has no service &#34;sqs&#34;.`) {
		t.Errorf("answer %d %s, %v", status, body, err)
	}
}

func TestPanicCutsOneConnectionOnly(t *testing.T) {
	h := start(t)
	_, _, err := h.do(t, h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, func(r *http.Request) { r.Header.Set("X-Panic", "1") }))
	if err == nil {
		t.Error("a panic was answered")
	}
	if status, _, err := h.do(t, h.signed(t, http.MethodPost, "/", "{}", "kms", sigv4.General, nil)); status != 200 || err != nil {
		t.Errorf("afterwards: %d, %v", status, err)
	}
}

// connection is a recorder with deadlines, as a server's writer has them.
type connection struct{ *httptest.ResponseRecorder }

func (connection) SetReadDeadline(time.Time) error { return nil }

func BenchmarkAdmit(b *testing.B) {
	h := start(b)
	r := h.signed(b, http.MethodPost, "/", `{"KeyId":"alias/x","Plaintext":"AAAA"}`, "kms", sigv4.General, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "TrentService.Encrypt")
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	})
	r.RequestURI, r.RemoteAddr = "/", "127.0.0.1:1"
	body, _ := io.ReadAll(r.Body)
	w := connection{httptest.NewRecorder()}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.front.ServeHTTP(w, r)
	}
	if h.kms.refused != nil {
		b.Fatal(h.kms.refused)
	}
}
