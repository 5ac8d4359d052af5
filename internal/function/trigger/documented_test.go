package trigger_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// documented are the functions that the developer guide shows, in our own words.
//
// Source: CloudFront Developer Guide, "Lambda@Edge example functions", and
// "CloudFront Functions examples".
var documented = map[string]struct {
	event   trigger.Event
	runtime function.Runtime // Node.js if empty
	code    string
	cases   []trialOf
}{
	"overrides a response header": {event: trigger.OriginResponse, code: `
exports.handler = (event, context, callback) => {
  const response = event.Records[0].cf.response, headers = response.headers;
  const from = 'X-Amz-Meta-Last-Modified', to = 'Last-Modified';
  if (headers[from.toLowerCase()]) headers[to.toLowerCase()] = [{ key: to, value: headers[from.toLowerCase()][0].value }];
  callback(null, response);
};`, cases: []trialOf{
		{get("/a"), answer(200, "X-Amz-Meta-Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"), "200 +Last-Modified=Mon, 01 Jan 2024 00:00:00 GMT"},
		{get("/a"), answer(200), "200"},
	}},
	"serves static content": {event: trigger.ViewerRequest, code: `
const zlib = require('zlib');
const page = '<\!DOCTYPE html><html lang="en"><title>Simple</title></html>';
exports.handler = (event, context, callback) => {
  callback(null, { status: '200', statusDescription: 'OK', bodyEncoding: 'base64', body: zlib.gzipSync(page).length > 20 ? Buffer.from(page).toString('base64') : '',
    headers: { 'cache-control': [{ key: 'Cache-Control', value: 'max-age=100' }], 'content-type': [{ key: 'Content-Type', value: 'text/html' }] } });
};`, cases: []trialOf{{get("/"), nil, `200 +Cache-Control=max-age=100 +Content-Type=text/html body=<!DOCTYPE html><html lang="en"><title>Simple</title></html>`}}},
	"normalizes the query": {event: trigger.ViewerRequest, code: `
const querystring = require('querystring');
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request;
  const params = querystring.parse(request.querystring.toLowerCase()), sorted = {};
  Object.keys(params).sort().forEach((key) => { sorted[key] = params[key]; });
  request.querystring = querystring.stringify(sorted);
  callback(null, request);
};`, cases: []trialOf{
		{get("/a?Size=Large&colour=Red"), nil, "GET /a?colour=red&size=large"},
		{get("/a?b=%20x&a=1&a=2"), nil, "GET /a?a=1&a=2&b=%20x"},
	}},
	"asks strangers to sign in": {event: trigger.ViewerRequest, code: `
function parseCookies(headers) {
  const found = {};
  if (headers.cookie) headers.cookie[0].value.split(';').forEach((cookie) => {
    if (!cookie) return;
    const parts = cookie.split('=');
    found[parts[0].trim()] = parts[1].trim();
  });
  return found;
}
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request;
  if (parseCookies(request.headers)['session-id']) return callback(null, request);
  const to = encodeURIComponent(request.querystring ? request.uri + '?' + request.querystring : request.uri);
  callback(null, { status: '302', statusDescription: 'Found', headers: { location: [{ key: 'Location', value: 'https://www.example.com/signin?redirect_url=' + to }] } });
};`, cases: []trialOf{
		{get("/a b?x=1"), nil, "302 +Location=https://www.example.com/signin?redirect_url=%2Fa%20b%3Fx%3D1 body="},
		{get("/a", "Cookie: a=b; session-id=1"), nil, "GET /a?"},
	}},
	"serves by the kind of device": {event: trigger.OriginRequest, code: `
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request, headers = request.headers;
  const is = (name) => headers[name] && headers[name][0].value === 'true';
  const kind = ['desktop', 'mobile', 'smarttv', 'tablet'].find((k) => is('cloudfront-is-' + k + '-viewer'));
  if (kind) request.uri = '/' + kind + request.uri;
  callback(null, request);
};`, cases: []trialOf{
		{get("/a", "CloudFront-Is-Mobile-Viewer: true", "CloudFront-Is-Desktop-Viewer: false"), nil, "GET /mobile/a?"},
		{get("/a"), nil, "GET /a?"},
	}},
	"chooses a custom origin": {event: trigger.OriginRequest, code: `
const querystring = require('querystring');
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request, params = querystring.parse(request.querystring);
  if (params.useCustomOrigin === 'true') {
    request.origin = { custom: { domainName: 'www.example.com', port: 443, protocol: 'https', path: '', sslProtocols: ['TLSv1', 'TLSv1.1'], readTimeout: 5, keepaliveTimeout: 5, customHeaders: {} } };
    request.headers['host'] = [{ key: 'host', value: 'www.example.com' }];
  }
  callback(null, request);
};`, cases: []trialOf{
		{bucketAt("/a?useCustomOrigin=true"), nil, "GET /a?useCustomOrigin=true +Host=www.example.com origin=www.example.com:443"},
		{bucketAt("/a"), nil, "GET /a? origin=us.s3.us-east-1.amazonaws.com"},
	}},
	"moves some traffic to another bucket": {event: trigger.OriginRequest, code: `
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request, rolls = new Array(2000).fill(0).map(() => Math.random());
  if (rolls.some((n) => n < 0 || n >= 1) || new Set(rolls).size < 1990) return callback(new Error('not random'));
  if (rolls.some((n) => n < 0.5)) {
    const domain = 'new-bucket.s3.amazonaws.com';
    request.origin.s3.domainName = domain;
    request.headers['host'] = [{ key: 'host', value: domain }];
  }
  callback(null, request);
};`, cases: []trialOf{{bucketAt("/a"), nil, "GET /a? +Host=new-bucket.s3.amazonaws.com origin=new-bucket.s3.amazonaws.com"}}},
	"answers errors itself": {event: trigger.OriginResponse, code: `
exports.handler = (event, context, callback) => {
  const response = event.Records[0].cf.response;
  if (response.status >= 400 && response.status <= 599) {
    response.status = 200;
    response.statusDescription = 'OK';
    response.body = 'Body generation example';
  }
  callback(null, response);
};`, cases: []trialOf{
		{get("/a"), answer(404, "Content-Type: text/xml"), "200 body=Body generation example"},
		{get("/a"), answer(200), "200"},
	}},
	"turns errors into redirects": {event: trigger.OriginResponse, code: `
exports.handler = (event, context, callback) => {
  const { request, response } = event.Records[0].cf;
  if (response.status >= 400 && response.status <= 599) {
    const path = '/plan-b/path?', domain = request.origin.custom.domainName;
    response.status = 302;
    response.statusDescription = 'Found';
    response.body = '';
    response.headers['location'] = [{ key: 'Location', value: 'http://' + domain + path + request.querystring }];
  }
  callback(null, response);
};`, cases: []trialOf{{withOrigin(get("/a?x=1")), answer(503), "302 +Location=http://files.example.net/plan-b/path?x=1 body="}}},
	"rewrites a form": {event: trigger.ViewerRequest, code: `
const querystring = require('querystring');
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request;
  if (request.method === 'POST') {
    const body = Buffer.from(request.body.data, 'base64').toString();
    const params = querystring.parse(body);
    for (const param in params) console.log('for "' + param + '" given "' + params[param] + '"');
    request.body.action = 'replace';
    request.body.encoding = 'text';
    request.body.data = getUpdatedBody(params);
  }
  return callback(null, request);
};
function getUpdatedBody(params) { params['new'] = 'value'; return querystring.stringify(params); }`, cases: []trialOf{{post("a=1&b=%C3%BC"), nil, "POST /form? body=a=1&b=%C3%BC&new=value"}}},

	"adds security headers": {event: trigger.ViewerResponse, runtime: function.CloudFrontJS2, code: `
async function handler(event) {
  const { headers } = event.response;
  headers['strict-transport-security'] = { value: 'max-age=63072000; includeSubdomains; preload' };
  headers['content-security-policy'] = { value: "default-src 'none'; img-src 'self'" };
  headers['x-frame-options'] = { value: 'DENY' };
  return event.response;
}`, cases: []trialOf{{get("/a"), answer(200, "Etag: x"), "200 +Content-Security-Policy=default-src 'none'; img-src 'self' +Strict-Transport-Security=max-age=63072000; includeSubdomains; preload +X-Frame-Options=DENY"}}},
	"adds a header for other sites": {event: trigger.ViewerResponse, runtime: function.CloudFrontJS1, code: `
function handler(event) {
  var request = event.request, response = event.response;
  if (!response.headers['access-control-allow-origin'] && request.headers['origin']) {
    response.headers['access-control-allow-origin'] = { value: request.headers['origin'].value };
  }
  return response;
}`, cases: []trialOf{
		{get("/a", "Origin: https://x.example"), answer(200), "200 +Access-Control-Allow-Origin=https://x.example"},
		{get("/a"), answer(200), "200"},
	}},
	"tells the origin who asks": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS1, code: `
function handler(event) {
  var request = event.request;
  request.headers['true-client-ip'] = { value: event.viewer.ip };
  return request;
}`, cases: []trialOf{{get("/a"), nil, "GET /a? +True-Client-Ip=198.51.100.7"}}},
	"redirects by country": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS2, code: `
async function handler(event) {
  const request = event.request, host = request.headers.host.value, country = Symbol.for('DE').description;
  if (!(request.headers['cloudfront-viewer-country'] && request.headers['cloudfront-viewer-country'].value === country)) return request;
  return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: ` + "`https://${host}/de/index.html`" + ` } } };
}`, cases: []trialOf{
		{get("/a", "CloudFront-Viewer-Country: DE"), nil, "302 +Location=https://d1.cloudfront.net/de/index.html body="},
		{get("/a", "CloudFront-Viewer-Country: FR"), nil, "GET /a?"},
	}},
	"checks a token": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS1, code: `
var crypto = require('crypto');
function constantTimeEquals(a, b) {
  if (a.length != b.length) return false;
  var xor = 0;
  for (var i = 0; i < a.length; i++) xor |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return 0 === xor;
}
function decode(text, key) {
  var parts = text.split('.');
  if (parts.length !== 3) throw new Error('Not enough or too many segments');
  var input = [parts[0], parts[1]].join('.');
  if (!constantTimeEquals(crypto.createHmac('sha256', key).update(input).digest('base64url'), parts[2])) throw new Error('Signature verification failed');
  var claims = JSON.parse(String.bytesFrom(parts[1], 'base64url'));
  if (claims.nbf && Date.now() < claims.nbf * 1000) throw new Error('Token not yet active');
  if (claims.exp && Date.now() > claims.exp * 1000) throw new Error('Token expired');
  return claims;
}
function handler(event) {
  var request = event.request, refused = { statusCode: 401, statusDescription: 'Unauthorized' };
  if (!request.querystring.jwt) return refused;
  try { decode(request.querystring.jwt.value, 's3cret'); } catch (e) { console.log(e); return refused; }
  delete request.querystring.jwt;
  return request;
}`, cases: []trialOf{
		{get("/a?b=1&jwt=" + token("s3cret", `{"sub":"ann","exp":4102444800}`)), nil, "GET /a?b=1"},
		{get("/a?jwt=" + token("other", `{"sub":"ann"}`)), nil, "401 body="},
		{get("/a?jwt=" + token("s3cret", `{"exp":1}`)), nil, "401 body="},
		{get("/a"), nil, "401 body="},
	}},
	"sorts the query": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS2, code: `
async function handler(event) {
  const parts = [], query = event.request.querystring;
  for (const key in query) {
    if (query[key].multiValue) query[key].multiValue.forEach((v) => parts.push(key + '=' + v.value));
    else parts.push(key + '=' + query[key].value);
  }
  event.request.querystring = parts.sort().join('&');
  return event.request;
}`, cases: []trialOf{{get("/a?c=3&b=2&c=1"), nil, "GET /a?b=2&c=1&c=3"}}},
	"keeps a visitor in a group": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS2, code: `
const crypto = require('crypto');
function handler(event) {
  const { request } = event, { cookies } = request;
  const group = cookies.group ? cookies.group.value : parseInt(crypto.createHash('sha1').update(event.viewer.ip).digest('hex').slice(0, 2), 16) % 2 ? 'odd' : 'even';
  request.uri = '/' + group + request.uri;
  cookies.group = { value: group };
  return request;
}`, cases: []trialOf{
		{get("/a", "Cookie: x=1; group=even"), nil, "GET /even/a?"},
		{get("/a", "Cookie: x=1"), nil, "GET /odd/a? +Cookie=group=odd; x=1"},
	}},
}

