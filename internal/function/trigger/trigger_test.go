package trigger_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

func contextOf(e trigger.Event) *trigger.Context {
	return &trigger.Context{Event: e, DistributionDomain: "d1.cloudfront.net", DistributionID: "E1", RequestID: "r=="}
}

// TestLambdaEvent wants the document that the developer guide shows.
func TestLambdaEvent(t *testing.T) {
	r := get("/docs/a%20b.pdf?v=2", "X-Amz-Cf-Id: hidden", "X-Forwarded-For: 198.51.100.7")
	r.Body = &trigger.Body{Data: []byte("hi")}
	r.Origin = &trigger.Origin{
		DomainName: "files.example.net", Port: 443, HTTPS: true, KeepAlive: 5e9, ReadTimeout: 30e9, SSLProtocols: []string{"TLSv1.2"},
		Header: http.Header{"X-Edge-Auth": {"s3cr"}, "X-Own": {"o"}},
	}
	got, err := contextOf(trigger.OriginRequest).LambdaEvent(&r, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Records":[{"cf":{"config":{"distributionDomainName":"d1.cloudfront.net","distributionId":"E1","eventType":"origin-request","requestId":"r=="},
		"request":{"body":{"action":"read-only","data":"aGk=","encoding":"base64","inputTruncated":false},"clientIp":"198.51.100.7",
		"headers":{"host":[{"key":"Host","value":"d1.cloudfront.net"}],"x-forwarded-for":[{"key":"X-Forwarded-For","value":"198.51.100.7"}]},
		"method":"GET","origin":{"custom":{"customHeaders":{"x-own":[{"key":"X-Own","value":"o"}]},"domainName":"files.example.net","keepaliveTimeout":5,"path":"","port":443,
		"protocol":"https","readTimeout":30,"sslProtocols":["TLSv1.2"]}},"querystring":"v=2","uri":"/docs/a%20b.pdf"}}}]}`
	if !sameJSON(t, got, want) {
		t.Errorf("event = %s\nwant %s", got, want)
	}
}

func TestFunctionEvent(t *testing.T) {
	r := get("/a?x=1&y&x=2", "Cookie: a=b; c=d", "Accept: one", "Accept: two")
	answer := &trigger.Response{Status: 200, Reason: "OK", Header: http.Header{"Set-Cookie": {"s=1; Path=/; Secure"}, "Etag": {`"e"`}}}
	got, err := contextOf(trigger.ViewerResponse).FunctionEvent(&r, answer)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1.0","context":{"distributionDomainName":"d1.cloudfront.net","distributionId":"E1","eventType":"viewer-response","requestId":"r=="},"viewer":{"ip":"198.51.100.7"},
		"request":{"method":"GET","uri":"/a","querystring":{"x":{"value":"1","multiValue":[{"value":"1"},{"value":"2"}]},"y":{"value":""}},
		"headers":{"host":{"value":"d1.cloudfront.net"},"accept":{"value":"one","multiValue":[{"value":"one"},{"value":"two"}]}},"cookies":{"a":{"value":"b"},"c":{"value":"d"}},"rawQuery_":"x=1&y&x=2"},
		"response":{"statusCode":200,"statusDescription":"OK","headers":{"etag":{"value":"\"e\""}},"cookies":{"s":{"value":"1","attributes":"Path=/; Secure"}}}}`
	if !sameJSON(t, got, want) {
		t.Errorf("event = %s\nwant %s", got, want)
	}
}

func sameJSON(t *testing.T, got []byte, want string) bool {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(a, b)
}

