package trigger

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// Trial is an event of a CloudFront function that its owner made up, to try the
// function with.
type Trial struct {
	context  Context
	request  *Request
	response *Response
}

// ReadTrial reads an event. What it lacks is empty, and without an event type it
// is one of viewer-response if it has a response. Errors are an *Invalid.
func ReadTrial(event []byte) (*Trial, error) {
	var e functionEvent
	if err := decode(bytes.TrimSpace(event), &e); err != nil {
		return nil, err
	}
	if e.Request == nil {
		return nil, invalid("the event has no request")
	}
	t := &Trial{request: &Request{
		ClientIP: e.Viewer.IP, Method: e.Request.Method, URI: e.Request.URI, Query: e.Request.Query.String(), Header: e.Request.Header.loose(),
	}}
	if line := e.Request.Cookies.pairs("; "); line != "" {
		t.request.Header["Cookie"] = []string{line}
	}
	if e.Response != nil {
		t.context.Event = ViewerResponse
		t.response = &Response{Status: e.Response.Status, Reason: e.Response.Reason, Header: e.Response.Header.loose()}
	}
	if name := e.Context.EventType; name != "" {
		event, ok := ParseEvent(name)
		if !ok || !event.Viewer() || (event == ViewerResponse) != (e.Response != nil) {
			return nil, invalid("the event's context.eventType is %.64q", name)
		}
	}
	return t, nil
}

// loose makes a header of entries that nobody has checked.
func (es entries) loose() http.Header {
	h := make(http.Header, len(es))
	for name, e := range es {
		if e == nil || strings.EqualFold(name, "cookie") || strings.EqualFold(name, "set-cookie") {
			continue
		}
		for _, v := range e.all() {
			h.Add(name, v.Value)
		}
	}
	return h
}

// Output is what the function made of the event: {"request":…} or {"response":…},
// and beside it what it asked for of origins, under the names of the functions that
// it called. result and origin are those of a function.Result. It fails with an
// *Invalid where the edge would.
func (t *Trial) Output(result, origin []byte) ([]byte, error) {
	var out struct {
		Request  json.RawMessage `json:"request,omitempty"`
		Response json.RawMessage `json:"response,omitempty"`
		Select   string          `json:"selectRequestOriginById,omitempty"`
		Update   json.RawMessage `json:"updateRequestOrigin,omitempty"`
		Group    json.RawMessage `json:"createRequestOriginGroup,omitempty"`
	}
	if t.context.Event == ViewerResponse {
		out.Response = result
		if _, err := t.context.ReadFunctionResponse(t.response, result); err != nil {
			return nil, err
		}
		return plain(&out)
	}
	out.Request = result
	_, made, err := t.context.ReadFunctionRequest(t.request, result)
	if err != nil {
		return nil, err
	}
	if made != nil {
		out.Request, out.Response = nil, result
	}
	if origin != nil {
		if _, err := ReadOriginChange(origin); err != nil {
			return nil, err
		}
		asked := struct {
			Select *string          `json:"select"`
			Update *json.RawMessage `json:"update"`
			Group  *json.RawMessage `json:"group"`
		}{&out.Select, &out.Update, &out.Group}
		if err := json.Unmarshal(origin, &asked); err != nil {
			return nil, err
		}
	}
	return plain(&out)
}

// plain is the JSON of v, in which & stays what it is: the text is for people.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
