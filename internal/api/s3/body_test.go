package s3_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/bucket"
)

func TestRange(t *testing.T) {
	for s, want := range map[string]string{
		"bytes=0-9": "0 9 0", "bytes=5-": "5 -1 0", "bytes=-7": "0 -1 7", "bytes=-0": "9223372036854775807 -1 0",
		"": "none", "bytes=": "none", "bytes=-": "none", "bytes=a-b": "none", "bytes=9-5": "none", "bytes=0-1,5-6": "none",
		"items=0-9": "none", "bytes=+1-2": "none", "bytes=--2": "none", "bytes=0 -1": "none",
		"Bytes=0-9": "0 9 0", "bytes=5-99999999999999999999": "5 9223372036854775807 0", "bytes=99999999999999999999-": "9223372036854775807 -1 0",
	} {
		got := "none"
		if r := s3.ParseRange(s); r != nil {
			got = fmt.Sprint(r.First, r.Last, r.Suffix)
		}
		if got != want {
			t.Errorf("Range %q is %s, want %s", s, got, want)
		}
	}
}

// Damage behind the first chunk cuts the connection: the client never sees a
// clean end, nor a wrong byte.
func TestDamageCutsTheConnection(t *testing.T) {
	want := content(300_000)
	blobs := &rottenBlobs{}
	s := newServer(t, nil, blobs)
	s.trusted = true
	s.bucket(t, "films")
	if resp := s.do(t, "PUT", "/films/k", string(want)); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	blobs.from = 200_000
	resp := s.do(t, "GET", "/films/k", "")
	got, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || err == nil || !strings.HasPrefix(string(want), string(got)) || len(got) > 200_000 {
		t.Errorf("GET: %s, %d bytes, %v", resp.Status, len(got), err)
	}
	if resp := s.do(t, "GET", "/films/k", "", "Range: bytes=250000-"); resp.StatusCode != 500 {
		t.Errorf("GET of the damaged part: %s", resp.Status)
	}
	if resp := s.do(t, "GET", "/films/k", "", "Range: bytes=0-9"); resp.StatusCode != 206 {
		t.Errorf("GET of an undamaged part: %s", resp.Status)
	}
}

// A body that ends early leaves nothing.
func TestHalfSentUpload(t *testing.T) {
	s := newServer(t, nil)
	s.trusted = true
	s.bucket(t, "films")
	r := httptest.NewRequest("PUT", "/films/k", io.MultiReader(strings.NewReader("half"), brokenReader{}))
	r.ContentLength = 100
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "<Code>IncompleteBody</Code>") {
		t.Errorf("half a body: %d %s", w.Code, w.Body)
	}
	if resp := s.do(t, "HEAD", "/films/k", ""); resp.StatusCode != 404 {
		t.Errorf("HEAD: %s", resp.Status)
	}
	r = httptest.NewRequest("PUT", "/films/k", strings.NewReader("x"))
	r.ContentLength = -1
	w = httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusLengthRequired {
		t.Errorf("no length: %d %s", w.Code, w.Body)
	}
	r = httptest.NewRequest("PUT", "/films/k", strings.NewReader("x"))
	r.ContentLength = bucket.MaxObjectBytes + 1
	w = httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "<Code>EntityTooLarge</Code>") {
		t.Errorf("more than 5 GiB: %d %s", w.Code, w.Body)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzDeleteXML(f *testing.F) {
	f.Add([]byte(`<Delete><Object><Key>k</Key></Object><Quiet>true</Quiet></Delete>`))
	f.Fuzz(func(t *testing.T, b []byte) { s3.ParseDelete(b) })
}

// A client that expects a 100 before an empty body gets one.
func TestContinueBeforeEmptyBody(t *testing.T) {
	s := newServer(t, nil)
	s.trusted = true
	s.bucket(t, "films")
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PUT /films/k HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
	r := bufio.NewReader(conn)
	for _, want := range []int{100, 200} {
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("answer = %+v, %v, want %d", resp, err, want)
		}
	}
}
