package cloudfront

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// wireErrors gives every exported error its CloudFront form. A message of ""
// is the error's own.
//
// Source: CloudFront API Reference, the Errors section of each operation.
var wireErrors = []struct {
	err     error
	code    string
	status  int
	message string
}{
	{access.ErrDenied, "AccessDenied", 403, ""},

	{delivery.ErrNoPublicKey, "NoSuchPublicKey", 404, "The specified public key does not exist."},
	{delivery.ErrNoKeyGroup, "NoSuchResource", 404, "The specified key group does not exist."},
	{delivery.ErrNoDistribution, "NoSuchDistribution", 404, "The specified distribution does not exist."},
	{delivery.ErrNoAccessControl, "NoSuchOriginAccessControl", 404, "The specified origin access control does not exist."},
	{delivery.ErrNoAccessIdentity, "NoSuchCloudFrontOriginAccessIdentity", 404, "The specified origin access identity does not exist."},
	{delivery.ErrNoCachePolicy, "NoSuchCachePolicy", 404, "The specified cache policy does not exist."},
	{delivery.ErrNoOriginRequestPolicy, "NoSuchOriginRequestPolicy", 404, "The specified origin request policy does not exist."},
	{delivery.ErrNoResponseHeadersPolicy, "NoSuchResponseHeadersPolicy", 404, "The response headers policy does not exist."},
	{delivery.ErrNoFunction, "NoSuchFunctionExists", 404, "The specified function does not exist."},
	{delivery.ErrNoKeyValueStore, "EntityNotFound", 404, "The specified key value store does not exist."},
	{delivery.ErrNoInvalidation, "NoSuchInvalidation", 404, "The specified invalidation does not exist."},
	{delivery.ErrNoResource, "NoSuchResource", 404, "The specified resource does not exist."},

	{delivery.ErrPublicKeyExists, "PublicKeyAlreadyExists", 409, "The specified public key already exists."},
	{delivery.ErrKeyGroupExists, "KeyGroupAlreadyExists", 409, "A key group with this name already exists."},
	{delivery.ErrDistributionExists, "DistributionAlreadyExists", 409, "The caller reference that you are using to create a distribution is associated with another distribution."},
	{delivery.ErrAccessControlExists, "OriginAccessControlAlreadyExists", 409, "An origin access control with the same name already exists."},
	{delivery.ErrAccessIdentityExists, "CloudFrontOriginAccessIdentityAlreadyExists", 409, "The caller reference is already used with a different configuration."},
	{delivery.ErrCachePolicyExists, "CachePolicyAlreadyExists", 409, "A cache policy with this name already exists."},
	{delivery.ErrOriginRequestPolicyExists, "OriginRequestPolicyAlreadyExists", 409, "An origin request policy with this name already exists."},
	{delivery.ErrResponseHeadersPolicyExists, "ResponseHeadersPolicyAlreadyExists", 409, "A response headers policy with this name already exists."},
	{delivery.ErrInvalidationExists, "InvalidationBatchAlreadyExists", 409, "The caller reference is already used with different paths."},
	{delivery.ErrAliasTaken, "CNAMEAlreadyExists", 409, ""},

	{delivery.ErrPublicKeyInUse, "PublicKeyInUse", 409, "The specified public key is in use."},
	{delivery.ErrKeyGroupInUse, "ResourceInUse", 409, "Cannot delete this resource because it is in use."},
	{delivery.ErrAccessControlInUse, "OriginAccessControlInUse", 409, "Cannot delete the origin access control because it's in use by one or more distributions."},
	{delivery.ErrAccessIdentityInUse, "CloudFrontOriginAccessIdentityInUse", 409, "The CloudFront origin access identity is still being used."},
	{delivery.ErrCachePolicyInUse, "CachePolicyInUse", 409, "Cannot delete the cache policy because it is attached to one or more cache behaviors."},
	{delivery.ErrOriginRequestPolicyInUse, "OriginRequestPolicyInUse", 409, "Cannot delete the origin request policy because it is attached to one or more cache behaviors."},
	{delivery.ErrKeyValueStoreExists, "EntityAlreadyExists", 409, "A key value store with the same name already exists in this account."},
	{delivery.ErrKeyValueStoreInUse, "CannotDeleteEntityWhileInUse", 409, "Cannot delete the key value store because it's associated with one or more functions."},
	{delivery.ErrImportSize, "EntitySizeLimitExceeded", 413, "The import source is too large: at most 5242880 bytes."},
	{delivery.ErrTooManyKeyValueStores, "EntityLimitExceeded", 400, "You have reached the maximum number of key value stores for this account."},
	{delivery.ErrFunctionExists, "FunctionAlreadyExists", 409, "A function with the same name already exists in this account."},
	{delivery.ErrFunctionInUse, "FunctionInUse", 409, "Cannot delete the function because it's attached to one or more cache behaviors."},
	{delivery.ErrFunctionSize, "FunctionSizeLimitExceeded", 413, "The function is too large: at most 10240 bytes."},
	{delivery.ErrTooManyFunctions, "TooManyFunctions", 400, "You have reached the maximum number of CloudFront functions for this account."},
	{delivery.ErrTestFailed, "TestFunctionFailed", 500, "The CloudFront function could not be tested. Try again."},
	{delivery.ErrResponseHeadersPolicyInUse, "ResponseHeadersPolicyInUse", 409, "Cannot delete the response headers policy because it is attached to one or more cache behaviors."},
	{delivery.ErrNotDisabled, "DistributionNotDisabled", 409, "The distribution you are trying to delete has not been disabled."},

	{delivery.ErrVersion, "InvalidIfMatchVersion", 400, "The If-Match version is missing or not valid for the resource."},
	{delivery.ErrStale, "PreconditionFailed", 412, "The request failed because it didn't meet the preconditions in one or more request-header fields."},
	{delivery.ErrImmutableKey, "CannotChangeImmutablePublicKeyFields", 400, "You can't change the value of a public key."},
	{delivery.ErrImmutable, "IllegalUpdate", 400, "The update contains modifications that are not allowed."},
	{delivery.ErrAliasElsewhere, "IllegalUpdate", 400, "The alias is associated with a distribution in another account and cannot be moved."},
	{delivery.ErrManaged, "IllegalUpdate", 400, "You cannot update a managed policy."},
	{delivery.ErrManagedDelete, "IllegalDelete", 400, "You cannot delete a managed policy."},

	{delivery.ErrInvalid, "InvalidArgument", 400, ""},
	{delivery.ErrInvalidTagging, "InvalidTagging", 400, ""},
	{delivery.ErrInvalidCertificate, "InvalidViewerCertificate", 400, ""},
	{delivery.ErrInvalidRootObject, "InvalidDefaultRootObject", 400, ""},
	{delivery.ErrInvalidOrigin, "InvalidOrigin", 400, ""},
	{delivery.ErrInvalidReadTimeout, "InvalidOriginReadTimeout", 400, ""},
	{delivery.ErrInvalidKeepAlive, "InvalidOriginKeepaliveTimeout", 400, ""},
	{delivery.ErrInvalidAccessControl, "InvalidOriginAccessControl", 400, ""},
	{delivery.ErrInvalidAccessIdentity, "InvalidOriginAccessIdentity", 400, ""},
	{delivery.ErrAccessConflict, "IllegalOriginAccessConfiguration", 400, ""},
	{delivery.ErrInvalidAccessDomain, "InvalidDomainNameForOriginAccessControl", 400, ""},
	{delivery.ErrInvalidS3Headers, "InvalidHeadersForS3Origin", 400, ""},
	{delivery.ErrInvalidForwardCookies, "InvalidForwardCookies", 400, ""},
	{delivery.ErrInvalidQueryParameters, "InvalidQueryStringParameters", 400, ""},
	{delivery.ErrInvalidLambda, "InvalidLambdaFunctionAssociation", 400, ""},
	{delivery.ErrInvalidFunction, "InvalidFunctionAssociation", 400, ""},
	{delivery.ErrInvalidProtocolSettings, "InvalidProtocolSettings", 400, ""},
	{delivery.ErrTTLOrder, "InvalidTTLOrder", 400, ""},
	{delivery.ErrInvalidErrorCode, "InvalidErrorCode", 400, ""},
	{delivery.ErrInvalidResponseCode, "InvalidResponseCode", 400, ""},
	{delivery.ErrInvalidRelativePath, "InvalidRelativePath", 400, ""},
	{delivery.ErrNoOrigin, "NoSuchOrigin", 404, ""},
	{delivery.ErrNoTrustedKeyGroup, "TrustedKeyGroupDoesNotExist", 400, ""},

	{delivery.ErrTooManyPublicKeys, "TooManyPublicKeys", 400, "The maximum number of public keys has been reached."},
	{delivery.ErrTooManyPublicKeysInGroup, "TooManyPublicKeysInKeyGroup", 400, ""},
	{delivery.ErrTooManyKeyGroups, "TooManyKeyGroups", 400, "The maximum number of key groups has been reached."},
	{delivery.ErrTooManyKeyGroupsInBehavior, "TooManyKeyGroupsAssociatedToDistribution", 400, ""},
	{delivery.ErrTooManyDistributionsOfKeyGroup, "TooManyDistributionsAssociatedToKeyGroup", 400, "The number of distributions that reference this key group is more than the maximum allowed."},
	{delivery.ErrTooManyDistributions, "TooManyDistributions", 400, "The maximum number of distributions has been reached."},
	{delivery.ErrTooManyBehaviors, "TooManyCacheBehaviors", 400, ""},
	{delivery.ErrTooManyOrigins, "TooManyOrigins", 400, ""},
	{delivery.ErrTooManyOriginGroups, "TooManyOriginGroupsPerDistribution", 400, ""},
	{delivery.ErrTooManyAliases, "TooManyDistributionCNAMEs", 400, ""},
	{delivery.ErrTooManyOriginHeaders, "TooManyOriginCustomHeaders", 400, ""},
	{delivery.ErrTooManyForwardedHeaders, "TooManyHeadersInForwardedValues", 400, ""},
	{delivery.ErrTooManyForwardedCookies, "TooManyCookieNamesInWhiteList", 400, ""},
	{delivery.ErrTooManyForwardedQuery, "TooManyQueryStringParameters", 400, ""},
	{delivery.ErrTooManyAccessControls, "TooManyOriginAccessControls", 400, "The maximum number of origin access controls has been reached."},
	{delivery.ErrTooManyAccessIdentities, "TooManyCloudFrontOriginAccessIdentities", 400, "The maximum number of origin access identities has been reached."},
	{delivery.ErrTooManyCachePolicies, "TooManyCachePolicies", 400, "The maximum number of cache policies has been reached."},
	{delivery.ErrTooManyPolicyHeaders, "TooManyHeadersInCachePolicy", 400, ""},
	{delivery.ErrTooManyPolicyCookies, "TooManyCookiesInCachePolicy", 400, ""},
	{delivery.ErrTooManyPolicyQuery, "TooManyQueryStringsInCachePolicy", 400, ""},
	{delivery.ErrTooManyOriginRequestPolicies, "TooManyOriginRequestPolicies", 400, "The maximum number of origin request policies has been reached."},
	{delivery.ErrTooManyOriginRequestHeaders, "TooManyHeadersInOriginRequestPolicy", 400, ""},
	{delivery.ErrTooManyOriginRequestCookies, "TooManyCookiesInOriginRequestPolicy", 400, ""},
	{delivery.ErrTooManyOriginRequestQuery, "TooManyQueryStringsInOriginRequestPolicy", 400, ""},
	{delivery.ErrTooManyDistributionsOfOriginRequest, "TooManyDistributionsAssociatedToOriginRequestPolicy", 400, "The number of distributions that use this origin request policy is more than the maximum allowed."},
	{delivery.ErrTooManyResponseHeadersPolicies, "TooManyResponseHeadersPolicies", 400, "The maximum number of response headers policies has been reached."},
	{delivery.ErrTooManyAddedHeaders, "TooManyCustomHeadersInResponseHeadersPolicy", 400, ""},
	{delivery.ErrTooManyRemovedHeaders, "TooManyRemoveHeadersInResponseHeadersPolicy", 400, ""},
	{delivery.ErrContentSecurityTooLong, "TooLongCSPInResponseHeadersPolicy", 400, ""},
	{delivery.ErrTooManyDistributionsOfResponseHeaders, "TooManyDistributionsAssociatedToResponseHeadersPolicy", 400, "The number of distributions that use this response headers policy is more than the maximum allowed."},
	{delivery.ErrTooManyInvalidations, "TooManyInvalidationsInProgress", 400, ""},
	{delivery.ErrBatchTooLarge, "BatchTooLarge", 413, ""},
	{delivery.ErrTooManyDistributionsOfControl, "TooManyDistributionsAssociatedToOriginAccessControl", 400, "The number of distributions that use this origin access control is more than the maximum allowed."},
	{delivery.ErrTooManyDistributionsOfPolicy, "TooManyDistributionsAssociatedToCachePolicy", 400, "The number of distributions that use this cache policy is more than the maximum allowed."},

	{errUnsupported, "UnsupportedOperation", 400, ""},
	{errQuantity, "InconsistentQuantities", 400, ""},
	{errMissing, "InvalidArgument", 400, ""},
	{errNoBody, "MissingBody", 400, "This operation requires a body. Ensure that the body is present and the Content-Type header is set."},

	{front.ErrNoAuthentication, "MissingAuthenticationToken", 403, "Missing Authentication Token"},
	{front.ErrUnknownAccessKey, "InvalidClientTokenId", 403, "The security token included in the request is invalid."},
	{front.ErrInvalidToken, "InvalidClientTokenId", 403, "The security token included in the request is invalid."},
	{front.ErrExpiredToken, "ExpiredToken", 403, "The security token included in the request is expired"},
	{front.ErrBodyTooLarge, "RequestEntityTooLarge", 413, "The request body is too large."},
	{front.ErrBodyRead, "RequestTimeout", 400, "The request body could not be read."},
}

