package bucket_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// cpuTime is the processor time of this process until now.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratio runs do and what it is measured against in turns, and reports the processor
// time of both: what else the machine does meanwhile meets them alike.
func ratio(b *testing.B, against, do func() error) {
	var times [2]time.Duration
	for b.Loop() {
		for i, f := range []func() error{against, do} {
			before := cpuTime(b)
			if err := f(); err != nil {
				b.Fatal(err)
			}
			times[i] += cpuTime(b) - before
		}
	}
	b.ReportMetric(float64(times[0].Microseconds())/float64(b.N), "against-µs/op")
	b.ReportMetric(float64(times[1].Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(times[1])/float64(times[0]), "ratio")
}

// A PUT against what it cannot do without: the payload hash and the checksum that the
// client asked for, AES-256-GCM, and a plain file write. Both take the place of what
// they wrote before and survive a power loss at any point: so the plain write too goes
// to a new file, synced, renamed, and its folder synced. A GET against the read of a
// file and AES-256-GCM.
func BenchmarkRatio(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	for _, size := range sizes[1:] {
		content := pattern(size.n)
		sum := sha256.Sum256(content)
		w := diskWorld(b)
		w.bucket("films")
		folder := b.TempDir()
		name, unfinished := filepath.Join(folder, "plain"), filepath.Join(folder, "unfinished")
		put := func() error {
			_, err := w.Put(b.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: "k", Body: bytes.NewReader(content), SizeBytes: int64(size.n), Encryption: sseKMS,
				Digests: bucket.DeclaredDigests{PayloadSHA256: sum[:], Algorithm: bucket.CRC32},
			})
			return err
		}
		b.Run("PUT/"+size.name, func(b *testing.B) {
			out := make([]byte, 0, sealed.ChunkBytes+16)
			if err := put(); err != nil { // the first one makes folders
				b.Fatal(err)
			}
			ratio(b, func() error {
				f, err := os.Create(unfinished)
				if err != nil {
					return err
				}
				defer f.Close()
				hash, checksum := sha256.New(), crc32.NewIEEE()
				for rest := content; len(rest) > 0; rest = rest[min(len(rest), sealed.ChunkBytes):] {
					chunk := rest[:min(len(rest), sealed.ChunkBytes)]
					hash.Write(chunk)
					checksum.Write(chunk)
					if _, err := f.Write(gcm.Seal(out, nonce, chunk, nil)); err != nil {
						return err
					}
				}
				hash.Sum(nil)
				if err := f.Sync(); err != nil {
					return err
				}
				if err := os.Rename(unfinished, name); err != nil {
					return err
				}
				d, err := os.Open(folder)
				if err != nil {
					return err
				}
				defer d.Close()
				return d.Sync()
			}, put)
		})
		b.Run("GET/"+size.name, func(b *testing.B) {
			if err := put(); err != nil {
				b.Fatal(err)
			}
			chunk := gcm.Seal(nil, nonce, content[:sealed.ChunkBytes], nil)
			if err := os.WriteFile(name, bytes.Repeat(chunk, size.n/sealed.ChunkBytes), 0o600); err != nil {
				b.Fatal(err)
			}
			ratio(b, func() error {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				for range size.n / sealed.ChunkBytes {
					if _, err := io.ReadFull(f, chunk); err != nil {
						return err
					}
					if _, err := gcm.Open(chunk[:0], nonce, chunk, nil); err != nil {
						return err
					}
				}
				return nil
			}, func() error {
				o, err := w.Get(b.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"})
				if err != nil {
					return err
				}
				defer o.Close()
				_, err = io.Copy(io.Discard, o)
				return err
			})
		})
	}
}
