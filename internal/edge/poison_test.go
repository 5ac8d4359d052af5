package edge_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// What the key does not tell apart, the origin does not hear of: nobody can
// leave an answer of their making to others.
func TestPoisoning(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		var heard []string
		for name, values := range r.Header {
			switch name {
			// These say who asks through whom; their values are the viewer's word,
			// as with CloudFront.
			case "X-Forwarded-For", "Via", "X-Amz-Cf-Id":
			default:
				heard = append(heard, fmt.Sprint(name, values))
			}
		}
		slices.Sort(heard)
		fmt.Fprint(w, r.Method, r.Host, r.RequestURI, heard)
	})
	w := newWorld(t, newFeed(distribution(o, last(everyMethod))))
	addr := w.listen()
	clean := "GET /clean HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	resp := raw(t, addr, clean)
	honest := strings.ReplaceAll(body(t, resp), "/clean", "/TARGET")
	for i, poison := range []string{
		"X-Forwarded-Host: evil.example", "X-Host: evil.example", "X-Forwarded-Server: evil.example", "Forwarded: host=evil.example",
		"X-Original-Url: /evil", "X-Rewrite-Url: /evil", "X-Forwarded-Proto: https", "X-Forwarded-Scheme: http", "X-Forwarded-Port: 1",
		"X-Http-Method-Override: DELETE", "X-Http-Method: DELETE", "X-Method-Override: DELETE", "Cookie: a=evil", "User-Agent: evil",
		"Accept: evil/evil", "Accept-Encoding: evil", "Accept-Language: evil", "Accept-Charset: evil", "Origin: https://evil.example",
		"Referer: https://evil.example", "Authorization: evil", "Range: bytes=1-2", "If-None-Match: *", "If-Match: \"evil\"",
		"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "Cache-Control: no-store", "Pragma: no-cache", "Max-Forwards: 0", "Expect: 100-continue",
		"Connection: Host, User-Agent", "Connection: close, X-Amz-Cf-Id", "Te: trailers", "Upgrade: h2c", "Transfer-Encoding: chunked",
		"Cloudfront-Viewer-Country: ZZ", "X-Amz-Security-Token: evil", "X-Real-Ip: 1.2.3.4", "X-Edge-Location: evil",
	} {
		target := fmt.Sprintf("/%d", i)
		for _, target := range []string{target, target + "?evil=1", "http://" + host + ":1" + target} {
			evil := "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + poison + "\r\n\r\n"
			if strings.HasPrefix(poison, "Transfer-Encoding") {
				evil += "0\r\n\r\n"
			}
			raw(t, addr, evil).Body.Close()
		}
		w.edge.Settle()
		resp := raw(t, addr, strings.Replace(clean, "/clean", target, 1))
		if got := strings.ReplaceAll(body(t, resp), target, "/TARGET"); resp.StatusCode != 200 || got != honest {
			t.Errorf("%s: got %d %s, want %s", poison, resp.StatusCode, got, honest)
		}
	}
}

// A header that Connection takes from the origin is none for the cache either:
// else one viewer leaves the answer without it to all who send it.
func TestPoisoningByConnection(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header["Origin"]) })
	w := newWorld(t, newFeed(distribution(o, last(func(b *delivery.Behavior) {
		b.Forward.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, "origin")
		b.Key.Headers = b.Forward.Headers
	}))))
	want(t, w.get("/a", "Origin: https://a.example", "Connection: keep-alive, origin"), 200, "Miss", "[]")
	w.edge.Settle()
	want(t, w.get("/a", "Origin: https://a.example", "Connection: keep-alive"), 200, "Miss", "[https://a.example]")
	w.edge.Settle()
	want(t, w.get("/a"), 200, "Hit", "[]")
	want(t, w.get("/a", "Origin: https://a.example"), 200, "Hit", "[https://a.example]")
}

