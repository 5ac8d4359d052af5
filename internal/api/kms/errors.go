package kms

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// wireErrors gives every error that may reach a caller its form on the wire. An
// error that matches none is our fault.
//
// The text is the caller's sentence: that of the error itself where it has one
// (*keyring.Error, *access.Denied), else the one in this table.
var wireErrors = []struct {
	err    error
	code   string
	status int
	text   string
}{
	{access.ErrDenied, "AccessDeniedException", http.StatusBadRequest, ""},

	{keyring.ErrNotFound, "NotFoundException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidARN, "InvalidArnException", http.StatusBadRequest, ""},
	{keyring.ErrDisabled, "DisabledException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidState, "KMSInvalidStateException", http.StatusBadRequest, ""},
	{keyring.ErrUsage, "InvalidKeyUsageException", http.StatusBadRequest, ""},
	{keyring.ErrIncorrectKey, "IncorrectKeyException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidCiphertext, "InvalidCiphertextException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidSignature, "KMSInvalidSignatureException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidMAC, "KMSInvalidMacException", http.StatusBadRequest, ""},
	{keyring.ErrInvalid, "ValidationException", http.StatusBadRequest, ""},
	{keyring.ErrUnsupported, "UnsupportedOperationException", http.StatusBadRequest, ""},
	{keyring.ErrExists, "AlreadyExistsException", http.StatusBadRequest, ""},
	{keyring.ErrReserved, "NotAuthorizedException", http.StatusBadRequest, ""},
	{keyring.ErrLimit, "LimitExceededException", http.StatusBadRequest, ""},
	{keyring.ErrTag, "TagException", http.StatusBadRequest, ""},
	{keyring.ErrMalformedPolicy, "MalformedPolicyDocumentException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidMarker, "InvalidMarkerException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidGrantToken, "InvalidGrantTokenException", http.StatusBadRequest, ""},
	{keyring.ErrInvalidGrantID, "InvalidGrantIdException", http.StatusBadRequest, ""},
	{keyring.ErrImportToken, "InvalidImportTokenException", http.StatusBadRequest, ""},
	{keyring.ErrImportTokenExpired, "ExpiredImportTokenException", http.StatusBadRequest, ""},
	{keyring.ErrIncorrectMaterial, "IncorrectKeyMaterialException", http.StatusBadRequest, ""},
	{keyring.ErrDryRun, "DryRunOperationException", http.StatusBadRequest, ""},

	{front.ErrNoAuthentication, "MissingAuthenticationTokenException", http.StatusBadRequest, "Missing Authentication Token"},
	{front.ErrUnknownAccessKey, "UnrecognizedClientException", http.StatusBadRequest, invalidToken},
	{front.ErrInvalidToken, "UnrecognizedClientException", http.StatusBadRequest, invalidToken},
	{front.ErrExpiredToken, "ExpiredTokenException", http.StatusBadRequest, "The security token included in the request is expired"},
	{front.ErrBodyTooLarge, "RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "Request size exceeds the maximum of this service."},
	{front.ErrBodyRead, "SerializationException", http.StatusBadRequest, "The request body could not be read."},
	{sigv4.ErrTwoForms, incompleteSignature, http.StatusBadRequest, "The request is signed both in its header and in its query."},
	{sigv4.ErrSigV2, incompleteSignature, http.StatusBadRequest, "Signature Version 2 is not supported."},
	{sigv4.ErrSigV4a, incompleteSignature, http.StatusBadRequest, "Signature Version 4A is not supported."},
	{sigv4.ErrScheme, incompleteSignature, http.StatusBadRequest, "Authorization header requires the algorithm AWS4-HMAC-SHA256."},
	{sigv4.ErrNoPayloadHash, incompleteSignature, http.StatusBadRequest, "The request requires 'X-Amz-Content-Sha256'."},
	{sigv4.ErrPayloadHash, incompleteSignature, http.StatusBadRequest, "The value of 'X-Amz-Content-Sha256' is not valid."},
}

const (
	incompleteSignature = "IncompleteSignatureException"
	invalidSignature    = "InvalidSignatureException"

	invalidToken = "The security token included in the request is invalid."
	mismatch     = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

var (
	unknownOperation = awsjson.ErrorBody{Type: "UnknownOperationException"}
	internalError    = awsjson.ErrorBody{Type: "KMSInternalException", Message: "The request was rejected because of an internal error. Try again."}
)

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string {
	_, body := wireError(err)
	return body.Type
}

func wireError(err error) (status int, body awsjson.ErrorBody) {
	if body, ok := decodeError(err); ok {
		return http.StatusBadRequest, body
	}
	if text, code := signatureError(err); code != "" {
		return http.StatusBadRequest, awsjson.ErrorBody{Type: code, Message: text}
	}
	for i := range wireErrors {
		e := &wireErrors[i]
		if errors.Is(err, e.err) {
			body := awsjson.ErrorBody{Type: e.code, Message: e.text}
			if sentence, ok := sentence(err); ok {
				body.Message = sentence
			}
			body.CapitalMessage = e.err == access.ErrDenied
			return e.status, body
		}
	}
	return http.StatusInternalServerError, internalError
}

// sentence is what an error says to the caller, if it says something.
func sentence(err error) (string, bool) {
	var denied *access.Denied
	if errors.As(err, &denied) {
		return denied.Message, true
	}
	var refused *keyring.Error
	if errors.As(err, &refused) {
		return refused.Message, true
	}
	return "", false
}

// decodeError is about a body that is not JSON, or not the operation's shape.
func decodeError(err error) (awsjson.ErrorBody, bool) {
	var syntax *awsjson.DecodeError
	if errors.As(err, &syntax) {
		return awsjson.ErrorBody{Type: "SerializationException", Message: syntax.Message()}, true
	}
	var invalid *awsjson.ValidationError
	if errors.As(err, &invalid) {
		return awsjson.ErrorBody{Type: "ValidationException", Message: invalid.Message()}, true
	}
	return awsjson.ErrorBody{}, false
}

// signatureError is about a signature whose error has fields to tell.
func signatureError(err error) (text, code string) {
	var (
		malformed *sigv4.MalformedError
		scope     *sigv4.ScopeError
		skew      *sigv4.SkewError
		expired   *sigv4.ExpiredError
		unsigned  *sigv4.UnsignedHeadersError
		wrong     *sigv4.MismatchError
		payload   *sigv4.PayloadMismatchError
	)
	switch {
	case errors.As(err, &malformed):
		return fmt.Sprintf("Authorization %s requires a valid '%s' parameter, which %s.", malformed.Form, malformed.Field, malformed.Problem), incompleteSignature
	case errors.As(err, &scope):
		return fmt.Sprintf("Credential should be scoped to a valid %s, not '%.64s'.", scope.Field, scope.Got), invalidSignature
	case errors.As(err, &skew):
		return skew.Sentence(), invalidSignature
	case errors.As(err, &expired):
		return expired.Sentence(), invalidSignature
	case errors.As(err, &unsigned):
		return "There were headers present in the request which were not signed", invalidSignature
	case errors.As(err, &wrong), errors.As(err, &payload):
		return mismatch, invalidSignature
	}
	return "", ""
}
