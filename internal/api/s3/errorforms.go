package s3

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/awschunked"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// typedForms gives the errors with fields their S3 form, which shows those; each
// returns nil about an error that is not its own. The first that knows an error
// counts, and comes before wireErrors.
var typedForms = []func(error) *apiError{
	typed(func(e *apiError) *apiError { return e }),
	typed(markerForm),
	typed(func(e *access.Denied) *apiError { return accessDenied(e.Message) }),

	typed(keyTooLongForm),
	typed(preconditionForm),
	typed(conflictForm),
	typed(tagForm),
	typed(invalidPartForm),
	typed(noPartForm),
	typed(tooSmallForm),
	typed(rangeForm),
	typed(copyRangeForm),
	typed(digestForm),

	typed(bodyLimitForm),
	typed(trailerForm),

	typed(malformedForm),
	typed(scopeForm),
	typed(skewForm),
	typed(expiredForm),
	typed(unsignedForm),
	typed(mismatchForm),
	typed(chunkMismatchForm),
	typed(payloadMismatchForm),
}

// typed applies form to the E that an error wraps.
func typed[E error](form func(E) *apiError) func(error) *apiError {
	return func(err error) *apiError {
		if e, ok := errors.AsType[E](err); ok {
			return form(e)
		}
		return nil
	}
}

// markerForm knows a delete marker that was asked for by its id. Another is an
// absent key.
func markerForm(e *bucket.DeleteMarkerError) *apiError {
	if !e.Named {
		return nil
	}
	return &apiError{code: "MethodNotAllowed", status: http.StatusMethodNotAllowed, message: "The specified method is not allowed against this resource."}
}

func keyTooLongForm(e *bucket.KeyTooLongError) *apiError {
	return badRequest("KeyTooLongError", "Your key is too long",
		bucket.Pair{Name: "Size", Value: strconv.Itoa(e.Bytes)}, bucket.Pair{Name: "MaxSizeAllowed", Value: strconv.Itoa(bucket.MaxKeyBytes)})
}

func preconditionForm(e *bucket.PreconditionError) *apiError {
	return &apiError{
		code: "PreconditionFailed", status: http.StatusPreconditionFailed,
		message: "At least one of the pre-conditions you specified did not hold",
		extra:   []bucket.Pair{{Name: "Condition", Value: e.Condition}},
	}
}

func conflictForm(e *bucket.ConflictError) *apiError {
	return &apiError{
		code: "ConditionalRequestConflict", status: http.StatusConflict,
		message: "The conditional request cannot succeed due to a conflicting operation against this resource.",
		extra:   []bucket.Pair{{Name: "Condition", Value: e.Condition}},
	}
}

func tagForm(e *bucket.TagError) *apiError {
	form := badRequest("InvalidTag", e.Problem)
	if e.Key != "" {
		form.extra = append(form.extra, bucket.Pair{Name: "TagKey", Value: e.Key})
	}
	if e.Value != "" {
		form.extra = append(form.extra, bucket.Pair{Name: "TagValue", Value: e.Value})
	}
	return form
}

func invalidPartForm(e *bucket.InvalidPartError) *apiError {
	return badRequest("InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
		bucket.Pair{Name: "PartNumber", Value: strconv.Itoa(e.Number)}, bucket.Pair{Name: "ETag", Value: e.ETag})
}

func noPartForm(e *bucket.NoPartError) *apiError {
	return &apiError{
		code: "InvalidPartNumber", status: http.StatusRequestedRangeNotSatisfiable, message: "The requested partnumber is not satisfiable",
		extra: []bucket.Pair{
			{Name: "ActualPartCount", Value: strconv.Itoa(e.Parts)}, {Name: "PartNumberRequested", Value: strconv.Itoa(e.Number)},
		},
	}
}

func tooSmallForm(e *bucket.PartTooSmallError) *apiError {
	return badRequest("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
		bucket.Pair{Name: "ProposedSize", Value: strconv.FormatInt(e.SizeBytes, 10)}, bucket.Pair{Name: "MinSizeAllowed", Value: strconv.Itoa(bucket.MinPartBytes)},
		bucket.Pair{Name: "PartNumber", Value: strconv.Itoa(e.Number)}, bucket.Pair{Name: "ETag", Value: e.ETag})
}

func rangeForm(e *bucket.RangeError) *apiError {
	return &apiError{
		code: "InvalidRange", status: http.StatusRequestedRangeNotSatisfiable, message: "The requested range is not satisfiable",
		extra: []bucket.Pair{
			{Name: "RangeRequested", Value: e.Requested}, {Name: "ActualObjectSize", Value: strconv.FormatInt(e.SizeBytes, 10)},
		},
	}
}

func copyRangeForm(e *bucket.CopyRangeError) *apiError {
	if e.Outside {
		return badRequest("InvalidRequest", "The specified copy range is invalid for the source object size")
	}
	return invalidArgument(fmt.Sprintf("Range specified is not valid for source object of size: %d", e.SizeBytes), "x-amz-copy-source-range", e.Requested)
}

