package s3

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

var taggingDocument = restxml.Of[tagging]("Tagging")

type tagging struct {
	Tags []tag `xml:"TagSet>Tag"`
}

type tag struct {
	Key   *string `xml:"Key"`
	Value *string `xml:"Value"`
}

// readTags reads the body of a tagging operation; without a tag the result is
// empty and not nil.
func (x *exchange) readTags() ([]bucket.Pair, error) {
	t, err := readXML(x, taggingDocument)
	if err != nil {
		return nil, err
	}
	return pairs(t.Tags)
}

// pairs checks that every tag is whole. The result is not nil.
func pairs(tags []tag) ([]bucket.Pair, error) {
	list := make([]bucket.Pair, len(tags))
	for i, t := range tags {
		if t.Key == nil || t.Value == nil {
			return nil, errXML
		}
		list[i] = bucket.Pair{Name: *t.Key, Value: *t.Value}
	}
	return list, nil
}

func (x *exchange) sendTags(tags []bucket.Pair) error {
	d := newDocument("Tagging")
	d.begin("TagSet")
	for _, t := range tags {
		d.begin("Tag")
		d.text("Key", t.Name)
		d.text("Value", t.Value)
		d.end()
	}
	return x.send(d)
}

// parseTags reads the header x-amz-tagging.
func parseTags(s string) ([]bucket.Pair, error) {
	q, err := url.ParseQuery(s)
	bad := invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.", "x-amz-tagging", s)
	if err != nil {
		return nil, bad
	}
	var tags []bucket.Pair
	for name, values := range q {
		if len(values) != 1 {
			return nil, bad
		}
		tags = append(tags, bucket.Pair{Name: name, Value: values[0]})
	}
	return tags, nil
}

// version names the object that a sub-resource belongs to.
func (x *exchange) version() bucket.Get {
	return bucket.Get{Bucket: x.bucket, Key: x.key, VersionID: x.query.Get("versionId"), Described: true}
}

// inspect decides about an action on the object and describes it.
func (x *exchange) inspect(action policy.Action) (bucket.Info, error) {
	info, err := x.cfg.Buckets.Inspect(x.ctx, x.who, x.version(), action)
	setVersion(x.w.Header(), info.VersionID)
	return info, err
}

func (x *exchange) getTags() error {
	info, err := x.inspect("s3:GetObjectTagging")
	if err != nil {
		return err
	}
	return x.sendTags(info.Tags)
}

func (x *exchange) putTags() error {
	tags, err := x.readTags()
	if err != nil {
		return err
	}
	id, err := x.cfg.Buckets.SetTags(x.ctx, x.who, x.version(), tags)
	if err != nil {
		return err
	}
	setVersion(x.w.Header(), id)
	return x.ok()
}

func (x *exchange) deleteTags() error {
	id, err := x.cfg.Buckets.SetTags(x.ctx, x.who, x.version(), nil)
	if err != nil {
		return err
	}
	setVersion(x.w.Header(), id)
	return x.noContent()
}

func (x *exchange) getBucketTags() error {
	tags, err := x.cfg.Buckets.BucketTags(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	return x.sendTags(tags)
}

func (x *exchange) putBucketTags() error {
	tags, err := x.readTags()
	if err != nil {
		return err
	}
	if err := x.cfg.Buckets.SetBucketTags(x.ctx, x.who, x.bucket, tags); err != nil {
		return err
	}
	return x.noContent()
}

func (x *exchange) deleteBucketTags() error {
	if err := x.cfg.Buckets.SetBucketTags(x.ctx, x.who, x.bucket, nil); err != nil {
		return err
	}
	return x.noContent()
}

// getAttributes tells those attributes of an object that the request names.
func (x *exchange) getAttributes() error {
	in, err := x.readRequest()
	if err != nil {
		return err
	}
	in.Range, in.Part = nil, 0
	wanted := map[string]bool{}
	lines := x.r.Header["X-Amz-Object-Attributes"]
	if len(lines) == 0 {
		lines = []string{x.header("X-Amz-Object-Attributes")} // of a presigned URL
	}
	for _, line := range lines {
		if line == "" {
			continue
		}
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if !slices.Contains([]string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}, name) {
				return invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", name)
			}
			wanted[name] = true
		}
	}
	if len(wanted) == 0 {
		return invalidArgument("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty", "x-amz-object-attributes", "")
	}
	limit, after := bucket.MaxListed, 0
	for name, into := range map[string]*int{"X-Amz-Max-Parts": &limit, "X-Amz-Part-Number-Marker": &after} {
		if s := x.header(name); s != "" {
			if *into, err = strconv.Atoi(s); err != nil || *into < 0 {
				return invalidArgument("Provided "+strings.ToLower(name)+" not an integer or within integer range", strings.ToLower(name), s)
			}
		}
	}
	limit = min(limit, bucket.MaxListed)
	in.Checksum = wanted["Checksum"] || wanted["ObjectParts"]
	info, parts, err := x.cfg.Buckets.Attributes(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	h := x.w.Header()
	setVersion(h, info.VersionID)
	setModified(h, info.Modified)
	d := newDocument("GetObjectAttributesResponse")
	if wanted["ETag"] {
		d.text("ETag", info.ETag) // without quotes, as on S3
	}
	if wanted["Checksum"] && info.Checksum.Algorithm != bucket.NoChecksum {
		d.begin("Checksum")
		d.checksum(info.Checksum) // without the number of parts, as on S3
		d.text("ChecksumType", info.Checksum.Type.String())
		d.end()
	}
	if wanted["ObjectParts"] && info.Parts > 0 {
		d.objectParts(parts, after, limit, info.Checksum.Type == bucket.Composite)
	}
	if wanted["StorageClass"] {
		d.text("StorageClass", "STANDARD")
	}
	if wanted["ObjectSize"] {
		d.number("ObjectSize", info.SizeBytes)
	}
	return x.send(d)
}

// objectParts lists a page of parts; S3 shows the parts themselves only where
// each has a checksum of its own.
func (d *document) objectParts(parts []bucket.Part, after, limit int, each bool) {
	d.begin("ObjectParts")
	d.number("PartsCount", int64(len(parts)))
	if each {
		first, _ := slices.BinarySearchFunc(parts, after+1, func(p bucket.Part, n int) int { return p.Number - n })
		page := parts[first:min(first+limit, len(parts))]
		d.number("PartNumberMarker", int64(after))
		d.nextPart(page)
		d.number("MaxParts", int64(limit))
		d.boolean("IsTruncated", first+len(page) < len(parts))
		for _, p := range page {
			d.begin("Part")
			d.number("PartNumber", int64(p.Number))
			d.number("Size", p.SizeBytes)
			d.checksum(p.Checksum)
			d.end()
		}
	}
	d.end()
}
