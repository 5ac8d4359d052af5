package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// Functions runs the functions that behaviours name. It is safe for concurrent use.
type Functions interface {
	// Invoke runs the version of a Lambda function, or the live stage of a
	// CloudFront function, of an account. Errors are those of
	// function.Function.Invoke; any other is a function that is not there.
	Invoke(ctx context.Context, account arn.AccountID, functionARN string, in function.Invocation) (*function.Result, error)
}

// How the edge came by an answer that a function has to do with.
const (
	resultLambda            = "LambdaGeneratedResponse from cloudfront"
	resultLambdaExecution   = "LambdaExecutionError from cloudfront"
	resultLambdaValidation  = "LambdaValidationError from cloudfront"
	resultLambdaLimit       = "LambdaLimitExceeded from cloudfront"
	resultFunction          = "FunctionGeneratedResponse from cloudfront"
	resultFunctionExecution = "FunctionExecutionError from cloudfront"
	resultFunctionThrottled = "FunctionThrottledError from cloudfront"
)

// The reasons that viewers read. Why a function failed is its owner's business.
const (
	reasonLambda      = "The Lambda function associated with the CloudFront distribution is invalid or doesn't have the required permissions."
	reasonLambdaValid = "The Lambda function result failed validation."
	reasonLambdaLimit = "The Lambda function associated with the CloudFront distribution was throttled."
	reasonFunction    = "The CloudFront function associated with the CloudFront distribution is invalid or could not run."
	reasonFunctionRun = "The CloudFront function associated with the CloudFront distribution was throttled."
)

// happening is where an event of a function happens.
type happening struct {
	e      *Edge
	site   *site
	f      *delivery.Function
	event  trigger.Event
	id     string
	client string
}

func (h *happening) context() *trigger.Context {
	return &trigger.Context{
		Event: h.event, DistributionDomain: h.site.d.DomainName, DistributionID: string(h.site.d.ID), RequestID: h.id,
	}
}

// run has the function answer an event. An error is a *failure.
func (h *happening) run(ctx context.Context, event []byte) (*function.Result, error) {
	if h.e.cfg.Functions == nil {
		return nil, h.failed(ctx, function.ErrClosed)
	}
	in := function.Invocation{RequestID: h.id, Payload: event}
	if h.f.Lambda {
		in.Timeout = h.event.Timeout()
	}
	r, err := h.e.cfg.Functions.Invoke(ctx, h.site.d.Account, h.f.ARN, in)
	if err != nil {
		return nil, h.failed(ctx, err)
	}
	return r, nil
}

// failed tells the log why there is no result to go on with, and the viewer
// that there is none.
//
// Source: CloudFront Developer Guide, "HTTP 502 status code", "HTTP 503 status
// code", on Lambda validation, execution and limits.
func (h *happening) failed(ctx context.Context, err error) *failure {
	h.e.log.LogAttrs(ctx, slog.LevelWarn, "function failed",
		slog.String("requestId", h.id),
		slog.String("distribution", string(h.site.d.ID)),
		slog.String("function", h.f.ARN),
		slog.String("event", h.event.String()),
		slog.Any("err", err))
	var invalid *trigger.Invalid
	limit := errors.Is(err, function.ErrThrottled) || errors.Is(err, function.ErrTimeout)
	switch {
	case h.f.Lambda && (errors.As(err, &invalid) || errors.Is(err, function.ErrTooLarge)):
		return &failure{http.StatusBadGateway, reasonLambdaValid, err, resultLambdaValidation}
	case h.f.Lambda && limit:
		return &failure{http.StatusServiceUnavailable, reasonLambdaLimit, err, resultLambdaLimit}
	case h.f.Lambda:
		return &failure{http.StatusServiceUnavailable, reasonLambda, err, resultLambdaExecution}
	case errors.Is(err, function.ErrThrottled):
		return &failure{http.StatusServiceUnavailable, reasonFunctionRun, err, resultFunctionThrottled}
	default:
		return &failure{http.StatusServiceUnavailable, reasonFunction, err, resultFunctionExecution}
	}
}

// at returns the happening of an event, and false if no function waits for it.
func (x *exchange) at(event trigger.Event) (*happening, bool) {
	f := x.plan.b.Functions[event]
	if f == nil {
		return nil, false
	}
	return &happening{x.e, x.site, f, event, x.id, x.clientIP()}, true
}

func (x *exchange) clientIP() string {
	if a := x.sender.Addr.Addr(); a.IsValid() {
		return a.String()
	}
	return ""
}

// viewerRequest runs the function for an admitted request, which goes on as the
// function returned it. If it returned an answer, that is sent, and so is an
// error; viewerRequest is then false.
//
// What the function changes does not lead to another behaviour, and past no
// check: that was passed with what the viewer sent.
func (x *exchange) viewerRequest() bool {
	h, ok := x.at(trigger.ViewerRequest)
	if !ok {
		return true
	}
	sent := x.seen()
	if h.f.IncludeBody && x.r.ContentLength != 0 {
		up := &upload{body: x.r.Body, rc: &x.rc}
		body, rest, err := peek(up, h.event.MaxBody())
		up.stop()
		if err != nil {
			panic(http.ErrAbortHandler) // the viewer is gone
		}
		sent.Body, x.r.Body = body, io.NopCloser(io.MultiReader(bytes.NewReader(rest), x.r.Body))
	}
	got, answer, change, err := h.request(x.r.Context(), sent)
	var f *failure
	switch {
	case errors.As(err, &f):
		x.failed(f)
		return false
	case answer != nil:
		result := resultFunction
		if h.f.Lambda {
			result = resultLambda
		}
		x.sendMade(answer, result)
		return false
	}
	if change != nil {
		to, err := x.site.changed(x.plan.b, change)
		if err != nil {
			x.failed(h.failed(x.r.Context(), err))
			return false
		}
		x.chosen = to
	}
	x.proceed(got)
	return true
}

