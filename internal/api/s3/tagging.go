package s3

import (
	"net/url"

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
