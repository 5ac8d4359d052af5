package s3

import (
	"net/http"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

func (x *exchange) getVersioning() error {
	v, err := x.cfg.Buckets.Versioning(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("VersioningConfiguration")
	d.optional("Status", string(v.Status))
	d.optional("MfaDelete", string(v.MFADelete))
	return x.send(d)
}

var versioningConfigurationDocument = restxml.Of[versioningConfiguration]("VersioningConfiguration")

type versioningConfiguration struct {
	Status    string `xml:"Status"`
	MFADelete string `xml:"MfaDelete"`
}

func (x *exchange) putVersioning() error {
	c, err := readXML(x, versioningConfigurationDocument)
	if err != nil {
		return err
	}
	if err := x.refuseHeaders("X-Amz-Mfa"); err != nil {
		return err
	}
	switch v := bucket.Versioning(c.Status); {
	case c.MFADelete != "" && c.MFADelete != "Disabled":
		return notImplemented("MfaDelete")
	case v == "":
		return badRequest("IllegalVersioningConfigurationException", "The Versioning element must be specified")
	case v != bucket.VersioningEnabled && v != bucket.VersioningSuspended:
		return errXML
	default:
		if err := x.cfg.Buckets.SetVersioning(x.ctx, x.who, x.bucket, bucket.VersioningSetting{Status: v, MFADelete: bucket.MFADelete(c.MFADelete)}); err != nil {
			return err
		}
	}
	return x.ok()
}

// setVersion writes the version that an answer is about; buckets that never kept
// versions have none.
func setVersion(h http.Header, id string) {
	if id != "" {
		h["X-Amz-Version-Id"] = []string{id}
	}
}

// setNewVersion is setVersion for a write: of a version that has no id of its own
// S3 only tells readers.
func setNewVersion(h http.Header, id string) {
	if id != bucket.NullVersion {
		setVersion(h, id)
	}
}

func (x *exchange) listVersions() error {
	names, err := x.listRequest()
	if err != nil {
		return err
	}
	q := x.query
	in := bucket.VersionPage{
		Bucket: x.bucket, Prefix: names.Prefix, Delimiter: names.Delimiter, Max: names.Max,
		AfterKey: q.Get("key-marker"), AfterID: q.Get("version-id-marker"),
	}
	if in.AfterID != "" && in.AfterKey == "" {
		return invalidArgument("A version-id marker cannot be specified without a key marker.", "version-id-marker", in.AfterID)
	}
	page, err := x.cfg.Buckets.ListVersions(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("ListVersionsResult")
	d.text("Name", x.bucket)
	d.text("Prefix", names.name(in.Prefix))
	d.text("KeyMarker", names.name(in.AfterKey))
	d.text("VersionIdMarker", in.AfterID)
	if page.More {
		d.text("NextKeyMarker", names.name(page.NextKey))
		d.optional("NextVersionIdMarker", page.NextID)
	}
	d.number("MaxKeys", int64(in.Max))
	d.optional("Delimiter", names.name(in.Delimiter))
	if names.encode {
		d.text("EncodingType", "url")
	}
	d.boolean("IsTruncated", page.More)
	for i := range page.Versions {
		v := &page.Versions[i]
		if v.DeleteMarker {
			d.begin("DeleteMarker")
		} else {
			d.begin("Version")
		}
		d.text("Key", names.name(v.Key))
		d.text("VersionId", v.VersionID)
		d.boolean("IsLatest", v.Latest)
		d.time("LastModified", v.Modified)
		if !v.DeleteMarker {
			d.etag(v.ETag)
			d.checksumKind(v.Checksum, v.Type)
			d.number("Size", v.SizeBytes)
			d.text("StorageClass", "STANDARD")
		}
		d.owner("Owner", b.Owner)
		d.end()
	}
	d.prefixes(&names, page.Prefixes)
	return x.send(d)
}
