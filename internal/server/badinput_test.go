package server_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// raw sends bytes to an address and reads one answer.
func raw(t *testing.T, url, request string) (status int, body string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(conn, request) // the server may stop reading
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, err.Error()
	}
	return res.StatusCode, string(b)
}

// Whatever a stranger sends, the service whose address it is answers in its own
// words, and the server goes on.
func TestHostileRequests(t *testing.T) {
	srv := keyfronttest.Start(t)
	const host = "Host: 127.0.0.1\r\n"
	long := strings.Repeat("x", 200_000)
	tests := []struct {
		name, url, request string
		status             int // 0: the connection is cut
		want               string
	}{
		{"not HTTP", srv.APIURL, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, ""},
		{"huge header", srv.APIURL, "GET / HTTP/1.1\r\n" + host + "X-Long: " + long + "\r\n\r\n", 431, ""},
		{"huge target", srv.APIURL, "GET /" + long + " HTTP/1.1\r\n" + host + "\r\n", 431, ""},
		{"two lengths", srv.APIURL, "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, ""},
		{"length and chunks", srv.APIURL, "PUT /b/k HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "MissingContentLength"},
		{"space before colon", srv.EdgeURL, "GET / HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n", 400, ""},
		{"no host", srv.EdgeURL, "GET / HTTP/1.1\r\n\r\n", 400, ""},
		{"unknown JSON operation", srv.APIURL, "POST / HTTP/1.1\r\n" + host + "X-Amz-Target: TrentService.Nothing\r\nContent-Length: 2\r\n\r\n{}", 400, "MissingAuthenticationToken"},
		{"unknown JSON service", srv.APIURL, "POST / HTTP/1.1\r\n" + host + "X-Amz-Target: Nothing.Nothing\r\nContent-Length: 2\r\n\r\n{}", 400, "UnknownOperationException"},
		{"large JSON body", srv.APIURL, "POST / HTTP/1.1\r\n" + host + "X-Amz-Target: TrentService.Encrypt\r\nContent-Length: 99999999\r\n\r\n{", 400, "MissingAuthenticationToken"},
		{"malformed credential", srv.APIURL, "GET /b HTTP/1.1\r\n" + host + "Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0\r\n\r\n", 400, "AuthorizationHeaderMalformed"},
		{"unsigned CloudFront", srv.APIURL, "GET /2020-05-31/distribution HTTP/1.1\r\n" + host + "\r\n", 403, "MissingAuthenticationToken"},
		{"dots in an S3 path", srv.APIURL, "GET /bbb/../../etc/passwd HTTP/1.1\r\n" + host + "\r\n", 404, "NoSuchBucket"},
		{"encoded dots", srv.APIURL, "GET /bbb/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + host + "\r\n", 404, "NoSuchBucket"},
		{"our own prefix with dots", srv.APIURL, "GET /_keyfront/../b HTTP/1.1\r\n" + host + "\r\n", 403, "MissingAuthenticationToken"},
		{"no such own route", srv.APIURL, "GET /_keyfront/secrets HTTP/1.1\r\n" + host + "\r\n", 403, "MissingAuthenticationToken"},
		{"unknown edge host", srv.EdgeURL, "GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", 403, "Bad request."},
		{"edge method", srv.EdgeURL, "BREW / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", 403, ""},
		{"long edge URL", srv.EdgeURL, "GET /" + strings.Repeat("x", 9000) + " HTTP/1.1\r\nHost: nobody.example\r\n\r\n", 413, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := raw(t, tt.url, tt.request)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("answer %d %.300q, want %d with %q", status, body, tt.status, tt.want)
			}
			if strings.Contains(body, "goroutine") || strings.Contains(body, "keyring:") || strings.Contains(body, ".go:") {
				t.Errorf("answer tells of the inside: %.300q", body)
			}
		})
	}
	alive(t, srv)
}

// alive checks that the server still does its work.
func alive(t *testing.T, srv *keyfronttest.Server) {
	t.Helper()
	client := kms.NewFromConfig(srv.AWSConfig())
	if _, err := client.ListKeys(t.Context(), &kms.ListKeysInput{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// slowBody gives half of what it promises and then fails.
type slowBody struct{ left int }

var errCut = errors.New("the client is gone")

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errCut
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}

func TestHalfSentUploadLeavesNothing(t *testing.T) {
	srv := keyfronttest.Start(t)
	client := s3.NewFromConfig(srv.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	url, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("film")})
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []int{0, 1, 100_000, 900_000} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url.URL, &slowBody{left: sent})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 1_000_000
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				t.Errorf("an upload cut after %d bytes was accepted", sent)
			}
		}
	}
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("films")})
	if err != nil || len(out.Contents) != 0 {
		t.Errorf("objects = %v, %v, want none", out, err)
	}
}

// A client whose clock is off is told so.
func TestClockSkew(t *testing.T) {
	srv := keyfronttest.Start(t)
	creds, err := srv.AWSConfig().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.APIURL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
	sum := sha256.Sum256([]byte("{}"))
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "kms", srv.Region, time.Now().Add(-20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "Signature expired") {
		t.Errorf("20 minutes off: %s %s, %v", res.Status, text, err)
	}
	alive(t, srv)
}

// Connections that send half a request do not keep the server from working.
func TestIdleConnections(t *testing.T) {
	srv := keyfronttest.Start(t)
	for i := range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.APIURL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: x\r\n", i)
	}
	alive(t, srv)
}
