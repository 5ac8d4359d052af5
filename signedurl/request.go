package signedurl

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ErrURL is wrapped by every error about a URL that cannot be signed or judged.
var ErrURL = errors.New("unusable URL")

// Request is what a viewer sent, raw: nothing decoded, cleaned or re-encoded.
type Request struct {
	// Scheme is "http" or "https", by the viewer's connection.
	Scheme string

	// Host is the Host header or :authority as sent, with its port if it has
	// one. The port that is the scheme's default does not count; with any other,
	// a signature made for the host with or without that port is good.
	// CloudFront itself listens on default ports only.
	Host string

	// Path is the raw path of the request target. RawQuery is what follows the
	// first '?'; ForceQuery says that there was a '?' although RawQuery is empty.
	Path       string
	RawQuery   string
	ForceQuery bool

	// Cookies holds the values of the Cookie headers, raw and in order.
	Cookies []string

	// Peer is the viewer's address, by its TCP connection; headers such as
	// X-Forwarded-For are no business of this package.
	Peer netip.Addr

	// WebSocket says that this is an upgrade to the WebSocket protocol: a
	// signature for ws: or wss: is then as good as one for http: or https:.
	WebSocket bool
}

// NewRequest makes the request that a viewer would send for an absolute http,
// https, ws or wss URL. Cookies and Peer are left to the caller. Errors wrap [ErrURL].
func NewRequest(rawURL string) (Request, error) {
	t, ok := splitURL(rawURL)
	if !ok || t.host == "" {
		return Request{}, fmt.Errorf("%w: want scheme://host/path", ErrURL)
	}
	r := Request{Scheme: strings.ToLower(t.scheme), Host: t.host, Path: t.path}
	switch r.Scheme {
	case "http", "https":
	case "ws":
		r.Scheme, r.WebSocket = "http", true
	case "wss":
		r.Scheme, r.WebSocket = "https", true
	default:
		return Request{}, fmt.Errorf("%w: scheme is %q, want http, https, ws or wss", ErrURL, t.scheme)
	}
	// A fragment never leaves the browser.
	if t.hasQuery {
		r.RawQuery, _, _ = strings.Cut(t.query, "#")
		r.ForceQuery = r.RawQuery == ""
	} else {
		r.Path, _, _ = strings.Cut(t.path, "#")
	}
	if r.Path == "" {
		r.Path = "/"
	}
	return r, nil
}

// FromHTTP describes a request that an http.Server received: scheme by r.TLS,
// peer by r.RemoteAddr, path and query by r.RequestURI, which alone is raw.
func FromHTTP(r *http.Request) Request {
	req := Request{Scheme: "http", Host: r.Host, Cookies: r.Header["Cookie"]}
	if r.TLS != nil {
		req.Scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Peer = peer.Addr()
	}
	req.WebSocket = r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	raw := r.RequestURI
	if t, ok := splitURL(raw); ok && !strings.HasPrefix(raw, "/") { // absolute form, RFC 9112 section 3.2.2
		raw = raw[len(t.scheme)+len("://")+len(t.host):]
	}
	var found bool
	req.Path, req.RawQuery, found = strings.Cut(raw, "?")
	req.ForceQuery = found && req.RawQuery == ""
	return req
}

// target is a canonical resource in the sections that policies speak of:
//
//	scheme://host/path?query
//
// scheme and host are lower case in a target that stands for a request.
type target struct {
	scheme, host, path, query string
	hasQuery                  bool
}

// splitURL cuts a URL at "://", the first '/' or '?', and the next '?'. It
// checks nothing else.
func splitURL(raw string) (t target, ok bool) {
	var rest string
	t.scheme, rest, ok = strings.Cut(raw, "://")
	if !ok {
		return target{}, false
	}
	hostEnd := strings.IndexAny(rest, "/?#")
	if hostEnd < 0 {
		hostEnd = len(rest)
	}
	t.host, rest = rest[:hostEnd], rest[hostEnd:]
	t.path, t.query, t.hasQuery = strings.Cut(rest, "?")
	return t, true
}

func (t *target) append(b []byte) []byte {
	b = append(b, t.scheme...)
	b = append(b, "://"...)
	b = append(b, t.host...)
	b = append(b, t.path...)
	if t.hasQuery {
		b = append(append(b, '?'), t.query...)
	}
	return b
}

func (t *target) String() string {
	if t.hasQuery {
		return t.scheme + "://" + t.host + t.path + "?" + t.query
	}
	return t.scheme + "://" + t.host + t.path
}

// plain reports whether t can stand in a canned policy, which is not escaped.
func (t *target) plain() bool {
	return plain(t.scheme) && plain(t.host) && plain(t.path) && plain(t.query)
}

// plain reports whether s is ASCII without control characters, '"' and '\'.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// candidates are the canonical resources that one request may be signed as, the
// likeliest first: with and without a port of its own, as http and as ws.
type candidates struct {
	list [4]target
	n    int
}

func (r *Request) candidates(rest string, kept bool) (c candidates) {
	t := target{scheme: r.Scheme, path: r.Path, query: rest, hasQuery: kept}
	host, port := splitPort(lower(r.Host))
	if port == ":443" && r.Scheme == "https" || port == ":80" && r.Scheme == "http" {
		port = ""
	}
	schemes := [2]string{r.Scheme, ""}
	if r.WebSocket && strings.HasPrefix(r.Scheme, "http") {
		schemes[1] = "ws" + r.Scheme[len("http"):]
	}
	for _, scheme := range schemes {
		if scheme == "" {
			continue
		}
		t.scheme = scheme
		if port != "" {
			t.host = lower(r.Host)
			c.list[c.n] = t
			c.n++
		}
		t.host = host
		c.list[c.n] = t
		c.n++
	}
	return c
}

// splitPort cuts ":port" off a host; the colons of a bracketed IPv6 literal are none.
func splitPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return host, ""
	}
	return host[:i], host[i:]
}

// lower is strings.ToLower for ASCII, free of allocation when s is lower already.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return string(appendLower(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
