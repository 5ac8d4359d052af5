package edge_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// gate is an origin that answers when a test lets it.
type gate struct {
	counter
	came   chan struct{} // one for each request
	answer chan func(http.ResponseWriter)
}

func newGate() *gate {
	return &gate{came: make(chan struct{}, 1000), answer: make(chan func(http.ResponseWriter))}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.count(r)
	g.came <- struct{}{}
	select {
	case answer := <-g.answer:
		answer(w)
	case <-r.Context().Done():
	}
}

// viewersOf sends n requests over connections of their own and returns when all
// are on their way; each answer is read to its end.
func viewersOf(t *testing.T, addr string, n int, headers string) func() []string {
	t.Helper()
	results := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: "+host+"\r\n"+headers+"\r\n"); err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer conn.Close()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				results[i] = err.Error()
				return
			}
			sum := sha256.New()
			n, err := io.Copy(sum, resp.Body)
			results[i] = fmt.Sprintf("%d %d %x %v", resp.StatusCode, n, sum.Sum(nil)[:4], err)
		})
	}
	return func() []string {
		group.Wait()
		return results
	}
}

func TestCollapse(t *testing.T) {
	const size = 3 << 19
	for _, disk := range []bool{false, true} {
		for _, length := range []bool{false, true} {
			t.Run(fmt.Sprintf("disk=%v length=%v", disk, length), func(t *testing.T) {
				g := newGate()
				w := newWorld(t, newFeed(distribution(originServer(t, g.ServeHTTP))), func(c *edge.Config) {
					if disk {
						c.CacheDir = t.TempDir()
					}
				})
				addr := w.listen()
				crowd := 200
				if length && !disk {
					crowd = 1000
				}
				wait := viewersOf(t, addr, crowd, "")
				<-g.came
				half, more := make(chan struct{}), make(chan struct{})
				g.answer <- func(w http.ResponseWriter) {
					if length {
						w.Header().Set("Content-Length", fmt.Sprint(size))
					}
					io.WriteString(w, patternText(0, size/2))
					w.(http.Flusher).Flush()
					close(half)
					<-more
					io.WriteString(w, patternText(size/2, size-size/2))
				}
				<-half
				// Those who come in the middle get the beginning as well.
				late := viewersOf(t, addr, 20, "")
				partial := viewersOf(t, addr, 5, "Range: bytes=10-19\r\n")
				close(more)
				sum := sha256.Sum256([]byte(patternText(0, size)))
				whole := fmt.Sprintf("200 %d %x <nil>", size, sum[:4])
				for _, got := range append(wait(), late()...) {
					if got != whole {
						t.Errorf("got %s, want %s", got, whole)
					}
				}
				part := sha256.Sum256([]byte(patternText(10, 10)))
				for _, got := range partial() {
					if want := fmt.Sprintf("206 10 %x <nil>", part[:4]); got != want && (length || got != whole) {
						t.Errorf("range: got %s, want %s", got, want)
					}
				}
				if g.n() != 1 {
					t.Errorf("the origin was asked %d times", g.n())
				}
				want(t, w.get("/a"), 200, "Hit", patternText(0, size))
			})
		}
	}
}

// Waiting together for an answer that belongs to one viewer ends in requests of
// their own for the others.
func TestNotShared(t *testing.T) {
	for _, header := range []string{"Cache-Control: private", "Cache-Control: no-store", "Cache-Control: max-age=0", "Vary: *"} {
		t.Run(header, func(t *testing.T) {
			g := newGate()
			w := newWorld(t, newFeed(distribution(originServer(t, g.ServeHTTP), last(func(b *delivery.Behavior) { b.TTL = legacy }))))
			wait := viewersOf(t, w.listen(), 10, "")
			for i := range 10 {
				<-g.came
				g.answer <- func(w http.ResponseWriter) {
					name, value, _ := strings.Cut(header, ": ")
					w.Header().Set(name, value)
					io.WriteString(w, strings.Repeat("x", i+1))
				}
			}
			seen := make(map[string]bool)
			for _, got := range wait() {
				seen[got] = true
			}
			if len(seen) != 10 {
				t.Errorf("10 viewers got %d different answers: %v", len(seen), seen)
			}
		})
	}
}

