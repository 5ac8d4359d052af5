package edge

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
)

// originRequest makes the request to an origin of the behaviour. It shares
// nothing with the viewer's that could change.
func (x *exchange) originRequest(to *delivery.Origin) origin.Request {
	b := x.plan.b
	req := origin.Request{
		Distribution: x.site.d,
		Origin:       to,
		Method:       x.r.Method,
		TLS:          x.sender.HTTPS,
		Path:         x.path,
		Query:        selectQuery(&b.Forward.Query, x.query),
		Header:       x.originHeader(to),
	}
	if x.plan.host {
		req.Host = x.host
	}
	req.KeepAuthorization = req.Header["Authorization"] != nil
	for _, h := range to.Headers {
		req.Header.Set(h.Name, h.Value)
	}
	return req
}

// originHeader says which headers reach the origin. Only those that the
// behaviour selects do, so that nothing that is not in the key changes a cached
// answer. Methods that change things are never cached: with them goes all that
// describes the body.
//
// Source: CloudFront Developer Guide, "HTTP request headers and CloudFront
// behavior (custom and Amazon S3 origins)".
func (x *exchange) originHeader(to *delivery.Origin) http.Header {
	r, b := x.r, x.plan.b
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	hop := connectionTokens(r.Header)
	out := make(http.Header, len(r.Header)+6)
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		selected := b.Forward.Headers.Has(lower)
		switch {
		case slices.Contains(hop, name), edges(name, to):
			continue
		case name == "Accept-Encoding" && (!selected || x.keeps()):
			continue // an answer that others get must not be coded for one
		case selected:
		case safe || removedByDefault(name):
			continue
		}
		out[name] = slices.Clone(values)
	}
	if signs(to, out) {
		maps.DeleteFunc(out, func(name string, _ []string) bool { return !x.plan.signable(to, name) })
	}
	if c := selectCookies(&b.Forward.Cookies, r.Header["Cookie"]); c != "" {
		out["Cookie"] = []string{c}
	}
	if out["User-Agent"] == nil {
		out["User-Agent"] = []string{"Amazon CloudFront"}
	}
	if b.Key.Gzip || b.Key.Brotli {
		encoding := x.encoding()
		if encoding == "" {
			encoding = "identity"
		}
		out["Accept-Encoding"] = []string{encoding}
	}
	for _, name := range x.plan.made {
		if v := x.madeHeader(strings.ToLower(name)); v != "" {
			out.Set(name, v)
		}
	}
	forwarded := latest(r.Header["X-Forwarded-For"])
	if peer, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		forwarded = append(forwarded, peer)
	}
	out["X-Forwarded-For"] = []string{strings.Join(forwarded, ", ")}
	out["Via"] = []string{strings.Join(append(latest(r.Header["Via"]), x.site.via(r.ProtoMajor, r.ProtoMinor)...), ", ")}
	out["X-Amz-Cf-Id"] = []string{x.id}
	out["Connection"] = []string{"Keep-Alive"}
	return out
}

// maxListBytes is how much of a list that viewers begin goes on to the origin:
// room for two dozen proxies.
const maxListBytes = 1 << 10

// latest returns the newest entries of a list that every proxy appends to, as
// many as maxListBytes hold. The older ones are the viewer's word, and not in
// the key: a list so long that the origin fails would leave its failure to the
// viewers after.
func latest(values []string) (entries []string) {
	room := maxListBytes
	for entry := range forwarded.FromRight(values, ',') {
		if room -= len(entry) + len(", "); room < 0 {
			break
		}
		if entry != "" {
			entries = append(entries, entry)
		}
	}
	slices.Reverse(entries)
	return entries
}

// signs reports whether a request that takes these headers of the viewer to o is
// signed by the edge. What else the viewer sent does not count: an Authorization
// that it called hop-by-hop stays behind.
func signs(o *delivery.Origin, h http.Header) bool {
	a := &o.Access
	switch {
	case a.IdentityID != "":
		return true
	case a.ControlID == "" || a.Signing == delivery.SignNever:
		return false
	default:
		return a.Signing == delivery.SignAlways || h["Authorization"] == nil
	}
}

// signable reports whether a header of the viewer's goes into a request that the
// edge signs. Of X-Amz-* headers only those do that the behaviour names, and the
// hash of the body, which origins other than S3 want the viewer to send. What we
// sign, we answer for: a viewer must not turn a request for one object into a copy
// of another.
func (p *plan) signable(to *delivery.Origin, name string) bool {
	if !strings.HasPrefix(name, "X-Amz-") || name == "X-Amz-Cf-Id" { // that one is the edge's own
		return true
	}
	selected := &p.b.Forward.Headers
	if selected.Mode == delivery.SelectWhitelist && selected.Has(strings.ToLower(name)) {
		return true
	}
	return name == "X-Amz-Content-Sha256" && to.Access.Type != "" && to.Access.Type != "s3"
}

// edges reports whether a header, named canonically, is between the edge and the
// origin to, and not for viewers to say. CGI and its kin take "_" in a name for
// "-": what such a server would read as one of these headers is one.
func edges(name string, to *delivery.Origin) bool {
	if strings.Contains(name, "_") {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if slices.ContainsFunc(to.Headers, func(h delivery.Header) bool { return strings.EqualFold(h.Name, name) }) {
			return true
		}
	}
	return hopByHop(name) || neverForwarded(name)
}

// neverForwarded are headers that the edge makes, reads or judges itself, or in
// which servers believe whoever is in front of them. Proxy is the last kind, too:
// CGI programs take it for the proxy to use.
//
// Source: CloudFront Developer Guide, "HTTP request headers and CloudFront
// behavior"; CVE-2016-5385 for Proxy.
func neverForwarded(name string) bool {
	switch name {
	case "Content-Length", "Cookie", "Expect", "Host", "Via", "X-Amz-Cf-Id", "X-Forwarded-For",
		"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
		"X-Forwarded-Proto", "X-Real-Ip", "Proxy":
		return true
	}
	return strings.HasPrefix(name, "X-Edge-") || strings.HasPrefix(name, "Cloudfront-")
}

// removedByDefault are headers that reach the origin only when they are selected.
func removedByDefault(name string) bool {
	switch name {
	case "Accept", "Accept-Charset", "Accept-Language", "Referer", "User-Agent", "X-Http-Method-Override":
		return true
	}
	return false
}

// conditions are the headers that make a request partial or conditional. Only
// requests past the cache take them along.
var conditions = []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

// madeHeader returns the value of a header that the edge makes, named in lower
// case, or "" for what it cannot know.
//
// Source: CloudFront Developer Guide, "Add CloudFront request headers".
func (x *exchange) madeHeader(name string) string {
	r := x.r
	switch name {
	case "cloudfront-forwarded-proto":
		if x.sender.HTTPS {
			return "https"
		}
		return "http"
	case "cloudfront-viewer-address":
		return x.sender.String()
	case "cloudfront-viewer-http-version":
		return fmt.Sprintf("%d.%d", r.ProtoMajor, r.ProtoMinor)
	case "cloudfront-viewer-tls":
		if r.TLS != nil {
			return tlsVersion(r.TLS) + ":" + tls.CipherSuiteName(r.TLS.CipherSuite)
		}
	}
	return ""
}
