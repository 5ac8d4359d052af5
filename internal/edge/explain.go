package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// Question describes a viewer's request that nobody needs to have made.
type Question struct {
	// URL is absolute, http or https, spelled as the viewer sends it.
	URL string
	// Method is GET if empty.
	Method string
	// Header is what the viewer sends. Host replaces the URL's, Cookie carries
	// signing cookies; the headers of trusted proxies do not count.
	Header http.Header
	// SetCookies are values of Set-Cookie headers that the viewer's browser got
	// from the URL's host: it sends those that their attributes let it.
	SetCookies []string
	// Peer is the viewer's address; the zero Addr if nobody knows.
	Peer netip.Addr
	// At is the moment of the request.
	At time.Time
}

// Explanation says what the edge makes of a viewer's request, and why. It is for
// the distribution's owner.
type Explanation struct {
	Admitted bool `json:"admitted"`
	// Status is what the viewer gets from the edge itself, 0 if it is admitted;
	// Code is the error code in its body.
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	// Cause is the label in log and metrics, Reason the same in words.
	Cause  string `json:"cause,omitempty"`
	Reason string `json:"reason"`

	Host         string              `json:"host"`
	Path         string              `json:"path"`
	At           time.Time           `json:"at"`
	Address      string              `json:"address,omitempty"`
	Distribution *ChosenDistribution `json:"distribution,omitempty"`
	Behavior     *ChosenBehavior     `json:"behavior,omitempty"`
	Signature    *Signature          `json:"signature,omitempty"`
	Mistakes     []Mistake           `json:"mistakes,omitempty"`
}

// ChosenDistribution is the distribution that answers to the host.
type ChosenDistribution struct {
	ID         string `json:"id"`
	DomainName string `json:"domainName"`
	Because    string `json:"because"`
}

// ChosenBehavior is the behaviour that serves the path.
type ChosenBehavior struct {
	Pattern string `json:"pattern"`
	Because string `json:"because"`
	// Restricted says that the request needs a signature. Guards are the
	// patterns of the behaviours that must trust it: more than the one that
	// serves, where other servers might read the path otherwise.
	Restricted bool     `json:"restricted"`
	Guards     []string `json:"guards,omitempty"`
	KeyGroups  []string `json:"keyGroups,omitempty"`
}

// Signature is what the request carries and what became of it.
type Signature struct {
	Carrier string `json:"carrier"` // "url", "cookie" or "none"
	KeyID   string `json:"keyPairId,omitempty"`
	// KeyGroups are those of the account that hold the key.
	KeyGroups []string `json:"keyGroups,omitempty"`
	Hash      string   `json:"hash,omitempty"`
	Verified  bool     `json:"verified"`
	// Custom says that the policy was sent along.
	Custom bool    `json:"custom"`
	Policy *Policy `json:"policy,omitempty"`
	// Resource is what policies are about: the URL without its signature.
	Resource string `json:"resource,omitempty"`
	// Expected is the text that the signature has to cover, Signed the one that
	// it covers, as far as that can be found out; or, where the policy is for
	// other URLs, the URL and the policy's Resource. The offsets are of the
	// first difference, in bytes.
	Expected   string `json:"expected,omitempty"`
	Signed     string `json:"signed,omitempty"`
	ExpectedAt int    `json:"expectedAt,omitempty"`
	SignedAt   int    `json:"signedAt,omitempty"`
	// MadeWithKey says that the signature, although over another text, was made
	// with the key's private half.
	MadeWithKey bool `json:"madeWithKey,omitempty"`
}

