package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

const handshake = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// shouting is an origin that repeats in capitals what it hears over a WebSocket,
// and otherwise says that it was asked for none. gone gets a value for each
// WebSocket that has ended.
func shouting(gone chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") == "" {
			fmt.Fprint(w, "no WebSocket", r.Header["Connection"])
			return
		}
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			gone <- err
			return
		}
		defer conn.Close()
		switch r.URL.Path {
		case "/otherwise":
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nhello")
			return
		case "/unframed":
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Edge-A: b\r\nSet-Cookie: a=b\r\n\r\n")
		for {
			line, err := buffered.ReadString('\n')
			io.WriteString(conn, strings.ToUpper(line))
			if err != nil || line == "bye\n" {
				gone <- err
				return
			}
		}
	}
}

func allViewer(b *delivery.Behavior) { b.Forward.Headers.Mode = delivery.SelectAll }

// dialog opens a connection, sends what is to be sent first, and returns the
// connection with the answer to that.
func dialog(t *testing.T, addr, first string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, first); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	return conn, in, resp
}

func TestWebSocket(t *testing.T) {
	gone := make(chan error, 1)
	w := newWorld(t, newFeed(distribution(originServer(t, shouting(gone)), last(allViewer))))
	addr := w.listen()
	open := "GET /a HTTP/1.1\r\nHost: " + host + "\r\n" + handshake + "\r\n"
	say := func(conn net.Conn, in *bufio.Reader, what string) {
		t.Helper()
		if _, err := io.WriteString(conn, what); err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadString('\n'); got != strings.ToUpper(what) {
			t.Fatalf("said %q, heard %q, %v", what, got, err)
		}
	}
	// What is kept of the path is no answer.
	want(t, raw(t, addr, "GET /a HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), 200, "Miss", "no WebSocket[Keep-Alive]")
	w.edge.Settle()

	conn, in, resp := dialog(t, addr, open+"at once\n")
	h := resp.Header
	if resp.StatusCode != 101 || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" ||
		h.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || h.Get("X-Cache") != "Miss from cloudfront" || len(h.Get("X-Amz-Cf-Id")) != 56 ||
		h["X-Edge-A"] != nil || h["Set-Cookie"] != nil {
		t.Fatalf("got %d, %v", resp.StatusCode, h)
	}
	if got, err := in.ReadString('\n'); got != "AT ONCE\n" {
		t.Fatalf("heard %q, %v", got, err)
	}
	say(conn, in, "hello\n")
	say(conn, in, "bye\n")
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("after the origin had left: %q, %v", rest, err)
	}
	<-gone

	conn, in, _ = dialog(t, addr, open)
	say(conn, in, "hello\n")
	conn.Close()
	if err := <-gone; !errors.Is(err, io.EOF) {
		t.Errorf("after the viewer had left, the origin saw %v", err)
	}
}

// Who is not to have a WebSocket gets the answer to an ordinary request.
func TestNoWebSocket(t *testing.T) {
	o := originServer(t, shouting(make(chan error, 1)))
	named := func(names ...string) func(*delivery.Behavior) {
		return func(b *delivery.Behavior) {
			b.Forward.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, names...)
		}
	}
	both := named("sec-websocket-key", "sec-websocket-version")
	signed := func(scheme string) string {
		base := scheme + "://" + host
		url, err := signers().signer.Sign(t.Context(), base+"/a", signedurl.Policy{Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(url, base)
	}
	for _, tt := range []struct {
		name, request string
		edits         []func(*delivery.Behavior)
		status        int
	}{
		{"both headers named", "GET /a HTTP/1.1", []func(*delivery.Behavior){both}, 101},
		{"nothing cached", "GET /a HTTP/1.1", []func(*delivery.Behavior){both, func(b *delivery.Behavior) { b.CachingDisabled = true }}, 101},
		{"no version heard", "GET /a HTTP/1.1", []func(*delivery.Behavior){named("sec-websocket-key")}, 200},
		{"nothing heard", "GET /a HTTP/1.1", nil, 200},
		{"old protocol", "GET /a HTTP/1.0", []func(*delivery.Behavior){both}, 200},
		{"another method", "POST /a HTTP/1.1", []func(*delivery.Behavior){both, everyMethod}, 200},
		{"refused", "GET /refused HTTP/1.1", []func(*delivery.Behavior){both}, 426},
		{"another protocol agreed", "GET /otherwise HTTP/1.1", []func(*delivery.Behavior){both}, 502},
		{"none agreed", "GET /unframed HTTP/1.1", []func(*delivery.Behavior){both}, 502},
		{"unsigned", "GET /a HTTP/1.1", []func(*delivery.Behavior){both, restricted}, 403},
		{"signed", "GET " + signed("http") + " HTTP/1.1", []func(*delivery.Behavior){both, restricted}, 101},
		{"signed as a WebSocket", "GET " + signed("ws") + " HTTP/1.1", []func(*delivery.Behavior){both, restricted}, 101},
		{"signed as a secure one", "GET " + signed("wss") + " HTTP/1.1", []func(*delivery.Behavior){both, restricted}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*delivery.Distribution)
			for _, edit := range tt.edits {
				edits = append(edits, last(edit))
			}
			w := newWorld(t, newFeed(distribution(o, edits...)))
			conn, in, resp := dialog(t, w.listen(), tt.request+"\r\nHost: "+host+"\r\n"+handshake+"\r\n")
			if resp.StatusCode != tt.status {
				t.Fatalf("got %d, want %d", resp.StatusCode, tt.status)
			}
			if tt.status == 101 {
				return
			}
			if text := body(t, resp); tt.status == 200 && text != "no WebSocket[Keep-Alive]" {
				t.Errorf("the origin said %q", text)
			}
			if strings.HasSuffix(tt.request, "1.0") {
				return
			}
			// The connection goes on in HTTP.
			io.WriteString(conn, "GET /next HTTP/1.1\r\nHost: nobody\r\n\r\n")
			if next, err := http.ReadResponse(in, nil); err != nil || next.StatusCode != 403 {
				t.Errorf("then got %v, %v", next, err)
			}
		})
	}
}

