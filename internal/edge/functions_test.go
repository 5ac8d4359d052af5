package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// registry runs functions that a test wrote, by their ARNs.
type registry map[string]*function.Function

func (r registry) Invoke(ctx context.Context, _ arn.AccountID, name string, in function.Invocation) (*function.Result, error) {
	f := r[name]
	if f == nil {
		return nil, errors.New("no such function")
	}
	return f.Invoke(ctx, in)
}

// at associates a behaviour with a function, in code, whose first line says
// what it is: "lambda", "lambda+body" or "js".
func (r registry) at(t *testing.T, event trigger.Event, kind, code string) func(*delivery.Behavior) {
	t.Helper()
	p := function.NewPool(function.Config{})
	t.Cleanup(p.Close)
	s := function.Spec{Name: fmt.Sprintf("%s-%s-%d", kind, event, len(r)), Account: "000000000000", Runtime: function.NodeJS, Handler: "index.handler"}
	var err error
	if kind == "js" {
		s.Runtime, s.Handler = function.CloudFrontJS2, ""
		s.Package, err = function.CloudFrontCode(code)
	} else {
		s.Package, err = function.NewPackage(map[string]string{"index.js": code})
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	r[s.Name] = f
	return func(b *delivery.Behavior) {
		b.Functions[event] = &delivery.Function{ARN: s.Name, Lambda: kind != "js", IncludeBody: kind == "lambda+body"}
	}
}

// withFunctions is an edge before an origin, with functions at events.
func withFunctions(t *testing.T, r registry, handler http.HandlerFunc, edits ...func(*delivery.Behavior)) *world {
	t.Helper()
	all := func(b *delivery.Behavior) {
		for _, edit := range edits {
			edit(b)
		}
	}
	return newWorld(t, newFeed(distribution(originServer(t, handler), last(all))), func(c *edge.Config) { c.Functions = r })
}

// retell answers with what it was asked for.
func retell(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-From", "origin")
	fmt.Fprintf(w, "%s %s host=%s added=%s body=%s", r.Method, r.RequestURI, strings.Split(r.Host, ":")[0], r.Header.Get("X-Added"), b)
}

const hostOfOrigin = "127.0.0.1"

func TestViewerRequestFunction(t *testing.T) {
	for _, kind := range []string{"lambda", "js"} {
		t.Run(kind, func(t *testing.T) {
			code := `exports.handler = async (e) => { const r = e.Records[0].cf.request;
				if (r.uri === '/old') return { status: '301', statusDescription: 'Moved', headers: { location: [{ value: '/new' }] } };
				r.uri = '/site' + r.uri; return r; };`
			made := "LambdaGeneratedResponse"
			if kind == "js" {
				made = "FunctionGeneratedResponse"
				code = `function handler(e) { const r = e.request;
					if (r.uri === '/old') return { statusCode: 301, headers: { location: { value: '/new' } } };
					r.uri = '/site' + r.uri; return r; }`
			}
			r := registry{}
			w := withFunctions(t, r, retell, r.at(t, trigger.ViewerRequest, kind, code))
			want(t, w.get("/a?b=1"), 200, "Miss", "GET /site/a host="+hostOfOrigin+" added= body=")
			want(t, w.get("/a"), 200, "Hit", "*")
			resp := w.get("/old")
			if resp.Header.Get("Location") != "/new" {
				t.Errorf("Location = %q", resp.Header.Get("Location"))
			}
			want(t, resp, 301, made, "")
		})
	}
}

// TestFunctionPassesNoCheck wants a function neither to run for a viewer without
// a signature, nor to bring one past it.
func TestFunctionPassesNoCheck(t *testing.T) {
	r := registry{}
	run := r.at(t, trigger.ViewerRequest, "lambda", `exports.handler = async () => ({ status: '200', body: 'in' });`)
	w := withFunctions(t, r, retell, restricted, run)
	want(t, w.get("/a"), 403, "Error", "*")
	resp := w.get(w.sign("/a", "http://"+host+"/a"))
	want(t, resp, 200, "LambdaGeneratedResponse", "in")
}

func TestOriginFunctions(t *testing.T) {
	r := registry{}
	w := withFunctions(
		t, r, retell,
		r.at(t, trigger.OriginRequest, "lambda", `exports.handler = (e, c, done) => { const r = e.Records[0].cf.request;
			if (r.uri === '/made') return done(null, { status: '200', headers: { 'cache-control': [{ value: 'max-age=60' }] }, body: 'aGk=', bodyEncoding: 'base64' });
			r.headers['x-added'] = [{ key: 'X-Added', value: r.origin.custom.domainName }];
			r.querystring = 'q=2';
			done(null, r); };`),
		r.at(t, trigger.OriginResponse, "lambda", `exports.handler = async (e) => { const { request, response } = e.Records[0].cf;
			response.headers['x-seen'] = [{ value: request.uri + ' ' + response.status }];
			delete response.headers['x-from'];
			if (request.uri === '/gone') Object.assign(response, { status: '404', statusDescription: 'Not Found', body: 'gone' });
			return response; };`),
	)
	resp := w.get("/a")
	if got := resp.Header; got.Get("X-Seen") != "/a 200" || got.Get("X-From") != "" {
		t.Errorf("headers = %v", got)
	}
	want(t, resp, 200, "Miss", "GET /a?q=2 host="+hostOfOrigin+" added=127.0.0.1 body=")
	want(t, w.get("/a"), 200, "Hit", "*")
	want(t, w.get("/made"), 200, "LambdaGeneratedResponse", "hi")
	want(t, w.get("/made"), 200, "Hit", "hi")
	want(t, w.get("/gone"), 404, "Error", "gone")
}

// A function that takes the viewer's Authorization out, as one that has checked
// it does, has the edge sign: but not what the viewer put into X-Amz-* headers.
func TestFunctionLeavesTheSigningToTheEdge(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Amz-Copy-Source"], r.Header["X-Amz-Acl"], strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "), len(r.Header.Get("X-Amz-Cf-Id")))
	})
	r := registry{}
	take := r.at(t, trigger.OriginRequest, "lambda", `exports.handler = async (e) => { const r = e.Records[0].cf.request;
		if (r.uri === '/checked') delete r.headers.authorization;
		r.headers['x-amz-acl'] = [{ value: 'private' }]; return r; };`)
	signed := func(b *delivery.Behavior) {
		b.Origin.Access = delivery.OriginAccess{ControlID: "OAC", Signing: delivery.SignNoOverride, Type: "s3"}
	}
	w := newWorld(t, newFeed(distribution(o, last(everyMethod), last(signed), last(take))), func(c *edge.Config) { c.Functions, c.Credentials = r, credentials{} })
	headers := []string{"Authorization: mine", "X-Amz-Copy-Source: /b/k", "X-Amz-Acl: public-read"}
	want(t, w.do("PUT", "/as-it-is", headers...), 200, "Miss", "[/b/k] [private] false 56")
	want(t, w.do("PUT", "/checked", headers...), 200, "Miss", "[] [private] true 56")
}

