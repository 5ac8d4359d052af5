package trigger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// entry is a header, a parameter of a query or a cookie of CloudFront functions.
type entry struct {
	Value      string       `json:"value"`
	Attributes string       `json:"attributes,omitempty"`
	MultiValue []entryValue `json:"multiValue,omitempty"`
}

type entryValue struct {
	Value      string `json:"value"`
	Attributes string `json:"attributes,omitempty"`
}

type entries map[string]*entry

// all yields the values: multiValue wins.
func (e *entry) all() []entryValue {
	if len(e.MultiValue) > 0 {
		return e.MultiValue
	}
	return []entryValue{{e.Value, e.Attributes}}
}

func (es entries) add(name string, v entryValue) {
	e := es[name]
	if e == nil {
		es[name] = &entry{Value: v.Value, Attributes: v.Attributes}
		return
	}
	if e.MultiValue == nil {
		e.MultiValue = []entryValue{{e.Value, e.Attributes}}
	}
	e.MultiValue = append(e.MultiValue, v)
}

type functionEvent struct {
	Version string          `json:"version"`
	Context functionContext `json:"context"`
	Viewer  struct {
		IP string `json:"ip"`
	} `json:"viewer"`
	Request  *functionRequest  `json:"request"`
	Response *functionResponse `json:"response,omitempty"`
}

type functionContext struct {
	Domain    string `json:"distributionDomainName"`
	ID        string `json:"distributionId"`
	EventType string `json:"eventType"`
	RequestID string `json:"requestId"`
}

type functionRequest struct {
	Method   string  `json:"method"`
	URI      string  `json:"uri"`
	Query    query   `json:"querystring"`
	Header   entries `json:"headers"`
	Cookies  entries `json:"cookies"`
	RawQuery string  `json:"rawQuery_,omitempty"` // for rawQueryString()
}

// query is the parameters of a query, or from functions its text.
type query struct {
	entries
	text *string
}

func (q query) MarshalJSON() ([]byte, error) { return json.Marshal(q.entries) }

func (q *query) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &q.text)
	}
	return json.Unmarshal(text, &q.entries)
}

func (q query) String() string {
	if q.text != nil {
		return *q.text
	}
	return q.pairs("&")
}

type functionResponse struct {
	Status  int             `json:"statusCode"`
	Reason  string          `json:"statusDescription,omitempty"`
	Header  entries         `json:"headers"`
	Cookies entries         `json:"cookies"`
	Body    json.RawMessage `json:"body,omitempty"`
}

// FunctionEvent is the event of a CloudFront function: for viewer-response with
// the response, which is nil for viewer-request.
func (c *Context) FunctionEvent(r *Request, response *Response) ([]byte, error) {
	e := functionEvent{
		Version: "1.0", Context: functionContext{c.DistributionDomain, c.DistributionID, c.Event.String(), c.RequestID}, Request: r.functionRequest(),
	}
	e.Viewer.IP = r.ClientIP
	if response != nil {
		e.Response = &functionResponse{Status: response.Status, Reason: response.Reason, Header: entriesOf(response.Header, "Set-Cookie"), Cookies: setCookies(response.Header)}
	}
	return json.Marshal(&e)
}

func (r *Request) functionRequest() *functionRequest {
	return &functionRequest{
		Method: r.Method, URI: r.URI, Query: query{entries: queryEntries(r.Query)}, Header: entriesOf(r.Header, "Cookie"), Cookies: cookieEntries(r.Header), RawQuery: r.Query,
	}
}

// entriesOf leaves out cookies, which have a place of their own.
func entriesOf(h http.Header, without string) entries {
	out := make(entries, len(h))
	for name, values := range h {
		if hidden(name) || name == without {
			continue
		}
		for _, v := range values {
			out.add(strings.ToLower(name), entryValue{Value: v})
		}
	}
	return out
}

// queryEntries splits a query; it decodes nothing.
func queryEntries(query string) entries {
	out := entries{}
	for part := range strings.SplitSeq(query, "&") {
		if part != "" {
			name, value, _ := strings.Cut(part, "=")
			out.add(name, entryValue{Value: value})
		}
	}
	return out
}

func cookieEntries(h http.Header) entries {
	out := entries{}
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name != "" {
				out.add(name, entryValue{Value: value})
			}
		}
	}
	return out
}

func setCookies(h http.Header) entries {
	out := entries{}
	for _, line := range h["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); name != "" {
			out.add(name, entryValue{value, strings.TrimSpace(attributes)})
		}
	}
	return out
}

// header turns entries back into a header.
func (es entries) header() (http.Header, error) {
	h := make(http.Header, len(es))
	for name, e := range es {
		switch {
		case e == nil:
			return nil, invalid("header %.64q has no value", name)
		case name != strings.ToLower(name):
			return nil, invalid("header %.64q must be named in lower case", name)
		case name == "cookie" || name == "set-cookie":
			return nil, invalid("cookies belong into cookies")
		}
		for _, v := range e.all() {
			h.Add(name, v.Value)
		}
	}
	return h, nil
}