// A WebSocket is logged when it has ended, with what the viewer got.
func TestWebSocketIsLogged(t *testing.T) {
	l := &logs{lines: map[string][]map[string]string{}}
	log := accesslog.New(accesslog.Config{Deliver: l.deliver, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { // after the edge's
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if len(l.lines[""]) != 1 {
			t.Fatalf("%d lines, want 1", len(l.lines[""]))
		}
		got := l.lines[""][0]
		for name, value := range map[string]string{"sc-status": "101", "cs-protocol": "ws", "x-edge-result-type": "Miss", "cs-uri-stem": "/a"} {
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
	})
	gone := make(chan error, 1)
	w := newWorld(t, newFeed(distribution(originServer(t, shouting(gone)), last(allViewer))), func(c *edge.Config) {
		c.AccessLog, c.AccessLogFolder = log, true
	})
	conn, in, _ := dialog(t, w.listen(), "GET /a HTTP/1.1\r\nHost: "+host+"\r\n"+handshake+"\r\nbye\n")
	if rest, err := io.ReadAll(in); string(rest) != "BYE\n" || err != nil {
		t.Errorf("heard %q, %v", rest, err)
	}
	conn.Close()
}

// Closing the edge ends the WebSockets through it.
func TestCloseEndsWebSockets(t *testing.T) {
	var in *bufio.Reader
	t.Cleanup(func() { // after the edge's
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("the viewer got %q, %v", rest, err)
		}
	})
	gone := make(chan error, 1)
	o := originServer(t, shouting(gone))
	w := newWorld(t, newFeed(distribution(o, last(allViewer))))
	// Unlike that of dialog, this connection stays open until the edge has ended it.
	conn, err := net.Dial("tcp", w.listen())
	if err != nil {
		t.Fatal(err)
	}
	in = bufio.NewReader(conn)
	io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: "+host+"\r\n"+handshake+"\r\n")
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v", resp, err)
	}
}

