package edge

import (
	"io"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// page returns what the distribution has to answer with in place of an error,
// or nil if that is the error itself. A page that fails has no page.
func (x *exchange) page(status int) *delivery.ErrorResponse {
	if x.instead != 0 || x.site == nil {
		return nil
	}
	if e, ok := x.site.d.Errors[status]; ok && e.PagePath != "" {
		return &e
	}
	return nil
}

// replaced answers with the page for an error, if there is one. Nothing of the
// error's own answer may have been sent or set.
//
// The edge asks for the page by itself, by path alone, through the behaviour
// that the path selects. That it takes a signature to see what lies there does
// not matter: who has the page shown is the distribution's owner. An error of
// the page goes to the viewer as it is.
//
// Source: CloudFront Developer Guide, "Generate custom error responses".
func (x *exchange) replaced(status int) bool {
	page := x.page(status)
	if page == nil {
		return false
	}
	r := x.r.WithContext(x.r.Context())
	r.Header = x.r.Header.Clone()
	// What the viewer knows of, or wants of, is not the page.
	for _, name := range conditions {
		delete(r.Header, name)
	}
	if r.Method != http.MethodHead {
		r.Method = http.MethodGet
	}
	r.Body, r.ContentLength = http.NoBody, 0

	b, _ := route(x.site.d, page.PagePath)
	own := &exchange{
		e: x.e, w: x.w, r: r, rc: x.rc, now: x.now, id: x.id,
		sender: x.sender, begun: x.begun, admitted: true,
		verdict: verdict{target: target{path: page.PagePath}, host: x.host, site: x.site, plan: &x.site.plans[b.Index]},
		instead: page.Status,
	}
	own.serve()
	return true
}

// restBytes is how much of an error without a length is waited for, so that it
// can be kept, before its viewer gets the page.
const restBytes = 64 << 10

// leave stops to read an answer that the viewer does not get, but that may be
// worth keeping.
func (x *exchange) leave(r *cache.Reader, length int64) {
	if length < 0 {
		// The end of a fill that fails, or of a viewer who is gone, shows again.
		_ = r.CopyRange(x.r.Context(), io.Discard, 0, restBytes)
	}
	r.Close()
}
