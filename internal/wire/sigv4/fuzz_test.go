package sigv4_test

import (
	"net/http"
	"testing"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

func FuzzParseHeader(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20261103/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc", "20261103T120000Z")
	f.Add(signedVanilla, "20150830T123600Z")
	f.Add("AWS AKID:c2ln", "Tue, 03 Nov 2026 12:00:00 GMT")
	f.Add("AWS4-HMAC-SHA256 Credential=/////aws4_request,SignedHeaders=;;,Signature==,", "")
	f.Fuzz(func(t *testing.T, authorization, date string) {
		r := &http.Request{Method: "GET", RequestURI: "/", Host: "h", Header: http.Header{
			"Authorization": {authorization}, "X-Amz-Date": {date}, "X-Amz-Region-Set": {"us-east-1"},
		}}
		checkUnproven(t, r)
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add("/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20261103%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20261103T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Add(presignedVanilla)
	f.Add("http://h?x=%")
	f.Add("*")
	f.Add("")
	f.Fuzz(func(t *testing.T, target string) {
		if target == "" {
			return // a received request has one
		}
		checkUnproven(t, &http.Request{Method: "GET", RequestURI: target, Host: "h", Header: http.Header{}})
	})
}

var fuzzKey = sigv4.DeriveKey([]byte(docSecret), sigv4.Scope{AccessKeyID: "AKIDEXAMPLE"})

// checkUnproven wants that nothing made up is ever taken for signed, and that
// what Parse accepts is in range.
func checkUnproven(t *testing.T, r *http.Request) {
	a, err := sigv4.Parse(r)
	if err != nil {
		if a.Form != sigv4.FormNone {
			t.Errorf("Parse gives both %v and %v", a, err)
		}
		return
	}
	if a.Form != sigv4.FormNone && (a.Scope.AccessKeyID == "" || len(a.Scope.Date) != 8 || a.Expires < 0 || a.Expires > sigv4.MaxExpires) {
		t.Errorf("Parse = %+v", a)
	}
	key := kmsSigner.Key
	if a.Scope.Asymmetric() {
		key = fuzzKey
	}
	for _, style := range []sigv4.Style{sigv4.General, sigv4.S3} {
		if _, err := a.Verify(r, nil, key, a.Time, sigv4.Profile{Style: style, Asymmetric: true}); err == nil {
			t.Errorf("Verify of a made-up request = nil: %+v", r)
		}
	}
}
