package function_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
)

func TestEgress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/moved":
			w.Header().Set("Location", "/there?x=1")
			w.WriteHeader(302)
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", 7<<20))
		default:
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			fmt.Fprintf(w, "%s %s %s %s%s %s", r.Method, r.Host, r.URL, r.Header.Get("Via")+r.Header.Get("X-Scheme"), r.Header.Get("X-Own"), body)
		}
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	p := newPool(t, function.Config{Egress: function.Egress{
		Hosts: []string{address, "*.example.net"},
		Local: func(_ context.Context, host string) (string, bool) {
			return server.URL, host == "b.s3.us-east-1.amazonaws.com"
		},
		LocalHeader: func(scheme string) http.Header { return http.Header{"X-Scheme": {"+" + scheme}} },
	}})
	for name, c := range map[string]struct{ code, want string }{
		"https.request": {`new Promise((done, failed) => {
			const r = https.request({ hostname: 'b.s3.us-east-1.amazonaws.com', path: '/k?q=1', method: 'PUT', headers: { 'X-Own': 'o' } }, (a) => {
				let text = ''; a.on('data', (c) => { text += c; }); a.on('end', () => done([a.statusCode, text, a.headers['set-cookie']]));
			});
			r.on('error', failed); r.write('bo'); r.end('dy'); })`, `[200,"PUT b.s3.us-east-1.amazonaws.com /k?q=1 1.1 keyfront-function+httpso body",["a=1","b=2"]]`},
		"http.get":       {`new Promise((done) => require('http').get('http://HOST/a', (a) => { a.setEncoding('utf8'); a.on('data', done); }))`, `"GET HOST /a  "`},
		"fetch":          {`fetch('http://HOST/a', { method: 'POST', body: 'x', headers: { 'x-own': 'f' } }).then((r) => r.text())`, `"POST HOST /a f x"`},
		"redirect":       {`fetch('http://HOST/moved').then(async (r) => [r.redirected, await r.text()])`, `[true,"GET HOST /there?x=1  "]`},
		"no redirect":    {`fetch('http://HOST/moved', { redirect: 'manual' }).then((r) => [r.status, r.headers.get('location')])`, `[302,"/there?x=1"]`},
		"not allowed":    {`fetch('http://169.254.169.254/latest').catch((e) => e.cause.message.slice(0, 20))`, `"connect ECONNREFUSED"`},
		"not by Host":    {`fetch('http://HOST/a', { headers: { host: 'other' } }).then((r) => r.text())`, `"GET HOST /a  "`},
		"not below":      {`fetch('http://example.net/').catch((e) => e.cause.message.slice(0, 20))`, `"connect ECONNREFUSED"`},
		"another scheme": {`fetch('file:///etc/passwd').catch((e) => e.message)`, `"fetch failed"`},
		"too large":      {`fetch('http://HOST/large').catch((e) => e.cause.message)`, `"response is larger than 6291456 bytes"`},
		"aborted":        {`(() => { const c = new AbortController(); c.abort(); return fetch('http://HOST/a', { signal: c.signal }).catch((e) => e.name); })()`, `"AbortError"`},
		"many at once":   {`Promise.all(Array.from({ length: 20 }, (_, i) => fetch('http://HOST/' + i).then((r) => r.status))).then((a) => a.every((s) => s === 200))`, `true`},
	} {
		t.Run(name, func(t *testing.T) {
			code := strings.ReplaceAll("const https = require('https'); exports.handler = async () => "+c.code+";", "HOST", address)
			if got, want := invoke(t, nodeFunction(t, p, code), "null"), strings.ReplaceAll(c.want, "HOST", address); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// resolver says that every name leads to one IPv4 address.
func resolver(at [4]byte) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server, at)
		return client, nil
	}}
}

// answer answers the questions on a connection of RFC 1035, section 4.2.2.
func answer(conn net.Conn, at [4]byte) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := 12
		for query[end] != 0 {
			end += 1 + int(query[end])
		}
		reply := slices.Clone(query[:end+5])
		copy(reply[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
		if binary.BigEndian.Uint16(query[end+1:]) == 1 { // A
			reply[7] = 1
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			reply = append(reply, at[:]...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// A name is judged by where it leads when it is dialled.
func TestEgressByAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	const refused = `"connect ECONNREFUSED: host leads to an address that is not public"`
	for _, tt := range []struct {
		host string
		at   [4]byte
		want string
	}{
		{"api.example.com", [4]byte{127, 0, 0, 1}, refused},
		{"api.example.com", [4]byte{10, 1, 2, 3}, refused},
		{"api.example.com", [4]byte{169, 254, 169, 254}, refused},
		{"inside.example.com", [4]byte{127, 0, 0, 1}, `"inside.example.com:PORT"`},
		{"inside.example.com", [4]byte{169, 254, 169, 254}, refused},
		{"127.0.0.1", [4]byte{10, 1, 2, 3}, `"127.0.0.1:PORT"`},
		{"localhost", [4]byte{127, 0, 0, 1}, `"localhost:PORT"`},
		{"app.localhost", [4]byte{127, 0, 0, 1}, `"app.localhost:PORT"`},
	} {
		p := newPool(t, function.Config{Egress: function.Egress{
			Hosts:        []string{"api.example.com:" + port, "127.0.0.1:" + port, "localhost:" + port, "*.localhost:" + port},
			PrivateHosts: []string{"inside.example.com:" + port}, Resolver: resolver(tt.at),
		}})
		code := "exports.handler = () => fetch('http://" + tt.host + ":" + port + "/').then((r) => r.text(), (e) => e.cause.message);"
		if got, want := invoke(t, nodeFunction(t, p, code), "null"), strings.ReplaceAll(tt.want, "PORT", port); got != want {
			t.Errorf("%s at %v: got %s, want %s", tt.host, tt.at, got, want)
		}
	}
}

// TestNoNetworkForCloudFront wants a CloudFront function that gets hold of what the
// library calls to reach nothing by it.
func TestNoNetworkForCloudFront(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	p := newPool(t, function.Config{Egress: function.Egress{Hosts: []string{address}}})
	s := function.Spec{Runtime: function.CloudFrontJS2, KeyValuesID: "s", KeyValues: map[string]function.KeyValues{"s": store{}}}
	f := load(t, p, s, map[string]string{"function.js": `import cf from 'cloudfront';
const kvs = cf.kvs();
let service;
Object.defineProperty(globalThis, '__module', { configurable: true, set() {}, get: () => (exports, require, module, host) => { service = host; } });
async function handler() {
  require('querystring');
  service('ask', 'http', JSON.stringify({ method: 'GET', url: 'http://` + address + `/', headers: [] }), ':');
  return kvs.count(); // behind which an answer would be there
}`})
	_, _ = f.Invoke(context.Background(), function.Invocation{RequestID: "r1", Payload: []byte("{}")})
	select {
	case <-asked:
		t.Error("a CloudFront function has made a request")
	default:
	}
}
