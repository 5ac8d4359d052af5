package storetest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// BenchmarkRecords measures s, which is empty: small Updates by one writer and by
// several at once, and Views of values of 200 bytes and of 4 KiB.
func BenchmarkRecords(b *testing.B, s store.Records) {
	value := make([]byte, 200)
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("Update/writers=%d", writers), func(b *testing.B) {
			var n atomic.Int64
			benchmarkParallel(b, writers, func() error {
				key := fmt.Sprintf("%d/%08d", writers, n.Add(1))
				return s.Update(b.Context(), func(tx store.Writer) error {
					return tx.Put("bench", key, value)
				})
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}

	const records = 10_000
	large := noise(4 << 10)
	for begin := 0; begin < records; begin += 1000 {
		err := s.Update(b.Context(), func(tx store.Writer) error {
			for i := range 1000 {
				key := fmt.Sprintf("%08d", begin+i)
				if err := errors.Join(tx.Put("small", key, value), tx.Put("large", key, large)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, space := range []store.Space{"small", "large"} {
		b.Run("View/Get/"+string(space), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				err := s.View(b.Context(), func(tx store.Reader) error {
					_, err := tx.Get(space, fmt.Sprintf("%08d", i*7919%records))
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("View/Scan1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			err := s.View(b.Context(), func(tx store.Reader) error {
				for _, err := range tx.Scan("small", store.Range{From: "00004000", To: "00005000"}) {
					if err != nil {
						return err
					}
					n++
				}
				return nil
			})
			if n != 1000 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

// BenchmarkBlobs measures s, which is empty: small and large blobs, written by one
// and by several at once, and reads.
func BenchmarkBlobs(b *testing.B, s store.Blobs) {
	var n atomic.Int64
	for _, bench := range []struct{ sizeBytes, writers int }{{4 << 10, 1}, {4 << 10, 16}, {8 << 20, 1}} {
		content := noise(bench.sizeBytes)
		b.Run(fmt.Sprintf("Put/bytes=%d/writers=%d", bench.sizeBytes, bench.writers), func(b *testing.B) {
			b.SetBytes(int64(bench.sizeBytes))
			benchmarkParallel(b, bench.writers, func() error {
				return tryPutBlob(b.Context(), s, fmt.Sprintf("bench/%08x", n.Add(1)), content)
			})
		})
	}
	const sizeBytes = 1 << 20
	if err := tryPutBlob(b.Context(), s, "read", noise(sizeBytes)); err != nil {
		b.Fatal(err)
	}
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			blob, err := s.Open(b.Context(), "read")
			if err != nil {
				b.Fatal(err)
			}
			blob.Close()
		}
	})
	b.Run("ReadAt64KiB", func(b *testing.B) {
		blob, err := s.Open(b.Context(), "read")
		if err != nil {
			b.Fatal(err)
		}
		defer blob.Close()
		p := make([]byte, 64<<10)
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := blob.ReadAt(p, int64(i*len(p)%sizeBytes)); err != nil && err != io.EOF {
				b.Fatal(err)
			}
		}
	})
}

// benchmarkParallel calls fn b.N times from so many goroutines.
func benchmarkParallel(b *testing.B, goroutines int, fn func() error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	for range goroutines {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}