// What the edge added to a request on its last way is none of a function's
// business, which sees the request once more beside its answer: the signature, the
// session's token, and what this server's own API knows the edge by.
func TestFunctionSeesNoSecretsOfTheEdge(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Hop"], r.Header["X-Amz-Security-Token"], len(r.Header["Authorization"]))
	})
	r := registry{}
	seen := r.at(t, trigger.OriginResponse, "lambda", `exports.handler = async (e) => { const { request, response } = e.Records[0].cf;
		response.headers['x-seen'] = [{ value: Object.keys(request.headers).sort().join() }]; return response; };`)
	signed := func(b *delivery.Behavior) {
		b.Origin.S3, b.Origin.DomainName = true, "films.s3.us-east-1.amazonaws.com"
		b.Origin.Access = delivery.OriginAccess{ControlID: "OAC", Signing: delivery.SignAlways, Type: "s3"}
	}
	w := newWorld(t, newFeed(distribution(o, last(seen), last(signed))), func(c *edge.Config) {
		c.Functions, c.Credentials, c.Buckets = r, credentials{}, here(o)
	})
	resp := w.get("/a")
	if got := resp.Header.Get("X-Seen"); got != "host,user-agent,via,x-forwarded-for" {
		t.Errorf("the function sees %s", got)
	}
	want(t, resp, 200, "Miss", "[secret] [token] 1")
}

// here is where every bucket is.
type here string

func (h here) Locate(context.Context, string) (origin.Location, bool, error) {
	return origin.Location{Region: "us-east-1", Endpoint: string(h), Header: func(string) http.Header { return http.Header{"X-Hop": {"secret"}} }}, true, nil
}

