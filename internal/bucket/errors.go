package bucket

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

// The kinds of refusal. Where S3 says more than one sentence under a code, the
// error is a *refusal.Error with the sentence; what the answer has to name is in the
// fields of the error types below.
var (
	// ErrInvalidName says that no bucket can have the name.
	ErrInvalidName = errors.New("bucket: invalid bucket name")
	// ErrInvalidKey says that no object can have the key: it is empty or not UTF-8.
	ErrInvalidKey = errors.New("bucket: invalid object key")
	// ErrNoBucket says that the bucket does not exist.
	ErrNoBucket = errors.New("bucket: no such bucket")
	// ErrBucketTaken says that another account owns a bucket of that name.
	ErrBucketTaken = errors.New("bucket: name is taken")
	// ErrBucketOwned says that the caller already owns a bucket of that name.
	ErrBucketOwned = errors.New("bucket: already owned by you")
	// ErrNotEmpty says that a bucket that is to go still holds objects.
	ErrNotEmpty = errors.New("bucket: not empty")
	// ErrVersionsLeft is ErrNotEmpty where versions or delete markers may be what is
	// left.
	ErrVersionsLeft = fmt.Errorf("%w: versions are left", ErrNotEmpty)
	// ErrNoKey says that the object does not exist. A caller that may not list
	// the bucket is denied instead.
	ErrNoKey = errors.New("bucket: no such key")
	// ErrReplaced says that another node replaced or deleted the object while it was
	// read. Reading again reads what is there now.
	ErrReplaced = errors.New("bucket: object replaced while it was read")
	// ErrNoVersion says that the object has no such version.
	ErrNoVersion = errors.New("bucket: no such version")
	// ErrInvalidVersion says that a version id is none of ours.
	ErrInvalidVersion = errors.New("bucket: invalid version id")
	// ErrNoUpload says that the upload does not exist, was completed or aborted.
	ErrNoUpload = errors.New("bucket: no such upload")
	// ErrPartNumber says that a part number is not 1 to MaxParts.
	ErrPartNumber = errors.New("bucket: invalid part number")
	// ErrNoParts says that a completion lists no part.
	ErrNoParts = errors.New("bucket: no parts")
	// ErrPartOrder says that the parts of a completion do not ascend.
	ErrPartOrder = errors.New("bucket: parts are not in ascending order")
	// ErrChecksumType says that a checksum is not of the upload's kind.
	ErrChecksumType = errors.New("bucket: wrong checksum")
	// ErrNoPolicy says that the bucket has no policy.
	ErrNoPolicy = errors.New("bucket: no bucket policy")
	// ErrMalformedPolicy says that a document is no bucket policy.
	ErrMalformedPolicy = errors.New("bucket: malformed policy")
	// ErrPolicyTooLarge says that a policy exceeds MaxPolicyBytes.
	ErrPolicyTooLarge = errors.New("bucket: policy too large")
	// ErrTooManyTags says that there are more than MaxTags or MaxBucketTags.
	ErrTooManyTags = errors.New("bucket: too many tags")
	// ErrNoTags says that the bucket has no tags.
	ErrNoTags = errors.New("bucket: no tags")
	// ErrNoPublicAccessBlock says that the bucket has none.
	ErrNoPublicAccessBlock = errors.New("bucket: no public access block")
	// ErrNoOwnership says that the bucket has no ownership controls.
	ErrNoOwnership = errors.New("bucket: no ownership controls")
	// ErrNoCORS says that the bucket has no CORS rules.
	ErrNoCORS = errors.New("bucket: no CORS rules")
	// ErrInvalidCORS says that CORS rules are not valid.
	ErrInvalidCORS = errors.New("bucket: invalid CORS rules")
	// ErrTooLarge says that an object or part exceeds the largest size.
	ErrTooLarge = errors.New("bucket: object too large")
	// ErrIncomplete says that the body ended before, or went on after, its
	// declared size.
	ErrIncomplete = errors.New("bucket: body is not of its declared size")
	// ErrMetadataTooLarge says that user metadata exceeds MaxMetadataBytes.
	ErrMetadataTooLarge = errors.New("bucket: metadata too large")
	// ErrEncryption says that the wanted encryption makes no sense.
	ErrEncryption = errors.New("bucket: invalid encryption")
	// ErrCustomerKey says that a request brings no customer's key where one is
	// needed, or one where none is.
	ErrCustomerKey = errors.New("bucket: customer's key")
	// ErrCustomerKeyWrong says that the customer's key is not the object's.
	ErrCustomerKeyWrong = errors.New("bucket: another customer's key")
	// ErrCustomerKeyBlocked says that the bucket takes no objects under SSE-C.
	ErrCustomerKeyBlocked = errors.New("bucket: SSE-C is blocked")
	// ErrUnsupported says that a setting is known and not implemented; the sentence
	// is the setting's name and value.
	ErrUnsupported = errors.New("bucket: not implemented")
	// ErrUnsignedKMS says that a request without a signature, or with one of
	// version 2, asked for an object under SSE-KMS.
	ErrUnsignedKMS = errors.New("bucket: SSE-KMS needs a request with Signature Version 4")
	// ErrBadToken says that a continuation token is not one of ours.
	ErrBadToken = errors.New("bucket: invalid continuation token")
	// ErrNotModified says that a conditional read found nothing new. What is
	// returned next to it describes the object.
	ErrNotModified = errors.New("bucket: not modified")
	// ErrCopyTooLarge says that the source of a copy exceeds MaxObjectBytes.
	ErrCopyTooLarge = errors.New("bucket: source of the copy is too large")
	// ErrCopyOfMarker says that a copy's source is a delete marker by its id.
	ErrCopyOfMarker = errors.New("bucket: source of the copy is a delete marker")
	// ErrUploadSize says that a completed upload has not the size that was declared.
	ErrUploadSize = errors.New("bucket: upload is of another size")
	// ErrCopyToItself says that a copy would change nothing.
	ErrCopyToItself = errors.New("bucket: copy onto itself changes nothing")
	// ErrCorrupt says that what is stored is not what was written: bytes were
	// changed, cut, swapped or removed. It says no more.
	ErrCorrupt = errors.New("bucket: stored object is damaged")
)

