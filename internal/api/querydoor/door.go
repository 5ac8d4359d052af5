// Package querydoor is what the doors of services that speak the AWS query
// protocol have in common: a request finds its operation in the service's table,
// is decoded whole before anything happens, and gets its answer or error as XML.
//
// Source: Smithy 2.0, "AWS query protocol"; IAM API Reference, "Common Errors".
package querydoor

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// Run carries a decoded request out. Its result is what package query encodes,
// nil for an operation without output.
type Run func(ctx context.Context, who access.Caller) (result any, err error)

// Operation decodes the parameters of one operation. It has no effect; the door
// checks what the form says of the reads before it runs the result.
type Operation func(f query.Form) Run

// Failure is the wire form of an error.
type Failure struct {
	Err    error
	Status int
	Code   string
	// Message stands for the text of the error, where that is not for the caller.
	Message string
}

// Service is one service behind its door. All fields but JSON are required.
type Service struct {
	Namespace  string // of its documents
	Version    string // of its API, "2010-05-08"
	Operations map[string]Operation
	// Failures gives the errors of the domain their form, the first match wins.
	Failures []Failure
	Log      *slog.Logger
	// JSON answers those who accept nothing else, as Kubernetes does of STS, in
	// JSON. The results need the tags of encoding/json.
	JSON bool
}

// Door answers the requests of one service. It implements front.Door.
type Door struct{ service Service }

var _ front.Door = (*Door)(nil)

// New returns the door of a service.
func New(s Service) *Door { return &Door{s} }

// Serve answers an authenticated request.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	form, err := query.Parse(string(r.Body), r.URL.RawQuery)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	body, err := d.answer(r, form)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, body)
}

// inJSON reports whether the answer is to be in JSON.
func (d *Door) inJSON(r *front.Request) bool {
	return d.service.JSON && r.Header.Get("Accept") == query.JSONContentType
}

// Refuse answers a request that was not admitted. One that needs no signature on
// AWS, such as AssumeRoleWithWebIdentity, is refused by its name.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	if errors.Is(err, front.ErrNoAuthentication) {
		name := actionOf(string(r.Body), r.URL.RawQuery)
		if _, ok := d.service.Operations[name]; !ok && name != "" {
			err = noAction(name, d.service.Version)
		}
	}
	d.fail(w, r, err)
}

// actionOf finds the Action in forms of which the end may be missing.
func actionOf(forms ...string) string {
	for _, form := range forms {
		for pair := range strings.SplitSeq(form, "&") {
			if name, ok := strings.CutPrefix(pair, "Action="); ok {
				return name
			}
		}
	}
	return ""
}

func (d *Door) answer(r *front.Request, form query.Form) ([]byte, error) {
	name, version := form.Action(), form.Version()
	operation, ok := d.service.Operations[name]
	if !ok || version != "" && version != d.service.Version {
		return nil, noAction(name, version)
	}
	r.Exchange.Operation = name
	run := operation(form)
	if err := form.Err(); err != nil {
		return nil, err
	}
	// What we do not know we do not drop: the caller may rely on it.
	if unread := form.Unread(); len(unread) > 0 {
		return nil, refusal.New(errUnread, "The parameter %.128s is not supported for this operation.", unread[0])
	}
	result, err := run(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	answer := query.Answer{Namespace: d.service.Namespace, Action: name, RequestID: r.ID}
	if d.inJSON(r) {
		return answer.AppendJSON(nil, result)
	}
	return answer.Append(nil, result)
}

func noAction(name, version string) error {
	return refusal.New(errAction, "Could not find operation %.64s for version %.16s", name, version)
}

func (d *Door) fail(w http.ResponseWriter, r *front.Request, err error) {
	f := d.service.describe(err)
	if unrecorded := r.Refused(f.Code, f.Message); unrecorded != nil {
		err = unrecorded
		f = d.service.describe(err)
	}
	fault := "Sender"
	if f.Status >= http.StatusInternalServerError {
		fault = "Receiver"
		d.service.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	answer := query.ErrorAnswer{Namespace: d.service.Namespace, Type: fault, Code: f.Code, Message: f.Message, RequestID: r.ID}
	if d.inJSON(r) {
		d.write(w, r, f.Status, answer.AppendJSON(nil))
		return
	}
	d.write(w, r, f.Status, answer.Append(nil))
}

func (d *Door) write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", query.ContentType)
	if d.inJSON(r) {
		h.Set("Content-Type", query.JSONContentType)
	}
	h.Set("x-amzn-RequestId", r.ID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// ErrorCode is the name that err has on the wire of a service with these
// failures, for the audit record.
func ErrorCode(failures []Failure, err error) string {
	s := Service{Failures: failures}
	return s.describe(err).Code
}

// describe finds the wire form of err. What it does not know is our fault.
func (s *Service) describe(err error) Failure {
	for _, list := range [][]Failure{s.Failures, common} {
		for _, f := range list {
			if errors.Is(err, f.Err) {
				if f.Message == "" {
					f.Message = err.Error()
				}
				return f
			}
		}
	}
	if f, ok := describeTyped(err); ok {
		return f
	}
	return Failure{err, http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error."}
}
