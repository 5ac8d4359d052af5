package keyring_test

import (
	"runtime"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

func BenchmarkRing(b *testing.B) {
	w := newWorld(b)
	w.gate = access.NewGate(access.Config{Identities: w.policies, Record: forget{}})
	r := w.open()
	key := create(b, r, keyring.Symmetric, "")
	bind := map[string]string{"aws:s3:arn": "arn:aws:s3:::bucket/key"}
	use := keyring.Use{Key: key.ARN, Context: bind}
	who := root()
	plaintext := make([]byte, 32)
	blob := must[keyring.Encrypted](b)(r.Encrypt(b.Context(), who, use, plaintext)).Blob
	p256 := keyring.Use{Key: create(b, r, keyring.P256, keyring.SignVerify).ARN, Algorithm: keyring.AlgECDSASHA256}
	bench := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	bench("Encrypt", func() error { return second(r.Encrypt(b.Context(), who, use, plaintext)) })
	bench("Decrypt", func() error { return second(r.Decrypt(b.Context(), who, keyring.Use{Context: bind}, blob)) })
	bench("GenerateDataKey", func() error { return second(r.GenerateDataKey(b.Context(), who, use, 32)) })
	bench("Describe", func() error { return second(r.Describe(b.Context(), who, keyring.Use{Key: key.ARN})) })
	bench("SignP256", func() error { return second(r.Sign(b.Context(), who, p256, keyring.Raw, plaintext)) })
}

// What a start costs, for a store of 10,000 keys, and what each key then is to the
// collector: the bytes it holds, and the pieces that every round looks at.
func BenchmarkOpen(b *testing.B) {
	const keys = 10_000
	w := newWorld(b)
	w.gate = access.NewGate(access.Config{Identities: w.policies, Record: forget{}})
	r := w.open()
	for range keys {
		create(b, r, keyring.Symmetric, "")
	}
	b.ReportAllocs()
	for b.Loop() {
		w.open()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/keys, "ns/key")
	b.ReportMetric(0, "ns/op")

	before := heap()
	opened := w.open()
	after := heap()
	runtime.KeepAlive(opened)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "held-B/key")
	b.ReportMetric(float64(after.HeapObjects-before.HeapObjects)/keys, "held-objects/key")
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
