// Package front is the one listener of the API address. It finds the service a
// request is for, verifies who calls (SigV4), bounds the request, gives it an
// id, and hands it to that service's door.
package front

import (
	"errors"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// What can be wrong with a request before its service sees it, next to the
// errors of package sigv4. Each door gives them its own wire form.
var (
	// ErrNoAuthentication says that the request is unsigned. The S3 door serves
	// such requests as anonymous instead.
	ErrNoAuthentication = errors.New("front: request is not signed")
	// ErrUnknownAccessKey says that the access key id is unknown, inactive, or
	// goes without the session token that it needs (or with one it must not have).
	ErrUnknownAccessKey = errors.New("front: unknown access key")
	// ErrInvalidToken says that the session token is not one of ours.
	ErrInvalidToken = errors.New("front: invalid session token")
	// ErrExpiredToken says that the session has ended.
	ErrExpiredToken = errors.New("front: expired session token")
	// ErrBodyTooLarge says that the body exceeds the service's bound.
	ErrBodyTooLarge = errors.New("front: request body too large")
	// ErrBodyRead says that the body ended early or arrived too slowly.
	ErrBodyRead = errors.New("front: request body could not be read")
)

// Request is one request on its way to its service.
type Request struct {
	*http.Request
	// ID is the request id that every answer and record carries.
	ID string
	// Caller is who calls. In Refuse its principal may be missing.
	Caller access.Caller
	// Body is the whole body, read and checked against the signature. It is nil
	// for services that stream; those read Request.Body under Payload. In Refuse
	// it may be missing, or the beginning of the body.
	Body []byte
	// Auth is what the verified signature says; its Form is sigv4.FormNone for
	// an anonymous request.
	Auth sigv4.Auth
	// Version2 says that the request is a presigned URL of Signature Version 2. Its
	// Auth is empty and its caller nobody until the door has verified it.
	Version2 bool
	// Exchange is what the caller's calls know of this request. The door sets its
	// Operation.
	Exchange access.Exchange
	// Payload says how the body of a streaming service is to be checked. Its
	// zero value belongs to anonymous requests.
	Payload sigv4.Payload

	front   *Front
	service string
	hop     *hop // nil unless the edge or a function of it sends it
}

// hop is what HopHeader says of a request.
type hop struct{ scheme, service string }

// Refused records that the request was refused with an error of that code, if
// it is an admitted one and nothing else was recorded of it. Doors call it before
// they answer with an error, and answer with the one that it returns, if any.
func (r *Request) Refused(code, message string) error {
	if r.front == nil || r.front.cfg.Refused == nil {
		return nil
	}
	return r.front.cfg.Refused(r.Context(), r.Caller, r.service, code, message)
}

// Door is one service's entrance: decode, call the domain, encode.
type Door interface {
	// Serve answers an authenticated (or, for S3, anonymous) request.
	Serve(w http.ResponseWriter, r *Request)
	// Refuse answers a request that failed with err before Serve could be called.
	Refuse(w http.ResponseWriter, r *Request, err error)
}
