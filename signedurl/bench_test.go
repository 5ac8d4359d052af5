package signedurl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"testing"

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

// BenchmarkVerifyUnseen is a request for the first time. Compare with BenchmarkPrimitive.
func BenchmarkVerifyUnseen(b *testing.B) {
	eachRequest(b, func(b *testing.B, r *signedurl.Request, keys signedurl.Keys) {
		b.ReportAllocs()
		for b.Loop() {
			if res := signedurl.Verify(r, keys, now, nil); !res.Allowed() {
				b.Fatal(res.Reason)
			}
		}
	})
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
		b.Run(name+"/verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ok := false
				switch pub := key.private.Public().(type) {
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(pub, crypto.SHA1, digest[:], sig) == nil
				case *ecdsa.PublicKey:
					ok = ecdsa.VerifyASN1(pub, digest[:], sig)
				}
				if !ok {
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

// BenchmarkSign is signing a URL. Compare with BenchmarkPrimitive.
func BenchmarkSign(b *testing.B) {
	for name, key := range testKeys(b) {
		s := newSigner(b, key, signedurl.SHA1)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(b.Context(), imageURL+"?v=1", until); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
