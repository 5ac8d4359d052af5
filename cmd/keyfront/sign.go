package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

type signCmd struct {
	URL     signURLCmd     `cmd:"" name:"url" help:"Sign URLs for viewers of CloudFront, ours or AWS's."`
	Cookies signCookiesCmd `cmd:"" help:"Make signed cookies for viewers of CloudFront, ours or AWS's."`
}

// grant says what a signature allows.
type grant struct {
	Expires   moment `default:"1h" help:"When access ends: a duration from now, a date or a time." placeholder:"1h|TIME"`
	NotBefore moment `help:"When access begins." placeholder:"TIME"`
	IP        string `name:"ip" help:"IPv4 address or range that viewers must come from." placeholder:"CIDR"`
	Resource  string `help:"Grant every URL that this pattern covers." placeholder:"PATTERN"`
}

// policy returns what to sign; clock is what is wrong with this machine's.
func (g *grant) policy(now time.Time, clock error) (signedurl.Policy, error) {
	p := signedurl.Policy{Resource: g.Resource, Expires: g.Expires.in(now)}
	if clock != nil && g.Expires.relative() {
		return p, clock
	}
	if !p.Expires.After(now) {
		return p, hinted{
			fmt.Errorf("--expires %s is past: the time here is %s", p.Expires.Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
			"a bare number is Unix seconds, 1h and 7d count from now; if that is not the time here, set this machine's clock",
		}
	}
	if g.NotBefore != (moment{}) {
		if clock != nil && g.NotBefore.relative() {
			return p, clock
		}
		p.NotBefore = g.NotBefore.in(now)
	}
	var err error
	p.Source, err = parseSource(g.IP)
	return p, err
}

// parseSource reads an IPv4 range or address; "" is the zero Prefix.
func parseSource(s string) (netip.Prefix, error) {
	if s == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(s)
	if addr, aerr := netip.ParseAddr(s); err != nil && aerr == nil {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("%w: --ip %q is no IPv4 address or range such as 192.0.2.0/24", errUsage, s)
	}
	return p, nil
}

type signURLCmd struct {
	URL []string `arg:"" help:"URLs as viewers will ask for them."`
	grant
	signingKey
}

// Help gives examples.
func (*signURLCmd) Help() string {
	return examples(
		`keyfront sign url --kms-key alias/links --key-pair-id K2JCJMDEHXQW5F --expires 7d https://example.com/film.mp4`,
		`keyfront sign url --private-key links.pem --key-pair-id K2JCJMDEHXQW5F --ip 192.0.2.0/24 https://example.com/film.mp4`,
	)
}

// Run prints one signed URL a line.
func (c *signURLCmd) Run(ctx context.Context, e env) error {
	signer, clock, err := c.signer(ctx)
	if err != nil {
		return err
	}
	p, err := c.policy(time.Now(), clock)
	if err != nil {
		return err
	}
	for _, url := range c.URL {
		signed, err := signer.Sign(ctx, url, p)
		if err != nil {
			return c.failed(ctx, err)
		}
		fmt.Fprintln(e.stdout, signed)
	}
	return nil
}

// failed tells wrong input from a key that does not sign.
func (k *signingKey) failed(ctx context.Context, err error) error {
	if errors.Is(err, signedurl.ErrURL) || errors.Is(err, signedurl.ErrPolicy) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if k.KMSKey == "" {
		return err
	}
	return k.explain(ctx, "Sign with key "+k.KMSKey, err)
}

type signCookiesCmd struct {
	URL       string `arg:"" optional:"" help:"The one URL that the cookies open; or give --resource."`
	Format    string `enum:"header,set-cookie,json" default:"header" help:"header for curl -b, set-cookie for a web server, or json."`
	Domain    string `help:"Domain attribute of the cookies." placeholder:"NAME"`
	Path      string `help:"Path attribute of the cookies." placeholder:"PREFIX"`
	AllowHTTP bool   `name:"allow-http" help:"Let the cookies travel over plain http too."`
	grant
	signingKey
}

// Run prints the cookies.
func (c *signCookiesCmd) Run(ctx context.Context, e env) error {
	if (c.URL == "") == (c.Resource == "") {
		return fmt.Errorf("%w: give either a URL or --resource", errUsage)
	}
	if c.Resource == "" {
		c.Resource = c.URL
	}
	signer, clock, err := c.signer(ctx)
	if err != nil {
		return err
	}
	p, err := c.policy(time.Now(), clock)
	if err != nil {
		return err
	}
	cookies, err := signer.Cookies(ctx, p, &signedurl.CookieOptions{Domain: c.Domain, Path: c.Path, InsecureAllowHTTP: c.AllowHTTP})
	if err != nil {
		return c.failed(ctx, err)
	}
	return printCookies(e.stdout, c.Format, cookies)
}

// printCookies writes cookies as the value of a Cookie header, as Set-Cookie
// values one a line, or as a JSON object.
func printCookies(w io.Writer, format string, cookies []*http.Cookie) error {
	switch format {
	case "json":
		values := make(map[string]string, len(cookies))
		for _, c := range cookies {
			values[c.Name] = c.Value
		}
		text, err := json.MarshalIndent(values, "", "    ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	case "set-cookie":
		for _, c := range cookies {
			fmt.Fprintln(w, c)
		}
		return nil
	}
	pairs := make([]string, len(cookies))
	for i, c := range cookies {
		pairs[i] = c.Name + "=" + c.Value
	}
	_, err := fmt.Fprintln(w, strings.Join(pairs, "; "))
	return err
}
