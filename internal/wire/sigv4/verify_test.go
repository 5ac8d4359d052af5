package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

var (
	now       = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	kms       = sigv4.Profile{Service: "kms", Region: "eu-central-1"}
	s3        = sigv4.Profile{Service: "s3", Region: "eu-central-1", Style: sigv4.S3}
	kmsScope  = sigv4.Scope{AccessKeyID: "AKIDEXAMPLE", Date: "20261103", Region: "eu-central-1", Service: "kms"}
	s3Scope   = sigv4.Scope{AccessKeyID: "AKIDEXAMPLE", Date: "20261103", Region: "eu-central-1", Service: "s3"}
	kmsSigner = sigv4.Signer{Key: sigv4.DeriveKey([]byte(docSecret), kmsScope), Scope: kmsScope}
	s3Signer  = sigv4.Signer{Key: sigv4.DeriveKey([]byte(docSecret), s3Scope), Scope: s3Scope, Style: sigv4.S3}
)

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sent turns a request to be sent into the request that a server receives.
func sent(t testing.TB, r *http.Request) (*http.Request, []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatalf("write the request: %v", err)
	}
	return received(t, b.String())
}

// signedKMS is a call to KMS, signed at time at, as received.
func signedKMS(t testing.TB, at time.Time) (*http.Request, []byte) {
	t.Helper()
	body := []byte(`{"KeyId":"alias/a","Plaintext":"aGVsbG8="}`)
	r, err := http.NewRequest("POST", "http://kms.eu-central-1.amazonaws.com/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService.Encrypt")
	s := kmsSigner
	if s.Scope.Date = at.UTC().Format("20060102"); s.Scope != kmsScope {
		s.Key = sigv4.DeriveKey([]byte(docSecret), s.Scope)
	}
	if err := s.Sign(r, hash(body), at); err != nil {
		t.Fatalf("Sign: %v", err)
	}
	return sent(t, r)
}

// presignedS3 is a presigned GET as received, after edit of its URL and header.
func presignedS3(t testing.TB, edit func(url.Values, http.Header)) *http.Request {
	t.Helper()
	r, err := http.NewRequest("GET", "http://bucket.s3.localhost:4566/a//b/../c%20d?response-content-type=a/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s3Signer.Presign(r, sigv4.UnsignedPayload, now, time.Hour); err != nil {
		t.Fatalf("Presign: %v", err)
	}
	if edit != nil {
		q := r.URL.Query()
		edit(q, r.Header)
		r.URL.RawQuery = q.Encode()
	}
	r, _ = sent(t, r)
	return r
}

func TestParseFields(t *testing.T) {
	r := presignedS3(t, nil)
	a, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.Form != sigv4.FormQuery || a.Scope != s3Scope || !a.Time.Equal(now) || a.Expires != time.Hour || a.SecurityToken != "" {
		t.Errorf("Parse = %+v", a)
	}
	if a.Scope.String() != "20261103/eu-central-1/s3/aws4_request" {
		t.Errorf("Scope = %q", a.Scope)
	}
	var names []string
	for n := range a.SignedHeaders() {
		names = append(names, n)
	}
	if !reflect.DeepEqual(names, []string{"host"}) || !a.Signs("host") || a.Signs("hos") {
		t.Errorf("SignedHeaders = %q", names)
	}
	if a, err := sigv4.Parse(&http.Request{Method: "GET", RequestURI: "/", Header: http.Header{}}); err != nil || a.Form != sigv4.FormNone {
		t.Errorf("Parse of an unsigned request = %v, %v", a.Form, err)
	}
}

