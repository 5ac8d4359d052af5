package trigger

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// field is one line of a header in a Lambda@Edge document.
type field struct {
	Key   *string `json:"key,omitempty"`
	Value *string `json:"value"`
}

type fields map[string][]field

type lambdaEvent struct {
	Records [1]lambdaRecord `json:"Records"`
}

type lambdaRecord struct {
	CF lambdaCF `json:"cf"`
}

type lambdaCF struct {
	Config   lambdaConfig    `json:"config"`
	Request  *lambdaRequest  `json:"request"`
	Response *lambdaResponse `json:"response,omitempty"`
}

type lambdaConfig struct {
	Domain    string `json:"distributionDomainName"`
	ID        string `json:"distributionId"`
	EventType string `json:"eventType"`
	RequestID string `json:"requestId"`
}

type lambdaRequest struct {
	Body     *lambdaBody   `json:"body,omitempty"`
	ClientIP *string       `json:"clientIp"`
	Header   fields        `json:"headers"`
	Method   *string       `json:"method"`
	Origin   *lambdaOrigin `json:"origin,omitempty"`
	Query    *string       `json:"querystring"`
	URI      *string       `json:"uri"`
}

type lambdaBody struct {
	Action    string `json:"action"`
	Data      string `json:"data"`
	Encoding  string `json:"encoding"`
	Truncated bool   `json:"inputTruncated"`
}

type lambdaOrigin struct {
	Custom *lambdaCustom `json:"custom,omitempty"`
	S3     *lambdaS3     `json:"s3,omitempty"`
}

type lambdaCustom struct {
	Header    fields   `json:"customHeaders"`
	Domain    string   `json:"domainName"`
	KeepAlive int      `json:"keepaliveTimeout"`
	Path      string   `json:"path"`
	Port      int      `json:"port"`
	Protocol  string   `json:"protocol"`
	Read      int      `json:"readTimeout"`
	SSL       []string `json:"sslProtocols"`
}

type lambdaS3 struct {
	AuthMethod string `json:"authMethod"`
	Header     fields `json:"customHeaders"`
	Domain     string `json:"domainName"`
	Path       string `json:"path"`
	Read       int    `json:"readTimeout,omitempty"`
	Region     string `json:"region"`
}

type lambdaResponse struct {
	Body     *string `json:"body,omitempty"`
	Encoding string  `json:"bodyEncoding,omitempty"`
	Header   fields  `json:"headers"`
	Status   *status `json:"status"`
	Reason   string  `json:"statusDescription"`
}

// LambdaEvent is the event of a Lambda function: for response events with the
// response, which is nil for the others.
func (c *Context) LambdaEvent(r *Request, response *Response) ([]byte, error) {
	cf := lambdaCF{
		Config: lambdaConfig{c.DistributionDomain, c.DistributionID, c.Event.String(), c.RequestID},
		Request: &lambdaRequest{
			ClientIP: &r.ClientIP, Header: fieldsOf(r.Header), Method: &r.Method, Query: &r.Query, URI: &r.URI,
		},
	}
	if b := r.Body; b != nil {
		cf.Request.Body = &lambdaBody{"read-only", base64.StdEncoding.EncodeToString(b.Data), "base64", b.Truncated}
	}
	if o := r.Origin; o != nil {
		cf.Request.Origin = originOf(o)
	}
	if response != nil {
		status := status(strconv.Itoa(response.Status))
		cf.Response = &lambdaResponse{Header: fieldsOf(response.Header), Status: &status, Reason: response.Reason}
	}
	return json.Marshal(lambdaEvent{[1]lambdaRecord{{cf}}})
}

func fieldsOf(h http.Header) fields {
	out := make(fields, len(h))
	for name, values := range h {
		if hidden(name) {
			continue
		}
		lines := make([]field, len(values))
		for i := range values {
			lines[i] = field{&name, &values[i]}
		}
		out[strings.ToLower(name)] = lines
	}
	return out
}

