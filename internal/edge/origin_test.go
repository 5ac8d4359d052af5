package edge_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Origins that fail in any way become 502 or 504 for viewers, and rest for the
// time of an error.
func TestOriginFails(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	say := func(answer string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, answer) } }
	hang := func(c net.Conn) { io.Copy(io.Discard, c) }
	for _, tt := range []struct {
		name   string
		origin string
		status int
		reason string
	}{
		{"refused", "http://" + refused.Addr().String(), 502, "wasn't able to connect"},
		{"reset", rawOrigin(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }), 502, "wasn't able to connect"},
		{"garbage", rawOrigin(t, say("garbage\r\n\r\n")), 502, "wasn't able to connect"},
		{"half a head", rawOrigin(t, say("HTTP/1.1 200 OK\r\nContent-")), 502, "wasn't able to connect"},
		{"two lengths", rawOrigin(t, say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")), 502, "wasn't able to connect"},
		{"huge head", rawOrigin(t, say("HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")), 502, "wasn't able to connect"},
		{"hangs", rawOrigin(t, hang), 504, "attempted to establish a connection"},
		{"no TLS", strings.Replace(rawOrigin(t, say("x")), "http:", "https:", 1), 502, "wasn't able to connect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := distribution(tt.origin)
			d.Behaviors[0].Origin.ReadTimeout = 50 * time.Millisecond
			w := newWorld(t, newFeed(d))
			for range 2 {
				resp := w.get("/a")
				got := body(t, resp)
				if resp.StatusCode != tt.status || !strings.Contains(got, tt.reason) || !strings.Contains(got, resp.Header.Get("X-Amz-Cf-Id")) {
					t.Errorf("got %d %s", resp.StatusCode, got)
				}
			}
			if n := strings.Count(w.log.String(), "origin failed"); n != 1 {
				t.Errorf("the origin failed %d times in the log, want 1", n)
			}
		})
	}
}

func TestOriginStalls(t *testing.T) {
	d := distribution(rawOrigin(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
		io.Copy(io.Discard, c)
	}))
	d.Behaviors[0].Origin.ReadTimeout = 50 * time.Millisecond
	w := newWorld(t, newFeed(d))
	resp := raw(t, w.listen(), "GET /a HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	if got, err := io.ReadAll(resp.Body); string(got) != "12345" || err == nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var c counter
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	w := newWorld(t, newFeed(distribution(o)))
	resp := w.get("/a")
	if resp.Header.Get("Location") != "/elsewhere" {
		t.Errorf("headers: %v", resp.Header)
	}
	want(t, resp, 302, "Miss", "*")
	want(t, w.get("/a"), 302, "Hit", "*")
	if c.n() != 1 {
		t.Errorf("the origin was asked %d times", c.n())
	}
}

func TestOriginRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { got <- r.Clone(r.Context()) })
	viewer := []string{
		"Accept: a", "Accept-Language: de", "Authorization: secret", "Cookie: a=1; b=2", "Cookie: CloudFront-Policy=x; c=3",
		"Referer: r", "User-Agent: agent", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: gopher", "X-Real-Ip: 5.6.7.8",
		"X-Edge-A: 1", "Proxy-Authorization: 1", "Te: trailers", "Upgrade: h2c", "Connection: X-Drop, Upgrade", "X-Drop: 1",
		"X-Custom: 1", "X-Amz-Meta-A: 1", "X-Amz-Copy-Source: /other/secret", "Cloudfront-Viewer-Country: ZZ",
		"Cloudfront-Forwarded-Proto: gopher", "Accept-Encoding: gzip, br;q=0", "Via: 1.1 before", "Origin: o", "X-Amz-Cf-Id: spoof",
		"Content-Type: text/x",
	}
	always := http.Header{"Connection": {"Keep-Alive"}, "X-Forwarded-For": {"1.2.3.4, 192.0.2.1"}}
	header := func(names ...string) delivery.Selection {
		return delivery.NewSelection(delivery.SelectWhitelist, false, names...)
	}
	for _, tt := range []struct {
		name   string
		method string
		edit   func(*delivery.Behavior)
		target string
		want   http.Header // beside always, Via and X-Amz-Cf-Id
		uri    string
		host   string
	}{
		{
			name: "nothing selected", edit: func(*delivery.Behavior) {}, target: "/a?q=1", uri: "/a",
			want: http.Header{"User-Agent": {"Amazon CloudFront"}},
		},
		{
			name: "encoding", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) { b.Key.Gzip, b.Key.Brotli = true, true },
			want: http.Header{"User-Agent": {"Amazon CloudFront"}, "Accept-Encoding": {"gzip"}},
		},
		{
			name: "no common encoding", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) { b.Key.Brotli = true },
			want: http.Header{"User-Agent": {"Amazon CloudFront"}, "Accept-Encoding": {"identity"}},
		},
		{
			name: "encoding of one viewer", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) { b.Forward.Headers = header("accept-encoding") },
			want: http.Header{"User-Agent": {"Amazon CloudFront"}},
		},
		{
			name: "encoding, nothing kept", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) {
				b.Forward.Headers, b.CachingDisabled = header("accept-encoding"), true
			},
			want: http.Header{"User-Agent": {"Amazon CloudFront"}, "Accept-Encoding": {"gzip, br;q=0"}},
		},
		{
			name: "selected", target: "/a?x=1&y=2&%78=3&z=4", uri: "/p/a?x=1&%78=3", host: host,
			edit: func(b *delivery.Behavior) {
				b.Forward.Headers = header("origin", "host", "user-agent", "x-custom", "cloudfront-forwarded-proto", "x-edge-a", "upgrade")
				b.Key.Headers = b.Forward.Headers
				b.Forward.Cookies = delivery.NewSelection(delivery.SelectWhitelist, true, "b*", "c", "Cloud*")
				b.Forward.Query = delivery.NewSelection(delivery.SelectWhitelist, false, "x")
				b.Origin.Path = "/p"
			},
			want: http.Header{
				"User-Agent": {"agent"}, "Origin": {"o"}, "X-Custom": {"1"}, "Cookie": {"b=2; c=3"},
				"Cloudfront-Forwarded-Proto": {"http"},
			},
		},
		{
			name: "custom header", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) {
				b.Forward.Headers = header("x-custom")
				b.Origin.Headers = []delivery.Header{{Name: "X-Custom", Value: "ours"}, {Name: "X-Secret", Value: "s"}}
			},
			want: http.Header{"User-Agent": {"Amazon CloudFront"}, "X-Custom": {"ours"}, "X-Secret": {"s"}},
		},
		{
			name: "all but query", target: "/a?x=1&y=2&&z", uri: "/a?y=2&z",
			edit: func(b *delivery.Behavior) {
				b.Forward.Query = delivery.NewSelection(delivery.SelectAllExcept, false, "x")
			},
			want: http.Header{"User-Agent": {"Amazon CloudFront"}},
		},
		{
			name: "post", method: "POST", target: "/a", uri: "/a",
			edit: func(b *delivery.Behavior) { b.Allowed = 1<<7 - 1 },
			want: http.Header{
				"User-Agent": {"Amazon CloudFront"}, "Authorization": {"secret"}, "Content-Type": {"text/x"}, "Origin": {"o"},
				"X-Custom": {"1"}, "X-Amz-Meta-A": {"1"}, "X-Amz-Copy-Source": {"/other/secret"}, "Content-Length": {"0"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := distribution(o, last(tt.edit))
			w := newWorld(t, newFeed(d))
			if tt.method == "" {
				tt.method = "GET"
			}
			w.do(tt.method, tt.target, viewer...)
			r := <-got
			via := r.Header.Get("Via")
			if !strings.HasPrefix(via, "1.1 before, 1.1 ") || !strings.HasSuffix(via, ".cloudfront.net (CloudFront)") {
				t.Errorf("Via is %q", via)
			}
			if id := r.Header.Get("X-Amz-Cf-Id"); len(id) != 56 {
				t.Errorf("X-Amz-Cf-Id is %q", id)
			}
			r.Header.Del("Via")
			r.Header.Del("X-Amz-Cf-Id")
			maps.Copy(tt.want, always)
			if fmt.Sprint(r.Header) != fmt.Sprint(tt.want) {
				t.Errorf("headers:\ngot  %v\nwant %v", r.Header, tt.want)
			}
			if tt.host == "" {
				tt.host = "127.0.0.1"
			}
			if r.RequestURI != tt.uri || r.Host != tt.host {
				t.Errorf("got %s %s, want %s %s", r.Host, r.RequestURI, tt.host, tt.uri)
			}
		})
	}
}

// Uploads stream through and are not kept.
func TestUpload(t *testing.T) {
	const size = 1 << 20
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.ContentLength, len(got), err, string(got) == patternText(0, size))
	})
	w := newWorld(t, newFeed(distribution(o, last(func(b *delivery.Behavior) { b.Allowed = 1<<7 - 1 }))))
	addr := w.listen()
	for range 2 {
		for _, length := range []int64{size, -1} {
			req, err := http.NewRequest("PUT", "http://"+addr+"/a", io.NopCloser(io.LimitReader(pattern(size), size)))
			if err != nil {
				t.Fatal(err)
			}
			req.Host, req.ContentLength = host, length
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			want(t, resp, 200, "Miss", fmt.Sprintln("PUT", length, size, nil, true))
		}
	}
}

