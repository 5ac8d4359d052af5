package edge

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/signedurl"
)

// viewerPatience is how long a viewer may refuse to take more of an answer, or
// to send more of a request's body.
const viewerPatience = time.Minute

// exchange is one viewer's request on its way.
type exchange struct {
	e   *Edge
	w   http.ResponseWriter
	r   *http.Request
	rc  http.ResponseController
	now time.Time
	id  string

	target
	site *site
	plan *plan
	key  cache.Key
	// instead is not 0 in the edge's own request for an error page: the status
	// that the page is sent with.
	instead int

	idHeader, ageHeader, cacheHeader [1]string
}

// ServeHTTP answers a viewer. It panics with http.ErrAbortHandler, as net/http
// wants it, to cut off an answer whose end the origin owes.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{e: e, w: w, r: r, rc: *http.NewResponseController(w), now: e.cfg.Clock.Now(), id: newRequestID()}
	x.extend()
	if x.admit() {
		x.serve()
	}
}

// newRequestID returns the 56 characters of an X-Amz-Cf-Id. It names, it is no secret.
func newRequestID() string {
	var raw [40]byte
	for i := 0; i < len(raw); i += 8 {
		binary.LittleEndian.PutUint64(raw[i:], rand.Uint64())
	}
	var text [56]byte
	base64.URLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}

// admit finds out what is asked for and whether the viewer may have it. If not,
// it has answered.
//
// The order is that of the developer guide: what a viewer learns from a
// rejection depends on it.
func (x *exchange) admit() bool {
	r := x.r
	t, ok := parseTarget(r.RequestURI)
	if !ok {
		x.fail(http.StatusBadRequest, reasonBadRequest)
		return false
	}
	x.target = t
	if len("https://")+len(r.Host)+len(r.RequestURI) > maxURLBytes {
		x.w.Header().Set("Connection", "close")
		x.fail(http.StatusRequestEntityTooLarge, reasonBadRequest)
		return false
	}
	d := x.e.cfg.Feed.Snapshot().Lookup(hostOf(r.Host))
	if d == nil || !d.Enabled {
		x.fail(http.StatusForbidden, reasonBadRequest)
		return false
	}
	x.site = x.e.site(d)
	if x.looped() {
		x.fail(http.StatusLoopDetected, reasonLoop)
		return false
	}
	b, guards := route(d, t.path)
	x.plan = &x.site.plans[b.Index]
	switch {
	case !b.Allowed.Has(r.Method):
		x.fail(http.StatusForbidden, reasonMethod)
		return false
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength != 0:
		x.fail(http.StatusForbidden, reasonBadRequest)
		return false
	case r.TLS == nil && b.ViewerProtocol != delivery.AllowAll:
		x.refusePlain(b.ViewerProtocol)
		return false
	case guards[0] != nil:
		return x.verify(&guards)
	}
	return true
}

// verify demands a signature that every guard trusts, and takes it off the query.
func (x *exchange) verify(guards *[maxGuards]*delivery.Behavior) bool {
	r := x.r
	req := signedurl.Request{
		Scheme: "http", Host: r.Host, Path: x.path, RawQuery: x.query, ForceQuery: x.force,
		Cookies: r.Header["Cookie"],
	}
	if r.TLS != nil {
		req.Scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Peer = peer.Addr().Unmap()
	}
	for _, b := range guards {
		if b == nil {
			break
		}
		if result := x.e.verifier.Verify(&req, b.Keys, x.now, nil); !result.Allowed() {
			x.deny(&result)
			return false
		}
	}
	if ambiguous(x.path) {
		x.deny(&signedurl.Result{
			Code:   signedurl.AccessDenied,
			Reason: signedurl.Reason{Cause: causePath, Detail: "dot segments and encoded slashes have no place in a restricted path"},
		})
		return false
	}
	x.query = signedurl.StripQuery(x.query)
	return true
}

// causePath is our own addition to signedurl's causes.
const causePath signedurl.Cause = "path-ambiguous"

// deny answers as CloudFront does, and tells the log why.
func (x *exchange) deny(result *signedurl.Result) {
	x.e.log.LogAttrs(x.r.Context(), slog.LevelInfo, "viewer denied",
		slog.String("requestId", x.id),
		slog.String("distribution", string(x.site.d.ID)),
		slog.String("path", x.path),
		slog.String("code", string(result.Code)),
		slog.String("cause", string(result.Reason.Cause)),
		slog.String("reason", result.Reason.String()))
	if x.replaced(http.StatusForbidden) {
		return
	}
	h := x.w.Header()
	x.mark(h, resultError)
	h["Server"] = serverHeader
	h["Content-Type"] = []string{"text/xml"}
	body := result.Body()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(http.StatusForbidden)
	_, _ = x.w.Write(body) // the viewer may be gone
}

// refusePlain answers a request over http that must come over https.
func (x *exchange) refusePlain(p delivery.ViewerProtocol) {
	status := http.StatusMovedPermanently
	switch {
	case p == delivery.HTTPSOnly:
		x.fail(http.StatusForbidden, reasonBadRequest)
		return
	case x.r.Method == http.MethodGet, x.r.Method == http.MethodHead:
	case !x.r.ProtoAtLeast(1, 1):
		x.fail(http.StatusForbidden, reasonBadRequest)
		return
	default:
		status = http.StatusTemporaryRedirect
	}
	host := x.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if port := x.e.cfg.HTTPSPort; port != 0 && port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	location := "https://" + host + x.path
	if x.query != "" || x.force {
		location += "?" + x.query
	}
	h := x.w.Header()
	x.mark(h, resultRedirect)
	h["Server"] = serverHeader
	h["Location"] = []string{location}
	x.sendPage(status, redirectPage(status))
}

// looped reports whether the request has passed this distribution here before:
// its origin then leads back to it.
func (x *exchange) looped() bool {
	for _, via := range x.r.Header["Via"] {
		if strings.Contains(via, x.site.pseudonym) {
			return true
		}
	}
	return false
}

// serve answers an admitted request.
func (x *exchange) serve() {
	if x.path == "/" && x.site.d.DefaultRootObject != "" {
		x.path = "/" + x.site.d.DefaultRootObject
	}
	if !x.plan.cached || !x.plan.b.Cached.Has(x.r.Method) {
		x.pass()
		return
	}
	x.key = x.keyOf()
	kept := x.e.cache.Get(x.key)
	switch {
	case kept != nil && kept.Fresh(x.now):
		x.sendEntry(kept, resultHit)
	case x.r.Method == http.MethodHead:
		x.pass()
	default:
		x.miss(kept)
	}
}

// extend gives the viewer time to take what comes next.
func (x *exchange) extend() {
	// Writers without deadlines are those of tests.
	_ = x.rc.SetWriteDeadline(time.Now().Add(viewerPatience))
}

// viewer writes to the viewer, who may be slow but not stuck.
type viewer struct{ x *exchange }

func (v viewer) Write(p []byte) (int, error) {
	v.x.extend()
	return v.x.w.Write(p)
}

// ReadFrom lets net/http send files without reading them.
func (v viewer) ReadFrom(src io.Reader) (int64, error) {
	v.x.extend()
	return io.Copy(v.x.w, src)
}

// Flush sends what is buffered, where the connection has a say in that.
func (v viewer) Flush() error {
	if err := v.x.rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
