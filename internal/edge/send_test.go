package edge_test

import (
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/signedurl"
)

const digits = "0123456789"

var modified = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func digitsOrigin(t *testing.T, c *counter) string {
	return originServer(t, func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		w.Header().Set("Etag", `"e"`)
		w.Header().Set("Content-Type", "text/digits")
		w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
		// It ignores Range.
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, digits)
	})
}

func TestRanges(t *testing.T) {
	for _, tt := range []struct {
		header string
		status int
		parts  string // bodies, by "|"
		ranges string // their Content-Range, by "|"
	}{
		{"bytes=0-0", 206, "0", "bytes 0-0/10"},
		{"bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"bytes=7-", 206, "789", "bytes 7-9/10"},
		{"bytes=0-", 206, digits, "bytes 0-9/10"},
		{"bytes=-3", 206, "789", "bytes 7-9/10"},
		{"bytes=-30", 206, digits, "bytes 0-9/10"},
		{"bytes=8-99999999999999999999999", 206, "89", "bytes 8-9/10"},
		{"BYTES= 2-4 ", 206, "234", "bytes 2-4/10"},
		{"bytes=0-1,4-5", 206, "01|45", "bytes 0-1/10|bytes 4-5/10"},
		{"bytes=0-1, 4-5 ,9-", 206, "01|45|9", "bytes 0-1/10|bytes 4-5/10|bytes 9-9/10"},
		{"bytes=0-1,2-3", 206, "01|23", "bytes 0-1/10|bytes 2-3/10"},
		{"bytes=0-1,20-30", 206, "01", "bytes 0-1/10"},
		{"bytes=4-5,0-1", 200, digits, ""},
		{"bytes=0-5,3-7", 200, digits, ""},
		{"bytes=0-5,5-7", 200, digits, ""},
		{"bytes=5-2", 200, digits, ""},
		{"bytes=", 200, digits, ""},
		{"bytes=-", 200, digits, ""},
		{"bytes=a-b", 200, digits, ""},
		{"bytes=+1-2", 200, digits, ""},
		{"bytes=1-2;3", 200, digits, ""},
		{"lines=1-2", 200, digits, ""},
		{"1-2", 200, digits, ""},
		{"bytes=" + strings.Repeat("0-0,", 65), 200, digits, ""},
		{"bytes=10-", 416, "", "bytes */10"},
		{"bytes=10-20", 416, "", "bytes */10"},
		{"bytes=-0", 416, "", "bytes */10"},
	} {
		var c counter
		w := newWorld(t, newFeed(distribution(digitsOrigin(t, &c))))
		for _, result := range []string{"Miss", "Hit"} {
			resp := w.get("/a", "Range: "+tt.header)
			if tt.status == 416 {
				result = "Error"
			}
			parts, ranges := partsOf(t, resp)
			if resp.StatusCode != tt.status || parts != tt.parts || ranges != tt.ranges || resp.Header.Get("X-Cache") != result+" from cloudfront" {
				t.Errorf("%s: got %d %q %q %q, want %d %q %q %q", tt.header, resp.StatusCode, parts, ranges,
					resp.Header.Get("X-Cache"), tt.status, tt.parts, tt.ranges, result)
			}
			// An answer without a body leaves before the fill is through.
			waitFor(t, func() bool { return w.do("HEAD", "/a").Header.Get("X-Cache") == "Hit from cloudfront" })
		}
	}
}

// partsOf returns the bodies of an answer's parts and their Content-Range.
func partsOf(t *testing.T, resp *http.Response) (parts, ranges string) {
	t.Helper()
	kind, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "multipart/byteranges" {
		return body(t, resp), resp.Header.Get("Content-Range")
	}
	all := body(t, resp)
	if fmt.Sprint(len(all)) != resp.Header.Get("Content-Length") {
		t.Errorf("Content-Length is %s for %d bytes", resp.Header.Get("Content-Length"), len(all))
	}
	m := multipart.NewReader(strings.NewReader(all), params["boundary"])
	var bodies, spans []string
	for {
		p, err := m.NextPart()
		if err == io.EOF {
			return strings.Join(bodies, "|"), strings.Join(spans, "|")
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil || p.Header.Get("Content-Type") != "text/digits" {
			t.Fatal(err, p.Header)
		}
		bodies, spans = append(bodies, string(b)), append(spans, p.Header.Get("Content-Range"))
	}
}

func TestConditions(t *testing.T) {
	date := func(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		headers []string
		status  int
	}{
		{[]string{`If-None-Match: "e"`}, 304},
		{[]string{`If-None-Match: W/"e"`}, 304},
		{[]string{`If-None-Match: "x", "e"`}, 304},
		{[]string{`If-None-Match: "x"`, `If-None-Match: "e"`}, 304},
		{[]string{`If-None-Match: *`}, 304},
		{[]string{`If-None-Match: "x"`}, 200},
		{[]string{`If-None-Match: e`}, 200},
		{[]string{`If-None-Match: "e`}, 200},
		{[]string{`If-None-Match: "x"`, "If-Modified-Since: " + date(0)}, 200},
		{[]string{"If-Modified-Since: " + date(0)}, 304},
		{[]string{"If-Modified-Since: " + date(time.Hour)}, 304},
		{[]string{"If-Modified-Since: " + date(-time.Second)}, 200},
		{[]string{"If-Modified-Since: yesterday"}, 200},
		{[]string{`If-Match: "e"`}, 200},
		{[]string{`If-Match: *`}, 200},
		{[]string{`If-Match: "x"`}, 412},
		{[]string{`If-Match: W/"e"`}, 412},
		{[]string{`If-Match: "e"`, "If-Unmodified-Since: " + date(-time.Hour)}, 200},
		{[]string{"If-Unmodified-Since: " + date(0)}, 200},
		{[]string{"If-Unmodified-Since: " + date(-time.Second)}, 412},
		{[]string{"Range: bytes=1-1", `If-Range: "e"`}, 206},
		{[]string{"Range: bytes=1-1", `If-Range: "x"`}, 200},
		{[]string{"Range: bytes=1-1", `If-Range: W/"e"`}, 200},
		{[]string{"Range: bytes=1-1", "If-Range: " + date(0)}, 206},
		{[]string{"Range: bytes=1-1", "If-Range: " + date(time.Second)}, 200},
		{[]string{"Range: bytes=1-1", `If-None-Match: "e"`}, 304},
	} {
		var c counter
		w := newWorld(t, newFeed(distribution(digitsOrigin(t, &c))))
		for range 2 {
			resp := w.get("/a", tt.headers...)
			if b := body(t, resp); resp.StatusCode != tt.status || tt.status == 304 && b != "" {
				t.Errorf("%v: got %d %q, want %d", tt.headers, resp.StatusCode, b, tt.status)
			}
			waitFor(t, func() bool { return w.do("HEAD", "/a").Header.Get("X-Cache") == "Hit from cloudfront" })
		}
		if gets := strings.Count(strings.Join(c.seen, " "), "GET"); gets != 1 {
			t.Errorf("%v: the origin was asked %d times", tt.headers, gets)
		}
	}
}

// Of an answer that does not say when it was modified, no condition on that counts.
func TestConditionsOnTimesThatNobodyKnows(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, digits)
	})
	w := newWorld(t, newFeed(distribution(o)))
	for _, header := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		want(t, w.get("/a", header+": "+modified.Format(http.TimeFormat)), 200, "*", digits)
	}
}