func TestRelay(t *testing.T) {
	start := func(t *testing.T) (viewer, origin net.Conn, stop context.CancelFunc, got chan int64) {
		ctx, stop := context.WithCancel(t.Context())
		viewer, v := net.Pipe()
		origin, o := net.Pipe()
		got = make(chan int64, 1)
		go func() { got <- edge.Relay(ctx, v, v, o) }()
		return viewer, origin, stop, got
	}
	for _, tt := range []struct {
		name string
		play func(viewer, origin net.Conn, stop context.CancelFunc)
		took time.Duration
		got  int64
	}{
		{"nobody speaks", func(_, _ net.Conn, _ context.CancelFunc) {}, 10 * time.Minute, 0},
		{"only the viewer speaks", func(viewer, origin net.Conn, _ context.CancelFunc) {
			go io.Copy(io.Discard, origin)
			for err := error(nil); err == nil; time.Sleep(time.Minute) {
				_, err = viewer.Write([]byte("x"))
			}
		}, 10 * time.Minute, 0},
		{"the origin speaks now and then", func(viewer, origin net.Conn, _ context.CancelFunc) {
			go io.Copy(io.Discard, viewer)
			for range 3 {
				time.Sleep(9 * time.Minute)
				origin.Write([]byte("hello"))
			}
		}, 37 * time.Minute, 15},
		{"the viewer does not listen", func(_, origin net.Conn, _ context.CancelFunc) { origin.Write([]byte("hello")) }, time.Minute, 0},
		{"the origin leaves", func(_, origin net.Conn, _ context.CancelFunc) { origin.Close() }, 0, 0},
		{"the viewer leaves", func(viewer, _ net.Conn, _ context.CancelFunc) { viewer.Close() }, 0, 0},
		{"the edge closes", func(_, _ net.Conn, stop context.CancelFunc) { stop() }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				viewer, origin, stop, got := start(t)
				defer stop()
				begun := time.Now()
				var played sync.WaitGroup
				defer played.Wait()
				played.Go(func() { tt.play(viewer, origin, stop) })
				if n := <-got; n != tt.got || time.Since(begun) != tt.took {
					t.Errorf("the viewer got %d bytes in %v, want %d in %v", n, time.Since(begun), tt.got, tt.took)
				}
				for name, conn := range map[string]net.Conn{"viewer": viewer, "origin": origin} {
					if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
						t.Errorf("the %s is still connected", name)
					}
				}
				_, _ = viewer.Close(), origin.Close()
			})
		})
	}
}

// A WebSocket carries any bytes, both ways at once, unchanged.
func TestRelayKeepsBytes(t *testing.T) {
	viewer, v := net.Pipe()
	origin, o := net.Pipe()
	done := make(chan int64, 1)
	go func() { done <- edge.Relay(t.Context(), v, v, o) }()
	up, down := bytes.Repeat([]byte{0, 1, 0xff, '\r', '\n'}, 50_000), bytes.Repeat([]byte("downwards\x00"), 40_000)
	heard := make(chan []byte, 1)
	go func() {
		got := make([]byte, len(up))
		n, _ := io.ReadFull(origin, got)
		heard <- got[:n]
	}()
	sent := make(chan struct{})
	go func() {
		origin.Write(down)
		close(sent)
	}()
	go viewer.Write(up)
	got := make([]byte, len(down))
	if _, err := io.ReadFull(viewer, got); err != nil || !bytes.Equal(got, down) {
		t.Errorf("the viewer heard something else, %v", err)
	}
	if !bytes.Equal(<-heard, up) {
		t.Error("the origin heard something else")
	}
	<-sent
	viewer.Close()
	if n := <-done; n != int64(len(down)) {
		t.Errorf("counted %d bytes, want %d", n, len(down))
	}
}
