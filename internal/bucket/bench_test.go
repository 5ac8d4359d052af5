package bucket_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

var sizes = []struct {
	name string
	n    int
}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}, {"64MiB", 64 << 20}}

func BenchmarkPut(b *testing.B) {
	for _, wish := range []bucket.EncryptionWish{sseS3, sseKMS} {
		for _, size := range sizes {
			b.Run(string(wish.Algorithm)+"/"+size.name, func(b *testing.B) {
				w := memoryWorld(b)
				w.bucket("films")
				content := pattern(size.n)
				b.SetBytes(int64(size.n))
				b.ReportAllocs()
				for b.Loop() {
					_, err := w.Put(b.Context(), w.root(), bucket.Put{
						Bucket: "films", Key: "k", Body: bytes.NewReader(content), SizeBytes: int64(size.n), Encryption: wish,
						Digests: bucket.DeclaredDigests{Algorithm: bucket.CRC32},
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			w := memoryWorld(b)
			w.bucket("films")
			w.put("films", "k", pattern(size.n), sseS3)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				o, err := w.Get(b.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, o); err != nil {
					b.Fatal(err)
				}
				o.Close()
			}
		})
	}
}

// One byte out of 64 MiB.
func BenchmarkGetRange(b *testing.B) {
	w := memoryWorld(b)
	w.bucket("films")
	w.put("films", "k", pattern(64<<20), sseS3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.read("films", "k", &bucket.Range{First: 30 << 20, Last: 30 << 20}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	w := memoryWorld(b)
	w.bucket("films")
	for i := range 10_000 {
		w.put("films", fmt.Sprintf("flat/%06d", i), nil, sseS3)
		w.put("films", fmt.Sprintf("deep/%03d/%03d", i/10, i%10), nil, sseS3)
	}
	for _, in := range []bucket.List{
		{Bucket: "films", Prefix: "flat/", Max: 1000},
		{Bucket: "films", Prefix: "deep/", Delimiter: "/", Max: 1000},
	} {
		b.Run(fmt.Sprintf("1000/delimiter=%q", in.Delimiter), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := w.List(b.Context(), w.root(), in)
				if err != nil || len(page.Objects)+len(page.Prefixes) != 1000 {
					b.Fatal(len(page.Objects), len(page.Prefixes), err)
				}
			}
		})
	}
}
