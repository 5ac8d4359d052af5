package origin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
)

// talker is an origin that answers every request on a connection by bytes of its
// own. It counts its connections.
func talker(t *testing.T, answer func(r *http.Request, conn net.Conn)) (o *delivery.Origin, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	connections = new(atomic.Int64)
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			group.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return
					}
					answer(r, conn)
				}
			})
		}
	})
	o = originAt(t, "http://"+l.Addr().String())
	o.ReadTimeout, o.KeepAlive = time.Hour, time.Hour // however slow the machine is
	return o, connections
}

// An answer that nobody asked for is nobody's: neither the next viewer's nor the
// cache's, however it comes behind the one before.
func TestUnaskedAnswer(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	const honest = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest"
	for _, tt := range []struct {
		name, method, first, unasked string
		apart                        bool // in a packet of its own
		connections                  int64
	}{
		{"nothing", "GET", honest, "", false, 1},
		{"nothing behind no body", "HEAD", honest[:len(honest)-6], "", false, 1},
		{"behind a length", "GET", honest, evil, false, 40},
		{"behind chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\nhonest\r\n0\r\nX-Trailer: a\r\n\r\n", evil, false, 40},
		{"behind chunks and a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhonest\r\n0\r\n\r\n", evil, false, 40},
		{"behind no body", "GET", "HTTP/1.1 204 No Content\r\n\r\n", evil, false, 40},
		{"behind a head", "HEAD", honest[:len(honest)-6], evil, false, 40},
		{"body of a HEAD", "HEAD", honest, "", false, 40},
		{"body of a 204", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n", evil, false, 40},
		{"beginning of a head", "GET", honest, "HTTP/1.1 200 OK\r\nCache-Control: max-age=9999\r\nX-Swallow: ", false, 40},
		{"early hints", "GET", honest, "HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\n\r\n", false, 40},
		{"in a packet of its own", "GET", honest, evil, true, 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said := make(chan struct{}, 1)
			o, connections := talker(t, func(_ *http.Request, conn net.Conn) {
				if tt.apart {
					io.WriteString(conn, tt.first)
					io.WriteString(conn, tt.unasked)
				} else {
					io.WriteString(conn, tt.first+tt.unasked)
				}
				said <- struct{}{}
			})
			c := newClient(t, origin.Config{})
			want := "200 honest"
			if tt.method == "HEAD" {
				want = "200 "
			}
			if strings.Contains(tt.first, " 204 ") {
				want = "204 "
			}
			for n := range 40 {
				r := request(o, tt.method, "/")
				if got := get(t, c, r); got != want {
					t.Fatalf("request %d: got %q, want %q", n, got, want)
				}
				<-said
			}
			if n := connections.Load(); n != tt.connections {
				t.Errorf("%d connections, want %d", n, tt.connections)
			}
		})
	}
}

// With many viewers at once as well: the transport hands a connection on the
// moment that its answer ends.
func TestUnaskedAnswerUnderLoad(t *testing.T) {
	o, _ := talker(t, func(_ *http.Request, conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest"+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
	})
	c := newClient(t, origin.Config{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				resp, err := c.Fetch(t.Context(), request(o, "GET", "/"))
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(b) != "honest" {
					t.Errorf("got %q, %v", b, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// An upload that finds its connection spoiled is sent on another, since nothing
// of it has been.
func TestUploadBehindUnaskedAnswer(t *testing.T) {
	o, connections := talker(t, func(r *http.Request, conn net.Conn) {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sHTTP/1.1 200 OK\r\n\r\n", len(r.Method), r.Method)
	})
	c := newClient(t, origin.Config{})
	for n := range int64(10) {
		r := request(o, "PUT", "/")
		r.Body, r.ContentLength = strings.NewReader("film"), 4
		if got := get(t, c, r); got != "200 PUT" {
			t.Fatalf("got %s", got)
		}
		if connections.Load() != n+1 {
			t.Errorf("%d connections for %d uploads", connections.Load(), n+1)
		}
	}
}

// Statuses that are none of a final answer are failures of the origin.
func TestNoSuchStatus(t *testing.T) {
	for _, line := range []string{
		"101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil", "000 None", "042 Low", "+20 Signed", "099 Low", "600 High", "999 High",
	} {
		o, _ := talker(t, func(_ *http.Request, conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 "+line+"\r\nContent-Length: 5\r\n\r\nhello")
		})
		resp, err := newClient(t, origin.Config{}).Fetch(context.Background(), request(o, "GET", "/"))
		if !errors.Is(err, origin.ErrConnect) {
			t.Errorf("%s: Fetch = %v, %v; want ErrConnect", line, resp, err)
		}
	}
}
