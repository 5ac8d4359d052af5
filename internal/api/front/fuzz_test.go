package front_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// FuzzRequest: no bytes that HTTP lets through end the front, and none are
// served as a known caller's but those that the caller signed.
func FuzzRequest(f *testing.F) {
	h := start(f)
	// Every process of the fuzzer must sign the same.
	h.clock.Set(time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC))
	request := h.signed(f, http.MethodPost, "/?a=1", "{}", "kms", sigv4.General, func(r *http.Request) { r.Host = "a" })
	var signed strings.Builder
	if err := request.Write(&signed); err != nil {
		f.Fatal(err)
	}
	f.Add(signed.String())
	f.Add(strings.Replace(signed.String(), "eu-west-1", "eu/west", 1))
	f.Add("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b/c/s3/aws4_request HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: TrentService.Encrypt\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
	f.Add("POST /_keyfront/explain HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		for _, d := range []*door{h.kms, h.s3, h.sts, h.cf, h.own} {
			d.seen, d.refused = nil, nil
		}
		r.Header.Del("X-Panic") // asks the test's own door to panic
		w := httptest.NewRecorder()
		h.front.ServeHTTP(w, r)
		if res := w.Result(); res.StatusCode < 200 {
			t.Errorf("status %d", res.StatusCode)
		}
		for _, d := range []*door{h.kms, h.s3, h.sts, h.cf, h.own} {
			if d.seen == nil || d.seen.Caller.AccessKeyID == "" {
				continue
			}
			if !strings.Contains(signed.String(), d.seen.Header.Get("Authorization")) {
				t.Errorf("the %s door served an unsigned request as %s", d.name, d.seen.Caller.AccessKeyID)
			}
		}
		io.Copy(io.Discard, r.Body)
	})
}
