package trail

import (
	"errors"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

var (
	// ErrTimeRange says that a range of times ends before it begins.
	ErrTimeRange = errors.New("trail: invalid time range")
	// ErrMaxResults says that a page is to have no events, or too many.
	ErrMaxResults = errors.New("trail: invalid number of results")
	// ErrNextToken says that a token is none of ours, or of another question.
	ErrNextToken = errors.New("trail: invalid next token")
	// ErrLookupAttributes says that an attribute is none that can be looked up,
	// or that there is more than one.
	ErrLookupAttributes = errors.New("trail: invalid lookup attributes")

	// ErrNotFound says that there is no such trail.
	ErrNotFound = errors.New("trail: no such trail")
	// ErrExists says that there is a trail of that name.
	ErrExists = errors.New("trail: trail exists")
	// ErrName says that no trail can have the name.
	ErrName = errors.New("trail: invalid trail name")
	// ErrARN says that an ARN names no trail.
	ErrARN = errors.New("trail: invalid trail ARN")
	// ErrLimit says that a region has as many trails as it may.
	ErrLimit = errors.New("trail: too many trails")
	// ErrHomeRegion says that a trail is to be changed where it was not made.
	ErrHomeRegion = errors.New("trail: not the trail's home region")
	// ErrNoBucket says that the bucket does not exist.
	ErrNoBucket = errors.New("trail: no such bucket")
	// ErrBucketName says that no bucket can have the name.
	ErrBucketName = errors.New("trail: invalid bucket name")
	// ErrBucketPolicy says that the bucket's policy does not let CloudTrail write.
	ErrBucketPolicy = errors.New("trail: insufficient bucket policy")
	// ErrPrefix says that no key can begin with the prefix.
	ErrPrefix = errors.New("trail: invalid key prefix")
	// ErrKeyID says that a reference names no KMS key.
	ErrKeyID = errors.New("trail: invalid KMS key id")
	// ErrKeyNotFound says that there is no such KMS key, or none where the bucket is.
	ErrKeyNotFound = errors.New("trail: no such KMS key")
	// ErrKeyPolicy says that the key's policy does not let CloudTrail use it.
	ErrKeyPolicy = errors.New("trail: insufficient key policy")
	// ErrKey says that the state or kind of the key does not allow to use it.
	ErrKey = errors.New("trail: KMS key cannot be used")
	// ErrSelectors says that event selectors make no sense.
	ErrSelectors = errors.New("trail: invalid event selectors")
	// ErrNoInsight says that the trail has no insight selectors: no trail does.
	ErrNoInsight = errors.New("trail: insights are not enabled")
	// ErrTag says that a tag is too long, reserved or given twice.
	ErrTag = errors.New("trail: invalid tag")
	// ErrTooManyTags says that a trail would have more than MaxTags.
	ErrTooManyTags = errors.New("trail: too many tags")
	// ErrUnsupported says that we lack what was asked for.
	ErrUnsupported = errors.New("trail: not supported")
)

func fail(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}
