package edge

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// source gives out the bytes of a body, in ascending ranges.
type source interface {
	// CopyRange writes n bytes from off on, or all to the end if n is negative.
	CopyRange(ctx context.Context, w io.Writer, off, n int64) error
}

// sendEntry answers with what is kept.
func (x *exchange) sendEntry(e *cache.Entry, result string) {
	if e.Reason != "" {
		x.fail(e.Status, e.Reason)
		return
	}
	status, spans, ok := x.judge(&e.Meta, e.Size)
	if status >= http.StatusBadRequest && x.replaced(status) {
		return
	}
	body, inMemory := e.InMemory()
	var content *cache.Content
	if !inMemory {
		var err error
		if content, err = e.Open(); err != nil {
			x.e.log.LogAttrs(x.r.Context(), slog.LevelWarn, "cached body lost", slog.Any("err", err))
			x.e.cache.Drop(e)
			x.miss(nil)
			return
		}
		defer content.Close()
	}
	h, status, going := x.begin(&e.Meta, statusOf(status, spans), result)
	if !going {
		return
	}
	if result == resultHit {
		x.age(h, &e.Meta)
	}
	switch {
	case !ok:
		x.sendStatus(h, status, e.Size)
		return
	case len(spans) == 0:
		if status != http.StatusNoContent {
			h["Content-Length"] = e.ContentLength()
		}
		x.w.WriteHeader(status)
		if x.r.Method == http.MethodHead || e.Size == 0 {
			return
		}
		if inMemory {
			_, _ = x.w.Write(body) // the viewer may be gone
			return
		}
		spans = []span{{0, e.Size}}
	default:
		if content == nil {
			content = cache.NewContent(body)
		}
		x.sendPartial(h, spans, e.Size, content)
		return
	}
	x.copy(content, spans[0].start, spans[0].end-spans[0].start)
}

// sendArriving answers with what is on its way from the origin.
func (x *exchange) sendArriving(r *cache.Reader, head cache.Head) {
	status, spans, ok := x.judge(head.Meta, head.Length)
	if len(spans) > 0 && spans[0].start > r.Arrived()+rangeReach {
		// The viewer would wait for megabytes that it did not ask for.
		r.Close()
		x.pass()
		return
	}
	if status >= http.StatusBadRequest && x.page(status) != nil {
		x.leave(r, head.Length)
		x.replaced(status)
		return
	}
	result := resultMiss
	if !r.First() {
		result = resultHit // somebody else's request to the origin answers this one
	}
	h, status, going := x.begin(head.Meta, statusOf(status, spans), result)
	if !going {
		return
	}
	if result == resultHit {
		x.age(h, head.Meta)
	}
	switch {
	case !ok:
		x.sendStatus(h, status, head.Length)
		return
	case len(spans) > 0:
		x.sendPartial(h, spans, head.Length, r)
		return
	}
	if head.Length >= 0 && status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.FormatInt(head.Length, 10)}
	}
	x.w.WriteHeader(status)
	x.copy(r, 0, head.Length)
}

// rangeReach is how far behind what has arrived a range may begin to be waited
// for. Ranges beyond are fetched from the origin by themselves, and not kept.
const rangeReach = 8 << 20

// statusOf is the status that an answer is sent with if it may be in parts.
func statusOf(status int, spans []span) int {
	if len(spans) > 0 {
		return http.StatusPartialContent
	}
	return status
}

// begin sets the headers that the answer has in any case, and returns them with
// the status to send, which only a CloudFront function makes another than was
// meant. It returns false if a function's own answer, or an error, has been sent.
func (x *exchange) begin(m *cache.Meta, status int, result string) (http.Header, int, bool) {
	h := x.w.Header()
	for i := range m.Header {
		h[m.Header[i].Name] = m.Header[i].Values
	}
	x.police(h, result)
	status, going := x.viewerResponse(h, status, result)
	if !going {
		return nil, 0, false
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing one
	}
	if m.Status >= http.StatusBadRequest || x.instead != 0 {
		result = resultError
	}
	x.mark(h, generated(m, result))
	return h, status, true
}

// judge decides between the whole answer, parts of it, and, if ok is false, a
// status without a body. size is negative if it is not known.
func (x *exchange) judge(m *cache.Meta, size int64) (status int, spans []span, ok bool) {
	if m.Status != http.StatusOK {
		return m.Status, nil, true
	}
	if x.instead != 0 {
		return x.instead, nil, true
	}
	status, ranged := condition(x.r.Header, m)
	if status != 0 {
		return status, nil, false
	}
	if ranged && size >= 0 && x.r.Method == http.MethodGet {
		spans, ok := parseRanges(x.r.Header["Range"][0], size)
		if !ok {
			return http.StatusRequestedRangeNotSatisfiable, nil, false
		}
		return m.Status, spans, true
	}
	return m.Status, nil, true
}

// sendStatus answers 304, 412 or 416.
func (x *exchange) sendStatus(h http.Header, status int, size int64) {
	switch status {
	case http.StatusNotModified:
		h["Content-Type"] = nil
	case http.StatusRequestedRangeNotSatisfiable:
		h["Content-Range"] = []string{"bytes */" + strconv.FormatInt(size, 10)}
		fallthrough
	default:
		h["Content-Type"] = nil
		h["Content-Length"] = []string{"0"}
		x.cacheHeader[0] = resultError
	}
	x.w.WriteHeader(status)
}

// sendPartial answers 206 with one part, or with several in an envelope.
//
// Source: RFC 9110, sections 14.6 and 15.3.7.
func (x *exchange) sendPartial(h http.Header, spans []span, size int64, from source) {
	if len(spans) == 1 {
		s := spans[0]
		h["Content-Range"] = []string{s.contentRange(size)}
		h["Content-Length"] = []string{strconv.FormatInt(s.end-s.start, 10)}
		x.w.WriteHeader(http.StatusPartialContent)
		x.copy(from, s.start, s.end-s.start)
		return
	}
	boundary := rand.Text()
	kind := ""
	if t := h["Content-Type"]; len(t) > 0 {
		kind = "Content-Type: " + t[0] + "\r\n"
	}
	end := "\r\n--" + boundary + "--\r\n"
	length := int64(len(end))
	heads := make([]string, len(spans))
	for i, s := range spans {
		heads[i] = fmt.Sprintf("\r\n--%s\r\n%sContent-Range: %s\r\n\r\n", boundary, kind, s.contentRange(size))
		length += int64(len(heads[i])) + s.end - s.start
	}
	h["Content-Type"] = []string{"multipart/byteranges; boundary=" + boundary}
	h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	x.w.WriteHeader(http.StatusPartialContent)
	for i, s := range spans {
		if _, err := io.WriteString(viewer{x}, heads[i]); err != nil {
			return
		}
		x.copy(from, s.start, s.end-s.start)
	}
	_, _ = io.WriteString(viewer{x}, end) // the viewer may be gone
}

// copy writes a range of a body, n bytes or all if n is negative. If the body
// breaks off, so does the viewer's connection: nothing else tells a viewer that
// an answer is not whole.
func (x *exchange) copy(from source, off, n int64) {
	if err := from.CopyRange(x.r.Context(), viewer{x}, off, n); err != nil {
		panic(http.ErrAbortHandler)
	}
}
