package signedurl

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// CookieOptions are the attributes of signing cookies. Nil is like the zero
// CookieOptions. No attribute reaches the server that verifies.
type CookieOptions struct {
	// Domain is the parent of the hosts that the cookies go to. Empty means only
	// the host that sets them. A domain that serves strangers, as cloudfront.net
	// does, is refused by browsers.
	Domain string

	// Path is the prefix of the paths that the cookies go to, "/" if empty. It is
	// no pattern.
	Path string

	// SameSite is left out if zero.
	SameSite http.SameSite

	// InsecureAllowHTTP leaves out Secure, so that the cookies, which let in
	// whoever has them, also travel in clear.
	InsecureAllowHTTP bool
}

// Cookies returns the three or four cookies that let their bearer in under p,
// each for a Set-Cookie header of its own (http.SetCookie).
//
// p.Resource is required: one URL, which has the rules of [Signer.Sign] and
// makes a canned policy, or a pattern such as "https://example.com/videos/*",
// which makes a custom one, as do NotBefore and Source. The cookies end with the
// browser's session, are Secure unless opts says otherwise, and are hidden
// from scripts.
//
// Errors wrap [ErrURL] or [ErrPolicy], or are the key's.
//
// Source: CloudFront Developer Guide, "Use signed cookies".
func (s *Signer) Cookies(ctx context.Context, p Policy, opts *CookieOptions) ([]*http.Cookie, error) {
	if opts == nil {
		opts = &CookieOptions{}
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	custom := !p.NotBefore.IsZero() || p.Source.IsValid()
	if strings.ContainsAny(p.Resource, `*\`) {
		custom = true
		if err := p.checkResource(); err != nil {
			return nil, err
		}
	} else {
		url, err := spell(p.Resource)
		if err != nil {
			return nil, fmt.Errorf("Resource: %w", err)
		}
		p.Resource = url
	}
	signed, err := s.signPolicy(ctx, &p, custom, nil)
	if err != nil {
		return nil, err
	}

	cookies := make([]*http.Cookie, 0, numParams)
	add := func(name param, value string) {
		cookies = append(cookies, &http.Cookie{
			Name: cookiePrefix + paramNames[name], Value: value,
			Domain: opts.Domain, Path: opts.Path, SameSite: opts.SameSite,
			Secure: !opts.InsecureAllowHTTP, HttpOnly: true,
		})
		if opts.Path == "" {
			cookies[len(cookies)-1].Path = "/"
		}
	}
	if custom {
		add(paramPolicy, string(signed.policy))
	} else {
		add(paramExpires, strconv.FormatInt(p.Expires.Unix(), 10))
	}
	add(paramSignature, string(signed.signature))
	add(paramKeyPairID, string(s.id))
	if s.hash != SHA1 {
		add(paramHash, string(s.hash))
	}
	return cookies, nil
}

func (o *CookieOptions) check() error {
	if o.Path != "" && (o.Path[0] != '/' || strings.ContainsAny(o.Path, "*;")) {
		return fmt.Errorf("%w: cookie path %q, want a plain prefix such as /images/", ErrPolicy, o.Path)
	}
	if domain := lower(strings.TrimPrefix(o.Domain, ".")); domain == "cloudfront.net" || strings.Contains(domain, "*") {
		return fmt.Errorf("%w: no browser takes cookies for domain %q", ErrPolicy, o.Domain)
	}
	probe := http.Cookie{Name: "probe", Domain: o.Domain, Path: o.Path}
	if err := probe.Valid(); err != nil {
		return fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return nil
}
