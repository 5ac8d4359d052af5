// Package jsondoor is what the doors of services that speak AWS JSON 1.1 have in
// common: a request finds its operation in the service's table, is decoded and
// checked whole before anything happens, and gets its answer or error as JSON.
//
// Source: Smithy 2.0, "AWS JSON 1.1 protocol".
package jsondoor

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// Operation answers one call: it appends the body of the answer to dst.
type Operation func(ctx context.Context, who access.Caller, dst, body []byte) ([]byte, error)

// Answers makes an operation of a handler. rules are what the service model asks
// of the request's members.
func Answers[In, Out any](rules []awsjson.Rule, handle func(context.Context, access.Caller, *In) (*Out, error)) Operation {
	in, check, out := awsjson.Of[In](), awsjson.Compile[In](rules...), awsjson.Of[Out]()
	return func(ctx context.Context, who access.Caller, dst, body []byte) ([]byte, error) {
		request, err := in.Decode(body)
		if err != nil {
			return nil, err
		}
		if err := check.Check(request); err != nil {
			return nil, err
		}
		answer, err := handle(ctx, who, request)
		if err != nil {
			return nil, err
		}
		return out.Append(dst, answer), nil
	}
}

// Failure is the wire form of an error.
type Failure struct {
	Err    error
	Status int
	Code   string
	// Message stands for the text of the error, where that is not for the caller.
	Message string
	// Capital says that the service's model calls the text "Message".
	Capital bool
}

// Service is one service behind its door. All fields are required.
type Service struct {
	// Target is what X-Amz-Target has before the operation. Some clients qualify
	// it: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101".
	Target     string
	Operations map[string]Operation
	// Failures gives the errors of the domain their form, the first match wins.
	Failures []Failure
	// Fault is the code of what is our fault.
	Fault string
	Log   *slog.Logger
}

// Door answers the requests of one service. It implements front.Door.
type Door struct{ service Service }

var _ front.Door = (*Door)(nil)

// New returns the door of a service.
func New(s Service) *Door { return &Door{s} }

// Serve answers an authenticated request.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	target, name, _ := awsjson.Operation(r.Header.Get("X-Amz-Target"))
	op := d.service.Operations[name]
	if op == nil || !d.service.isTarget(target) || r.Method != http.MethodPost || r.URL.Path != "/" {
		write(w, r, http.StatusBadRequest, awsjson.ErrorBody{Type: "UnknownOperationException"}.Append(nil))
		return
	}
	r.Exchange.Operation = name
	answer, err := op(r.Context(), r.Caller, nil, r.Body)
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	write(w, r, http.StatusOK, answer)
}

func (s *Service) isTarget(target string) bool {
	return target[strings.LastIndexByte(target, '.')+1:] == s.Target
}

// Refuse answers a request that failed with err.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	f := d.service.Describe(err)
	if unrecorded := r.Refused(f.Code, f.Message); unrecorded != nil {
		err = unrecorded
		f = d.service.Describe(err)
	}
	if f.Status >= http.StatusInternalServerError {
		d.service.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	body := awsjson.ErrorBody{Type: f.Code, Message: f.Message, CapitalMessage: f.Capital}
	write(w, r, f.Status, body.Append(nil))
}

func write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", awsjson.ContentType)
	h.Set("x-amzn-RequestId", r.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// ErrorCode is the name that err has on the wire of a service with these
// failures, for the audit record.
func ErrorCode(failures []Failure, err error) string {
	s := Service{Failures: failures, Fault: "InternalServiceError"}
	return s.Describe(err).Code
}

// Describe finds the wire form of err. What it does not know is our fault.
func (s *Service) Describe(err error) Failure {
	if f, ok := find(s.Failures, err); ok {
		return f
	}
	if f, ok := Common(err); ok {
		return f
	}
	return Failure{Err: err, Status: http.StatusInternalServerError, Code: s.Fault, Message: "The request failed because of an internal error. Try again.", Capital: true}
}

func find(list []Failure, err error) (Failure, bool) {
	for _, f := range list {
		if errors.Is(err, f.Err) {
			if f.Message == "" {
				f.Message = sentence(err)
			}
			return f, true
		}
	}
	return Failure{}, false
}

func sentence(err error) string {
	if said, ok := refusal.Sentence(err); ok {
		return said
	}
	if denied, ok := errors.AsType[*access.Denied](err); ok {
		return denied.Message
	}
	return err.Error()
}