func originOf(o *Origin) *lambdaOrigin {
	if o.S3 {
		return &lambdaOrigin{S3: &lambdaS3{o.AuthMethod, fieldsOf(o.Header), o.DomainName, o.Path, seconds(o.ReadTimeout), o.Region}}
	}
	protocol := "http"
	if o.HTTPS {
		protocol = "https"
	}
	return &lambdaOrigin{Custom: &lambdaCustom{
		fieldsOf(o.Header), o.DomainName, seconds(o.KeepAlive), o.Path, o.Port, protocol, seconds(o.ReadTimeout), o.SSLProtocols,
	}}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// header checks the shape of a document's header. Keys are lower-case, or any
// case of the spelling that their lines have.
func (f fields) header() (http.Header, error) {
	h := make(http.Header, len(f))
	for name, lines := range f {
		if name != strings.ToLower(name) {
			return nil, invalid("header %.64q must be named in lower case", name)
		}
		canon := http.CanonicalHeaderKey(name)
		for _, l := range lines {
			if l.Value == nil {
				return nil, invalid("header %.64q has a line without a value", name)
			}
			if l.Key != nil && !strings.EqualFold(*l.Key, name) {
				return nil, invalid("header %.64q has a line with the key %.64q", name, *l.Key)
			}
			h[canon] = append(h[canon], *l.Value)
		}
	}
	return h, nil
}

// decode reads a function's result, which must be an object.
func decode(result []byte, v any) error {
	if len(result) == 0 || result[0] != '{' {
		return invalid("not an object")
	}
	if err := json.Unmarshal(result, v); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// status is that of a response: a number in a string, or in the response that a
// function changed a number, as in the developer guide's own examples.
type status string

func (s *status) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] != '"' {
		*s = status(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(s))
}

// ReadLambdaRequest reads what a function returned at a request event to which
// sent was the request: a changed request, or a response in its place.
// Errors are an *Invalid.
func (c *Context) ReadLambdaRequest(sent *Request, result []byte) (*Request, *Response, error) {
	var kind struct {
		Status json.RawMessage `json:"status"`
	}
	if err := decode(result, &kind); err != nil {
		return nil, nil, err
	}
	if kind.Status != nil {
		if kind.Status[0] != '"' {
			return nil, nil, invalid("status must be a string")
		}
		r, err := c.readGenerated(result)
		return nil, r, err
	}
	var got lambdaRequest
	if err := decode(result, &got); err != nil {
		return nil, nil, err
	}
	switch {
	case got.URI == nil:
		return nil, nil, invalid("neither uri nor status")
	case got.Method != nil && *got.Method != sent.Method:
		return nil, nil, invalid("method is read-only")
	case got.ClientIP != nil && *got.ClientIP != sent.ClientIP:
		return nil, nil, invalid("clientIp is read-only")
	}
	out := &Request{ClientIP: sent.ClientIP, Method: sent.Method, URI: *got.URI, Body: sent.Body}
	if got.Query != nil {
		out.Query = *got.Query
	}
	if err := checkTarget(out.URI, out.Query); err != nil {
		return nil, nil, err
	}
	var err error
	if out.Header, err = got.Header.header(); err != nil {
		return nil, nil, err
	}
	if err = checkHeader(c.Event, sent.Header, out.Header); err != nil {
		return nil, nil, err
	}
	if got.Body != nil {
		if out.Body, err = c.body(sent.Body, got.Body); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case sent.Origin == nil && got.Origin != nil:
		return nil, nil, invalid("origin cannot be set in %s", c.Event)
	case sent.Origin != nil && (got.Origin == nil || reflect.DeepEqual(got.Origin, originOf(sent.Origin))):
		out.Origin = sent.Origin
	case got.Origin != nil:
		if out.Origin, err = got.Origin.read(); err != nil {
			return nil, nil, err
		}
	}
	return out, nil, nil
}

// body reads what a function made of a request's body.
func (c *Context) body(sent *Body, got *lambdaBody) (*Body, error) {
	switch got.Action {
	case "", "read-only":
		return sent, nil
	case "replace":
	default:
		return nil, invalid("body.action %.32q", got.Action)
	}
	if sent == nil {
		return nil, invalid("body cannot be replaced: the function is not associated with the body")
	}
	data := []byte(got.Data)
	switch got.Encoding {
	case "text":
	case "", "base64":
		var err error
		if data, err = base64.StdEncoding.DecodeString(got.Data); err != nil {
			return nil, invalid("body.data is not base64")
		}
	default:
		return nil, invalid("body.encoding %.32q", got.Encoding)
	}
	if len(data) > c.Event.MaxBody() {
		return nil, invalid("body is larger than %d bytes", c.Event.MaxBody())
	}
	return &Body{Data: data, Replaced: true}, nil
}

// readGenerated reads a response that a function made at a request event.
func (c *Context) readGenerated(result []byte) (*Response, error) {
	r, err := readResponse(result)
	if err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = []byte{}
	}
	return r, checkGenerated(c.Event, r)
}