// trialOf is what a function must make of a request, or of an answer to it.
type trialOf struct {
	request trigger.Request
	answer  *trigger.Response
	want    string
}

func answer(status int, lines ...string) *trigger.Response {
	h := header(lines...)
	delete(h, "Host")
	return &trigger.Response{Status: status, Reason: http.StatusText(status), Header: h}
}

func bucketAt(uri string) trigger.Request {
	r := get(uri)
	r.Origin = toBucket("").Origin
	return r
}

func withOrigin(r trigger.Request) trigger.Request {
	r.Origin = &trigger.Origin{DomainName: "files.example.net", Port: 443, HTTPS: true, KeepAlive: 5e9, ReadTimeout: 30e9, SSLProtocols: []string{"TLSv1.2"}}
	return r
}

func TestDocumentedFunctions(t *testing.T) {
	p := function.NewPool(function.Config{})
	t.Cleanup(p.Close)
	for name, e := range documented {
		t.Run(name, func(t *testing.T) {
			f := loaded(t, p, &published{runtime: e.runtime, code: e.code})
			for _, c := range e.cases {
				if got := tried(t, f, contextOf(e.event), e.runtime != "", &c); got != c.want {
					t.Errorf("%s %s = %q, want %q", c.request.Method, c.request.URI, got, c.want)
				}
			}
		})
	}
}

