package signedurl

import (
	"strconv"
	"time"
)

// Carrier is where a request keeps its signature.
type Carrier string

// The carriers. A URL with any reserved parameter is taken for a signed URL, and
// the cookies are then not looked at.
const (
	CarrierNone   Carrier = ""
	CarrierURL    Carrier = "url"
	CarrierCookie Carrier = "cookie"
)

// Options changes how requests are judged. Nil is like the zero Options, which
// is what CloudFront does.
type Options struct {
	// RefuseSHA1 denies signatures over SHA-1, which is the protocol's default
	// and what most signers in the field still use.
	RefuseSHA1 bool

	// Skew is how far the signer's clock may be off: validity begins that much
	// earlier and ends that much later.
	Skew time.Duration
}

// Result is the judgement on one request. For the viewer there are Code and
// Body; all else is for the owner of the content.
type Result struct {
	// Code is "" for an allowed request.
	Code Code

	// Reason says why a request was rejected.
	Reason Reason

	// Carrier, KeyID and Hash are what the request claims. KeyID is
	// text from outside until Code is neither MissingKey nor InvalidKey.
	Carrier Carrier
	KeyID   KeyID
	Hash    Hash

	// Policy holds the conditions, nil when judging did not come so far. It may
	// be shared with other results and must not be changed. Unless Verified, it
	// is unproved. For a canned policy its Resource is the URL, not a pattern.
	Policy *Policy

	// Custom says that the policy came with the request, in Policy or
	// CloudFront-Policy, and was not rebuilt from the URL.
	Custom bool

	// Verified says that key, signature, policy and hash belong together.
	Verified bool

	// Remembered says that a Verifier did not have to repeat the public-key operation.
	Remembered bool

	target  target
	encoded string // Policy or Expires as sent
}

// Allowed reports whether the viewer may have what it asked for.
func (r *Result) Allowed() bool { return r.Code == "" }

// Resource returns the canonical resource, the string that policies are about:
// scheme, host, raw path, and the query without reserved parameters. Where the
// host may be spelled with or without its port, it is the spelling that
// verified, else the first.
func (r *Result) Resource() string { return r.target.String() }

// SignedPolicy returns the policy text that the signature had to cover: as sent
// when Custom, else as rebuilt from the URL. It is nil when there is none.
func (r *Result) SignedPolicy() []byte {
	switch {
	case r.Custom:
		text, bad := decodeCoded(r.encoded)
		if bad != nil {
			return nil
		}
		return text
	case r.encoded == "":
		return nil
	}
	return appendCanned(nil, &r.target, r.encoded)
}

// Body returns the body of the 403 answer, of type text/xml, byte for byte as
// CloudFront sends it, and nil for an allowed request.
func (r *Result) Body() []byte {
	if r.Allowed() {
		return nil
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + string(r.Code) +
		`</Code><Message>` + r.Code.Message() + `</Message></Error>`)
}

// Verify judges a request to a behaviour that trusts keys, at the moment at; nil
// keys trust nobody. It is pure: equal arguments give equal results.
//
// It looks for the causes of rejection in this order: no signature, no key id,
// unknown key, undecodable signature, malformed policy, unknown or refused hash,
// wrong signature, other resource, expired, not yet valid, wrong address. So a
// policy that cannot be read is MalformedPolicy even if it is signed wrongly.
//
// A URL that carries any reserved parameter is judged by its parameters alone,
// any other by its cookies. Of a repeated name, the first counts; of Policy and
// Expires, Policy. Under a canned policy, wildcards mean nothing.
func Verify(r *Request, keys Keys, at time.Time, opts *Options) Result {
	return check(nil, r, keys, at, opts)
}

// fieldNames gives each reserved parameter the name it has in its carrier.
var fieldNames = func() (names [2][numParams]string) {
	for i, name := range paramNames {
		names[0][i] = name
		names[1][i] = cookiePrefix + name
	}
	return names
}()

func (r *Result) field(p param) string {
	if r.Carrier == CarrierCookie {
		return fieldNames[1][p]
	}
	return fieldNames[0][p]
}

func (r *Result) deny(code Code, why Reason) {
	r.Code, r.Reason = code, why
}

// grant is what a verified signature gives: the conditions under which it is good.
type grant struct {
	policy  Policy
	pattern *pattern // nil under a canned policy: the signature binds the URL itself
}

