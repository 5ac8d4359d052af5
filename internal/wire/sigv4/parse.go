package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAuthorizationBytes = 8 << 10
	maxAccessKeyIDBytes   = 128
	maxSignedHeaders      = 256
)

// Parse reads the authentication of a request as a server received it. A
// request without any has FormNone, and no error.
//
// The errors are ErrTwoForms, ErrSigV2, ErrScheme and *MalformedError. Of what was
// read before an error, only the Scope is returned, if it was: it is not proven, and
// says whose form the answer is to have.
func Parse(r *http.Request) (Auth, error) {
	_, query := target(r)
	q, err := parseQueryFields(query)
	if err != nil {
		return Auth{}, err
	}
	headers := r.Header["Authorization"]
	switch {
	case len(headers) == 0 && !q.present():
		if q.version2 {
			return Auth{}, ErrSigV2
		}
		return Auth{}, nil
	case len(headers) == 0:
		return q.auth(r)
	case q.present():
		return Auth{}, ErrTwoForms
	case len(headers) > 1:
		return Auth{}, &MalformedError{FormHeader, "Authorization", Repeated}
	}
	return parseHeader(r, headers[0])
}

func parseHeader(r *http.Request, value string) (Auth, error) {
	a := Auth{Form: FormHeader}
	if len(value) > maxAuthorizationBytes {
		return Auth{}, a.malformed("Authorization", TooLarge)
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	asymmetric, err := checkAlgorithm(scheme)
	if err != nil {
		return Auth{}, err
	}
	var credential string
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		name, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		var field *string
		switch name {
		case "Credential":
			field = &credential
		case "SignedHeaders":
			field = &a.signedHeaders
		case "Signature":
			field = &a.signature
		}
		switch {
		case !ok || field == nil:
			return Auth{}, a.malformed("Authorization", Malformed)
		case v == "":
			return Auth{}, a.malformed(name, Missing)
		case *field != "":
			return Auth{}, a.malformed(name, Repeated)
		}
		*field = v
	}
	if err := a.setFields(credential, asymmetric); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	if err := a.setTime(r.Header); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	if asymmetric {
		set, err := a.single(r.Header["X-Amz-Region-Set"], "Region-Set")
		if err != nil {
			return Auth{Scope: a.Scope}, err
		}
		if err := a.setRegionSet(set); err != nil {
			return Auth{Scope: a.Scope}, err
		}
	}
	if a.SecurityToken, err = a.single(r.Header["X-Amz-Security-Token"], "Security-Token"); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	if a.contentSHA256, err = a.single(r.Header["X-Amz-Content-Sha256"], "Content-Sha256"); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	return a, nil
}

func checkAlgorithm(scheme string) (asymmetric bool, err error) {
	switch scheme {
	case Algorithm:
		return false, nil
	case AlgorithmECDSA:
		return true, nil
	case "AWS":
		return false, ErrSigV2
	default:
		return false, ErrScheme
	}
}

// single is the one value of a header whose repetition would make two readers
// of the request disagree.
func (a *Auth) single(values []string, field string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.TrimSpace(values[0]), nil
	default:
		return "", a.malformed(field, Repeated)
	}
}

func (a *Auth) malformed(field string, p Problem) error {
	return &MalformedError{a.Form, field, p}
}

// setFields checks what both forms have in common and fills the scope.
func (a *Auth) setFields(credential string, asymmetric bool) error {
	switch {
	case credential == "":
		return a.malformed("Credential", Missing)
	case a.signedHeaders == "":
		return a.malformed("SignedHeaders", Missing)
	case a.signature == "":
		return a.malformed("Signature", Missing)
	}
	s, ok := parseCredential(credential, asymmetric)
	if !ok {
		return a.malformed("Credential", Malformed)
	}
	a.Scope = s
	if !validSignedHeaders(a.signedHeaders) {
		return a.malformed("SignedHeaders", Malformed)
	}
	return nil
}

// parseCredential splits AKID/YYYYMMDD/region/service/aws4_request, which has no
// region in Signature Version 4A.
func parseCredential(c string, asymmetric bool) (Scope, bool) {
	rest, ok := strings.CutSuffix(c, "/"+terminator)
	if !ok {
		return Scope{}, false
	}
	var part [3]string
	for i := 2; i >= 0; i-- {
		if i == 1 && asymmetric {
			continue
		}
		at := strings.LastIndexByte(rest, '/')
		if at < 0 {
			return Scope{}, false
		}
		rest, part[i] = rest[:at], rest[at+1:]
	}
	s := Scope{AccessKeyID: rest, Date: part[0], Region: part[1], Service: part[2]}
	if s.AccessKeyID == "" || len(s.AccessKeyID) > maxAccessKeyIDBytes || !isWord(s.AccessKeyID) ||
		len(s.Date) != len(dateLayout) || !isDigits(s.Date) ||
		(s.Region == "") != asymmetric || len(s.Region) > 64 || !isWord(s.Region) ||
		s.Service == "" || len(s.Service) > 64 || !isWord(s.Service) {
		return Scope{}, false
	}
	return s, true
}