func TestParseErrors(t *testing.T) {
	good := "AWS4-HMAC-SHA256 Credential=AKID/20261103/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc"
	for _, c := range []struct {
		name, query, authorization, date string
		want                             error
	}{
		{"version 2 header", "", "AWS AKID:c2ln", "", sigv4.ErrSigV2},
		{"version 2 query", "AWSAccessKeyId=A&Expires=1&Signature=s", "", "", sigv4.ErrSigV2},
		{"bearer", "", "Bearer x", "", sigv4.ErrScheme},
		{"both", "X-Amz-Algorithm=AWS4-HMAC-SHA256", good, "20261103T120000Z", sigv4.ErrTwoForms},
		{"both, spelt otherwise", "X%2DAmz-Signature=a", good, "20261103T120000Z", sigv4.ErrTwoForms},
		{"no fields", "", "AWS4-HMAC-SHA256", "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Credential", sigv4.Missing}},
		{"unknown field", "", good + ", X=1", "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Authorization", sigv4.Malformed}},
		{"repeated field", "", good + ", Signature=d", "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Signature", sigv4.Repeated}},
		{"empty field", "", strings.Replace(good, "abc", "", 1), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Signature", sigv4.Missing}},
		{"terminator", "", strings.Replace(good, "aws4_request", "aws5_request", 1), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Credential", sigv4.Malformed}},
		{"short scope", "", strings.Replace(good, "/r/", "/", 1), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Credential", sigv4.Malformed}},
		{"unsorted", "", strings.Replace(good, "host;x-amz-date", "x-amz-date;host", 1), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "SignedHeaders", sigv4.Malformed}},
		{"upper case", "", strings.Replace(good, "host;", "Host;", 1), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "SignedHeaders", sigv4.Malformed}},
		{"no date", "", good, "", &sigv4.MalformedError{sigv4.FormHeader, "Date", sigv4.Missing}},
		{"bad date", "", good, "20261303T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Date", sigv4.Malformed}},
		{"fraction", "", good, "20261103T120000.5Z", &sigv4.MalformedError{sigv4.FormHeader, "Date", sigv4.Malformed}},
		{"huge", "", good + strings.Repeat(" ", 9000), "20261103T120000Z", &sigv4.MalformedError{sigv4.FormHeader, "Authorization", sigv4.TooLarge}},
		{"query without algorithm", "X-Amz-Signature=a", "", "", &sigv4.MalformedError{sigv4.FormQuery, "Algorithm", sigv4.Missing}},
		{"query without credential", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "", "", &sigv4.MalformedError{sigv4.FormQuery, "Credential", sigv4.Missing}},
		{"query twice", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=AWS4-HMAC-SHA256", "", "", &sigv4.MalformedError{sigv4.FormQuery, "Algorithm", sigv4.Repeated}},
		{"query escape", "X-Amz-Credential=%zz", "", "", &sigv4.MalformedError{sigv4.FormQuery, "Credential", sigv4.Malformed}},
	} {
		r := &http.Request{Method: "GET", RequestURI: "/?" + c.query, Host: "h", Header: http.Header{}}
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if c.date != "" {
			r.Header.Set("X-Amz-Date", c.date)
		}
		if _, err := sigv4.Parse(r); !reflect.DeepEqual(err, c.want) {
			t.Errorf("%s: Parse = %v, want %v", c.name, err, c.want)
		}
	}
}

