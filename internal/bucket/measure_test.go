package bucket_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

// diskWorld is a world on the engines of one machine.
func diskWorld(t testing.TB) *world {
	t.Helper()
	folder, err := store.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	records, err := sqlite.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	blobs, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	return newWorld(t, records, blobs)
}

// What issue 4 measures, against the cryptography alone, in one run.
func BenchmarkAgainstCryptography(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range sizes[1:] {
		content := pattern(size.n)
		run := func(name string, do func() error) {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				b.SetBytes(int64(size.n))
				b.ReportAllocs()
				for b.Loop() {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		out := make([]byte, 0, sealed.ChunkBytes+16)
		run("AES-256-GCM", func() error {
			for rest := content; len(rest) > 0; rest = rest[min(len(rest), sealed.ChunkBytes):] {
				gcm.Seal(out, make([]byte, 12), rest[:min(len(rest), sealed.ChunkBytes)], nil)
			}
			return nil
		})
		run("SHA-256", func() error { sha256.Sum256(content); return nil })
		w := diskWorld(b)
		w.bucket("films")
		sum := sha256.Sum256(content)
		run("PUT SSE-KMS", func() error {
			_, err := w.Put(b.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: "k", Body: bytes.NewReader(content), SizeBytes: int64(size.n), Encryption: sseKMS,
				Digests: bucket.DeclaredDigests{PayloadSHA256: sum[:], Algorithm: bucket.CRC32},
			})
			return err
		})
		run("GET SSE-KMS", func() error {
			o, err := w.Get(b.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"})
			if err != nil {
				return err
			}
			defer o.Close()
			_, err = io.Copy(io.Discard, o)
			return err
		})
	}
}

// Small writes share commits: puts of 16 writers beside those of one, in turns, since
// how long a sync takes changes from second to second.
func BenchmarkSmallPuts(b *testing.B) {
	const writers, puts = 16, 32 // of each
	w := diskWorld(b)
	w.bucket("films")
	content := pattern(4 << 10)
	var n atomic.Int64
	run := func(writers int) time.Duration {
		begun := time.Now()
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				for range puts {
					w.put("films", fmt.Sprintf("k%d", n.Add(1)), content, sseS3)
				}
			})
		}
		group.Wait()
		return time.Since(begun)
	}
	var one, many time.Duration
	for b.Loop() {
		one += run(1)
		many += run(writers)
	}
	b.ReportMetric(float64(one.Microseconds())/float64(b.N*puts), "one-µs/put")
	b.ReportMetric(float64(many.Microseconds())/float64(b.N*puts*writers), "many-µs/put")
	b.ReportMetric(float64(one)*writers/float64(many), "ratio")
}
