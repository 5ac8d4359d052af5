package edge

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// exchange is one viewer's request on its way.
type exchange struct {
	e *Edge
	w http.ResponseWriter
	// asked is the request as the viewer sent it, r what a function may have made of it.
	asked, r *http.Request
	rc       http.ResponseController
	now      time.Time
	id       string

	sender forwarded.Sender
	verdict
	key cache.Key
	// admitted requests are those that the viewer may make.
	admitted bool
	begun    time.Time // of the process's clock
	// upstream is how long the origin took, if answers are to tell of it.
	upstream *origin.Timing
	// chosen is where a function leads in place of the behaviour, or nil.
	chosen *destination
	// tally is what w leads through, unless another exchange's does.
	tally tally
	// release ends the hold on the edge that a WebSocket has; nil without one.
	release func()
	// instead is not 0 in the edge's own request for an error page: the status
	// that the page is sent with.
	instead int

	idHeader, ageHeader, cacheHeader [1]string
}

// ServeHTTP answers a viewer. It panics with http.ErrAbortHandler, as net/http
// wants it, to cut off an answer whose end the origin owes.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{
		e: e, asked: r, r: r, rc: *http.NewResponseController(w), begun: time.Now(), now: e.cfg.Clock.Now(),
		id: newRequestID(), sender: e.cfg.Proxies.Sender(r),
	}
	x.tally.ResponseWriter = w
	x.w = &x.tally
	defer x.done()
	x.extend()
	if r.ContentLength != 0 {
		// net/http reads the body that nobody wants before it answers.
		_ = x.rc.SetReadDeadline(x.begun.Add(viewerPatience))
	}
	if len(r.TransferEncoding) > 0 {
		// The request may have had a length, too, that whoever passed it on went
		// by: what follows is then no request of this viewer. RFC 9112, section 6.3.
		w.Header()["Connection"] = []string{"close"}
	}
	if x.admit() {
		x.admitted = true
		if x.viewerRequest() {
			x.serve()
		}
	}
}

// done counts and logs the request, however it ended.
func (x *exchange) done() {
	f := &x.e.nobody
	if x.site != nil {
		f = &x.site.figures
	}
	result := resultError
	if v := x.w.Header()["X-Cache"]; len(v) == 1 && x.tally.status != 0 {
		result = v[0]
	}
	f.answered(result, x.tally.bodyBytes)
	if x.site != nil && len(x.site.logs) > 0 {
		x.logged(result)
	}
	if x.release != nil {
		x.release()
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
func (x *exchange) admit() bool {
	r := x.r
	var result signedurl.Result
	x.verdict = x.e.judge(x.e.cfg.Feed.Snapshot(), &question{
		method: r.Method, uri: r.RequestURI, host: r.Host, sender: x.sender,
		cookies: r.Header["Cookie"], via: r.Header["Via"], body: r.ContentLength != 0, connection: r.TLS, now: x.now,
		webSocket: asksForWebSocket(r),
	}, &result)
	x.tally.timed = x.site != nil && len(x.site.logs) > 0
	if x.cause == "" {
		x.site.uses[result.KeyID].note(x.now)
		return true
	}
	x.e.refused(r.Context(), x.id, &x.verdict, &result)
	switch x.cause {
	case causeTarget:
		x.fail(http.StatusBadRequest, reasonBadRequest)
	case causeTooLong:
		x.w.Header().Set("Connection", "close")
		x.fail(http.StatusRequestEntityTooLarge, reasonBadRequest)
	case causeHost, causeDisabled, causeBody:
		x.fail(http.StatusForbidden, reasonBadRequest)
	case causeTLS:
		x.fail(http.StatusMisdirectedRequest, reasonTLS)
	case causeLoop:
		x.fail(http.StatusLoopDetected, reasonLoop)
	case causeMethod:
		x.fail(http.StatusForbidden, reasonMethod)
	case causePlain:
		x.refusePlain(x.plan.b.ViewerProtocol)
	default:
		x.deny(&result)
	}
	return false
}

// deny answers as CloudFront does.
func (x *exchange) deny(result *signedurl.Result) {
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

// serve answers an admitted request.
func (x *exchange) serve() {
	if x.path == "/" && x.site.d.DefaultRootObject != "" {
		x.path = "/" + x.site.d.DefaultRootObject
	}
	if !x.keeps() || x.webSocket() {
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

// keeps reports whether answers to requests like this one may be kept.
func (x *exchange) keeps() bool { return x.plan.cached && x.plan.b.Cached.Has(x.r.Method) }

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
