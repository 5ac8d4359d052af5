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
	// Redirect is the x-amz-website-redirect-location: kept and returned, and
	// never copied along.
	Redirect string

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