func TestExpiresBounds(t *testing.T) {
	for v, want := range map[string]error{
		"1":      nil,
		"604800": nil,
		"604801": &sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.TooLarge},
		"0":      &sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.TooSmall},
		"-5":     &sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.TooSmall},
		"1h":     &sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.Malformed},
		"":       &sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.Malformed},
	} {
		r := presignedS3(t, func(q url.Values, _ http.Header) { q.Set("X-Amz-Expires", v) })
		if _, err := sigv4.Parse(r); !reflect.DeepEqual(err, want) {
			t.Errorf("Parse with X-Amz-Expires=%s = %v, want %v", v, err, want)
		}
	}
	r := presignedS3(t, func(q url.Values, _ http.Header) { q.Del("X-Amz-Expires") })
	_, err := verify(r, nil, docSecret, now, s3)
	if want := (&sigv4.MalformedError{sigv4.FormQuery, "Expires", sigv4.Missing}); !reflect.DeepEqual(err, want) {
		t.Errorf("Verify without X-Amz-Expires = %v, want %v", err, want)
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		want string // the error's type
	}{
		{0, ""},
		{15 * time.Minute, ""},
		{-15 * time.Minute, ""},
		{15*time.Minute + time.Second, "late"},
		{-15*time.Minute - time.Second, "early"},
	} {
		r, body := signedKMS(t, now)
		_, err := verify(r, body, docSecret, now.Add(c.at), kms)
		got := ""
		if skew, ok := errors.AsType[*sigv4.SkewError](err); ok {
			got = map[bool]string{true: "early", false: "late"}[skew.Early()]
			if !skew.RequestTime.Equal(now) || !skew.ServerTime.Equal(now.Add(c.at)) || skew.MaxSkew != 15*time.Minute {
				t.Errorf("SkewError = %+v", skew)
			}
		} else if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("Verify %v after signing = %q, want %q", c.at, got, c.want)
		}
	}

	r := presignedS3(t, nil)
	if _, err := verify(r, nil, docSecret, now.Add(time.Hour), s3); err != nil {
		t.Errorf("Verify at the last moment = %v, want nil", err)
	}
	var expired *sigv4.ExpiredError
	if _, err := verify(r, nil, docSecret, now.Add(time.Hour+time.Second), s3); !errors.As(err, &expired) {
		t.Errorf("Verify after the last moment = %v, want an ExpiredError", err)
	} else if !expired.At().Equal(now.Add(time.Hour)) || expired.Expires != time.Hour {
		t.Errorf("ExpiredError = %+v", expired)
	}
	var skew *sigv4.SkewError
	if _, err := verify(r, nil, docSecret, now.Add(-16*time.Minute), s3); !errors.As(err, &skew) || skew.Form != sigv4.FormQuery {
		t.Errorf("Verify before its time = %v, want a SkewError", err)
	}
}

func TestVerifyErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		p    sigv4.Profile
		edit func(*http.Request)
		want error
	}{
		{"any service and region", sigv4.Profile{}, nil, nil},
		{"service", sigv4.Profile{Service: "iam"}, nil, &sigv4.ScopeError{sigv4.FormHeader, "service", "kms", "iam"}},
		{"region", sigv4.Profile{Region: "us-east-1"}, nil, &sigv4.ScopeError{sigv4.FormHeader, "region", "eu-central-1", "us-east-1"}},
		{"date", kms, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261102T120000Z") }, &sigv4.ScopeError{sigv4.FormHeader, "date", "20261103", "20261102"}},
		{"unsigned headers", kms, func(r *http.Request) {
			r.Header.Set("X-Amz-Z", "1")
			r.Header.Set("X-Amz-Meta-A", "1")
			r.Header.Set("X-Amzn-Trace-Id", "1")
		}, &sigv4.UnsignedHeadersError{[]string{"x-amz-meta-a", "x-amz-z"}}},
		{"unsigned host", kms, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "content-type;host;", "content-type;", 1))
		}, &sigv4.UnsignedHeadersError{[]string{"host"}}},
		{"no payload hash", sigv4.Profile{Style: sigv4.S3}, nil, sigv4.ErrNoPayloadHash},
		{"repeated token", kms, func(r *http.Request) { r.Header["X-Amz-Security-Token"] = []string{"a", "b"} }, &sigv4.MalformedError{sigv4.FormHeader, "Security-Token", sigv4.Repeated}},
		{"repeated date", kms, func(r *http.Request) { r.Header.Add("X-Amz-Date", "20261103T120000Z") }, &sigv4.MalformedError{sigv4.FormHeader, "Date", sigv4.Repeated}},
		{"escape in the query", kms, func(r *http.Request) { r.RequestURI = "/?a=%z" }, &sigv4.MalformedError{sigv4.FormHeader, "Query", sigv4.Malformed}},
		{"long query", kms, func(r *http.Request) { r.RequestURI = "/?" + strings.Repeat("a&", 1001) }, &sigv4.MalformedError{sigv4.FormHeader, "Query", sigv4.TooLarge}},
	} {
		r, body := signedKMS(t, now)
		if c.edit != nil {
			c.edit(r)
		}
		if _, err := verify(r, body, docSecret, now, c.p); !reflect.DeepEqual(err, c.want) {
			t.Errorf("%s: Verify = %v, want %v", c.name, err, c.want)
		}
	}
}

