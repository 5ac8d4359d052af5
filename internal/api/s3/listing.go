package s3

import (
	"errors"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// listRequest is what both listings have in common.
type listRequest struct {
	bucket.List
	encode bool // names are URL-encoded
}

func (x *exchange) listRequest() (in listRequest, err error) {
	q := x.query
	in.List = bucket.List{Bucket: x.bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), Max: bucket.MaxListed}
	if s := q.Get("max-keys"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 0 {
			return in, invalidArgument("Provided max-keys not an integer or within integer range", "max-keys", s)
		}
		in.Max = int(min(n, bucket.MaxListed))
	}
	if s := q.Get("encoding-type"); q.Has("encoding-type") && s != "url" {
		return in, invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", s)
	}
	in.encode = q.Has("encoding-type")
	return in, nil
}

// name is a key, prefix or delimiter as the client wants to read it.
func (in *listRequest) name(s string) string {
	if !in.encode {
		return s
	}
	return encodeName(s)
}

// encodeName encodes as S3 does for encoding-type=url: a slash stays, a space
// becomes a plus sign.
func encodeName(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '*', c == '/':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// listObjectsV2 answers with the elements in the order that S3 uses.
func (x *exchange) listObjectsV2() error {
	if v := x.query.Get("list-type"); v != "2" {
		return invalidArgument("Invalid List Type specified in Request", "list-type", v)
	}
	in, err := x.listRequest()
	if err != nil {
		return err
	}
	q := x.query
	in.After, in.Token = q.Get("start-after"), q.Get("continuation-token")
	if _, given := q["continuation-token"]; given && in.Token == "" {
		return bucket.ErrBadToken
	}
	page, err := x.cfg.Buckets.List(x.ctx, x.who, in.List)
	if err != nil {
		return err
	}
	d := newDocument("ListBucketResult")
	d.text("Name", x.bucket)
	d.text("Prefix", in.name(in.Prefix))
	if in.Token == "" {
		d.optional("StartAfter", in.name(in.After))
	}
	d.optional("ContinuationToken", in.Token)
	d.optional("NextContinuationToken", page.Token)
	d.number("KeyCount", int64(len(page.Objects)+len(page.Prefixes)))
	d.number("MaxKeys", int64(in.Max))
	d.optional("Delimiter", in.name(in.Delimiter))
	if in.encode {
		d.text("EncodingType", "url")
	}
	d.boolean("IsTruncated", page.Token != "")
	return x.sendPage(d, &in, &page, q.Get("fetch-owner") == "true")
}

func (x *exchange) listObjects() error {
	in, err := x.listRequest()
	if err != nil {
		return err
	}
	in.After, in.PastPrefix = x.query.Get("marker"), true
	page, err := x.cfg.Buckets.List(x.ctx, x.who, in.List)
	if err != nil {
		return err
	}
	d := newDocument("ListBucketResult")
	d.text("Name", x.bucket)
	d.text("Prefix", in.name(in.Prefix))
	d.text("Marker", in.name(in.After))
	if in.Delimiter != "" {
		// Without a delimiter clients go on after the last key.
		d.optional("NextMarker", in.name(page.Next))
	}
	d.number("MaxKeys", int64(in.Max))
	d.optional("Delimiter", in.name(in.Delimiter))
	if in.encode {
		d.text("EncodingType", "url")
	}
	d.boolean("IsTruncated", page.Token != "")
	return x.sendPage(d, &in, &page, x.who.Principal.Kind != policy.Anonymous)
}

func (x *exchange) sendPage(d *document, in *listRequest, page *bucket.Listing, withOwner bool) error {
	owner := ""
	if withOwner {
		if b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket); err == nil {
			owner = identity.CanonicalID(b.Owner)
		}
	}
	for i := range page.Objects {
		o := &page.Objects[i]
		d.begin("Contents")
		d.text("Key", in.name(o.Key))
		d.time("LastModified", o.Modified)
		d.etag(o.ETag)
		d.checksumKind(o.Checksum, o.Type)
		d.number("Size", o.SizeBytes)
		if owner != "" {
			d.begin("Owner")
			d.text("ID", owner)
			d.end()
		}
		d.text("StorageClass", "STANDARD")
		d.end()
	}
	d.prefixes(in, page.Prefixes)
	return x.send(d)
}

func (d *document) prefixes(in *listRequest, list []string) {
	for _, p := range list {
		d.begin("CommonPrefixes")
		d.text("Prefix", in.name(p))
		d.end()
	}
}

func (d *document) checksumKind(a bucket.ChecksumAlgorithm, t bucket.ChecksumType) {
	if a != bucket.NoChecksum {
		d.text("ChecksumAlgorithm", a.String())
		d.text("ChecksumType", t.String())
	}
}

var deleteRequestDocument = restxml.Of[deleteRequest]("Delete")

type deleteRequest struct {
	Objects []struct {
		Key              string  `xml:"Key"`
		VersionID        string  `xml:"VersionId"`
		ETag             string  `xml:"ETag"`
		LastModifiedTime *string `xml:"LastModifiedTime"`
		Size             *string `xml:"Size"`
	} `xml:"Object"`
	Quiet bool `xml:"Quiet"`
}

const maxDeleted = 1000

func (x *exchange) deleteObjects() error {
	if !x.hasIntegrity() {
		return badRequest("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	b, err := x.readBody(maxDeleteBytes)
	if err != nil {
		return err
	}
	req, err := decodeXML(b, deleteRequestDocument)
	if err != nil {
		return err
	}
	if len(req.Objects) == 0 || len(req.Objects) > maxDeleted {
		return errXML
	}
	if err := x.refuseBypass(); err != nil {
		return err
	}
	if err := x.refuseHeaders("X-Amz-Mfa"); err != nil {
		return err
	}
	// A bucket that does not exist is an error of the request, not of each key.
	if _, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket); err != nil {
		return err
	}
	list := make([]bucket.Delete, len(req.Objects))
	for i, o := range req.Objects {
		if o.LastModifiedTime != nil || o.Size != nil {
			return notImplemented("DeleteObjects with LastModifiedTime or Size")
		}
		list[i] = bucket.Delete{Bucket: x.bucket, Key: o.Key, VersionID: o.VersionID, IfMatch: o.ETag}
	}
	results := x.cfg.Buckets.DeleteMany(x.ctx, x.who, list)
	d := newDocument("DeleteResult")
	for i := range results {
		switch r, err := &results[i], results[i].Err; {
		case err == nil && !req.Quiet:
			d.begin("Deleted")
			d.text("Key", list[i].Key)
			d.optional("VersionId", list[i].VersionID)
			if r.Marker {
				d.text("DeleteMarker", "true")
				d.text("DeleteMarkerVersionId", r.VersionID)
			}
			d.end()
		case err != nil:
			e := asAPIError(err)
			if errors.Is(err, bucket.ErrInvalidVersion) {
				// Unlike DeleteObject, which calls it an invalid argument.
				e = asAPIError(bucket.ErrNoVersion)
			}
			d.begin("Error")
			d.text("Key", list[i].Key)
			d.optional("VersionId", list[i].VersionID)
			d.text("Code", e.code)
			d.text("Message", e.message)
			d.end()
		}
	}
	return x.send(d)
}

// hasIntegrity tells whether the body comes with a digest of some kind.
func (x *exchange) hasIntegrity() bool {
	h := x.r.Header
	if h.Get("Content-Md5") != "" || h.Get("X-Amz-Trailer") != "" {
		return true
	}
	for _, name := range checksumHeaders {
		if name != "" && h.Get(name) != "" {
			return true
		}
	}
	return false
}
