package s3

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awschunked"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// apiError is an error as S3 sends it.
type apiError struct {
	code    string
	status  int
	message string
	extra   []bucket.Pair // elements behind the message
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func badRequest(code, message string, extra ...bucket.Pair) *apiError {
	return &apiError{code: code, status: http.StatusBadRequest, message: message, extra: extra}
}

func invalidArgument(message, name, value string) *apiError {
	return badRequest("InvalidArgument", message, bucket.Pair{Name: "ArgumentName", Value: name}, bucket.Pair{Name: "ArgumentValue", Value: value})
}

func accessDenied(message string, extra ...bucket.Pair) *apiError {
	return &apiError{code: "AccessDenied", status: http.StatusForbidden, message: message, extra: extra}
}

func notImplemented(what string) *apiError {
	return &apiError{
		code: "NotImplemented", status: http.StatusNotImplemented,
		message: "A header or operation you provided implies functionality that is not implemented: " + what,
	}
}

// wrongRegion sends a caller who signed for another region to the right one: it
// signs anew.
func wrongRegion(got, want string) *apiError {
	return badRequest("AuthorizationHeaderMalformed", "The authorization header is malformed; the region '"+got+"' is wrong; expecting '"+want+"'",
		bucket.Pair{Name: "Region", Value: want})
}

// wireErrors gives every kind of error its S3 form. A message of "" is the sentence
// of the refusal. Errors with fields that the form shows are in typedForms.
var wireErrors = []struct {
	err     error
	code    string
	status  int
	message string
}{
	{access.ErrDenied, "AccessDenied", 403, "Access Denied"},
	{access.ErrNotRecorded, "InternalError", 500, "We encountered an internal error. Please try again."},

	{bucket.ErrInvalidName, "InvalidBucketName", 400, "The specified bucket is not valid."},
	{bucket.ErrInvalidKey, "InvalidURI", 400, "Couldn't parse the specified URI."},
	{bucket.ErrNoBucket, "NoSuchBucket", 404, "The specified bucket does not exist"},
	{bucket.ErrBucketTaken, "BucketAlreadyExists", 409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."},
	{bucket.ErrBucketOwned, "BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it."},
	{bucket.ErrVersionsLeft, "BucketNotEmpty", 409, "The bucket you tried to delete is not empty. You must delete all versions in the bucket."},
	{bucket.ErrNotEmpty, "BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
	{bucket.ErrNoKey, "NoSuchKey", 404, "The specified key does not exist."},
	{bucket.ErrNoVersion, "NoSuchVersion", 404, "The specified version does not exist."},
	{bucket.ErrInvalidVersion, "InvalidArgument", 400, "Invalid version id specified"},
	{bucket.ErrTooManyTags, "BadRequest", 400, "Object tags cannot be greater than 10"},
	{bucket.ErrNoTags, "NoSuchTagSet", 404, "The TagSet does not exist"},
	{bucket.ErrNoPublicAccessBlock, "NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found"},
	{bucket.ErrNoOwnership, "OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"},
	{bucket.ErrNoCORS, "NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"},
	{bucket.ErrInvalidCORS, "InvalidRequest", 400, ""},
	{bucket.ErrNoUpload, "NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	{bucket.ErrPartNumber, "InvalidArgument", 400, "Part number must be an integer between 1 and 10000, inclusive"},
	{bucket.ErrNoParts, "InvalidRequest", 400, "You must specify at least one part"},
	{bucket.ErrPartOrder, "InvalidPartOrder", 400, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	{bucket.ErrChecksumType, "InvalidRequest", 400, ""},
	{bucket.ErrNoPolicy, "NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
	{bucket.ErrPolicyTooLarge, "PolicyTooLarge", 400, "Normalized policy document exceeds the maximum allowed size"},
	{bucket.ErrMalformedPolicy, "MalformedPolicy", 400, ""},
	{bucket.ErrTooLarge, "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
	{bucket.ErrIncomplete, "IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header"},
	{bucket.ErrMetadataTooLarge, "MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"},
	{bucket.ErrEncryption, "InvalidArgument", 400, ""},
	{bucket.ErrCustomerKey, "InvalidRequest", 400, ""},
	{bucket.ErrCustomerKeyWrong, "AccessDenied", 403, "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."},
	{bucket.ErrCustomerKeyBlocked, "AccessDenied", 403, "Server-side encryption with customer provided keys (SSE-C) is blocked for this bucket."},
	{bucket.ErrUnsupported, "NotImplemented", 501, ""},
	{bucket.ErrUnsignedKMS, "InvalidArgument", 400, "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4."},
	{bucket.ErrBadToken, "InvalidArgument", 400, "The continuation token provided is incorrect"},
	{bucket.ErrCopyToItself, "InvalidRequest", 400, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."},
	{bucket.ErrCopyTooLarge, "InvalidRequest", 400, "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"},
	{bucket.ErrCopyOfMarker, "InvalidRequest", 400, "The source of a copy request may not specifically refer to a delete marker by version id."},
	{bucket.ErrUploadSize, "InvalidRequest", 400, ""},
	{bucket.ErrReplaced, "ServiceUnavailable", 503, "Service is unable to handle request."},
	// Not 503: a client that retried would get the same damage.
	{bucket.ErrCorrupt, "InternalError", 500, "We encountered an internal error. Please try again."},

	{front.ErrNoAuthentication, "AccessDenied", 403, "Access Denied"},
	{front.ErrUnknownAccessKey, "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."},
	{front.ErrInvalidToken, "InvalidToken", 400, "The provided token is malformed or otherwise invalid."},
	{front.ErrExpiredToken, "ExpiredToken", 400, "The provided token has expired."},
	{front.ErrBodyTooLarge, "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
	{front.ErrBodyRead, "RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period."},

	{identity.ErrUnknownKey, "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."},
	{identity.ErrInvalidToken, "InvalidToken", 400, "The provided token is malformed or otherwise invalid."},
	{identity.ErrExpiredToken, "ExpiredToken", 400, "The provided token has expired."},

	{sigv4.ErrTwoForms, "InvalidArgument", 400, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"},
	{sigv4.ErrSigV2, "InvalidRequest", 400, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
	{sigv4.ErrScheme, "InvalidArgument", 400, "Unsupported Authorization Type"},
	{sigv4.ErrSigV4a, "NotImplemented", 501, "AWS4-ECDSA-P256-SHA256 is not implemented."},
	{sigv4.ErrNoPayloadHash, "InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256"},
	{sigv4.ErrPayloadHash, "InvalidArgument", 400, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."},

	{awschunked.ErrIncomplete, "IncompleteBody", 400, "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header"},
	{awschunked.ErrTooLong, "IncompleteBody", 400, "The request body has more bytes than the x-amz-decoded-content-length HTTP header says"},
	{awschunked.ErrMalformed, "InvalidRequest", 400, "The chunks of the request body are malformed"},

	{errURI, "InvalidURI", 400, "Couldn't parse the specified URI."},
	{errXML, "MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema"},

	// What the key service refuses reaches the client with that service's words.
	{keyring.ErrNotFound, "KMS.NotFoundException", 400, ""},
	{keyring.ErrInvalidARN, "KMS.NotFoundException", 400, ""},
	{keyring.ErrDisabled, "KMS.DisabledException", 400, ""},
	{keyring.ErrInvalidState, "KMS.KMSInvalidStateException", 400, ""},
	{keyring.ErrUsage, "KMS.InvalidKeyUsageException", 400, ""},
	{keyring.ErrUnsupported, "KMS.UnsupportedOperationException", 400, ""},
	{keyring.ErrInvalidCiphertext, "KMS.InvalidCiphertextException", 400, ""},
	{keyring.ErrIncorrectKey, "KMS.IncorrectKeyException", 400, ""},
	{keyring.ErrInvalid, "InvalidArgument", 400, ""},
}

var errXML = errors.New("s3: malformed XML")

// ErrorCode is the code under which S3 reports err, for the audit record.
func ErrorCode(err error) string { return asAPIError(err).code }

// asAPIError gives err its wire form. What it does not know is our fault.
func asAPIError(err error) *apiError {
	for _, form := range typedForms {
		if e := form(err); e != nil {
			return e
		}
	}
	for _, w := range wireErrors {
		if !errors.Is(err, w.err) {
			continue
		}
		e := &apiError{code: w.code, status: w.status, message: w.message}
		if e.message == "" {
			e.message, _ = refusal.Sentence(err)
		}
		if w.err == bucket.ErrUnsupported {
			return notImplemented(e.message)
		}
		return e
	}
	return &apiError{code: "InternalError", status: http.StatusInternalServerError, message: "We encountered an internal error. Please try again."}
}

// about is what an error's document says about what the request named.
func (x *exchange) about(e *apiError, err error) []bucket.Pair {
	marker, ok := errors.AsType[*bucket.DeleteMarkerError](err)
	switch {
	case ok && marker.Named:
		return []bucket.Pair{{Name: "Method", Value: x.r.Method}, {Name: "ResourceType", Value: "DeleteMarker"}}
	case errors.Is(err, bucket.ErrBadToken):
		return []bucket.Pair{{Name: "ArgumentName", Value: "continuation-token"}}
	case errors.Is(err, bucket.ErrInvalidVersion):
		name := "versionId"
		if x.key == "" {
			name = "version-id-marker"
		}
		return []bucket.Pair{{Name: "ArgumentName", Value: name}, {Name: "ArgumentValue", Value: x.query.Get(name)}}
	}
	name, key, version := x.bucket, x.key, x.query.Get("versionId")
	if source, ok := errors.AsType[*bucket.SourceError](err); ok {
		name, key, version = source.Source.Bucket, source.Source.Key, source.Source.VersionID
	}
	switch e.code {
	case "NoSuchBucket", "InvalidBucketName", "BucketNotEmpty", "BucketAlreadyExists", "BucketAlreadyOwnedByYou",
		"NoSuchBucketPolicy", "NoSuchTagSet", "NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration", "OwnershipControlsNotFoundError",
		"NoSuchWebsiteConfiguration", "NoSuchLifecycleConfiguration", "ReplicationConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError":
		return []bucket.Pair{{Name: "BucketName", Value: name}}
	case "NoSuchKey", "ConditionalRequestConflict":
		return []bucket.Pair{{Name: "Key", Value: key}}
	case "NoSuchVersion":
		return []bucket.Pair{{Name: "Key", Value: key}, {Name: "VersionId", Value: version}}
	case "NoSuchUpload", "InvalidPart", "InvalidPartOrder":
		return []bucket.Pair{{Name: "UploadId", Value: x.query.Get("uploadId")}}
	}
	return nil
}

// fail answers with an error. HEAD's has no body: clients read its status.
func (x *exchange) fail(err error) {
	e := asAPIError(err)
	if unrecorded := x.r.Refused(e.code, e.message); unrecorded != nil {
		err = unrecorded
		e = asAPIError(err)
	}
	if e.status >= http.StatusInternalServerError && e.code != "NotImplemented" {
		x.cfg.Log.LogAttrs(context.WithoutCancel(x.ctx), slog.LevelError, "s3 request failed", slog.String("request", x.r.ID), slog.Any("error", err))
	}
	message := e.message
	if k := x.who.Principal.Kind; e.code == "AccessDenied" && errors.Is(err, access.ErrDenied) && (k == policy.Anonymous || k == policy.Service) {
		message = "Access Denied"
	}
	h := x.w.Header()
	setFailureHeaders(h, e, err)
	// What is left of an upload is not worth reading: net/http closes the
	// connection after an answer that comes before the end of a large body.
	d := newErrorDocument()
	d.text("Code", e.code)
	d.text("Message", message)
	for _, p := range e.extra {
		d.text(p.Name, p.Value)
	}
	for _, p := range x.about(e, err) {
		d.text(p.Name, p.Value)
	}
	d.text("RequestId", x.r.ID)
	d.text("HostId", hostID(x.r.ID))
	b := d.bytes()
	h.Set("Content-Type", "application/xml")
	if x.r.Method == http.MethodHead {
		x.w.WriteHeader(e.status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	x.w.WriteHeader(e.status)
	x.w.Write(b)
}

// setFailureHeaders leaves in h what goes with a failure: headers of the object may
// have been set before it.
func setFailureHeaders(h http.Header, e *apiError, err error) {
	for name := range h {
		switch name {
		case "X-Amz-Request-Id", "X-Amz-Id-2", "Server", "Date", "X-Amz-Bucket-Region", "Vary":
		default:
			if strings.HasPrefix(name, "Access-Control-") {
				continue
			}
			delete(h, name)
		}
	}
	if outside, ok := errors.AsType[*bucket.RangeError](err); ok {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(outside.SizeBytes, 10))
	}
	if e.code == "MethodNotAllowed" {
		h.Set("Allow", "DELETE, GET, HEAD, POST, PUT")
	}
	if marker, ok := errors.AsType[*bucket.DeleteMarkerError](err); ok {
		h["X-Amz-Delete-Marker"] = []string{"true"}
		setVersion(h, marker.VersionID)
		if marker.Named {
			h.Set("Allow", "DELETE")
			setModified(h, marker.Modified)
		}
	}
}
