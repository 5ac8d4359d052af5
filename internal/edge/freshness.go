package edge

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// defaultErrorTTL is how long an origin's error is kept unless the distribution
// says otherwise.
const defaultErrorTTL = 10 * time.Second

// maxSeconds bounds the ages in Cache-Control, as RFC 9111, section 1.2.2 does.
const maxSeconds = 1 << 31

// control is what the edge reads from a Cache-Control header. An age is negative
// if it is not there.
type control struct {
	noCache, noStore, private, noTransform               bool
	maxAge, sharedMaxAge, staleRevalidate, staleIfErrors time.Duration
}

func parseControl(headers []string) control {
	const absent = -1
	c := control{maxAge: absent, sharedMaxAge: absent, staleRevalidate: absent, staleIfErrors: absent}
	for _, header := range headers {
		for directive := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.Trim(directive, " \t"), "=")
			// Of a directive that stands twice, the first counts: RFC 9111, section 4.2.1.
			first := func(d *time.Duration) {
				if *d < 0 {
					*d = age(value)
				}
			}
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "no-cache":
				c.noCache = true
			case "no-store":
				c.noStore = true
			case "private":
				c.private = true
			case "no-transform":
				c.noTransform = true
			case "max-age":
				first(&c.maxAge)
			case "s-maxage":
				first(&c.sharedMaxAge)
			case "stale-while-revalidate":
				first(&c.staleRevalidate)
			case "stale-if-error":
				first(&c.staleIfErrors)
			}
		}
	}
	return c
}

// age reads seconds. What cannot be read is taken for none, so that nothing is
// kept longer than the origin meant.
func age(s string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(s, " \t\""), 10, 63)
	if err != nil {
		if strings.Trim(s, "0123456789") == "" && s != "" {
			n = maxSeconds
		} else {
			n = 0
		}
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}

// age returns s-maxage, else max-age, else a negative one.
func (c *control) age() time.Duration {
	if c.sharedMaxAge >= 0 {
		return c.sharedMaxAge
	}
	return c.maxAge
}

func (c *control) uncacheable() bool { return c.noCache || c.noStore || c.private }

// lifetime returns how long an answer with these headers is fresh, and whether
// it may be kept at all.
//
// Source: CloudFront Developer Guide, "Manage how long content stays in the
// cache (expiration)".
func lifetime(ttl delivery.TTL, h http.Header, c *control, now time.Time) (time.Duration, bool) {
	clamp := func(d time.Duration) (time.Duration, bool) { return max(ttl.Min, min(d, ttl.Max)), true }
	switch expires := h["Expires"]; {
	case c.uncacheable():
		return ttl.Min, ttl.Min > 0
	case ttl.Min == 0 && variesByAll(h):
		return 0, false
	case c.age() >= 0:
		return clamp(c.age())
	case len(expires) > 0:
		at, err := http.ParseTime(expires[0])
		if err != nil { // "0" and the like mean the past
			return clamp(0)
		}
		return clamp(max(0, at.Sub(now)))
	default:
		return max(ttl.Min, ttl.Default), true
	}
}

func variesByAll(h http.Header) bool {
	for _, v := range h["Vary"] {
		if strings.Contains(v, "*") {
			return true
		}
	}
	return false
}

// errorLifetime is lifetime for statuses from 400 on.
//
// Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx
// status codes from your origin"; API Reference, CustomErrorResponse: a status
// with an ErrorCachingMinTTL of its own is kept for that time.
func errorLifetime(d *delivery.Distribution, status int, c *control) (time.Duration, bool) {
	ttl := errorTTL(d, status)
	_, own := d.Errors[status]
	switch status {
	case 404, 414, 500, 501, 502, 503, 504:
		return max(ttl, c.age()), true
	case 400, 403, 405, 412, 415:
		return max(ttl, c.age()), own || c.age() >= 0
	default:
		return 0, false
	}
}

func errorTTL(d *delivery.Distribution, status int) time.Duration {
	if e, ok := d.Errors[status]; ok {
		return e.MinTTL
	}
	return defaultErrorTTL
}
