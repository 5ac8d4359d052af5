package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A page learns why its presigned URL is refused, as far as the bucket lets its
// origin read answers.
func TestCORSOfRefusals(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	c := s.client()
	if _, err := c.PutBucketCors(t.Context(), &awss3.PutBucketCorsInput{Bucket: aws.String("films"), CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://films.example"}}},
	}}); err != nil {
		t.Fatal(err)
	}
	get, err := awss3.NewPresignClient(c).PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]string{"https://films.example": "https://films.example", "https://other.example": ""} {
		r, err := http.NewRequest("GET", get.URL+"0", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != http.StatusForbidden || got != want {
			t.Errorf("a wrong signature from %s: %s, allowed %q, want %q", origin, resp.Status, got, want)
		}
	}
}

// SDKs move x-amz-* headers of a presigned request into its query: there they mean
// the same, and what is refused as a header is refused.
func TestHoistedHeaders(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	presigned := func(method, query, body string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(method, s.URL+"/films/k?X-Amz-Expires=60&"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		who := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey}
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), who, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now(), func(o *v4.SignerOptions) {
			o.DisableURIPathEscaping = true
		})
		if err != nil {
			t.Fatal(err)
		}
		if r, err = http.NewRequest(method, url, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(answer)
	}
	for _, tt := range []struct{ method, query, want string }{
		{"PUT", "x-amz-grant-read=id%3D1", "AccessControlListNotSupported"},
		{"PUT", "x-amz-acl=public-read", "AccessControlListNotSupported"},
		{"PUT", "x-amz-object-lock-mode=GOVERNANCE", "x-amz-object-lock-mode"},
		{"PUT", "x-amz-website-redirect-location=b", "InvalidRedirectLocation"},
		{"PUT", "x-amz-website-redirect-location=%2Fb&x-amz-checksum-algorithm=SHA256&x-amz-meta-a=b", ""},
		{"GET", "x-amz-server-side-encryption=AES256", "x-amz-server-side-encryption header"},
		{"DELETE", "x-amz-mfa=1", "x-amz-mfa"},
	} {
		resp, answer := presigned(tt.method, tt.query, "hello")
		if (resp.StatusCode != http.StatusOK) != (tt.want != "") || !strings.Contains(answer, tt.want) {
			t.Errorf("%s with %s: %s %s, want %q", tt.method, tt.query, resp.Status, answer, tt.want)
		}
	}
	for query, want := range map[string]int{"If-None-Match=*": http.StatusPreconditionFailed, "If-Match=no": http.StatusPreconditionFailed} {
		if resp, answer := presigned("PUT", query, "other"); resp.StatusCode != want {
			t.Errorf("PUT with %s: %s %s, want %d", query, resp.Status, answer, want)
		}
	}
	if resp, answer := presigned("GET", "attributes&x-amz-object-attributes=ObjectSize", ""); !strings.Contains(answer, "<ObjectSize>5<") {
		t.Errorf("GetObjectAttributes: %s %s", resp.Status, answer)
	}
	for _, source := range []string{"x-amz-copy-source=films%2Fnone", "x-amz-copy-source-if-match=e"} {
		if resp, answer := presigned("PUT", source, ""); resp.StatusCode < 400 {
			t.Errorf("PUT with %s: %s %s", source, resp.Status, answer)
		}
	}
	resp, answer := presigned("GET", "x-amz-checksum-mode=ENABLED", "")
	h := resp.Header
	if answer != "hello" || h.Get("X-Amz-Website-Redirect-Location") != "/b" || h.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" || h.Get("X-Amz-Meta-A") != "b" {
		t.Errorf("GET = %s %q %v", resp.Status, answer, h)
	}
}

// S3 does not read an x-amz-content-sha256 that nobody signed: with a presigned URL
// it may come along, and says nothing about the body. Any other header is refused.
func TestUnsignedContentHeader(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	put, err := awss3.NewPresignClient(s.client()).PresignPutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, value string
		want        int
	}{
		{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", http.StatusOK},
		{"X-Amz-Content-Sha256", strings.Repeat("0", 64), http.StatusOK},
		{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", http.StatusOK},
		{"X-Amz-User-Agent", "films", http.StatusForbidden},
	} {
		r, err := http.NewRequest("PUT", put.URL, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(tt.name, tt.value)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("PUT with %s: %s = %s, want %d", tt.name, tt.value, resp.Status, tt.want)
		}
	}
	got, err := s.client().GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if b, err := io.ReadAll(got.Body); err != nil || string(b) != "hello" {
		t.Errorf("the object is %q, %v", b, err)
	}
}
