package s3

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

func (x *exchange) uploadRef() bucket.UploadRef {
	return bucket.UploadRef{Bucket: x.bucket, Key: x.key, ID: x.query.Get("uploadId")}
}

func (x *exchange) createUpload() error {
	in, err := x.newObject()
	if err != nil {
		return err
	}
	if in.Conditions != (bucket.WriteConditions{}) {
		return notImplemented("conditions of CreateMultipartUpload")
	}
	checksum, err := x.uploadChecksum()
	if err != nil {
		return err
	}
	u, err := x.cfg.Buckets.CreateUpload(x.ctx, x.who, in, checksum)
	if err != nil {
		return err
	}
	h := x.w.Header()
	x.setEncryption(&u.Encryption, true)
	if u.Checksum.Algorithm != bucket.NoChecksum {
		h["X-Amz-Checksum-Algorithm"] = []string{u.Checksum.Algorithm.String()}
		h["X-Amz-Checksum-Type"] = []string{u.Checksum.Type.String()}
	}
	d := newDocument("InitiateMultipartUploadResult")
	d.text("Bucket", u.Bucket)
	d.text("Key", u.Key)
	d.text("UploadId", u.ID)
	return x.send(d)
}

// uploadChecksum reads which checksum an upload is to have.
func (x *exchange) uploadChecksum() (c bucket.Checksum, err error) {
	if c.Algorithm, err = x.checksumAlgorithm(); err == nil {
		c.Type, err = checksumType(x.header("X-Amz-Checksum-Type"))
	}
	return c, err
}

