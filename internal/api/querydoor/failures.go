package querydoor

import (
	"errors"
	"net/http"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/wire/query"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	badSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	badKey       = "The security token included in the request is invalid."
)

// common gives the errors of the gate, the front and package sigv4 their form.
// Errors with fields of their own are in describeTyped.
//
// Source: IAM API Reference, "Common Errors".
var common = []Failure{
	{access.ErrDenied, http.StatusForbidden, "AccessDenied", ""},
	{front.ErrNoAuthentication, http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"},
	{front.ErrUnknownAccessKey, http.StatusForbidden, "InvalidClientTokenId", badKey},
	{front.ErrInvalidToken, http.StatusForbidden, "InvalidClientTokenId", badKey},
	{front.ErrExpiredToken, http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"},
	{front.ErrBodyTooLarge, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request body is too large"},
	{front.ErrBodyRead, http.StatusBadRequest, "IncompleteBody", "The request body ended early"},
	{sigv4.ErrTwoForms, http.StatusBadRequest, "IncompleteSignature", "Only one authentication mechanism is allowed"},
	{sigv4.ErrSigV2, http.StatusBadRequest, "IncompleteSignature", "Signature Version 2 is not supported"},
	{sigv4.ErrSigV4a, http.StatusBadRequest, "IncompleteSignature", "Asymmetric signatures are not supported"},
	{sigv4.ErrScheme, http.StatusBadRequest, "IncompleteSignature", "Unknown authentication scheme"},
}

func describeTyped(err error) (Failure, bool) {
	var (
		malformed *sigv4.MalformedError
		scope     *sigv4.ScopeError
		skew      *sigv4.SkewError
		expired   *sigv4.ExpiredError
		unsigned  *sigv4.UnsignedHeadersError
		mismatch  *sigv4.MismatchError
		payload   *sigv4.PayloadMismatchError
		form      *query.Error
		action    *actionError
		unread    *unreadError
	)
	switch {
	case errors.As(err, &malformed):
		return Failure{err, http.StatusBadRequest, "IncompleteSignature", malformed.Error()}, true
	case errors.As(err, &scope):
		return Failure{err, http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to correct " + scope.Field + ": '" + scope.Want + "'."}, true
	case errors.As(err, &skew):
		return Failure{err, http.StatusForbidden, "SignatureDoesNotMatch", skew.Sentence()}, true
	case errors.As(err, &expired):
		return Failure{err, http.StatusForbidden, "SignatureDoesNotMatch", expired.Sentence()}, true
	case errors.As(err, &unsigned), errors.As(err, &mismatch), errors.As(err, &payload):
		return Failure{err, http.StatusForbidden, "SignatureDoesNotMatch", badSignature}, true
	case errors.As(err, &form):
		return Failure{err, http.StatusBadRequest, "ValidationError", formText(form)}, true
	case errors.As(err, &action):
		return Failure{err, http.StatusBadRequest, "InvalidAction", action.Error()}, true
	case errors.As(err, &unread):
		return Failure{err, http.StatusBadRequest, "ValidationError", unread.Error()}, true
	}
	return Failure{}, false
}

// formText is the sentence of the services about a form that cannot be read.
func formText(e *query.Error) string {
	if e.Problem != query.Missing {
		return e.Error()
	}
	member := e.Parameter
	if member != "" {
		member = strings.ToLower(member[:1]) + member[1:]
	}
	return "1 validation error detected: Value null at '" + member + "' failed to satisfy constraint: Member must not be null"
}
