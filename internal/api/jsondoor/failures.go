package jsondoor

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	incompleteSignature = "IncompleteSignatureException"
	invalidSignature    = "InvalidSignatureException"

	invalidToken = "The security token included in the request is invalid."
	mismatch     = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// common gives the errors of the gate, the front and package sigv4 their form.
// Errors with fields of their own are in describeTyped.
//
// Source: AWS Systems Manager API Reference, "Common Errors".
var common = []Failure{
	{access.ErrDenied, http.StatusBadRequest, "AccessDeniedException", ""},
	{front.ErrNoAuthentication, http.StatusBadRequest, "MissingAuthenticationTokenException", "Missing Authentication Token"},
	{front.ErrUnknownAccessKey, http.StatusBadRequest, "UnrecognizedClientException", invalidToken},
	{front.ErrInvalidToken, http.StatusBadRequest, "UnrecognizedClientException", invalidToken},
	{front.ErrExpiredToken, http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired"},
	{front.ErrBodyTooLarge, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request size exceeds the maximum of this service."},
	{front.ErrBodyRead, http.StatusBadRequest, "SerializationException", "The request body could not be read."},
	{sigv4.ErrTwoForms, http.StatusBadRequest, incompleteSignature, "The request is signed both in its header and in its query."},
	{sigv4.ErrSigV2, http.StatusBadRequest, incompleteSignature, "Signature Version 2 is not supported."},
	{sigv4.ErrSigV4a, http.StatusBadRequest, incompleteSignature, "Signature Version 4A is not supported."},
	{sigv4.ErrScheme, http.StatusBadRequest, incompleteSignature, "Authorization header requires the algorithm AWS4-HMAC-SHA256."},
	{sigv4.ErrNoPayloadHash, http.StatusBadRequest, incompleteSignature, "The request requires 'X-Amz-Content-Sha256'."},
	{sigv4.ErrPayloadHash, http.StatusBadRequest, incompleteSignature, "The value of 'X-Amz-Content-Sha256' is not valid."},
}

// Common gives the wire form of the errors that all services have: of the gate, of
// the front, of signatures, and of bodies that are not the operation's shape.
func Common(err error) (Failure, bool) {
	if f, ok := find(common, err); ok {
		return f, true
	}
	return describeTyped(err)
}

func describeTyped(err error) (Failure, bool) {
	var (
		syntax    *awsjson.DecodeError
		invalid   *awsjson.ValidationError
		malformed *sigv4.MalformedError
		scope     *sigv4.ScopeError
		skew      *sigv4.SkewError
		expired   *sigv4.ExpiredError
		unsigned  *sigv4.UnsignedHeadersError
		wrong     *sigv4.MismatchError
		payload   *sigv4.PayloadMismatchError
	)
	code, text := invalidSignature, ""
	switch {
	case errors.As(err, &syntax):
		code, text = "SerializationException", syntax.Message()
	case errors.As(err, &invalid):
		code, text = "ValidationException", invalid.Message()
	case errors.As(err, &malformed):
		code, text = incompleteSignature, fmt.Sprintf("Authorization %s requires a valid '%s' parameter, which %s.", malformed.Form, malformed.Field, malformed.Problem)
	case errors.As(err, &scope):
		text = fmt.Sprintf("Credential should be scoped to a valid %s, not '%.64s'.", scope.Field, scope.Got)
	case errors.As(err, &skew):
		text = skew.Sentence()
	case errors.As(err, &expired):
		text = expired.Sentence()
	case errors.As(err, &unsigned):
		text = "There were headers present in the request which were not signed"
	case errors.As(err, &wrong), errors.As(err, &payload):
		text = mismatch
	default:
		return Failure{}, false
	}
	return Failure{err, http.StatusBadRequest, code, text}, true
}