// Policy is a decoded policy.
type Policy struct {
	Resource  string     `json:"resource"`
	Expires   time.Time  `json:"expires"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	Source    string     `json:"source,omitempty"`
}

// Mistake is one of the usual mistakes.
type Mistake struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// The usual mistakes that take more than the signature to tell.
const (
	mistakeKeyElsewhere = "key-elsewhere"
	mistakeKeyNowhere   = "key-in-no-group"
	mistakeKeyUnknown   = "key-not-of-account"
)

// HostOf returns the host that q asks, as distributions are looked up by.
// Errors wrap signedurl.ErrURL.
func (q *Question) HostOf() (string, error) {
	r, err := signedurl.NewRequest(q.URL)
	if err != nil {
		return "", err
	}
	return hostOf(q.host(&r)), nil
}

func (q *Question) host(r *signedurl.Request) string {
	if h := q.Header.Get("Host"); h != "" {
		return h
	}
	return r.Host
}

// Explain says what the edge would make of q, given what the asker may know.
// Errors wrap signedurl.ErrURL.
func (e *Edge) Explain(q Question, known *delivery.Inspection) (*Explanation, error) {
	r, err := signedurl.NewRequest(q.URL)
	if err != nil {
		return nil, err
	}
	r.Host, r.Peer = q.host(&r), q.Peer.Unmap()
	cookies, mistakes := q.cookies(&r)
	in := question{
		method: q.Method, uri: r.Path, host: r.Host, cookies: cookies, via: q.Header["Via"], now: q.At, described: true, webSocket: r.WebSocket,
		sender: forwarded.Sender{Addr: netip.AddrPortFrom(r.Peer, 0), HTTPS: r.Scheme == "https"},
	}
	if in.method == "" {
		in.method = http.MethodGet
	}
	if r.RawQuery != "" || r.ForceQuery {
		in.uri += "?" + r.RawQuery
	}
	var result signedurl.Result
	v := e.judge(known.Snapshot, &in, &result)
	out := &Explanation{
		Admitted: v.cause == "", Cause: string(v.cause), Host: r.Host, Path: r.Path, At: q.At.UTC(), Mistakes: mistakes,
	}
	if q.Peer.IsValid() {
		out.Address = r.Peer.String()
	}
	out.Status, out.Reason = v.explained(&in, &result)
	if v.site == nil {
		return out, nil
	}
	d := v.site.d
	out.Distribution = &ChosenDistribution{ID: string(d.ID), DomainName: d.DomainName, Because: whyDistribution(d, hostOf(r.Host))}
	if v.plan == nil {
		return out, nil
	}
	out.Behavior = chosenBehavior(d, v.plan.b, r.Path, known)
	if v.guard == nil {
		return out, nil
	}
	out.Code = string(result.Code)
	out.addSignature(in.request(&target{path: r.Path, query: r.RawQuery, force: r.ForceQuery}), v.guard, q.At, known)
	return out, nil
}

// cookies are the Cookie headers that the viewer sends, and why it keeps
// cookies back.
func (q *Question) cookies(r *signedurl.Request) (sent []string, kept []Mistake) {
	sent = slices.Clone(q.Header["Cookie"])
	for _, line := range q.SetCookies {
		wrong, ok := signedurl.CookieSent(line, r)
		pair, _, _ := strings.Cut(line, ";")
		switch {
		case ok && wrong != nil:
			kept = append(kept, Mistake{string(wrong.Name), wrong.Text})
		default:
			sent = append(sent, pair)
		}
	}
	return sent, kept
}

// explained gives a verdict's status and words.
func (v *verdict) explained(q *question, result *signedurl.Result) (status int, reason string) {
	switch v.cause {
	case "":
		if v.guard == nil {
			return 0, "admitted: the behaviour is open to everybody"
		}
		return 0, "admitted"
	case causeTarget:
		return http.StatusBadRequest, "the request target is no path or URL, or holds bytes that have no place in one"
	case causeTooLong:
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the URL is longer than %d bytes", maxURLBytes)
	case causeHost:
		return http.StatusForbidden, "no distribution of this account answers to the host"
	case causeDisabled:
		return http.StatusForbidden, "the distribution is disabled"
	case causeLoop:
		return http.StatusLoopDetected, "the request has been here before: the origin leads back to the distribution"
	case causeMethod:
		return http.StatusForbidden, "the behaviour does not allow the method " + q.method
	case causeBody:
		return http.StatusForbidden, "a GET or HEAD request has no body"
	case causePlain:
		if v.plan.b.ViewerProtocol == delivery.RedirectToHTTPS {
			return http.StatusMovedPermanently, "the behaviour redirects http to https, before it looks at a signature; one made for http then fails"
		}
		return http.StatusForbidden, "the behaviour takes https only"
	case causePath:
		return http.StatusForbidden, result.Reason.Detail
	case signedurl.CauseAddressNotIPv4:
		if !q.sender.Addr.IsValid() {
			return http.StatusForbidden, "the policy wants an IPv4 range, and the question gives no ip"
		}
	}
	return http.StatusForbidden, result.Reason.String()
}

func whyDistribution(d *delivery.Distribution, host string) string {
	switch {
	case slices.Contains(d.Aliases, host):
		return "alias " + host
	case host == d.DomainName:
		return "its domain name"
	case strings.HasSuffix(host, ".cloudfront.net"):
		return "its domain name, under cloudfront.net"
	}
	best := ""
	for _, a := range d.Aliases {
		if suffix, ok := strings.CutPrefix(a, "*"); ok && strings.HasSuffix(host, suffix) && len(a) > len(best) {
			best = a
		}
	}
	return "wildcard alias " + best
}

func chosenBehavior(d *delivery.Distribution, b *delivery.Behavior, path string, known *delivery.Inspection) *ChosenBehavior {
	_, guards := route(d, path)
	out := &ChosenBehavior{Pattern: b.Pattern.String(), Restricted: guards[0] != nil}
	normal := normalPath(path)
	spelled := ""
	if normal != path {
		spelled = ", by the normal spelling " + normal
	}
	switch n := b.Index; {
	case n == len(d.Behaviors)-1 && n == 0:
		out.Because = "the default behaviour, and the only one"
	case n == len(d.Behaviors)-1:
		out.Because = fmt.Sprintf("the default behaviour: none of the %d path patterns matches%s", n, spelled)
	default:
		out.Because = fmt.Sprintf("number %d of %d path patterns is the first that matches%s", n+1, len(d.Behaviors)-1, spelled)
	}
	for _, g := range guards {
		if g == nil {
			break
		}
		out.Guards = append(out.Guards, g.Pattern.String())
		if g.Index < len(known.Trusted) {
			for _, id := range known.Trusted[g.Index] {
				if !slices.Contains(out.KeyGroups, id) {
					out.KeyGroups = append(out.KeyGroups, id)
				}
			}
		}
	}
	return out
}

// addSignature explains what guard had to judge.
func (x *Explanation) addSignature(r signedurl.Request, guard *delivery.Behavior, at time.Time, known *delivery.Inspection) {
	e := signedurl.Explain(&r, guard.Keys, at, nil, known.Hosts)
	s := &Signature{
		Carrier: string(e.Carrier), KeyID: string(e.KeyID), KeyGroups: known.Groups[e.KeyID], Hash: string(e.Hash),
		Verified: e.Verified, Custom: e.Custom, Resource: e.Resource(), MadeWithKey: e.Opened || e.Verified,
		Expected: string(e.Expected), Signed: string(e.Signed), ExpectedAt: e.ExpectedAt, SignedAt: e.SignedAt,
	}
	if s.Carrier == "" {
		s.Carrier = "none"
	}
	if p := e.Policy; p != nil {
		s.Policy = &Policy{Resource: p.Resource, Expires: p.Expires}
		if !p.NotBefore.IsZero() {
			s.Policy.NotBefore = &p.NotBefore
		}
		if p.Source.IsValid() {
			s.Policy.Source = p.Source.String()
		}
	}
	x.Signature = s
	for _, m := range e.Mistakes {
		x.Mistakes = append(x.Mistakes, Mistake{string(m.Name), m.Text})
	}
	if e.Reason.Cause == signedurl.CauseUnknownKey {
		x.Mistakes = append(x.Mistakes, whereIsKey(e.KeyID, known))
	}
}

// whereIsKey tells where a key is that the behaviour does not trust.
func whereIsKey(id signedurl.KeyID, known *delivery.Inspection) Mistake {
	groups, ok := known.Groups[id]
	switch {
	case !ok:
		return Mistake{mistakeKeyUnknown, fmt.Sprintf("the account has no public key %s", id)}
	case len(groups) == 0:
		return Mistake{mistakeKeyNowhere, fmt.Sprintf("public key %s is in no key group", id)}
	default:
		return Mistake{mistakeKeyElsewhere, fmt.Sprintf("public key %s is in key group %s, which this behaviour does not trust", id, strings.Join(groups, ", "))}
	}
}