// An origin that makes links of the Host header makes them of a name that is the
// distribution's, and whoever invents a port keeps them: the key need not have
// the header.
func TestPoisoningByHost(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path)
		w.WriteHeader(http.StatusMovedPermanently)
	})
	heard := func(b *delivery.Behavior) {
		b.Forward.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, "host")
	}
	keyed := func(b *delivery.Behavior) { b.Key.Headers = b.Forward.Headers }
	for name, edits := range map[string][]func(*delivery.Distribution){"heard": {last(heard)}, "in the key": {last(heard), last(keyed)}} {
		d := distribution(o, edits...)
		d.Aliases = []string{"*.example.com"}
		w := newWorld(t, newFeed(d))
		for i, tt := range []struct {
			host, location string // none is refused
			kept           string // what the others then get of it
		}{
			{host + ":9999", "http://" + host + ":9999", "Miss"},
			{host + ":80", "http://" + host, "Hit"},
			{host + ":", "http://" + host, "Hit"},
			{host + ".", "http://" + host, "Hit"},
			{strings.ToUpper(host), "http://" + host, "Hit"},
			{host + ":@evil.example", "", "Miss"},
			{host + ":80/evil?", "", "Miss"},
			{host + ":999999", "", "Miss"},
			{host + ":-1", "", "Miss"},
			{"evil.example/.example.com", "", "Miss"},
			{"evil.example?.example.com", "", "Miss"},
			{"evil.example#.example.com", "", "Miss"},
			{"evil@a.example.com", "", "Miss"},
			{`evil\.example.com`, "", "Miss"},
			{"evil%2f.example.com", "", "Miss"},
		} {
			target := fmt.Sprintf("/%d", i)
			resp := w.get(target, "Host: "+tt.host)
			if location := resp.Header.Get("Location"); tt.location == "" && resp.StatusCode != 403 || tt.location != "" && location != tt.location+target {
				t.Errorf("%s: %s: got %d, Location %q", name, tt.host, resp.StatusCode, location)
			}
			w.edge.Settle()
			resp = w.get(target)
			if location := resp.Header.Get("Location"); location != "http://"+host+target {
				t.Errorf("%s: %s: the others then got Location %q", name, tt.host, location)
			}
			want(t, resp, 301, tt.kept, "")
		}
	}
}

// Nor can somebody make the origin fail for the others by a head that is too
// long for it.
func TestPoisoningByLength(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for name, values := range r.Header {
			n += len(name) + len(strings.Join(values, ""))
		}
		if n > 4<<10 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w := newWorld(t, newFeed(distribution(o)))
	for i, name := range []string{"X-Forwarded-For", "Via", "X-Evil", "User-Agent", "Cookie", "X-Forwarded-Host", "Origin"} {
		for n, evil := range []string{strings.Repeat("192.0.2.1, ", 1500), strings.Repeat("a", 16<<10), strings.Repeat(",", 16<<10)} {
			target := fmt.Sprintf("/%d/%d", i, n)
			want(t, w.get(target, name+": "+evil), 200, "Miss", "")
			w.edge.Settle()
			want(t, w.get(target), 200, "Hit", "")
		}
	}
}

// Answers that are not what they say they are reach nobody as whole ones, and
// stay with nobody.
func TestLyingOrigins(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		whole        []int // statuses of the answers that are not cut off
	}{
		{"too short", "Content-Length: 10\r\n\r\nhello", nil},
		{"broken chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", nil},
		{"chunks without an end", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", nil},
		{"negative length", "Content-Length: -1\r\n\r\nhello", []int{502}},
		{"list of lengths", "Content-Length: 5, 6\r\n\r\nhello", []int{502}},
		{"no such coding", "Transfer-Encoding: evil\r\n\r\nhello", []int{502}},
		{"header without a colon", "Evil\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"NUL in a header", "Evil: a\x00b\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"too many headers", strings.Repeat("Evil: a\r\n", 8<<10) + "Content-Length: 5\r\n\r\nhello", []int{502}},
		{"control byte in a name", "E\x01vil: a\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"byte beyond ASCII in a name", "E\xffvil: a\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"bare CR in a value", "Evil: a\rSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"two lengths", "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello", []int{502}},
		{"endless chunk extension", "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 64<<10) + "\r\nhello\r\n0\r\n\r\n", nil},
		{"endless trailer", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + strings.Repeat("Evil: a\r\n", 1<<20), nil},
		{"another protocol", "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nhello", []int{502}},
		{"no such status", "042 Low\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"no such class of status", "999 High\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"flood of hints", strings.Repeat("103 Early Hints\r\nLink: </evil>\r\n\r\nHTTP/1.1 ", 8<<10) + "200 OK\r\nContent-Length: 5\r\n\r\nhello", []int{502}},
		{"no head", "-", []int{502}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c counter
			o := rawOrigin(t, func(conn net.Conn) {
				c.count(&http.Request{Method: "GET"})
				head := "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
				if c := tt.answer[0]; '0' <= c && c <= '9' { // it has a status
					head = "HTTP/1.1 "
				}
				io.WriteString(conn, head+tt.answer)
			})
			d := distribution(o)
			d.Errors = map[int]delivery.ErrorResponse{502: {}} // not kept
			w := newWorld(t, newFeed(d))
			addr := w.listen()
			for n := range 2 {
				got := talk(t, addr, "GET /a HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
				w.edge.Settle()
				if !slices.Equal(got, tt.whole) || c.n() != n+1 {
					t.Errorf("round %d: got %d, want %d, with %d requests to the origin", n, got, tt.whole, c.n())
				}
			}
		})
	}
}

// A path that the edge or a function put in another's place is not that other
// path: it is asked of another origin, and may be for fewer viewers.
func TestSamePathOfAnotherBehavior(t *testing.T) {
	private := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "private", r.RequestURI) })
	public := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "public", r.RequestURI) })
	other := distribution(public).Behaviors[0].Origin
	w := newWorld(t, newFeed(distribution(private, last(restricted), first("*.html", func(b *delivery.Behavior) { b.Origin = other }),
		func(d *delivery.Distribution) { d.DefaultRootObject = "index.html" })))
	root := w.sign("/", "")
	for _, result := range []string{"Miss", "Hit"} {
		want(t, w.get(root), 200, result, "private/index.html")
		want(t, w.get("/index.html"), 200, result, "public/index.html")
		w.edge.Settle()
	}
	want(t, w.get("/"), 403, "Error", "*")
	w.feed.invalidate("E1", "/index.html")
	want(t, w.get(root), 200, "Miss", "private/index.html")
	want(t, w.get("/index.html"), 200, "Miss", "public/index.html")
}

