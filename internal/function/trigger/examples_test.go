package trigger_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// published are functions as people publish them, in our own words, each with
// what it must make of a request.
type published struct {
	event   trigger.Event
	runtime function.Runtime
	code    string
	files   map[string]string
	cases   []published1
}

type published1 struct {
	request trigger.Request
	want    string
}

func header(lines ...string) http.Header {
	h := http.Header{"Host": {"d1.cloudfront.net"}}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h
}

func get(uri string, lines ...string) trigger.Request {
	path, query, _ := strings.Cut(uri, "?")
	return trigger.Request{ClientIP: "198.51.100.7", Method: "GET", URI: path, Query: query, Header: header(lines...)}
}

// token is a JWT of HS256.
func token(secret, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var examples = map[string]published{
	"A/B by cookie": {event: trigger.ViewerRequest, code: `
'use strict';
exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request;
  const cookies = request.headers.cookie || [];
  const inB = cookies.some((c) => c.value.split(';').some((p) => p.trim() === 'X-Experiment=B'));
  if (request.uri === '/pixel.jpg') request.uri = inB ? '/b/pixel.jpg' : '/a/pixel.jpg';
  callback(null, request);
};`, cases: []published1{
		{get("/pixel.jpg", "Cookie: a=1; X-Experiment=B"), "GET /b/pixel.jpg?"},
		{get("/pixel.jpg"), "GET /a/pixel.jpg?"},
		{get("/other.jpg?x=1"), "GET /other.jpg?x=1"},
	}},
	"redirect by country": {event: trigger.OriginRequest, code: `
exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const country = request.headers['cloudfront-viewer-country'];
  const languages = { DE: 'de', TW: 'tw' };
  const to = country && languages[country[0].value];
  if (!to) return request;
  return { status: '302', statusDescription: 'Found', headers: { location: [{ key: 'Location', value: 'https://' + request.headers.host[0].value + '/' + to + request.uri }] } };
};`, cases: []published1{
		{get("/a", "CloudFront-Viewer-Country: DE"), "302 Location=https://d1.cloudfront.net/de/a"},
		{get("/a", "CloudFront-Viewer-Country: FR"), "GET /a?"},
	}},
	"basic auth": {event: trigger.ViewerRequest, code: `
exports.handler = (event, context, callback) => {
  const { request } = event.Records[0].cf, headers = request.headers;
  const expected = 'Basic ' + new Buffer('user' + ':' + 'pass').toString('base64');
  if (typeof headers.authorization === 'undefined' || headers.authorization[0].value !== expected) {
    return callback(null, { status: '401', statusDescription: 'Unauthorized', body: 'Unauthorized', headers: { 'www-authenticate': [{ key: 'WWW-Authenticate', value: 'Basic' }] } });
  }
  delete headers.authorization;
  callback(null, request);
};`, cases: []published1{
		{get("/"), "401 Www-Authenticate=Basic Unauthorized"},
		{get("/", "Authorization: Basic dXNlcjpwYXNz"), "GET /?"},
	}},
	"JWT check": {event: trigger.ViewerRequest, code: `
const crypto = require('crypto');
const { secret } = require('./config.json');
const refuse = { status: '403', statusDescription: 'Forbidden', body: 'no' };
exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const given = new URLSearchParams(request.querystring).get('token') || '';
  const [head, body, signature] = given.split('.');
  if (!signature) return refuse;
  const expected = crypto.createHmac('sha256', secret).update(head + '.' + body).digest('base64url');
  const a = Buffer.from(expected), b = Buffer.from(signature);
  if (a.length !== b.length || !crypto.timingSafeEqual(a, b)) return refuse;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  if (claims.exp * 1000 < Date.now()) return refuse;
  request.headers['x-user'] = [{ key: 'X-User', value: claims.sub }];
  request.querystring = '';
  return request;
};`, files: map[string]string{"config.json": `{"secret":"s3cret"}`}, cases: []published1{
		{get("/?token=" + token("s3cret", `{"sub":"ann","exp":4102444800}`)), "GET /? X-User=ann"},
		{get("/?token=" + token("s3cret", `{"sub":"ann","exp":1}`)), "403 no"},
		{get("/?token=" + token("other", `{"sub":"ann","exp":4102444800}`)), "403 no"},
		{get("/"), "403 no"},
	}},
	"image path": {event: trigger.ViewerRequest, code: `
const querystring = require('querystring'), path = require('path');
exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const { d } = querystring.parse(request.querystring);
  const match = /^\/images\/(.*)\.(jpe?g|png)$/.exec(request.uri);
  if (!d || !match) return request;
  const [width] = d.split('x').map(Number), fits = [100, 300, 500].find((w) => width <= w * 1.05) || 500;
  const webp = (request.headers.accept || []).some((a) => a.value.includes('webp'));
  request.uri = path.posix.join('/images', String(fits), webp ? 'webp' : match[2], match[1] + '.' + match[2]);
  return request;
};`, cases: []published1{
		{get("/images/cat.jpg?d=90x90", "Accept: image/webp"), "GET /images/100/webp/cat.jpg?d=90x90"},
		{get("/images/cat.jpg?d=400x1"), "GET /images/500/jpg/cat.jpg?d=400x1"},
		{get("/images/cat.jpg"), "GET /images/cat.jpg?"},
	}},
	"body inspection": {event: trigger.ViewerRequest, code: `
exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const form = require('querystring').parse(Buffer.from(request.body.data, 'base64').toString());
  if (form.bot) return { status: '400', body: 'bot' };
  request.body = { action: 'replace', encoding: 'text', data: require('querystring').stringify({ name: form.name.toUpperCase() }) };
  return request;
};`, cases: []published1{
		{post("name=ann&x=1"), "POST /form? body=name=ANN"},
		{post("bot=1"), "400 bot"},
	}},
	"origin switch": {event: trigger.OriginRequest, code: `
exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (request.headers['cloudfront-viewer-country'][0].value === 'DE') {
    request.origin.s3.domainName = 'eu.s3.eu-central-1.amazonaws.com';
    request.origin.s3.region = 'eu-central-1';
    request.headers.host = [{ key: 'host', value: request.origin.s3.domainName }];
  }
  return request;
};`, cases: []published1{
		{toBucket("DE"), "GET /a? Host=eu.s3.eu-central-1.amazonaws.com origin=eu.s3.eu-central-1.amazonaws.com"},
		{toBucket("US"), "GET /a? origin=us.s3.us-east-1.amazonaws.com"},
	}},
	"index documents": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS2, code: `
async function handler(event) {
  const request = event.request;
  if (request.uri.endsWith('/')) request.uri += 'index.html';
  else if (!request.uri.includes('.')) request.uri += '/index.html';
  return request;
}`, cases: []published1{
		{get("/docs/?b=2&a=1"), "GET /docs/index.html?b=2&a=1"},
		{get("/docs"), "GET /docs/index.html?"},
	}},
	"key in the query": {event: trigger.ViewerRequest, runtime: function.CloudFrontJS1, code: `
var crypto = require('crypto');
function handler(event) {
  var request = event.request, given = request.querystring.key && request.querystring.key.value;
  var expected = crypto.createHash('md5').update('salt' + request.uri).digest('hex');
  if (given !== expected) return { statusCode: 403, statusDescription: 'Forbidden' };
  delete request.querystring.key;
  request.headers['x-checked'] = { value: 'yes' };
  return request;
}`, cases: []published1{
		{get("/a?b=1"), "403"},
		{get("/a?key=baf91c029cd64ae614dd4f4fb7c21178&b=1"), "GET /a?b=1 X-Checked=yes"},
	}},
}