// TestRules has a result for each rule that it breaks.
func TestRules(t *testing.T) {
	const host = `"host":[{"value":"d1.cloudfront.net"}]`
	for _, c := range []struct {
		event  trigger.Event
		result string
		want   string // "" is allowed
	}{
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `}}`, ""},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x":[{"key":"X","value":"1"},{"value":"2"}]}}`, ""},
		{trigger.ViewerRequest, `null`, "not an object"},
		{trigger.ViewerRequest, `[]`, "not an object"},
		{trigger.ViewerRequest, `{}`, "neither uri nor status"},
		{trigger.ViewerRequest, `{"uri":"a","headers":{` + host + `}}`, "must begin with /"},
		{trigger.ViewerRequest, `{"uri":"/a b","headers":{` + host + `}}`, "uri has a character"},
		{trigger.ViewerRequest, `{"uri":"/a?b","headers":{` + host + `}}`, "uri has a character"},
		{trigger.ViewerRequest, `{"uri":"/a","querystring":"a b","headers":{` + host + `}}`, "querystring has a character"},
		{trigger.ViewerRequest, `{"uri":"/a","querystring":"a#b","headers":{` + host + `}}`, "querystring has a character"},
		{trigger.ViewerRequest, `{"uri":"/` + strings.Repeat("a", 8192) + `","headers":{` + host + `}}`, "longer than"},
		{trigger.ViewerRequest, `{"uri":"/a","method":"PUT","headers":{` + host + `}}`, "method is read-only"},
		{trigger.ViewerRequest, `{"uri":"/a","clientIp":"1.2.3.4","headers":{` + host + `}}`, "clientIp is read-only"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{}}`, "Host is read-only"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"via":[{"value":"1.1 x"}]}}`, "Via is read-only"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"connection":[{"value":"close"}]}}`, "not allowed"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x-amz-cf-id":[{"value":"x"}]}}`, "not allowed"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"cloudfront-viewer-country":[{"value":"DE"}]}}`, "not allowed"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"X-Upper":[{"value":"x"}]}}`, "lower case"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x":[{"key":"Y","value":"x"}]}}`, "the key"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x":[{"key":"X"}]}}`, "without a value"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x y":[{"value":"x"}]}}`, "header name"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x":[{"value":"a\r\nb: c"}]}}`, "characters"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `,"x":"text"}}`, "cannot unmarshal"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `},"origin":{"s3":{}}}`, "origin cannot be set"},
		{trigger.ViewerRequest, `{"uri":"/a","headers":{` + host + `},"body":{"action":"replace","encoding":"text","data":"x"}}`, "not associated with the body"},
		{trigger.ViewerRequest, `{"status":"200","body":"` + strings.Repeat("x", 40<<10) + `"}`, ""},
		{trigger.ViewerRequest, `{"status":"200","body":"` + strings.Repeat("x", 40<<10+1) + `"}`, "larger than"},
		{trigger.OriginRequest, `{"status":"200","body":"` + strings.Repeat("x", 41<<10) + `"}`, ""},
		{trigger.ViewerRequest, `{"status":"200","bodyEncoding":"base64","body":"!"}`, "not base64"},
		{trigger.ViewerRequest, `{"status":"200","bodyEncoding":"gzip","body":"x"}`, "bodyEncoding"},
		{trigger.ViewerRequest, `{"status":"204","body":"x"}`, "has no body"},
		{trigger.ViewerRequest, `{"status":"204"}`, ""},
		{trigger.ViewerRequest, `{"status":200}`, "must be a string"},
		{trigger.ViewerRequest, `{"status":"199"}`, "200 to 599"},
		{trigger.ViewerRequest, `{"status":"600"}`, "200 to 599"},
		{trigger.ViewerRequest, `{"status":"+20"}`, "200 to 599"},
		{trigger.ViewerRequest, `{"status":"200","statusDescription":"a\nb"}`, "statusDescription"},
		{trigger.OriginRequest, `{"uri":"/a","headers":{"host":[{"value":"other"}]}}`, ""},
		{trigger.OriginRequest, `{"uri":"/a","headers":{"accept-encoding":[{"value":"gzip"}]}}`, "Accept-Encoding is read-only"},
		{trigger.OriginRequest, origin(`{"s3":{"domainName":"b.s3.amazonaws.com","authMethod":"none","path":"/p"}}`), ""},
		{trigger.OriginRequest, origin(`{}`), "one of custom and s3"},
		{trigger.OriginRequest, origin(`{"s3":{"domainName":"B","authMethod":"none"}}`), "domainName"},
		{trigger.OriginRequest, origin(`{"s3":{"domainName":"b","authMethod":"all"}}`), "authMethod"},
		{trigger.OriginRequest, origin(`{"s3":{"domainName":"b","authMethod":"none","path":"p"}}`), "origin path"},
		{trigger.OriginRequest, origin(`{"s3":{"domainName":"b","authMethod":"none","path":"/p/"}}`), "origin path"},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"h","port":443,"protocol":"https","keepaliveTimeout":5,"readTimeout":30,"sslProtocols":["TLSv1.2"]}}`), ""},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"10.0.0.1","port":443,"protocol":"https","keepaliveTimeout":5,"readTimeout":30}}`), "domainName"},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"h:1","port":443,"protocol":"https","keepaliveTimeout":5,"readTimeout":30}}`), "domainName"},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"h","port":22,"protocol":"https","keepaliveTimeout":5,"readTimeout":30}}`), "port"},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"h","port":443,"protocol":"ftp","keepaliveTimeout":5,"readTimeout":30}}`), "protocol"},
		{trigger.OriginRequest, origin(`{"custom":{"domainName":"h","port":443,"protocol":"https","keepaliveTimeout":0,"readTimeout":30}}`), "keepaliveTimeout"},
	} {
		r := get("/a")
		if c.event == trigger.OriginRequest {
			r = toBucket("US")
		}
		_, _, err := contextOf(c.event).ReadLambdaRequest(&r, []byte(c.result))
		check(t, c.event, c.result, err, c.want)
	}
}

func origin(o string) string { return `{"uri":"/a","headers":{},"origin":` + o + `}` }

func check(t *testing.T, e trigger.Event, result string, err error, want string) {
	t.Helper()
	var invalid *trigger.Invalid
	switch {
	case want == "" && err == nil:
	case want == "" || err == nil || !errors.As(err, &invalid) || !strings.Contains(err.Error(), want):
		t.Errorf("%s: %.200s: error = %v, want %q", e, result, err, want)
	}
}

func TestResponseRules(t *testing.T) {
	sent := &trigger.Response{Status: 200, Header: http.Header{"Via": {"1.1 x"}, "X-Cache": {"hidden"}}}
	for _, c := range []struct {
		event        trigger.Event
		result, want string
	}{
		{trigger.OriginResponse, `{"status":"404","headers":{"via":[{"value":"1.1 x"}]},"body":"gone"}`, ""},
		{trigger.ViewerResponse, `{"status":"404","headers":{"via":[{"value":"1.1 x"}]}}`, "status is read-only"},
		{trigger.ViewerResponse, `{"status":"200","headers":{}}`, "Via is read-only"},
		{trigger.OriginResponse, `{"status":"200","headers":{"via":[{"value":"1.1 x"}],"transfer-encoding":[{"value":"chunked"}]}}`, "Transfer-Encoding is read-only"},
		{trigger.OriginResponse, `{"headers":{}}`, "no status"},
	} {
		got, err := contextOf(c.event).ReadLambdaResponse(sent, []byte(c.result))
		check(t, c.event, c.result, err, c.want)
		if err == nil && got.Header.Get("X-Cache") != "hidden" {
			t.Errorf("%s: a header that functions do not see is gone", c.result)
		}
	}
}

// FuzzResults wants that no result of a function leads to a request or a response
// that could not be sent.
func FuzzResults(f *testing.F) {
	f.Add([]byte(`{"uri":"/a","querystring":"x","headers":{"host":[{"key":"Host","value":"d1.cloudfront.net"}]}}`))
	f.Add([]byte(`{"status":"200","headers":{"a":[{"value":"b"}]},"body":"x"}`))
	f.Add([]byte(`{"statusCode":200,"headers":{"a":{"value":"b"}},"cookies":{"c":{"value":"d","attributes":"Path=/"}},"body":{"encoding":"base64","data":"eA=="}}`))
	f.Add([]byte(`{"method":"GET","uri":"/a","querystring":{"a":{"value":"1"}},"headers":{"host":{"value":"d1.cloudfront.net"}},"cookies":{}}`))
	f.Fuzz(func(t *testing.T, result []byte) {
		for e := range trigger.Events {
			c := contextOf(e)
			r := get("/a")
			for _, read := range []func(*trigger.Request, []byte) (*trigger.Request, *trigger.Response, error){c.ReadLambdaRequest, c.ReadFunctionRequest} {
				got, answer, err := read(&r, result)
				if err != nil {
					continue
				}
				if got != nil {
					sendable(t, got.Header)
					if !strings.HasPrefix(got.URI, "/") || strings.ContainsAny(got.URI+got.Query, " \r\n#") {
						t.Errorf("uri %q, query %q", got.URI, got.Query)
					}
				}
				if answer != nil {
					sendable(t, answer.Header)
					if answer.Status < 200 || answer.Status > 599 || len(answer.Body) > e.MaxBody() {
						t.Errorf("status %d, body of %d", answer.Status, len(answer.Body))
					}
				}
			}
			if got, err := trigger.ReadOriginChange(result); err == nil {
				sendable(t, got.Header)
			}
			if trial, err := trigger.ReadTrial(result); err == nil {
				if output, err := trial.Output(result, result); err == nil && !json.Valid(output) {
					t.Errorf("output %s", output)
				}
			}
		}
	})
}

func sendable(t *testing.T, h http.Header) {
	t.Helper()
	for name, values := range h {
		if strings.ContainsAny(name, " \r\n:") {
			t.Errorf("name %q", name)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("%s: %q", name, v)
			}
		}
	}
}
