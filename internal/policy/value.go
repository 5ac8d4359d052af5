package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// isNumber reports whether s is an integer or a decimal.
func isNumber(s string) bool {
	_, ok := splitNumber(s)
	return ok
}

// decimal is a number in two runs of digits, without leading zeros in whole
// and trailing zeros in part. Numbers stay text so that no digit is lost.
type decimal struct {
	negative    bool
	whole, part string
}

func splitNumber(s string) (d decimal, ok bool) {
	switch {
	case strings.HasPrefix(s, "-"):
		d.negative, s = true, s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	whole, part, point := strings.Cut(s, ".")
	if !isDigits(whole) || point && !isDigits(part) {
		return decimal{}, false
	}
	d.whole, d.part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	if d.whole == "" && d.part == "" {
		d.negative = false
	}
	return d, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// compareNumbers orders two numbers. ok is false unless both are numbers.
func compareNumbers(a, b string) (cmp int, ok bool) {
	x, okX := splitNumber(a)
	y, okY := splitNumber(b)
	switch {
	case !okX || !okY:
		return 0, false
	case x.negative && !y.negative:
		return -1, true
	case y.negative && !x.negative:
		return 1, true
	case len(x.whole) != len(y.whole):
		cmp = len(x.whole) - len(y.whole)
	default:
		if cmp = strings.Compare(x.whole, y.whole); cmp == 0 {
			cmp = strings.Compare(x.part, y.part)
		}
	}
	if x.negative {
		cmp = -cmp
	}
	return cmp, true
}

// dateLayouts are the forms of the W3C profile of ISO 8601, by which date
// operators read, the usual one first. time.Parse adds the fractions of a second.
var dateLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006",
	"2006-01-02T15:04:05", "2006-01-02T15:04",
}

// parseDate reads a date: ISO 8601, UTC unless it says otherwise, or seconds
// since 1970. Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if len(s) != 4 && len(s) <= 18 && isDigits(strings.TrimPrefix(s, "-")) {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), err == nil
	}
	if len(s) > len("2006-01-02T15:04:05.000000000Z07:00") {
		return time.Time{}, false
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseNetwork reads an address or a block of them. An IPv4 block written as
// IPv6 is the IPv4 block.
func parseNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	block, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if addr := block.Addr(); addr.Is4In6() && block.Bits() >= 96 {
		block = netip.PrefixFrom(addr.Unmap(), block.Bits()-96)
	}
	return block.Masked(), true
}