func TestMismatchShowsOurSide(t *testing.T) {
	r, body := signedKMS(t, now)
	provided := r.Header.Get("Authorization")
	provided = provided[len(provided)-64:]
	r.Header.Set("Content-Type", "text/plain")
	_, err := verify(r, body, docSecret, now, kms)
	var m *sigv4.MismatchError
	if !errors.As(err, &m) {
		t.Fatalf("Verify = %v, want a MismatchError", err)
	}
	canonical := "POST\n/\n\ncontent-type:text/plain\nhost:kms.eu-central-1.amazonaws.com\nx-amz-date:20261103T120000Z\nx-amz-target:TrentService.Encrypt\n\n" +
		"content-type;host;x-amz-date;x-amz-target\n" + hash(body)
	want := sigv4.MismatchError{
		AccessKeyID:      "AKIDEXAMPLE",
		CanonicalRequest: canonical,
		StringToSign:     "AWS4-HMAC-SHA256\n20261103T120000Z\n20261103/eu-central-1/kms/aws4_request\n" + hash([]byte(canonical)),
		Provided:         provided,
	}
	if *m != want {
		t.Errorf("MismatchError = %+v, want %+v", *m, want)
	}
	if strings.Contains(err.Error(), provided) || strings.Contains(err.Error(), "Trent") {
		t.Errorf("the error's text tells too much: %s", err)
	}
}

func TestGeneralPayloadHeader(t *testing.T) {
	body := []byte("Action=GetCallerIdentity")
	for claimed, want := range map[string]error{
		hash(body):            nil,
		hash(nil):             &sigv4.PayloadMismatchError{hash(nil), hash(body)},
		sigv4.UnsignedPayload: &sigv4.PayloadMismatchError{sigv4.UnsignedPayload, hash(body)},
	} {
		r, err := http.NewRequest("POST", "http://sts.localhost/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Content-Sha256", claimed)
		if err := kmsSigner.Sign(r, claimed, now); err != nil {
			t.Fatal(err)
		}
		r, got := sent(t, r)
		if _, err := verify(r, got, docSecret, now, kms); !reflect.DeepEqual(err, want) {
			t.Errorf("Verify with x-amz-content-sha256 %s = %v, want %v", claimed, err, want)
		}
	}
}

func TestPayloadModes(t *testing.T) {
	for v, want := range map[string]struct {
		mode sigv4.Mode
		err  error
	}{
		"UNSIGNED-PAYLOAD":                                 {sigv4.Unsigned, nil},
		"STREAMING-UNSIGNED-PAYLOAD-TRAILER":               {sigv4.StreamingUnsignedTrailer, nil},
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD":               {sigv4.StreamingSigned, nil},
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":       {sigv4.StreamingSignedTrailer, nil},
		"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD":         {0, sigv4.ErrSigV4a},
		"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER": {0, sigv4.ErrSigV4a},
		"STREAMING-MADE-UP":                                {0, sigv4.ErrPayloadHash},
		strings.Repeat("g", 64):                            {0, sigv4.ErrPayloadHash},
		hash([]byte("x")):                                  {sigv4.Exact, nil},
	} {
		r, err := http.NewRequest("PUT", "http://localhost/b/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s3Signer.Sign(r, v, now); err != nil {
			t.Fatal(err)
		}
		r, _ = sent(t, r)
		p, err := verify(r, nil, docSecret, now, s3)
		if !errors.Is(err, want.err) || p.Mode() != want.mode {
			t.Errorf("Verify with x-amz-content-sha256 %s = %v, %v; want %v, %v", v, p.Mode(), err, want.mode, want.err)
		}
	}
}

