package edge_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// everyMethod lets a behaviour pass uploads on.
func everyMethod(b *delivery.Behavior) {
	for _, m := range []string{"OPTIONS", "PUT", "PATCH", "POST", "DELETE"} {
		b.Allowed |= delivery.MethodOf(m)
	}
}

// talk sends bytes over one connection and returns the status of every answer
// until the edge closes it.
func talk(t *testing.T, addr, sent string) (statuses []int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, sent) // the edge may stop reading
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return statuses
		}
		statuses = append(statuses, resp.StatusCode)
	}
}

// Whatever two servers could read differently, the edge refuses, or passes on in
// one reading only. Each case is followed by an honest request on the same
// connection, which must be answered as what it is, or not at all.
func TestFraming(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			b = []byte("cut off")
		}
		mu.Lock()
		seen = append(seen, fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, b))
		mu.Unlock()
	})
	everything := func(b *delivery.Behavior) { b.CachingDisabled = true }
	w := newWorld(t, newFeed(distribution(o, last(everyMethod), last(everything))))
	addr := w.listen()

	const at = "Host: " + host + "\r\n"
	const post = "POST /a HTTP/1.1\r\n" + at
	const chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	const evil = "GET /evil HTTP/1.1\r\n" + at + "\r\n"
	const honest = "GET /honest HTTP/1.1\r\n" + at + "Connection: close\r\n\r\n"
	refused := []int{400}
	for _, tt := range []struct {
		name, sent string
		want       []int
		origin     []string // of the requests that may arrive there
	}{
		{"as it should be", post + "Content-Length: 5\r\n\r\nhello", []int{200, 200}, []string{"POST /a hello", "GET /honest "}},
		{"chunks as they should be", chunked + "5\r\nhello\r\n0\r\n\r\n", []int{200}, []string{"POST /a hello"}},

		{"two lengths", post + "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello", refused, nil},
		{"one length twice", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", []int{200, 200}, []string{"POST /a hello", "GET /honest "}},
		{"list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", refused, nil},
		{"signed length", post + "Content-Length: +5\r\n\r\nhello", refused, nil},
		{"negative length", post + "Content-Length: -5\r\n\r\nhello", refused, nil},
		{"hexadecimal length", post + "Content-Length: 0x5\r\n\r\nhello", refused, nil},
		{"empty length", post + "Content-Length: \r\n\r\nhello", refused, nil},
		{"length beyond all numbers", post + "Content-Length: 99999999999999999999\r\n\r\nhello", refused, nil},
		{"body of a GET", "GET /a HTTP/1.1\r\n" + at + "Content-Length: 5\r\n\r\nhello", []int{403, 200}, []string{"GET /honest "}},
		{"request as body of a GET", "GET /a HTTP/1.1\r\n" + at + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(evil)) + evil, []int{403, 200}, []string{"GET /honest "}},

		// RFC 9112, section 6.3: read as chunks, and nothing after.
		{"length and chunks", post + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n", len("0\r\n\r\n"+evil)) + "0\r\n\r\n" + evil, []int{200}, []string{"POST /a "}},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + evil, []int{200}, []string{"POST /a "}},
		{"chunks over HTTP/1.0", "POST /a HTTP/1.0\r\n" + at + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil, []int{200, 400}, []string{"POST /a "}},
		{"no such coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		{"identity coding", post + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", []int{501}, nil},
		{"two codings", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		{"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		{"chunked before a tab", post + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", []int{200}, []string{"POST /a "}},
		{"chunked behind a vertical tab", post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", []int{400}, nil},
		{"coding in a space's shadow", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", refused, nil},
		{"coding folded", post + "X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n", []int{200, 200}, []string{"POST /a ", "GET /honest "}},
		{"first line folded", "POST /a HTTP/1.1\r\n Transfer-Encoding: chunked\r\n" + at + "\r\n", refused, nil},

		{"negative chunk", chunked + "-1\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"huge chunk", chunked + "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"prefixed chunk", chunked + "0x5\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"chunk longer than it says", chunked + "3\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"chunk without an end", chunked + "5\r\nhelloxx0\r\n\r\n", refused, nil},
		{"extension", chunked + "5;a=b\r\nhello\r\n0\r\n\r\n", []int{200}, []string{"POST /a hello"}},
		{"extension with a line feed", chunked + "5;a\nb\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"endless extension", chunked + "5;" + strings.Repeat("a", 64<<10) + "\r\nhello\r\n0\r\n\r\n", refused, nil},
		{"length in a trailer", chunked + "0\r\nContent-Length: 50\r\nHost: other\r\n\r\n", []int{200}, []string{"POST /a "}},

		{"bare CR in a value", "GET /a HTTP/1.1\r\n" + at + "X-A: b\rX-B: c\r\n\r\n", refused, nil},
		{"bare CR in a name", "GET /a HTTP/1.1\r\n" + at + "X\r-A: b\r\n\r\n", refused, nil},
		{"bare CR in the target", "GET /a\rb HTTP/1.1\r\n" + at + "\r\n", refused, nil},
		{"NUL in a value", "GET /a HTTP/1.1\r\n" + at + "X-A: b\x00c\r\n\r\n", refused, nil},
		{"no name", "GET /a HTTP/1.1\r\n" + at + ": b\r\n\r\n", refused, nil},
		{"no colon", "GET /a HTTP/1.1\r\n" + at + "X-A\r\n\r\n", refused, nil},
		{"two hosts", "GET /a HTTP/1.1\r\n" + at + "Host: other\r\n\r\n", refused, nil},
		{"no host", "GET /a HTTP/1.1\r\n\r\n", refused, nil},
		{"host with a path", "GET /a HTTP/1.1\r\nHost: " + host + "/evil\r\n\r\n", []int{400}, nil},
		{"host with a user", "GET /a HTTP/1.1\r\nHost: evil@" + host + "\r\n\r\n", refused, nil},
		{"unknown host", "GET /a HTTP/1.1\r\nHost: nobody.example\r\n\r\n", []int{403, 200}, []string{"GET /honest "}},
		{"unknown host in the target", "GET http://nobody.example/a HTTP/1.1\r\n" + at + "\r\n", []int{403, 200}, []string{"GET /honest "}},

		{"two spaces", "GET  /a HTTP/1.1\r\n" + at + "\r\n", refused, nil},
		{"space in the target", "GET /a /evil HTTP/1.1\r\n" + at + "\r\n", refused, nil},
		{"no version", "GET /a\r\n" + at + "\r\n", refused, nil},
		{"no such version", "GET /a HTTP/3.0\r\n" + at + "\r\n", []int{505}, nil},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused, nil},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", refused, nil},
		{"fragment", "GET /a#b HTTP/1.1\r\n" + at + "\r\n", []int{400, 200}, []string{"GET /honest "}},
		{"tunnel", "CONNECT " + host + ":443 HTTP/1.1\r\n" + at + "\r\n", []int{400, 200}, []string{"GET /honest "}},
		{"all of the server", "OPTIONS * HTTP/1.1\r\n" + at + "\r\n", []int{400, 200}, []string{"GET /honest "}},
		{"no such method", "BREW /a HTTP/1.1\r\n" + at + "\r\n", []int{403, 200}, []string{"GET /honest "}},
		{"upgrade", "GET /a HTTP/1.1\r\n" + at + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n", []int{200, 200}, []string{"GET /a ", "GET /honest "}},
		{"expectation", post + "Content-Length: 5\r\nExpect: evil\r\n\r\nhello", []int{417}, nil},
		{"huge header", "GET /a HTTP/1.1\r\n" + at + "X-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", []int{431}, nil},
		{"many headers", "GET /a HTTP/1.1\r\n" + at + strings.Repeat("X-A: b\r\n", 8<<10) + "\r\n", []int{431}, nil},
		{"huge target", "GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\n" + at + "\r\n", []int{431}, nil},
		{"long URL", "GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\n" + at + "\r\n", []int{413}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mu.Lock()
			seen = nil
			mu.Unlock()
			got := talk(t, addr, tt.sent+honest)
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, tt.want) {
				t.Errorf("answers %v, want %v", got, tt.want)
			}
			arrived := slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return strings.HasSuffix(s, " cut off") })
			if !slices.Equal(arrived, tt.origin) {
				t.Errorf("the origin saw %q, want %q", arrived, tt.origin)
			}
		})
	}
}
