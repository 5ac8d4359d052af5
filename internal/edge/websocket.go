package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// webSocketIdle is how long an origin may send nothing over a WebSocket.
//
// Source: CloudFront quotas, origin response timeout (idle timeout).
const webSocketIdle = 10 * time.Minute

// asksForWebSocket reports whether a request is the opening handshake of a
// WebSocket.
//
// Source: RFC 6455, section 4.2.1.
func asksForWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor >= 1 &&
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && slices.Contains(connectionTokens(r.Header), "Upgrade")
}

// webSocket reports whether the request may become a WebSocket. The behaviour
// must let the origin hear the handshake; otherwise the request is one like others.
//
// Source: CloudFront Developer Guide, "Use WebSockets with CloudFront
// distributions".
func (x *exchange) webSocket() bool {
	heard := &x.plan.b.Forward.Headers
	return x.instead == 0 && heard.Has("sec-websocket-key") && heard.Has("sec-websocket-version") && asksForWebSocket(x.r)
}

// upgrade makes the requests to the origin ask for a WebSocket, too.
func (j *job) upgrade() {
	for i := range j.reqs {
		j.reqs[i].Upgrade = "websocket"
		j.reqs[i].Header["Connection"], j.reqs[i].Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
}

// switched tells the viewer that the origin agrees, and passes on what either of
// them says until one has left. A function for answers does not see this one.
func (x *exchange) switched(resp *reply) {
	origin, ok := resp.Body.(io.ReadWriteCloser)
	release, open := x.e.occupy()
	if !ok || !open {
		panic(http.ErrAbortHandler)
	}
	x.release = release
	h := x.w.Header()
	for _, f := range x.plan.keptHeaders(resp.Header) {
		h[f.Name] = f.Values
	}
	x.mark(h, resultMiss)
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&head) // buffers take all
	head.WriteString("\r\n")

	conn, buffered, err := x.rc.Hijack()
	if err != nil {
		x.failed(failureOf(err))
		return
	}
	defer conn.Close()
	x.tally.status = http.StatusSwitchingProtocols
	x.tally.mark()
	_ = conn.SetDeadline(time.Now().Add(viewerPatience))
	if _, err := conn.Write(head.Bytes()); err != nil {
		return // the viewer is gone
	}
	_ = conn.SetDeadline(time.Time{})
	x.tally.bodyBytes = relay(x.e.open, conn, buffered, origin)
}

// relay passes on what a viewer and an origin say, until one of them has left or
// does not listen, the origin has been silent for too long, or ctx has ended. It
// closes both, and returns how many bytes the viewer got. What the viewer says is
// read from said.
func relay(ctx context.Context, viewer net.Conn, said io.Reader, origin io.ReadWriteCloser) (got int64) {
	var once sync.Once
	end := func() {
		once.Do(func() {
			_ = viewer.Close() // whoever reads or writes sees it
			_ = origin.Close()
		})
	}
	defer context.AfterFunc(ctx, end)()
	idle := time.AfterFunc(webSocketIdle, end)
	defer idle.Stop()
	var up sync.WaitGroup
	defer up.Wait()
	defer end()
	up.Go(func() {
		defer end()
		_, _ = io.Copy(origin, said)
	})
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := origin.Read(buffer[:])
		if n > 0 {
			idle.Reset(webSocketIdle)
			_ = viewer.SetWriteDeadline(time.Now().Add(viewerPatience))
			wrote, failed := viewer.Write(buffer[:n])
			got += int64(wrote)
			err = errors.Join(err, failed)
		}
		if err != nil {
			return got
		}
	}
}
