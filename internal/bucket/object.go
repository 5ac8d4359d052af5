package bucket

import (
	"time"
)

// NullVersion is the version id of what is written while a bucket does not keep
// versions.
const NullVersion = "null"

// Info describes one object.
type Info struct {
	Bucket, Key string
	// VersionID is empty in a bucket that never kept versions.
	VersionID string
	SizeBytes int64
	// ETag has no quotes. It is the MD5 of the content only where Amazon S3
	// promises that: one PUT under SSE-S3.
	ETag     string
	Modified time.Time // whole milliseconds, UTC

	Metadata   Metadata
	Checksum   Checksum
	Encryption Encryption
	// Parts is the number of parts of a multipart object, else 0.
	Parts int
	Tags  []Pair
}

// Metadata is what a client keeps with an object and gets back as it was.
// Empty fields were not given.
type Metadata struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string

	// User is the user's own metadata. Names are lower case and ascend.
	User []Pair
}

// Pair is a name and its value.
type Pair struct{ Name, Value string }

func (m *Metadata) check() error {
	n := 0
	for _, p := range m.User {
		n += len(p.Name) + len(p.Value)
	}
	if n > MaxMetadataBytes {
		return ErrMetadataTooLarge
	}
	return nil
}

// Algorithm is a form of server-side encryption, as its header names it.
type Algorithm string

const (
	// S3Managed is SSE-S3: the data key is wrapped by the server's own vault.
	S3Managed Algorithm = "AES256"
	// KMSManaged is SSE-KMS: the data key is wrapped by a key of the key service.
	KMSManaged Algorithm = "aws:kms"
)

// Encryption is how an object is, or is to be, encrypted.
type Encryption struct {
	Algorithm Algorithm
	// KeyARN names the key under KMSManaged. In a wish it may be any reference
	// that the key service knows, or empty for the managed key alias/aws/s3.
	KeyARN string
	// Context is the client's own encryption context, without the pair that
	// this package adds.
	Context map[string]string
	// BucketKey binds the data key to the bucket's ARN in place of the object's.
	BucketKey bool
}

// EncryptionWish is how a writer wants an object encrypted. The zero value takes
// the bucket's default.
type EncryptionWish struct {
	Algorithm Algorithm
	Key       string
	Context   map[string]string
	// BucketKey overrides the bucket's setting when it is not nil.
	BucketKey *bool
}
