package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// pass hands the request to the origin and its answer to the viewer, past the
// cache: methods that change things, behaviours that do not cache, ranges far
// inside of what is not kept, and WebSockets.
func (x *exchange) pass() {
	j := x.job(nil)
	if x.webSocket() {
		j.upgrade()
	}
	for _, name := range conditions {
		if v := x.r.Header[name]; v != nil {
			for i := range j.reqs {
				j.reqs[i].Header[name] = v
			}
		}
	}
	if x.r.ContentLength != 0 {
		up := &upload{body: x.r.Body, rc: &x.rc}
		defer up.stop()
		j.reqs[0].Body, j.reqs[0].ContentLength = up, x.r.ContentLength
	}
	ctx := x.r.Context()
	resp, err := x.e.ask(ctx, j, nil)
	if err != nil {
		if ctx.Err() != nil {
			panic(http.ErrAbortHandler) // the viewer is gone
		}
		x.failed(failureOf(err))
		return
	}
	defer resp.Body.Close()
	status := resp.StatusCode
	switch {
	case status == http.StatusSwitchingProtocols:
		x.switched(resp)
		return
	case status >= http.StatusBadRequest && x.page(status) != nil:
		resp.Body.Close()
		x.replaced(status)
		return
	case status == http.StatusOK && x.instead != 0:
		status = x.instead
	}
	m := cache.Meta{Status: resp.StatusCode, Header: x.plan.keptHeaders(resp.Header), Generated: resp.generated}
	h, status, ok := x.begin(&m, status, resultMiss)
	if !ok {
		return
	}
	if n := resp.ContentLength; n >= 0 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
	x.w.WriteHeader(status)
	x.copy(passing{resp.Response}, 0, resp.ContentLength)
}

// passing is a body that is read once, from its beginning.
type passing struct{ *http.Response }

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// CopyRange copies the whole. A body without a length may be one that never
// ends: it goes out piece by piece.
func (p passing) CopyRange(_ context.Context, w io.Writer, _, _ int64) error {
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := p.Body.Read(buffer[:])
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if p.ContentLength < 0 && n > 0 {
			if err := w.(viewer).Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// upload reads a viewer's body. A viewer may be slow, but not stuck.
type upload struct {
	body io.Reader
	rc   *http.ResponseController

	mu    sync.Mutex
	ended bool // no more will be read
}

// Read returns a *failure for what is the viewer's fault.
func (u *upload) Read(p []byte) (int, error) {
	u.patience(time.Now().Add(viewerPatience))
	n, err := u.body.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		u.patience(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &failure{status: http.StatusRequestTimeout, reason: reasonBadRequest, err: err}
	default:
		err = &failure{status: http.StatusBadRequest, reason: reasonBadRequest, err: err}
	}
	return n, err
}

// patience sets the deadline of the viewer's connection, unless that belongs to
// the next request already: an origin may answer before it has read everything,
// and the sender of its request may then be late to notice.
func (u *upload) patience(until time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.ended {
		_ = u.rc.SetReadDeadline(until) // writers without deadlines are those of tests
	}
}

// stop leaves the rest of the body, if there is any, to net/http.
func (u *upload) stop() {
	u.mu.Lock()
	u.ended = true
	u.mu.Unlock()
}
