package signedurl_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

func TestVerifierForgetsNothingAboutKeys(t *testing.T) {
	signer := newSigner(t, testKeys(t)["rsa2048"], signedurl.SHA1)
	canned := request(t, sign(t, signer, imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	custom := request(t, sign(t, signer, imageURL, signedurl.Policy{Resource: "*", Expires: time.Unix(expiry, 0)}))
	key := publicKey(t, "rsa2048.pub.pem")

	for name, r := range map[string]*signedurl.Request{"canned": canned, "custom": custom} {
		v := signedurl.NewVerifier(0)
		for i, want := range []bool{false, true} {
			res := v.Verify(r, signedurl.KeySet{rsaID: key}, now, nil)
			if !res.Allowed() || res.Remembered != want {
				t.Fatalf("%s, request %d: %v, Remembered %v, want allowed and %v", name, i, res.Reason, res.Remembered, want)
			}
		}
		res := v.Verify(r, signedurl.KeySet{}, now, nil)
		if got, want := verdictOf(res), (verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}); got != want {
			t.Errorf("%s, key removed: %v, want %v", name, got, want)
		}
		res = v.Verify(r, signedurl.KeySet{rsaID: publicKey(t, "rsa2048-other.pub.pem")}, now, nil)
		if got, want := verdictOf(res), (verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}); got != want {
			t.Errorf("%s, another key under the same id: %v, want %v", name, got, want)
		}
		// The same material, read again, is the same key.
		res = v.Verify(r, signedurl.KeySet{rsaID: publicKey(t, "rsa2048.pub.pem")}, now, nil)
		if !res.Allowed() || !res.Remembered {
			t.Errorf("%s, same key read again: %v, Remembered %v", name, res.Reason, res.Remembered)
		}
		res = v.Verify(r, signedurl.KeySet{rsaID: key}, now, &signedurl.Options{RefuseSHA1: true})
		if res.Reason.Cause != signedurl.CauseRefusedHash {
			t.Errorf("%s, SHA-1 switched off: %v, want %s", name, res.Reason, signedurl.CauseRefusedHash)
		}
		res = v.Verify(r, signedurl.KeySet{rsaID: key}, time.Unix(expiry, 0), nil)
		if res.Reason.Cause != signedurl.CauseExpired {
			t.Errorf("%s, expired while remembered: %v", name, res.Reason)
		}
	}
}

// TestVerifierRemembersOnlyTheGood also covers spellings that would let one
// viewer fill the memory.
func TestVerifierRemembersOnlyTheGood(t *testing.T) {
	keys, signer := trusted(t), newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	signed := sign(t, signer, imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)})
	v := signedurl.NewVerifier(0)
	for _, url := range []string{
		imageURL,
		strings.Replace(signed, "Signature=", "Signature=AAAA", 1),
		strings.Replace(signed, "image.jpg", "other.jpg", 1),
	} {
		if res := v.Verify(request(t, url), keys, now, nil); res.Allowed() {
			t.Errorf("%s was let in", url)
		}
	}
	respelled := strings.Replace(signed, "Signature=M", "Signature=%4D", 1) // DER begins with 0x30: "M"
	if res := v.Verify(request(t, respelled), keys, now, nil); !res.Allowed() {
		t.Errorf("%s: %v", respelled, res.Reason)
	}
	if n := v.Len(); n != 0 {
		t.Errorf("a Verifier remembers %d signatures, want none", n)
	}
	long := sign(t, signer, imageURL+"?q="+strings.Repeat("x", 5000), signedurl.Policy{Expires: time.Unix(expiry, 0)})
	for range 2 {
		if res := v.Verify(request(t, long), keys, now, nil); !res.Allowed() || res.Remembered {
			t.Errorf("a long URL: %v, Remembered %v, want allowed and not remembered", res.Reason, res.Remembered)
		}
	}
}

// TestVerifierKeepsRequestsApart asks with fields shifted into each other.
func TestVerifierKeepsRequestsApart(t *testing.T) {
	keys, signer := trusted(t), newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	r := request(t, sign(t, signer, imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	v := signedurl.NewVerifier(0)
	if res := v.Verify(r, keys, now, nil); !res.Allowed() {
		t.Fatal(res.Reason)
	}
	const shifted = `","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}`
	for _, path := range []string{"/image.jp", "/image.jpg" + shifted, "/image.jpgh", "//image.jpg"} {
		other := *r
		other.Path = path
		if res := v.Verify(&other, keys, now, nil); res.Allowed() {
			t.Errorf("path %q was let in", path)
		}
	}
}

// TestVerifierAllocations holds the hot path of the edge to no allocation at all.
func TestVerifierAllocations(t *testing.T) {
	keys, signer := trusted(t), newSigner(t, testKeys(t)["rsa2048"], signedurl.SHA1)
	for name, resource := range map[string]string{"canned": "", "custom": "https://*/image*"} {
		p := signedurl.Policy{Resource: resource, Expires: time.Unix(expiry, 0)}
		r := request(t, sign(t, signer, imageURL+"?a=b", p))
		v := signedurl.NewVerifier(0)
		v.Verify(r, keys, now, nil)
		if n := testing.AllocsPerRun(100, func() { v.Verify(r, keys, now, nil) }); n != 0 {
			t.Errorf("%s: %v allocations for a request seen before, want none", name, n)
		}
	}
}

func TestVerifierIsBounded(t *testing.T) {
	keys, signer := trusted(t), newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	verify := func(v *signedurl.Verifier, i int) signedurl.Result {
		url := fmt.Sprintf("https://d111111abcdef8.cloudfront.net/%d", i)
		return v.Verify(request(t, sign(t, signer, url, signedurl.Policy{Expires: time.Unix(expiry, 0)})), keys, now, nil)
	}
	for _, bound := range []int{2, 3, 100} {
		v := signedurl.NewVerifier(bound)
		for i := range 3 * bound {
			if res := verify(v, i); !res.Allowed() {
				t.Fatal(res.Reason)
			}
		}
		if n := v.Len(); n > bound || n == 0 {
			t.Errorf("%d entries remembered, want 1 to %d", n, bound)
		}
	}

	// What is asked for again and again stays, whatever passes by.
	v := signedurl.NewVerifier(100)
	favourite := request(t, sign(t, signer, imageURL, signedurl.Policy{Expires: time.Unix(expiry, 0)}))
	for i := range 300 {
		if res := v.Verify(favourite, keys, now, nil); i > 0 && !res.Remembered {
			t.Fatalf("after %d others, the favourite is forgotten", i)
		}
		verify(v, i)
	}
}

func TestVerifierConcurrently(t *testing.T) {
	keys, signer := trusted(t), newSigner(t, testKeys(t)["p256"], signedurl.SHA1)
	var good, bad []*signedurl.Request
	for i := range 20 {
		url := fmt.Sprintf("https://d111111abcdef8.cloudfront.net/%d", i)
		signed := sign(t, signer, url, signedurl.Policy{Expires: time.Unix(expiry, 0)})
		good = append(good, request(t, signed))
		bad = append(bad, request(t, strings.Replace(signed, "/"+fmt.Sprint(i)+"?", "/x?", 1)))
	}
	v := signedurl.NewVerifier(16)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				if res := v.Verify(good[i%len(good)], keys, now, nil); !res.Allowed() {
					t.Errorf("good request: %v", res.Reason)
				}
				if res := v.Verify(bad[i%len(bad)], keys, now, nil); res.Allowed() {
					t.Error("bad request was let in")
				}
			}
		})
	}
	wg.Wait()
}
