package signedurl

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ErrPolicy is wrapped by every error about a policy that cannot be read or signed.
var ErrPolicy = errors.New("unusable policy")

// MaxTime is the last moment, in Unix seconds, that a policy can name.
const MaxTime = math.MaxInt32

// MaxPolicyBytes bounds the decoded text of a policy. CloudFront bounds only the
// request that carries it, to 32 KiB.
const MaxPolicyBytes = 24 << 10

// Policy says what a signature grants: the resources, until when, from when,
// to which addresses.
type Policy struct {
	// Resource is a URL or a pattern, see [Match]. A decoded policy without
	// Resource has "*", which means the same. For Sign, "" means the URL signed.
	Resource string

	// Expires is when access ends; the moment itself is too late. Required. The
	// protocol counts whole Unix seconds up to MaxTime; fractions are dropped.
	Expires time.Time

	// NotBefore is when access begins; the moment itself is too early. The zero
	// Time means no such condition.
	NotBefore time.Time

	// Source is the IPv4 range that viewers must come from. The zero Prefix means
	// no such condition. Viewers on IPv6 never fulfil one.
	Source netip.Prefix
}

// PolicyError says where the text of a policy stops being one. It wraps [ErrPolicy].
type PolicyError struct {
	Offset  int    // byte of the decoded policy
	Problem string // for humans, free of the policy's text
	Hint    Hint   // what its author probably did, or ""
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("%v: byte %d: %s", ErrPolicy, e.Offset, e.Problem)
}

// Unwrap makes errors.Is(err, ErrPolicy) true.
func (e *PolicyError) Unwrap() error { return ErrPolicy }

// appendCanned appends the policy that a canned signature covers. Nothing is
// escaped: the bytes are those of the URL.
//
// Source: CloudFront Developer Guide, "Create a signature for a signed URL that
// uses a canned policy".
func appendCanned(b []byte, t *target, expires string) []byte {
	b = append(b, `{"Statement":[{"Resource":"`...)
	b = t.append(b)
	b = append(b, `","Condition":{"DateLessThan":{"AWS:EpochTime":`...)
	b = append(b, expires...)
	return append(b, "}}}]}"...)
}

// appendCustom appends p as a signer writes it: no white space, the backslashes
// of the resource doubled as JSON wants. p has passed check.
func (p *Policy) appendCustom(b []byte) []byte {
	b = append(b, `{"Statement":[{"Resource":"`...)
	rest := p.Resource
	for i := strings.IndexByte(rest, '\\'); i >= 0; i = strings.IndexByte(rest, '\\') {
		b = append(append(b, rest[:i]...), `\\`...)
		rest = rest[i+1:]
	}
	b = append(b, rest...)
	b = append(b, `","Condition":{"DateLessThan":{"AWS:EpochTime":`...)
	b = strconv.AppendInt(b, p.Expires.Unix(), 10)
	b = append(b, '}')
	if !p.NotBefore.IsZero() {
		b = append(b, `,"DateGreaterThan":{"AWS:EpochTime":`...)
		b = strconv.AppendInt(b, p.NotBefore.Unix(), 10)
		b = append(b, '}')
	}
	if p.Source.IsValid() {
		b = append(b, `,"IpAddress":{"AWS:SourceIp":"`...)
		b = p.Source.Masked().AppendTo(b)
		b = append(b, `"}`...)
	}
	return append(b, "}}]}"...)
}

// check refuses conditions that the protocol cannot express or that nobody can fulfil.
func (p *Policy) check() error {
	if at := p.Expires.Unix(); p.Expires.IsZero() || at <= 0 || at > MaxTime {
		return fmt.Errorf("%w: Expires is %v, want a time between 1970 and 2038-01-19T03:14:07Z", ErrPolicy, p.Expires)
	}
	if !p.NotBefore.IsZero() {
		if at := p.NotBefore.Unix(); at < 0 || at >= p.Expires.Unix() {
			return fmt.Errorf("%w: NotBefore is %v, want a time after 1970 and before Expires", ErrPolicy, p.NotBefore)
		}
	}
	if p.Source != (netip.Prefix{}) && (!p.Source.IsValid() || !p.Source.Addr().Is4()) {
		return fmt.Errorf("%w: Source is %v, want an IPv4 range", ErrPolicy, p.Source)
	}
	return nil
}