// The root shows what lies under another name, and wants the signature that this
// name wants.
func TestRestrictedRootObject(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
	w := newWorld(t, newFeed(distribution(o, first("*.html", restricted),
		func(d *delivery.Distribution) { d.DefaultRootObject = "index.html" })))
	want(t, w.get("/index.html"), 403, "Error", "*")
	want(t, w.get("/"), 403, "Error", "*")
	want(t, w.get(w.sign("/", "")), 200, "Miss", "/index.html")
	want(t, w.get("/other"), 200, "Miss", "/other")
}

// What an origin may say beside its answer harms nobody, and what the edge keeps
// is the answer alone.
func TestTalkativeOrigins(t *testing.T) {
	for name, answer := range map[string]string{
		"hints":               strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\nSet-Cookie: evil\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"continue":            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"extensions":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;evil=1\r\nhello\r\n0;evil\r\n\r\n",
		"trailer":             "HTTP/1.1 200 OK\r\nTrailer: Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: evil\r\nEvil: a\r\n\r\n",
		"two framings":        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"length twice":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"more than said":      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, evil",
		"second answer":       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
		"space in a name":     "HTTP/1.1 200 OK\r\nE vil: evil\r\nContent-Length: 5\r\n\r\nhello",
		"space behind a name": "HTTP/1.1 200 OK\r\nContent-Length : 3\r\nSet-Cookie : evil\r\n\r\nhello",
		"old protocol":        "HTTP/1.0 200 OK\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newFeed(distribution(rawOrigin(t, func(conn net.Conn) { io.WriteString(conn, answer) }))))
			addr := w.listen()
			for range 2 {
				resp := raw(t, addr, "GET /a HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
				want(t, resp, 200, "*", "hello")
				if head := fmt.Sprint(resp.Header, resp.Trailer); strings.Contains(strings.ToLower(head), "evil") {
					t.Errorf("the viewer got %s", head)
				}
				w.edge.Settle()
			}
		})
	}
}

// A bomb is passed on as it came: the edge unpacks nothing.
func TestCompressedBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(zeros{}, 8<<20)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(bomb.Len()))
		w.Write(bomb.Bytes())
	})
	w := newWorld(t, newFeed(distribution(o, last(func(b *delivery.Behavior) { b.Compress, b.Key.Gzip, b.Key.Brotli = true, true, true }))))
	for _, accept := range []string{"gzip", "br", "br, gzip", "identity", ""} {
		for range 2 {
			resp := w.get("/a", "Accept-Encoding: "+accept)
			if got := resp.Header.Get("Content-Encoding"); got != "gzip" {
				t.Errorf("%q: Content-Encoding %q", accept, got)
			}
			want(t, resp, 200, "*", bomb.String())
			w.edge.Settle()
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A request that comes back through another distribution, under whatever name,
// ends where it would go round again.
func TestLoopThroughOthers(t *testing.T) {
	f := newFeed()
	w := newWorld(t, f)
	to := func(name string) string {
		return originServer(t, func(rw http.ResponseWriter, r *http.Request) {
			r.Host = name
			w.edge.ServeHTTP(rw, r)
		})
	}
	one, two := distribution(to("d2.cloudfront.localhost")), distribution(to("a.loop.example"))
	one.Aliases = []string{"loop.example", "*.loop.example"}
	two.ID, two.DomainName = "E2", "d2.cloudfront.localhost"
	f.set(one, two)
	for i, name := range []string{host, "loop.example", "b.loop.example", two.DomainName} {
		resp := w.get(fmt.Sprintf("/%d", i), "Host: "+name)
		want(t, resp, http.StatusLoopDetected, "Error", "*")
	}
}
