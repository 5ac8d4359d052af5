package edge

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// span is the part of a body from start up to, not including, end.
type span struct{ start, end int64 }

// maxSpans bounds how many ranges one answer has. A request for more gets the
// whole object.
const maxSpans = 64

// parseRanges reads a Range header for a body of size bytes. It returns no
// spans and ok for a header that is to be ignored: one in another unit, one with
// an error, or ranges that overlap or do not ascend. Without ok none of the
// ranges lies inside the body.
//
// Source: RFC 9110, section 14.2; CloudFront Developer Guide, "How CloudFront
// processes partial requests for an object (range GETs)".
func parseRanges(header string, size int64) (spans []span, ok bool) {
	unit, set, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, true
	}
	asked := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue
		}
		s, ok := parseSpan(spec, size)
		if asked++; !ok || asked > maxSpans {
			return nil, true
		}
		if s.start >= s.end {
			continue
		}
		if n := len(spans); n > 0 && s.start < spans[n-1].end {
			return nil, true
		}
		spans = append(spans, s)
	}
	if asked == 0 {
		return nil, true
	}
	return spans, len(spans) > 0
}

// parseSpan reads "first-last", "first-" or "-length". The span is empty if it
// lies behind the end.
func parseSpan(spec string, size int64) (span, bool) {
	first, last, ok := strings.Cut(spec, "-")
	if !ok || first == "" && last == "" {
		return span{}, false
	}
	if first == "" {
		n, ok := parseBytes(last)
		return span{max(0, size-n), size}, ok
	}
	start, ok := parseBytes(first)
	if !ok {
		return span{}, false
	}
	end := size
	if last != "" {
		n, ok := parseBytes(last)
		if !ok || n < start {
			return span{}, false
		}
		if n < size {
			end = n + 1
		}
	}
	return span{start, end}, true
}

// parseBytes reads a number without a sign. What is too large for any body is
// as good as the largest.
func parseBytes(s string) (n int64, ok bool) {
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64 / 10
		}
		n = n*10 + int64(c-'0')
	}
	return n, s != ""
}

// contentRange is the value of Content-Range for s of size bytes.
func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.start, s.end-1, size)
}

// condition judges the conditional headers of a request against an answer. It
// returns 0, or the status that answers instead, and whether Range counts.
//
// Source: RFC 9110, section 13.2.2.
func condition(h http.Header, m *cache.Meta) (status int, ranged bool) {
	switch {
	case h["If-Match"] != nil:
		if !anyETag(h["If-Match"], m.ETag, strongMatch) {
			return http.StatusPreconditionFailed, false
		}
	case h["If-Unmodified-Since"] != nil:
		// An answer that does not say when it was modified is none that was since.
		since, ok := date(h["If-Unmodified-Since"][0])
		if modified, known := date(m.LastModified); ok && known && modified.After(since) {
			return http.StatusPreconditionFailed, false
		}
	}
	switch {
	case h["If-None-Match"] != nil:
		if anyETag(h["If-None-Match"], m.ETag, weakMatch) {
			return http.StatusNotModified, false
		}
	case h["If-Modified-Since"] != nil:
		if since, ok := date(h["If-Modified-Since"][0]); ok && notAfter(m.LastModified, since) {
			return http.StatusNotModified, false
		}
	}
	if h["Range"] == nil {
		return 0, false
	}
	if v := h["If-Range"]; v != nil {
		return 0, strongMatch(v[0], m.ETag) || v[0] != "" && v[0] == m.LastModified
	}
	return 0, true
}

func date(s string) (time.Time, bool) {
	at, err := http.ParseTime(s)
	return at, err == nil
}

// notAfter reports whether an answer was last modified at that time or before.
func notAfter(modified string, at time.Time) bool {
	m, ok := date(modified)
	return ok && !m.After(at)
}

func strongMatch(a, b string) bool {
	return a == b && a != "" && !strings.HasPrefix(a, "W/")
}

func weakMatch(a, b string) bool {
	return b != "" && strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// anyETag reports whether one of the entity tags in headers matches etag.
func anyETag(headers []string, etag string, match func(a, b string) bool) bool {
	for _, rest := range headers {
		for {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			if rest[0] == '*' {
				return true
			}
			open := strings.IndexByte(rest, '"')
			if open < 0 {
				break
			}
			length := strings.IndexByte(rest[open+1:], '"')
			if length < 0 {
				break
			}
			tag := rest[:open+1+length+1]
			if match(tag, etag) {
				return true
			}
			rest = rest[len(tag):]
		}
	}
	return false
}
