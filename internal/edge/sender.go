package edge

import (
	"net/http"
	"net/netip"
	"strings"
)

// ProxyHeader is how trusted proxies say for whom they ask.
type ProxyHeader uint8

const (
	// XForwarded is X-Forwarded-For and X-Forwarded-Proto.
	XForwarded ProxyHeader = iota
	// Forwarded is the header of RFC 7239.
	Forwarded
)

// sender is where a viewer's request comes from: its connection's other end, or
// whom the proxy there asks for, if that is trusted.
type sender struct {
	addr  netip.AddrPort // invalid if nobody knows; port 0 if only that is unknown
	https bool
	// proxied says that a trusted proxy made the connection.
	proxied bool
}

// String is the address with its port, or as much of it as is known.
func (s sender) String() string {
	switch {
	case !s.addr.IsValid():
		return ""
	case s.addr.Port() == 0:
		return s.addr.Addr().String()
	}
	return s.addr.String()
}

// senderOf finds the viewer behind a connection. Of what the header lists, the
// entries at the right were written by the trusted proxies; the viewer is the
// first from there that is no such proxy, because all to its left is its own
// word. An entry that is no address makes the viewer unknown, so that no
// condition on addresses holds.
func (e *Edge) senderOf(r *http.Request) sender {
	var s sender
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		s.addr = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	}
	s.https = r.TLS != nil
	if len(e.cfg.TrustedProxies) == 0 || !e.trusts(s.addr.Addr()) {
		return s
	}
	s.proxied = true
	if e.cfg.ProxyHeader == Forwarded {
		return e.forwarded(s, r.Header)
	}
	return e.xForwarded(s, r.Header)
}

func (e *Edge) trusts(a netip.Addr) bool {
	for _, p := range e.cfg.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (e *Edge) xForwarded(s sender, h http.Header) sender {
	depth := 0
	for entry := range fromRight(h["X-Forwarded-For"], ',') {
		depth++
		s.addr = nodeAddr(entry)
		if !e.trusts(s.addr.Addr()) {
			break
		}
	}
	// The proxies that add to the list of schemes keep it in step with that of
	// addresses; the others leave one scheme.
	proto := ""
	for entry := range fromRight(h["X-Forwarded-Proto"], ',') {
		proto = entry
		if depth--; depth <= 0 {
			break
		}
	}
	s.https = isHTTPS(proto, s.https)
	return s
}

// forwarded reads the elements of Forwarded.
//
// Source: RFC 7239, sections 4 and 6.
func (e *Edge) forwarded(s sender, h http.Header) sender {
	for element := range fromRight(h["Forwarded"], ',') {
		node, proto := "", ""
		for pair := range fromRight([]string{element}, ';') {
			name, value, _ := strings.Cut(pair, "=")
			value = strings.Trim(value, `"`)
			switch {
			case strings.EqualFold(name, "for"):
				node = value
			case strings.EqualFold(name, "proto"):
				proto = value
			}
		}
		s.addr, s.https = nodeAddr(node), isHTTPS(proto, s.https)
		if !e.trusts(s.addr.Addr()) {
			break
		}
	}
	return s
}

// isHTTPS reads the name of a scheme; any other text leaves things as they are.
func isHTTPS(scheme string, otherwise bool) bool {
	switch {
	case strings.EqualFold(scheme, "https"):
		return true
	case strings.EqualFold(scheme, "http"):
		return false
	}
	return otherwise
}

// nodeAddr reads an address with or without port. It is invalid for anything else.
func nodeAddr(s string) netip.AddrPort {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), 0)
}

// fromRight yields the parts of header values from the last to the first,
// without spaces around them. A separator in a quoted string separates all the
// same: what it leaves is no address.
func fromRight(values []string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := len(values) - 1; i >= 0; i-- {
			for rest, more := values[i], true; more; {
				at := strings.LastIndexByte(rest, separator)
				more = at >= 0
				if !yield(strings.Trim(rest[at+1:], " \t")) {
					return
				}
				rest = rest[:max(at, 0)]
			}
		}
	}
}
