package front_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are net.Pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Who announces a body and sends none gets its answer all the same, and holds no
// connection for longer than a body may take, whoever it asks.
func TestBodyThatNeverComes(t *testing.T) {
	h := start(t)
	for _, head := range []string{
		"PUT /films/k HTTP/1.1\r\nX-Refuse: yes\r\n",
		"GET /_keyfront/health HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nX-Amz-Target: TrentService.ListKeys\r\n",
		"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB.ListTables\r\n",
		"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			conns := make(pipes)
			srv := &http.Server{Handler: h.front}
			go srv.Serve(conns)
			client, server := net.Pipe()
			defer client.Close()
			conns <- server
			begun := time.Now()
			io.WriteString(client, head+"Host: localhost\r\nContent-Length: 1000\r\n\r\nAction=")
			answer := bufio.NewReader(client)
			resp, err := http.ReadResponse(answer, nil)
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			io.Copy(io.Discard, resp.Body)
			if _, err := answer.ReadByte(); err != io.EOF || time.Since(begun) != 30*time.Second {
				t.Errorf("%q: after %v %v, want the end of the connection after 30 s", head, time.Since(begun), err)
			}
			close(conns)
			srv.Close()
		})
	}
}
