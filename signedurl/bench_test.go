package signedurl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

// eachRequest runs f for each combination of key, policy and carrier.
func eachRequest(b *testing.B, f func(b *testing.B, r *signedurl.Request, keys signedurl.Keys)) {
	keys := trusted(b)
	for _, name := range []string{"rsa2048", "p256"} {
		s := newSigner(b, testKeys(b)[name], signedurl.SHA1)
		for _, kind := range []string{"canned", "custom"} {
			p := until
			p.Resource = imageURL + "?v=1"
			if kind == "custom" {
				p.Resource = "https://d111111abcdef8.cloudfront.net/*"
			}
			url := request(b, sign(b, s, imageURL+"?v=1", p))
			cookies, err := s.Cookies(b.Context(), p, nil)
			if err != nil {
				b.Fatal(err)
			}
			byCookie := request(b, imageURL+"?v=1")
			byCookie.Cookies = []string{"session=0123456789abcdef; " + cookieHeader(cookies)}
			b.Run(name+"/"+kind+"/url", func(b *testing.B) { f(b, url, keys) })
			b.Run(name+"/"+kind+"/cookie", func(b *testing.B) { f(b, byCookie, keys) })
		}
	}
}

// BenchmarkVerifySeen is a Verifier on a request that it has verified before.
func BenchmarkVerifySeen(b *testing.B) {
	eachRequest(b, func(b *testing.B, r *signedurl.Request, keys signedurl.Keys) {
		v := signedurl.NewVerifier(0)
		v.Verify(r, keys, now, nil)
		b.ReportAllocs()
		for b.Loop() {
			if res := v.Verify(r, keys, now, nil); !res.Allowed() || !res.Remembered {
				b.Fatal(res.Reason)
			}
		}
	})
}

// BenchmarkVerifyUnseen is a request for the first time. overhead-ns/op is by how
// much it takes longer than the bare public-key operation that follows it at once,
// in the median of such pairs, so that both meet the same machine.
func BenchmarkVerifyUnseen(b *testing.B) {
	digest := sha1.Sum([]byte(cannedText(imageURL, expiry)))
	private := testKeys(b)
	eachRequest(b, func(b *testing.B, r *signedurl.Request, keys signedurl.Keys) {
		res := signedurl.Verify(r, keys, now, nil)
		key := private["rsa2048"].private
		if res.KeyID == ecdsaID {
			key = private["p256"].private
		}
		sig, _ := signedurl.DecodeCoded(rawSign(b, key, crypto.SHA1, cannedText(imageURL, expiry)))
		public := key.Public()
		var beyond overhead
		for b.Loop() {
			start := time.Now()
			if res := signedurl.Verify(r, keys, now, nil); !res.Allowed() {
				b.Fatal(res.Reason)
			}
			between := time.Now()
			if !bareVerify(public, digest[:], sig) {
				b.Fatal("wrong signature")
			}
			beyond.add(between.Sub(start), time.Since(between))
		}
		beyond.report(b)
	})
}

// overhead collects by how much one of two operations takes longer.
type overhead struct{ longer, bare []time.Duration }

func (o *overhead) add(whole, bare time.Duration) {
	o.longer, o.bare = append(o.longer, whole-bare), append(o.bare, bare)
}

func (o *overhead) report(b *testing.B) {
	slices.Sort(o.longer)
	slices.Sort(o.bare)
	longer, bare := o.longer[len(o.longer)/2], o.bare[len(o.bare)/2]
	b.ReportMetric(float64(longer), "overhead-ns/op")
	b.ReportMetric(100*float64(longer)/float64(bare), "overhead-%")
}

func bareVerify(public crypto.PublicKey, digest, sig []byte) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA1, digest, sig) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, sig)
	}
	return false
}

// BenchmarkVerifyParallel is BenchmarkVerifySeen from all processors at once.
func BenchmarkVerifyParallel(b *testing.B) {
	keys, s := trusted(b), newSigner(b, testKeys(b)["rsa2048"], signedurl.SHA1)
	r := request(b, sign(b, s, imageURL, until))
	v := signedurl.NewVerifier(0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res := v.Verify(r, keys, now, nil); !res.Allowed() {
				b.Error(res.Reason)
			}
		}
	})
}

// BenchmarkVerifyUnsigned is what a request without signature costs.
func BenchmarkVerifyUnsigned(b *testing.B) {
	keys, v, r := trusted(b), signedurl.NewVerifier(0), request(b, imageURL+"?v=1")
	b.ReportAllocs()
	for b.Loop() {
		if res := v.Verify(r, keys, now, nil); res.Allowed() {
			b.Fatal("let in")
		}
	}
}

// BenchmarkPrimitive is the bare public-key and private-key operations.
func BenchmarkPrimitive(b *testing.B) {
	text := cannedText(imageURL+"?v=1", expiry)
	digest := sha1.Sum([]byte(text))
	for name, key := range testKeys(b) {
		sig, _ := signedurl.DecodeCoded(rawSign(b, key.private, crypto.SHA1, text))
		public := key.private.Public()
		b.Run(name+"/verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !bareVerify(public, digest[:], sig) {
					b.Fatal("wrong signature")
				}
			}
		})
		b.Run(name+"/sign", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.private.Sign(rand.Reader, digest[:], crypto.SHA1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSign is signing a URL, with its overhead over the bare private-key
// operation as in BenchmarkVerifyUnseen.
func BenchmarkSign(b *testing.B) {
	digest := sha1.Sum([]byte(cannedText(imageURL, expiry)))
	for name, key := range testKeys(b) {
		s := newSigner(b, key, signedurl.SHA1)
		b.Run(name, func(b *testing.B) {
			var beyond overhead
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := s.Sign(b.Context(), imageURL+"?v=1", until); err != nil {
					b.Fatal(err)
				}
				whole := time.Since(start)
				b.StopTimer()
				start = time.Now()
				if _, err := key.private.Sign(rand.Reader, digest[:], crypto.SHA1); err != nil {
					b.Fatal(err)
				}
				beyond.add(whole, time.Since(start))
				b.StartTimer()
			}
			beyond.report(b)
		})
	}
}
