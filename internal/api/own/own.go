// Package own is the door to what Keyfront offers beyond AWS, below /_keyfront/:
// JSON over HTTP, signed with SigV4 under the service name "keyfront", decided by
// policies with actions "keyfront:…".
package own

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/function/journal"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
	"github.com/keyfront-project/keyfront/signedurl"
)

// MaxBodyBytes bounds a request's body.
const MaxBodyBytes = 1 << 20

// Config is what a Door needs. All fields are required.
type Config struct {
	Gate     *access.Gate
	Accounts *identity.Admin
	Buckets  *bucket.Service
	// RotateRootKey replaces the root key and names the new one.
	RotateRootKey func(ctx context.Context, who access.Caller) (sealed.RootID, error)
	// Describe finds what may speak on a described request. It returns
	// ErrDescription about one that makes no sense.
	Describe func(ctx context.Context, who access.Caller, q access.Question) (access.Described, error)
	// ExplainViewer tells what the edge would make of a viewer's request. Errors
	// wrap signedurl.ErrURL or access.ErrDenied.
	ExplainViewer func(ctx context.Context, who access.Caller, q edge.Question) (*edge.Explanation, error)
	// Signers keeps the signing profiles.
	Signers *signer.Service
	// DeliverTrails has the trails of the caller's account deliver what they owe.
	DeliverTrails func(ctx context.Context, who access.Caller) error
	// FunctionLogs reads the logs of functions.
	FunctionLogs journal.Reader
	Log          *slog.Logger
}

// Door answers requests below /_keyfront/.
type Door struct{ cfg Config }

var _ front.Door = (*Door)(nil)

// New returns the door.
func New(cfg Config) *Door { return &Door{cfg} }

// route is what answers a method and path. Its operation stands in the audit
// record of a request that is refused before it is decided.
type route struct {
	operation string
	answer    func(d *Door, r *front.Request) (any, error)
}

// routes are all below /_keyfront/ but rewrapRoute and those of signing profiles.
var routes = map[string]route{
	"POST explain":         {"Explain", (*Door).explain},
	"POST accounts":        {"CreateAccount", (*Door).createAccount},
	"POST root-key/rotate": {"RotateRootKey", (*Door).rotateRootKey},
	"POST trails/deliver":  {"DeliverTrails", (*Door).deliverTrails},
	"POST functions/logs":  {"ReadFunctionLogs", (*Door).functionLogs},
}

// ErrDescription says that a described request names nobody or nothing.
var ErrDescription = errors.New("the described request makes no sense")

var (
	errNoRoute = errors.New("no such route")
	errBody    = errors.New("the body is not the JSON object that this route takes")
	errRelease = errors.New("release is true or false")
)

// Serve answers an authenticated request.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	path := strings.TrimPrefix(r.URL.Path, front.OwnPrefix)
	if r.Method+" "+path == rewrapRoute {
		r.Exchange.Operation = "UpdateObjectEncryption"
		d.rewrap(w, r)
		return
	}
	found, known := routes[r.Method+" "+path]
	if below, ok := strings.CutPrefix(path, signerPrefix); ok {
		found, known = signerRoute(r.Method, below)
	}
	if !known {
		d.fail(w, r, errNoRoute)
		return
	}
	r.Exchange.Operation = found.operation
	answer, err := found.answer(d, r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	write(w, r, http.StatusOK, answer)
}

// Refuse answers a request that was not admitted.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) { d.fail(w, r, err) }

