package sealedfile_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/sealedfile"
)

// BenchmarkFile seals and opens a file of 256 MiB from disk to disk, synced, beside
// the least that can be done: the same reads, AES-256-GCM under one key, the same
// writes and the same sync. It reports how much of that speed is left.
func BenchmarkFile(b *testing.B) {
	const size = 256 << 20
	dir := b.TempDir()
	plain, out, sealedName := filepath.Join(dir, "plain"), filepath.Join(dir, "out"), filepath.Join(dir, "sealed")
	if err := os.WriteFile(plain, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	w := ways(b, newKeyService(b))["p256"]
	into := func(b *testing.B, name, from string, do func(dst io.Writer, src *os.File) error) {
		b.Helper()
		src, err := os.Open(from)
		if err != nil {
			b.Fatal(err)
		}
		defer src.Close()
		dst, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		defer dst.Close()
		if err := do(dst, src); err != nil {
			b.Fatal(err)
		}
		if err := dst.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	sealIt := func(dst io.Writer, src *os.File) error { return sealedfile.Seal(b.Context(), dst, src, w.to) }
	openIt := func(dst io.Writer, src *os.File) error {
		info, err := src.Stat()
		if err != nil {
			return err
		}
		return sealedfile.Open(b.Context(), dst, src, info.Size(), w.by)
	}
	bare := func(dst io.Writer, src *os.File) error {
		gcm, nonce, buf := specGCM(make([]byte, 32)), make([]byte, 12), make([]byte, sealed.ChunkBytes+16)
		for {
			n, err := io.ReadFull(src, buf[:sealed.ChunkBytes])
			if n == 0 {
				return nil
			}
			if err != nil && err != io.ErrUnexpectedEOF {
				return err
			}
			if _, err := dst.Write(gcm.Seal(buf[:0], nonce, buf[:n], nil)); err != nil {
				return err
			}
		}
	}
	into(b, sealedName, plain, sealIt)
	for _, work := range []struct {
		name, from string
		do         func(io.Writer, *os.File) error
	}{{"seal", plain, sealIt}, {"open", sealedName, openIt}} {
		b.Run(work.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			// The two take turns, since the disk's speed moves from second to second.
			var least time.Duration
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				into(b, out, plain, bare)
				least += time.Since(start)
				b.StartTimer()
				into(b, out, work.from, work.do)
			}
			b.ReportMetric(100*least.Seconds()/b.Elapsed().Seconds(), "%-of-gcm-and-disk")
		})
	}
}
