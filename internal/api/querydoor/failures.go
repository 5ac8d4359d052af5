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

const badKey = "The security token included in the request is invalid."

// What the door itself refuses.
var (
	// errAction says that the service has no such operation here.
	errAction = errors.New("querydoor: no such action")
	// errUnread is about a parameter that the operation does not have here.
	errUnread = errors.New("querydoor: parameter not read")
)

// common gives the errors of the gate, the front and the door their form. Signatures, and
// errors with fields of their own, are in describeTyped.
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
	{errAction, http.StatusBadRequest, "InvalidAction", ""},
	{errUnread, http.StatusBadRequest, "ValidationError", ""},
}

func describeTyped(err error) (Failure, bool) {
	if form, ok := errors.AsType[*query.Error](err); ok {
		return Failure{err, http.StatusBadRequest, "ValidationError", formText(form)}, true
	}
	refusal, ok := sigv4.RefusalOf(err)
	switch {
	case !ok:
		return Failure{}, false
	case refusal.Incomplete:
		return Failure{err, http.StatusBadRequest, "IncompleteSignature", refusal.Sentence}, true
	}
	return Failure{err, http.StatusForbidden, "SignatureDoesNotMatch", refusal.Sentence}, true
}

// formText is the sentence of the services about a form that cannot be read.
func formText(e *query.Error) string {
	const detected = "1 validation error detected: Value "
	switch e.Problem {
	case query.Missing:
		return detected + "null at '" + memberPath(e.Parameter) + "' failed to satisfy constraint: Member must not be null"
	case query.Empty:
		return detected + "'' at '" + memberPath(e.Parameter) + "' failed to satisfy constraint: Member must have length greater than or equal to 1"
	}
	return e.Sentence()
}

// memberPath is a parameter's name as the services tell it: tags.1.member.key
// for Tags.member.1.Key.
func memberPath(parameter string) string {
	parts := strings.Split(parameter, ".")
	for i := 0; i < len(parts); i++ {
		switch part := parts[i]; {
		case part == "member" && i+1 < len(parts):
			parts[i], parts[i+1] = parts[i+1], part
			i++
		case part != "":
			parts[i] = strings.ToLower(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, ".")
}