// What the door itself refuses.
var (
	// errUnsupported is about an operation of the API model that we lack.
	errUnsupported = errors.New("cloudfront: unsupported operation")
	// errQuantity says that Quantity is not the number of items.
	errQuantity = errors.New("cloudfront: wrong quantity")
	// errMissing says that a required element is not there.
	errMissing = errors.New("cloudfront: missing element")
	errNoBody  = errors.New("cloudfront: the operation needs a body")
)

func unsupportedOperation(name string) error {
	return refusal.New(errUnsupported, "The operation %s is not supported by this server.", name)
}

const internalMessage = "CloudFront encountered an internal error. Please try again."

// ErrorCode is the code that the wire has for err, for the audit record.
func ErrorCode(err error) string { return wireForm(err).Code }

// wireForm gives err its code and message. What it does not know is our fault,
// and says nothing.
func wireForm(err error) (form errorForm) {
	if form, ok := typedForm(err); ok {
		return form
	}
	for _, row := range wireErrors {
		if !errors.Is(err, row.err) {
			continue
		}
		form = errorForm{row.code, row.status, row.message}
		if sentence, ok := refusal.Sentence(err); ok {
			form.Message = sentence
		} else if form.Message == "" {
			form.Message = err.Error()
		}
		return form
	}
	return errorForm{"InternalError", http.StatusInternalServerError, internalMessage}
}

type errorForm struct {
	Code    string
	Status  int
	Message string
}

// typedForm knows the errors that carry what their message needs.
func typedForm(err error) (errorForm, bool) {
	if decode, ok := errors.AsType[*restxml.DecodeError](err); ok {
		return errorForm{"MalformedInput", 400, decodeMessage(decode)}, true
	}
	switch refusal, ok := sigv4.RefusalOf(err); {
	case ok && refusal.Incomplete:
		return errorForm{"IncompleteSignature", 400, refusal.Sentence}, true
	case ok:
		return errorForm{"SignatureDoesNotMatch", 403, refusal.Sentence}, true
	}
	return errorForm{}, false
}

func decodeMessage(e *restxml.DecodeError) string {
	where := fmt.Sprintf("%.256s", e.Path)
	switch e.Problem {
	case restxml.Root:
		return "The body is not the document that the operation takes: " + where + "."
	case restxml.Unknown:
		return "Unknown element " + where + "."
	case restxml.Repeated:
		return "The element " + where + " stands more than once."
	case restxml.Value:
		return "The element " + where + " has a value of the wrong type."
	case restxml.TooDeep, restxml.TooLarge:
		return "The document is too large."
	default:
		return "Could not parse the XML document."
	}
}
