package edge

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/signedurl"
)

// keyHeader is a header that tells answers apart.
type keyHeader struct {
	name  string // lower case
	canon string
	made  bool // by the edge; what the viewer sent under that name does not count
}

// edgePrefix begins the names of the headers that the edge makes.
const edgePrefix = "cloudfront-"

func keyHeaders(s *delivery.Selection) (out []keyHeader) {
	if s.Mode != delivery.SelectWhitelist {
		return nil
	}
	for _, name := range s.Names {
		out = append(out, keyHeader{name, textproto.CanonicalMIMEHeaderKey(name), strings.HasPrefix(name, edgePrefix)})
	}
	return out
}

// keyOf hashes everything that tells one answer from another:
//
//	class  'G' for GET and HEAD, 'O' for OPTIONS
//	text   distribution
//	text   the behaviour's path pattern: a path that stands in for another keeps
//	       the other's behaviour, whose origin may be another and its viewers fewer
//	text   path, raw
//	list   the query's selected parameters, or the query as one
//	list   for each header of the policy: list of its values that the origin hears
//	list   the selected cookies
//	text   normalised Accept-Encoding
//	text   where the origin hears of a Host header that is none of those headers:
//	       its port, which a viewer is free to choose, as the name is not
//
// A text is its length and its bytes; an element of a list is its length plus
// one and its bytes; a zero ends the list. Lengths are varints. So no two
// different selections have one encoding.
func (x *exchange) keyOf() cache.Key {
	var room [1024]byte
	b := append(room[:0], 'G')
	if x.r.Method == http.MethodOptions {
		b[0] = 'O'
	}
	k := &x.plan.b.Key
	b = appendText(b, string(x.site.d.ID))
	b = appendText(b, x.plan.b.Pattern.String())
	b = appendText(b, x.path)
	b = appendQuery(b, &k.Query, x.query)
	if len(x.plan.keyHeaders) > 0 {
		hop := connectionTokens(x.r.Header)
		for i := range x.plan.keyHeaders {
			b = x.appendHeader(b, &x.plan.keyHeaders[i], hop)
		}
	}
	b = append(b, 0)
	b = appendCookies(b, &k.Cookies, x.r.Header["Cookie"])
	b = appendText(b, x.encoding())
	if x.plan.port {
		_, port, _ := strings.Cut(x.host, ":")
		b = appendText(b, port)
	}
	return sha256.Sum256(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendElement(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))+1), s...)
}

func appendQuery(b []byte, s *delivery.Selection, query string) []byte {
	if s.Mode == delivery.SelectAll && query != "" {
		b = appendElement(b, query)
	} else if s.Mode != delivery.SelectNone {
		for segment := range params(query) {
			if s.Has(paramName(segment)) {
				b = appendElement(b, segment)
			}
		}
	}
	return append(b, 0)
}

// appendHeader leaves out what Connection calls hop-by-hop: the origin does not
// hear of it, so its answer must not stand for those of whom the origin does.
func (x *exchange) appendHeader(b []byte, h *keyHeader, hop []string) []byte {
	switch {
	case h.made:
		if v := x.madeHeader(h.name); v != "" {
			b = appendElement(b, v)
		}
	case h.name == "host":
		b = appendElement(b, x.host)
	case slices.Contains(hop, h.canon):
	default:
		for _, v := range x.r.Header[h.canon] {
			b = appendElement(b, v)
		}
	}
	return append(b, 0)
}

func appendCookies(b []byte, s *delivery.Selection, headers []string) []byte {
	if s.Mode != delivery.SelectNone {
		for pair := range cookies(headers) {
			if name, _, _ := strings.Cut(pair, "="); s.Has(name) {
				b = appendElement(b, pair)
			}
		}
	}
	return append(b, 0)
}

// params yields the segments of a query that are not empty.
func params(query string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for query != "" {
			var segment string
			segment, query, _ = strings.Cut(query, "&")
			if segment != "" && !yield(segment) {
				return
			}
		}
	}
}

// cookies yields the pairs of Cookie headers, without those that carry signatures.
func cookies(headers []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, header := range headers {
			for rest := signedurl.StripCookies(header); rest != ""; {
				var pair string
				pair, rest, _ = strings.Cut(rest, ";")
				if pair = strings.Trim(pair, " \t"); pair != "" && !yield(pair) {
					return
				}
			}
		}
	}
}

// selectQuery returns the selected part of a query, in its order and spelling.
func selectQuery(s *delivery.Selection, query string) string {
	switch s.Mode {
	case delivery.SelectAll:
		return query
	case delivery.SelectNone:
		return ""
	}
	var out []string
	for segment := range params(query) {
		if s.Has(paramName(segment)) {
			out = append(out, segment)
		}
	}
	return strings.Join(out, "&")
}

func selectCookies(s *delivery.Selection, headers []string) string {
	var out []string
	for pair := range cookies(headers) {
		if name, _, _ := strings.Cut(pair, "="); s.Has(name) {
			out = append(out, pair)
		}
	}
	return strings.Join(out, "; ")
}

// encoding returns the Accept-Encoding that is in the key and goes to the
// origin: "br,gzip", "br", "gzip" or "". Viewers over HTTP/1.0 get nothing encoded.
//
// Source: CloudFront Developer Guide, "Understand cache policies", Compressed
// objects; "Serve compressed files".
func (x *exchange) encoding() string {
	k := &x.plan.b.Key
	if !k.Gzip && !k.Brotli || !x.r.ProtoAtLeast(1, 1) {
		return ""
	}
	var gzip, brotli bool
	for _, header := range x.r.Header["Accept-Encoding"] {
		for header != "" {
			var coding string
			coding, header, _ = strings.Cut(header, ",")
			name, params, _ := strings.Cut(coding, ";")
			if refused(params) {
				continue
			}
			switch name = strings.Trim(name, " \t"); {
			case strings.EqualFold(name, "gzip"):
				gzip = true
			case strings.EqualFold(name, "br"):
				brotli = true
			}
		}
	}
	switch gzip, brotli = gzip && k.Gzip, brotli && k.Brotli; {
	case gzip && brotli:
		return "br,gzip"
	case brotli:
		return "br"
	case gzip:
		return "gzip"
	default:
		return ""
	}
}

// refused reports whether the parameters of a coding give it the weight zero.
func refused(params string) bool {
	name, value, ok := strings.Cut(strings.Trim(params, " \t"), "=")
	if !ok || !strings.EqualFold(strings.Trim(name, " \t"), "q") {
		return false
	}
	q, err := strconv.ParseFloat(strings.Trim(value, " \t"), 64)
	return err == nil && q == 0
}
