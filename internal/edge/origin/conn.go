package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/address"
)

// dialError tells failures to connect from later ones.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (e *dialError) timeout() bool {
	t, ok := errors.AsType[net.Error](e.err)
	return ok && t.Timeout()
}

// dial connects, in as many attempts as the settings allow.
func (s settings) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	// Who may make distributions is not whom clouds hand this machine's credentials to.
	dialer := net.Dialer{Timeout: s.connect, Control: address.NotMetadata}
	for attempt := 1; ; attempt++ {
		conn, err := dialer.DialContext(ctx, network, hostPort)
		if err == nil {
			return newOriginConn(conn, s.read), nil
		}
		if attempt >= s.attempts || ctx.Err() != nil {
			return nil, &dialError{err}
		}
	}
}

// originConn is a connection to an origin. It bounds how long the origin may
// refuse to take more of a request, and knows whether somebody reads.
type originConn struct {
	net.Conn
	patience time.Duration

	mu      sync.Mutex
	changed sync.Cond
	reading bool
	closed  bool
}

func newOriginConn(conn net.Conn, patience time.Duration) *originConn {
	c := &originConn{Conn: conn, patience: patience}
	c.changed.L = &c.mu
	return c
}

func (c *originConn) Write(p []byte) (int, error) {
	if c.patience > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

func (c *originConn) Read(p []byte) (int, error) {
	c.set(&c.reading, true)
	defer c.set(&c.reading, false)
	return c.Conn.Read(p)
}

func (c *originConn) Close() error {
	c.set(&c.closed, true)
	return c.Conn.Close()
}

func (c *originConn) set(state *bool, to bool) {
	c.mu.Lock()
	*state = to
	c.mu.Unlock()
	c.changed.Broadcast()
}

// quiet closes a kept connection on which the origin has said something since
// its last answer, before the next request goes out on it. What was said would
// be taken for the answer to that request, which may be another viewer's: so an
// origin that can be made to answer twice would hand one viewer's choice of an
// answer to the others, and to the cache. A request of which nothing was sent is
// sent anew by the transport.
//
// The transport drops a connection with an answer that nobody asked for, but
// looks for one only after it has lent the connection out again. Once it has
// looked, it either reads, and waits for more, or has closed the connection.
//
// Source: RFC 9112, section 9.2.
func quiet(info httptrace.GotConnInfo) {
	if !info.Reused {
		return
	}
	conn := info.Conn
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	c, ok := conn.(*originConn)
	if !ok {
		return
	}
	c.mu.Lock()
	for !c.reading && !c.closed {
		c.changed.Wait()
	}
	closed := c.closed
	c.mu.Unlock()
	if !closed && readable(c.Conn) {
		_ = c.Close() // whoever reads sees it
	}
}

// upgraded is a connection that has left HTTP.
type upgraded struct {
	io.ReadWriteCloser
	cancel context.CancelCauseFunc
}

func (u *upgraded) Close() error {
	u.cancel(nil)
	return u.ReadWriteCloser.Close()
}
