package edge

import (
	"io"
	"net/http"
	"time"
)

// tally is the way to a viewer, and notes what goes out.
type tally struct {
	http.ResponseWriter
	// status is 0 until the head has gone out.
	status int
	// bodyBytes are those that the connection has taken.
	bodyBytes int64
	// timed says that first is wanted: when the first byte of the body was ready
	// or, without a body, the head.
	timed bool
	first time.Time
}

// WriteHeader sends the head. The one of an informational answer is not counted.
func (t *tally) WriteHeader(status int) {
	if status >= http.StatusOK {
		t.status = status
		t.mark()
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tally) mark() {
	if t.timed && t.first.IsZero() {
		t.first = time.Now()
	}
}

// Write sends a part of the body.
func (t *tally) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p)
	t.bodyBytes += int64(n)
	return n, err
}

// ReadFrom lets net/http send files without reading them.
func (t *tally) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(t.ResponseWriter, src)
	t.bodyBytes += n
	return n, err
}