// tried runs a function, and says what came of it: the target or the status, the
// headers that are new, changed (+) and gone (-), and what it put in place of a body.
func tried(t *testing.T, f *function.Function, c *trigger.Context, simple bool, of *trialOf) string {
	t.Helper()
	write, readRequest, readResponse := c.LambdaEvent, c.ReadLambdaRequest, c.ReadLambdaResponse
	if simple {
		write, readRequest, readResponse = c.FunctionEvent, c.ReadFunctionRequest, c.ReadFunctionResponse
	}
	event, err := write(&of.request, of.answer)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r==", Payload: event})
	if err != nil {
		return err.Error()
	}
	var request *trigger.Request
	var response *trigger.Response
	before := http.Header{}
	if of.answer != nil {
		before = of.answer.Header
		response, err = readResponse(of.answer, result.Payload)
	} else {
		request, response, err = readRequest(&of.request, result.Payload)
	}
	switch {
	case err != nil:
		return err.Error()
	case response != nil:
		out := fmt.Sprint(response.Status) + changes(before, response.Header)
		if response.Body != nil {
			out += " body=" + string(response.Body)
		}
		return out
	}
	out := fmt.Sprintf("%s %s?%s", request.Method, request.URI, request.Query) + changes(of.request.Header, request.Header)
	if request.Body != nil && request.Body.Replaced {
		out += " body=" + string(request.Body.Data)
	}
	if o := request.Origin; o != nil {
		out += " origin=" + o.DomainName
		if !o.S3 {
			out += fmt.Sprintf(":%d", o.Port)
		}
	}
	return out
}

func changes(before, after http.Header) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !slices.Equal(before[name], after[name]) {
			out.WriteString(" +" + name + "=" + strings.Join(after[name], ","))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] == nil {
			out.WriteString(" -" + name)
		}
	}
	return out.String()
}
