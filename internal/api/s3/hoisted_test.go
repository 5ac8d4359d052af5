package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

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
	resp, answer := presigned("GET", "x-amz-checksum-mode=ENABLED", "")
	h := resp.Header
	if answer != "hello" || h.Get("X-Amz-Website-Redirect-Location") != "/b" || h.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" || h.Get("X-Amz-Meta-A") != "b" {
		t.Errorf("GET = %s %q %v", resp.Status, answer, h)
	}
}
