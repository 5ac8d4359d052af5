package sigv4_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Whatever the AWS SDK signs verifies, and no longer does after any one change.
func TestSDKSignatures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		isS3 := rapid.Bool().Draw(rt, "s3")
		p, options := kms, func(*v4.SignerOptions) {}
		if isS3 {
			p = s3
			options = func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
		}
		body := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "body")
		r, err := http.NewRequest(
			rapid.SampledFrom([]string{"GET", "PUT", "POST"}).Draw(rt, "method"),
			"http://host.example:4566"+drawPath(rt, isS3)+drawQuery(rt), bytes.NewReader(body))
		if err != nil {
			rt.Fatal(err)
		}
		for _, name := range []string{"X-Amz-Meta-A", "x-amz-target", "Content-Type", "Range"} {
			if rapid.Bool().Draw(rt, "has "+name) {
				r.Header.Set(name, rapid.StringMatching(`[ -~]{0,20}`).Draw(rt, name))
			}
		}
		credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: docSecret}
		if rapid.Bool().Draw(rt, "session") {
			credentials.SessionToken = "token+/=="
		}
		payload := hash(body)
		signer := v4.NewSigner(options)
		if rapid.Bool().Draw(rt, "presigned") {
			if isS3 {
				payload = sigv4.UnsignedPayload
				q := r.URL.Query()
				q.Set("X-Amz-Expires", "600")
				r.URL.RawQuery = q.Encode()
			}
			u, header, err := signer.PresignHTTP(context.Background(), credentials, r, payload, p.Service, p.Region, now)
			if err != nil {
				rt.Fatal(err)
			}
			if r.URL, err = url.Parse(u); err != nil {
				rt.Fatal(err)
			}
			header.Del("Host")
			r.Header = header
		} else {
			if isS3 {
				r.Header.Set("X-Amz-Content-Sha256", payload)
			}
			if err := signer.SignHTTP(context.Background(), credentials, r, payload, p.Service, p.Region, now); err != nil {
				rt.Fatal(err)
			}
		}
		r, got := sent(t, r)
		// In S3's style the body is judged where it streams to.
		check := func() error {
			payload, err := verify(r, got, docSecret, now, p)
			if err == nil && isS3 {
				_, err = io.Copy(io.Discard, payload.Body(bytes.NewReader(got)))
			}
			return err
		}
		if err := check(); err != nil {
			rt.Fatalf("Verify = %v, want nil; %s %s %v", err, r.Method, r.RequestURI, r.Header)
		}
		change := drawChange(rt, r, &got, isS3 && payload == sigv4.UnsignedPayload)
		if err := check(); err == nil {
			rt.Fatalf("Verify after a change of %s = nil; %s %s %v", change, r.Method, r.RequestURI, r.Header)
		}
	})
}

func drawPath(rt *rapid.T, isS3 bool) string {
	segment := rapid.Custom(func(rt *rapid.T) string {
		s := rapid.StringN(1, 6, -1).Draw(rt, "segment")
		if !isS3 && strings.Trim(s, ".") == "" {
			return "x" // the SDK does not normalise what its services normalise
		}
		return s
	})
	var b strings.Builder
	for _, s := range rapid.SliceOfN(segment, 0, 4).Draw(rt, "path") {
		b.WriteByte('/')
		// The strict encoding that the SDK's own clients put on the wire.
		for i := range len(s) {
			b.WriteString(strings.ReplaceAll(url.QueryEscape(s[i:i+1]), "+", "%20"))
		}
		if isS3 && rapid.Bool().Draw(rt, "double slash") {
			b.WriteByte('/')
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func drawQuery(rt *rapid.T) string {
	q := url.Values{}
	for _, name := range rapid.SliceOfN(rapid.StringN(1, 5, -1), 0, 4).Draw(rt, "query") {
		q.Add("q"+name, rapid.String().Draw(rt, "value"))
		q.Add("q"+name, rapid.String().Draw(rt, "second value"))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// drawChange changes one thing that a signature has to cover, and says which.
func drawChange(rt *rapid.T, r *http.Request, body *[]byte, bodyFree bool) string {
	presigned := strings.Contains(r.RequestURI, "X-Amz-Signature=")
	changes := []string{"method", "path", "query", "host", "header", "date", "signature", "credential"}
	if !bodyFree {
		changes = append(changes, "body")
	}
	flip := func(s string) string {
		i := rapid.IntRange(0, len(s)-1).Draw(rt, "at")
		c := byte('0')
		if s[i] == c {
			c = '1'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	separator := "?"
	if strings.Contains(r.RequestURI, "?") {
		separator = "&"
	}
	change := rapid.SampledFrom(changes).Draw(rt, "change")
	switch change {
	case "method":
		r.Method = "DELETE"
	case "path":
		path, query, more := strings.Cut(r.RequestURI, "?")
		r.RequestURI = path + "x"
		if more {
			r.RequestURI += "?" + query
		}
	case "query":
		r.RequestURI += separator + "extra"
	case "host":
		r.Host = flip(r.Host)
	case "header":
		r.Header.Set("X-Amz-Meta-New", "1")
	case "body":
		*body = append(*body, 'x')
	case "date":
		later := now.Add(time.Second).Format("20060102T150405Z")
		r.Header.Set("X-Amz-Date", later)
		r.RequestURI = strings.Replace(r.RequestURI, now.Format("20060102T150405Z"), later, 1)
	case "signature":
		if presigned {
			at := strings.Index(r.RequestURI, "X-Amz-Signature=") + len("X-Amz-Signature=")
			r.RequestURI = r.RequestURI[:at] + flip(r.RequestURI[at:at+64]) + r.RequestURI[at+64:]
			break
		}
		a := r.Header.Get("Authorization")
		r.Header.Set("Authorization", a[:len(a)-64]+flip(a[len(a)-64:]))
	case "credential":
		r.Header.Set("X-Amz-Security-Token", "another")
	}
	return change
}
