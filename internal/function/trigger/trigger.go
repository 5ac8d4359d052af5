// Package trigger knows the documents that edge functions get and give: the
// four events of Lambda@Edge, and the two of CloudFront functions. It turns a
// request or a response into an event, and what the function returned into a
// changed request, a response, or an *Invalid that says which rule it breaks.
// It is pure: no I/O, no clock.
//
// Source: CloudFront Developer Guide, "Lambda@Edge event structure", "Work with
// requests and responses", "Restrictions on edge functions", and "CloudFront
// Functions event structure".
package trigger

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Event is when a function runs.
type Event uint8

// The four events, in the order of an exchange.
const (
	ViewerRequest Event = iota
	OriginRequest
	OriginResponse
	ViewerResponse
	// Events is the number of events.
	Events
)

var eventNames = [...]string{"viewer-request", "origin-request", "origin-response", "viewer-response"}

func (e Event) String() string { return eventNames[e] }

// ParseEvent finds an event by its name in the API.
func ParseEvent(name string) (Event, bool) {
	i := slices.Index(eventNames[:], name)
	return Event(max(i, 0)), i >= 0
}

// Viewer reports whether the event is on the viewer's side of the cache.
func (e Event) Viewer() bool { return e == ViewerRequest || e == ViewerResponse }

// Timeout bounds a Lambda function at the event.
//
// Source: CloudFront Developer Guide, "Quotas", Lambda@Edge.
func (e Event) Timeout() time.Duration {
	if e.Viewer() {
		return 5 * time.Second
	}
	return 30 * time.Second
}

// MaxBody is how much of a request's body is shown at the event, and how long a
// body or a response is that a function makes there; in bytes.
func (e Event) MaxBody() int {
	if e.Viewer() {
		return 40 << 10
	}
	return 1 << 20
}

// Invalid is a result that breaks a rule. Viewers get 502 for it, the owner the text.
type Invalid struct{ Reason string }

func (i *Invalid) Error() string { return "function result is not valid: " + i.Reason }

func invalid(format string, args ...any) error { return &Invalid{fmt.Sprintf(format, args...)} }

// Context is what an event says about where and for whom it happens.
type Context struct {
	Event              Event
	DistributionDomain string
	DistributionID     string
	RequestID          string
}

// Request is a request, as functions see and change it.
type Request struct {
	ClientIP, Method string
	// URI is the raw path, which begins with a slash; Query the raw query,
	// without question mark.
	URI, Query string
	Header     http.Header
	// Body is nil unless the function is to see it.
	Body *Body
	// Origin is nil but in origin events.
	Origin *Origin
}

// Body is a request's body.
type Body struct {
	Data []byte
	// Truncated says that Data is only the beginning.
	Truncated bool
	// Replaced says that the function has put Data in place of the body.
	Replaced bool
}

// Origin is where an origin request goes.
type Origin struct {
	// S3 says that it is a bucket; else it is any HTTP server, and has all of
	// the fields below but AuthMethod and Region.
	S3           bool
	DomainName   string
	Path         string
	Header       http.Header // custom headers
	Port         int
	HTTPS        bool
	ReadTimeout  time.Duration
	KeepAlive    time.Duration
	SSLProtocols []string
	// AuthMethod is "none" or "origin-access-identity".
	AuthMethod, Region string
}

// Response is a response, as functions see, change and make it.
type Response struct {
	Status int
	Reason string // the description of the status
	Header http.Header
	// Body is nil for the body as it is, and empty for none.
	Body []byte
}

// hidden reports whether functions neither see nor set a header, named
// canonically.
func hidden(name string) bool {
	switch name {
	case "Connection", "Expect", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Trailer", "Upgrade",
		"X-Accel-Buffering", "X-Accel-Charset", "X-Accel-Limit-Rate", "X-Accel-Redirect", "X-Amzn-Auth", "X-Amzn-Cf-Billing", "X-Amzn-Cf-Id",
		"X-Amzn-Cf-Xff", "X-Amzn-Errortype", "X-Amzn-Fle-Profile", "X-Amzn-Header-Count", "X-Amzn-Header-Order",
		"X-Amzn-Lambda-Integration-Tag", "X-Amzn-Requestid", "X-Cache", "X-Forwarded-Proto", "X-Real-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-Cf-") || strings.HasPrefix(name, "X-Edge-")
}

// fixed are the headers that a function sees but must leave as they are.
var fixed = [Events][]string{
	ViewerRequest: {"Content-Length", "Host", "Transfer-Encoding", "Via"},
	OriginRequest: {
		"Accept-Encoding", "Content-Length", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Transfer-Encoding", "Via",
	},
	OriginResponse: {"Transfer-Encoding", "Via"},
	ViewerResponse: {"Warning", "Via"},
}

// checkHeader checks a header that a function gave at an event, and adds what
// it does not see of the one it got. sent is nil for responses that it made.
func checkHeader(e Event, sent, got http.Header) error {
	for name, values := range got {
		if !token(name) {
			return invalid("header name %.64q", name)
		}
		if hidden(name) {
			return invalid("header %s is not allowed", name)
		}
		for _, v := range values {
			if !fieldValue(v) {
				return invalid("header %s has characters that a header must not have", name)
			}
		}
	}
	for name, values := range sent {
		if hidden(name) {
			got[name] = values
		}
	}
	if sent == nil {
		return nil
	}
	for _, name := range fixed[e] {
		if !slices.Equal(sent[name], got[name]) {
			return invalid("header %s is read-only in %s", name, e)
		}
	}
	if e == ViewerRequest && sent["Cloudfront-Viewer-Country"] == nil && got["Cloudfront-Viewer-Country"] != nil {
		return invalid("header CloudFront-Viewer-Country is not allowed")
	}
	return nil
}

func token(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// maxURLBytes bounds URI and query together.
const maxURLBytes = 8192

// checkTarget checks a URI and a query that a function gave.
func checkTarget(uri, query string) error {
	if !strings.HasPrefix(uri, "/") {
		return invalid("uri must begin with /")
	}
	if len(uri)+len(query) >= maxURLBytes {
		return invalid("uri and querystring are longer than %d bytes", maxURLBytes)
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == 0x7f || c == '?' || c == '#' {
			return invalid("uri has a character that it must not have")
		}
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return invalid("querystring has a character that it must not have")
		}
	}
	return nil
}

// checkGenerated checks a response that a function made.
func checkGenerated(e Event, r *Response) error {
	if err := checkHeader(e, nil, r.Header); err != nil {
		return err
	}
	return checkResponse(e, r)
}

func checkResponse(e Event, r *Response) error {
	size := len(r.Body)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	switch {
	case r.Status < 200 || r.Status > 599:
		return invalid("status must be 200 to 599")
	case (r.Status == http.StatusNoContent || r.Status == http.StatusNotModified) && len(r.Body) > 0:
		return invalid("status %d has no body", r.Status)
	case r.Body != nil && size > e.MaxBody():
		return invalid("response is larger than %d bytes", e.MaxBody())
	case !fieldValue(r.Reason):
		return invalid("statusDescription has a character that it must not have")
	}
	return nil
}
