package s3

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// getAttributes tells those attributes of an object that the request names.
func (x *exchange) getAttributes() error {
	in, err := x.readRequest()
	if err != nil {
		return err
	}
	in.Range, in.Part = nil, 0
	wanted, err := x.wantedAttributes()
	if err != nil {
		return err
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

// wantedAttributes is which attributes of an object the request names.
func (x *exchange) wantedAttributes() (map[string]bool, error) {
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
				return nil, invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", name)
			}
			wanted[name] = true
		}
	}
	if len(wanted) == 0 {
		return nil, invalidArgument("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty", "x-amz-object-attributes", "")
	}
	return wanted, nil
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
