// Package sts is the door of the security token service: the AWS query protocol
// over package identity.
//
// Source: AWS STS API Reference 2011-06-15.
package sts

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Door answers STS requests.
type Door struct {
	gate *access.Gate
	log  *slog.Logger
}

var _ front.Door = (*Door)(nil)

// New returns the door.
func New(gate *access.Gate, log *slog.Logger) *Door { return &Door{gate: gate, log: log} }

// operations maps the Action parameter to what answers it.
var operations = map[string]func(d *Door, r *front.Request) (any, error){
	"GetCallerIdentity": (*Door).getCallerIdentity,
}

// errUnknownAction says that the service has no such operation here.
var errUnknownAction = errors.New("sts: unknown action")

// Serve answers an authenticated request.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	form, err := query.Parse(string(r.Body), r.URL.RawQuery)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	operation, ok := operations[form.Action()]
	if !ok {
		d.fail(w, r, fmt.Errorf("%w: %.64q", errUnknownAction, form.Action()))
		return
	}
	result, err := operation(d, r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	body, err := query.Answer{Namespace: query.STSNamespace, Action: form.Action(), RequestID: r.ID}.Append(nil, result)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	write(w, r, http.StatusOK, body)
}

// Refuse answers a request that was not admitted.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) { d.fail(w, r, err) }

type callerIdentity struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

func (d *Door) getCallerIdentity(r *front.Request) (any, error) {
	id, err := identity.WhoAmI(r.Context(), d.gate, r.Caller)
	if err != nil {
		return nil, err
	}
	return callerIdentity{Arn: id.ARN, UserID: id.UserID, Account: string(id.Account)}, nil
}

func write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", query.ContentType)
	h.Set("x-amzn-RequestId", r.ID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

const (
	badSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	badKey       = "The security token included in the request is invalid."
)

// wireErrors gives the errors of the door, the front and package sigv4 their
// form. Errors with fields of their own are in describe.
var wireErrors = []struct {
	err     error
	status  int
	code    string
	message string
}{
	{errUnknownAction, http.StatusBadRequest, "InvalidAction", "Could not find operation for this version: it is not supported."},
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

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string {
	_, code, _ := describe(err)
	return code
}

// describe finds the wire form of err. What it does not know is our fault.
func describe(err error) (status int, code, message string) {
	for _, e := range wireErrors {
		if errors.Is(err, e.err) {
			return e.status, e.code, e.message
		}
	}
	var (
		malformed *sigv4.MalformedError
		scope     *sigv4.ScopeError
		skew      *sigv4.SkewError
		expired   *sigv4.ExpiredError
		unsigned  *sigv4.UnsignedHeadersError
		mismatch  *sigv4.MismatchError
		payload   *sigv4.PayloadMismatchError
		form      *query.Error
	)
	switch {
	case errors.As(err, &malformed):
		return http.StatusBadRequest, "IncompleteSignature", malformed.Error()
	case errors.As(err, &scope):
		return http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to correct " + scope.Field + ": '" + scope.Want + "'."
	case errors.As(err, &skew):
		return http.StatusForbidden, "SignatureDoesNotMatch", skew.Sentence()
	case errors.As(err, &expired):
		return http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired"
	case errors.As(err, &unsigned), errors.As(err, &mismatch), errors.As(err, &payload):
		return http.StatusForbidden, "SignatureDoesNotMatch", badSignature
	case errors.As(err, &form):
		return http.StatusBadRequest, "ValidationError", form.Error()
	}
	return http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error."
}

func (d *Door) fail(w http.ResponseWriter, r *front.Request, err error) {
	status, code, message := describe(err)
	fault := "Sender"
	if status >= http.StatusInternalServerError {
		fault = "Receiver"
		d.log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	write(w, r, status, query.ErrorAnswer{
		Namespace: query.STSNamespace, Type: fault, Code: code, Message: message, RequestID: r.ID,
	}.Append(nil))
}