func TestHead(t *testing.T) {
	var c counter
	w := newWorld(t, newFeed(distribution(digitsOrigin(t, &c))))
	addr := w.listen()
	head := "HEAD /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	resp := raw(t, addr, head)
	want(t, resp, 200, "Miss", "")
	if resp.Header.Get("Content-Length") != "10" {
		t.Errorf("headers: %v", resp.Header)
	}
	want(t, w.get("/a"), 200, "Miss", digits)
	waitFor(t, func() bool { return w.do("HEAD", "/a").Header.Get("X-Cache") == "Hit from cloudfront" })
	resp = raw(t, addr, head)
	want(t, resp, 200, "Hit", "")
	if resp.Header.Get("Content-Length") != "10" || resp.Header.Get("Content-Type") != "text/digits" {
		t.Errorf("headers: %v", resp.Header)
	}
}

// A range far inside a large object that is not kept comes from the origin alone.
func TestFarRange(t *testing.T) {
	const size = 32 << 20
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.bin", modified, pattern(size))
	})
	w := newWorld(t, newFeed(distribution(o)), func(c *edge.Config) { c.CacheDir = t.TempDir() })
	resp := w.get("/a", fmt.Sprintf("Range: bytes=%d-%d", size-10, size-1))
	if got := resp.Header.Get("Content-Range"); got != fmt.Sprintf("bytes %d-%d/%d", size-10, size-1, size) {
		t.Errorf("Content-Range is %q", got)
	}
	want(t, resp, 206, "Miss", patternText(size-10, 10))
}

// pattern is a body in which each byte tells its place.
func pattern(size int64) io.ReadSeeker { return io.NewSectionReader(patternAt{}, 0, size) }

type patternAt struct{}

func (patternAt) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = patternByte(off + int64(i))
	}
	return len(p), nil
}

func patternByte(at int64) byte { return byte(at ^ at>>8 ^ at>>16) }

func patternText(off, n int64) string {
	b := make([]byte, n)
	patternAt{}.ReadAt(b, off)
	return string(b)
}

