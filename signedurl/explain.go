package signedurl

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"math/big"
	"strings"
	"time"
)

// Explanation is what the owner of a distribution may know of one judgement. No
// part of it is for the viewer.
type Explanation struct {
	Result

	// Expected is the text that the signature has to cover, and Signed the one
	// that it does cover. Signed equals Expected if the signature is good, is
	// another text if a usual mistake yields one that fits, else nil. Where a
	// policy is good, but for other URLs, the two are its Resource and the URL.
	// Both are nil when judging did not come so far.
	Expected, Signed []byte

	// ExpectedAt and SignedAt are the offsets of the first difference, where both
	// texts are there and differ.
	ExpectedAt, SignedAt int

	// Opened says that the signature, although not over Expected, was made
	// with the private half of the key. Only RSA signatures can tell.
	Opened bool

	// Mistakes are the usual mistakes that explain the rejection, the surest first.
	Mistakes []Mistake
}

// Mistake is one usual mistake, by name and in words. The words may quote the
// URL, the policy and the names of hosts, but never a signature.
type Mistake struct {
	Name Hint
	Text string
}

// Explain judges as [Verify] does, and on a rejection looks for the mistake
// behind it: it tries what signers usually get wrong, until one attempt fits
// the signature. otherHosts are further names that the signer may have had in
// mind, such as the aliases of the distribution and the names of others.
//
// It takes up to some thousand public-key operations: it is for owners, not for
// viewers' requests.
func Explain(r *Request, keys Keys, at time.Time, opts *Options, otherHosts []string) Explanation {
	e := Explanation{Result: Verify(r, keys, at, opts)}
	e.Expected = e.SignedPolicy()
	if e.Verified {
		e.Signed = e.Expected
	}
	if e.Allowed() {
		return e
	}
	if h := e.Reason.Hint; h != "" {
		e.mistake(h, hintTexts[h])
	}
	e.explainCarrier(r, keys, at, opts)
	s := search{
		e: &e, r: r, key: trusted(keys, e.KeyID), otherHosts: otherHosts[:min(len(otherHosts), maxOtherHosts)],
	}
	switch e.Reason.Cause {
	case CauseWrongSignature:
		s.signature(keys)
	case CauseResource:
		s.resource()
	}
	return e
}

// maxOtherHosts bounds the names that Explain tries.
const maxOtherHosts = 64

func (e *Explanation) mistake(name Hint, text string) {
	e.Mistakes = append(e.Mistakes, Mistake{name, text})
}

var hintTexts = map[Hint]string{
	HintBase64URL:    "the value is base64url (RFC 4648); CloudFront's alphabet has '-' for '+', '_' for '=' and '~' for '/'",
	HintEncodedTwice: "the value was percent-encoded twice",
	HintMilliseconds: "the time counts milliseconds; CloudFront counts seconds",
	HintQuotedTime:   "the time is a string; CloudFront wants a number without quotes",
}

// explainCarrier looks for parameters and cookies that hide, repeat or miss each other.
func (e *Explanation) explainCarrier(r *Request, keys Keys, at time.Time, opts *Options) {
	var missing []string
	switch e.Reason.Cause {
	case CauseNoKeyID, CauseNoSignature, CauseNoPolicy:
		missing = append(missing, e.Reason.Field)
	}
	cookies := scanCookies(r.Cookies)
	switch e.Carrier {
	case CarrierURL:
		if missing == nil {
			return
		}
		query, rest, _ := splitQuery(r.RawQuery)
		if cookies.present == 0 {
			e.mistake(HintCutShort, "of a signature the URL has only "+query.names(CarrierURL)+
				": a shell cuts a URL without quotes at its first '&', and mail programs break long ones")
			return
		}
		unsigned := *r
		unsigned.RawQuery, unsigned.ForceQuery = rest, false
		if res := Verify(&unsigned, keys, at, opts); res.Allowed() {
			e.mistake(HintStrayParameter, "the query has "+query.names(CarrierURL)+
				", which makes it a signed URL, so that the cookies, which are good, are not looked at")
		}
	case CarrierCookie:
		if len(missing) > 0 {
			e.mistake(HintCookieScope, "of the signing cookies only "+cookies.names(CarrierCookie)+
				" arrived: a browser sends each by its own Path and Domain, which should be the same for all")
		}
		if last, repeated := lastCookies(r.Cookies); repeated {
			other := *r
			other.Cookies = []string{last}
			if res := Verify(&other, keys, at, opts); res.Allowed() {
				e.mistake(HintCookieScope, "signing cookies arrived twice, from several Paths or Domains; the first counts, and the last would have been good")
			}
		}
	}
}

// names lists the reserved names that occurred, by their names in a carrier.
func (f *fields) names(c Carrier) string {
	var out []string
	res := Result{Carrier: c}
	for p := range numParams {
		if f.has(p) {
			out = append(out, res.field(p))
		}
	}
	return strings.Join(out, ", ")
}

// lastCookies makes a Cookie header of the last signing cookie of each name.
func lastCookies(headers []string) (header string, repeated bool) {
	var last fields
	for _, rest := range headers {
		for rest != "" {
			var name, value string
			_, name, value, rest = nextCookie(rest)
			if p := cookieParam(name); p != numParams {
				repeated = repeated || last.has(p)
				last.present |= 1 << p
				last.value[p] = value
			}
		}
	}
	var pairs []string
	for p := range numParams {
		if last.has(p) {
			pairs = append(pairs, cookiePrefix+paramNames[p]+"="+last.value[p])
		}
	}
	return strings.Join(pairs, "; "), repeated
}

// covered returns a function that reports whether a signature covers a text, and
// under which hash. opened says that the key made the signature at all, which
// only RSA can tell. Nothing is let in by this.
func covered(k *PublicKey, sig []byte) (covers func(text []byte) (Hash, bool), opened bool) {
	if k.rsa == nil {
		return func(text []byte) (Hash, bool) {
			for _, h := range []Hash{SHA1, SHA256} {
				if k.verify(h, text, sig) {
					return h, true
				}
			}
			return "", false
		}, false
	}
	info := openRSA(k, sig)
	return func(text []byte) (Hash, bool) {
		short, long := sha1.Sum(text), sha256.Sum256(text)
		switch info {
		case "":
			return "", false
		case sha1Info + string(short[:]):
			return SHA1, true
		case sha256Info + string(long[:]):
			return SHA256, true
		}
		return "", false
	}, info != ""
}

// What stands before the digest in the DigestInfo of RFC 8017, section 9.2, note 1.
const (
	sha1Info   = "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
	sha256Info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
)

// openRSA returns the DigestInfo in a PKCS #1 v1.5 signature, or "" if k's
// private half did not make it.
func openRSA(k *PublicKey, sig []byte) string {
	s := new(big.Int).SetBytes(sig)
	if len(sig) != k.rsa.Size() || s.Cmp(k.rsa.N) >= 0 {
		return ""
	}
	block := s.Exp(s, big.NewInt(int64(k.rsa.E)), k.rsa.N).FillBytes(make([]byte, len(sig)))
	padding, info, found := bytes.Cut(block[2:], []byte{0})
	if !found || block[0] != 0 || block[1] != 1 || bytes.Count(padding, []byte{0xff}) != len(padding) {
		return ""
	}
	return string(info)
}
