// Package lambda is the door of the functions: AWS Lambda's wire protocol, REST
// with JSON, over package lambda. It decodes, calls and encodes; it decides
// nothing.
//
// Source: AWS Lambda API Reference, API version 2015-03-31.
package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// MaxBodyBytes bounds a request: a zip of 50 MB in base64, and its function.
const MaxBodyBytes = 69905067

// Door is the entrance to lambda.Service. It may be used concurrently.
type Door struct {
	service *lambda.Service
	log     *slog.Logger
}

var _ front.Door = (*Door)(nil)

// New returns a door to service. What is our fault goes to log.
func New(service *lambda.Service, log *slog.Logger) *Door { return &Door{service, log} }

// call is one request on its way through a handler.
type call struct {
	*front.Request
	// ids are the variables of the path, in their order.
	ids []string
}

func (c *call) qualifier() string { return c.URL.Query().Get("Qualifier") }

func (c *call) page() (lambda.Page, error) {
	q := c.URL.Query()
	p := lambda.Page{Marker: q.Get("Marker")}
	if s := q.Get("MaxItems"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 10_000 {
			return p, malformed("maxItems", s, "have value between 1 and 10000")
		}
		p.Max = n
	}
	return p, nil
}

// decode reads the body of a request, an object; none is an empty one. A member that
// T lacks is a setting that is not known here.
func decode[T any](c *call) (*T, error) {
	v := new(T)
	if len(bytes.TrimSpace(c.Body)) == 0 {
		return v, nil
	}
	in := json.NewDecoder(bytes.NewReader(c.Body))
	in.DisallowUnknownFields()
	err := in.Decode(v)
	if err == nil {
		if _, more := in.Token(); more != io.EOF {
			err = errors.New("there is more behind the object")
		}
	}
	if err != nil {
		return nil, refusal.New(lambda.ErrContent, "Could not parse request body into json: %v", err)
	}
	return v, nil
}

func invalid(format string, args ...any) error {
	return refusal.New(lambda.ErrInvalid, format, args...)
}

// malformed refuses a parameter for its form.
func malformed(parameter, value, constraint string) error {
	return refusal.New(lambda.ErrValidation, "1 validation error detected: Value '%.64s' at '%s' failed to satisfy constraint: Member must %s", value, parameter, constraint)
}

// answer is a successful answer; without a document it has an empty body.
type answer struct {
	status   int
	document any
	header   map[string]string
	// raw stands in for document.
	raw []byte
}

// Serve implements front.Door.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	a, err := d.answer(r)
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	body := a.raw
	if a.document != nil {
		if body, err = json.Marshal(a.document); err != nil {
			d.Refuse(w, r, err)
			return
		}
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	write(w, r, a.status, body)
}

func (d *Door) answer(r *front.Request) (*answer, error) {
	route, ids, err := match(r.Method, r.URL)
	if err != nil {
		return nil, err
	}
	r.Exchange.Operation = route.operation
	return route.handle(d, &call{r, ids})
}

// errUnsupported is about operations that Keyfront does not have.
var errUnsupported = errors.New("lambda: not supported")

// failures gives the refusals of package lambda their names on the wire.
//
// Source: AWS Lambda API Reference, the Errors of each operation.
var failures = []jsondoor.Failure{
	{Err: lambda.ErrNotFound, Status: http.StatusNotFound, Code: "ResourceNotFoundException", Capital: true},
	{Err: lambda.ErrConflict, Status: http.StatusConflict, Code: "ResourceConflictException"},
	{Err: lambda.ErrInvalid, Status: http.StatusBadRequest, Code: "InvalidParameterValueException"},
	{Err: lambda.ErrValidation, Status: http.StatusBadRequest, Code: "ValidationException"},
	{Err: lambda.ErrPrecondition, Status: http.StatusPreconditionFailed, Code: "PreconditionFailedException"},
	{Err: lambda.ErrCodeStorage, Status: http.StatusBadRequest, Code: "CodeStorageExceededException"},
	{Err: lambda.ErrPolicyLength, Status: http.StatusBadRequest, Code: "PolicyLengthExceededException"},
	{Err: lambda.ErrContent, Status: http.StatusBadRequest, Code: "InvalidRequestContentException"},
	{Err: lambda.ErrTooLarge, Status: http.StatusRequestEntityTooLarge, Code: "RequestTooLargeException"},
	{Err: lambda.ErrThrottled, Status: http.StatusTooManyRequests, Code: "TooManyRequestsException"},
	{Err: front.ErrBodyTooLarge, Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException", Message: "Request must be smaller than 69905067 bytes for the CreateFunction operation"},
	{Err: errUnsupported, Status: http.StatusNotFound, Code: "UnknownOperationException"},
}

// describe finds the wire form of err. What it does not know is our fault.
func describe(err error) jsondoor.Failure {
	for _, f := range failures {
		if !errors.Is(err, f.Err) {
			continue
		}
		if f.Message == "" {
			f.Message = err.Error()
			if sentence, ok := refusal.Sentence(err); ok {
				f.Message = sentence
			}
		}
		return f
	}
	if f, ok := jsondoor.Common(err); ok {
		f.Status = http.StatusForbidden // here all that is wrong with who calls is
		return f
	}
	return jsondoor.Failure{Err: err, Status: http.StatusInternalServerError, Code: "ServiceException", Message: "The request failed because of an internal error. Try again.", Capital: true}
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return describe(err).Code }

// Refuse implements front.Door. What is our fault goes to the log, and the
// client learns only the request's id.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	f := describe(err)
	if unrecorded := r.Refused(f.Code, f.Message); unrecorded != nil {
		err = unrecorded
		f = describe(err)
	}
	kind := "User"
	if f.Status >= http.StatusInternalServerError {
		kind = "Service"
		d.log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	text := "message"
	if f.Capital {
		text = "Message"
	}
	body, _ := json.Marshal(map[string]string{"Type": kind, text: f.Message}) // strings always encode
	w.Header().Set("x-amzn-ErrorType", f.Code)
	write(w, r, f.Status, body)
}

func write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	h.Set("x-amzn-RequestId", r.ID)
	h.Set("Cache-Control", "no-store")
	if status != http.StatusNoContent {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if len(body) > 0 {
		_, _ = w.Write(body) // the client may be gone
	}
}
