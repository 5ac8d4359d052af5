package edge

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/signedurl"
)

// subrequest names the headers in which a kind of server describes the request
// that it asks about.
type subrequest struct{ method, uri string }

// subrequests are the kinds by the path that they ask. Each has its own, so that
// a viewer cannot slip in the headers of another kind.
var subrequests = map[string]subrequest{
	"/auth-request": {"X-Original-Method", "X-Original-Uri"},   // nginx
	"/forward-auth": {"X-Forwarded-Method", "X-Forwarded-Uri"}, // Caddy, Traefik
}

// Subrequests returns the handler that tells other servers whether a viewer may
// have what it asks them for: 204 if so, 403 if not, and 400 for a question that
// is not whole. What the distribution would serve does not matter, nor do its
// redirects.
//
// A question is a request to /auth-request or /forward-auth with the viewer's
// cookies, and in headers its method and request target, as subrequests name
// them, and X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-For. All are
// required, once each: the server that asks must overwrite what viewers send in
// them. In X-Forwarded-For, the last entry that is no trusted proxy counts.
//
// Source: nginx, ngx_http_auth_request_module; Caddy, forward_auth; Traefik,
// ForwardAuth.
func (e *Edge) Subrequests() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, ok := subrequests[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		q, problem := e.asked(kind, r.Header)
		if problem != "" {
			e.log.LogAttrs(r.Context(), slog.LevelWarn, "sub-request is not whole", slog.String("problem", problem))
			http.Error(w, problem, http.StatusBadRequest)
			return
		}
		var result signedurl.Result
		v := e.judge(e.cfg.Feed.Snapshot(), q, &result)
		if v.cause == "" {
			v.site.uses[result.KeyID].note(q.now)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		id := newRequestID()
		e.refused(r.Context(), id, &v, &result)
		if result.Code == "" {
			result.Code = signedurl.AccessDenied
		}
		body := result.Body()
		h := w.Header()
		h["X-Amz-Cf-Id"] = []string{id}
		h["Content-Type"] = []string{"text/xml"}
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(body) // the other server may be gone
	})
}

// asked reads a question, or says what it lacks.
func (e *Edge) asked(kind subrequest, h http.Header) (q *question, problem string) {
	once := func(name string) string {
		values := h[name]
		if len(values) == 1 && values[0] != "" {
			return values[0]
		}
		if problem == "" {
			problem = "the header " + name + " is wanted exactly once"
		}
		return ""
	}
	q = &question{
		method: once(kind.method), uri: once(kind.uri), host: once("X-Forwarded-Host"), cookies: h["Cookie"], now: e.cfg.Clock.Now(),
	}
	proto := once("X-Forwarded-Proto")
	if len(h["X-Forwarded-For"]) == 0 {
		problem = "the header X-Forwarded-For is wanted"
	}
	if problem != "" {
		return nil, problem
	}
	if !strings.EqualFold(proto, "http") && !strings.EqualFold(proto, "https") {
		return nil, "X-Forwarded-Proto is neither http nor https"
	}
	q.sender = e.cfg.Proxies.XForwarded(h)
	return q, ""
}
