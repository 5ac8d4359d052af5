// Package sigv4 verifies and makes AWS Signature Version 4 signatures on HTTP
// requests: in the Authorization header and in the query (presigned URLs). It
// verifies those of Signature Version 4A, which are asymmetric, as well.
//
// A server calls [Parse] to learn who claims to call, finds that access key's
// signing key (see [SigningKeys]), and calls [Auth.Verify], which checks scope,
// clock, signed headers, signature and, for services that buffer the body, the
// body. S3 bodies are checked while they stream: Verify returns a [Payload] that
// says how.
//
// The canonical request is built from the request line as it was sent
// ([http.Request.RequestURI]), never from a cleaned or rewritten URL, so routing
// may edit the request's URL before or after.
//
// Errors are values with the fields that a service's error document wants; which
// code and status they become is each service's own table. No error text carries
// a secret, a signature or a token.
//
// Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests"; Amazon S3
// API Reference, "Authenticating Requests (AWS Signature Version 4)".
package sigv4

import (
	"iter"
	"strings"
	"time"
)

// Algorithm names Signature Version 4.
const Algorithm = "AWS4-HMAC-SHA256"

const (
	terminator = "aws4_request"

	// timeLayout is ISO 8601 in its basic form, as X-Amz-Date has it.
	timeLayout = "20060102T150405Z"
	dateLayout = "20060102"

	// MaxSkew is how far a request's date may be from the server's clock.
	MaxSkew = 15 * time.Minute

	// MaxExpires is the longest life of a presigned URL.
	MaxExpires = 7 * 24 * time.Hour
)

// Form is the place where a request carries its authentication.
type Form uint8

const (
	FormNone   Form = iota // no authentication at all
	FormHeader             // the Authorization header
	FormQuery              // query parameters, a presigned URL
)

func (f Form) String() string {
	switch f {
	case FormHeader:
		return "header"
	case FormQuery:
		return "query"
	default:
		return "none"
	}
}

// Scope is a credential scope with the access key that it was made for. It is
// also what a derived signing key is good for.
type Scope struct {
	AccessKeyID string
	Date        string // YYYYMMDD
	Region      string // "" in Signature Version 4A
	Service     string
}

// String is the scope as the string to sign has it, without the access key.
func (s Scope) String() string {
	return string(s.append(nil))
}

func (s Scope) append(b []byte) []byte {
	b = append(b, s.Date...)
	b = append(b, '/')
	if !s.Asymmetric() {
		b = append(b, s.Region...)
		b = append(b, '/')
	}
	b = append(b, s.Service...)
	return append(b, '/', 'a', 'w', 's', '4', '_', 'r', 'e', 'q', 'u', 'e', 's', 't')
}

// Auth is what a request says about its signature. Nothing in it is proven
// before Verify has returned nil.
type Auth struct {
	Form          Form
	Scope         Scope
	Time          time.Time     // when the request says it was signed; UTC, whole seconds
	Expires       time.Duration // life of a presigned URL; 0 when it names none
	SecurityToken string        // session token; "" for long-term keys
	RegionSet     string        // X-Amz-Region-Set of Signature Version 4A: "*", "us-east-1,eu-*"

	signedHeaders string // lower case, ascending, joined by ';'
	signature     string
	contentSHA256 string // x-amz-content-sha256, from the header or the query
}

// SignedHeaders yields the names of the headers that the signature covers, in
// lower case and ascending order.
func (a *Auth) SignedHeaders() iter.Seq[string] {
	return strings.SplitSeq(a.signedHeaders, ";")
}

// Signs reports whether the signature covers the header, named in lower case.
func (a *Auth) Signs(name string) bool {
	for rest := a.signedHeaders; rest != ""; {
		var n string
		n, rest, _ = strings.Cut(rest, ";")
		if n == name {
			return true
		}
	}
	return false
}

// Style is one of the two ways in which services canonicalise requests.
type Style uint8

const (
	// General is every service but S3: the path is normalised and encoded once
	// more than on the wire, and the body is hashed.
	General Style = iota

	// S3 takes the path as it is, and the payload hash from the header
	// x-amz-content-sha256, which header-signed requests must have.
	S3
)

// Profile says what one service expects of a signature.
type Profile struct {
	Service string // the service in the scope; "" accepts any
	Region  string // the region in the scope, or one of the region set; "" accepts any
	Style   Style
	// Asymmetric accepts Signature Version 4A.
	Asymmetric bool
}
