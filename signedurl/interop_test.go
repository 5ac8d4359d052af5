package signedurl_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	awssign "github.com/aws/aws-sdk-go-v2/feature/cloudfront/sign"
	"github.com/keyfront-project/keyfront/signedurl"
)

// TestBotocore verifies what botocore signed and, under RSA, which has one
// signature only, signs the same.
func TestBotocore(t *testing.T) {
	var vectors []struct{ Kind, Key, Hash, URL, Signed string }
	if err := json.Unmarshal(readFile(t, "botocore.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 52 {
		t.Fatalf("%d vectors, want 52", len(vectors))
	}
	for _, v := range vectors {
		res := signedurl.Verify(request(t, v.Signed), trusted(t), now, nil)
		if !res.Allowed() || res.Custom != (v.Kind == "custom") || string(res.Hash) != v.Hash || res.Resource() != v.URL {
			t.Errorf("%s: %v, Custom %v, Hash %s, Resource %s", v.Signed, res.Reason, res.Custom, res.Hash, res.Resource())
		}
		// An apostrophe in the query is where we differ on purpose.
		if v.Kind == "custom" || v.Key != "rsa2048" || strings.Contains(strings.SplitN(v.URL+"?", "?", 2)[1], "'") {
			continue
		}
		s := newSigner(t, testKeys(t)[v.Key], signedurl.Hash(v.Hash))
		got, err := s.Sign(t.Context(), v.URL, until)
		if err != nil || got != v.Signed {
			t.Errorf("Sign(%q) = %s, %v, want %s", v.URL, got, err, v.Signed)
		}
	}
}

// TestAWSRubyVectors verifies signatures that the tests of aws-sdk-ruby expect.
func TestAWSRubyVectors(t *testing.T) {
	key, err := signedurl.ParsePublicKeyOfBits(readFile(t, "aws-ruby-rsa1024.pub.pem"), 1024)
	if err != nil {
		t.Fatal(err)
	}
	keys := signedurl.KeySet{"CFKEYPAIRID": key}
	before := time.Unix(1357034400-1, 0)
	rows := []struct {
		url  string
		want verdict
	}{
		{
			"https://abc.cloudfront.net/images/image.jpg?color=red&Expires=1357034400&Signature=" +
				"GvrDx3aAG1u1sAQF68c~xD6LVORt36mRTvC2u5RwLjsvusXI0sJPxy3D0R8AQp4qFZlRehwh~mablw8DBNRFLQ81mazmbrUOhXbuepav5ZmCU-" +
				"KgOmXtpMS49L7TLGUSfwSksDx1qriAtB4mS4iJaNt2mfo0C5G-vlt9qMftkJg_&Key-Pair-Id=CFKEYPAIRID",
			verdict{},
		},
		{
			"https://abc.cloudfront.net/images/from/s3://bucket/file.jpg?Expires=1357034400&Signature=" +
				"Xk0prcC1fjhyROJOIr~x0KUuc-wEOQ~v0zHwQ1GjPZH2rJPDIbjwNcvK8NIwyuQSk4PxmpaI1oVV8t62tuMPiQ8NuP2LM6y-XWFPUkegRVVRC~~" +
				"HKxvPUghef4iWS~zwIbn4bDpXjqjtA9nnyIlasauQypl7Zqm94g48YKTL2U0_&Key-Pair-Id=CFKEYPAIRID",
			verdict{},
		},
		{ // Its signature is right, its Resource a stream name: no URL at all.
			"http://abc.cloudfront.net/images/image.jpg?Policy=eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaW1hZ2VzL2ltYWdlLmpwZyIsIkNvb" +
				"mRpdGlvbiI6eyJJcEFkZHJlc3MiOnsiQVdTOlNvdXJjZUlwIjoiMTAuNTIuMTc2LjAvMjQifSwiRGF0ZUxlc3NUaGFuIjp7IkFXUzpFcG9jaFRpbWUiOjEzNTcwMzQ0MDB9fX1dfQ__" +
				"&Signature=n4V7xum3wA-w1PaCMyEMpWVXdfw-Yt8I26RpZJKc~Nk8yQh8LYOxewItGJXFq0BxnKuSEKoEVYVTFEteFAGKXwhkbC7K~JfL83aroPbRagjyG-V9Y5wMLccBAzMj5nHXxjvjlOu541VUR-RlR0KK106HT4-Hp1c~nyOmXs4R5mU_" +
				"&Key-Pair-Id=CFKEYPAIRID",
			verdict{signedurl.AccessDenied, signedurl.CauseBadResource},
		},
	}
	for _, row := range rows {
		res := signedurl.Verify(request(t, row.url), keys, before, nil)
		if got := verdictOf(res); got != row.want || !res.Verified {
			t.Errorf("%s: %v, Verified %v, want %v, verified", row.url, got, res.Verified, row.want)
		}
	}
}

// TestGoSDK verifies URLs that the AWS SDK for Go signs, with both kinds of key.
func TestGoSDK(t *testing.T) {
	keys := trusted(t)
	for name, key := range testKeys(t) {
		sdk := awssign.NewURLSigner(string(key.id), key.private)
		for _, url := range []string{imageURL, imageURL + "?a=b&c", imageURL + "?q=<%26>", "http://localhost:8080/a//b"} {
			signed, err := sdk.Sign(url, until.Expires)
			if err != nil {
				t.Fatal(err)
			}
			if res := signedurl.Verify(request(t, signed), keys, now, nil); !res.Allowed() || res.Custom {
				t.Errorf("%s: canned %s: %v", name, signed, res.Reason)
			}
			policy := sdkPolicy(url)
			if signed, err = sdk.SignWithPolicy(url, policy); err != nil {
				t.Fatal(err)
			}
			if res := signedurl.Verify(request(t, signed), keys, now, nil); !res.Allowed() || !res.Custom || !res.Policy.Source.IsValid() {
				t.Errorf("%s: custom %s: %v", name, signed, res.Reason)
			}
			policy.Statements[0].Resource = "http*://*/*"
			if signed, err = sdk.SignWithPolicy(url, policy); err != nil {
				t.Fatal(err)
			}
			if res := signedurl.Verify(request(t, signed), keys, now, nil); !res.Allowed() || !res.Custom {
				t.Errorf("%s: wildcard %s: %v", name, signed, res.Reason)
			}
		}
	}
}

func sdkPolicy(resource string) *awssign.Policy {
	return &awssign.Policy{Statements: []awssign.Statement{{
		Resource: resource,
		Condition: awssign.Condition{
			IPAddress:       &awssign.IPAddress{SourceIP: "192.0.2.0/24"},
			DateGreaterThan: awssign.NewAWSEpochTime(time.Unix(1767200000, 0)),
			DateLessThan:    awssign.NewAWSEpochTime(time.Unix(expiry, 0)),
		},
	}}}
}

// TestGoSDKCookies does the same for cookies, which the SDK signs with RSA only.
func TestGoSDKCookies(t *testing.T) {
	sdk := awssign.NewCookieSigner(string(rsaID), privateKey(t, "rsa2048.pem").(*rsa.PrivateKey))
	// The SDK's Sign makes a custom policy, too.
	fromURL, err := sdk.Sign("http*://d111111abcdef8.cloudfront.net/*", until.Expires)
	if err != nil {
		t.Fatal(err)
	}
	fromPolicy, err := sdk.SignWithPolicy(sdkPolicy("https://d111111abcdef8.cloudfront.net/image*"))
	if err != nil {
		t.Fatal(err)
	}
	for name, cookies := range map[string][]*http.Cookie{"URL": fromURL, "policy": fromPolicy} {
		r := request(t, imageURL+"?a=b")
		r.Cookies = []string{cookieHeader(cookies)}
		if res := signedurl.Verify(r, trusted(t), now, nil); !res.Allowed() || res.Carrier != signedurl.CarrierCookie {
			t.Errorf("%s: %v", name, res.Reason)
		}
		r.Peer = netip.MustParseAddr("203.0.113.1")
		if res := signedurl.Verify(r, trusted(t), now, nil); res.Allowed() != (name == "URL") {
			t.Errorf("%s, from another address: %v", name, res.Reason)
		}
	}
}

// TestPairs signs and verifies by every combination of key, hash, policy and carrier.
func TestPairs(t *testing.T) {
	keys := trusted(t)
	for name, key := range testKeys(t) {
		for _, h := range []signedurl.Hash{signedurl.SHA1, signedurl.SHA256} {
			s := newSigner(t, key, h)
			for _, resource := range []string{imageURL, "https://*/image*"} {
				p := signedurl.Policy{Resource: resource, Expires: until.Expires}
				cookies, err := s.Cookies(t.Context(), p, nil)
				if err != nil {
					t.Fatal(err)
				}
				byCookie := request(t, imageURL)
				byCookie.Cookies = []string{cookieHeader(cookies)}
				for carrier, r := range map[signedurl.Carrier]*signedurl.Request{
					signedurl.CarrierURL:    request(t, sign(t, s, imageURL, p)),
					signedurl.CarrierCookie: byCookie,
				} {
					res := signedurl.Verify(r, keys, now, nil)
					row := fmt.Sprintf("%s, %s, %s, %s", name, h, resource, carrier)
					if !res.Allowed() || res.Carrier != carrier || res.Hash != h || res.KeyID != key.id || res.Custom != (resource != imageURL) {
						t.Errorf("%s: %v (%+v)", row, res.Reason, res)
					}
					r.Path = "/other.jpg"
					if res := signedurl.Verify(r, keys, now, nil); res.Allowed() {
						t.Errorf("%s: another path was let in", row)
					}
				}
			}
		}
	}
}