func post(body string) trigger.Request {
	r := get("/form")
	r.Method, r.Body = "POST", &trigger.Body{Data: []byte(body)}
	return r
}

func toBucket(country string) trigger.Request {
	r := get("/a", "CloudFront-Viewer-Country: "+country)
	r.Origin = &trigger.Origin{S3: true, DomainName: "us.s3.us-east-1.amazonaws.com", Region: "us-east-1", AuthMethod: "none", Header: http.Header{}}
	return r
}

func TestPublishedFunctions(t *testing.T) {
	p := function.NewPool(function.Config{})
	t.Cleanup(p.Close)
	for name, e := range examples {
		t.Run(name, func(t *testing.T) {
			f := loaded(t, p, &e)
			for _, c := range e.cases {
				if got := outcome(t, f, &e, &c.request); got != c.want {
					t.Errorf("%s %s = %q, want %q", c.request.Method, c.request.URI, got, c.want)
				}
			}
		})
	}
}

func loaded(t *testing.T, p *function.Pool, e *published) *function.Function {
	t.Helper()
	s := function.Spec{Name: t.Name(), Account: "000000000000", Runtime: e.runtime, Handler: "index.handler", Timeout: time.Minute}
	var err error
	if e.runtime == "" {
		s.Runtime = function.NodeJS
		files := map[string]string{"index.js": e.code}
		maps.Copy(files, e.files)
		s.Package, err = function.NewPackage(files)
	} else {
		s.Package, err = function.CloudFrontCode(e.code)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// outcome describes what a function made of a request: what changed in it, or
// the response.
func outcome(t *testing.T, f *function.Function, e *published, r *trigger.Request) string {
	t.Helper()
	c := trigger.Context{Event: e.event, DistributionDomain: "d1.cloudfront.net", DistributionID: "E1", RequestID: "r=="}
	make, read := c.LambdaEvent, c.ReadLambdaRequest
	if e.runtime != "" {
		make, read = c.FunctionEvent, c.ReadFunctionRequest
	}
	event, err := make(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r==", Payload: event})
	if err != nil {
		t.Fatal(err)
	}
	got, answer, err := read(r, result.Payload)
	switch {
	case err != nil:
		return err.Error()
	case answer != nil:
		out := fmt.Sprint(answer.Status)
		for name, values := range answer.Header {
			out += " " + name + "=" + strings.Join(values, ",")
		}
		return strings.TrimSpace(out + " " + string(answer.Body))
	}
	out := fmt.Sprintf("%s %s?%s", got.Method, got.URI, got.Query)
	for _, name := range []string{"Host", "X-User", "X-Checked"} {
		if !reflect.DeepEqual(got.Header[name], r.Header[name]) {
			out += " " + name + "=" + got.Header.Get(name)
		}
	}
	if got.Body != nil && got.Body.Replaced {
		out += " body=" + string(got.Body.Data)
	}
	if got.Origin != nil {
		out += " origin=" + got.Origin.DomainName
	}
	return out
}