func TestExactBody(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	r, err := http.NewRequest("PUT", "http://localhost/b/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s3Signer.Sign(r, hash(data), now); err != nil {
		t.Fatal(err)
	}
	r, _ = sent(t, r)
	p, err := verify(r, nil, docSecret, now, s3)
	if err != nil {
		t.Fatal(err)
	}
	if p.SHA256() != sha256.Sum256(data) {
		t.Errorf("SHA256 = %x", p.SHA256())
	}
	if err := iotest.TestReader(p.Body(bytes.NewReader(data)), data); err != nil {
		t.Error(err)
	}
	for name, body := range map[string][]byte{"short": data[1:], "long": append(data[:len(data):len(data)], 0), "empty": nil} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			got, err := io.ReadAll(p.Body(wrap(bytes.NewReader(body))))
			var m *sigv4.PayloadMismatchError
			if !errors.As(err, &m) || m.Claimed != hash(data) || m.Computed != hash(body) || !bytes.Equal(got, body) {
				t.Errorf("%s body: ReadAll = %d bytes, %v; want a PayloadMismatchError", name, len(got), err)
			}
		}
	}
}

func TestTargetForms(t *testing.T) {
	r, body := signedKMS(t, now)
	for target, ok := range map[string]bool{
		"/":                                      true,
		"http://kms.eu-central-1.amazonaws.com/": true,
		"http://kms.eu-central-1.amazonaws.com":  true,
		"/?":                                     true,
		"/x":                                     false,
		"/?x":                                    false,
		"/%2F":                                   false,
		"http:/":                                 false,
	} {
		r.RequestURI = target
		if _, err := verify(r, body, docSecret, now, kms); (err == nil) != ok {
			t.Errorf("Verify of target %q = %v, want ok %v", target, err, ok)
		}
	}
}