func digestForm(e *bucket.DigestError) *apiError {
	switch e.What {
	case bucket.DigestPayload:
		return badRequest("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
			bucket.Pair{Name: "ClientComputedContentSHA256", Value: hex.EncodeToString(e.Declared)},
			bucket.Pair{Name: "S3ComputedContentSHA256", Value: hex.EncodeToString(e.Computed)})
	case bucket.DigestMD5:
		return badRequest("BadDigest", "The Content-MD5 you specified did not match what we received.",
			bucket.Pair{Name: "ExpectedDigest", Value: hex.EncodeToString(e.Declared)},
			bucket.Pair{Name: "CalculatedDigest", Value: base64.StdEncoding.EncodeToString(e.Computed)})
	}
	if e.Part != 0 {
		return badRequest("BadDigest", fmt.Sprintf("The %s you specified for part %d did not match what we received.", strings.ToLower(e.What), e.Part))
	}
	return badRequest("BadDigest", "The "+e.What+" you specified did not match the calculated checksum.")
}

func bodyLimitForm(e *http.MaxBytesError) *apiError {
	return badRequest("MaxMessageLengthExceeded", "Your request was too big.", bucket.Pair{Name: "MaxMessageLengthBytes", Value: strconv.FormatInt(e.Limit, 10)})
}

func trailerForm(e *awschunked.TrailerError) *apiError {
	return badRequest("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema: "+
		strings.TrimPrefix(e.Error(), "awschunked: "))
}

func malformedForm(e *sigv4.MalformedError) *apiError {
	switch {
	case e.Form == sigv4.FormQuery && e.Problem == sigv4.Missing:
		return badRequest("AuthorizationQueryParametersError", "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	case e.Form == sigv4.FormQuery && e.Field == "Credential":
		return badRequest("AuthorizationQueryParametersError", `Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	}
	return malformedAuth(e.Form, "the "+e.Field+" "+e.Problem.String())
}

func scopeForm(e *sigv4.ScopeError) *apiError {
	form := malformedAuth(e.Form, fmt.Sprintf("the %s '%s' is wrong; expecting '%s'", e.Field, e.Got, e.Want))
	if e.Field == "region" {
		form.extra = []bucket.Pair{{Name: "Region", Value: e.Want}}
	}
	return form
}

func skewForm(e *sigv4.SkewError) *apiError {
	return &apiError{
		code: "RequestTimeTooSkewed", status: http.StatusForbidden,
		message: "The difference between the request time and the current time is too large.",
		extra: []bucket.Pair{
			{Name: "RequestTime", Value: e.RequestTime.Format("20060102T150405Z")},
			{Name: "ServerTime", Value: e.ServerTime.Format(errorTime)},
			{Name: "MaxAllowedSkewMilliseconds", Value: strconv.FormatInt(e.MaxSkew.Milliseconds(), 10)},
		},
	}
}

// errorTime is how S3 writes a time in an error.
const errorTime = "2006-01-02T15:04:05Z"

func expiredForm(e *sigv4.ExpiredError) *apiError {
	return accessDenied("Request has expired",
		bucket.Pair{Name: "X-Amz-Expires", Value: strconv.FormatInt(int64(e.Expires/time.Second), 10)},
		bucket.Pair{Name: "Expires", Value: e.At().Format(errorTime)}, bucket.Pair{Name: "ServerTime", Value: e.ServerTime.Format(errorTime)})
}

func unsignedForm(e *sigv4.UnsignedHeadersError) *apiError {
	return accessDenied("There were headers present in the request which were not signed", bucket.Pair{Name: "HeadersNotSigned", Value: strings.Join(e.Names, ", ")})
}

func mismatchForm(e *sigv4.MismatchError) *apiError {
	return signatureMismatch(e.AccessKeyID, e.StringToSign, e.Provided,
		bucket.Pair{Name: "CanonicalRequest", Value: e.CanonicalRequest},
		bucket.Pair{Name: "CanonicalRequestBytes", Value: spacedHex(e.CanonicalRequest)})
}

func chunkMismatchForm(e *sigv4.ChunkMismatchError) *apiError {
	return signatureMismatch(e.AccessKeyID, e.StringToSign, e.Provided)
}

func payloadMismatchForm(e *sigv4.PayloadMismatchError) *apiError {
	return badRequest("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
		bucket.Pair{Name: "ClientComputedContentSHA256", Value: e.Claimed}, bucket.Pair{Name: "S3ComputedContentSHA256", Value: e.Computed})
}

func malformedAuth(form sigv4.Form, what string) *apiError {
	if form == sigv4.FormQuery {
		return badRequest("AuthorizationQueryParametersError", "Error parsing the query parameters: "+what)
	}
	return badRequest("AuthorizationHeaderMalformed", "The authorization header is malformed; "+what)
}

func signatureMismatch(accessKeyID, stringToSign, provided string, extra ...bucket.Pair) *apiError {
	return &apiError{
		code: "SignatureDoesNotMatch", status: http.StatusForbidden,
		message: "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
		extra: append([]bucket.Pair{
			{Name: "AWSAccessKeyId", Value: accessKeyID},
			{Name: "StringToSign", Value: stringToSign},
			{Name: "SignatureProvided", Value: provided},
			{Name: "StringToSignBytes", Value: spacedHex(stringToSign)},
		}, extra...),
	}
}

func spacedHex(s string) string { return fmt.Sprintf("% x", s) }