// checksumAlgorithm reads which checksum is asked for, without its value.
func (x *exchange) checksumAlgorithm() (bucket.ChecksumAlgorithm, error) {
	s := x.header("X-Amz-Checksum-Algorithm")
	if s == "" {
		return bucket.NoChecksum, nil
	}
	a, ok := bucket.ParseChecksumAlgorithm(strings.ToUpper(s))
	if !ok {
		return a, badRequest("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return a, nil
}

func checksumType(s string) (bucket.ChecksumType, error) {
	switch strings.ToUpper(s) {
	case "":
		return 0, nil
	case "FULL_OBJECT":
		return bucket.FullObject, nil
	case "COMPOSITE":
		return bucket.Composite, nil
	}
	return 0, badRequest("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
}

func (x *exchange) putPart() error {
	n, err := x.partNumber()
	if err != nil {
		return err
	}
	if err := x.refuseEncryption(); err != nil {
		return err
	}
	body, err := x.openBody()
	if err != nil {
		return err
	}
	p, err := x.cfg.Buckets.PutPart(x.ctx, x.who, bucket.PutPart{
		Upload: x.uploadRef(), Number: n, Body: body, SizeBytes: body.size, Digests: body.digests, Customer: x.customerKey(""),
	})
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Etag"] = []string{`"` + p.ETag + `"`}
	x.setEncryption(&p.Encryption, false)
	setChecksum(h, p.Checksum, 0)
	delete(h, "X-Amz-Checksum-Type")
	return x.ok()
}

func (x *exchange) partNumber() (int, error) {
	s := x.query.Get("partNumber")
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > bucket.MaxParts {
		return 0, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", s)
	}
	return n, nil
}

// copyPart uploads a part from an object that is there.
func (x *exchange) copyPart() error {
	n, err := x.partNumber()
	if err != nil {
		return err
	}
	source, err := x.copySource()
	if err != nil {
		return err
	}
	if err := x.refuseEncryption(); err != nil {
		return err
	}
	if s := x.header("X-Amz-Copy-Source-Range"); s != "" {
		// Here the range has to name both ends.
		if source.Range = parseRange(s); source.Range == nil || source.Range.Suffix > 0 || source.Range.Last < 0 {
			return invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
				"x-amz-copy-source-range", s)
		}
	}
	p, err := x.cfg.Buckets.CopyPart(x.ctx, x.who, bucket.CopyPart{Source: source, Upload: x.uploadRef(), Number: n, Customer: x.customerKey("")})
	if err != nil {
		return err
	}
	setSourceVersion(x.w.Header(), p.SourceVersionID)
	x.setEncryption(&p.Encryption, false)
	d := newDocument("CopyPartResult")
	d.time("LastModified", p.Modified)
	d.etag(p.ETag)
	if p.Wanted {
		d.checksum(p.Checksum)
	}
	return x.send(d)
}

// checksum writes the element of a checksum's algorithm.
func (d *document) checksum(c bucket.Checksum) {
	if c.Algorithm != bucket.NoChecksum {
		d.text("Checksum"+c.Algorithm.String(), base64.StdEncoding.EncodeToString(c.Value))
	}
}

var completeRequestDocument = restxml.Of[completeRequest]("CompleteMultipartUpload")

type completeRequest struct {
	Parts []struct {
		Number    int    `xml:"PartNumber"`
		ETag      string `xml:"ETag"`
		CRC32     string `xml:"ChecksumCRC32"`
		CRC32C    string `xml:"ChecksumCRC32C"`
		CRC64NVME string `xml:"ChecksumCRC64NVME"`
		SHA1      string `xml:"ChecksumSHA1"`
		SHA256    string `xml:"ChecksumSHA256"`
	} `xml:"Part"`
}

// maxCompleteBytes is room for 10,000 parts with their checksums.
const maxCompleteBytes = 4 << 20

func (x *exchange) completeUpload() error {
	in, err := x.readComplete()
	if err != nil {
		return err
	}
	info, err := x.cfg.Buckets.CompleteUpload(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	setNewVersion(x.w.Header(), info.VersionID)
	if info.Encryption.Algorithm != bucket.CustomerManaged { // of the client's own key it says nothing
		x.setEncryption(&info.Encryption, false)
	}
	d := newDocument("CompleteMultipartUploadResult")
	d.text("Location", x.location())
	d.text("Bucket", info.Bucket)
	d.text("Key", info.Key)
	d.etag(info.ETag)
	d.text("Checksum"+info.Checksum.Algorithm.String(), checksumText(info.Checksum, info.Parts))
	d.text("ChecksumType", info.Checksum.Type.String())
	return x.send(d)
}

func (x *exchange) readComplete() (in bucket.Complete, err error) {
	algorithm, checksum, err := x.takeChecksum()
	if err != nil {
		return in, err
	}
	content, err := x.readBody(maxCompleteBytes)
	if err != nil {
		return in, err
	}
	req := &completeRequest{} // without a body it names no part
	if len(content) > 0 {
		if req, err = decodeXML(content, completeRequestDocument); err != nil {
			return in, err
		}
	}
	in = bucket.Complete{Upload: x.uploadRef(), SizeBytes: -1, Customer: x.customerKey("")}
	if in.Conditions, err = x.writeConditions(); err != nil {
		return in, err
	}
	if s := x.header("X-Amz-Mp-Object-Size"); s != "" {
		if in.SizeBytes, err = strconv.ParseInt(s, 10, 64); err != nil || in.SizeBytes < 0 {
			return in, badRequest("InvalidRequest", "Value for x-amz-mp-object-size header is invalid.")
		}
	}
	if in.Checksum.Type, err = checksumType(x.header("X-Amz-Checksum-Type")); err != nil {
		return in, err
	}
	if algorithm != bucket.NoChecksum {
		// One of the composite type may come as it is shown, with the number of parts.
		value, suffix, composite := strings.Cut(checksum, "-")
		if composite && suffix != strconv.Itoa(len(req.Parts)) {
			value = ""
		}
		if in.Checksum.Value, err = parseChecksum(algorithm, value); err != nil {
			return in, err
		}
		in.Checksum.Algorithm = algorithm
	}
	in.Parts, err = req.parts()
	return in, err
}

// parts are the parts that a completion lists, each with one checksum at most.
func (r *completeRequest) parts() ([]bucket.CompletedPart, error) {
	var parts []bucket.CompletedPart
	for _, p := range r.Parts {
		c := bucket.CompletedPart{Number: p.Number, ETag: p.ETag}
		for a, s := range [...]string{bucket.CRC32: p.CRC32, bucket.CRC32C: p.CRC32C, bucket.CRC64NVME: p.CRC64NVME, bucket.SHA1: p.SHA1, bucket.SHA256: p.SHA256} {
			switch {
			case s == "":
				continue
			case c.Checksum.Algorithm != bucket.NoChecksum:
				return nil, errTwoChecksums
			}
			var err error
			if c.Checksum.Value, err = parseChecksum(bucket.ChecksumAlgorithm(a), s); err != nil {
				return nil, err
			}
			c.Checksum.Algorithm = bucket.ChecksumAlgorithm(a)
		}
		parts = append(parts, c)
	}
	return parts, nil
}

// location is the URL of the object as the client could ask for it.
func (x *exchange) location() string {
	scheme := "http"
	if x.who.TLS {
		scheme = "https"
	}
	u := url.URL{Scheme: scheme, Host: x.r.Host, Path: "/" + x.bucket + "/" + x.key}
	if x.hosts.bucket(x.r.Host) != "" {
		u.Path = "/" + x.key
	}
	return u.String()
}

func (x *exchange) abortUpload() error {
	if err := x.refuseHeaders("X-Amz-If-Match-"); err != nil {
		return err
	}
	if err := x.cfg.Buckets.AbortUpload(x.ctx, x.who, x.uploadRef()); err != nil {
		return err
	}
	return x.noContent()
}

// limit reads a parameter such as max-parts.
func (x *exchange) limit(name string) (int, error) {
	s := x.query.Get(name)
	if s == "" {
		return bucket.MaxListed, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, invalidArgument("Provided "+name+" not an integer or within integer range", name, s)
	}
	return int(min(n, bucket.MaxListed)), nil
}

func (x *exchange) listParts() error {
	limit, err := x.limit("max-parts")
	if err != nil {
		return err
	}
	after := 0
	if s := x.query.Get("part-number-marker"); s != "" {
		if after, err = strconv.Atoi(s); err != nil || after < 0 {
			return invalidArgument("Provided part-number-marker not an integer or within integer range", "part-number-marker", s)
		}
	}
	u, parts, more, err := x.cfg.Buckets.Parts(x.ctx, x.who, x.uploadRef(), after, limit)
	if err != nil {
		return err
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("ListPartsResult")
	d.text("Bucket", u.Bucket)
	d.text("Key", u.Key)
	d.text("UploadId", u.ID)
	d.owner("Initiator", b.Owner)
	d.owner("Owner", b.Owner)
	d.text("StorageClass", "STANDARD")
	d.number("PartNumberMarker", int64(after))
	d.nextPart(parts)
	d.number("MaxParts", int64(limit))
	d.boolean("IsTruncated", more && limit > 0)
	for _, p := range parts {
		d.begin("Part")
		d.number("PartNumber", int64(p.Number))
		d.time("LastModified", p.Modified)
		d.etag(p.ETag)
		d.number("Size", p.SizeBytes)
		if p.Wanted {
			d.checksum(p.Checksum)
		}
		d.end()
	}
	d.checksumKind(u.Checksum.Algorithm, u.Checksum.Type)
	return x.send(d)
}

// nextPart writes after which part the next page begins; 0 behind an empty page.
func (d *document) nextPart(page []bucket.Part) {
	next := 0
	if len(page) > 0 {
		next = page[len(page)-1].Number
	}
	d.number("NextPartNumberMarker", int64(next))
}

func (x *exchange) listUploads() error {
	names, err := x.listRequest()
	if err != nil {
		return err
	}
	q := x.query
	in := bucket.UploadPage{
		Bucket: x.bucket, Prefix: names.Prefix, Delimiter: names.Delimiter,
		AfterKey: q.Get("key-marker"), AfterID: q.Get("upload-id-marker"),
	}
	if in.AfterKey == "" {
		in.AfterID = "" // it has no meaning alone
	}
	if in.Max, err = x.limit("max-uploads"); err != nil {
		return err
	}
	page, err := x.cfg.Buckets.Uploads(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("ListMultipartUploadsResult")
	d.text("Bucket", x.bucket)
	d.text("KeyMarker", names.name(in.AfterKey))
	d.text("UploadIdMarker", in.AfterID)
	// They are there on the last page too, but for a common prefix at its end.
	if !page.More && page.NextID == "" {
		page.NextKey = ""
	}
	d.text("NextKeyMarker", names.name(page.NextKey))
	d.text("NextUploadIdMarker", page.NextID)
	d.optional("Delimiter", names.name(in.Delimiter))
	d.optional("Prefix", names.name(in.Prefix))
	if names.encode {
		d.text("EncodingType", "url")
	}
	d.number("MaxUploads", int64(in.Max))
	d.boolean("IsTruncated", page.More)
	for _, u := range page.Uploads {
		d.begin("Upload")
		d.text("Key", names.name(u.Key))
		d.text("UploadId", u.ID)
		d.owner("Initiator", b.Owner)
		d.owner("Owner", b.Owner)
		d.text("StorageClass", "STANDARD")
		d.time("Initiated", u.Started)
		d.checksumKind(u.Checksum.Algorithm, u.Checksum.Type)
		d.end()
	}
	d.prefixes(&names, page.Prefixes)
	return x.send(d)
}
