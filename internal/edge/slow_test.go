package edge_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/edge"
)

// pipes is a listener whose connections lie in memory, so that time in a bubble
// passes for them.
type pipes struct{ accepted chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Viewers who are stuck lose their connection, in whatever part of a request.
func TestSlowViewers(t *testing.T) {
	const at = "Host: " + host + "\r\n"
	for _, tt := range []struct {
		name string
		view func(net.Conn) // what the viewer does; it returns when it is cut off
		most time.Duration
	}{
		{"says nothing", func(c net.Conn) { io.Copy(io.Discard, c) }, 10 * time.Second},
		{"head byte by byte", func(c net.Conn) {
			go io.Copy(io.Discard, c)
			for _, b := range []byte("GET / HTTP/1.1\r\n" + at + strings.Repeat("X-A: b\r\n", 100)) {
				time.Sleep(time.Second)
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		}, 11 * time.Second},
		{"nothing after a request", func(c net.Conn) {
			go io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")
			io.Copy(io.Discard, c)
		}, 2 * time.Minute},
		{"body of a refused request", func(c net.Conn) {
			go io.WriteString(c, "POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 100\r\n\r\n")
			io.Copy(io.Discard, c)
		}, time.Minute},
		{"body byte by byte", func(c net.Conn) {
			go io.Copy(io.Discard, c)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 1000\r\n\r\n")
			for {
				time.Sleep(5 * time.Second)
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}, time.Minute + 5*time.Second},
		{"reads nothing", func(c net.Conn) {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")
			time.Sleep(time.Minute + time.Millisecond)
			io.Copy(io.Discard, c)
		}, time.Minute + time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, newFeed())
				s := &http.Server{Handler: w.edge}
				edge.Bound(s)
				l := pipes{make(chan net.Conn)}
				go s.Serve(l)
				defer close(l.accepted)
				ours, theirs := net.Pipe()
				l.accepted <- theirs
				begun := time.Now()
				tt.view(ours)
				if took := time.Since(begun); took > tt.most {
					t.Errorf("the connection lived for %v, want %v", took, tt.most)
				}
				ours.Close()
			})
		})
	}
}

// stalled is a viewer whose body does not go on.
type stalled struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (s *stalled) SetReadDeadline(t time.Time) error {
	s.until = t
	return nil
}

func (s *stalled) SetWriteDeadline(time.Time) error { return nil }

func (s *stalled) Read([]byte) (int, error) {
	if s.until.IsZero() {
		return 0, io.ErrUnexpectedEOF
	}
	return 0, os.ErrDeadlineExceeded
}

// A body that stalls or breaks off is the viewer's failure, not the origin's.
func TestStalledUpload(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	w := newWorld(t, newFeed(distribution(o, last(everyMethod))))
	v := &stalled{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("PUT", "http://"+host+"/", v)
	r.RequestURI, r.ContentLength = "/a", 10
	w.edge.ServeHTTP(v, r)
	want(t, v.Result(), 408, "Error", "*")
	if log := w.log.String(); strings.Contains(log, "origin failed") {
		t.Errorf("the origin is blamed: %s", log)
	}
}
