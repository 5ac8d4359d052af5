// Package keyvalue is the door of key value stores' pairs: CloudFront KeyValueStore's
// wire protocol, REST with JSON, over package keyvalue. It decodes, calls and
// encodes; it decides nothing. The stores themselves are made at CloudFront's door.
//
// Clients find the service at ACCOUNT.cloudfront-kvs.global.api.aws, or before the
// host of an endpoint that they are given: ACCOUNT.localhost. Which host it is does
// not matter here, since the path has the store's ARN.
//
// Source: Amazon CloudFront KeyValueStore API Reference 2022-07-26.
package keyvalue

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
)

// MaxBodyBytes bounds a request.
const MaxBodyBytes = keyvalue.MaxUpdateBytes

// Door is the entrance to keyvalue.Service. It may be used concurrently.
type Door struct {
	service *keyvalue.Service
	log     *slog.Logger
}

var _ front.Door = (*Door)(nil)

// New returns a door to service. What is our fault goes to log.
func New(service *keyvalue.Service, log *slog.Logger) *Door { return &Door{service, log} }

// call is one request on its way through a handler.
type call struct {
	*front.Request
	// store is the ARN in the path, key the last segment of those paths that have one.
	store, key string
}

func (c *call) ifMatch() string { return c.Header.Get("If-Match") }

// answer is a successful answer.
type answer struct {
	etag string
	body []byte
}

// route is one operation: its name and method, and which of the three paths it has.
type route struct {
	operation, method string
	path              path
	handle            func(d *Door, c *call) (*answer, error)
}

type path uint8

const (
	ofStore path = iota // /key-value-stores/{KvsARN}
	ofKeys              // /key-value-stores/{KvsARN}/keys
	ofKey               // /key-value-stores/{KvsARN}/keys/{Key}
)

var routes = []route{
	{"DescribeKeyValueStore", http.MethodGet, ofStore, (*Door).describe},
	{"ListKeys", http.MethodGet, ofKeys, (*Door).list},
	{"UpdateKeys", http.MethodPost, ofKeys, (*Door).update},
	{"GetKey", http.MethodGet, ofKey, (*Door).get},
	{"PutKey", http.MethodPut, ofKey, (*Door).put},
	{"DeleteKey", http.MethodDelete, ofKey, (*Door).delete},
}

// match takes a request's path apart, which is still escaped: a key may have
// slashes of its own.
func match(r *front.Request) (*route, *call, error) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/key-value-stores/")
	segments := strings.Split(rest, "/")
	if !ok || len(segments) > 3 || len(segments) > 1 && segments[1] != "keys" {
		return nil, nil, errUnsupported
	}
	c, p := &call{Request: r}, path(len(segments)-1)
	var err error
	if c.store, err = url.PathUnescape(segments[0]); err != nil {
		return nil, nil, errUnsupported
	}
	if p == ofKey {
		if c.key, err = url.PathUnescape(segments[2]); err != nil {
			return nil, nil, errUnsupported
		}
	}
	for i := range routes {
		if routes[i].path == p && routes[i].method == r.Method {
			return &routes[i], c, nil
		}
	}
	return nil, nil, errUnsupported
}

// Serve implements front.Door.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	route, c, err := match(r)
	var a *answer
	if err == nil {
		r.Exchange.Operation = route.operation
		a, err = route.handle(d, c)
	}
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	write(w, r, http.StatusOK, a.body)
}

// errUnsupported is about paths that the service does not have.
var errUnsupported = errors.New("keyvalue: no such operation")

// failures gives the refusals of package keyvalue their names on the wire.
//
// Source: CloudFront KeyValueStore API Reference, the Errors of each operation.
var failures = []jsondoor.Failure{
	{Err: keyvalue.ErrNotFound, Status: http.StatusNotFound, Code: "ResourceNotFoundException"},
	{Err: keyvalue.ErrInvalid, Status: http.StatusBadRequest, Code: "ValidationException"},
	{Err: keyvalue.ErrStale, Status: http.StatusBadRequest, Code: "ValidationException"},
	{Err: keyvalue.ErrFull, Status: http.StatusPaymentRequired, Code: "ServiceQuotaExceededException"},
	{Err: front.ErrBodyTooLarge, Status: http.StatusBadRequest, Code: "ValidationException", Message: "The request has more than 3145728 bytes."},
	{Err: errUnsupported, Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "The service has no operation of this method and path."},
}

var service = jsondoor.Service{Failures: failures, Fault: "InternalServerException"}

// describe finds the wire form of err.
func describe(err error) jsondoor.Failure {
	if f, ok := jsondoor.Common(err); ok && !errors.Is(err, front.ErrBodyTooLarge) {
		f.Status = http.StatusForbidden // here all that is wrong with who calls is
		return f
	}
	return service.Describe(err)
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
	if f.Status >= http.StatusInternalServerError {
		d.log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", r.ID), slog.Any("err", err))
	}
	w.Header().Set("x-amzn-ErrorType", f.Code)
	write(w, r, f.Status, errorShape.Append(nil, &errorBody{f.Message}))
}

func write(w http.ResponseWriter, r *front.Request, status int, body []byte) {
	h := w.Header()
	h.Set("x-amzn-RequestId", r.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
