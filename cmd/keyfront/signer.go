package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type signerCmd struct {
	Create signerCreateCmd `cmd:"" help:"Make a signing profile and its first key."`
	List   signerListCmd   `cmd:"" help:"List the signing profiles."`
	Show   signerShowCmd   `cmd:"" help:"Show what a profile signs."`
	Status signerStatusCmd `cmd:"" help:"Show each key of a profile: its age, its use at the edge, what it waits for."`
	Update signerUpdateCmd `cmd:"" help:"Replace what a profile signs; what is not given takes its default."`
	Sign   signerSignCmd   `cmd:"" help:"Sign URLs or cookies by a profile."`
	Rotate signerRotateCmd `cmd:"" help:"Begin a rotation before its time, or remove a retired key."`
	Delete signerDeleteCmd `cmd:"" help:"End a profile; its keys leave when what they signed has expired."`
}

// profileFlags say what a profile signs.
type profileFlags struct {
	Name            string   `arg:"" help:"Name of the profile."`
	Resource        []string `required:"" sep:"none" help:"What may be signed: scheme://host/path, with stars; may be repeated." placeholder:"PATTERN"`
	KeyGroup        string   `help:"Key group that the keys go into; else the profile makes one." placeholder:"ID"`
	Algorithm       string   `enum:"ECC_NIST_P256,RSA_2048" default:"ECC_NIST_P256" help:"ECC_NIST_P256 or RSA_2048; another one counts from the next rotation on."`
	LongestValidity days     `help:"How far ahead a signature may expire." default:"24h" placeholder:"24h"`
	Period          days     `help:"How long a key signs before the next one." default:"90d" placeholder:"90d"`
	AddressBits     int      `help:"Want an IPv4 address condition of at least so many bits: 32 is one address." placeholder:"BITS"`
}

func (f *profileFlags) profile() own.SignerProfile {
	seconds := func(d days) int64 { return int64(time.Duration(d) / time.Second) }
	return own.SignerProfile{
		KeyGroup: f.KeyGroup, Algorithm: f.Algorithm, Resources: f.Resource,
		LongestValiditySeconds: seconds(f.LongestValidity), AddressBits: f.AddressBits, PeriodSeconds: seconds(f.Period),
	}
}

// answerFlags are shared by the commands that print what the server answers.
type answerFlags struct {
	JSON bool `name:"json" help:"Print what the API sends."`
	clientFlags
}

// ask calls a route below signer/ and reads the answer into out. With --json it
// prints the answer and reports that it has.
func (f *answerFlags) ask(ctx context.Context, e env, method, path string, in, out any) (printed bool, err error) {
	to, err := f.client(ctx)
	if err != nil {
		return false, err
	}
	answer, err := to.call(ctx, method, "signer/"+path, in)
	if err != nil {
		return false, err
	}
	if f.JSON {
		_, err := fmt.Fprintf(e.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return true, err
	}
	return false, json.Unmarshal(answer, out)
}

// show asks for something that answers with a profile, and prints it.
func (f *answerFlags) show(ctx context.Context, e env, method, path string, in any) error {
	var s own.Signer
	if printed, err := f.ask(ctx, e, method, path, in, &s); printed || err != nil {
		return err
	}
	printProfile(e.stdout, &s)
	printProblem(e.stderr, &s)
	return nil
}

type signerCreateCmd struct {
	profileFlags
	answerFlags
}

// Help gives examples.
func (*signerCreateCmd) Help() string {
	return examples(
		`keyfront signer create links --resource 'https://example.com/films/*' --longest-validity 24h`,
		`keyfront signer sign links https://example.com/films/a.mp4`,
	)
}

// Run makes the profile.
func (c *signerCreateCmd) Run(ctx context.Context, e env) error {
	return c.show(ctx, e, http.MethodPost, url.PathEscape(c.Name), c.profile())
}

type signerUpdateCmd struct {
	profileFlags
	answerFlags
}

// Run replaces the profile.
func (c *signerUpdateCmd) Run(ctx context.Context, e env) error {
	return c.show(ctx, e, http.MethodPut, url.PathEscape(c.Name), c.profile())
}

type signerShowCmd struct {
	Name string `arg:"" help:"Name of the profile."`
	answerFlags
}

// Run prints the profile.
func (c *signerShowCmd) Run(ctx context.Context, e env) error {
	return c.show(ctx, e, http.MethodGet, url.PathEscape(c.Name), nil)
}

type signerListCmd struct{ answerFlags }

// Run prints one profile a line.
func (c *signerListCmd) Run(ctx context.Context, e env) error {
	var all own.Signers
	if printed, err := c.ask(ctx, e, http.MethodGet, "", nil, &all); printed || err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	for _, s := range all.Signers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.KeyGroup, visible(strings.Join(s.Resources, " ")))
	}
	return w.Flush()
}

type signerStatusCmd struct {
	Name string `arg:"" help:"Name of the profile."`
	answerFlags
}

// Run prints a line for each key.
func (c *signerStatusCmd) Run(ctx context.Context, e env) error {
	var s own.Signer
	if printed, err := c.ask(ctx, e, http.MethodGet, url.PathEscape(c.Name), nil, &s); printed || err != nil {
		return err
	}
	printKeys(e.stdout, &s)
	printProblem(e.stderr, &s)
	return nil
}

