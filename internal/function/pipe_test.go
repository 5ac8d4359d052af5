package function_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
)

// TestPipeEnd moves more than a pipe holds, both ends waiting for each other.
func TestPipeEnd(t *testing.T) {
	in, out, err := function.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 1<<20+1)
	for i := range sent {
		sent[i] = byte(i / 251)
	}
	written := make(chan error, 1)
	go func() {
		n, err := out.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		written <- errors.Join(err, out.Close())
	}()
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("read %d bytes and %v, want the %d that were written", len(got), err, len(sent))
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestPipeEndDeadline(t *testing.T) {
	in, out, err := function.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	past := time.Now().Add(-time.Second)
	if err := errors.Join(in.SetReadDeadline(past), out.SetWriteDeadline(past)); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read behind the deadline = %d, %v", n, err)
	}
	if n, err := out.Write(make([]byte, 1<<20)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write behind the deadline = %d, %v", n, err)
	}
	if err := errors.Join(in.SetReadDeadline(time.Time{}), out.SetWriteDeadline(time.Time{})); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, err := in.Read(b); err != nil || string(b[:n]) != "a" {
		t.Errorf("Read = %q, %v", b[:n], err)
	}
}

// TestPipeEndClosed ends what waits for a pipe when either end is closed.
func TestPipeEndClosed(t *testing.T) {
	in, out, err := function.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := in.Read(make([]byte, 1))
		ended <- err
	}()
	in.Close()
	if err := <-ended; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read of a pipe that is closed meanwhile = %v", err)
	}
	if _, err := out.Write([]byte("a")); err == nil {
		t.Error("Write into a pipe that nobody reads: no error")
	}
	out.Close()
	if _, err := out.Write([]byte("a")); err == nil {
		t.Error("Write into a closed pipe: no error")
	}
}
