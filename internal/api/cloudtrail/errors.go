package cloudtrail

import (
	"net/http"

	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// failures gives the errors of package trail their form on the wire.
var failures = []jsondoor.Failure{
	{Err: trail.ErrTimeRange, Status: http.StatusBadRequest, Code: "InvalidTimeRangeException"},
	{Err: trail.ErrMaxResults, Status: http.StatusBadRequest, Code: "InvalidMaxResultsException"},
	{Err: trail.ErrNextToken, Status: http.StatusBadRequest, Code: "InvalidNextTokenException"},
	{Err: trail.ErrLookupAttributes, Status: http.StatusBadRequest, Code: "InvalidLookupAttributesException"},
	{Err: trail.ErrNotFound, Status: http.StatusBadRequest, Code: "TrailNotFoundException"},
	{Err: trail.ErrExists, Status: http.StatusBadRequest, Code: "TrailAlreadyExistsException"},
	{Err: trail.ErrName, Status: http.StatusBadRequest, Code: "InvalidTrailNameException"},
	{Err: trail.ErrARN, Status: http.StatusBadRequest, Code: "CloudTrailARNInvalidException"},
	{Err: trail.ErrLimit, Status: http.StatusBadRequest, Code: "MaximumNumberOfTrailsExceededException"},
	{Err: trail.ErrHomeRegion, Status: http.StatusBadRequest, Code: "InvalidHomeRegionException"},
	{Err: trail.ErrNoBucket, Status: http.StatusNotFound, Code: "S3BucketDoesNotExistException"},
	{Err: trail.ErrBucketName, Status: http.StatusBadRequest, Code: "InvalidS3BucketNameException"},
	{Err: trail.ErrBucketPolicy, Status: http.StatusBadRequest, Code: "InsufficientS3BucketPolicyException"},
	{Err: trail.ErrPrefix, Status: http.StatusBadRequest, Code: "InvalidS3PrefixException"},
	{Err: trail.ErrKeyID, Status: http.StatusBadRequest, Code: "InvalidKmsKeyIdException"},
	{Err: trail.ErrKeyNotFound, Status: http.StatusBadRequest, Code: "KmsKeyNotFoundException"},
	{Err: trail.ErrKeyPolicy, Status: http.StatusBadRequest, Code: "InsufficientEncryptionPolicyException"},
	{Err: trail.ErrKey, Status: http.StatusBadRequest, Code: "KmsException"},
	{Err: trail.ErrSelectors, Status: http.StatusBadRequest, Code: "InvalidEventSelectorsException"},
	{Err: trail.ErrNoInsight, Status: http.StatusBadRequest, Code: "InsightNotEnabledException"},
	{Err: trail.ErrTag, Status: http.StatusBadRequest, Code: "InvalidTagParameterException"},
	{Err: trail.ErrTooManyTags, Status: http.StatusBadRequest, Code: "TagsLimitExceededException"},
	{Err: trail.ErrUnsupported, Status: http.StatusBadRequest, Code: "UnsupportedOperationException"},
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return jsondoor.ErrorCode(failures, err) }
