package s3_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/keyfront-project/keyfront/internal/api/s3"
)

// The example of "Query string request authentication alternative", Amazon S3 API
// Reference.
func TestVersion2Example(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	const text, signature = "GET\n\n\n1175139620\n/johnsmith/photos/puppy.jpg", "NpgCjnDzrM+WFzoENXmpNDUsSn8="
	if !s3.SignedVersion2(secret, text, signature) {
		t.Error("the example's signature is refused")
	}
	for _, other := range []string{"", "!", signature + "=", "NpgCjnDzrM+WFzoENXmpNDUsSn9="} {
		if s3.SignedVersion2(secret, text, other) {
			t.Errorf("%q is taken for the example's signature", other)
		}
	}
}

func version2(text string) string {
	mac := hmac.New(sha1.New, []byte(secretKey))
	io.WriteString(mac, text)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestVersion2URLs(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	c := s.client()
	east, err := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{
		Bucket: aws.String("filme"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuCentral1},
	}, func(o *awss3.Options) { o.Region = "eu-central-1" })
	if err != nil {
		t.Fatal(east, err)
	}
	for key, under := range map[string]types.ServerSideEncryption{"a b.txt": "", "kms": types.ServerSideEncryptionAwsKms} {
		if _, err := c.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String(key), Body: strings.NewReader("hello"), ServerSideEncryption: under}); err != nil {
			t.Fatal(err)
		}
	}
	in := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }
	soon := in(time.Minute)
	for _, tt := range []struct {
		name, method, path, query string
		text                      string // what is signed
		header                    string // "Name: value", sent along
		want                      string // body of a 200, or the code of a refusal
	}{
		{"get", "GET", "/films/a%20b.txt", "", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "", "hello"},
		{"another key", "GET", "/films/kms", "", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "", "SignatureDoesNotMatch"},
		{"another method", "DELETE", "/films/a%20b.txt", "", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "", "SignatureDoesNotMatch"},
		{"virtual host", "GET", "/a%20b.txt", "", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "Host: films.s3.amazonaws.com", "hello"},
		{"signed parameter", "GET", "/films/a%20b.txt", "response-content-type=text%2Fx", "GET\n\n\n" + soon + "\n/films/a%20b.txt?response-content-type=text/x", "", "hello"},
		{"signed parameter added", "GET", "/films/a%20b.txt", "response-content-type=text%2Fx", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "", "SignatureDoesNotMatch"},
		{"subresource", "GET", "/films", "location=", "GET\n\n\n" + soon + "\n/films/?location", "", "<LocationConstraint"},
		{"list", "GET", "/films", "prefix=a", "GET\n\n\n" + soon + "\n/films/", "", "<Key>a b.txt</Key>"},
		{"put", "PUT", "/films/put", "", "PUT\n\ntext/x\n" + soon + "\n/films/put", "Content-Type: text/x", ""},
		{"put of another type", "PUT", "/films/put", "", "PUT\n\ntext/x\n" + soon + "\n/films/put", "Content-Type: text/y", "SignatureDoesNotMatch"},
		{"type in the query", "PUT", "/films/put", "content-type=text%2Fx", "PUT\n\ntext/x\n" + soon + "\n/films/put", "", ""},
		{"header in the query", "PUT", "/films/put", "x-amz-meta-a=b", "PUT\n\n\n" + soon + "\nx-amz-meta-a:b\n/films/put", "", ""},
		{"header that is signed", "PUT", "/films/put", "", "PUT\n\n\n" + soon + "\nx-amz-meta-a:b\n/films/put", "X-Amz-Meta-A: b", ""},
		{"header added", "PUT", "/films/put", "", "PUT\n\n\n" + soon + "\n/films/put", "X-Amz-Meta-A: b", "SignatureDoesNotMatch"},
		{"header added over the query's", "PUT", "/films/put", "x-amz-meta-a=b", "PUT\n\n\n" + soon + "\nx-amz-meta-a:b\n/films/put", "X-Amz-Meta-A: c", "SignatureDoesNotMatch"},
		{"header twice in the query", "PUT", "/films/put", "x-amz-meta-a=b&X-Amz-Meta-A=c", "PUT\n\n\n" + soon + "\nx-amz-meta-a:b\n/films/put", "", "InvalidArgument"},
		{"two headers as one", "PUT", "/films/put", "x-amz-meta-a=b%0Ax-amz-meta-b%3Ac", "PUT\n\n\n" + soon + "\nx-amz-meta-a:b\nx-amz-meta-b:c\n/films/put", "", "InvalidArgument"},
		{"type of several lines", "PUT", "/films/put", "content-type=a%0Ab", "PUT\n\na\nb\n" + soon + "\n/films/put", "", "InvalidArgument"},
		{
			"two parameters as one", "GET", "/films/a%20b.txt", "response-content-type=t%26versionId%3Dv",
			"GET\n\n\n" + soon + "\n/films/a%20b.txt?response-content-type=t&versionId=v", "", "InvalidArgument",
		},
		{
			"an ampersand", "GET", "/films/a%20b.txt", "response-content-disposition=attachment%3B%20filename%3Da%26b%26policy.txt",
			"GET\n\n\n" + soon + "\n/films/a%20b.txt?response-content-disposition=attachment; filename=a&b&policy.txt", "", "hello",
		},
		{"expired", "GET", "/films/a%20b.txt", "Expires=" + in(-time.Second), "GET\n\n\n" + in(-time.Second) + "\n/films/a%20b.txt", "", "Request has expired"},
		{"no time", "GET", "/films/a%20b.txt", "Expires=tomorrow", "GET\n\n\ntomorrow\n/films/a%20b.txt", "", "seconds since epoch"},
		{"under a KMS key", "GET", "/films/kms", "", "GET\n\n\n" + soon + "\n/films/kms", "", "require AWS Signature Version 4"},
		{"put under a KMS key", "PUT", "/films/put", "x-amz-server-side-encryption=aws%3Akms", "PUT\n\n\n" + soon + "\nx-amz-server-side-encryption:aws:kms\n/films/put", "", "require AWS Signature Version 4"},
		{"a younger Region", "GET", "/filme/k", "", "GET\n\n\n" + soon + "\n/filme/k", "", "Please use AWS4-HMAC-SHA256."},
		{"nobody's key", "GET", "/films/a%20b.txt", "AWSAccessKeyId=AKIANOBODY", "GET\n\n\n" + soon + "\n/films/a%20b.txt", "", "InvalidAccessKeyId"},
		{"two keys", "GET", "/films/a%20b.txt", "AWSAccessKeyId=A&AWSAccessKeyId=B", "", "", "Query-string authentication requires"},
	} {
		query := tt.query + "&Signature=" + url.QueryEscape(version2(tt.text))
		for name, value := range map[string]string{"AWSAccessKeyId": accessKeyID, "Expires": soon} {
			if !strings.Contains(tt.query, name) {
				query += "&" + name + "=" + value
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path+"?"+strings.TrimPrefix(query, "&"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if name, value, ok := strings.Cut(tt.header, ": "); name == "Host" {
			r.Host = value
		} else if ok {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		good := tt.want == "" || tt.want == "hello" || strings.HasPrefix(tt.want, "<")
		if err != nil || !strings.Contains(string(answer), tt.want) || (resp.StatusCode == http.StatusOK) != good {
			t.Errorf("%s: %s %s, %v, want %q", tt.name, resp.Status, answer, err, tt.want)
		}
	}

	// A policy tells the versions apart.
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::films/*",
		"Condition":{"StringEquals":{"s3:signatureversion":"AWS"}}}]}`
	if _, err := c.PutBucketPolicy(t.Context(), &awss3.PutBucketPolicyInput{Bucket: aws.String("films"), Policy: aws.String(document)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("a b.txt")}); err != nil {
		t.Errorf("version 4: %v", err)
	}
	before := s.uses.Load()
	signature := url.QueryEscape(version2("GET\n\n\n" + soon + "\n/films/a%20b.txt"))
	resp := s.do(t, "GET", "/films/a%20b.txt?AWSAccessKeyId="+accessKeyID+"&Expires="+soon+"&Signature="+signature, "")
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("version 2 against the policy: %s", resp.Status)
	}
	if n := s.uses.Load() - before; n != 1 {
		t.Errorf("the access key was used %d times, want once", n)
	}
}

func TestVersion2Forms(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) +
		`","conditions":[{"bucket":"films"},["starts-with","$key","in/"]]}`))
	for _, tt := range []struct {
		name, key, signature string
		want                 int
	}{
		{"posted", "in/a", version2(policy), http.StatusNoContent},
		{"another key", "out/a", version2(policy), http.StatusForbidden}, // signed all the same
		{"another signature", "in/a", version2("else"), http.StatusForbidden},
		{"no signature", "in/a", "", http.StatusBadRequest},
	} {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for _, f := range [][2]string{{"key", tt.key}, {"AWSAccessKeyId", accessKeyID}, {"policy", policy}, {"signature", tt.signature}, {"file", "hello"}} {
			if err := w.WriteField(f[0], f[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		resp := s.do(t, "POST", "/films", body.String(), "Content-Type: "+w.FormDataContentType())
		if resp.StatusCode != tt.want {
			answer, _ := io.ReadAll(resp.Body)
			t.Errorf("%s: %s %s, want %d", tt.name, resp.Status, answer, tt.want)
		}
	}
	if n := s.uses.Load(); n != 2 {
		t.Errorf("the access key was used %d times, want by the 2 forms that it signed", n)
	}
}
