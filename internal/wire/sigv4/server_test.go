package sigv4_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Through net/http's client and server, over both versions of HTTP: what they do
// to hosts, paths and headers on the way changes nothing that is signed.
func TestOverHTTP(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP/", version), func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != version {
					t.Errorf("the request came over %s", r.Proto)
				}
				p, err := verify(r, nil, docSecret, now, s3)
				if err == nil {
					_, err = io.Copy(io.Discard, p.Body(r.Body))
				}
				if err != nil {
					http.Error(w, err.Error(), http.StatusForbidden)
				}
			}))
			s.EnableHTTP2 = version == 2
			s.StartTLS()
			defer s.Close()
			body := []byte("hello")
			for _, path := range []string{"/", "/b/k", "/b//k/../%2F+%20?x-id=PutObject&policy&a=b%2Fc+d", "/b/%E1%88%B4"} {
				r, err := http.NewRequest("PUT", s.URL+path, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Amz-Meta-A", " two  spaces ")
				if err := s3Signer.Sign(r, hash(body), now); err != nil {
					t.Fatal(err)
				}
				answer, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || answer.StatusCode != http.StatusOK {
					t.Errorf("PUT %s = %s %s %v", path, answer.Status, text, err)
				}

				r, err = http.NewRequest("PUT", s.URL+path, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if err := s3Signer.Presign(r, sigv4.UnsignedPayload, now, time.Minute); err != nil {
					t.Fatal(err)
				}
				if answer, err = s.Client().Do(r); err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("presigned PUT %s = %s", path, answer.Status)
				}
			}
		})
	}
}
