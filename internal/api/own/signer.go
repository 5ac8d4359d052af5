package own

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/signedurl"
)

// signerPrefix begins the routes of signing profiles:
//
//	GET    signer/              list
//	POST   signer/NAME          create
//	GET    signer/NAME          show, with the state of its keys
//	PUT    signer/NAME          update
//	DELETE signer/NAME          delete; ?release=true lets its keys leave at once
//	POST   signer/NAME/sign     sign URLs or cookies
//	POST   signer/NAME/rotate   rotate, or let a retired key leave
const signerPrefix = "signer/"

// SignerProfile is a signing profile as it is written. Durations are in seconds;
// zero is the default.
type SignerProfile struct {
	KeyGroup               string   `json:"keyGroup,omitempty"`
	Algorithm              string   `json:"algorithm,omitempty"`
	Resources              []string `json:"resources"`
	LongestValiditySeconds int64    `json:"longestValiditySeconds,omitempty"`
	AddressBits            int      `json:"addressBits,omitempty"`
	PeriodSeconds          int64    `json:"periodSeconds,omitempty"`
}

// Signer is a signing profile as it is read.
type Signer struct {
	Name    string    `json:"name"`
	ARN     string    `json:"arn"`
	Created time.Time `json:"created"`
	// Time is the server's, when it told.
	Time time.Time `json:"time,omitzero"`
	SignerProfile
	Deleting bool `json:"deleting,omitempty"`
	// RotationWanted says that a rotation was asked for and is under way.
	RotationWanted bool        `json:"rotationWanted,omitempty"`
	Keys           []SignerKey `json:"keys,omitempty"`
	// Problem is why the last work on the keys failed.
	Problem string `json:"problem,omitempty"`
}

// SignerKey is one key of a profile. Times that have not come are left out.
type SignerKey struct {
	KeyPairID    string    `json:"keyPairId,omitempty"`
	KeyARN       string    `json:"keyArn,omitempty"`
	Phase        string    `json:"phase"`
	Made         time.Time `json:"made,omitzero"`
	SigningSince time.Time `json:"signingSince,omitzero"`
	Retired      time.Time `json:"retired,omitzero"`
	SignedUntil  time.Time `json:"signedUntil,omitzero"`
	FirstUse     time.Time `json:"firstUse,omitzero"`
	LastUse      time.Time `json:"lastUse,omitzero"`
	WaitsFor     string    `json:"waitsFor,omitempty"`
}

// Signers lists the profiles of the caller's account and region, without keys.
type Signers struct {
	Signers []Signer `json:"signers"`
}

// SignRequest asks for signed URLs, or for cookies: one of URLs and Cookies.
type SignRequest struct {
	URLs    []string       `json:"urls,omitempty"`
	Cookies *CookieRequest `json:"cookies,omitempty"`

	// Resource is what each URL grants, if that is not itself; it may have stars.
	Resource string `json:"resource,omitempty"`
	// Expires or ValidForSeconds say until when; neither means an hour at most.
	Expires         time.Time `json:"expires,omitzero"`
	ValidForSeconds int64     `json:"validForSeconds,omitempty"`
	NotBefore       time.Time `json:"notBefore,omitzero"`
	// SourceIP is an IPv4 address or range that viewers must come from.
	SourceIP string `json:"sourceIp,omitempty"`
}

// CookieRequest says what cookies open, and their attributes.
type CookieRequest struct {
	Resource  string `json:"resource"`
	Domain    string `json:"domain,omitempty"`
	Path      string `json:"path,omitempty"`
	AllowHTTP bool   `json:"allowHttp,omitempty"`
}

// SignAnswer is what was signed. SetCookies are the values of Set-Cookie headers.
type SignAnswer struct {
	KeyPairID  string            `json:"keyPairId"`
	Expires    time.Time         `json:"expires"`
	URLs       []string          `json:"urls,omitempty"`
	Cookies    map[string]string `json:"cookies,omitempty"`
	SetCookies []string          `json:"setCookies,omitempty"`
}

// RotateRequest begins a rotation, or lets the retired key Remove leave now.
type RotateRequest struct {
	Remove string `json:"remove,omitempty"`
}

// signerRoutes are those of a profile, by method and what stands behind its name.
var signerRoutes = map[string]struct {
	operation string
	answer    func(d *Door, r *front.Request, name string) (any, error)
}{
	"GET ":        {"GetSigner", (*Door).getSigner},
	"POST ":       {"CreateSigner", (*Door).createSigner},
	"PUT ":        {"UpdateSigner", (*Door).updateSigner},
	"DELETE ":     {"DeleteSigner", (*Door).deleteSigner},
	"POST rotate": {"RotateSigner", (*Door).rotateSigner},
	"POST sign":   {"SignURL", (*Door).sign},
}

// signerRoute finds what answers a path below signerPrefix.
func signerRoute(method, below string) (route, bool) {
	if method == http.MethodGet && below == "" {
		return route{"ListSigners", (*Door).listSigners}, true
	}
	name, verb, _ := strings.Cut(below, "/")
	found, known := signerRoutes[method+" "+verb]
	return route{found.operation, func(d *Door, r *front.Request) (any, error) { return found.answer(d, r, name) }}, known
}

