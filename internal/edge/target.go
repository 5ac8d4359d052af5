package edge

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// maxURLBytes bounds scheme, host, path and query together.
//
// Source: CloudFront Developer Guide, "Quotas", maximum length of a URL.
const maxURLBytes = 8192

// target is what a viewer asks for, spelled as it was sent.
type target struct {
	path  string // begins with a slash
	query string // what follows the first question mark
	force bool   // there is a question mark without a query
}

// parseTarget reads a request target in origin form or absolute form, whose
// authority net/http has made the request's Host. It refuses the others, and
// bytes that have no place in a target: not every protocol version keeps them
// from ending a request line, where the origin's begins.
//
// Source: RFC 9112, section 3.2.
func parseTarget(uri string) (target, bool) {
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == 0x7f || c == '#' {
			return target{}, false
		}
	}
	if !strings.HasPrefix(uri, "/") {
		scheme, rest, ok := strings.Cut(uri, "://")
		if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return target{}, false
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		uri = rest[end:]
	}
	var t target
	t.path, t.query, t.force = strings.Cut(uri, "?")
	t.force = t.force && t.query == ""
	if t.path == "" {
		t.path = "/"
	}
	return t, true
}

// plain reports whether every server reads a path alike: it has no encoded
// bytes, no empty or dot segments, and no parameters.
func plain(p string) bool {
	for i := range len(p) {
		switch p[i] {
		case '%', ';', '\\':
			return false
		case '/':
			if i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
				return false
			}
		}
	}
	return true
}

// normalPath returns the spelling of a raw path that behaviours are selected
// by: unreserved bytes decoded, "//" collapsed, dot segments removed.
//
// Source: RFC 3986, sections 5.2.4 and 6.2.2; CloudFront Developer Guide,
// "Cache behavior settings", Path pattern.
func normalPath(raw string) string {
	if plain(raw) {
		return raw
	}
	return clean(decode(raw, unreserved))
}

// maxReadings is how many readings a path has.
const maxReadings = 5

// readings returns what else a server behind the edge might take a raw path
// for: as it stands, and with everything decoded, once or twice (as where one
// server decodes for another), with backslashes for slashes, without the parameters
// of its segments, with dot segments removed before or after "//" is collapsed.
func readings(raw string) [maxReadings]string {
	all := func(byte) bool { return true }
	once := decode(raw, all)
	first, second := liberal(once), liberal(decode(once, all))
	return [maxReadings]string{raw, clean(first), clean(removeDots(first)), clean(second), clean(removeDots(second))}
}

// liberal is a decoded path as servers see it to which a backslash is a slash,
// and what follows a semicolon no part of a segment.
func liberal(path string) string {
	segments := strings.Split(strings.ReplaceAll(path, `\`, "/"), "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}

// clean collapses "//", removes dot segments and keeps a slash at the end.
func clean(p string) string {
	out := path.Clean("/" + p)
	last := p[strings.LastIndexByte(p, '/')+1:]
	if out != "/" && (last == "" || last == "." || last == "..") {
		out += "/"
	}
	return out
}

// removeDots removes dot segments as RFC 3986, section 5.2.4 does, for which an
// empty segment is one that ".." takes away.
func removeDots(p string) string {
	var out []string
	segments := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, s := range segments {
		switch {
		case s == "..":
			out = out[:max(0, len(out)-1)]
		case s != ".":
			out = append(out, s)
			continue
		}
		if i == len(segments)-1 {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

// decode decodes the percent-encoded bytes that want asks for.
func decode(s string, want func(byte) bool) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if c := byte(high<<4 | low); high >= 0 && low >= 0 && want(c) {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// ambiguous reports whether a path has dot segments, plain or encoded, or
// encoded slashes: what no restricted behaviour serves.
func ambiguous(raw string) bool {
	if plain(raw) {
		return false
	}
	for segment := range strings.SplitSeq(raw, "/") {
		switch decode(segment, func(c byte) bool { return c == '.' }) {
		case ".", "..":
			return true
		}
		if strings.Contains(segment, "%2f") || strings.Contains(segment, "%2F") {
			return true
		}
	}
	return false
}

// maxGuards is how many behaviours one path can be read into, the normal
// spelling's among them.
const maxGuards = 1 + maxReadings

// route selects the behaviour that serves a raw path, and the restricted ones,
// if any, that must all admit the viewer because somebody might read the path as
// theirs.
func route(d *delivery.Distribution, raw string) (b *delivery.Behavior, guards [maxGuards]*delivery.Behavior) {
	n := 0
	guard := func(b *delivery.Behavior) {
		if !b.Restricted {
			return
		}
		if slices.Contains(guards[:n], b) {
			return
		}
		guards[n] = b
		n++
	}
	b = d.Behavior(normalPath(raw))
	guard(b)
	if raw == "/" && d.DefaultRootObject != "" {
		guard(d.Behavior(normalPath("/" + d.DefaultRootObject))) // whose content this is
	}
	if !plain(raw) {
		for _, reading := range readings(raw) {
			guard(d.Behavior(reading))
		}
	}
	return b, guards
}

// hostOf returns the name in a Host header, by which distributions are looked up.
func hostOf(host string) string {
	name, _ := splitHost(host)
	return name
}

// splitHost parts a Host header into the name, in lower case and without a dot
// at the end, and the port with its colon, or "". The name is "" for what is no
// DNS name with perhaps a port: an origin that makes links of the header would
// lead elsewhere by what else it holds.
func splitHost(host string) (name, port string) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return "", ""
		}
	}
	if port == "" {
		return name, ""
	}
	if strings.Trim(port[1:], "0123456789") != "" || len(port) > len(":65535") {
		return "", ""
	}
	return name, port
}

// heardHost is the Host header that origins hear: by one spelling, however the
// viewer spelled it.
func heardHost(name, port string, https bool) string {
	if port == ":" || port == ":443" && https || port == ":80" && !https {
		return name
	}
	return name + port
}

// paramName is the name of one segment of a query, as the origin will read it.
func paramName(segment string) string {
	name, _, _ := strings.Cut(segment, "=")
	if strings.ContainsAny(name, "%+") {
		if decoded, err := url.QueryUnescape(name); err == nil {
			return decoded
		}
	}
	return name
}
