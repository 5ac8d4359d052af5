package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Verify checks that the request was signed with key, for the service that p
// describes, at a time that now accepts.
//
// a must come from Parse of the same request, and key must be derived for
// a.Scope. body is the whole body for the General style and is not looked at
// for S3, whose body is judged by the Payload that Verify returns.
//
// The errors are *ScopeError, *SkewError, *ExpiredError, *UnsignedHeadersError,
// *MismatchError, *PayloadMismatchError, *MalformedError, ErrNoPayloadHash,
// ErrPayloadHash and ErrSigV4a. Scope and clock are judged before the signature,
// as the services do.
func (a *Auth) Verify(r *http.Request, body []byte, key SigningKey, now time.Time, p Profile) (Payload, error) {
	var sum [sha256.Size]byte
	if p.Style != S3 {
		sum = sha256.Sum256(body)
	}
	return a.VerifySum(r, sum, key, now, p)
}

// VerifySum is Verify for a body whose SHA-256 is known.
func (a *Auth) VerifySum(r *http.Request, sum [sha256.Size]byte, key SigningKey, now time.Time, p Profile) (Payload, error) {
	if a.Form == FormNone {
		return Payload{}, a.malformed("Authorization", Missing)
	}
	if a.Scope.Asymmetric() && !p.Asymmetric {
		return Payload{}, ErrSigV4a
	}
	if err := a.checkScope(p); err != nil {
		return Payload{}, err
	}
	if err := a.checkTime(now, p.Style); err != nil {
		return Payload{}, err
	}
	if err := a.checkSignedHeaders(r.Header, p.Style); err != nil {
		return Payload{}, err
	}
	mode := Exact
	var hash string
	var hexSum [2 * sha256.Size]byte
	if p.Style == S3 {
		var err error
		if mode, hash, err = a.payloadS3(&sum); err != nil {
			return Payload{}, err
		}
	} else {
		hex.Encode(hexSum[:], sum[:])
		if a.contentSHA256 != "" {
			// The value as signed: a wrong one is told apart from a wrong signature below.
			hash = a.contentSHA256
		}
	}

	s := buffers.Get().(*scratch)
	defer s.release()
	if err := a.appendCanonical(s, r, p.Style, hash); err != nil {
		return Payload{}, err
	}
	if p.Style != S3 && hash == "" {
		s.canonical = append(s.canonical, hexSum[:]...)
	}
	s.encoded = a.appendStringToSign(s.encoded[:0], s.canonical)
	if !key.verify(s.encoded, a.signature) {
		return Payload{}, &MismatchError{
			AccessKeyID:      a.Scope.AccessKeyID,
			StringToSign:     string(s.encoded),
			CanonicalRequest: string(s.canonical),
			Provided:         a.signature,
		}
	}
	if p.Style != S3 && hash != "" && hash != string(hexSum[:]) {
		return Payload{}, &PayloadMismatchError{Claimed: hash, Computed: string(hexSum[:])}
	}
	return Payload{mode: mode, sum: sum, key: key, auth: a}, nil
}

func (a *Auth) checkScope(p Profile) error {
	if p.Service != "" && a.Scope.Service != p.Service {
		return &ScopeError{a.Form, "service", a.Scope.Service, p.Service}
	}
	if a.Scope.Asymmetric() {
		if p.Region != "" && !a.inRegionSet(p.Region) {
			return &ScopeError{a.Form, "region", a.RegionSet, p.Region}
		}
	} else if p.Region != "" && a.Scope.Region != p.Region {
		return &ScopeError{a.Form, "region", a.Scope.Region, p.Region}
	}
	var day [len(dateLayout)]byte
	if d := a.Time.AppendFormat(day[:0], dateLayout); a.Scope.Date != string(d) {
		return &ScopeError{a.Form, "date", a.Scope.Date, string(d)}
	}
	return nil
}

func (a *Auth) checkTime(now time.Time, style Style) error {
	if a.Time.After(now.Add(MaxSkew)) {
		return &SkewError{a.Form, a.Time, now, MaxSkew}
	}
	if a.Form == FormQuery && (a.Expires != 0 || style == S3) {
		if a.Expires == 0 {
			return a.malformed("Expires", Missing)
		}
		if now.After(a.Time.Add(a.Expires)) {
			return &ExpiredError{a.Time, a.Expires, now}
		}
		return nil
	}
	if a.Time.Before(now.Add(-MaxSkew)) {
		return &SkewError{a.Form, a.Time, now, MaxSkew}
	}
	return nil
}

// checkSignedHeaders makes sure that nothing that a service reads from an
// x-amz-* header could have been added on the way. S3 tolerates contentHeader, which
// it does not read then, with a presigned URL.
func (a *Auth) checkSignedHeaders(h http.Header, style Style) error {
	var unsigned []string
	if !a.Signs("host") {
		unsigned = append(unsigned, "host")
	}
	for name := range h {
		if len(name) > 6 && strings.EqualFold(name[:6], "X-Amz-") && !a.signsFold(name) &&
			!(a.Form == FormQuery && style == S3 && strings.EqualFold(name, contentHeader)) {
			unsigned = append(unsigned, strings.ToLower(name))
		}
	}
	if unsigned == nil {
		return nil
	}
	slices.Sort(unsigned)
	return &UnsignedHeadersError{unsigned}
}

// contentHeader says what the body hashes to, or that nobody says.
const contentHeader = "x-amz-content-sha256"

func (a *Auth) signsFold(name string) bool {
	for rest := a.signedHeaders; rest != ""; {
		var n string
		n, rest, _ = strings.Cut(rest, ";")
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