// isWord keeps what goes into logs and keys free of controls and separators.
func isWord(s string) bool {
	for i := range len(s) {
		if !unreserved[s[i]] {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// headerName are the bytes of a header name in lower case, a token of RFC 9110.
var headerName = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// validSignedHeaders wants lower-case header names in strictly ascending order:
// then each name stands once, and the order is the canonical one.
func validSignedHeaders(s string) bool {
	prev := ""
	for n, rest := 0, s; ; n++ {
		name, tail, more := strings.Cut(rest, ";")
		if name <= prev || n == maxSignedHeaders {
			return false
		}
		for i := range len(name) {
			if !headerName[name[i]] {
				return false
			}
		}
		if !more {
			return true
		}
		prev, rest = name, tail
	}
}

// setTime reads X-Amz-Date, or Date where that is absent.
func (a *Auth) setTime(h http.Header) error {
	v, err := a.single(h["X-Amz-Date"], "Date")
	if err != nil {
		return err
	}
	if v != "" {
		return a.setAmzDate(v)
	}
	if v, err = a.single(h["Date"], "Date"); err != nil {
		return err
	}
	if v == "" {
		return a.malformed("Date", Missing)
	}
	t, err := http.ParseTime(v)
	if err != nil {
		t, err = time.Parse(time.RFC1123Z, v) // as Python's email.utils writes it
	}
	if err == nil {
		a.Time = t.UTC()
		return nil
	}
	return a.setAmzDate(v)
}

func (a *Auth) setAmzDate(v string) error {
	// time.Parse would also take a fraction of a second, which no layout can refuse.
	t, err := time.Parse(timeLayout, v)
	if err != nil || len(v) != len(timeLayout) {
		return a.malformed("Date", Malformed)
	}
	a.Time = t
	return nil
}

// queryFields are the authentication parameters of a query, decoded.
type queryFields struct {
	algorithm, credential, date, expires, signedHeaders, signature, token, regionSet, contentSHA256 *string

	version2 bool // has the AWSAccessKeyId and Signature of Signature Version 2
}

func (q *queryFields) present() bool {
	return q.algorithm != nil || q.credential != nil || q.signature != nil
}

func parseQueryFields(query string) (queryFields, error) {
	var q queryFields
	var accessKeyID, signature bool
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, _ := strings.Cut(pair, "=")
		if strings.IndexByte(name, '%') >= 0 {
			decoded, err := url.QueryUnescape(name)
			if err != nil {
				continue // canonicalising refuses it where it matters
			}
			name = decoded
		}
		var field **string
		switch name {
		case "X-Amz-Algorithm":
			field = &q.algorithm
		case "X-Amz-Credential":
			field = &q.credential
		case "X-Amz-Date":
			field = &q.date
		case "X-Amz-Expires":
			field = &q.expires
		case "X-Amz-SignedHeaders":
			field = &q.signedHeaders
		case "X-Amz-Signature":
			field = &q.signature
		case "X-Amz-Security-Token":
			field = &q.token
		case "X-Amz-Region-Set":
			field = &q.regionSet
		case "X-Amz-Content-Sha256", "x-amz-content-sha256":
			field = &q.contentSHA256
		case "AWSAccessKeyId":
			accessKeyID = true
			continue
		case "Signature":
			signature = true
			continue
		default:
			continue
		}
		short := strings.TrimPrefix(name, "X-Amz-")
		if *field != nil {
			return q, &MalformedError{FormQuery, short, Repeated}
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			return q, &MalformedError{FormQuery, short, Malformed}
		}
		*field = &decoded
	}
	q.version2 = accessKeyID && signature
	return q, nil
}

func (q *queryFields) auth(r *http.Request) (Auth, error) {
	a := Auth{Form: FormQuery}
	if q.algorithm == nil {
		return Auth{}, a.malformed("Algorithm", Missing)
	}
	asymmetric, err := checkAlgorithm(*q.algorithm)
	if err != nil {
		return Auth{}, err
	}
	a.signedHeaders, a.signature = deref(q.signedHeaders), deref(q.signature)
	if err := a.setFields(deref(q.credential), asymmetric); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	if asymmetric {
		if err := a.setRegionSet(deref(q.regionSet)); err != nil {
			return Auth{Scope: a.Scope}, err
		}
	}
	if deref(q.date) == "" {
		return Auth{Scope: a.Scope}, a.malformed("Date", Missing)
	}
	if err := a.setAmzDate(*q.date); err != nil {
		return Auth{Scope: a.Scope}, err
	}
	if q.expires != nil {
		if err := a.setExpires(*q.expires); err != nil {
			return Auth{Scope: a.Scope}, err
		}
	}
	a.SecurityToken = deref(q.token)
	sum, err := a.single(r.Header["X-Amz-Content-Sha256"], "Content-Sha256")
	if err != nil {
		return Auth{Scope: a.Scope}, err
	}
	// Nobody signed a header that is not among the signed ones: S3 ignores it.
	if a.contentSHA256 = deref(q.contentSHA256); a.contentSHA256 == "" && a.signsFold(contentHeader) {
		a.contentSHA256 = sum
	}
	return a, nil
}

func (a *Auth) setExpires(v string) error {
	seconds, err := strconv.ParseInt(v, 10, 64)
	switch {
	case err != nil:
		return a.malformed("Expires", Malformed)
	case seconds < 1:
		return a.malformed("Expires", TooSmall)
	case seconds > int64(MaxExpires/time.Second):
		return a.malformed("Expires", TooLarge)
	}
	a.Expires = time.Duration(seconds) * time.Second
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
