package s3

import (
	"net/http"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// A setting that no bucket can have yet reads as where it was never set, since
// tools such as Terraform read every one of them; setting it is refused by name.
type unsetSetting struct {
	name   string // of the operations, without Get and Delete
	read   policy.Action
	remove policy.Action // empty: cannot be deleted
	// Either the document of an unconfigured bucket, or its error.
	document func(*document, bucket.Bucket)
	absent   *apiError
	// list is the document of a bucket without such configurations, where it can
	// have several: then document and absent are about the one that ?id= names.
	list string
}

func absent(code, message string) *apiError {
	return &apiError{code: code, status: http.StatusNotFound, message: message}
}

// unsetSettings by the query parameter that names them.
var unsetSettings = map[string]*unsetSetting{
	"acl":            {name: "BucketAcl", read: "s3:GetBucketAcl", document: writeOwnerACL},
	"abac":           {name: "BucketAbac", read: "s3:GetBucketAbac", document: writeABAC},
	"logging":        {name: "BucketLogging", read: "s3:GetBucketLogging", document: emptyRoot("BucketLoggingStatus")},
	"notification":   {name: "BucketNotificationConfiguration", read: "s3:GetBucketNotification", document: emptyRoot("NotificationConfiguration")},
	"requestPayment": {name: "BucketRequestPayment", read: "s3:GetBucketRequestPayment", document: writePayer},
	"website": {
		name: "BucketWebsite", read: "s3:GetBucketWebsite", remove: "s3:DeleteBucketWebsite",
		absent: absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	},
	"lifecycle": {
		name: "BucketLifecycleConfiguration", read: "s3:GetLifecycleConfiguration", remove: "s3:PutLifecycleConfiguration",
		absent: absent("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
	},
	"replication": {
		name: "BucketReplication", read: "s3:GetReplicationConfiguration", remove: "s3:PutReplicationConfiguration",
		absent: absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
	},
	"object-lock": {
		name: "ObjectLockConfiguration", read: "s3:GetBucketObjectLockConfiguration",
		absent: absent("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
	},
	"metadataConfiguration": metadata("BucketMetadataConfiguration"),
	"metadataTable":         metadata("BucketMetadataTableConfiguration"),
	"inventory":             several("BucketInventoryConfiguration", "InventoryConfiguration", "ListInventoryConfigurationsResult"),
	"analytics":             several("BucketAnalyticsConfiguration", "AnalyticsConfiguration", "ListBucketAnalyticsConfigurationResult"),
	"metrics":               several("BucketMetricsConfiguration", "MetricsConfiguration", "ListMetricsConfigurationsResult"),
	"intelligent-tiering":   several("BucketIntelligentTieringConfiguration", "IntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurationsOutput"),
}

// several is a setting of which a bucket can have any number, each with an id.
func several(name, action, list string) *unsetSetting {
	return &unsetSetting{
		name: name, read: policy.Action("s3:Get" + action), remove: policy.Action("s3:Put" + action), list: list,
		absent: absent("NoSuchConfiguration", "The specified configuration does not exist."),
	}
}

// metadata is one of the two forms of the tables that describe a bucket's objects.
func metadata(name string) *unsetSetting {
	return &unsetSetting{
		name: name, read: "s3:GetBucketMetadataTableConfiguration", remove: "s3:DeleteBucketMetadataTableConfiguration",
		absent: absent("MetadataConfigurationNotFound", "The bucket metadata configuration does not exist"),
	}
}

// unsetOperation is the read or removal of an unset setting; nil if there is none.
func unsetOperation(method, sub string) *operation {
	s := unsetSettings[sub]
	switch {
	case s == nil:
		return nil
	case method == get:
		return &operation{"Get" + s.name, s.get}
	case method == del && s.remove != "":
		return &operation{"Delete" + s.name, s.delete}
	case method == put:
		return &operation{"Put" + s.name, nil}
	}
	return nil
}

func (s *unsetSetting) get(x *exchange) error {
	b, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, "", s.read)
	if err != nil {
		return err
	}
	if s.list != "" && !x.query.Has("id") {
		if x.query.Has("continuation-token") {
			return bucket.ErrBadToken // no page has another behind it
		}
		d := &document{b: []byte(xmlHeader)}
		d.root(s.list)
		d.text("IsTruncated", "false")
		return x.send(d)
	}
	if s.absent != nil {
		return s.absent
	}
	d := &document{b: []byte(xmlHeader)}
	s.document(d, b)
	return x.send(d)
}

// delete removes what is not there.
func (s *unsetSetting) delete(x *exchange) error {
	if _, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, "", s.remove); err != nil {
		return err
	}
	if s.list != "" {
		return s.absent
	}
	return x.noContent()
}

// noLock answers for the retention or legal hold of an object: no bucket has
// object lock.
func (x *exchange) noLock() error {
	action := policy.Action("s3:GetObjectRetention")
	if x.query.Has("legal-hold") {
		action = "s3:GetObjectLegalHold"
	}
	if _, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, x.key, action); err != nil {
		return err
	}
	return badRequest("InvalidRequest", "Bucket is missing Object Lock Configuration")
}

func emptyRoot(name string) func(*document, bucket.Bucket) {
	return func(d *document, _ bucket.Bucket) { d.root(name) }
}

func writePayer(d *document, _ bucket.Bucket) {
	d.root("RequestPaymentConfiguration")
	d.text("Payer", "BucketOwner")
}

func (d *document) owner(element string, account arn.AccountID) {
	d.begin(element)
	d.text("ID", identity.CanonicalID(account))
	d.end()
}
