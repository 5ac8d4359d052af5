package edge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// How the edge came by an answer, as X-Cache says it.
const (
	resultHit      = "Hit from cloudfront"
	resultRefresh  = "RefreshHit from cloudfront"
	resultMiss     = "Miss from cloudfront"
	resultError    = "Error from cloudfront"
	resultRedirect = "Redirect from cloudfront"
)

// Values that many answers share. net/http does not write to them.
var (
	popHeader    = []string{"KFE50-P1"}
	serverHeader = []string{"CloudFront"}
)

// mark sets the headers that every answer has.
func (x *exchange) mark(h http.Header, result string) {
	x.cacheHeader[0], x.idHeader[0] = result, x.id
	h["X-Cache"] = x.cacheHeader[:]
	h["X-Amz-Cf-Pop"] = popHeader
	h["X-Amz-Cf-Id"] = x.idHeader[:]
	if x.site == nil {
		return
	}
	via := x.site.via(x.r.ProtoMajor, x.r.ProtoMinor)
	if earlier := h["Via"]; earlier != nil {
		via = append(earlier[:len(earlier):len(earlier)], via...)
	}
	h["Via"] = via
}

// age sets Age, which only answers from the cache have.
func (x *exchange) age(h http.Header, m *cache.Meta) {
	x.ageHeader[0] = strconv.FormatInt(max(0, int64(x.now.Sub(m.Stored).Seconds())), 10)
	h["Age"] = x.ageHeader[:]
}

// keptHeaders returns what of an origin's headers goes to viewers, in the order
// of their names.
//
// Source: CloudFront Developer Guide, "HTTP response headers that CloudFront
// removes or updates".
func (p *plan) keptHeaders(h http.Header) []cache.Field {
	hop := connectionTokens(h)
	var out []cache.Field
	for name, values := range h {
		switch {
		case hopByHop(name), slices.Contains(hop, name), strings.HasPrefix(name, "X-Edge-"):
			continue
		case name == "Set-Cookie" && !p.cookies:
			continue
		case name == "Vary":
			if values = p.keptVary(values); len(values) == 0 {
				continue
			}
		}
		switch name {
		case "Content-Length", "Age", "X-Cache", "X-Amz-Cf-Id", "X-Amz-Cf-Pop":
			continue
		}
		out = append(out, cache.Field{Name: name, Values: values})
	}
	slices.SortFunc(out, func(a, b cache.Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// keptVary keeps of Vary what the edge lets the answer depend on.
func (p *plan) keptVary(values []string) []string {
	var kept []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = strings.Trim(name, " \t")
			switch lower := strings.ToLower(name); {
			case lower == "accept-encoding", lower == "cookie", lower == "*", lower != "" && p.b.Forward.Headers.Has(lower):
				kept = append(kept, name)
			}
		}
	}
	if kept == nil {
		return nil
	}
	return []string{strings.Join(kept, ", ")}
}

// hopByHop reports whether a header, named canonically, is about one connection.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return strings.HasPrefix(name, "Proxy-")
}

// connectionTokens are the further headers that Connection calls hop-by-hop.
func connectionTokens(h http.Header) (names []string) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

// refreshed lays the headers of a 304 over those that are kept.
//
// Source: RFC 9111, section 3.2.
func refreshed(kept []cache.Field, fresh http.Header) http.Header {
	h := make(http.Header, len(kept))
	for _, f := range kept {
		h[f.Name] = f.Values
	}
	for name, values := range fresh {
		switch name {
		case "Content-Encoding", "Content-Type", "Content-Range", "Content-Length":
		default:
			if !slices.Contains(describesBytes, name) {
				h[name] = values
			}
		}
	}
	return h
}
