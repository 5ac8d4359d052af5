package front

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// OwnPrefix begins the paths of Keyfront's own routes. No bucket can be called so.
const OwnPrefix = "/_keyfront/"

const (
	// maxSigningKeys bounds the derived keys that are kept, one per access key,
	// day, region and service.
	maxSigningKeys = 10_000
	// unsignedBytes is how much of an unsigned request's body a door sees that
	// refuses it: enough for the name of the operation.
	unsignedBytes = 4 << 10
	// bodyTimeout is how long a body may take to arrive that is read whole, or that
	// nobody reads.
	bodyTimeout = 30 * time.Second
	// stallTimeout is how long a streamed body may pause.
	stallTimeout = 60 * time.Second
	// maxRegionBytes bounds the name of a region.
	maxRegionBytes = 32
	// defaultRegion stands in where a request names none.
	defaultRegion = "us-east-1"
)

// Service is one service behind the front.
type Service struct {
	// Name is the one in the credential scope: "kms".
	Name string
	Door Door
	// MaxBodyBytes bounds a buffered body. Zero means that the door streams and
	// bounds the body itself.
	MaxBodyBytes int64
	// Style is how requests to the service are signed.
	Style sigv4.Style
	// Asymmetric takes Signature Version 4A as well. It names no region, so that the
	// service must be one of all regions.
	Asymmetric bool
	// Version2 lets presigned URLs of Signature Version 2 through to the door, which
	// verifies them: what they sign depends on the service.
	Version2 bool
	// Anonymous lets unsigned requests through to the door.
	Anonymous bool
	// Path is the one path below OwnPrefix whose requests are for the service,
	// however they are signed; empty for services that scopes name.
	Path string
}

// Config is what a Front needs. All fields but Open and those after it are
// required.
type Config struct {
	Identity *identity.Service
	Clock    *clock.Clock
	Log      *slog.Logger
	Services []Service
	// Open serves single paths below OwnPrefix to everyone. The others are the
	// service "keyfront".
	Open map[string]http.Handler
	// Count is told of every request to a service and how long it took; nil counts
	// nothing.
	Count func(service string, admitted bool, took time.Duration)
	// Refused records a request that its door refused before a call began; nil
	// records none.
	Refused func(ctx context.Context, who access.Caller, service, code, message string) error
	// Proxies are servers in front of this one that name the callers whose requests
	// they pass on. None: a caller is who connects.
	Proxies forwarded.Proxies
	// Hop is the secret by which the edge and its functions, on this machine, are
	// known: of them, only HopHeader says how a request came. Empty knows none.
	Hop string
	// Folder is where long bodies lie, in files without a name, until their signature
	// is verified. Empty: that of the system.
	Folder string
}

// HopHeader has Config.Hop, a space, and the scheme by which the request would have
// come if the hop from the edge had one of its own; and, behind another space, the one
// service that the hop is for, if it passes on what a viewer sent.
const HopHeader = "X-Keyfront-Hop"

// Front is the handler of the API address.
type Front struct {
	cfg      Config
	services map[string]*Service
	paths    map[string]*Service
	keys     *sigv4.SigningKeys
	spools   chan struct{}
}

// New returns a front over cfg.
func New(cfg Config) *Front {
	f := &Front{cfg: cfg, services: map[string]*Service{}, paths: map[string]*Service{}, keys: sigv4.NewSigningKeys(maxSigningKeys), spools: make(chan struct{}, maxSpools)}
	for i := range cfg.Services {
		if s := &cfg.Services[i]; s.Path == "" {
			f.services[s.Name] = s
		} else {
			f.paths[s.Path] = s
		}
	}
	return f
}

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &Request{Request: r, ID: newRequestID()}
	defer f.recoverPanic(req)
	if r.ContentLength != 0 {
		// net/http waits for the body that nobody wants before it sends an answer. A
		// writer without deadlines is a test's; it has no connection to guard.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	if f.cfg.Clock.CanMove() {
		// SDKs take their time from answers, and presign by it.
		w.Header().Set("Date", f.cfg.Clock.Now().Format(http.TimeFormat))
	}
	req.hop = f.takeHop(r)
	if open := f.cfg.Open[r.URL.Path]; open != nil && req.hop == nil {
		open.ServeHTTP(w, r)
		return
	}
	auth, authErr := sigv4.Parse(r)
	s := f.route(req, auth.Scope.Service)
	if s == nil {
		refuseUnknown(w, req, auth.Scope.Service)
		return
	}
	begun := time.Now()
	err := f.admit(w, req, s, auth, authErr)
	if f.cfg.Count != nil {
		defer func() { f.cfg.Count(s.Name, err == nil, time.Since(begun)) }()
	}
	if err != nil {
		f.cfg.Log.LogAttrs(r.Context(), slog.LevelDebug, "request refused",
			slog.String("request", req.ID), slog.String("service", s.Name), slog.Any("err", err))
		s.Door.Refuse(w, req, err)
		return
	}
	req.front, req.service = f, s.Name
	s.Door.Serve(w, req)
}