// seen is the viewer's request as functions see it.
func (x *exchange) seen() *trigger.Request {
	header := x.r.Header.Clone()
	header["Host"] = []string{x.r.Host}
	return &trigger.Request{ClientIP: x.clientIP(), Method: x.r.Method, URI: x.path, Query: x.query, Header: header}
}

// proceed continues with what a function made of the viewer's request.
func (x *exchange) proceed(got *trigger.Request) {
	r := x.r.WithContext(x.r.Context())
	delete(got.Header, "Host")
	r.Header = got.Header
	if got.Body != nil && got.Body.Replaced {
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(got.Body.Data)), int64(len(got.Body.Data)), nil
	}
	x.r, x.target = r, target{path: got.URI, query: got.Query}
}

// request runs a function at a request event.
func (h *happening) request(ctx context.Context, sent *trigger.Request) (*trigger.Request, *trigger.Response, *trigger.OriginChange, error) {
	c := h.context()
	make, read := c.LambdaEvent, c.ReadLambdaRequest
	if !h.f.Lambda {
		make, read = c.FunctionEvent, c.ReadFunctionRequest
	}
	event, err := make(sent, nil)
	if err != nil {
		return nil, nil, nil, h.failed(ctx, err)
	}
	result, err := h.run(ctx, event)
	if err != nil {
		return nil, nil, nil, err
	}
	got, answer, err := read(sent, result.Payload)
	if err != nil {
		return nil, nil, nil, h.failed(ctx, err)
	}
	var change *trigger.OriginChange
	if result.Origin != nil {
		if change, err = trigger.ReadOriginChange(result.Origin); err != nil {
			return nil, nil, nil, h.failed(ctx, err)
		}
	}
	return got, answer, change, nil
}

// response runs a function at a response event.
func (h *happening) response(ctx context.Context, to *trigger.Request, sent *trigger.Response) (*trigger.Response, error) {
	c := h.context()
	make, read := c.LambdaEvent, c.ReadLambdaResponse
	if !h.f.Lambda {
		make, read = c.FunctionEvent, c.ReadFunctionResponse
	}
	event, err := make(to, sent)
	if err != nil {
		return nil, h.failed(ctx, err)
	}
	result, err := h.run(ctx, event)
	if err != nil {
		return nil, err
	}
	got, err := read(sent, result.Payload)
	if err != nil {
		return nil, h.failed(ctx, err)
	}
	return got, nil
}

// peek reads the beginning of a body for a function to see, and returns all that
// it has read.
func peek(r io.Reader, most int) (*trigger.Body, []byte, error) {
	read, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, nil, err
	}
	return &trigger.Body{Data: read[:min(len(read), most)], Truncated: len(read) > most}, read, nil
}

// viewerResponse runs the function for an answer that is about to be sent, whose
// headers are in h, and which the edge came by as result says. It returns the status
// to send it with, or false if it has sent another answer, the function's own or an
// error.
//
// Source: CloudFront Developer Guide, "Restrictions on edge functions": it does
// not run for errors, and not for answers that the edge itself or a
// viewer-request function made.
func (x *exchange) viewerResponse(h http.Header, status int, result string) (int, bool) {
	at, ok := x.at(trigger.ViewerResponse)
	if !ok || status >= http.StatusBadRequest || x.instead != 0 {
		return status, true
	}
	sent := &trigger.Response{Status: status, Reason: http.StatusText(status), Header: make(http.Header, len(h))}
	for name, values := range h {
		if values != nil { // those without are net/http's business
			sent.Header[name] = values
		}
	}
	got, err := at.response(x.r.Context(), x.seen(), sent)
	clear(h)
	var f *failure
	switch {
	case errors.As(err, &f):
		x.failed(f)
		return 0, false
	case got.Body != nil:
		x.sendMade(got, result)
		return 0, false
	}
	maps.Copy(h, got.Header)
	return got.Status, true
}

// sendMade sends an answer that a function made.
func (x *exchange) sendMade(r *trigger.Response, result string) {
	h := x.w.Header()
	for name, values := range r.Header {
		if !hopByHop(name) {
			h[name] = values
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing one
	}
	x.mark(h, result)
	if r.Status != http.StatusNoContent && r.Status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
	}
	x.w.WriteHeader(r.Status)
	if x.r.Method != http.MethodHead && len(r.Body) > 0 {
		_, _ = viewer{x}.Write(r.Body) // the viewer may be gone
	}
}

// made turns an answer that a function made at an origin event into the origin's.
func made(r *trigger.Response) *http.Response {
	return &http.Response{
		StatusCode: r.Status, Status: strconv.Itoa(r.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
}

// generated is what an answer's being made by a function changes about it.
func generated(m *cache.Meta, result string) string {
	if m.Generated && result == resultMiss {
		return resultLambda
	}
	return result
}
