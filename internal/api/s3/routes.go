package s3

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one operation of the API. One without run is known and not
// implemented.
type operation struct {
	name string
	run  func(*exchange) error
}

// level is what a request's path names.
type level byte

const (
	onService level = iota
	onBucket
	onObject
)

// routeKey finds an operation: sub is the query parameter that turns a bucket
// or object into one of its sub-resources, or a word of route for a header.
type routeKey struct {
	level  level
	method string
	sub    string
}

const (
	get    = http.MethodGet
	put    = http.MethodPut
	post   = http.MethodPost
	head   = http.MethodHead
	del    = http.MethodDelete
	option = http.MethodOptions

	copySource      = "x-amz-copy-source"
	copyPartSource  = "uploadId with x-amz-copy-source"
	namedAnnotation = "annotation with annotationName"
)

var operations = map[routeKey]*operation{
	{onService, get, ""}: {"ListBuckets", (*exchange).listBuckets},

	{onBucket, put, ""}:                  {"CreateBucket", (*exchange).createBucket},
	{onBucket, head, ""}:                 {"HeadBucket", (*exchange).headBucket},
	{onBucket, del, ""}:                  {"DeleteBucket", (*exchange).deleteBucket},
	{onBucket, get, ""}:                  {"ListObjects", (*exchange).listObjects},
	{onBucket, get, "list-type"}:         {"ListObjectsV2", (*exchange).listObjectsV2},
	{onBucket, get, "location"}:          {"GetBucketLocation", (*exchange).getLocation},
	{onBucket, post, "delete"}:           {"DeleteObjects", (*exchange).deleteObjects},
	{onBucket, get, "encryption"}:        {"GetBucketEncryption", (*exchange).getEncryption},
	{onBucket, put, "encryption"}:        {"PutBucketEncryption", (*exchange).putEncryption},
	{onBucket, del, "encryption"}:        {"DeleteBucketEncryption", (*exchange).deleteEncryption},
	{onBucket, get, "policyStatus"}:      {"GetBucketPolicyStatus", (*exchange).getPolicyStatus},
	{onBucket, get, "policy"}:            {"GetBucketPolicy", (*exchange).getPolicy},
	{onBucket, put, "policy"}:            {"PutBucketPolicy", (*exchange).putPolicy},
	{onBucket, del, "policy"}:            {"DeleteBucketPolicy", (*exchange).deletePolicy},
	{onBucket, post, ""}:                 {"PostObject", (*exchange).postObject},
	{onBucket, option, ""}:               {"CORS preflight", (*exchange).preflight},
	{onBucket, get, "versions"}:          {"ListObjectVersions", (*exchange).listVersions},
	{onBucket, get, "uploads"}:           {"ListMultipartUploads", (*exchange).listUploads},
	{onBucket, get, "session"}:           {"CreateSession", nil},
	{onBucket, put, "abac"}:              {"PutBucketAbac", (*exchange).putABAC},
	{onBucket, put, "versioning"}:        {"PutBucketVersioning", (*exchange).putVersioning},
	{onBucket, get, "versioning"}:        {"GetBucketVersioning", (*exchange).getVersioning},
	{onBucket, get, "tagging"}:           {"GetBucketTagging", (*exchange).getBucketTags},
	{onBucket, del, "tagging"}:           {"DeleteBucketTagging", (*exchange).deleteBucketTags},
	{onBucket, get, "publicAccessBlock"}: {"GetPublicAccessBlock", (*exchange).getPublicAccessBlock},
	{onBucket, del, "publicAccessBlock"}: {"DeletePublicAccessBlock", (*exchange).deletePublicAccessBlock},
	{onBucket, get, "ownershipControls"}: {"GetBucketOwnershipControls", (*exchange).getOwnership},
	{onBucket, del, "ownershipControls"}: {"DeleteBucketOwnershipControls", (*exchange).deleteOwnership},
	{onBucket, get, "cors"}:              {"GetBucketCors", (*exchange).getCORS},
	{onBucket, del, "cors"}:              {"DeleteBucketCors", (*exchange).deleteCORS},
	{onBucket, put, "cors"}:              {"PutBucketCors", (*exchange).putCORS},
	{onBucket, put, "website"}:           {"PutBucketWebsite", nil},
	{onBucket, put, "logging"}:           {"PutBucketLogging", (*exchange).putLogging},
	{onBucket, put, "tagging"}:           {"PutBucketTagging", (*exchange).putBucketTags},
	{onBucket, put, "lifecycle"}:         {"PutBucketLifecycleConfiguration", (*exchange).putLifecycle},
	{onBucket, put, "replication"}:       {"PutBucketReplication", nil},
	{onBucket, put, "object-lock"}:       {"PutObjectLockConfiguration", nil},
	{onBucket, put, "inventory"}:         {"PutBucketInventoryConfiguration", nil},
	{onBucket, put, "analytics"}:         {"PutBucketAnalyticsConfiguration", nil},
	{onBucket, put, "metrics"}:           {"PutBucketMetricsConfiguration", nil},
	{onBucket, get, "accelerate"}:        {"GetBucketAccelerateConfiguration", (*exchange).getAcceleration},
	{onBucket, put, "accelerate"}:        {"PutBucketAccelerateConfiguration", (*exchange).putAcceleration},

	{onBucket, put, "acl"}:                 {"PutBucketAcl", (*exchange).putACL},
	{onBucket, put, "notification"}:        {"PutBucketNotificationConfiguration", (*exchange).putNotification},
	{onBucket, put, "requestPayment"}:      {"PutBucketRequestPayment", (*exchange).putRequestPayment},
	{onBucket, put, "publicAccessBlock"}:   {"PutPublicAccessBlock", (*exchange).putPublicAccessBlock},
	{onBucket, put, "intelligent-tiering"}: {"PutBucketIntelligentTieringConfiguration", nil},

	{onBucket, post, "metadataConfiguration"}: {"CreateBucketMetadataConfiguration", nil},
	{onBucket, post, "metadataTable"}:         {"CreateBucketMetadataTableConfiguration", nil},
	{onBucket, put, "metadataInventoryTable"}: {"UpdateBucketMetadataInventoryTableConfiguration", nil},
	{onBucket, put, "metadataJournalTable"}:   {"UpdateBucketMetadataJournalTableConfiguration", nil},

	{onBucket, put, "metadataAnnotationTable"}: {"UpdateBucketMetadataAnnotationTableConfiguration", nil},

	{onBucket, put, "ownershipControls"}: {"PutBucketOwnershipControls", (*exchange).putOwnership},

	{onObject, put, ""}:             {"PutObject", (*exchange).putObject},
	{onObject, put, copySource}:     {"CopyObject", (*exchange).copyObject},
	{onObject, get, ""}:             {"GetObject", (*exchange).getObject},
	{onObject, head, ""}:            {"HeadObject", (*exchange).headObject},
	{onObject, del, ""}:             {"DeleteObject", (*exchange).deleteObject},
	{onObject, option, ""}:          {"CORS preflight", (*exchange).preflight},
	{onObject, post, "uploads"}:     {"CreateMultipartUpload", (*exchange).createUpload},
	{onObject, put, copyPartSource}: {"UploadPartCopy", (*exchange).copyPart},
	{onObject, put, "uploadId"}:     {"UploadPart", (*exchange).putPart},
	{onObject, post, "uploadId"}:    {"CompleteMultipartUpload", (*exchange).completeUpload},
	{onObject, del, "uploadId"}:     {"AbortMultipartUpload", (*exchange).abortUpload},
	{onObject, get, "uploadId"}:     {"ListParts", (*exchange).listParts},
	{onObject, get, "acl"}:          {"GetObjectAcl", (*exchange).getObjectACL},
	{onObject, put, "acl"}:          {"PutObjectAcl", (*exchange).putACL},
	{onObject, get, "tagging"}:      {"GetObjectTagging", (*exchange).getTags},
	{onObject, put, "tagging"}:      {"PutObjectTagging", (*exchange).putTags},
	{onObject, del, "tagging"}:      {"DeleteObjectTagging", (*exchange).deleteTags},
	{onObject, get, "attributes"}:   {"GetObjectAttributes", (*exchange).getAttributes},
	{onObject, put, "encryption"}:   {"UpdateObjectEncryption", nil},
	{onObject, get, "torrent"}:      {"GetObjectTorrent", nil},
	{onObject, get, "retention"}:    {"GetObjectRetention", (*exchange).noLock},
	{onObject, put, "retention"}:    {"PutObjectRetention", nil},
	{onObject, get, "legal-hold"}:   {"GetObjectLegalHold", (*exchange).noLock},
	{onObject, put, "legal-hold"}:   {"PutObjectLegalHold", nil},
	{onObject, post, "restore"}:     {"RestoreObject", nil},
	{onObject, post, "select"}:      {"SelectObjectContent", nil},
	{onObject, put, "renameObject"}: {"RenameObject", nil},

	{onObject, put, "annotation"}:    {"PutObjectAnnotation", nil},
	{onObject, get, "annotation"}:    {"ListObjectAnnotations", nil},
	{onObject, get, namedAnnotation}: {"GetObjectAnnotation", nil},
	{onObject, del, "annotation"}:    {"DeleteObjectAnnotation", nil},
}

