package edge_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func compressing(b *delivery.Behavior) {
	b.Compress, b.Key.Gzip, b.Key.Brotli = true, true, true
}

// plain undoes the content coding of an answer.
func plain(t *testing.T, resp *http.Response) string {
	t.Helper()
	var r io.Reader = resp.Body
	switch coding := resp.Header.Get("Content-Encoding"); coding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "":
	default:
		t.Fatalf("Content-Encoding %q", coding)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCompression goes through the conditions, one off at a time.
func TestCompression(t *testing.T) {
	long := strings.Repeat("a text that repeats itself. ", 1000)
	type answer struct {
		status  int
		headers string
		text    string
		chunked bool
	}
	const html = "Content-Type: text/html; charset=utf-8\n"
	const etag = "Etag: \"1\"\n"
	for _, tt := range []struct {
		name   string
		answer answer
		accept string
		edit   func(*delivery.Behavior)
		coding string
		tag    string
	}{
		{"both", answer{200, html + etag, long, false}, "gzip, deflate, br", nil, "br", `W/"1"`},
		{"gzip only", answer{200, html + etag, long, false}, "gzip", nil, "gzip", `W/"1"`},
		{"br refused", answer{200, html, long, false}, "br;q=0, gzip;q=0.1", nil, "gzip", ""},
		{"no br in the policy", answer{200, html, long, false}, "br, gzip", func(b *delivery.Behavior) { b.Key.Brotli = false }, "gzip", ""},
		{"nothing accepted", answer{200, html + etag, long, false}, "", nil, "", `"1"`},
		{"not in the policy", answer{200, html, long, false}, "br", func(b *delivery.Behavior) { b.Key.Gzip, b.Key.Brotli = false, false }, "", ""},
		{"not in the behavior", answer{200, html, long, false}, "br", func(b *delivery.Behavior) { b.Compress = false }, "", ""},
		{"nothing is kept", answer{200, html, long, false}, "br", func(b *delivery.Behavior) { b.CachingDisabled = true }, "", ""},
		{"no-store", answer{200, html + "Cache-Control: no-store\n", long, false}, "br", func(b *delivery.Behavior) { b.TTL.Min = 0 }, "br", ""},
		{"no-transform", answer{200, html + "Cache-Control: max-age=9, no-transform\n", long, false}, "br", nil, "", ""},
		{"coded already", answer{200, html + "Content-Encoding: identity\n", long, false}, "br", nil, "identity", ""},
		{"picture", answer{200, "Content-Type: image/png\n", long, false}, "br", nil, "", ""},
		{"too short", answer{200, html, long[:999], false}, "br", nil, "", ""},
		{"just long enough", answer{200, html, long[:1000], false}, "br", nil, "br", ""},
		{"just short enough", answer{200, html, strings.Repeat("0123456789", 1_000_000), false}, "br", nil, "br", ""},
		{"too long", answer{200, html, strings.Repeat("0123456789", 1_000_000) + "!", false}, "br", nil, "", ""},
		{"no length", answer{200, html, long, true}, "br", nil, "", ""},
		{"not found", answer{404, html, long, false}, "br", nil, "br", ""},
		{"gone", answer{410, html, long, false}, "br", nil, "", ""},
		{"weak tag", answer{200, html + "Etag: W/\"1\"\n", long, false}, "br", nil, "br", `W/"1"`},
		{"invalid tag", answer{200, html + "Etag: 1\n", long, false}, "br", nil, "br", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
				for line := range strings.Lines(tt.answer.headers) {
					name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
					w.Header().Set(name, value)
				}
				if !tt.answer.chunked {
					w.Header().Set("Content-Length", strconv.Itoa(len(tt.answer.text)))
				}
				w.Header().Set("Content-Md5", "x")
				w.WriteHeader(tt.answer.status)
				io.WriteString(w, tt.answer.text)
			})
			edits := []func(*delivery.Behavior){compressing}
			if tt.edit != nil {
				edits = append(edits, tt.edit)
			}
			w := newWorld(t, newFeed(distribution(o, func(d *delivery.Distribution) {
				for _, edit := range edits {
					edit(d.Behaviors[0])
				}
			})))
			for i := range 2 {
				resp := w.get("/a", "Accept-Encoding: "+tt.accept)
				h := resp.Header
				if h.Get("Content-Encoding") != tt.coding || h.Get("Etag") != tt.tag || resp.StatusCode != tt.answer.status {
					t.Errorf("%d, Content-Encoding %q, ETag %q; want %q, %q", resp.StatusCode, h.Get("Content-Encoding"), h.Get("Etag"), tt.coding, tt.tag)
				}
				wanted := map[string]string{"Content-Md5": "x", "Vary": ""}
				if tt.coding == "br" || tt.coding == "gzip" {
					wanted = map[string]string{"Content-Md5": "", "Vary": "Accept-Encoding"}
				}
				wantHeaders(t, resp, wanted)
				if tt.coding == "identity" {
					h.Del("Content-Encoding")
				}
				size := h.Get("Content-Length")
				if text := plain(t, resp); text != tt.answer.text {
					t.Errorf("%d bytes came, want %d", len(text), len(tt.answer.text))
				}
				if i == 1 && h.Get("X-Cache") == "Hit from cloudfront" && size == "" {
					t.Error("a hit without Content-Length")
				}
				w.edge.Settle()
			}
		})
	}
}

