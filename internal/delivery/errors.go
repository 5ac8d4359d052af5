package delivery

import (
	"errors"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

// What is asked for is not there.
var (
	ErrNoPublicKey             = errors.New("delivery: no such public key")
	ErrNoKeyGroup              = errors.New("delivery: no such key group")
	ErrNoDistribution          = errors.New("delivery: no such distribution")
	ErrNoAccessControl         = errors.New("delivery: no such origin access control")
	ErrNoAccessIdentity        = errors.New("delivery: no such origin access identity")
	ErrNoCachePolicy           = errors.New("delivery: no such cache policy")
	ErrNoOriginRequestPolicy   = errors.New("delivery: no such origin request policy")
	ErrNoResponseHeadersPolicy = errors.New("delivery: no such response headers policy")
	ErrNoKeyValueStore         = errors.New("delivery: no such key value store")
	ErrNoFunction              = errors.New("delivery: no such function")
	ErrNoInvalidation          = errors.New("delivery: no such invalidation")
	// ErrNoResource is about an ARN that is to be tagged.
	ErrNoResource = errors.New("delivery: no such resource")
)

// A name, reference or alias is taken.
var (
	ErrPublicKeyExists             = errors.New("delivery: public key exists")
	ErrKeyGroupExists              = errors.New("delivery: key group exists")
	ErrDistributionExists          = errors.New("delivery: distribution exists")
	ErrAccessControlExists         = errors.New("delivery: origin access control exists")
	ErrAccessIdentityExists        = errors.New("delivery: origin access identity exists")
	ErrCachePolicyExists           = errors.New("delivery: cache policy exists")
	ErrOriginRequestPolicyExists   = errors.New("delivery: origin request policy exists")
	ErrResponseHeadersPolicyExists = errors.New("delivery: response headers policy exists")
	ErrKeyValueStoreExists         = errors.New("delivery: key value store exists")
	ErrFunctionExists              = errors.New("delivery: function exists")
	ErrInvalidationExists          = errors.New("delivery: invalidation exists")
	ErrAliasTaken                  = errors.New("delivery: alias belongs to another distribution")
)

// Something else still refers to what is to be deleted.
var (
	ErrPublicKeyInUse             = errors.New("delivery: public key in use")
	ErrKeyGroupInUse              = errors.New("delivery: key group in use")
	ErrAccessControlInUse         = errors.New("delivery: origin access control in use")
	ErrAccessIdentityInUse        = errors.New("delivery: origin access identity in use")
	ErrCachePolicyInUse           = errors.New("delivery: cache policy in use")
	ErrOriginRequestPolicyInUse   = errors.New("delivery: origin request policy in use")
	ErrResponseHeadersPolicyInUse = errors.New("delivery: response headers policy in use")
	ErrKeyValueStoreInUse         = errors.New("delivery: key value store in use")
	ErrFunctionInUse              = errors.New("delivery: function in use")
	// ErrNotDisabled says that only a disabled distribution can be deleted.
	ErrNotDisabled = errors.New("delivery: distribution is enabled")
)

// ErrTestFailed says that a function could not be tried.
var ErrTestFailed = errors.New("delivery: function not tested")

// A change is not possible.
var (
	// ErrVersion says that a change came without a version, or with one that
	// no resource could have.
	ErrVersion = errors.New("delivery: missing or malformed version")
	// ErrStale says that the resource was changed since that version.
	ErrStale = errors.New("delivery: version is not current")
	// ErrImmutable is about a member that never changes, such as a caller reference.
	ErrImmutable = errors.New("delivery: immutable member")
	// ErrImmutableKey is ErrImmutable for public keys.
	ErrImmutableKey = errors.New("delivery: immutable public key member")
	// ErrAliasElsewhere says that an alias of another account cannot be moved.
	ErrAliasElsewhere = errors.New("delivery: alias belongs to another account")
	// ErrManaged says that a managed policy can be neither changed nor deleted.
	ErrManaged       = errors.New("delivery: managed policy cannot be changed")
	ErrManagedDelete = errors.New("delivery: managed policy cannot be deleted")
)

// A configuration makes no sense, or asks for what the edge does not do. The
// sentence of the refusal says what and where.
var (
	ErrInvalid        = errors.New("delivery: invalid argument")
	ErrInvalidTagging = errors.New("delivery: invalid tags")
	// ErrInvalidCertificate says that a viewer certificate is not to be had.
	ErrInvalidCertificate      = errors.New("delivery: invalid viewer certificate")
	ErrInvalidRootObject       = errors.New("delivery: invalid default root object")
	ErrInvalidOrigin           = errors.New("delivery: invalid origin")
	ErrInvalidReadTimeout      = errors.New("delivery: invalid origin read timeout")
	ErrInvalidKeepAlive        = errors.New("delivery: invalid origin keep-alive timeout")
	ErrInvalidAccessControl    = errors.New("delivery: invalid origin access control")
	ErrInvalidAccessIdentity   = errors.New("delivery: invalid origin access identity")
	ErrAccessConflict          = errors.New("delivery: origin has both access control and access identity")
	ErrInvalidAccessDomain     = errors.New("delivery: domain name does not fit the origin access control")
	ErrInvalidS3Headers        = errors.New("delivery: header cannot be forwarded to a bucket")
	ErrInvalidForwardCookies   = errors.New("delivery: cookie names do not fit the choice of cookies")
	ErrInvalidQueryParameters  = errors.New("delivery: invalid query string parameters")
	ErrInvalidProtocolSettings = errors.New("delivery: invalid origin protocol settings")
	ErrTTLOrder                = errors.New("delivery: TTLs out of order")
	ErrInvalidErrorCode        = errors.New("delivery: status has no custom error response")
	ErrInvalidResponseCode     = errors.New("delivery: invalid status for an error page")
	ErrInvalidRelativePath     = errors.New("delivery: invalid path of an error page")
	ErrInvalidLambda           = errors.New("delivery: invalid association with a Lambda function")
	ErrFunctionSize            = errors.New("delivery: function too large")
	// ErrImportSize is about the object that a key value store's pairs come from.
	ErrImportSize      = errors.New("delivery: import too large")
	ErrInvalidFunction = errors.New("delivery: invalid association with a CloudFront function")
	// ErrNoOrigin says that a behaviour targets an origin that the
	// distribution does not have.
	ErrNoOrigin = errors.New("delivery: no such origin")
	// ErrNoTrustedKeyGroup says that a behaviour trusts an unknown key group.
	ErrNoTrustedKeyGroup = errors.New("delivery: no such trusted key group")
)

// A quota is used up.
var (
	ErrTooManyPublicKeys                     = errors.New("delivery: too many public keys")
	ErrTooManyPublicKeysInGroup              = errors.New("delivery: too many public keys in key group")
	ErrTooManyKeyGroups                      = errors.New("delivery: too many key groups")
	ErrTooManyKeyGroupsInBehavior            = errors.New("delivery: too many key groups in behaviour")
	ErrTooManyDistributionsOfKeyGroup        = errors.New("delivery: too many distributions use the key group")
	ErrTooManyDistributions                  = errors.New("delivery: too many distributions")
	ErrTooManyBehaviors                      = errors.New("delivery: too many behaviours")
	ErrTooManyOrigins                        = errors.New("delivery: too many origins")
	ErrTooManyOriginGroups                   = errors.New("delivery: too many origin groups")
	ErrTooManyAliases                        = errors.New("delivery: too many aliases")
	ErrTooManyOriginHeaders                  = errors.New("delivery: too many origin headers")
	ErrTooManyForwardedHeaders               = errors.New("delivery: too many forwarded headers")
	ErrTooManyForwardedCookies               = errors.New("delivery: too many forwarded cookies")
	ErrTooManyForwardedQuery                 = errors.New("delivery: too many query string parameters")
	ErrTooManyAccessControls                 = errors.New("delivery: too many origin access controls")
	ErrTooManyAccessIdentities               = errors.New("delivery: too many origin access identities")
	ErrTooManyCachePolicies                  = errors.New("delivery: too many cache policies")
	ErrTooManyPolicyHeaders                  = errors.New("delivery: too many headers in cache policy")
	ErrTooManyPolicyCookies                  = errors.New("delivery: too many cookies in cache policy")
	ErrTooManyPolicyQuery                    = errors.New("delivery: too many query strings in cache policy")
	ErrTooManyOriginRequestPolicies          = errors.New("delivery: too many origin request policies")
	ErrTooManyOriginRequestHeaders           = errors.New("delivery: too many headers in origin request policy")
	ErrTooManyOriginRequestCookies           = errors.New("delivery: too many cookies in origin request policy")
	ErrTooManyOriginRequestQuery             = errors.New("delivery: too many query strings in origin request policy")
	ErrTooManyDistributionsOfOriginRequest   = errors.New("delivery: too many distributions use the origin request policy")
	ErrTooManyResponseHeadersPolicies        = errors.New("delivery: too many response headers policies")
	ErrTooManyAddedHeaders                   = errors.New("delivery: too many custom headers in response headers policy")
	ErrTooManyRemovedHeaders                 = errors.New("delivery: too many headers to remove in response headers policy")
	ErrContentSecurityTooLong                = errors.New("delivery: content security policy too long")
	ErrTooManyDistributionsOfResponseHeaders = errors.New("delivery: too many distributions use the response headers policy")
	ErrTooManyKeyValueStores                 = errors.New("delivery: too many key value stores")
	ErrTooManyFunctions                      = errors.New("delivery: too many functions")
	ErrTooManyInvalidations                  = errors.New("delivery: too many wildcard invalidations")
	ErrBatchTooLarge                         = errors.New("delivery: invalidation batch too large")
	ErrTooManyDistributionsOfControl         = errors.New("delivery: too many distributions use the origin access control")
	ErrTooManyDistributionsOfPolicy          = errors.New("delivery: too many distributions use the cache policy")
)

func refuse(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// unsupported refuses a member that the edge does not obey, by name.
func unsupported(member string) error {
	return refuse(ErrInvalid, "The parameter %s is not supported by this server: leave it out or at its default.", member)
}