func fail(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// KeyTooLongError says that a key exceeds MaxKeyBytes.
type KeyTooLongError struct{ Bytes int }

func (e *KeyTooLongError) Error() string {
	return fmt.Sprintf("bucket: key has %d bytes, more than %d", e.Bytes, MaxKeyBytes)
}

// DeleteMarkerError says that the version to read is a delete marker. Unless it
// was asked for by its id, the error matches ErrNoKey.
type DeleteMarkerError struct {
	VersionID string
	Modified  time.Time
	Named     bool // asked for by its id
}

func (e *DeleteMarkerError) Error() string        { return "bucket: the version is a delete marker" }
func (e *DeleteMarkerError) Is(target error) bool { return target == ErrNoKey && !e.Named }

// PreconditionError says which condition of a request did not hold.
type PreconditionError struct{ Condition string }

func (e *PreconditionError) Error() string {
	return "bucket: precondition " + e.Condition + " does not hold"
}

// ConflictError says that a condition of a completion holds, and would not have at
// all times since the upload began: another write came between.
type ConflictError struct{ Condition string }

func (e *ConflictError) Error() string { return "bucket: conflicting write, " + e.Condition }

// InvalidPartError says which part of a completion is absent or another one.
type InvalidPartError struct {
	Number int
	ETag   string // as the completion has it, without quotes
}

func (e *InvalidPartError) Error() string { return fmt.Sprintf("bucket: no such part: %d", e.Number) }

// NoPartError says that an object of Parts parts has none of that number.
type NoPartError struct{ Number, Parts int }

func (e *NoPartError) Error() string {
	return fmt.Sprintf("bucket: object has no such part: %d", e.Number)
}

// TagError says what is wrong with which tag, in S3's words.
type TagError struct {
	Problem string
	Key     string
	Value   string // "" where the problem is not about it
}

func (e *TagError) Error() string { return "bucket: invalid tag: " + e.Problem }

// RangeError says that a range lies outside of an object.
type RangeError struct {
	Requested string
	SizeBytes int64
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("bucket: range is outside of the %d bytes", e.SizeBytes)
}

// SourceError says that it is the source of a copy that cannot be read.
type SourceError struct {
	Source Get
	Err    error
}

func (e *SourceError) Error() string { return "source of the copy: " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// CopyRangeError says that a part was to be copied from a range that its source
// does not have.
type CopyRangeError struct {
	Requested string
	SizeBytes int64 // of the source
	Outside   bool  // not even its first byte is the source's
}

func (e *CopyRangeError) Error() string {
	return fmt.Sprintf("bucket: range to copy is outside of the %d bytes", e.SizeBytes)
}

// What a DigestError may name besides a checksum algorithm.
const (
	DigestMD5     = "Content-MD5"
	DigestPayload = "x-amz-content-sha256"
)

// DigestError says that a body does not have the digest that was declared.
// What is DigestMD5, DigestPayload or the name of a checksum algorithm; the
// digests are of the body, and not secret.
type DigestError struct {
	What               string
	Part               int // of a completion; 0 for the body itself
	Declared, Computed []byte
}

func (e *DigestError) Error() string {
	return "bucket: the body does not have the declared " + e.What
}

// PartTooSmallError says that a part other than the last is below MinPartBytes.
type PartTooSmallError struct {
	Number    int
	SizeBytes int64
	ETag      string
}

func (e *PartTooSmallError) Error() string {
	return fmt.Sprintf("bucket: part %d has only %d bytes", e.Number, e.SizeBytes)
}

// KeyError is a refusal of the key service. It wraps that service's own error,
// among them access.ErrDenied.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }
