package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxQueryParameters bounds the sorting of a query by somebody who may not be
// authenticated yet.
const maxQueryParameters = 1000

// unreserved are the bytes that RFC 3986 never wants encoded.
var unreserved = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" {
		t[c] = true
	}
	return t
}()

var buffers = sync.Pool{New: func() any { return new(scratch) }}

// scratch is what one canonicalisation needs, kept from one request to the next.
type scratch struct {
	canonical []byte
	encoded   []byte
	params    []param
}

func (s *scratch) release() {
	const keep = 64 << 10
	if cap(s.canonical)+cap(s.encoded) <= keep {
		s.canonical, s.encoded, s.params = s.canonical[:0], s.encoded[:0], s.params[:0]
		buffers.Put(s)
	}
}

// target splits the request line's target as it was sent.
func target(r *http.Request) (path, query string) {
	t := r.RequestURI
	if t == "" { // a request to be sent
		t = r.URL.RequestURI()
	}
	if t != "" && t[0] != '/' {
		// The absolute form that proxies are sent; the authority is in r.Host.
		if _, rest, ok := strings.Cut(t, "://"); ok {
			if at := strings.IndexAny(rest, "/?"); at >= 0 {
				t = rest[at:]
			} else {
				t = ""
			}
		}
	}
	path, query, _ = strings.Cut(t, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}

// appendCanonical builds the canonical request into s.canonical:
//
//	method \n path \n query \n name:value\n... \n signed;headers \n payload hash
func (a *Auth) appendCanonical(s *scratch, r *http.Request, style Style, payloadHash string) error {
	path, query := target(r)
	b := append(s.canonical[:0], r.Method...)
	b = append(b, '\n')
	var ok bool
	if style == S3 {
		if b, ok = appendReencoded(b, path, pathBytes); !ok {
			return a.malformed("Path", Malformed)
		}
	} else {
		b = appendNormalised(b, path)
	}
	b = append(b, '\n')
	if query != "" {
		var p Problem
		if b, p, ok = s.appendQuery(b, query, a.Form == FormQuery); !ok {
			return a.malformed("Query", p)
		}
	}
	b = append(b, '\n')
	for rest := a.signedHeaders; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		b = appendHeader(b, r, name)
	}
	b = append(b, '\n')
	b = append(b, a.signedHeaders...)
	b = append(b, '\n')
	b = append(b, payloadHash...)
	s.canonical = b
	return nil
}

// appendStringToSign appends
//
//	algorithm \n date and time \n scope \n hex(sha256(canonical request))
func (a *Auth) appendStringToSign(b, canonical []byte) []byte {
	b = append(b, a.algorithm()...)
	b = append(b, '\n')
	b = a.Time.AppendFormat(b, timeLayout)
	b = append(b, '\n')
	b = a.Scope.append(b)
	b = append(b, '\n')
	sum := sha256.Sum256(canonical)
	return hex.AppendEncode(b, sum[:])
}

type place uint8

const (
	pathBytes  place = iota // '/' stays
	queryBytes              // '+' is a space
)

// appendReencoded decodes s and encodes it anew in the canonical spelling, for
// clients that send more bytes unencoded than they sign. A %2F in a path stays
// encoded: it is not the client's separator.
func appendReencoded(b []byte, s string, in place) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case unreserved[c], c == '/' && in == pathBytes:
			b = append(b, c)
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return b, false
			}
			if c = unhex(s[i+1])<<4 | unhex(s[i+2]); unreserved[c] {
				b = append(b, c)
			} else {
				b = appendEscaped(b, c)
			}
			i += 2
		case c == '+' && in == queryBytes:
			b = append(b, "%20"...)
		default:
			b = appendEscaped(b, c)
		}
	}
	return b, true
}

// appendNormalised removes empty, "." and ".." segments from the path as sent,
// and encodes it once more: what is encoded on the wire is then encoded twice.
func appendNormalised(b []byte, path string) []byte {
	start := len(b)
	if path == "/" {
		return append(b, '/')
	}
	for rest := path; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			for len(b) > start {
				b = b[:len(b)-1]
				if b[:len(b)+1][len(b)] == '/' {
					break
				}
			}
		default:
			b = append(b, '/')
			for i := range len(segment) {
				if c := segment[i]; unreserved[c] {
					b = append(b, c)
				} else {
					b = appendEscaped(b, c)
				}
			}
		}
	}
	if len(b) == start || path[len(path)-1] == '/' {
		b = append(b, '/')
	}
	return b
}

func appendEscaped(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// param is one encoded name=value in scratch.encoded.
type param struct{ start, equals, end int }

func (s *scratch) appendQuery(b []byte, query string, presigned bool) ([]byte, Problem, bool) {
	s.encoded, s.params = s.encoded[:0], s.params[:0]
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		if len(s.params) == maxQueryParameters {
			return b, TooLarge, false
		}
		name, value, _ := strings.Cut(pair, "=")
		p := param{start: len(s.encoded)}
		var ok bool
		if s.encoded, ok = appendReencoded(s.encoded, name, queryBytes); !ok {
			return b, Malformed, false
		}
		p.equals = len(s.encoded)
		if presigned && string(s.encoded[p.start:p.equals]) == "X-Amz-Signature" {
			s.encoded = s.encoded[:p.start]
			continue
		}
		s.encoded = append(s.encoded, '=')
		if s.encoded, ok = appendReencoded(s.encoded, value, queryBytes); !ok {
			return b, Malformed, false
		}
		p.end = len(s.encoded)
		s.params = append(s.params, p)
	}
	slices.SortFunc(s.params, func(x, y param) int {
		if c := slices.Compare(s.encoded[x.start:x.equals], s.encoded[y.start:y.equals]); c != 0 {
			return c
		}
		return slices.Compare(s.encoded[x.equals:x.end], s.encoded[y.equals:y.end])
	})
	for i, p := range s.params {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, s.encoded[p.start:p.end]...)
	}
	return b, 0, true
}

// appendHeader appends "name:values\n", or nothing for a header that the
// request lacks: its signature then cannot match.
func appendHeader(b []byte, r *http.Request, name string) []byte {
	if name == "host" {
		b = append(b, "host:"...)
		host := r.Host
		if host == "" { // a request to be sent
			host = r.URL.Host
		}
		b = appendTrimmed(b, host)
		return append(b, '\n')
	}
	// The map's keys are in canonical form. The spelling is made on the stack:
	// textproto would allocate it.
	var key [64]byte
	var values []string
	if len(name) <= len(key) {
		upper := true
		for i := range len(name) {
			c := name[i]
			if upper && 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			upper = c == '-'
			key[i] = c
		}
		values = r.Header[string(key[:len(name)])]
	} else {
		values = r.Header.Values(name)
	}
	if len(values) == 0 {
		if name == "content-length" && r.ContentLength > 0 {
			b = append(b, "content-length:"...)
			b = strconv.AppendInt(b, r.ContentLength, 10)
			b = append(b, '\n')
		}
		return b
	}
	b = append(b, name...)
	for i, v := range values {
		if i == 0 {
			b = append(b, ':')
		} else {
			b = append(b, ',')
		}
		b = appendTrimmed(b, v)
	}
	return append(b, '\n')
}

// appendTrimmed drops outer white space and makes inner runs of spaces one.
func appendTrimmed(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	if !strings.Contains(v, "  ") {
		return append(b, v...)
	}
	for i := range len(v) {
		if v[i] == ' ' && v[i-1] == ' ' { // v does not begin with a space
			continue
		}
		b = append(b, v[i])
	}
	return b
}