// pairs joins entries as name=value.
func (es entries) pairs(sep string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(es)) {
		if es[name] == nil {
			continue
		}
		for _, v := range es[name].all() {
			out = append(out, name+"="+v.Value)
		}
	}
	return strings.Join(out, sep)
}

// ReadFunctionRequest reads what a CloudFront function returned at
// viewer-request: a changed request, or a response in its place. Errors are an
// *Invalid.
func (c *Context) ReadFunctionRequest(sent *Request, result []byte) (*Request, *Response, error) {
	var kind struct {
		Status json.RawMessage `json:"statusCode"`
	}
	if err := decode(result, &kind); err != nil {
		return nil, nil, err
	}
	if kind.Status != nil {
		r, err := readFunctionResponse(result)
		if err != nil {
			return nil, nil, err
		}
		if r.Body == nil {
			r.Body = []byte{}
		}
		return nil, r, checkGenerated(c.Event, r)
	}
	var got functionRequest
	if err := decode(result, &got); err != nil {
		return nil, nil, err
	}
	if got.Method != "" && got.Method != sent.Method {
		return nil, nil, invalid("method is read-only")
	}
	out := &Request{ClientIP: sent.ClientIP, Method: sent.Method, URI: got.URI, Query: sent.Query, Body: sent.Body}
	before := sent.functionRequest()
	// What was not changed keeps its order and spelling.
	if !reflect.DeepEqual(before.Query, got.Query) {
		out.Query = got.Query.String()
	}
	if err := checkTarget(out.URI, out.Query); err != nil {
		return nil, nil, err
	}
	var err error
	if out.Header, err = got.Header.header(); err != nil {
		return nil, nil, err
	}
	if reflect.DeepEqual(before.Cookies, got.Cookies) {
		if lines := sent.Header["Cookie"]; lines != nil {
			out.Header["Cookie"] = lines
		}
	} else if line := got.Cookies.pairs("; "); line != "" {
		out.Header["Cookie"] = []string{line}
	}
	return out, nil, checkHeader(c.Event, sent.Header, out.Header)
}

// ReadFunctionResponse reads what a CloudFront function returned at viewer-response.
func (c *Context) ReadFunctionResponse(sent *Response, result []byte) (*Response, error) {
	r, err := readFunctionResponse(result)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(c.Event, sent.Header, r.Header); err != nil {
		return nil, err
	}
	return r, checkResponse(c.Event, r)
}

func readFunctionResponse(result []byte) (*Response, error) {
	var got functionResponse
	if err := decode(result, &got); err != nil {
		return nil, err
	}
	r := &Response{Status: got.Status, Reason: got.Reason}
	var err error
	if r.Header, err = got.Header.header(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(got.Cookies)) {
		e := got.Cookies[name]
		if e == nil || !token(name) {
			return nil, invalid("cookie %.64q", name)
		}
		for _, v := range e.all() {
			line := name + "=" + v.Value
			if v.Attributes != "" {
				line += "; " + v.Attributes
			}
			r.Header["Set-Cookie"] = append(r.Header["Set-Cookie"], line)
		}
	}
	if len(got.Body) > 0 && !bytes.Equal(got.Body, []byte("null")) {
		r.Body, err = readBody(got.Body)
	}
	return r, err
}

