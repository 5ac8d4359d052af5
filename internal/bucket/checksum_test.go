package bucket_test

import (
	"hash/crc64"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// TestCRC64NVME compares with the standard library, whose code knows no blocks: at
// lengths around those that are taken at once, and at every alignment.
func TestCRC64NVME(t *testing.T) {
	content := pattern(3 << 10)
	for n := range 1100 {
		for _, body := range [][]byte{content[:n], content[n%64 : n%64+n], content[len(content)-n:]} {
			err := bucket.DeclaredDigests{Algorithm: bucket.CRC64NVME, Value: func() ([]byte, error) {
				return be(crc64.Checksum(body, nvme), 8), nil
			}}.Verify(body)
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
	}
}

// Every PUT whose client declares no checksum is given a CRC64NVME.
func BenchmarkChecksum(b *testing.B) {
	for _, algorithm := range []bucket.ChecksumAlgorithm{bucket.CRC32, bucket.CRC32C, bucket.CRC64NVME, bucket.SHA1, bucket.SHA256} {
		b.Run(algorithm.String(), func(b *testing.B) {
			content := pattern(1 << 20)
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if err := (bucket.DeclaredDigests{Algorithm: algorithm}).Verify(content); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
