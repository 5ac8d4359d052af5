package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

type explainCmd struct {
	URL    string     `arg:"" help:"What the viewer asks for, signature and all."`
	Method string     `help:"Its method." default:"GET" placeholder:"METHOD"`
	Cookie []string   `help:"A Cookie header of the viewer, or a Set-Cookie header with its attributes, to be told whether a browser sends it; may be repeated." placeholder:"NAME=VALUE[; ...]" sep:"none"`
	Header []string   `help:"Another header; Host counts. May be repeated." placeholder:"NAME: VALUE" sep:"none"`
	IP     string     `name:"ip" help:"The viewer's address." placeholder:"ADDRESS"`
	At     *time.Time `help:"The moment of the request; else the server's clock." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	JSON   bool       `name:"json" help:"Print what the API sends."`
	clientFlags
}

// Help gives examples.
func (*explainCmd) Help() string {
	return examples(
		`keyfront explain 'http://d111111abcdef8.cloudfront.localhost:8080/film.mp4?Expires=1767290400&Signature=abc&Key-Pair-Id=K2JCJMDEHXQW5F'`,
		`keyfront explain --ip 192.0.2.7 --cookie 'CloudFront-Policy=abc; CloudFront-Signature=abc' https://example.com/films/a.mp4`,
	)
}

// Run asks the server and prints what it says.
func (c *explainCmd) Run(ctx context.Context, e env) error {
	in := own.ExplainRequest{URL: c.URL, Method: c.Method, Cookies: c.Cookie, IP: c.IP, At: c.At, Headers: map[string][]string{}}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" {
			return fmt.Errorf("%w: --header %q is not NAME: VALUE", errUsage, h)
		}
		in.Headers[name] = append(in.Headers[name], strings.TrimSpace(value))
	}
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.post(ctx, "explain", in)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintf(e.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return err
	}
	var found own.Explanation
	if err := json.Unmarshal(answer, &found); err != nil {
		return err
	}
	printViewer(e.stdout, found.Viewer)
	return nil
}

// printViewer prints an explanation as aligned lines.
func printViewer(w io.Writer, x *edge.Explanation) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-13s %s\n", name, visiblef(format, args...))
	}
	if x.Admitted {
		line("admitted", "%s", x.Reason)
	} else {
		line("refused", "%s", strings.Join(strings.Fields(fmt.Sprintf("%d %s (%s)", x.Status, x.Code, x.Cause)), " "))
		line("because", "%s", x.Reason)
	}
	for _, m := range x.Mistakes {
		line("mistake", "%s: %s", m.Name, m.Text)
	}
	line("host", "%s", x.Host)
	line("path", "%s", x.Path)
	if d := x.Distribution; d != nil {
		line("distribution", "%s (%s), by %s", d.ID, d.DomainName, d.Because)
	}
	if b := x.Behavior; b != nil {
		line("behaviour", "%s, %s", b.Pattern, b.Because)
		if b.Restricted {
			line("trusts", "key groups %s", list(b.KeyGroups))
		}
		if len(b.Guards) > 1 {
			line("guards", "%s: servers could read the path as any of them", strings.Join(b.Guards, " and "))
		}
	}
	line("clock", "%s", x.At.Format(time.RFC3339))
	if x.Address != "" {
		line("address", "%s", x.Address)
	}
	if s := x.Signature; s != nil {
		printSignature(line, s, x)
	}
}

func printSignature(line func(name, format string, args ...any), s *edge.Signature, x *edge.Explanation) {
	line("carrier", "%s", s.Carrier)
	if s.Carrier == "none" {
		return
	}
	switch {
	case s.KeyID == "":
		line("key", "none")
	case len(s.KeyGroups) == 0:
		line("key", "%s, in no key group", s.KeyID)
	default:
		line("key", "%s, in key groups %s", s.KeyID, list(s.KeyGroups))
	}
	if s.Hash != "" {
		line("hash", "%s", s.Hash)
	}
	if p := s.Policy; p != nil {
		kind := "canned"
		if s.Custom {
			kind = "custom"
		}
		line("policy", "%s, for %s", kind, p.Resource)
		line("expires", "%s, %s", p.Expires.Format(time.RFC3339), away(p.Expires, x.At))
		if p.NotBefore != nil {
			line("not before", "%s, %s", p.NotBefore.Format(time.RFC3339), away(*p.NotBefore, x.At))
		}
		if p.Source != "" {
			line("addresses", "%s", p.Source)
		}
	}
	switch {
	case s.Verified:
		line("signature", "good: made with key %s", s.KeyID)
	case s.MadeWithKey && s.Signed == s.Expected:
		line("signature", "wrong: made with key %s, under another hash", s.KeyID)
	case s.MadeWithKey:
		line("signature", "wrong: made with key %s, over another text", s.KeyID)
	case x.Cause == string(signedurl.CauseWrongSignature):
		line("signature", "wrong")
	case s.Expected != "":
		line("signature", "not looked at: what comes before it is wrong")
	}
	if s.Expected == "" {
		return
	}
	if s.Signed == "" || s.Signed == s.Expected {
		line("to be signed", "%q", s.Expected)
		return
	}
	signed, mark := quoted(s.Signed, s.SignedAt)
	line("signed", "%s", signed)
	line("", "%s", mark)
	expected, mark := quoted(s.Expected, s.ExpectedAt)
	line("expected", "%s", expected)
	line("", "%s", mark)
}

// quoted returns text on one line, and a line that marks the byte at.
func quoted(text string, at int) (line, mark string) {
	line = fmt.Sprintf("%q", text)
	before := fmt.Sprintf("%q", text[:min(at, len(text))])
	return line, strings.Repeat(" ", len(before)-1) + "^ first difference"
}