// decode reads the body strictly.
func decode(r *front.Request, into any) error {
	dec := json.NewDecoder(bytes.NewReader(r.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errBody
	}
	if _, err := dec.Token(); err != io.EOF { // there is more than one value
		return errBody
	}
	return nil
}

func write(w http.ResponseWriter, r *front.Request, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Amzn-RequestId", r.ID)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // for shells: URLs keep their '&'
	_ = enc.Encode(v)        // the client may be gone
}

// wireErrors gives the errors of the door and what lies below their form.
var wireErrors = []struct {
	err    error
	status int
	code   string
}{
	{errNoRoute, http.StatusNotFound, "NoSuchRoute"},
	{errBody, http.StatusBadRequest, "MalformedRequest"},
	{errRelease, http.StatusBadRequest, "MalformedRequest"},
	{signer.ErrNoProfile, http.StatusNotFound, "NoSuchSigner"},
	{signer.ErrExists, http.StatusConflict, "SignerAlreadyExists"},
	{signer.ErrInvalid, http.StatusBadRequest, "ValidationError"},
	{signer.ErrLimit, http.StatusBadRequest, "LimitExceeded"},
	{signer.ErrOutside, http.StatusForbidden, "OutsideSigner"},
	{signer.ErrNotReady, http.StatusServiceUnavailable, "SignerNotReady"},
	{signer.ErrDeleting, http.StatusConflict, "SignerDeleting"},
	{signer.ErrNoKey, http.StatusNotFound, "NoSuchKey"},
	{signer.ErrStillSigns, http.StatusConflict, "KeyStillSigns"},
	{signer.ErrLastKey, http.StatusConflict, "LastKey"},
	// Behind ErrInvalid: a profile says what it refuses.
	{signedurl.ErrURL, http.StatusBadRequest, "NoSuchRequest"},
	{ErrDescription, http.StatusBadRequest, "NoSuchRequest"},
	{access.ErrDenied, http.StatusForbidden, "AccessDenied"},
	{access.ErrNoDenial, http.StatusNotFound, "NoSuchDenial"},
	{bucket.ErrNoBucket, http.StatusNotFound, "NoSuchBucket"},
	{rootkey.ErrAbsent, http.StatusConflict, "NoRootKeyFile"},
	{identity.ErrExists, http.StatusConflict, "AccountAlreadyExists"},
	{identity.ErrValidation, http.StatusBadRequest, "ValidationError"},
	{front.ErrNoAuthentication, http.StatusForbidden, "MissingAuthenticationToken"},
	{front.ErrUnknownAccessKey, http.StatusForbidden, "InvalidClientTokenId"},
	{front.ErrInvalidToken, http.StatusForbidden, "InvalidClientTokenId"},
	{front.ErrExpiredToken, http.StatusForbidden, "ExpiredToken"},
	{front.ErrBodyTooLarge, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge"},
	{front.ErrBodyRead, http.StatusBadRequest, "IncompleteBody"},
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string {
	_, code, _ := describe(err)
	return code
}

func describe(err error) (status int, code, message string) {
	message = err.Error()
	if common, ok := jsondoor.Common(err); ok {
		message = common.Message
	}
	switch {
	case errors.Is(err, access.ErrNoDenial):
		message = "No denial of that request is remembered."
	case errors.Is(err, bucket.ErrNoBucket):
		message = "The bucket does not exist."
	}
	for _, e := range wireErrors {
		if errors.Is(err, e.err) {
			return e.status, e.code, message
		}
	}
	if key, ok := errors.AsType[*bucket.KeyError](err); ok {
		return http.StatusBadRequest, "KeyRefused", key.Error()
	}
	switch refusal, ok := sigv4.RefusalOf(err); {
	case ok && refusal.Incomplete:
		return http.StatusBadRequest, "IncompleteSignature", message
	case ok:
		return http.StatusForbidden, "SignatureDoesNotMatch", message
	}
	return http.StatusInternalServerError, "InternalFailure", "internal error"
}

func (d *Door) fail(w http.ResponseWriter, r *front.Request, err error) {
	status, code, message := describe(err)
	if unrecorded := r.Refused(code, message); unrecorded != nil {
		err = unrecorded
		status, code, message = describe(err)
	}
	if status >= http.StatusInternalServerError {
		d.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	write(w, r, status, map[string]string{"code": code, "message": message, "requestId": r.ID})
}
