// Package cloudfront is CloudFront's door: it decodes REST-XML requests, calls
// package delivery, and encodes the answers. It owns the wire's spellings: the
// shapes of documents (config.go, resources.go), the routes, and the one table
// of errors.
//
// Source: CloudFront API Reference 2020-05-31.
package cloudfront

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// version begins every path.
const version = "/2020-05-31"

// MaxBodyBytes bounds a request body: a distribution with every quota used up
// has less than half.
const MaxBodyBytes = restxml.MaxBytes

// Door is the entrance to delivery.Service. It may be used concurrently.
type Door struct {
	service *delivery.Service
	log     *slog.Logger
}

var _ front.Door = (*Door)(nil)

// New returns a door to service. What is our fault goes to log.
func New(service *delivery.Service, log *slog.Logger) *Door { return &Door{service, log} }

// call is one request on its way through a handler.
type call struct {
	*front.Request
	// ids are the variables of the path, in their order.
	ids []string
}

// ifMatch is the version that a change was made for.
func (c *call) ifMatch() string { return c.Header.Get("If-Match") }

// page reads MaxItems and Marker.
func (c *call) page() (delivery.Page, error) {
	q := c.URL.Query()
	p := delivery.Page{After: q.Get("Marker")}
	if s := q.Get("MaxItems"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 1 {
			return p, refusal.New(delivery.ErrInvalid, "The parameter MaxItems must be a number above zero.")
		}
		p.Max = int(n)
	}
	return p, nil
}

// body decodes the request's document.
func body[T any](c *call, root string, s *shape[T]) (T, error) {
	if len(c.Body) == 0 {
		return s.fresh(), errNoBody
	}
	return decode(s, root, c.Body)
}

// answer is a successful answer. Its zero value is 204 without a body.
type answer struct {
	status int
	// id is the last segment of the Location header, "" for none.
	id   string
	etag string
	body []byte
	// header is what else the answer has.
	header map[string]string
}

// made is the answer to a create.
func made[V any](root string, c codec[V], v *V, id, etag string) *answer {
	return &answer{status: http.StatusCreated, id: id, etag: etag, body: document(root, c, v)}
}

// found is the answer to a get or an update.
func found[V any](root string, c codec[V], v *V, etag string) *answer {
	return &answer{status: http.StatusOK, etag: etag, body: document(root, c, v)}
}

// Serve implements front.Door.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	a, err := d.answer(r)
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("X-Amzn-Requestid", r.ID)
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if a.id != "" {
		h.Set("Location", location(r, a.id))
	}
	if a.body == nil {
		w.WriteHeader(cmp.Or(a.status, http.StatusNoContent))
		return
	}
	h.Set("Content-Type", "text/xml")
	for name, value := range a.header {
		h[name] = []string{value}
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// Whoever does not read the answer has hung up.
	_, _ = w.Write(a.body)
}

// location is the URL of what was created by a request to its collection.
func location(r *front.Request, id string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	u := url.URL{Scheme: scheme, Host: r.Host, Path: strings.TrimSuffix(r.URL.Path, "/") + "/" + id}
	return u.String()
}

func (d *Door) answer(r *front.Request) (*answer, error) {
	route, ids, err := match(r.Method, r.URL)
	if err != nil {
		return nil, err
	}
	r.Exchange.Operation = route.operation
	return route.handle(d, &call{r, ids})
}

// Refuse implements front.Door. What is our fault goes to the log, and the
// client learns only the request's id.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	form := wireForm(err)
	if unrecorded := r.Refused(form.Code, form.Message); unrecorded != nil {
		err = unrecorded
		form = wireForm(err)
	}
	kind := "Sender"
	if form.Status >= http.StatusInternalServerError {
		kind = "Receiver"
		d.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("service", "cloudfront"), slog.String("request", r.ID), slog.Any("error", err))
	}
	body := restxml.ErrorResponse{
		Namespace: restxml.CloudFrontNamespace, Type: kind, Code: form.Code, Message: form.Message, RequestID: r.ID,
	}.Append(nil)
	h := w.Header()
	h.Set("X-Amzn-Requestid", r.ID)
	h.Set("Content-Type", "text/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(form.Status)
	_, _ = w.Write(body)
}