// An answer without an end reaches the viewer as it comes.
func TestStreaming(t *testing.T) {
	more := make(chan struct{})
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			io.WriteString(w, "event\n")
			w.(http.Flusher).Flush()
			<-more
		}
	})
	w := newWorld(t, newFeed(distribution(o, first("/off", func(b *delivery.Behavior) { b.CachingDisabled = true }))))
	addr := w.listen()
	for _, target := range []string{"/off", "/kept"} {
		resp := raw(t, addr, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		for range 3 {
			got := make([]byte, 6)
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "event\n" {
				t.Fatalf("%s: got %q, %v", target, got, err)
			}
			more <- struct{}{}
		}
		if got, err := io.ReadAll(resp.Body); len(got) != 0 || err != nil {
			t.Errorf("%s: then %q, %v", target, got, err)
		}
	}
}

// credentials let a test's origin requests be signed.
type credentials struct{}

func (credentials) Credential(context.Context, *delivery.Distribution, *delivery.Origin) (origin.Credential, error) {
	return origin.Credential{
		AccessKeyID:  "ASIAEXAMPLE",
		SessionToken: "token",
		Derive:       func(s sigv4.Scope) sigv4.SigningKey { return sigv4.DeriveKey([]byte("secret"), s) },
		Expires:      time.Now().Add(time.Hour),
	}, nil
}

// What a viewer puts into X-Amz-* headers does not get the edge's signature,
// unless the behaviour names it: a PUT must not become a copy of something else.
func TestSignedHeaders(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Amz-Copy-Source", "X-Amz-Acl", "X-Amz-Meta-A", "X-Custom", "X-Amz-Security-Token"} {
			fmt.Fprintf(w, "%s;", r.Header.Get(name))
		}
		fmt.Fprintf(w, "%t", strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/"))
	})
	edit := func(signing delivery.SigningBehavior, names ...string) func(*delivery.Behavior) {
		return func(b *delivery.Behavior) {
			b.Allowed = 1<<7 - 1
			b.Origin.Access = delivery.OriginAccess{ControlID: "OAC", Signing: signing, Type: "s3"}
			if names != nil {
				b.Forward.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, names...)
			}
		}
	}
	everything := func(b *delivery.Behavior) { b.Forward.Headers.Mode = delivery.SelectAll }
	for _, tt := range []struct {
		name  string
		edits []func(*delivery.Behavior)
		own   bool // the viewer has an Authorization
		hop   bool // and calls it hop-by-hop
		want  string
	}{
		{"signed", []func(*delivery.Behavior){edit(delivery.SignAlways)}, false, false, ";;;1;token;true"},
		{"signed over the viewer's", []func(*delivery.Behavior){edit(delivery.SignAlways)}, true, false, ";;;1;token;true"},
		{"all headers", []func(*delivery.Behavior){edit(delivery.SignAlways), everything}, false, false, ";;;1;token;true"},
		{"named", []func(*delivery.Behavior){edit(delivery.SignAlways, "x-amz-meta-a")}, false, false, ";;1;1;token;true"},
		{"not signed", []func(*delivery.Behavior){edit(delivery.SignNever)}, false, false, "/b/k;x;1;1;spoof;false"},
		{"the viewer's stays", []func(*delivery.Behavior){edit(delivery.SignNoOverride)}, true, false, "/b/k;x;1;1;spoof;false"},
		{"the viewer's stays behind", []func(*delivery.Behavior){edit(delivery.SignNoOverride)}, true, true, ";;;1;token;true"},
		{"the viewer has none", []func(*delivery.Behavior){edit(delivery.SignNoOverride)}, false, false, ";;;1;token;true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*delivery.Distribution)
			for _, edit := range tt.edits {
				edits = append(edits, last(edit))
			}
			w := newWorld(t, newFeed(distribution(o, edits...)), func(c *edge.Config) { c.Credentials = credentials{} })
			headers := []string{"X-Amz-Copy-Source: /b/k", "X-Amz-Acl: x", "X-Amz-Meta-A: 1", "X-Custom: 1", "X-Amz-Security-Token: spoof"}
			if tt.own {
				headers = append(headers, "Authorization: mine")
			}
			if tt.hop {
				headers = append(headers, "Connection: Authorization")
			}
			want(t, w.do("PUT", "/a", headers...), 200, "Miss", tt.want)
		})
	}
}
