package jsondoor

import (
	"errors"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const invalidToken = "The security token included in the request is invalid."

// common gives the errors of the gate and the front their form. Signatures, and
// errors with fields of their own, are in describeTyped.
//
// Source: AWS Systems Manager API Reference, "Common Errors".
var common = []Failure{
	{Err: access.ErrDenied, Status: http.StatusBadRequest, Code: "AccessDeniedException", Capital: true},
	{Err: front.ErrNoAuthentication, Status: http.StatusBadRequest, Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"},
	{Err: front.ErrUnknownAccessKey, Status: http.StatusBadRequest, Code: "UnrecognizedClientException", Message: invalidToken},
	{Err: front.ErrInvalidToken, Status: http.StatusBadRequest, Code: "UnrecognizedClientException", Message: invalidToken},
	{Err: front.ErrExpiredToken, Status: http.StatusBadRequest, Code: "ExpiredTokenException", Message: "The security token included in the request is expired"},
	{Err: front.ErrBodyTooLarge, Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException", Message: "Request size exceeds the maximum of this service."},
	{Err: front.ErrBodyRead, Status: http.StatusBadRequest, Code: "SerializationException", Message: "The request body could not be read."},
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
		syntax  *awsjson.DecodeError
		invalid *awsjson.ValidationError
	)
	switch {
	case errors.As(err, &syntax) && syntax.Problem == awsjson.Empty:
		return Failure{Err: err, Status: http.StatusBadRequest, Code: "ValidationException", Message: syntax.Message()}, true
	case errors.As(err, &syntax):
		return Failure{Err: err, Status: http.StatusBadRequest, Code: "SerializationException", Message: syntax.Message()}, true
	case errors.As(err, &invalid):
		return Failure{Err: err, Status: http.StatusBadRequest, Code: "ValidationException", Message: invalid.Message()}, true
	}
	refusal, ok := sigv4.RefusalOf(err)
	if !ok {
		return Failure{}, false
	}
	code := "InvalidSignatureException"
	if refusal.Incomplete {
		code = "IncompleteSignatureException"
	}
	return Failure{Err: err, Status: http.StatusBadRequest, Code: code, Message: refusal.Sentence}, true
}