// recoverPanic keeps one bad request from ending the server. The detail goes to
// the log; the connection is cut, since an answer may be half sent.
func (f *Front) recoverPanic(req *Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	f.cfg.Log.Error("request panicked", slog.String("request", req.ID), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	panic(http.ErrAbortHandler)
}

// admit reads the body where the service wants it whole, and verifies the
// signature. It fills in req.
func (f *Front) admit(w http.ResponseWriter, req *Request, s *Service, auth sigv4.Auth, authErr error) error {
	req.Auth = auth
	req.Caller = f.stranger(req)
	req.Caller.Exchange = &req.Exchange
	if req.Method == http.MethodOptions && s.Anonymous {
		// A browser asks before it uses a presigned URL, under the URL's own query,
		// which was signed for another method. To ask needs no permission.
		req.Auth = sigv4.Auth{}
		return readBody(w, req, s)
	}
	if s.Version2 && errors.Is(authErr, sigv4.ErrSigV2) && req.Header["Authorization"] == nil {
		req.Version2 = true
		return readBody(w, req, s)
	}
	if authErr != nil {
		return authErr
	}
	if !isRegion(auth.Scope.Region) && auth.Form != sigv4.FormNone && !auth.Scope.Asymmetric() {
		// s3cmd signs for "US" until an answer names the right region.
		return &sigv4.ScopeError{Form: auth.Form, Field: "region", Got: auth.Scope.Region, Want: defaultRegion}
	}
	if auth.Scope.Region != "" {
		req.Caller.Region = auth.Scope.Region
	}
	if auth.Form == sigv4.FormNone {
		if !s.Anonymous {
			peekBody(req, s)
			return ErrNoAuthentication
		}
		return readBody(w, req, s)
	}
	if auth.Scope.Asymmetric() && !s.Asymmetric {
		return sigv4.ErrSigV4a
	}
	// Who names no key of ours costs no memory for a body.
	cred, err := f.lookup(req)
	if err != nil {
		return err
	}
	if s.MaxBodyBytes > heldBytes && (req.ContentLength < 0 || req.ContentLength > heldBytes) {
		return f.admitLong(w, req, s, cred)
	}
	if err := readBody(w, req, s); err != nil {
		return err
	}
	var sum [sha256.Size]byte
	if s.Style != sigv4.S3 {
		sum = sha256.Sum256(req.Body)
	}
	return f.verify(req, s, cred, sum)
}

// admitLong verifies the signature of a request before its body costs memory.
func (f *Front) admitLong(w http.ResponseWriter, req *Request, s *Service, cred *identity.Credential) error {
	if req.ContentLength > s.MaxBodyBytes {
		return ErrBodyTooLarge
	}
	long, err := f.spool(w, req, s.MaxBodyBytes)
	if err != nil {
		return err
	}
	defer f.free(long)
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err := f.verify(req, s, cred, long.sum); err != nil {
		return err
	}
	req.Body, err = long.body()
	return err
}

// isRegion reports whether s has the form of a region's name. Regions become part
// of ARNs and of the names of records, which a foreign character could shift.
func isRegion(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= maxRegionBytes
}

// stranger is the caller before anything is proven.
func (f *Front) stranger(req *Request) access.Caller {
	c := access.Caller{
		Region:    defaultRegion,
		RequestID: req.ID,
		At:        f.cfg.Clock.Now(),
		UserAgent: req.UserAgent(),
		Referer:   req.Referer(),
	}
	from := f.sender(req)
	c.SourceIP, c.TLS = from.Addr.Addr(), from.HTTPS
	return c
}

// takeHop returns how a request came that the edge or a function of it sends, or nil.
// It takes the header away: errors tell what was signed, and that is for the client.
func (f *Front) takeHop(r *http.Request) *hop {
	secret, of, shown := strings.Cut(r.Header.Get(HopHeader), " ")
	r.Header.Del(HopHeader)
	if !shown || f.cfg.Hop == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(f.cfg.Hop)) != 1 {
		return nil
	}
	scheme, service, _ := strings.Cut(of, " ")
	return &hop{scheme, service}
}

// sender is where a request comes from. The edge passes on what viewers send, which
// must not count as the word of a proxy at the same address.
func (f *Front) sender(req *Request) forwarded.Sender {
	if req.hop == nil {
		return f.cfg.Proxies.Sender(req.Request)
	}
	from := forwarded.Proxies{}.Sender(req.Request)
	from.HTTPS = req.hop.scheme == "https"
	return from
}

