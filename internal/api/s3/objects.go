package s3

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

func (x *exchange) putObject() error {
	in, err := x.newObject()
	if err != nil {
		return err
	}
	body, err := x.openBody()
	if err != nil {
		return err
	}
	in.Body, in.SizeBytes, in.Digests = body, body.size, body.digests
	info, err := x.cfg.Buckets.Put(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Etag"] = []string{`"` + info.ETag + `"`}
	setNewVersion(h, info.VersionID)
	x.setEncryption(&info.Encryption, true)
	setChecksum(h, info.Checksum, 0)
	return x.ok()
}

// newObject reads everything about a new object but its content.
func (x *exchange) newObject() (in bucket.Put, err error) {
	in = bucket.Put{Bucket: x.bucket, Key: x.key, Metadata: x.metadata(), ACL: x.header("X-Amz-Acl"), StorageClass: x.header("X-Amz-Storage-Class")}
	if x.query.Has("versionId") {
		return in, invalidArgument("This operation does not accept a version-id.", "versionId", x.query.Get("versionId"))
	}
	if err := x.refuseOnWrite(); err != nil {
		return in, err
	}
	if in.Encryption, err = x.encryptionWish(); err != nil {
		return in, err
	}
	if in.Tags, err = parseTags(x.header("X-Amz-Tagging")); err != nil {
		return in, err
	}
	in.Conditions, err = x.writeConditions()
	return in, err
}

func (x *exchange) getObject() error {
	in, err := x.readRequest()
	if err != nil {
		return err
	}
	o, err := x.cfg.Buckets.Get(x.ctx, x.who, in)
	if errors.Is(err, bucket.ErrNotModified) {
		return x.notModified(&o.Info)
	}
	if err != nil {
		return err
	}
	defer o.Close()
	if err := x.describe(o, &in); err != nil {
		return err
	}
	_, err = io.Copy(x.w, o)
	return x.sent(err)
}

func (x *exchange) headObject() error {
	in, err := x.readRequest()
	if err != nil {
		return err
	}
	o, err := x.cfg.Buckets.Head(x.ctx, x.who, in)
	if errors.Is(err, bucket.ErrNotModified) {
		return x.notModified(&o.Info)
	}
	if err != nil {
		return err
	}
	return x.describe(o, &in)
}

// readRequest reads a GET or HEAD of an object.
func (x *exchange) readRequest() (in bucket.Get, err error) {
	h := x.r.Header
	in = bucket.Get{
		Bucket: x.bucket, Key: x.key, VersionID: x.query.Get("versionId"),
		Conditions: x.readConditions(""), Checksum: strings.EqualFold(x.header("X-Amz-Checksum-Mode"), "ENABLED"),
	}
	if err := x.refuseEncryption(); err != nil {
		return in, err
	}
	in.Customer = x.customerKey("")
	ranged := h.Get("Range")
	in.Range = parseRange(ranged)
	if s := x.query.Get("partNumber"); s != "" {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil || n < 1 || n > 10_000:
			return in, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", s)
		case ranged != "":
			return in, badRequest("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
		}
		in.Part = n
	}
	if x.who.AuthType == "" {
		for name := range overrides {
			if _, ok := x.query[name]; ok {
				return in, badRequest("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.")
			}
		}
	}
	return in, nil
}

// describe sends status and headers of an object, a range or a part of it.
func (x *exchange) describe(o *bucket.Object, in *bucket.Get) error {
	x.setObject(&o.Info)
	for name, header := range overrides {
		if v, ok := x.query[name]; ok {
			x.w.Header()[header] = []string{v[0]}
		}
	}
	h := x.w.Header()
	setInt(h, "Content-Length", o.Length)
	// The checksum of the whole would make a client reject a range or a part; parts
	// have one of their own where the object's is made of theirs.
	switch {
	case !in.Checksum:
	case in.Part != 0 && o.Parts > 0 && o.Checksum.Type == bucket.Composite:
		setChecksum(h, o.PartChecksum, 0)
		h["X-Amz-Checksum-Type"] = []string{o.Checksum.Type.String()} // the object's, as S3 has it
	case o.Length < o.SizeBytes:
	default:
		setChecksum(h, o.Checksum, o.Parts)
	}
	if in.Part != 0 && o.Parts > 0 {
		setInt(h, "X-Amz-Mp-Parts-Count", int64(o.Parts))
	}
	if in.Range == nil && (in.Part == 0 || o.Length == 0) {
		x.w.WriteHeader(http.StatusOK)
		return nil
	}
	h["Content-Range"] = []string{"bytes " + strconv.FormatInt(o.Offset, 10) + "-" +
		strconv.FormatInt(o.Offset+o.Length-1, 10) + "/" + strconv.FormatInt(o.SizeBytes, 10)}
	x.w.WriteHeader(http.StatusPartialContent)
	return nil
}

func (x *exchange) notModified(i *bucket.Info) error {
	h := x.w.Header()
	h["Etag"] = []string{`"` + i.ETag + `"`}
	setModified(h, i.Modified)
	setVersion(h, i.VersionID)
	if i.Metadata.CacheControl != "" {
		h["Cache-Control"] = []string{i.Metadata.CacheControl}
	}
	if i.Metadata.Expires != "" {
		h["Expires"] = []string{i.Metadata.Expires}
	}
	x.w.WriteHeader(http.StatusNotModified)
	return nil
}

func (x *exchange) deleteObject() error {
	in := bucket.Delete{Bucket: x.bucket, Key: x.key, VersionID: x.query.Get("versionId"), IfMatch: x.header("If-Match")}
	if err := x.refuseBypass(); err != nil {
		return err
	}
	if err := x.refuseHeaders("X-Amz-Mfa", "X-Amz-If-Match-"); err != nil {
		return err
	}
	d, err := x.cfg.Buckets.Delete(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	setVersion(x.w.Header(), d.VersionID)
	if d.Marker {
		x.w.Header()["X-Amz-Delete-Marker"] = []string{"true"}
	}
	return x.noContent()
}

// refuseBypass refuses a deletion that would get around object lock, which no bucket
// has.
func (x *exchange) refuseBypass() error {
	if x.headerWith("X-Amz-Bypass-Governance-Retention") == "" {
		return nil
	}
	return badRequest("InvalidArgument", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
		bucket.Pair{Name: "ArgumentName", Value: "x-amz-bypass-governance-retention"})
}

func (x *exchange) copyObject() error {
	in, err := x.newObject()
	if err != nil {
		return err
	}
	// A copy that asks for a checksum gets that one.
	if in.Digests.Algorithm, err = x.checksumAlgorithm(); err != nil {
		return err
	}
	in.MetadataDirective = x.header("X-Amz-Metadata-Directive")
	c := bucket.Copy{To: in}
	if c.Source, err = x.copySource(); err != nil {
		return err
	}
	if c.ReplaceMetadata, err = x.directive("X-Amz-Metadata-Directive"); err != nil {
		return err
	}
	if c.ReplaceTags, err = x.directive("X-Amz-Tagging-Directive"); err != nil {
		return err
	}
	switch s := x.header("X-Amz-Object-Annotation-Directive"); s {
	case "", "COPY", "EXCLUDE": // no object has annotations
	default:
		return invalidArgument("Unknown annotation directive.", "x-amz-object-annotation-directive", s)
	}
	info, err := x.cfg.Buckets.Copy(x.ctx, x.who, c)
	if err != nil {
		return err
	}
	h := x.w.Header()
	setVersion(h, info.VersionID) // here S3 tells of the null version too
	setSourceVersion(h, info.SourceVersionID)
	x.setEncryption(&info.Encryption, true)
	d := newDocument("CopyObjectResult")
	d.time("LastModified", info.Modified)
	d.etag(info.ETag)
	d.checksum(info.Checksum)
	d.text("ChecksumType", info.Checksum.Type.String())
	return x.send(d)
}

func setSourceVersion(h http.Header, id string) {
	if id != "" && id != bucket.NullVersion {
		h["X-Amz-Copy-Source-Version-Id"] = []string{id}
	}
}

// copySource reads x-amz-copy-source: bucket/key, URL-encoded as a query, with or
// without a slash before it.
func (x *exchange) copySource() (bucket.Get, error) {
	source := x.header("X-Amz-Copy-Source")
	bad := invalidArgument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
	path, query, _ := strings.Cut(source, "?")
	path, err := url.QueryUnescape(path) // here a plus sign is a space
	if err != nil {
		return bucket.Get{}, bad
	}
	in := bucket.Get{Conditions: x.readConditions("X-Amz-Copy-Source-"), Customer: x.customerKey("Copy-Source-")}
	var ok bool
	// Some clients escape every slash, the optional first one too.
	if in.Bucket, in.Key, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/"); !ok || in.Key == "" {
		return bucket.Get{}, bad
	}
	if query != "" {
		if in.VersionID, ok = strings.CutPrefix(query, "versionId="); !ok {
			return bucket.Get{}, bad
		}
	}
	if b, err := x.cfg.Buckets.Lookup(x.ctx, in.Bucket); err == nil {
		return in, x.checkOwner("X-Amz-Source-Expected-Bucket-Owner", &b)
	}
	return in, nil
}

// directive tells COPY, the default, from REPLACE.
func (x *exchange) directive(header string) (replace bool, err error) {
	switch v := x.header(header); v {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalidArgument("Unknown "+strings.ToLower(strings.TrimPrefix(header, "X-Amz-"))+".", strings.ToLower(header), v)
	}
}
