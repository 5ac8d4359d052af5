package sigv4_test

import (
	"net/http"
	"testing"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// The front door's work for one KMS call: parse, find the derived key, verify.
func BenchmarkVerifyKMS(b *testing.B) {
	r, body := signedKMS(b, now)
	keys := sigv4.NewSigningKeys(1000)
	keys.Put(kmsScope, 1, kmsSigner.Key)
	b.ReportAllocs()
	for b.Loop() {
		a, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		key, ok := keys.Get(a.Scope, 1)
		if !ok {
			b.Fatal("no key")
		}
		if _, err := a.Verify(r, body, key, now, kms); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyPresignedS3(b *testing.B) {
	r := presignedS3(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		a, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Verify(r, nil, s3Signer.Key, now, s3); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	r, err := http.NewRequest("GET", "http://bucket.s3.localhost/a/b/c.mp4", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s3Signer.Sign(r, sigv4.UnsignedPayload, now); err != nil {
			b.Fatal(err)
		}
	}
}

// A call by Signature Version 4A, whose public key is kept.
func BenchmarkVerifyAsymmetric(b *testing.B) {
	r, keys := vanilla(), sigv4.NewSigningKeys(1000)
	scope := sigv4.Scope{AccessKeyID: "AKIDEXAMPLE", Date: "20150830", Service: "service"}
	keys.Put(scope, 1, sigv4.DeriveKey([]byte(suiteSecret), scope))
	b.ReportAllocs()
	for b.Loop() {
		a, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		key, ok := keys.Get(a.Scope, 1)
		if !ok {
			b.Fatal("no key")
		}
		if _, err := a.Verify(r, nil, key, suiteTime, asymmetric); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeriveAsymmetricKey(b *testing.B) {
	scope := sigv4.Scope{AccessKeyID: "AKIDEXAMPLE"}
	b.ReportAllocs()
	for b.Loop() {
		sigv4.DeriveKey([]byte(suiteSecret), scope)
	}
}

func BenchmarkDeriveKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sigv4.DeriveKey([]byte(docSecret), kmsScope)
	}
}