// lookup finds the credential that the request names.
func (f *Front) lookup(req *Request) (*identity.Credential, error) {
	cred, err := f.cfg.Identity.Lookup(req.Auth.Scope.AccessKeyID, req.Auth.SecurityToken, req.Caller.At)
	switch {
	case errors.Is(err, identity.ErrUnknownKey):
		return nil, ErrUnknownAccessKey
	case errors.Is(err, identity.ErrInvalidToken):
		return nil, ErrInvalidToken
	case errors.Is(err, identity.ErrExpiredToken):
		return nil, ErrExpiredToken
	}
	return cred, err
}

// judgedAt is the time against which the time of a signature is held. Where the
// clock can be moved, clients that go by the machine's may go on: only what was
// signed for later, in a URL, ends by the moved clock.
func (f *Front) judgedAt(req *Request) time.Time {
	at := req.Caller.At
	if f.cfg.Clock.CanMove() && req.Auth.Form == sigv4.FormHeader && at.Sub(req.Auth.Time).Abs() > sigv4.MaxSkew {
		return time.Now().UTC()
	}
	return at
}

// verify checks the signature with the credential and fills in the caller. sum is the
// body's SHA-256, and not looked at where the door streams it.
func (f *Front) verify(req *Request, s *Service, cred *identity.Credential, sum [sha256.Size]byte) error {
	auth := &req.Auth
	key, kept := f.keys.Get(auth.Scope, cred.Version)
	if !kept {
		secret, err := cred.Secret()
		if err != nil {
			return err
		}
		key = sigv4.DeriveKey(secret.Reveal(), auth.Scope)
	}
	payload, err := auth.VerifySum(req.Request, sum, key, f.judgedAt(req), sigv4.Profile{Service: s.Name, Style: s.Style, Asymmetric: s.Asymmetric})
	if err != nil {
		return err
	}
	if !kept {
		f.keys.Put(auth.Scope, cred.Version, key)
	}
	f.cfg.Identity.Used(cred, s.Name, req.Caller.Region, req.Caller.At)
	req.Payload = payload
	req.Caller.Principal = cred.Principal
	req.Caller.AccessKeyID = auth.Scope.AccessKeyID
	req.Caller.Tags, req.Caller.Session = cred.Tags, cred.Session
	req.Caller.SourceARN, req.Caller.SourceAccount = cred.SourceARN, cred.SourceAccount
	return nil
}

// readBody reads the body of a buffering service, and puts a limit on the
// pauses of a streamed one.
func readBody(w http.ResponseWriter, req *Request, s *Service) error {
	if req.ContentLength == 0 && req.Request.Body == http.NoBody {
		return nil
	}
	deadlines := http.NewResponseController(w)
	if s.MaxBodyBytes == 0 {
		// In a copy: net/http looks at the body of its own request to see whether
		// the client still waits for a 100 Continue, and would otherwise wait for
		// a body that never comes before it sends a refusal.
		guarded := *req.Request
		guarded.Body = &stallGuard{ReadCloser: req.Request.Body, deadlines: deadlines}
		req.Request = &guarded
		return nil
	}
	if req.ContentLength > s.MaxBodyBytes {
		return ErrBodyTooLarge
	}
	body, err := readAll(w, req, s.MaxBodyBytes)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return ErrBodyTooLarge
		}
		return ErrBodyRead
	}
	_ = deadlines.SetReadDeadline(time.Time{})
	req.Body = body
	return nil
}

// peekBody reads the beginning of a form that is refused anyway. The refusal of
// anything else waits for no body.
func peekBody(req *Request, s *Service) {
	if s.MaxBodyBytes == 0 || !isForm(req.Request) {
		return
	}
	// What has arrived when the body breaks off is as good.
	req.Body, _ = io.ReadAll(io.LimitReader(req.Request.Body, unsignedBytes))
}

// readAll reads a body of at most maxBytes. One of a declared length, which has
// been compared with maxBytes, cannot be longer.
func readAll(w http.ResponseWriter, req *Request, maxBytes int64) ([]byte, error) {
	if req.ContentLength < 0 {
		return io.ReadAll(http.MaxBytesReader(w, req.Request.Body, maxBytes))
	}
	b := make([]byte, req.ContentLength)
	_, err := io.ReadFull(req.Request.Body, b)
	return b, err
}

// stallGuard ends a body that stops arriving.
type stallGuard struct {
	io.ReadCloser
	deadlines *http.ResponseController
}

func (g *stallGuard) Read(b []byte) (int, error) {
	_ = g.deadlines.SetReadDeadline(time.Now().Add(stallTimeout))
	n, err := g.ReadCloser.Read(b)
	if err == io.EOF {
		_ = g.deadlines.SetReadDeadline(time.Time{})
	}
	return n, err
}

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
