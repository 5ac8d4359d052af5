package bucket

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// A version is one stored write of an object, as docs/spec/bucket-records.md
// describes its record. Its fields are what a listing needs first.
type version struct {
	kind       versionKind
	sizeBytes  int64
	modified   int64 // milliseconds since 1970
	etag       string
	checksum   Checksum
	id         string
	generation string // generationBytes that no other write has

	place    placeKind
	blob     string // name in Blobs, for placeBlob
	manifest []byte // SHA-256 of the list of parts, for placeParts
	parts    int

	meta    Metadata
	enc     Encryption
	form    wrapForm
	wrapped []byte // the data key, as form and enc.Algorithm say

	mac  []byte // over all of the above, under the object's data key
	tags []Pair // not under the MAC: tagging needs no access to the data key

	signed []byte // the bytes that mac covers, as stored
}

type versionKind byte

const (
	kindObject       versionKind = 1
	kindDeleteMarker versionKind = 2
	kindUpload       versionKind = 3 // in spaceUpload: what the object will be
)

// placeKind says where the sealed bytes are.
type placeKind byte

const (
	placeInline placeKind = 1 // in the record of spaceInline with the generation's name
	placeBlob   placeKind = 2
	placeParts  placeKind = 3
)

const (
	recordVersion   = 1
	recordRedirect  = 2 // of object records with a redirect
	generationBytes = 16
	macBytes        = 32
)

var errRecord = errors.New("bucket: damaged record")

func (v *version) modifiedAt() time.Time { return time.UnixMilli(v.modified).UTC() }

func (v *version) info(c *config, key string) Info {
	id := v.id
	if id == NullVersion && c.Versioning == Unversioned {
		id = ""
	}
	return Info{
		Bucket: c.name, Key: key, VersionID: id, SizeBytes: v.sizeBytes, ETag: v.etag,
		Modified: v.modifiedAt(), Metadata: v.meta, Checksum: v.checksum,
		Encryption: v.enc, Parts: v.parts, Tags: v.tags,
	}
}

func (v *version) listed(key string) Listed {
	return Listed{
		Key: key, SizeBytes: v.sizeBytes, ETag: v.etag, Modified: v.modifiedAt(),
		Checksum: v.checksum.Algorithm, Type: v.checksum.Type,
	}
}

// appendSigned encodes what the MAC covers.
func (v *version) appendSigned(b []byte) []byte {
	format := byte(recordVersion)
	if v.meta.Redirect != "" {
		format = recordRedirect
	}
	b = append(b, format, byte(v.kind))
	b = binary.AppendUvarint(b, uint64(v.sizeBytes))
	b = binary.AppendUvarint(b, uint64(v.modified))
	b = appendString(b, v.etag)
	b = append(b, byte(v.checksum.Algorithm), byte(v.checksum.Type))
	b = appendString(b, string(v.checksum.Value))
	b = appendString(b, v.id)
	b = appendString(b, v.generation)

	b = append(b, byte(v.place))
	b = appendString(b, v.blob)
	b = appendString(b, string(v.manifest))
	b = binary.AppendUvarint(b, uint64(v.parts))

	for _, s := range []string{
		v.meta.ContentType, v.meta.CacheControl, v.meta.ContentDisposition,
		v.meta.ContentEncoding, v.meta.ContentLanguage, v.meta.Expires,
	} {
		b = appendString(b, s)
	}
	if format == recordRedirect {
		b = appendString(b, v.meta.Redirect)
	}
	b = appendPairs(b, v.meta.User)

	b = appendString(b, string(v.enc.Algorithm))
	b = appendString(b, v.enc.KeyARN)
	b = appendPairs(b, sortedPairs(v.enc.Context))
	b = append(b, byte(v.form))
	return appendString(b, string(v.wrapped))
}

// encode needs signed and mac.
func (v *version) encode() []byte {
	b := append([]byte(nil), v.signed...)
	b = append(b, v.mac...)
	return appendPairs(b, v.tags)
}

// decodeVersion reads a record whole.
func decodeVersion(b []byte) (*version, error) {
	v := &version{}
	d := decoder{b: b}
	format := d.head(v)
	v.place = placeKind(d.byte())
	v.blob = d.string()
	v.manifest = []byte(d.string())
	v.parts = int(d.uvarint())
	for _, s := range []*string{
		&v.meta.ContentType, &v.meta.CacheControl, &v.meta.ContentDisposition,
		&v.meta.ContentEncoding, &v.meta.ContentLanguage, &v.meta.Expires,
	} {
		*s = d.string()
	}
	if format == recordRedirect {
		v.meta.Redirect = d.string()
	}
	v.meta.User = d.pairs()
	v.enc.Algorithm = Algorithm(d.string())
	v.enc.KeyARN = d.string()
	v.enc.Context = pairsMap(d.pairs())
	v.form = wrapForm(d.byte())
	v.enc.BucketKey = v.form.bucketKey()
	v.wrapped = []byte(d.string())
	v.signed = b[:len(b)-len(d.b)]
	v.mac = d.take(macBytes)
	v.tags = d.pairs()
	if d.failed || len(d.b) > 0 || v.form > wrapByObjectKey {
		return nil, errRecord
	}
	return v, nil
}

// decodeHead reads what a listing shows, without the rest.
func decodeHead(b []byte, v *version) error {
	d := decoder{b: b}
	d.head(v)
	if d.failed {
		return errRecord
	}
	return nil
}

func (d *decoder) head(v *version) (format byte) {
	if format = d.byte(); format != recordVersion && format != recordRedirect {
		d.failed = true
	}
	v.kind = versionKind(d.byte())
	v.sizeBytes = int64(d.uvarint())
	v.modified = int64(d.uvarint())
	v.etag = d.string()
	v.checksum.Algorithm = ChecksumAlgorithm(d.byte())
	v.checksum.Type = ChecksumType(d.byte())
	v.checksum.Value = []byte(d.string())
	v.id = d.string()
	v.generation = d.string()
	if v.sizeBytes < 0 || v.kind < kindObject || v.kind > kindUpload {
		d.failed = true
	}
	return format
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendPairs(b []byte, pairs []Pair) []byte {
	b = binary.AppendUvarint(b, uint64(len(pairs)))
	for _, p := range pairs {
		b = appendString(b, p.Name)
		b = appendString(b, p.Value)
	}
	return b
}

func sortedPairs(m map[string]string) []Pair {
	var pairs []Pair
	for _, k := range slices.SortedFunc(maps.Keys(m), strings.Compare) {
		pairs = append(pairs, Pair{k, m[k]})
	}
	return pairs
}

func pairsMap(pairs []Pair) map[string]string {
	if pairs == nil {
		return nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		m[p.Name] = p.Value
	}
	return m
}

// decoder reads what the append functions wrote. After a failure it yields
// zero values.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.failed = true
		d.b = nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) take(n int) []byte {
	if d.failed || n > len(d.b) {
		d.failed = true
		d.b = nil
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.failed = true
		return ""
	}
	return string(d.take(int(n)))
}

func (d *decoder) pairs() []Pair {
	n := d.uvarint()
	// Each pair takes two bytes at least.
	if n > uint64(len(d.b))/2 {
		d.failed = true
		return nil
	}
	var pairs []Pair
	for range n {
		pairs = append(pairs, Pair{d.string(), d.string()})
	}
	return pairs
}