func TestOriginSwitch(t *testing.T) {
	other := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "other %s key=%s", r.URL.Path, r.Header.Get("X-Key"))
	})
	u, err := url.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	for kind, code := range map[string]string{
		"lambda": `exports.handler = async (e) => { const r = e.Records[0].cf.request;
			r.origin = { custom: { domainName: 'localhost', port: PORT, protocol: 'http', path: '/deep', sslProtocols: ['TLSv1.2'], readTimeout: 5, keepaliveTimeout: 5,
				customHeaders: { 'x-key': [{ key: 'X-Key', value: 'k' }] } } };
			r.headers.host = [{ key: 'Host', value: 'localhost' }];
			return r; };`,
		"js": `import cf from 'cloudfront'; function handler(e) {
			cf.updateRequestOrigin({ domainName: 'localhost', originPath: '/deep', customHeaders: { 'x-key': 'k' }, customOriginConfig: { port: PORT, protocol: 'http', sslProtocols: ['TLSv1.2'] } });
			return e.request; }`,
	} {
		t.Run(kind, func(t *testing.T) {
			event := trigger.OriginRequest
			if kind == "js" {
				event = trigger.ViewerRequest
			}
			r := registry{}
			w := withFunctions(t, r, retell, r.at(t, event, kind, strings.ReplaceAll(code, "PORT", u.Port())))
			want(t, w.get("/a"), 200, "Miss", "other /deep/a key=k")
		})
	}
}

// TestOriginGroupOfFunction asks the second origin of a group that a function made
// when the first one fails.
func TestOriginGroupOfFunction(t *testing.T) {
	r := registry{}
	run := r.at(t, trigger.ViewerRequest, "js", `import cf from 'cloudfront'; function handler(e) {
		const second = e.request.uri === '/nowhere' ? 'none' : 'second';
		if (e.request.uri === '/select') cf.selectRequestOriginById('second');
		else cf.createRequestOriginGroup({ originIds: [{ originId: 'origin' }, { originId: second }], failoverCriteria: { statusCodes: [503, 404] } });
		if (e.request.uri === '/both') cf.updateRequestOrigin({ originPath: '/x' });
		return e.request; }`)
	d := distribution(answering(t, "first", new(counter)), last(run))
	failover(answering(t, "second", new(counter)))(d)
	for _, b := range d.Behaviors {
		b.Failover = nil
	}
	w := newWorld(t, newFeed(d), func(c *edge.Config) { c.Functions = r })
	want(t, w.get("/ok"), 200, "Miss", "first")
	want(t, w.get("/503"), 200, "Miss", "second")
	want(t, w.get("/403"), 403, "Error", "first")
	want(t, w.get("/404"), 404, "Error", "second")
	want(t, w.get("/select"), 200, "Miss", "second")
	want(t, w.get("/nowhere"), 503, "FunctionExecutionError", "*")
	want(t, w.get("/both"), 503, "FunctionExecutionError", "*")
}

func TestViewerResponseFunction(t *testing.T) {
	r := registry{}
	w := withFunctions(t, r, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		fmt.Fprint(w, "text")
	}, r.at(t, trigger.ViewerResponse, "js", `function handler(e) { const r = e.response;
		r.headers['strict-transport-security'] = { value: 'max-age=1' };
		r.cookies['a'] = { value: 'b', attributes: 'Path=/' };
		if (e.request.uri === '/teapot') { r.statusCode = 418; r.body = { encoding: 'text', data: 'short' }; }
		return r; }`))
	for _, result := range []string{"Miss", "Hit"} {
		resp := w.get("/a")
		if h := resp.Header; h.Get("Strict-Transport-Security") != "max-age=1" || h.Get("Set-Cookie") != "a=b; Path=/" {
			t.Errorf("headers = %v", h)
		}
		want(t, resp, 200, result, "text")
	}
	want(t, w.get("/teapot"), 418, "Miss", "short")
	want(t, w.get("/teapot"), 418, "Hit", "short")
	resp := w.get("/missing")
	if resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("the function ran for an error")
	}
	want(t, resp, 404, "Error", "text")
}

func TestFunctionBody(t *testing.T) {
	methods := func(b *delivery.Behavior) { b.Allowed |= delivery.MethodPut | delivery.MethodPost }
	long := strings.Repeat("x", 50<<10)
	for _, event := range []trigger.Event{trigger.ViewerRequest, trigger.OriginRequest} {
		t.Run(event.String(), func(t *testing.T) {
			r := registry{}
			w := withFunctions(t, r, retell, methods, r.at(t, event, "lambda+body", `exports.handler = async (e) => { const r = e.Records[0].cf.request;
				const text = Buffer.from(r.body.data, 'base64').toString();
				r.headers['x-added'] = [{ value: text.length + (r.body.inputTruncated ? '+' : '') }];
				if (text === 'swap') Object.assign(r.body, { action: 'replace', encoding: 'text', data: 'swapped' });
				return r; };`))
			addr := w.listen()
			put := func(text string) string {
				resp := raw(t, addr, fmt.Sprintf("PUT /a HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nX-Added: no\r\n\r\n%s", host, len(text), text))
				got := body(t, resp)
				_, got, _ = strings.Cut(got, "added=")
				return got
			}
			if got := put("swap"); got != "4 body=swapped" {
				t.Errorf("replaced: %s", got)
			}
			if got := put("keep"); got != "4 body=keep" {
				t.Errorf("read-only: %s", got)
			}
			wantLong := "40960+ body=" + long
			if event == trigger.OriginRequest {
				wantLong = "51200 body=" + long
			}
			if got := put(long); got != wantLong {
				t.Errorf("long: %.30s", got)
			}
		})
	}
}