func (d *Door) getSigner(r *front.Request, name string) (any, error) {
	return showSigner(d.cfg.Signers.Get(r.Context(), r.Caller, name))
}

func (d *Door) createSigner(r *front.Request, name string) (any, error) {
	var in SignerProfile
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	return showSigner(d.cfg.Signers.Create(r.Context(), r.Caller, name, in.config()))
}

func (d *Door) updateSigner(r *front.Request, name string) (any, error) {
	var in SignerProfile
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	return showSigner(d.cfg.Signers.Update(r.Context(), r.Caller, name, in.config()))
}

func (d *Door) deleteSigner(r *front.Request, name string) (any, error) {
	release := r.URL.Query().Get("release")
	if release != "" && release != "true" && release != "false" {
		return nil, errRelease
	}
	return struct{}{}, d.cfg.Signers.Delete(r.Context(), r.Caller, name, release == "true")
}

func (d *Door) rotateSigner(r *front.Request, name string) (any, error) {
	var in RotateRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Remove != "" {
		return showSigner(d.cfg.Signers.Release(r.Context(), r.Caller, name, in.Remove))
	}
	return showSigner(d.cfg.Signers.Rotate(r.Context(), r.Caller, name))
}

func (d *Door) listSigners(r *front.Request) (any, error) {
	all, err := d.cfg.Signers.List(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	out := Signers{Signers: make([]Signer, len(all))}
	for i, p := range all {
		out.Signers[i] = describeSigner(p)
	}
	return out, nil
}

// seconds is n seconds, or a duration out of every bound if that is too long to tell.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(max(min(n, most), -most)) * time.Second
}

func (p *SignerProfile) config() signer.ProfileConfig {
	return signer.ProfileConfig{
		KeyGroup: p.KeyGroup, Algorithm: signer.Algorithm(p.Algorithm), Resources: p.Resources,
		LongestValidity: seconds(p.LongestValiditySeconds), AddressBits: p.AddressBits, Period: seconds(p.PeriodSeconds),
	}
}

func describeSigner(p *signer.Profile) Signer {
	c := &p.Config
	return Signer{
		Name: p.Name, ARN: p.ARN, Created: p.Created, Deleting: p.Rotation.Ending, RotationWanted: p.Rotation.Wanted,
		SignerProfile: SignerProfile{
			KeyGroup: p.Group, Algorithm: string(c.Algorithm), Resources: c.Resources,
			LongestValiditySeconds: int64(c.LongestValidity / time.Second), AddressBits: c.AddressBits, PeriodSeconds: int64(c.Period / time.Second),
		},
	}
}

func showSigner(st *signer.Status, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := describeSigner(st.Profile)
	out.Time, out.Problem = st.At, st.Problem
	for _, k := range st.Keys {
		out.Keys = append(out.Keys, SignerKey{
			KeyPairID: k.ID, KeyARN: k.Ref, Phase: string(k.Phase), Made: k.Made, SigningSince: k.Since, Retired: k.RetiredAt,
			SignedUntil: k.SignedUntil, FirstUse: k.FirstUse, LastUse: k.LastUse, WaitsFor: k.Waits,
		})
	}
	return out, nil
}

func (d *Door) sign(r *front.Request, name string) (any, error) {
	var in SignRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if (in.Cookies == nil) == (len(in.URLs) == 0) || in.Cookies != nil && in.Resource != "" || in.ValidForSeconds != 0 && !in.Expires.IsZero() {
		return nil, errBody
	}
	g := signer.Grant{Expires: in.Expires, ValidFor: seconds(in.ValidForSeconds), NotBefore: in.NotBefore}
	if in.SourceIP != "" {
		var err error
		if g.Source, err = parseSource(in.SourceIP); err != nil {
			return nil, errBody
		}
	}
	var (
		out signer.Signed
		err error
	)
	if c := in.Cookies; c != nil {
		r.Exchange.Operation = "SignCookies"
		out, err = d.cfg.Signers.SignCookies(r.Context(), r.Caller, name, c.Resource,
			&signedurl.CookieOptions{Domain: c.Domain, Path: c.Path, InsecureAllowHTTP: c.AllowHTTP}, g)
	} else {
		out, err = d.cfg.Signers.SignURLs(r.Context(), r.Caller, name, in.URLs, in.Resource, g)
	}
	if err != nil {
		return nil, err
	}
	return answerSigned(out), nil
}

func answerSigned(out signer.Signed) SignAnswer {
	answer := SignAnswer{KeyPairID: out.KeyPairID, Expires: out.Expires, URLs: out.URLs}
	for _, c := range out.Cookies {
		if answer.Cookies == nil {
			answer.Cookies = make(map[string]string, len(out.Cookies))
		}
		answer.Cookies[c.Name] = c.Value
		answer.SetCookies = append(answer.SetCookies, c.String())
	}
	return answer
}

// parseSource reads a range or an address.
func parseSource(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