func readResponse(result []byte) (*Response, error) {
	var got lambdaResponse
	if err := decode(result, &got); err != nil {
		return nil, err
	}
	if got.Status == nil {
		return nil, invalid("no status")
	}
	number, err := strconv.Atoi(string(*got.Status))
	if err != nil || len(*got.Status) != 3 {
		return nil, invalid("status %.16q is not a number in a string", *got.Status)
	}
	r := &Response{Status: number, Reason: got.Reason}
	if r.Header, err = got.Header.header(); err != nil {
		return nil, err
	}
	if got.Body == nil {
		return r, nil
	}
	switch got.Encoding {
	case "", "text":
		r.Body = []byte(*got.Body)
	case "base64":
		if r.Body, err = base64.StdEncoding.DecodeString(*got.Body); err != nil {
			return nil, invalid("body is not base64")
		}
	default:
		return nil, invalid("bodyEncoding %.32q", got.Encoding)
	}
	if r.Body == nil {
		r.Body = []byte{}
	}
	return r, nil
}

// ReadLambdaResponse reads what a function returned at a response event to which
// sent was the response.
func (c *Context) ReadLambdaResponse(sent *Response, result []byte) (*Response, error) {
	r, err := readResponse(result)
	if err != nil {
		return nil, err
	}
	if c.Event == ViewerResponse && r.Status != sent.Status {
		return nil, invalid("status is read-only in %s", c.Event)
	}
	if err := checkHeader(c.Event, sent.Header, r.Header); err != nil {
		return nil, err
	}
	return r, checkResponse(c.Event, r)
}

// read checks an origin that a function gave.
func (o *lambdaOrigin) read() (*Origin, error) {
	switch {
	case (o.Custom == nil) == (o.S3 == nil):
		return nil, invalid("origin must have one of custom and s3")
	case o.S3 != nil:
		return o.S3.read()
	default:
		return o.Custom.read()
	}
}

func (s *lambdaS3) read() (*Origin, error) {
	h, err := s.Header.header()
	switch {
	case err != nil:
		return nil, err
	case s.Domain == "" || len(s.Domain) > 128 || s.Domain != strings.ToLower(s.Domain) || !hostName(s.Domain):
		return nil, invalid("origin.s3.domainName %.256q", s.Domain)
	case s.AuthMethod != "none" && s.AuthMethod != "origin-access-identity":
		return nil, invalid("origin.s3.authMethod %.32q", s.AuthMethod)
	case s.AuthMethod != "none" && s.Region == "":
		return nil, invalid("origin.s3.region is missing")
	}
	if err := checkOriginPath(s.Path); err != nil {
		return nil, err
	}
	return &Origin{
		S3: true, DomainName: s.Domain, Path: s.Path, Header: h, AuthMethod: s.AuthMethod, Region: s.Region,
		ReadTimeout: time.Duration(s.Read) * time.Second,
	}, checkCustomHeader(h)
}

var sslProtocols = []string{"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"}

func (u *lambdaCustom) read() (*Origin, error) {
	h, err := u.Header.header()
	if err != nil {
		return nil, err
	}
	_, ip := netip.ParseAddr(u.Domain)
	switch {
	case u.Domain == "" || len(u.Domain) > 253 || strings.Contains(u.Domain, ":") || ip == nil || !hostName(u.Domain):
		return nil, invalid("origin.custom.domainName %.256q", u.Domain)
	case !validPort(u.Port):
		return nil, invalid("origin.custom.port %d", u.Port)
	case u.Protocol != "http" && u.Protocol != "https":
		return nil, invalid("origin.custom.protocol %.16q", u.Protocol)
	case u.KeepAlive < 1 || u.KeepAlive > 120:
		return nil, invalid("origin.custom.keepaliveTimeout %d", u.KeepAlive)
	case u.Read < 1 || u.Read > 120:
		return nil, invalid("origin.custom.readTimeout %d", u.Read)
	}
	for _, p := range u.SSL {
		if !slices.Contains(sslProtocols, p) {
			return nil, invalid("origin.custom.sslProtocols %.16q", p)
		}
	}
	if err := checkOriginPath(u.Path); err != nil {
		return nil, err
	}
	return &Origin{
		DomainName: strings.ToLower(u.Domain), Path: u.Path, Header: h, Port: u.Port, HTTPS: u.Protocol == "https",
		KeepAlive: time.Duration(u.KeepAlive) * time.Second, ReadTimeout: time.Duration(u.Read) * time.Second, SSLProtocols: u.SSL,
	}, checkCustomHeader(h)
}

func validPort(p int) bool { return p == 80 || p == 443 || p >= 1024 && p <= 65535 }

// hostName reports whether s has only what a host's name has.
func hostName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

func checkOriginPath(p string) error {
	if p == "" {
		return nil
	}
	if !strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || len(p) > 255 || !utf8.ValidString(p) {
		return invalid("origin path %.256q", p)
	}
	return checkTarget(p, "")
}

// checkCustomHeader checks the headers of an origin.
func checkCustomHeader(h http.Header) error {
	if len(h) > 30 {
		return invalid("more than 30 custom headers")
	}
	return checkHeader(OriginRequest, nil, h)
}
