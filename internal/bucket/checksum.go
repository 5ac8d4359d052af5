package bucket

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"io"

	"github.com/minio/crc64nvme"
)

// ChecksumAlgorithm is one of the checksums that clients ask for. The numbers
// are stored.
type ChecksumAlgorithm byte

const (
	NoChecksum ChecksumAlgorithm = 0
	CRC32      ChecksumAlgorithm = 1
	CRC32C     ChecksumAlgorithm = 2
	CRC64NVME  ChecksumAlgorithm = 3
	SHA1       ChecksumAlgorithm = 4
	SHA256     ChecksumAlgorithm = 5
)

// Both are in the order of the numbers.
var (
	checksumNames = [...]string{"", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}
	checksumSizes = [...]int{0, 4, 4, 8, sha1.Size, sha256.Size}
)

// String is the name that S3 uses.
func (a ChecksumAlgorithm) String() string {
	if int(a) < len(checksumNames) {
		return checksumNames[a]
	}
	return "unknown"
}

// SizeBytes is the length of a value.
func (a ChecksumAlgorithm) SizeBytes() int {
	if int(a) < len(checksumSizes) {
		return checksumSizes[a]
	}
	return 0
}

// ParseChecksumAlgorithm reads the name that S3 uses, in upper case.
func ParseChecksumAlgorithm(name string) (ChecksumAlgorithm, bool) {
	for i, n := range checksumNames {
		if i > 0 && n == name {
			return ChecksumAlgorithm(i), true
		}
	}
	return NoChecksum, false
}

// ChecksumType says what a checksum was taken over. The numbers are stored.
type ChecksumType byte

const (
	// FullObject is the checksum of all bytes in order.
	FullObject ChecksumType = 1
	// Composite is the checksum of the checksums of all parts.
	Composite ChecksumType = 2
)

func (t ChecksumType) String() string {
	switch t {
	case FullObject:
		return "FULL_OBJECT"
	case Composite:
		return "COMPOSITE"
	default:
		return ""
	}
}

// Checksum is a checksum of an object's content.
type Checksum struct {
	Algorithm ChecksumAlgorithm
	Type      ChecksumType
	Value     []byte // big-endian for the CRCs
}

// polyNVME is the reflected form of the polynomial 0xad93d23594c93659.
//
// Source: Amazon S3 User Guide, "Checking object integrity"; NVM Express NVM
// Command Set Specification 1.0d, section 5.2.1.3.4.
const polyNVME = 0x9a6c9329ac4bc9b5

var tableCastagnoli = crc32.MakeTable(crc32.Castagnoli)

func (a ChecksumAlgorithm) newHash() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(tableCastagnoli)
	case CRC64NVME:
		return crc64nvme.New() // hash/crc64 takes 30 times as long
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	default:
		return nil
	}
}

// DeclaredDigests is what a client says about the body that it sends. Nothing
// becomes visible before all of it has been verified.
type DeclaredDigests struct {
	MD5           []byte // 16 bytes, nil if not declared
	PayloadSHA256 []byte // 32 bytes, nil if not signed

	Algorithm ChecksumAlgorithm
	// Value yields the checksum; it is called after the body ended, since it
	// may stand in a trailer. With nil it is computed and not compared.
	Value func() ([]byte, error)
}

// Verify compares everything that was declared with body, for bodies that are
// read whole. It returns a *DigestError, or what Value returned.
func (d DeclaredDigests) Verify(body []byte) error {
	sums := newDigests(d, false)
	sums.Write(body)
	_, err := sums.finish()
	return err
}

// digests hashes a body once per algorithm, however many ask for it.
type digests struct {
	declared DeclaredDigests
	md5      hash.Hash
	sha256   hash.Hash
	check    hash.Hash // may be sha256
	extra    hash.Hash // CRC64NVME besides another checksum, see withCRC64
	writers  []io.Writer
}

func newDigests(declared DeclaredDigests, wantMD5 bool) *digests {
	if declared.Algorithm == NoChecksum {
		declared.Algorithm, declared.Value = CRC64NVME, nil
	}
	d := &digests{declared: declared}
	if wantMD5 || declared.MD5 != nil {
		d.md5 = md5.New()
		d.writers = append(d.writers, d.md5)
	}
	if declared.PayloadSHA256 != nil || declared.Algorithm == SHA256 {
		d.sha256 = sha256.New()
		d.writers = append(d.writers, d.sha256)
	}
	if declared.Algorithm == SHA256 {
		d.check = d.sha256
	} else {
		d.check = declared.Algorithm.newHash()
		d.writers = append(d.writers, d.check)
	}
	return d
}

// withCRC64 computes a CRC64NVME whatever the client declared.
func (d *digests) withCRC64() {
	if d.extra = d.check; d.declared.Algorithm != CRC64NVME {
		d.extra = CRC64NVME.newHash()
		d.writers = append(d.writers, d.extra)
	}
}

func (d *digests) Write(p []byte) (int, error) {
	for _, w := range d.writers {
		w.Write(p) // a hash never fails
	}
	return len(p), nil
}

// finish compares everything that was declared and returns the checksum.
func (d *digests) finish() (Checksum, error) {
	if want := d.declared.PayloadSHA256; want != nil {
		if got := d.sha256.Sum(nil); !bytes.Equal(got, want) {
			return Checksum{}, &DigestError{What: DigestPayload, Declared: want, Computed: got}
		}
	}
	if want := d.declared.MD5; want != nil {
		if got := d.md5.Sum(nil); !bytes.Equal(got, want) {
			return Checksum{}, &DigestError{What: DigestMD5, Declared: want, Computed: got}
		}
	}
	sum := Checksum{Algorithm: d.declared.Algorithm, Type: FullObject, Value: d.check.Sum(nil)}
	if d.declared.Value != nil {
		want, err := d.declared.Value()
		if err != nil {
			return Checksum{}, err
		}
		if !bytes.Equal(sum.Value, want) {
			return Checksum{}, &DigestError{What: sum.Algorithm.String(), Declared: want, Computed: sum.Value}
		}
	}
	return sum, nil
}