// Behaviours that forward cookies or do not cache never make viewers wait for
// each other.
func TestNotCollapsed(t *testing.T) {
	for name, edit := range map[string]func(*delivery.Behavior){
		"disabled": func(b *delivery.Behavior) { b.CachingDisabled = true },
		"cookies":  func(b *delivery.Behavior) { b.Forward.Cookies.Mode = delivery.SelectAll },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			w := newWorld(t, newFeed(distribution(originServer(t, g.ServeHTTP), last(edit))))
			wait := viewersOf(t, w.listen(), 5, "")
			for range 5 {
				<-g.came
			}
			for range 5 {
				g.answer <- func(w http.ResponseWriter) { io.WriteString(w, "x") }
			}
			wait()
		})
	}
}

// A viewer that leaves takes nothing from the others; the last one takes the
// fetch along.
func TestViewersLeave(t *testing.T) {
	g := newGate()
	gone := make(chan struct{})
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(w, r)
		<-r.Context().Done()
		close(gone)
	})
	w := newWorld(t, newFeed(distribution(o)))
	addr := w.listen()
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		conns = append(conns, conn)
	}
	<-g.came
	more := make(chan struct{})
	g.answer <- func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", fmt.Sprint(5<<20))
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "again")
		w.(http.Flusher).Flush()
	}
	var bodies []io.Reader
	expect := func(r io.Reader, text string) {
		t.Helper()
		got := make([]byte, len(text))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	for _, conn := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(resp.Body, "first")
		bodies = append(bodies, resp.Body)
	}
	conns[0].Close()
	close(more)
	expect(bodies[1], "again")
	conns[1].Close()
	select {
	case <-gone:
		t.Error("the fetch ended while there was a viewer")
	default:
	}
	expect(bodies[2], "")
	conns[2].Close()
	<-gone
}

// Origins that break off, or lie about the length: the viewers' connections are
// cut, and nothing is kept.
func TestIncomplete(t *testing.T) {
	for name, answer := range map[string]string{
		"short":       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
		"no chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
		"half chunk":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12345",
		"wrong chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			w := newWorld(t, newFeed(distribution(rawOrigin(t, func(conn net.Conn) {
				asked.Add(1)
				io.WriteString(conn, answer)
			}))))
			addr := w.listen()
			for range 2 {
				// The cut may come before anything has left the edge.
				req, err := http.NewRequest("GET", "http://"+addr+"/a", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = host
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					continue
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); err == nil {
					t.Errorf("got %q as if it were whole", got)
				}
			}
			if n := asked.Load(); n != 2 {
				t.Errorf("the origin was asked %d times, want 2", n)
			}
		})
	}
}

// rawOrigin answers each request on a connection of its own with what answer writes.
func rawOrigin(t *testing.T, answer func(net.Conn)) string {
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
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				answer(conn)
			}
			conn.Close()
		}
	})
	return "http://" + l.Addr().String()
}

// Files of private content are nobody else's, and hold nothing of the request.
func TestFiles(t *testing.T) {
	const size = 2 << 20
	dir := t.TempDir()
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, patternText(0, size)) })
	w := newWorld(t, newFeed(distribution(o, last(restricted))), func(c *edge.Config) { c.CacheDir = dir })
	signed := w.sign("/a", "")
	want(t, w.get(signed), 200, "Miss", patternText(0, size))
	want(t, w.get(signed), 200, "Hit", patternText(0, size))
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode() != 0o600 || info.Size() != size {
		t.Errorf("%v, %v", info, err)
	}
	// Without its file, an answer is fetched again.
	if err := os.Remove(dir + "/" + files[0].Name()); err != nil {
		t.Fatal(err)
	}
	want(t, w.get(signed), 200, "Miss", patternText(0, size))
}
