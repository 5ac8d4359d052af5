// Package kms is the key service's door: the AWS KMS wire protocol, AWS JSON 1.1,
// over package keyring. It decodes a request into the SDK's input type, checks
// the constraints of the service model, calls the Ring, and encodes the SDK's
// output type. It decides nothing.
//
// Operations that Keyfront lacks are in the table too, and answer
// UnsupportedOperationException once their shape is right.
//
// Source: AWS KMS API Reference, API version 2014-11-01; Smithy 2.0, "AWS JSON 1.1
// protocol".
package kms

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// MaxBodyBytes bounds a request: the largest has a policy of 128 KiB, each byte
// of which may take six in JSON.
const MaxBodyBytes = awsjson.MaxBytes

// targetPrefix begins the X-Amz-Target of every operation.
const targetPrefix = "TrentService"

// Door serves the KMS protocol. It may be used concurrently.
type Door struct {
	ring    *keyring.Ring
	log     *slog.Logger
	answers sync.Pool // of *[]byte
}

// New returns a door over ring. log receives what is our fault; nil discards it.
func New(ring *keyring.Ring, log *slog.Logger) *Door {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Door{ring: ring, log: log}
	d.answers.New = func() any { return new([]byte) }
	return d
}

// operation answers one decoded call: it appends the body of the answer to dst.
type operation func(ctx context.Context, ring *keyring.Ring, who access.Caller, dst, body []byte) ([]byte, error)

// Serve answers an authenticated request.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		d.writeError(w, r, http.StatusNotFound, unknownOperation)
		return
	}
	prefix, name, _ := awsjson.Operation(r.Header.Get("X-Amz-Target"))
	op := operations[name]
	if op == nil || prefix != targetPrefix {
		d.writeError(w, r, http.StatusBadRequest, unknownOperation)
		return
	}
	r.Exchange.Operation = name
	buf := d.answers.Get().(*[]byte)
	defer func() {
		clear(*buf) // an answer may hold plaintext
		d.answers.Put(buf)
	}()
	answer, err := op(r.Context(), d.ring, r.Caller, (*buf)[:0], r.Body)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	*buf = answer
	d.write(w, r, http.StatusOK, answer)
}

// Refuse answers a request that failed before Serve could be called.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	d.refuse(w, r, err)
}

func (d *Door) refuse(w http.ResponseWriter, r *front.Request, err error) {
	status, body := wireError(err)
	if unrecorded := r.Refused(body.Type, body.Message); unrecorded != nil {
		err = unrecorded
		status, body = wireError(err)
	}
	if status >= http.StatusInternalServerError {
		d.log.LogAttrs(r.Context(), slog.LevelError, "key service failed", slog.String("request", r.ID), slog.Any("error", err))
	}
	d.writeError(w, r, status, body)
}

func (d *Door) writeError(w http.ResponseWriter, r *front.Request, status int, body awsjson.ErrorBody) {
	d.write(w, r, status, body.Append(nil))
}

// Header values that all answers share. Nobody changes them.
var (
	contentType  = []string{awsjson.ContentType}
	cacheControl = []string{"no-cache, no-store, must-revalidate, private"}
	pragma       = []string{"no-cache"}
	expires      = []string{"0"}
)

func (d *Door) write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	own := [...]string{r.ID, strconv.Itoa(len(body))} // one allocation for both headers
	h["X-Amzn-Requestid"] = own[:1:1]
	h["Content-Type"] = contentType
	h["Cache-Control"] = cacheControl
	h["Pragma"] = pragma
	h["Expires"] = expires
	h["Content-Length"] = own[1:]
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		d.log.LogAttrs(r.Context(), slog.LevelDebug, "answer not delivered", slog.String("request", r.ID), slog.Any("error", err))
	}
}
