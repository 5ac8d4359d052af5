package bucket

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Part describes one uploaded part.
type Part struct {
	Number    int
	SizeBytes int64
	ETag      string
	Modified  time.Time
	Checksum  Checksum
	// Wanted says that the upload asked for such checksums. Else Checksum is what the
	// uploader gave, or one that this package needs.
	Wanted     bool
	Encryption Encryption // filled by PutPart only
	// SourceVersionID is that of Copied, filled by CopyPart only.
	SourceVersionID string
}

// part is the record of a part, in spacePart and in manifests.
type part struct {
	number    int
	sizeBytes int64
	modified  int64
	etag      string
	checksum  Checksum
	attempt   string // 16 random bytes, another for each upload of the same number
	place     placeKind
	blob      string
	mac       []byte
}

func (pt *part) part() Part {
	return Part{
		Number: pt.number, SizeBytes: pt.sizeBytes, ETag: pt.etag, Checksum: pt.checksum,
		Modified: time.UnixMilli(pt.modified).UTC(),
	}
}

func (pt *part) appendSigned(b []byte) []byte {
	b = append(b, recordVersion)
	b = binary.AppendUvarint(b, uint64(pt.number))
	b = binary.AppendUvarint(b, uint64(pt.sizeBytes))
	b = binary.AppendUvarint(b, uint64(pt.modified))
	b = appendString(b, pt.etag)
	b = append(b, byte(pt.checksum.Algorithm), byte(pt.checksum.Type))
	b = appendString(b, string(pt.checksum.Value))
	b = appendString(b, pt.attempt)
	b = append(b, byte(pt.place))
	return appendString(b, pt.blob)
}

func (pt *part) encode() []byte { return append(pt.appendSigned(nil), pt.mac...) }

func (d *decoder) part() *part {
	pt := &part{}
	if d.byte() != recordVersion {
		d.failed = true
	}
	pt.number = int(d.uvarint())
	pt.sizeBytes = int64(d.uvarint())
	pt.modified = int64(d.uvarint())
	pt.etag = d.string()
	pt.checksum.Algorithm = ChecksumAlgorithm(d.byte())
	pt.checksum.Type = ChecksumType(d.byte())
	pt.checksum.Value = []byte(d.string())
	pt.attempt = d.string()
	pt.place = placeKind(d.byte())
	pt.blob = d.string()
	pt.mac = d.take(macBytes)
	if pt.number < 1 || pt.number > MaxParts || pt.sizeBytes < 0 || pt.place != placeInline && pt.place != placeBlob {
		d.failed = true
	}
	return pt
}

func decodePart(b []byte) (*part, error) {
	d := decoder{b: b}
	pt := d.part()
	if d.failed || len(d.b) > 0 {
		return nil, errRecord
	}
	return pt, nil
}

// drop removes the records of the part's content and adds its blob to blobs.
func (pt *part) drop(tx store.Writer, blobs []string) ([]string, error) {
	if pt.place == placeInline {
		return blobs, tx.Delete(spaceInline, pt.attempt)
	}
	return append(blobs, pt.blob), tx.Delete(spaceBlob, pt.blob)
}

// A manifest is the list of an object's parts in their order. The object's
// record holds its SHA-256, under the record's MAC.
func encodeManifest(parts []*part) (b, sum []byte) {
	b = binary.AppendUvarint([]byte{recordVersion}, uint64(len(parts)))
	for _, pt := range parts {
		b = append(b, pt.encode()...)
	}
	s := sha256.Sum256(b)
	return b, s[:]
}

func decodeManifest(b []byte) ([]*part, error) {
	d := decoder{b: b}
	if d.byte() != recordVersion {
		return nil, errRecord
	}
	n := d.uvarint()
	if n == 0 || n > MaxParts {
		return nil, errRecord
	}
	parts := make([]*part, 0, n)
	for range n {
		if parts = append(parts, d.part()); d.failed {
			return nil, errRecord
		}
	}
	if len(d.b) > 0 {
		return nil, errRecord
	}
	return parts, nil
}
