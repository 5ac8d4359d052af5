package delivery

import (
	"iter"
	"maps"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/signedurl"
)

// DistributionID names a distribution, for instance "E1U5RQF7T870K0".
type DistributionID string

// maxHostBytes bounds a name that Lookup looks at: DNS allows 253.
const maxHostBytes = 253

// Snapshot is every distribution in the form that the edge consumes: compiled,
// immutable, and safe for any number of goroutines. It holds public keys only.
type Snapshot struct {
	version       uint64
	exact         map[string]*Distribution // aliases and domain names, lower case
	wildcard      map[string]*Distribution // ".example.com" for the alias "*.example.com"
	distributions map[DistributionID]*Distribution
}

// NewSnapshot indexes distributions, which must not change afterwards. Where
// two claim one alias, the earlier in the slice has it.
func NewSnapshot(version uint64, distributions []*Distribution) *Snapshot {
	s := &Snapshot{
		version:       version,
		exact:         make(map[string]*Distribution, 3*len(distributions)),
		wildcard:      make(map[string]*Distribution),
		distributions: make(map[DistributionID]*Distribution, len(distributions)),
	}
	claim := func(m map[string]*Distribution, name string, d *Distribution) {
		if _, taken := m[name]; !taken {
			m[name] = d
		}
	}
	for _, d := range distributions {
		s.distributions[d.ID] = d
		for _, alias := range d.Aliases {
			if suffix, ok := strings.CutPrefix(alias, "*"); ok {
				claim(s.wildcard, suffix, d)
			} else {
				claim(s.exact, alias, d)
			}
		}
	}
	for _, d := range distributions {
		claim(s.exact, d.DomainName, d)
		if label, _, ok := strings.Cut(d.DomainName, "."); ok {
			claim(s.exact, label+cloudfrontSuffix, d)
		}
	}
	return s
}

// cloudfrontSuffix is the domain that every distribution also answers under, so
// that URLs made for AWS work unchanged.
const cloudfrontSuffix = ".cloudfront.net"

// Version grows with every change of the control plane, on whichever node.
func (s *Snapshot) Version() uint64 { return s.version }

// Len is the number of distributions.
func (s *Snapshot) Len() int { return len(s.distributions) }

// ByID returns the distribution with that id, or nil.
func (s *Snapshot) ByID(id DistributionID) *Distribution { return s.distributions[id] }

// All walks the distributions in no order.
func (s *Snapshot) All() iter.Seq[*Distribution] { return maps.Values(s.distributions) }

// Lookup returns the distribution that answers to host, or nil. An exact alias
// wins over a distribution's own domain name, that over a wildcard alias, and a
// longer wildcard over a shorter one.
//
// host is in lower case, without port and without a trailing dot. Lookup does
// not allocate.
//
// Source: CloudFront Developer Guide, "Requirements for using alternate domain names".
func (s *Snapshot) Lookup(host string) *Distribution {
	if d, ok := s.exact[host]; ok {
		return d
	}
	if len(s.wildcard) == 0 || len(host) > maxHostBytes {
		return nil
	}
	for {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			return nil
		}
		// At least one byte stands before the dot, so ".example.com" is no
		// host of "*.example.com".
		if dot > 0 {
			if d, ok := s.wildcard[host[dot:]]; ok {
				return d
			}
		}
		host = host[dot+1:]
	}
}

// Distribution is one distribution as the edge sees it.
type Distribution struct {
	ID      DistributionID
	ARN     string
	Account arn.AccountID
	// DomainName is the distribution's own name below the edge domain, lower case.
	DomainName string
	// Aliases are lower case; one may begin with "*.".
	Aliases []string
	Enabled bool
	// DefaultRootObject answers for the path "/"; without a leading slash, or empty.
	DefaultRootObject string
	HTTP2, HTTP3      bool
	// Certificate is what viewers by https meet.
	Certificate ViewerCertificate
	IPv6        bool
	// Behaviors are tried in order; the last is the default and matches all.
	Behaviors []*Behavior
	Origins   map[string]*Origin
	// Errors are the custom error responses by the origin's status code.
	Errors map[int]ErrorResponse
	// Logging is where the standard access log goes; nil is nowhere.
	Logging *Logging
}

// Logging is where a distribution's standard access log goes.
type Logging struct {
	// Bucket is the name of a bucket, Prefix what keys begin with.
	Bucket, Prefix string
	// Cookies says that cookies are logged.
	Cookies bool
}

// Behavior returns the first behaviour whose pattern matches path, which is
// normalised (RFC 3986 dot segments removed, "//" collapsed), still
// percent-encoded, and begins with a slash. It never returns nil and does not allocate.
func (d *Distribution) Behavior(path string) *Behavior {
	last := len(d.Behaviors) - 1
	for _, b := range d.Behaviors[:last] {
		if b.Pattern.Match(path) {
			return b
		}
	}
	return d.Behaviors[last]
}

// ErrorResponse is what a viewer gets in place of an error, the origin's or the
// edge's own.
type ErrorResponse struct {
	// PagePath and Status come together: the page's path, with a leading
	// slash, and the status it is sent with. Without them only MinTTL counts.
	PagePath string
	Status   int
	// MinTTL is the least time that the error is kept.
	MinTTL time.Duration
}

// ViewerProtocol says what a behaviour does with a request over plain HTTP.
type ViewerProtocol uint8