// subResources are the query parameters that route. Their presence counts, not
// their value: some clients send "?policy", others "?policy=".
var subResources = func() []string {
	var list []string
	seen := map[string]bool{"": true, copySource: true, copyPartSource: true, namedAnnotation: true}
	for k := range operations {
		if !seen[k.sub] {
			seen[k.sub] = true
			list = append(list, k.sub)
		}
	}
	for sub := range unsetSettings {
		if !seen[sub] {
			seen[sub] = true
			list = append(list, sub)
		}
	}
	slices.Sort(list)
	return list
}()

// route finds the operation of a request, which may have a source to copy from; nil
// if there is none.
func route(method string, t target, query url.Values, copies bool) *operation {
	k := routeKey{level: onObject, method: method}
	switch {
	case t.bucket == "":
		k.level = onService
	case t.key == "":
		k.level = onBucket
	}
	if len(query) > 0 {
		for _, sub := range subResources {
			if _, ok := query[sub]; ok {
				k.sub = sub
				break
			}
		}
	}
	if k.level == onObject && copies {
		switch k.sub {
		case "":
			k.sub = copySource
		case "uploadId":
			k.sub = copyPartSource
		}
	}
	if k.sub == "annotation" && method == get && query.Has("annotationName") {
		k.sub = namedAnnotation
	}
	if op := operations[k]; op != nil || k.level != onBucket {
		return op
	}
	return unsetOperation(method, k.sub)
}

// checkWrite refuses a write with a parameter that may name a sub-resource which is not
// known here, or that is there twice. Sub-resources have no value. Passed over, what is
// meant for a part of an object would befall the object: a deletion of its annotation
// would be its own. Reads have parameters without value or meaning that only tell one
// URL from another.
func checkWrite(method string, query url.Values) error {
	if method != put && method != post && method != del {
		return nil
	}
	for name, values := range query {
		switch {
		case len(values) > 1:
			return invalidArgument("The parameter is there more than once.", name, values[0])
		case values[0] == "" && name != "versionId" && name != "x-id" && !slices.Contains(subResources, name) &&
			!strings.HasPrefix(strings.ToLower(name), "x-amz-"):
			return notImplemented("?" + name)
		}
	}
	return nil
}
