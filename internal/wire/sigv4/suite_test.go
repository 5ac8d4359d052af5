package sigv4_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// received reads a request as a server would, and its body.
func received(t testing.TB, text string) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("ReadRequest: %v\n%s", err, text)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read the body: %v", err)
	}
	return r, body
}

// verify does what a door does: parse, find the key, verify.
func verify(r *http.Request, body []byte, secret string, now time.Time, p sigv4.Profile) (sigv4.Payload, error) {
	a, err := sigv4.Parse(r)
	if err != nil {
		return sigv4.Payload{}, err
	}
	return a.Verify(r, body, sigv4.DeriveKey([]byte(secret), a.Scope), now, p)
}

const (
	suiteSecret     = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteUnreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	suiteToken      = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// The cases and signatures of the AWS Signature Version 4 test suite (published
// with the AWS General Reference, Apache-2.0). Its get-space and the multi-line
// header cases cannot be sent over HTTP as Go reads it.
func TestVerifySuite(t *testing.T) {
	for _, c := range []struct {
		name, line string
		headers    string // beyond Host and X-Amz-Date, each ended by \n
		signed     string
		body       string
		signature  string
	}{
		{"get-vanilla", "GET /", "", "host;x-amz-date", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-header-key-duplicate", "GET /", "My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1\n", "host;my-header1;x-amz-date", "", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
		{"get-header-value-order", "GET /", "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n", "host;my-header1;x-amz-date", "", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
		{"get-header-value-trim", "GET /", "My-Header1: value1\nMy-Header2: \"a   b   c\"\n", "host;my-header1;my-header2;x-amz-date", "", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"get-unreserved", "GET /" + suiteUnreserved, "", "host;x-amz-date", "", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-utf8", "GET /ሴ", "", "host;x-amz-date", "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-vanilla-empty-query-key", "GET /?Param1=value1", "", "host;x-amz-date", "", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{"get-vanilla-query-order-key", "GET /?Param1=value2&Param1=Value1", "", "host;x-amz-date", "", "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
		{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1", "", "host;x-amz-date", "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-order-value", "GET /?Param1=value2&Param1=value1", "", "host;x-amz-date", "", "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		{"get-vanilla-query-unreserved", "GET /?" + suiteUnreserved + "=" + suiteUnreserved, "", "host;x-amz-date", "", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
		{"get-vanilla-utf8-query", "GET /?ሴ=bar", "", "host;x-amz-date", "", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{"post-header-key-sort", "POST /", "My-Header1:value1\n", "host;my-header1;x-amz-date", "", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
		{"post-header-value-case", "POST /", "My-Header1:VALUE1\n", "host;my-header1;x-amz-date", "", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
		{"post-vanilla", "POST /", "", "host;x-amz-date", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-vanilla-query", "POST /?Param1=value1", "", "host;x-amz-date", "", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
		{"post-x-www-form-urlencoded", "POST /", "Content-Type:application/x-www-form-urlencoded\nContent-Length:13\n", "content-type;host;x-amz-date", "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"get-relative", "GET /example/..", "", "host;x-amz-date", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-relative-relative", "GET /example1/example2/../..", "", "host;x-amz-date", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slash", "GET //", "", "host;x-amz-date", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slash-dot-slash", "GET /./", "", "host;x-amz-date", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slash-pointless-dot", "GET /./example", "", "host;x-amz-date", "", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
		{"get-slashes", "GET //example//", "", "host;x-amz-date", "", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{"post-sts-header-before", "POST /", "X-Amz-Security-Token:" + suiteToken + "\n", "host;x-amz-date;x-amz-security-token", "", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := func(signature string) string {
				return strings.ReplaceAll(c.line+" HTTP/1.1\nHost:example.amazonaws.com\n"+c.headers+
					"X-Amz-Date:20150830T123600Z\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+
					c.signed+", Signature="+signature+"\n\n", "\n", "\r\n") + c.body
			}
			p := sigv4.Profile{Service: "service", Region: "us-east-1"}
			r, body := received(t, request(c.signature))
			if _, err := verify(r, body, suiteSecret, suiteTime, p); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
			if _, err := verify(r, body, suiteSecret+"x", suiteTime, p); err == nil {
				t.Errorf("Verify with another secret = nil, want an error")
			}
		})
	}
}

const (
	docSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	docScope  = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var (
	docTime    = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	docProfile = sigv4.Profile{Service: "s3", Region: "us-east-1", Style: sigv4.S3}
)

// The worked examples of the Amazon S3 API Reference: "Signature Calculations for
// the Authorization Header", its chunked and trailer forms, and "Authenticating
// Requests: Using Query Parameters".
func TestVerifyS3Documentation(t *testing.T) {
	for _, c := range []struct {
		name, line, headers string
		want                sigv4.Mode
	}{
		{
			"get object", "GET /test.txt",
			"Host: examplebucket.s3.amazonaws.com\nRange: bytes=0-9\nx-amz-content-sha256: " + emptyHash + "\nx-amz-date: 20130524T000000Z\n" +
				"Authorization: " + docScope + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\n",
			sigv4.Exact,
		},
		{
			"put object", "PUT /test$file.text",
			"Host: examplebucket.s3.amazonaws.com\nDate: Fri, 24 May 2013 00:00:00 GMT\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\n" +
				"x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n" +
				"Authorization: " + docScope + "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd\n",
			sigv4.Exact,
		},
		{
			"get bucket lifecycle", "GET /?lifecycle",
			"Host: examplebucket.s3.amazonaws.com\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: " + emptyHash + "\n" +
				"Authorization: " + docScope + "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543\n",
			sigv4.Exact,
		},
		{
			"list objects", "GET /?max-keys=2&prefix=J",
			"Host: examplebucket.s3.amazonaws.com\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: " + emptyHash + "\n" +
				"Authorization: " + docScope + "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\n",
			sigv4.Exact,
		},
		{
			"presigned get", "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
				"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
			"Host: examplebucket.s3.amazonaws.com\n",
			sigv4.Unsigned,
		},
		{
			"chunked upload", "PUT /examplebucket/chunkObject.txt",
			"Host: s3.amazonaws.com\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n" +
				"Content-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\nContent-Length: 66824\n" +
				"Authorization: " + docScope + "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class," +
				"Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\n",
			sigv4.StreamingSigned,
		},
		{
			"chunked upload with a trailer", "PUT /examplebucket/chunkObject.txt",
			"Host: s3.amazonaws.com\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\n" +
				"Content-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\nx-amz-trailer: x-amz-checksum-crc32c\nContent-Length: 66824\n" +
				"Authorization: " + docScope + "SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer," +
				"Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e\n",
			sigv4.StreamingSignedTrailer,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.ReplaceAll(c.line+" HTTP/1.1\n"+c.headers+"\n", "\n", "\r\n")
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				t.Fatal(err)
			}
			payload, err := verify(r, nil, docSecret, docTime, docProfile)
			if err != nil {
				t.Fatalf("Verify = %v, want nil", err)
			}
			if payload.Mode() != c.want {
				t.Errorf("Mode = %v, want %v", payload.Mode(), c.want)
			}
		})
	}
}