const (
	AllowAll        ViewerProtocol = iota
	RedirectToHTTPS                // 301 or 307
	HTTPSOnly                      // 403
)

// Methods is a set of HTTP methods.
type Methods uint8

const (
	MethodGet Methods = 1 << iota
	MethodHead
	MethodOptions
	MethodPut
	MethodPatch
	MethodPost
	MethodDelete
)

// MethodOf returns the set that holds only the method with that name, as it
// stands in a request line; it is empty for any other name.
func MethodOf(name string) Methods {
	switch name {
	case "GET":
		return MethodGet
	case "HEAD":
		return MethodHead
	case "OPTIONS":
		return MethodOptions
	case "PUT":
		return MethodPut
	case "PATCH":
		return MethodPatch
	case "POST":
		return MethodPost
	case "DELETE":
		return MethodDelete
	default:
		return 0
	}
}

// Has reports whether the method with that name is in the set.
func (m Methods) Has(name string) bool { return m&MethodOf(name) != 0 }

// Behavior is what the edge does with requests whose path matches a pattern.
type Behavior struct {
	Pattern Pattern
	// Index is the behaviour's place in its distribution.
	Index  int
	Origin *Origin
	// Failover says who stands in for Origin. Nil: nobody.
	Failover       *Failover
	ViewerProtocol ViewerProtocol
	Allowed        Methods
	Cached         Methods
	// Compress asks for gzip and br answers where Key.Gzip and Key.Brotli allow them.
	Compress bool

	// Restricted behaviours serve only requests signed by one of Keys, the
	// union of the behaviour's trusted key groups. A restricted behaviour
	// without keys serves nobody.
	Restricted bool
	Keys       signedurl.KeySet

	Key CacheKey
	TTL TTL
	// CachingDisabled behaviours neither store nor collapse: all three TTLs
	// are zero, or all viewer headers are forwarded.
	CachingDisabled bool
	// Forward says what reaches the origin. It always covers Key.
	Forward Forward
	// Response says which headers viewers get. Nil: the origin's.
	Response *ResponseHeaders
	// Functions are those to run at the four events; nil for none.
	Functions [trigger.Events]*Function
}

// Failover is the second origin of a group. It is asked when the first cannot
// be reached, takes too long, or answers with one of Statuses; and only with
// GET, HEAD and OPTIONS.
type Failover struct {
	Origin   *Origin
	Statuses []int
}

// TTL bounds how long an answer is fresh, as in the table of the developer
// guide: Default is for answers without Cache-Control and Expires.
type TTL struct{ Min, Default, Max time.Duration }

// CacheKey says which parts of a request tell cached answers apart, beside
// distribution and path.
type CacheKey struct {
	Query   Selection
	Headers Selection
	Cookies Selection
	// Gzip and Brotli put the normalised Accept-Encoding into the key.
	Gzip, Brotli bool
}

// Forward says which parts of the viewer's request reach the origin.
type Forward struct {
	Query   Selection
	Headers Selection
	Cookies Selection
	// EdgeHeaders are CloudFront-* headers that the edge makes and adds.
	EdgeHeaders []string
}

// Origin is where a behaviour's content comes from.
type Origin struct {
	ID         string
	DomainName string
	// Path goes before the request's path; it begins with a slash and does not
	// end with one, or is empty.
	Path string
	// Headers are added to each origin request in place of the viewer's.
	Headers []Header
	// S3 says that the origin is a bucket. The ports and TLS are then the
	// scheme's own, and Protocol is MatchViewer.
	S3                  bool
	HTTPPort, HTTPSPort int
	Protocol            OriginProtocol
	// TLSMin and TLSMax are the crypto/tls versions offered to the origin.
	TLSMin, TLSMax uint16
	// ReadTimeout bounds the wait for the first byte and between two reads.
	ReadTimeout time.Duration
	// KeepAlive is how long an idle connection stays open.
	KeepAlive time.Duration
	// ConnectTimeout bounds one attempt to connect; there are up to Attempts.
	ConnectTimeout time.Duration
	Attempts       int
	// CompletionTimeout bounds the whole answer; zero is no bound.
	CompletionTimeout time.Duration
	Access            OriginAccess
}

// Header is one header field.
type Header struct{ Name, Value string }

// OriginProtocol is the scheme of origin requests.
type OriginProtocol uint8

const (
	MatchViewer OriginProtocol = iota
	OriginHTTPOnly
	OriginHTTPSOnly
)

// OriginAccess is how the edge identifies itself at an origin. Its zero value
// is not at all. At most one of the two ids is set.
type OriginAccess struct {
	// ControlID is an origin access control: requests are signed with SigV4 as
	// the service cloudfront.amazonaws.com on behalf of the distribution.
	ControlID string
	Signing   SigningBehavior
	// Type is the service that signatures are for.
	Type OriginType
	// IdentityID is a legacy origin access identity: requests carry the
	// identity's own principal, which bucket policies may also name by
	// CanonicalUserID.
	IdentityID      string
	CanonicalUserID string
}

// SigningBehavior says which origin requests are signed.
type SigningBehavior uint8

const (
	SignNever SigningBehavior = iota
	SignAlways
	// SignNoOverride signs requests that come without an Authorization header.
	SignNoOverride
)

// OriginType is the service behind an origin with an access control: "s3",
// "lambda", "mediastore" or "mediapackagev2".
type OriginType string
