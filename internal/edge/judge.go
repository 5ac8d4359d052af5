package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// The causes for which the edge itself refuses a request, beside those of
// package signedurl.
const (
	causeTarget   signedurl.Cause = "target-malformed"
	causeTooLong  signedurl.Cause = "url-too-long"
	causeHost     signedurl.Cause = "host-unknown"
	causeDisabled signedurl.Cause = "distribution-disabled"
	causeTLS      signedurl.Cause = "connection-misdirected"
	causeLoop     signedurl.Cause = "loop"
	causeMethod   signedurl.Cause = "method-not-allowed"
	causeBody     signedurl.Cause = "body-not-allowed"
	causePlain    signedurl.Cause = "https-required"
	causePath     signedurl.Cause = "path-ambiguous"
)

// question is what of a viewer's request decides about its admission.
type question struct {
	method  string
	uri     string // the request target as sent
	host    string // as sent
	sender  forwarded.Sender
	cookies []string // Cookie headers, raw
	via     []string
	body    bool
	// connection is the viewer's TLS, if it is known.
	connection *tls.ConnectionState
	now        time.Time
	webSocket  bool // asks for one
	// described questions are not a viewer's: they are not counted.
	described bool
}

// verdict is the decision over a question.
type verdict struct {
	target
	host string // as origins hear it
	site *site  // nil when no distribution answers to the host
	plan *plan  // nil when judging did not come so far
	// cause is "" for an admitted request.
	cause signedurl.Cause
	// guard is the restricted behaviour that refused, or the last that admitted.
	guard *delivery.Behavior
}

// judge decides whether a viewer may have what it asks for. result becomes what
// signedurl has to say, where a signature was asked for. The query of an
// admitted request has lost its signature.
//
// The order is that of the developer guide: what a viewer learns from a
// rejection depends on it.
func (e *Edge) judge(s *delivery.Snapshot, q *question, result *signedurl.Result) (v verdict) {
	var ok bool
	if v.target, ok = parseTarget(q.uri); !ok {
		v.cause = causeTarget
		return v
	}
	if len("https://")+len(q.host)+len(q.uri) > maxURLBytes {
		v.cause = causeTooLong
		return v
	}
	name, port := splitHost(q.host)
	d := s.Lookup(name)
	if d == nil {
		v.cause = causeHost
		return v
	}
	v.host = heardHost(name, port, q.sender.HTTPS)
	if !d.Enabled {
		v.cause = causeDisabled
		return v
	}
	v.site = e.site(d)
	if q.misdirected(s, d) {
		v.cause = causeTLS
		return v
	}
	if v.site.passedBy(q.via) {
		v.cause = causeLoop
		return v
	}
	b, guards := route(d, v.path)
	v.plan = &v.site.plans[b.Index]
	switch {
	case !b.Allowed.Has(q.method):
		v.cause = causeMethod
	case q.body && (q.method == http.MethodGet || q.method == http.MethodHead):
		v.cause = causeBody
	case !q.sender.HTTPS && b.ViewerProtocol != delivery.AllowAll:
		v.cause = causePlain
	case guards[0] != nil:
		begun := time.Now()
		v.cause = e.verify(q, &v, &guards, result)
		if !q.described {
			v.site.figures.verify.Observe(time.Since(begun).Seconds())
		}
	}
	return v
}

// request is what the signature of q must be good for.
func (q *question) request(t *target) signedurl.Request {
	req := signedurl.Request{
		Scheme: "http", Host: q.host, Path: t.path, RawQuery: t.query, ForceQuery: t.force,
		Cookies: q.cookies, Peer: q.sender.Addr.Addr(), WebSocket: q.webSocket,
	}
	if q.sender.HTTPS {
		req.Scheme = "https"
	}
	return req
}

// verify demands a signature that every guard trusts, and takes it off the query.
func (e *Edge) verify(q *question, v *verdict, guards *[maxGuards]*delivery.Behavior, result *signedurl.Result) signedurl.Cause {
	req := q.request(&v.target)
	for _, b := range guards {
		if b == nil {
			break
		}
		v.guard = b
		if *result = e.verifier.Verify(&req, b.Keys, q.now, nil); !result.Allowed() {
			return result.Reason.Cause
		}
	}
	if ambiguous(v.path) {
		*result = signedurl.Result{
			Code:   signedurl.AccessDenied,
			Reason: signedurl.Reason{Cause: causePath, Detail: "dot segments and encoded slashes have no place in a restricted path"},
		}
		return causePath
	}
	v.query = signedurl.StripQuery(v.query)
	return ""
}

// passedBy reports whether a request has passed this distribution here before:
// its origin then leads back to it.
func (s *site) passedBy(via []string) bool {
	for _, v := range via {
		if strings.Contains(v, s.pseudonym) {
			return true
		}
	}
	return false
}

// refused counts a denial and tells the log why it came. Those of requests that
// reach no distribution are nobody's to read, and redirects to https are none.
func (e *Edge) refused(ctx context.Context, id string, v *verdict, result *signedurl.Result) {
	if v.cause == causePlain && v.plan.b.ViewerProtocol == delivery.RedirectToHTTPS {
		return
	}
	e.figures.denied(v.site, v.cause)
	if v.site == nil {
		return
	}
	reason := string(v.cause)
	if result.Code != "" {
		reason = result.Reason.String()
	}
	e.log.LogAttrs(ctx, slog.LevelInfo, "viewer denied",
		slog.String("requestId", id),
		slog.String("distribution", string(v.site.d.ID)),
		slog.String("path", v.path),
		slog.String("code", string(result.Code)),
		slog.String("cause", string(v.cause)),
		slog.String("reason", reason))
}
