package sigv4

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signer signs outgoing requests with one key.
type Signer struct {
	Key           SigningKey
	Scope         Scope  // the scope Key was derived for; its date must be the day of signing
	SecurityToken string // session token; "" for long-term keys
	Style         Style
}

// Sign signs a request in its Authorization header: host, content-type and every
// x-amz-* header are covered. It sets X-Amz-Date and, where they apply,
// X-Amz-Content-Sha256 and X-Amz-Security-Token.
//
// payloadHash is the body's SHA-256 in lower-case hexadecimal, or for S3 also
// [UnsignedPayload] or a streaming value. at must be on the day of the scope.
func (s *Signer) Sign(r *http.Request, payloadHash string, at time.Time) error {
	a, err := s.auth(FormHeader, at)
	if err != nil {
		return err
	}
	r.Header.Del("Authorization")
	r.Header.Set("X-Amz-Date", a.Time.Format(timeLayout))
	if s.Style == S3 {
		r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	}
	if s.SecurityToken != "" {
		r.Header.Set("X-Amz-Security-Token", s.SecurityToken)
	}
	names := []string{"host"}
	for name := range r.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-") {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	a.signedHeaders = strings.Join(names, ";")
	signature, err := a.sign(r, s.Key, s.Style, payloadHash)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", Algorithm+" Credential="+a.Scope.AccessKeyID+"/"+a.Scope.String()+
		", SignedHeaders="+a.signedHeaders+", Signature="+signature)
	return nil
}

// Presign signs a request in its query, for expires from at on, and sets the
// query of r.URL. It covers host and the x-amz-* headers that r has, which the
// sender of the URL must then send as well. payloadHash is UnsignedPayload for
// S3, or the body's hash; see Sign.
func (s *Signer) Presign(r *http.Request, payloadHash string, at time.Time, expires time.Duration) error {
	a, err := s.auth(FormQuery, at)
	if err != nil {
		return err
	}
	names := []string{"host"}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	a.signedHeaders = strings.Join(names, ";")

	q := r.URL.Query()
	q.Set("X-Amz-Algorithm", Algorithm)
	q.Set("X-Amz-Credential", a.Scope.AccessKeyID+"/"+a.Scope.String())
	q.Set("X-Amz-Date", a.Time.Format(timeLayout))
	if err := a.setExpires(strconv.FormatInt(int64(expires/time.Second), 10)); err != nil {
		return err
	}
	q.Set("X-Amz-Expires", strconv.FormatInt(int64(expires/time.Second), 10))
	q.Set("X-Amz-SignedHeaders", a.signedHeaders)
	q.Del("X-Amz-Signature")
	if s.SecurityToken != "" {
		q.Set("X-Amz-Security-Token", s.SecurityToken)
	}
	r.URL.RawQuery = q.Encode()
	signature, err := a.sign(r, s.Key, s.Style, payloadHash)
	if err != nil {
		return err
	}
	r.URL.RawQuery += "&X-Amz-Signature=" + url.QueryEscape(signature)
	return nil
}

func (s *Signer) auth(form Form, at time.Time) (Auth, error) {
	a := Auth{Form: form, Scope: s.Scope, Time: at.UTC().Truncate(time.Second)}
	return a, a.checkScope(Profile{})
}

func (a *Auth) sign(r *http.Request, key SigningKey, style Style, payloadHash string) (string, error) {
	s := buffers.Get().(*scratch)
	defer s.release()
	if err := a.appendCanonical(s, r, style, payloadHash); err != nil {
		return "", err
	}
	s.encoded = a.appendStringToSign(s.encoded[:0], s.canonical)
	var signature [2 * sha256.Size]byte
	key.sign(&signature, s.encoded)
	return string(signature[:]), nil
}
