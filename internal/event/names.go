package event

import (
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// objectActions are the names in CloudTrail of operations whose policy action
// has another, for calls that no request on the wire names.
var objectActions = map[string]string{
	"GetObjectVersion":           "GetObject",
	"DeleteObjectVersion":        "DeleteObject",
	"ListBucket":                 "ListObjects",
	"ListBucketVersions":         "ListObjectVersions",
	"ListAllMyBuckets":           "ListBuckets",
	"ListMultipartUploadParts":   "ListParts",
	"ListBucketMultipartUploads": "ListMultipartUploads",
	"GetEncryptionConfiguration": "GetBucketEncryption",
	"PutEncryptionConfiguration": "PutBucketEncryption",
}

// objectOperations are operations of the S3 API that CloudTrail calls otherwise.
var objectOperations = map[string]string{
	"ListObjectsV2":           "ListObjects",
	"GetPublicAccessBlock":    "GetBucketPublicAccessBlock",
	"PutPublicAccessBlock":    "PutBucketPublicAccessBlock",
	"DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
}

// readsToCopy reports whether a record is the first half of a copy, which reads
// one object; the other half writes another, and its record names both.
func readsToCopy(e *audit.Entry) bool {
	return (e.Operation == "CopyObject" || e.Operation == "UploadPartCopy") && strings.HasPrefix(e.Action, "s3:GetObject")
}

// nameOf is the event's name: that of the API operation.
func nameOf(e *audit.Entry) string {
	service, action, _ := strings.Cut(e.Action, ":")
	name := e.Operation
	if service == "s3" {
		// One request may delete many.
		if name == "DeleteObjects" {
			name = ""
		}
		if other, ok := objectOperations[name]; ok {
			return other
		}
		if other, ok := objectActions[action]; ok && name == "" {
			return other
		}
	}
	if name == "" {
		return action
	}
	return name
}

// readers are the beginnings of names of operations that change nothing.
var readers = []string{"Get", "List", "Describe", "Head", "Lookup", "Simulate", "Generate", "Explain"}

// cryptographic are operations of KMS that use a key and leave it as it is, and
// of STS that give credentials.
var cryptographic = []string{
	"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "Decapsulate", "Decrypt", "DecodeAuthorizationMessage", "DeriveSharedSecret",
	"Encapsulate", "Encrypt", "ReEncrypt", "Sign", "Verify", "VerifyMac",
}

func readOnly(service, name string) bool {
	if service == "iam" && strings.HasPrefix(name, "Generate") {
		return false
	}
	return slices.Contains(cryptographic, name) || slices.ContainsFunc(readers, func(p string) bool { return strings.HasPrefix(name, p) })
}

// dataOperations are the data events of S3.
//
// Source: Amazon S3 User Guide, "Amazon S3 CloudTrail events".
var dataOperations = []string{
	"AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjectTagging",
	"GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjectVersions",
	"ListObjects", "ListParts", "PostObject", "PutObject", "PutObjectAcl", "PutObjectTagging", "UpdateObjectEncryption", "UploadPart", "UploadPartCopy",
}

// valueService is the one of key value stores' pairs: all its events are of data.
const valueService = "cloudfront-keyvaluestore"

func isData(service, name string) bool {
	if service != "s3" {
		return service == valueService
	}
	_, found := slices.BinarySearch(dataOperations, name)
	return found
}

// isKMSChange reports whether CloudTrail tells, with the call, which key it changed.
func isKMSChange(service string, ev *Event) bool {
	return service == "kms" && !ev.ReadOnly && ev.ErrorCode == "" && ev.Type == "AwsApiCall"
}
