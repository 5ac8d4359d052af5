package server

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A client that takes nothing of its answer loses the connection; one that is
// slow does not.
func TestClientThatReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, served := net.Pipe()
		defer client.Close()
		conn := patientConn{served}
		defer conn.Close()
		go func() {
			for range 3 {
				time.Sleep(clientPatience * 9 / 10)
				client.Read(make([]byte, 1))
			}
		}()
		begun := time.Now()
		for range 3 {
			if _, err := conn.Write([]byte("a")); err != nil {
				t.Fatalf("a slow client after %v: %v", time.Since(begun), err)
			}
		}
		begun = time.Now()
		if _, err := conn.Write([]byte("a")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != clientPatience {
			t.Errorf("a stuck client: %v after %v, want the deadline after %v", err, time.Since(begun), clientPatience)
		}
	})
}