func TestViewerHeaders(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Set-Cookie"] = []string{"a=b"}
		h["Vary"] = []string{"Origin, Accept-Encoding", "User-Agent,Cookie"}
		h["Keep-Alive"] = []string{"timeout=5"}
		h["Connection"] = []string{"X-Hop"}
		h["X-Hop"] = []string{"1"}
		h["X-Cache"] = []string{"spoof"}
		h["X-Edge-Y"] = []string{"1"}
		h["Proxy-Authenticate"] = []string{"1"}
		h["Age"] = []string{"9"}
		h["Via"] = []string{"1.1 other"}
		h["Server"] = []string{"AmazonS3"}
		h["Cache-Control"] = []string{"max-age=60"}
		h["X-Own"] = []string{"1", "2"}
		h["Content-Type"] = nil
	})
	cookies := func(b *delivery.Behavior) { b.Forward.Cookies.Mode = delivery.SelectAll }
	origin := func(b *delivery.Behavior) {
		b.Forward.Headers = delivery.NewSelection(delivery.SelectWhitelist, false, "origin")
		b.Key.Headers = b.Forward.Headers
	}
	w := newWorld(t, newFeed(distribution(o, first("/c", cookies), first("/o", origin))))
	for target, more := range map[string]http.Header{
		"/a": {"Vary": {"Accept-Encoding, Cookie"}},
		"/c": {"Vary": {"Accept-Encoding, Cookie"}, "Set-Cookie": {"a=b"}},
		"/o": {"Vary": {"Origin, Accept-Encoding, Cookie"}},
	} {
		for _, result := range []string{"Miss", "Hit"} {
			resp := w.get(target)
			if result == "Hit" {
				waitFor(t, func() bool {
					resp = w.get(target)
					return resp.Header.Get("X-Cache") == "Hit from cloudfront"
				})
			}
			got := resp.Header
			expect := http.Header{
				"Server": {"AmazonS3"}, "Cache-Control": {"max-age=60"}, "X-Own": {"1", "2"}, "Content-Length": {"0"},
				"X-Cache": {result + " from cloudfront"}, "X-Amz-Cf-Pop": {"KFE50-P1"},
			}
			maps.Copy(expect, more)
			if result == "Hit" {
				expect["Age"] = []string{"0"}
			}
			via := got["Via"]
			if len(via) != 2 || via[0] != "1.1 other" || !strings.HasPrefix(via[1], "1.1 ") || !strings.HasSuffix(via[1], ".cloudfront.net (CloudFront)") {
				t.Errorf("%s: Via is %q", target, via)
			}
			for _, name := range []string{"Via", "Date", "X-Amz-Cf-Id", "Content-Type"} {
				delete(got, name)
			}
			if fmt.Sprint(got) != fmt.Sprint(expect) {
				t.Errorf("%s %s:\ngot  %v\nwant %v", target, result, got, expect)
			}
		}
	}
}

// files counts the files that a connection is given to send by itself.
type files struct {
	http.ResponseWriter
	n int
}

func (f *files) ReadFrom(src io.Reader) (int64, error) {
	if l, ok := src.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			f.n++
		}
	}
	return io.Copy(f.ResponseWriter, src)
}

// Large answers from the cache reach net/http as files, whole and in part: it
// has the kernel send them.
func TestSendfile(t *testing.T) {
	const size = 3 << 20
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		io.WriteString(w, patternText(0, size))
	})
	w := newWorld(t, newFeed(distribution(o)), func(c *edge.Config) { c.CacheDir = t.TempDir() })
	w.get("/a")
	waitFor(t, func() bool { return w.do("HEAD", "/a").Header.Get("X-Cache") == "Hit from cloudfront" })
	for ranges, want := range map[string]int{"": 3, "bytes=100-1048675": 1, "bytes=0-9,2000000-2000009": 2} {
		r := httptest.NewRequest("GET", "http://"+host+"/a", nil)
		r.RequestURI = "/a"
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		f := &files{ResponseWriter: httptest.NewRecorder()}
		w.edge.ServeHTTP(f, r)
		if f.n != want {
			t.Errorf("%q: %d files, want %d", ranges, f.n, want)
		}
	}
}

func TestHTTP2(t *testing.T) {
	o := originServer(t, echo)
	w := newWorld(t, newFeed(distribution(o, last(restricted), func(d *delivery.Distribution) {
		d.HTTP2, d.Behaviors[0].Origin.Protocol = true, delivery.OriginHTTPOnly
	})))
	s := httptest.NewUnstartedServer(w.edge)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	signed, err := signers().signer.Sign(t.Context(), "https://"+host+"/a%20b", signedurl.Policy{Expires: w.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range []string{"Miss", "Hit"} {
		req, err := http.NewRequest("GET", s.URL+strings.TrimPrefix(signed, "https://"+host), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if via := resp.Header.Get("Via"); !strings.HasPrefix(via, "2.0 ") {
			t.Errorf("Via is %q", via)
		}
		want(t, resp, 200, result, "/a%20b")
	}
}