// ParsePolicy reads the JSON text of a custom policy, at most MaxPolicyBytes long.
//
// It wants one statement, alone or in an array, with a Condition that holds
// DateLessThan and perhaps DateGreaterThan and IpAddress, and nothing else.
// Other members beside Statement, Resource and Condition are skipped. Names are
// case-sensitive, none may occur twice, text must be UTF-8. Beyond JSON, the
// escape `\?` is taken for a backslash and a question mark: AWS's documents show
// resources spelled so. A bare IPv4 address counts as a range of one; host bits
// of a range are cleared.
//
// Errors are *PolicyError.
//
// Source: CloudFront Developer Guide, "Create a signature for a signed URL that
// uses a custom policy".
func ParsePolicy(text []byte) (Policy, error) {
	var p Policy
	if err := p.parse(text); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// parse is ParsePolicy with an error whose fields callers need.
func (p *Policy) parse(text []byte) *PolicyError {
	if len(text) > MaxPolicyBytes {
		return &PolicyError{Offset: MaxPolicyBytes, Problem: "the policy is too long"}
	}
	*p = Policy{Resource: "*"}
	r := jsonReader{src: text}
	return p.read(&r)
}

func (p *Policy) read(r *jsonReader) *PolicyError {
	seen := false
	err := r.object(func(name string) *PolicyError {
		if name != "Statement" {
			return r.skip()
		}
		seen = true
		return p.readStatements(r)
	})
	if err != nil {
		return err
	}
	if !seen {
		return r.fail("Statement is missing")
	}
	return r.end()
}

func (p *Policy) readStatements(r *jsonReader) *PolicyError {
	if r.peek() != '[' {
		return p.readStatement(r)
	}
	n := 0
	err := r.array(func() *PolicyError {
		if n++; n > 1 {
			return r.fail("a second statement; a policy has exactly one")
		}
		return p.readStatement(r)
	})
	if err == nil && n == 0 {
		return r.fail("Statement is empty; a policy has exactly one")
	}
	return err
}

func (p *Policy) readStatement(r *jsonReader) *PolicyError {
	conditions := false
	err := r.object(func(name string) (err *PolicyError) {
		switch name {
		case "Resource":
			p.Resource, err = r.string()
			return err
		case "Condition":
			conditions = true
			return p.readConditions(r)
		}
		return r.skip()
	})
	if err == nil && !conditions {
		return r.fail("Condition is missing")
	}
	return err
}

func (p *Policy) readConditions(r *jsonReader) *PolicyError {
	ends := false
	err := r.object(func(name string) *PolicyError {
		switch name {
		case "DateLessThan":
			ends = true
			return r.only("AWS:EpochTime", func() *PolicyError { return r.epoch(&p.Expires) })
		case "DateGreaterThan":
			return r.only("AWS:EpochTime", func() *PolicyError { return r.epoch(&p.NotBefore) })
		case "IpAddress":
			return r.only("AWS:SourceIp", func() *PolicyError { return r.ipv4Range(&p.Source) })
		}
		return r.fail("Condition has a member that is none of DateLessThan, DateGreaterThan and IpAddress")
	})
	if err == nil && !ends {
		return r.fail("DateLessThan is missing")
	}
	return err
}

// only reads an object that has exactly the one member name.
func (r *jsonReader) only(name string, value func() *PolicyError) *PolicyError {
	seen := false
	err := r.object(func(got string) *PolicyError {
		if got != name {
			return r.fail("a member that is not " + name)
		}
		seen = true
		return value()
	})
	if err == nil && !seen {
		return r.fail(name + " is missing")
	}
	return err
}

// epoch reads a JSON integer of Unix seconds.
func (r *jsonReader) epoch(t *time.Time) *PolicyError {
	if r.peek() == '"' {
		err := r.fail("the time is a string; CloudFront wants a number")
		err.Hint = HintQuotedTime
		return err
	}
	start := r.pos
	text, err := r.number()
	if err != nil {
		return err
	}
	n, bad := strconv.ParseUint(text, 10, 64)
	if bad != nil || n > MaxTime {
		r.pos = start
		err := r.fail("the time is no whole number of seconds from 0 to 2147483647")
		if looksMilliseconds(text) {
			err.Problem = "the time looks like milliseconds; CloudFront counts seconds"
			err.Hint = HintMilliseconds
		}
		return err
	}
	*t = time.Unix(int64(n), 0).UTC()
	return nil
}

// looksMilliseconds reports whether digits is a moment of our age in milliseconds.
func looksMilliseconds(digits string) bool {
	n, err := strconv.ParseUint(digits, 10, 64)
	return err == nil && len(digits) == 13 && n/1000 <= MaxTime
}

func (r *jsonReader) ipv4Range(out *netip.Prefix) *PolicyError {
	start := r.pos
	text, err := r.string()
	if err != nil {
		return err
	}
	prefix, bad := netip.ParsePrefix(text)
	if bad != nil {
		var addr netip.Addr
		if addr, bad = netip.ParseAddr(text); bad == nil {
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
	}
	if bad != nil || !prefix.Addr().Is4() {
		r.pos = start
		return r.fail("AWS:SourceIp is not one IPv4 address or range")
	}
	*out = prefix.Masked()
	return nil
}