func check(seen *memory, r *Request, keys Keys, at time.Time, opts *Options) (res Result) {
	if opts == nil {
		opts = &Options{}
	}
	var (
		f    fields
		rest string
		kept bool
	)
	if r.RawQuery != "" || r.ForceQuery {
		f, rest, kept = splitQuery(r.RawQuery)
	}
	urls := r.candidates(rest, kept)
	res.target = urls.list[0]
	res.Carrier = CarrierURL
	if f.present == 0 {
		f, res.Carrier = scanCookies(r.Cookies), CarrierCookie
	}
	if f.present == 0 {
		res.Carrier = CarrierNone
		res.deny(MissingKey, Reason{Cause: CauseUnsigned})
		return res
	}
	key := res.findKey(&f, keys)
	if key == nil {
		return res
	}

	res.Hash = SHA1
	if f.has(paramHash) {
		res.Hash = Hash(f.value[paramHash])
	}
	res.Custom = f.has(paramPolicy)
	res.encoded = f.value[paramExpires]
	if res.Custom {
		res.encoded = f.value[paramPolicy]
	}

	g := res.recall(seen, key, &f, &urls)
	if g == nil {
		if g = res.establish(key, &f, &urls, opts); g == nil {
			return res
		}
		if seen != nil {
			if m, ok := markOf(key, &res, &f, &res.target); ok {
				seen.put(m, g)
			}
		}
	}
	res.Policy, res.Verified = &g.policy, true
	if opts.RefuseSHA1 && res.Hash == SHA1 {
		res.deny(AccessDenied, Reason{Cause: CauseRefusedHash, Field: res.field(paramHash)})
		return res
	}
	res.judge(g, &urls, r, at, opts)
	return res
}

// findKey looks up the key that the request names, or denies.
func (r *Result) findKey(f *fields, keys Keys) *PublicKey {
	id := KeyID(f.value[paramKeyPairID])
	r.KeyID = id
	if id == "" {
		r.deny(MissingKey, Reason{Cause: CauseNoKeyID, Field: r.field(paramKeyPairID), Detail: "absent or empty"})
		return nil
	}
	if key := trusted(keys, id); key != nil {
		return key
	}
	if !isKeyID(id) {
		// CloudFront says MissingKey to a PEM text in this place.
		r.deny(MissingKey, Reason{
			Cause: CauseNoKeyID, Field: r.field(paramKeyPairID),
			Detail: "a key id has letters and digits only; the key itself does not belong here",
		})
		return nil
	}
	r.deny(InvalidKey, Reason{
		Cause: CauseUnknownKey, Field: r.field(paramKeyPairID),
		Detail: "no key of that id is in a key group that this behaviour trusts",
	})
	return nil
}

// trusted is a key by its id, or nil.
func trusted(keys Keys, id KeyID) *PublicKey {
	if keys == nil {
		return nil
	}
	return keys.PublicKey(id)
}

// recall looks the request up among those verified before. On success it also
// settles which URL was signed.
func (r *Result) recall(seen *memory, key *PublicKey, f *fields, urls *candidates) *grant {
	if seen == nil || r.Hash != SHA1 && r.Hash != SHA256 {
		return nil
	}
	for i := range urls.n {
		m, ok := markOf(key, r, f, &urls.list[i])
		if !ok {
			return nil
		}
		if g := seen.get(m); g != nil {
			r.target, r.Remembered = urls.list[i], true
			return g
		}
		if r.Custom {
			return nil // its mark does not depend on the URL
		}
	}
	return nil
}

// establish decodes, parses and verifies, or denies.
func (r *Result) establish(key *PublicKey, f *fields, urls *candidates, opts *Options) *grant {
	coded := f.value[paramSignature]
	if coded == "" {
		r.deny(MalformedSignature, Reason{Cause: CauseNoSignature, Field: r.field(paramSignature), Detail: "absent or empty"})
		return nil
	}
	sig, bad := decodeCoded(coded)
	if bad != nil {
		r.deny(MalformedSignature, Reason{
			Cause: CauseBadSignature, Field: r.field(paramSignature),
			Offset: bad.offset, Detail: bad.text, Hint: bad.hint,
		})
		return nil
	}
	if r.Custom {
		return r.establishCustom(key, sig, opts)
	}
	return r.establishCanned(key, sig, f, urls, opts)
}