func TestFunctionFailures(t *testing.T) {
	for name, c := range map[string]struct {
		kind, code, result string
		status             int
	}{
		"throws":            {"lambda", `exports.handler = async () => { throw new Error('secret words'); };`, "LambdaExecutionError", 503},
		"throws at load":    {"lambda", `throw new Error('x');`, "LambdaExecutionError", 503},
		"syntax error":      {"lambda", `exports.handler = (`, "LambdaExecutionError", 503},
		"no handler":        {"lambda", `exports.other = 1;`, "LambdaExecutionError", 503},
		"circular":          {"lambda", `exports.handler = async () => { const a = {}; a.a = a; return a; };`, "LambdaExecutionError", 503},
		"nothing":           {"lambda", `exports.handler = async () => {};`, "LambdaValidationError", 502},
		"garbage":           {"lambda", `exports.handler = async () => 'garbage';`, "LambdaValidationError", 502},
		"CR and LF":         {"lambda", `exports.handler = async () => ({ status: '200', headers: { a: [{ value: 'x\r\ny: z' }] } });`, "LambdaValidationError", 502},
		"41 KB":             {"lambda", `exports.handler = async () => ({ status: '200', body: 'x'.repeat(41 * 1024) });`, "LambdaValidationError", 502},
		"forbidden header":  {"lambda", `exports.handler = async (e) => { const r = e.Records[0].cf.request; r.headers['x-edge-a'] = [{ value: 'x' }]; return r; };`, "LambdaValidationError", 502},
		"read-only header":  {"lambda", `exports.handler = async (e) => { const r = e.Records[0].cf.request; r.headers.host = [{ value: 'x' }]; return r; };`, "LambdaValidationError", 502},
		"204 with a body":   {"lambda", `exports.handler = async () => ({ status: '204', body: 'x' });`, "LambdaValidationError", 502},
		"number for status": {"lambda", `exports.handler = async () => ({ status: 200 });`, "LambdaValidationError", 502},
		"never settles":     {"lambda", `exports.handler = () => new Promise(() => {});`, "LambdaValidationError", 502},
		"js throws":         {"js", `function handler() { throw new Error('x'); }`, "FunctionExecutionError", 503},
		"js syntax":         {"js", `function handler( {`, "FunctionExecutionError", 503},
		"js garbage":        {"js", `function handler() { return 3; }`, "FunctionExecutionError", 503},
		"js eval":           {"js", `function handler() { return new Function('return 1')(); }`, "FunctionExecutionError", 503},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry{}
			w := withFunctions(t, r, retell, r.at(t, trigger.ViewerRequest, c.kind, c.code))
			resp := w.get("/a")
			text := body(t, resp)
			if resp.StatusCode != c.status || resp.Header.Get("X-Cache") != c.result+" from cloudfront" {
				t.Errorf("got %d %q, want %d %q\n%s", resp.StatusCode, resp.Header.Get("X-Cache"), c.status, c.result, w.log)
			}
			if strings.Contains(text, "secret words") {
				t.Error("the viewer reads why")
			}
			if !strings.Contains(w.log.String(), `msg="function failed"`) {
				t.Errorf("log: %s", w.log)
			}
		})
	}
}

// TestFunctionFailureIsNotKept wants the next request to run the function again.
func TestFunctionFailureIsNotKept(t *testing.T) {
	r := registry{}
	w := withFunctions(t, r, retell, r.at(t, trigger.OriginRequest, "lambda", `let n = 0;
		exports.handler = async (e) => { if (n++ === 0) throw new Error('once'); return e.Records[0].cf.request; };`))
	want(t, w.get("/a"), 503, "LambdaExecutionError", "*")
	want(t, w.get("/a"), 200, "Miss", "*")
}

func TestBehaviorWithoutFunctionsService(t *testing.T) {
	w := newWorld(t, newFeed(distribution(originServer(t, retell), last(func(b *delivery.Behavior) {
		b.Functions[trigger.ViewerRequest] = &delivery.Function{ARN: "x", Lambda: true}
	}))))
	want(t, w.get("/a"), 503, "LambdaExecutionError", "*")
}
