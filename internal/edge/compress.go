package edge

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/edge/compress"
)

// compressPatience is how long an answer waits for an encoder before it goes
// out as it is.
const compressPatience = 2 * time.Second

// encoders is how many bodies are compressed at once: more would only take
// memory from each other, since compressing is work for the processor.
func encoders() int { return 4 * runtime.GOMAXPROCS(0) }

// coding returns how to compress an origin's answer, or "" for not at all.
//
// Source: CloudFront Developer Guide, "Serve compressed files"; RFC 9110,
// section 7.7, for no-transform.
func (j *job) coding(resp *http.Response) compress.Coding {
	if !j.plan.b.Compress || !j.plan.cached {
		return ""
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusForbidden, http.StatusNotFound:
	default:
		return ""
	}
	h := resp.Header
	n := resp.ContentLength
	if n < compress.MinBytes || n > compress.MaxBytes || h["Content-Encoding"] != nil ||
		!compress.Type(h.Get("Content-Type")) || parseControl(h["Cache-Control"]).noTransform {
		return ""
	}
	return compress.Pick(j.encoding)
}

// content is what the cache and the viewers get of an origin's answer.
type content struct {
	header http.Header
	body   io.Reader
	length int64 // of body, or -1
	// compressed says that the edge has compressed the body, and weakened that
	// the entity tag is weak because of that.
	compressed, weakened bool
	release              func() // ends the use of body
}

// encode compresses an origin's answer, if it is to be.
func (e *Edge) encode(ctx context.Context, j *job, resp *http.Response) content {
	c := content{header: resp.Header, body: resp.Body, length: resp.ContentLength, release: func() {}}
	coding := j.coding(resp)
	if coding == "" {
		return c
	}
	r := e.encoders.Reader(ctx, resp.Body, coding)
	if r == nil {
		return c
	}
	c.body, c.length, c.compressed, c.release = r, -1, true, r.Close
	c.header, c.weakened = compressed(resp.Header, coding)
	return c
}

// describesBytes are headers that are no longer true of a compressed body.
var describesBytes = []string{"Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// compressed returns the headers of an answer that the edge compresses, and
// whether its entity tag has become weak by that.
func compressed(h http.Header, c compress.Coding) (out http.Header, weakened bool) {
	out = h.Clone()
	for _, name := range describesBytes {
		delete(out, name)
	}
	out["Content-Encoding"] = []string{string(c)}
	varyByEncoding(out)
	switch etag := h.Get("Etag"); {
	case strings.HasPrefix(etag, `"`):
		out["Etag"] = []string{"W/" + etag}
		weakened = true
	case !strings.HasPrefix(etag, "W/"):
		delete(out, "Etag")
	}
	return out, weakened
}

// varyByEncoding tells caches between here and the viewer that others get other bytes.
func varyByEncoding(h http.Header) {
	for _, v := range h["Vary"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.Trim(name, " \t"); name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clone(h["Vary"]), "Accept-Encoding")
}

// recompressed makes headers that a 304 has refreshed true again of a body that
// the edge has compressed.
func recompressed(h http.Header, stale *cache.Entry) {
	varyByEncoding(h)
	if stale.ETag != "" {
		h["Etag"] = []string{stale.ETag}
	} else {
		delete(h, "Etag")
	}
}