// TestCompressionOverHTTP10 has no place.
func TestCompressionOverHTTP10(t *testing.T) {
	long := strings.Repeat("text ", 1000)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		io.WriteString(w, long)
	})
	w := newWorld(t, newFeed(distribution(o, last(compressing))))
	resp := raw(t, w.listen(), "GET /a HTTP/1.0\r\nHost: "+host+"\r\nAccept-Encoding: br, gzip\r\n\r\n")
	want(t, resp, 200, "Miss", long)
	wantHeaders(t, resp, map[string]string{"Content-Encoding": ""})
}

// TestCompressedAnswersAreRenewed asks the origin with its own entity tag, and
// leaves the viewers' weak: a 304 describes the body as the origin has it.
func TestCompressedAnswersAreRenewed(t *testing.T) {
	long := strings.Repeat("text ", 1000)
	asked := make(chan string, 2)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("If-None-Match")
		h := w.Header()
		h.Set("Etag", `"1"`)
		h.Set("Cache-Control", "max-age=10")
		h.Set("Vary", "Cookie")
		h.Set("Content-Md5", "x")
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		h.Set("Content-Type", "text/plain")
		h.Set("Content-Length", strconv.Itoa(len(long)))
		io.WriteString(w, long)
	})
	w := newWorld(t, newFeed(distribution(o, last(compressing))))
	for i, result := range []string{"Miss", "RefreshHit"} {
		resp := w.get("/a", "Accept-Encoding: gzip")
		if text := plain(t, resp); text != long || resp.Header.Get("X-Cache") != result+" from cloudfront" {
			t.Errorf("%s: %d bytes", resp.Header.Get("X-Cache"), len(text))
		}
		wantHeaders(t, resp, map[string]string{"Etag": `W/"1"`, "Content-Encoding": "gzip", "Content-Md5": ""})
		if vary := strings.Join(resp.Header["Vary"], ", "); vary != "Cookie, Accept-Encoding" {
			t.Errorf("Vary: %s", vary)
		}
		if got, want := <-asked, []string{"", `"1"`}[i]; got != want {
			t.Errorf("the origin was asked for %q, want %q", got, want)
		}
		w.edge.Settle()
		w.clock.Advance(20e9)
	}
	w.clock.Advance(-20e9)
	want(t, w.get("/a", "Accept-Encoding: gzip", `If-None-Match: W/"1"`), 304, "*", "")
	// Half of another coding's body is no use to who has the first half of this one.
	if resp := w.get("/a", "Accept-Encoding: gzip", "Range: bytes=10-", `If-Range: "1"`); resp.StatusCode != 200 {
		t.Errorf("a range of another representation: %d", resp.StatusCode)
	}
}

// TestCompressedBodyThatBreaksOff reaches nobody as a whole and is not kept.
func TestCompressedBodyThatBreaksOff(t *testing.T) {
	count := new(counter)
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
		count.count(r)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "200000")
		fmt.Fprint(w, strings.Repeat("text ", 10_000))
		panic(http.ErrAbortHandler)
	})
	w := newWorld(t, newFeed(distribution(o, last(compressing))))
	s := httptest.NewServer(w.edge)
	t.Cleanup(s.Close)
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Accept-Encoding", "br")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // cut off before its head
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("half a body arrived whole")
		}
		resp.Body.Close()
		w.edge.Settle()
	}
	if count.n() != 2 {
		t.Errorf("%d requests to the origin, want one each", count.n())
	}
}