// readBody reads a body: a text, or its encoding and data.
func readBody(raw json.RawMessage) ([]byte, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text), nil
	}
	var b struct {
		Encoding string `json:"encoding"`
		Data     string `json:"data"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, invalid("body is neither a text nor an encoding and data")
	}
	switch b.Encoding {
	case "", "text":
		return []byte(b.Data), nil
	case "base64":
		out, err := base64.StdEncoding.DecodeString(b.Data)
		if err != nil {
			return nil, invalid("body is not base64")
		}
		return append([]byte{}, out...), nil
	}
	return nil, invalid("body.encoding %.32q", b.Encoding)
}

// OriginChange is what a CloudFront function asked for by updateRequestOrigin,
// selectRequestOriginById or createRequestOriginGroup. Nil fields leave what is.
type OriginChange struct {
	// Select is the id of another origin of the distribution, or empty.
	Select string
	// Group takes the place of all else.
	Group *OriginGroup
	// DomainName and the rest change the origin that is selected then.
	DomainName, Path                       *string
	Header                                 http.Header
	ReadTimeout, KeepAlive, ConnectTimeout time.Duration
	Attempts                               int
	Port                                   int
	Protocol                               string // "http", "https" or ""
	SSLProtocols                           []string
	Access                                 *AccessChange
}

// OriginGroup is a first origin of the distribution, and the one that stands in
// for it when that answers with one of Statuses, or not at all.
type OriginGroup struct {
	Origins  [2]string // ids
	Statuses []int
}

// failovers are the statuses that origin groups can have.
//
// Source: CloudFront API Reference, StatusCodes.
var failovers = []int{400, 403, 404, 416, 429, 500, 502, 503, 504}

// AccessChange is an origin access control.
type AccessChange struct {
	Enabled                     bool
	SigningBehavior, OriginType string
}

// originMessage is what function.Result.Origin has.
type originMessage struct {
	Select string        `json:"select"`
	Group  *groupMessage `json:"group"`
	Update struct {
		Domain   *string           `json:"domainName"`
		Path     *string           `json:"originPath"`
		Header   map[string]string `json:"customHeaders"`
		Attempts int               `json:"connectionAttempts"`
		Timeouts struct {
			Read       int `json:"readTimeout"`
			KeepAlive  int `json:"keepAliveTimeout"`
			Connection int `json:"connectionTimeout"`
		} `json:"timeouts"`
		Custom *struct {
			Port     int      `json:"port"`
			Protocol string   `json:"protocol"`
			SSL      []string `json:"sslProtocols"`
		} `json:"customOriginConfig"`
		Access *struct {
			Enabled  bool   `json:"enabled"`
			Behavior string `json:"signingBehavior"`
			Protocol string `json:"signingProtocol"`
			Type     string `json:"originType"`
			Region   string `json:"region"`
		} `json:"originAccessControlConfig"`
		Shield json.RawMessage `json:"originShieldConfig"`
		Other  json.RawMessage `json:"originOverrides"`
	} `json:"update"`
}

type groupMessage struct {
	Origins []struct {
		ID string `json:"originId"`
	} `json:"originIds"`
	Selection string `json:"selectionCriteria"`
	Failover  struct {
		Statuses []int `json:"statusCodes"`
	} `json:"failoverCriteria"`
}

// ReadOriginChange reads what function.Result.Origin has.
func ReadOriginChange(text []byte) (*OriginChange, error) {
	var got originMessage
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		return nil, invalid("origin: %v", err)
	}
	u := &got.Update
	if len(u.Shield) > 0 || len(u.Other) > 0 {
		return nil, invalid("origin: originShieldConfig is not supported")
	}
	out := &OriginChange{
		Select: got.Select, DomainName: u.Domain, Path: u.Path, Attempts: u.Attempts, Header: http.Header{},
		ReadTimeout: time.Duration(u.Timeouts.Read) * time.Second, KeepAlive: time.Duration(u.Timeouts.KeepAlive) * time.Second,
		ConnectTimeout: time.Duration(u.Timeouts.Connection) * time.Second,
	}
	for name, v := range u.Header {
		out.Header.Set(name, v)
	}
	if got.Group != nil {
		var err error
		if out.Group, err = got.Group.read(); err != nil {
			return nil, err
		}
	}
	switch {
	case u.Domain != nil && (!hostName(*u.Domain) || len(*u.Domain) > 253):
		return nil, invalid("origin: domainName %.256q", *u.Domain)
	case u.Timeouts.Read < 0 || u.Timeouts.Read > 120 || u.Timeouts.KeepAlive < 0 || u.Timeouts.KeepAlive > 120:
		return nil, invalid("origin: timeouts must be 1 to 120 seconds")
	case u.Timeouts.Connection < 0 || u.Timeouts.Connection > 10 || u.Attempts < 0 || u.Attempts > 3:
		return nil, invalid("origin: at most 3 attempts of 10 seconds")
	}
	if u.Path != nil {
		if err := checkOriginPath(*u.Path); err != nil {
			return nil, err
		}
	}
	if c := u.Custom; c != nil {
		if !validPort(c.Port) || c.Protocol != "http" && c.Protocol != "https" {
			return nil, invalid("origin: customOriginConfig needs a port and a protocol")
		}
		out.Port, out.Protocol, out.SSLProtocols = c.Port, c.Protocol, c.SSL
	}
	if a := u.Access; a != nil {
		out.Access = &AccessChange{a.Enabled, a.Behavior, a.Type}
		if a.Enabled && (!slices.Contains([]string{"always", "never", "no-override"}, a.Behavior) || a.Protocol != "sigv4") {
			return nil, invalid("origin: originAccessControlConfig signs by sigv4, always, never or no-override")
		}
	}
	return out, checkCustomHeader(out.Header)
}

func (g *groupMessage) read() (*OriginGroup, error) {
	switch {
	case len(g.Origins) != 2 || g.Origins[0].ID == g.Origins[1].ID:
		return nil, invalid("origin: originIds must have two different origins")
	case g.Selection != "" && g.Selection != "default":
		return nil, invalid("origin: selectionCriteria %.64q is not supported", g.Selection)
	case len(g.Failover.Statuses) == 0:
		return nil, invalid("origin: failoverCriteria has no statusCodes")
	}
	for _, status := range g.Failover.Statuses {
		if !slices.Contains(failovers, status) {
			return nil, invalid("origin: statusCodes must not have %d", status)
		}
	}
	return &OriginGroup{Origins: [2]string{g.Origins[0].ID, g.Origins[1].ID}, Statuses: g.Failover.Statuses}, nil
}