func (r *Result) establishCustom(key *PublicKey, sig []byte, opts *Options) *grant {
	text, bad := decodeCoded(r.encoded)
	if bad != nil {
		r.deny(MalformedPolicy, Reason{
			Cause: CausePolicyCoding, Field: r.field(paramPolicy),
			Offset: bad.offset, Detail: bad.text, Hint: bad.hint,
		})
		return nil
	}
	g := &grant{}
	if err := g.policy.parse(text); err != nil {
		r.deny(MalformedPolicy, Reason{
			Cause: CauseBadPolicy, Field: r.field(paramPolicy),
			Offset: err.Offset, Detail: err.Problem, Hint: err.Hint,
		})
		return nil
	}
	r.Policy = &g.policy
	if !r.hashUsable(opts) {
		return nil
	}
	if !key.verify(r.Hash, text, sig) {
		r.deny(AccessDenied, Reason{Cause: CauseWrongSignature, Field: r.field(paramSignature)})
		return nil
	}
	g.pattern = compile(g.policy.Resource)
	return g
}

func (r *Result) establishCanned(key *PublicKey, sig []byte, f *fields, urls *candidates, opts *Options) *grant {
	if !f.has(paramExpires) {
		r.deny(MalformedPolicy, Reason{
			Cause: CauseNoPolicy, Field: r.field(paramPolicy), Detail: "neither this nor " + r.field(paramExpires) + " is there",
		})
		return nil
	}
	expires, ok := parseExpires(r.encoded)
	if !ok {
		why := Reason{
			Cause: CauseBadExpires, Field: r.field(paramExpires),
			Detail: "want a whole number of seconds from 0 to 2147483647",
		}
		if looksMilliseconds(r.encoded) {
			why.Hint, why.Detail = HintMilliseconds, "looks like milliseconds; CloudFront counts seconds"
		}
		r.deny(MalformedPolicy, why)
		return nil
	}
	r.Policy = &Policy{Resource: r.target.String(), Expires: expires}
	if !r.target.plain() {
		r.deny(AccessDenied, Reason{Cause: CauseUnsignableURL})
		return nil
	}
	if !r.hashUsable(opts) {
		return nil
	}
	var buf [1024]byte
	for i := range urls.n {
		t := &urls.list[i]
		if key.verify(r.Hash, appendCanned(buf[:0], t, r.encoded), sig) {
			r.target = *t
			return &grant{policy: Policy{Resource: t.String(), Expires: expires}}
		}
	}
	r.deny(AccessDenied, Reason{Cause: CauseWrongSignature, Field: r.field(paramSignature)})
	return nil
}

// hashUsable denies a hash that is unknown or switched off, before it is computed.
func (r *Result) hashUsable(opts *Options) bool {
	switch {
	case r.Hash != SHA1 && r.Hash != SHA256:
		r.deny(AccessDenied, Reason{Cause: CauseUnknownHash, Field: r.field(paramHash), Detail: "want SHA1 or SHA256"})
	case r.Hash == SHA1 && opts.RefuseSHA1:
		r.deny(AccessDenied, Reason{Cause: CauseRefusedHash, Field: r.field(paramHash)})
	default:
		return true
	}
	return false
}

func parseExpires(digits string) (time.Time, bool) {
	if len(digits) > len("2147483647") {
		return time.Time{}, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return time.Time{}, false
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > MaxTime {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0).UTC(), true
}

// judge decides over the conditions of a verified policy.
func (r *Result) judge(g *grant, urls *candidates, req *Request, at time.Time, opts *Options) {
	p := &g.policy
	if g.pattern != nil {
		if g.pattern.broken {
			r.deny(AccessDenied, Reason{Cause: CauseBadResource, Field: r.field(paramPolicy)})
			return
		}
		var miss Section
		for i := range urls.n {
			section := g.pattern.match(&urls.list[i])
			if section == "" {
				r.target, miss = urls.list[i], ""
				break
			}
			if i == 0 {
				miss = section
			}
		}
		if miss != "" {
			r.deny(AccessDenied, Reason{Cause: CauseResource, Field: r.field(paramPolicy), Section: miss})
			return
		}
	}
	if !at.Before(p.Expires.Add(opts.Skew)) {
		r.deny(AccessDenied, Reason{Cause: CauseExpired, By: at.Sub(p.Expires)})
		return
	}
	if !p.NotBefore.IsZero() && !at.After(p.NotBefore.Add(-opts.Skew)) {
		r.deny(AccessDenied, Reason{Cause: CauseNotYetValid, By: p.NotBefore.Sub(at)})
		return
	}
	if p.Source.IsValid() {
		switch peer := req.Peer.Unmap(); {
		case !peer.Is4():
			r.deny(AccessDenied, Reason{Cause: CauseAddressNotIPv4})
		case !p.Source.Contains(peer):
			r.deny(AccessDenied, Reason{Cause: CauseAddress})
		}
	}
}
