// Package address judges IP addresses that a server is about to connect to for
// somebody else. A name says nothing about where it leads, now or at the next
// look: so the judgement is made as net.Dialer's Control, on the address.
package address

import (
	"errors"
	"net/netip"
	"syscall"
)

var (
	// ErrMetadata says that clouds hand credentials to the machines that ask under
	// the address.
	ErrMetadata = errors.New("address: link-local, where clouds hand out credentials")
	// ErrPrivate says that the address is not one of the public Internet.
	ErrPrivate = errors.New("address: not public")
)

// NotMetadata is a Control of net.Dialer that refuses, with ErrMetadata, link-local
// addresses and what else clouds tell machines their credentials under.
func NotMetadata(_, address string, _ syscall.RawConn) error {
	a, err := parse(address)
	if err == nil && isMetadata(a) {
		err = ErrMetadata
	}
	return err
}

// Public is a Control of net.Dialer that takes addresses of the public Internet
// only: others are ErrPrivate, or ErrMetadata.
//
// Source: the IANA registries of special-purpose addresses, RFC 6890.
func Public(_, address string, _ syscall.RawConn) error {
	a, err := parse(address)
	switch {
	case err != nil:
		return err
	case isMetadata(a):
		return ErrMetadata
	case !isPublic(a):
		return ErrPrivate
	}
	return nil
}

func parse(address string) (netip.Addr, error) {
	at, err := netip.ParseAddrPort(address)
	return canonical(at.Addr()), err
}

// The IPv6 addresses that stand for an IPv4 one.
var (
	translated = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056: the four behind the prefix
)

// canonical is the address that is reached in the end.
func canonical(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	bytes := a.As16()
	switch {
	case translated.Contains(a):
		return netip.AddrFrom4([4]byte(bytes[12:]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(bytes[2:6]))
	}
	return a
}

// amazonMetadata is EC2's, which is the only one of its kind that is not link-local.
var amazonMetadata = netip.MustParseAddr("fd00:ec2::254")

func isMetadata(a netip.Addr) bool { return a.IsLinkLocalUnicast() || a == amazonMetadata }

// special are the blocks of the registries that net/netip has no method for.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), // Linux takes all of it for itself
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
}

func isPublic(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