// A client that sends fewer escapes than it signs means the same request, and
// one that means another key has another signature.
func TestS3PathSpelling(t *testing.T) {
	r, err := http.NewRequest("GET", "http://localhost/b/a%2Bb%21c%20d%E1%88%B4%2Fe~f?x=a%20b%2B%21", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s3Signer.Sign(r, sigv4.UnsignedPayload, now); err != nil {
		t.Fatal(err)
	}
	r, _ = sent(t, r)
	for target, ok := range map[string]bool{
		"/b/a%2Bb%21c%20d%E1%88%B4%2Fe~f?x=a%20b%2B%21": true,
		"/b/a+b!c%20dሴ%2Fe%7Ef?x=a+b%2B!":               true,
		"/b/a%2bb%21c%20d%e1%88%b4%2fe~f?x=a%20b%2b%21": true,
		"/b/a b!c%20dሴ%2Fe~f?x=a+b%2B!":                 false,
		"/b/a+b!c+dሴ%2Fe~f?x=a+b%2B!":                   false,
		"/b/a+b!c%20dሴ/e~f?x=a+b%2B!":                   false,
		"/b/a%252Bb!c%20dሴ%2Fe~f?x=a+b%2B!":             false,
		"/b//a+b!c%20dሴ%2Fe~f?x=a+b%2B!":                false,
		"/b/./a+b!c%20dሴ%2Fe~f?x=a+b%2B!":               false,
		"/b/a+b!c%20dሴ%2Fe~f?x=a+b++!":                  false,
		"/b/a%2":                                        false,
	} {
		r.RequestURI = target
		if _, err := verify(r, nil, docSecret, now, s3); (err == nil) != ok {
			t.Errorf("Verify of target %q = %v, want ok %v", target, err, ok)
		}
	}
}

func TestDateHeader(t *testing.T) {
	// No signer of ours leaves X-Amz-Date out, so the string to sign is taken from the refusal.
	// Python's email.utils, and so botocore, writes the zone as a number.
	for _, date := range []string{now.Format(http.TimeFormat), "Tue, 03 Nov 2026 12:00:00 -0000"} {
		r, err := http.NewRequest("GET", "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Date", date)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261103/eu-central-1/kms/aws4_request, SignedHeaders=date;host, Signature="+strings.Repeat("0", 64))
		_, err = verify(r, nil, docSecret, now, kms)
		var m *sigv4.MismatchError
		if !errors.As(err, &m) || !strings.Contains(m.StringToSign, "\n20261103T120000Z\n") || !strings.Contains(m.CanonicalRequest, "date:"+date+"\n") {
			t.Errorf("Verify with Date: %s = %v", date, err)
		}
	}
}

func TestSignOnAnotherDay(t *testing.T) {
	r, err := http.NewRequest("GET", "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var scope *sigv4.ScopeError
	if err := kmsSigner.Sign(r, emptyHash, now.AddDate(0, 0, 1)); !errors.As(err, &scope) {
		t.Errorf("Sign a day late = %v, want a ScopeError", err)
	}
}

// Clients escape what a name of metadata cannot hold by percent signs, such as
// Go Cloud does.
func TestHeaderNamesOfAllBytes(t *testing.T) {
	const name = "X-Amz-Meta-A!#$%&'*+.^_`|~b%20c"
	for form, sign := range map[string]func(*http.Request) error{
		"header": func(r *http.Request) error { return kmsSigner.Sign(r, emptyHash, now) },
		"query":  func(r *http.Request) error { return kmsSigner.Presign(r, emptyHash, now, time.Minute) },
	} {
		r, err := http.NewRequest("GET", "http://localhost/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(name, "a value")
		if err := sign(r); err != nil {
			t.Fatal(err)
		}
		r, body := sent(t, r)
		if _, err := verify(r, body, docSecret, now, kms); err != nil {
			t.Errorf("Verify of a %s = %v", form, err)
		}
		r.Header.Set(name, "another")
		var m *sigv4.MismatchError
		if _, err := verify(r, body, docSecret, now, kms); !errors.As(err, &m) {
			t.Errorf("Verify of a %s with another value = %v, want a MismatchError", form, err)
		}
	}
}

func TestSigningKeyPrintsNothing(t *testing.T) {
	k := kmsSigner.Key
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x %d", k, k, k, k)} {
		if strings.Trim(strings.ReplaceAll(s, "[secret]", ""), " ") != "" {
			t.Errorf("a signing key prints as %q", s)
		}
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).LogAttrs(context.Background(), slog.LevelInfo, "m", slog.Any("key", k))
	if !strings.Contains(b.String(), `"key":"[secret]"`) {
		t.Errorf("a signing key logs as %s", b.String())
	}
}

func TestSigningKeys(t *testing.T) {
	c := sigv4.NewSigningKeys(10)
	scope := func(i int) sigv4.Scope {
		return sigv4.Scope{AccessKeyID: fmt.Sprint("AK", i), Date: "20261103", Region: "r", Service: "kms"}
	}
	c.Put(scope(0), 7, kmsSigner.Key)
	if _, ok := c.Get(scope(0), 7); !ok {
		t.Error("Get of a kept key = false")
	}
	if _, ok := c.Get(scope(0), 8); ok {
		t.Error("Get for a newer secret = true")
	}
	for i := 1; i < 1000; i++ {
		c.Put(scope(i), 1, kmsSigner.Key)
		if _, ok := c.Get(scope(0), 7); !ok {
			t.Fatalf("a key in use was dropped after %d others", i)
		}
		if c.Len() > 10 {
			t.Fatalf("Len = %d, want at most 10", c.Len())
		}
	}
	c.Forget("AK0")
	if _, ok := c.Get(scope(0), 7); ok {
		t.Error("Get after Forget = true")
	}
	if _, ok := c.Get(scope(999), 1); !ok {
		t.Error("Forget of one access key dropped another")
	}
}
