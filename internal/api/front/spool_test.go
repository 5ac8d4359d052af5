package front_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// endless gives as many bytes as are asked for, and keeps none.
type endless struct{ left int }

func (e *endless) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), e.left)
	for i := range b[:n] {
		b[i] = 'x'
	}
	e.left -= n
	return n, nil
}

func TestLongBody(t *testing.T) {
	h := start(t)
	body := strings.Repeat("0123456789abcdef", 200_000)
	for _, chunked := range []bool{false, true} {
		r := h.signed(t, http.MethodPost, "/", body, "lambda", sigv4.General, nil)
		if chunked {
			r.ContentLength = -1
		}
		status, _, err := h.do(t, r)
		if status != http.StatusOK || err != nil || h.long.body != body {
			t.Errorf("chunked %v: status %d, %v, %d bytes, refused %v", chunked, status, err, len(h.long.body), h.long.refused)
		}
	}
	r := h.signed(t, http.MethodPost, "/", body, "lambda", sigv4.General, nil)
	r.Body, r.ContentLength = io.NopCloser(&endless{left: 32<<20 + 1}), -1
	if _, _, err := h.do(t, r); err != nil || !errors.Is(h.long.refused, front.ErrBodyTooLarge) {
		t.Errorf("one byte too long: %v, refused %v", err, h.long.refused)
	}
	h.noFiles(t)
}

// TestLongBodyOfAStranger wants a body to cost little memory whose sender knows no
// more than an access key's id.
func TestLongBodyOfAStranger(t *testing.T) {
	h := start(t)
	const size = 24 << 20
	for _, length := range []int64{size, -1} {
		r := h.signed(t, http.MethodPost, "/", "another body", "lambda", sigv4.General, nil)
		r.RequestURI, r.RemoteAddr = "/", "203.0.113.9:5"
		r.Body, r.ContentLength = io.NopCloser(&endless{left: size}), length
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.front.ServeHTTP(httptest.NewRecorder(), r)
		runtime.ReadMemStats(&after)
		if _, ok := errors.AsType[*sigv4.MismatchError](h.long.refused); !ok {
			t.Errorf("refused %v, want a wrong signature", h.long.refused)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > size/4 {
			t.Errorf("length %d: %d bytes of memory for a body of %d", length, got, size)
		}
	}
	h.noFiles(t)
}

func (h *harness) noFiles(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(h.folder)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}