type signerRotateCmd struct {
	Name   string `arg:"" help:"Name of the profile."`
	Remove string `help:"Do not rotate, but remove this retired key now, whatever it signed and whoever still comes in by it." placeholder:"KEY-PAIR-ID"`
	answerFlags
}

// Run prints where the keys stand then.
func (c *signerRotateCmd) Run(ctx context.Context, e env) error {
	var s own.Signer
	if printed, err := c.ask(ctx, e, http.MethodPost, url.PathEscape(c.Name)+"/rotate", own.RotateRequest{Remove: c.Remove}, &s); printed || err != nil {
		return err
	}
	printKeys(e.stdout, &s)
	printProblem(e.stderr, &s)
	return nil
}

type signerDeleteCmd struct {
	Name    string `arg:"" help:"Name of the profile."`
	Release bool   `help:"Remove its keys now: every URL and cookie that they signed dies."`
	answerFlags
}

// Run deletes the profile.
func (c *signerDeleteCmd) Run(ctx context.Context, e env) error {
	path := url.PathEscape(c.Name)
	if c.Release {
		path += "?release=true"
	}
	_, err := c.ask(ctx, e, http.MethodDelete, path, nil, &struct{}{})
	return err
}

type signerSignCmd struct {
	Name      string   `arg:"" help:"Name of the profile."`
	URL       []string `arg:"" optional:"" help:"URLs to sign, up to 1,000."`
	Cookies   string   `help:"Make cookies for this URL or pattern instead." placeholder:"RESOURCE"`
	Format    string   `enum:"header,set-cookie,json" default:"header" help:"Of cookies: header for curl -b, set-cookie for a web server, or json."`
	Domain    string   `help:"Domain attribute of the cookies." placeholder:"NAME"`
	Path      string   `help:"Path attribute of the cookies." placeholder:"PREFIX"`
	Expires   *moment  `help:"When access ends; else in an hour, or sooner if the profile wants it." placeholder:"1h|TIME"`
	NotBefore *moment  `help:"When access begins." placeholder:"TIME"`
	IP        string   `name:"ip" help:"IPv4 address or range that viewers must come from." placeholder:"CIDR"`
	Resource  string   `help:"Grant every URL that this pattern covers." placeholder:"PATTERN"`
	answerFlags
}

// Run prints one URL a line, or the cookies.
func (c *signerSignCmd) Run(ctx context.Context, e env) error {
	if (c.Cookies == "") == (len(c.URL) == 0) {
		return fmt.Errorf("%w: give either URLs or --cookies", errUsage)
	}
	in := own.SignRequest{URLs: c.URL, Resource: c.Resource, SourceIP: c.IP}
	if c.Cookies != "" {
		in.Cookies = &own.CookieRequest{Resource: c.Cookies, Domain: c.Domain, Path: c.Path}
	}
	switch {
	case c.Expires != nil && c.Expires.relative():
		in.ValidForSeconds = int64(c.Expires.after / time.Second)
	case c.Expires != nil:
		in.Expires = c.Expires.at
	}
	if c.NotBefore != nil {
		in.NotBefore = c.NotBefore.in(time.Now())
	}
	var out own.SignAnswer
	if printed, err := c.ask(ctx, e, http.MethodPost, url.PathEscape(c.Name)+"/sign", in, &out); printed || err != nil {
		return err
	}
	if c.Cookies == "" {
		_, err := fmt.Fprintln(e.stdout, strings.Join(out.URLs, "\n"))
		return err
	}
	cookies := make([]*http.Cookie, len(out.SetCookies))
	for i, line := range out.SetCookies {
		var err error
		if cookies[i], err = http.ParseSetCookie(line); err != nil {
			return fmt.Errorf("the server answered no cookie: %w", err)
		}
	}
	return printCookies(e.stdout, c.Format, cookies)
}

func printProfile(w io.Writer, s *own.Signer) {
	fmt.Fprintf(w, "name: %s\narn: %s\nkey group: %s\nalgorithm: %s\nlongest validity: %s\nrotation period: %s\n",
		s.Name, s.ARN, s.KeyGroup, s.Algorithm, rough(time.Duration(s.LongestValiditySeconds)*time.Second), rough(time.Duration(s.PeriodSeconds)*time.Second))
	if s.AddressBits > 0 {
		fmt.Fprintf(w, "address condition: at least %d bits\n", s.AddressBits)
	}
	for _, r := range s.Resources {
		fmt.Fprintln(w, visiblef("resource: %s", r))
	}
	if s.Deleting {
		fmt.Fprintln(w, "deleting: its keys leave when what they signed has expired")
	}
}

func printKeys(out io.Writer, s *own.Signer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KEY PAIR ID\tPHASE\tAGE\tFIRST USE\tLAST USE\tWAITS FOR")
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format(time.RFC3339)
	}
	for _, k := range s.Keys {
		id := k.KeyPairID
		if id == "" {
			id = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", id, k.Phase, age(s.Time.Sub(k.Made)), stamp(k.FirstUse), stamp(k.LastUse), k.WaitsFor)
	}
	_ = w.Flush()
}

func printProblem(w io.Writer, s *own.Signer) {
	if s.Problem != "" {
		fmt.Fprintln(w, visiblef("keyfront: the rotation is stuck: %s", s.Problem))
	}
}
