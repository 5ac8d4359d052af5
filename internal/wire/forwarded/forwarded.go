// Package forwarded tells who sends a request and whether it came by https, where
// proxies stand in front of the server and say so in headers. Only proxies at
// known addresses are believed.
package forwarded

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Header is how proxies say for whom they ask.
type Header uint8

const (
	// XForwarded is X-Forwarded-For and X-Forwarded-Proto.
	XForwarded Header = iota
	// Forwarded is the header of RFC 7239.
	Forwarded
)

// Proxies are the servers in front of this one that are believed. The zero value
// believes nobody.
type Proxies struct {
	// Networks are their addresses.
	Networks []netip.Prefix
	// Header is what they name senders in. They must overwrite or append to it.
	Header Header
}

// Sender is where a request comes from: its connection's other end, or whom the
// proxy there asks for, if that is trusted.
type Sender struct {
	Addr  netip.AddrPort // invalid if nobody knows; port 0 if only that is unknown
	HTTPS bool
	// Proxied says that a trusted proxy made the connection.
	Proxied bool
}

// String is the address with its port, or as much of it as is known.
func (s Sender) String() string {
	switch {
	case !s.Addr.IsValid():
		return ""
	case s.Addr.Port() == 0:
		return s.Addr.Addr().String()
	}
	return s.Addr.String()
}

// Sender finds who is behind the connection of r. Of what the header lists, the
// entries at the right were written by the trusted proxies; the sender is the
// first from there that is no such proxy, because all to its left is its own
// word. An entry that is no address makes the sender unknown, so that no
// condition on addresses holds.
func (p Proxies) Sender(r *http.Request) Sender {
	var s Sender
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		s.Addr = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	}
	s.HTTPS = r.TLS != nil
	if len(p.Networks) == 0 || !p.trusts(s.Addr.Addr()) {
		return s
	}
	s.Proxied = true
	if p.Header == Forwarded {
		return p.forwarded(s, r.Header)
	}
	return p.xForwarded(s, r.Header)
}

func (p Proxies) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// XForwarded is the sender that X-Forwarded-For and X-Forwarded-Proto name, where
// who connects is believed and asks for somebody else only.
func (p Proxies) XForwarded(h http.Header) Sender { return p.xForwarded(Sender{}, h) }

func (p Proxies) xForwarded(s Sender, h http.Header) Sender {
	depth := 0
	for entry := range FromRight(h["X-Forwarded-For"], ',') {
		depth++
		s.Addr = nodeAddr(entry)
		if !p.trusts(s.Addr.Addr()) {
			break
		}
	}
	// The proxies that add to the list of schemes keep it in step with that of
	// addresses; the others leave one scheme.
	proto := ""
	for entry := range FromRight(h["X-Forwarded-Proto"], ',') {
		proto = entry
		if depth--; depth <= 0 {
			break
		}
	}
	s.HTTPS = isHTTPS(proto, s.HTTPS)
	return s
}

// forwarded reads the elements of Forwarded.
//
// Source: RFC 7239, sections 4 and 6.
func (p Proxies) forwarded(s Sender, h http.Header) Sender {
	for element := range FromRight(h["Forwarded"], ',') {
		node, proto := "", ""
		for pair := range FromRight([]string{element}, ';') {
			name, value, _ := strings.Cut(pair, "=")
			value = strings.Trim(value, `"`)
			switch {
			case strings.EqualFold(name, "for"):
				node = value
			case strings.EqualFold(name, "proto"):
				proto = value
			}
		}
		s.Addr, s.HTTPS = nodeAddr(node), isHTTPS(proto, s.HTTPS)
		if !p.trusts(s.Addr.Addr()) {
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

// FromRight yields the parts of header values from the last to the first,
// without spaces around them. A separator in a quoted string separates all the
// same: what it leaves is no address.
func FromRight(values []string, separator byte) func(yield func(string) bool) {
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
