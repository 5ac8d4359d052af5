package bucket

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// MaxParts is how many parts an object may have; they are numbered from 1.
	MaxParts = 10_000
	// MinPartBytes is the smallest part, but for the last one: 5 MiB.
	MinPartBytes = 5 << 20
)

// Upload describes a multipart upload that is under way.
type Upload struct {
	Bucket, Key string
	ID          string
	Started     time.Time
	Encryption  Encryption
	// Checksum has no value. Its algorithm is NoChecksum if the client named
	// none; the object then gets a CRC64NVME.
	Checksum Checksum
}

// CreateUpload begins a multipart upload. Everything about the object but its
// content is fixed here; of in, Body, SizeBytes, Conditions and the values of
// Digests are not used. checksum.Type may be 0 for the algorithm's default.
//
// Errors are those of Put that do not come from a body.
//
// Source: Amazon S3 API Reference, CreateMultipartUpload.
func (s *Service) CreateUpload(ctx context.Context, who Caller, in Put, checksum Checksum) (u Upload, err error) {
	call := s.begin(&who, "s3:PutObject")
	defer call.End(ctx, &err)
	in.SizeBytes, in.Conditions = 0, WriteConditions{}
	c, enc, err := s.admitWrite(ctx, call, &who, &in)
	if err != nil {
		return Upload{}, err
	}
	if checksum.Type, err = uploadChecksumType(checksum); err != nil {
		return Upload{}, err
	}
	now := s.cfg.Clock.Now()
	v := &version{
		kind: kindUpload, generation: newUploadGeneration(now),
		checksum: checksum, meta: in.Metadata, tags: in.Tags, enc: enc,
	}
	data, err := s.newDataKey(ctx, &who, c, in.Key, v, in.Encryption.Customer)
	if err != nil {
		return Upload{}, err
	}
	defer data.wipe()
	v.seal(data, c, in.Key, now)
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			if _, err := readSame(tx, c); err != nil {
				return err
			}
			return tx.Put(spaceUpload, uploadKey(c.ID, in.Key, v.generation), v.encode())
		})
	})
	if err != nil {
		return Upload{}, err
	}
	return v.upload(c.name, in.Key), nil
}

func (v *version) upload(bucket, key string) Upload {
	return Upload{
		Bucket: bucket, Key: key, ID: encodeUploadID(v.generation), Started: v.modifiedAt(),
		Encryption: v.enc, Checksum: Checksum{Algorithm: v.checksum.Algorithm, Type: v.checksum.Type},
	}
}

// uploadChecksumType checks that the algorithm can be of the type, or chooses.
func uploadChecksumType(c Checksum) (ChecksumType, error) {
	_, bits := c.Algorithm.polynomial()
	switch {
	case c.Algorithm == NoChecksum && c.Type == 0:
		return 0, nil
	case c.Algorithm == NoChecksum:
		return 0, fmt.Errorf("%w: a checksum type needs a checksum algorithm", ErrChecksumType)
	case c.Algorithm == CRC64NVME && c.Type == Composite:
		return 0, fmt.Errorf("%w: the COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm", ErrChecksumType)
	case bits == 0 && c.Type == FullObject:
		return 0, fmt.Errorf("%w: the FULL_OBJECT checksum type cannot be used with the %s checksum algorithm", ErrChecksumType, c.Algorithm)
	case c.Type != 0:
		return c.Type, nil
	case c.Algorithm == CRC64NVME:
		return FullObject, nil
	default:
		return Composite, nil
	}
}

// newUploadGeneration begins with the time, so that the uploads of one key
// order as they began.
func newUploadGeneration(now time.Time) string {
	var b [generationBytes]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli()))
	rand.Read(b[8:])
	return string(b[:])
}

func encodeUploadID(generation string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(generation))
}

func decodeUploadID(id string) (generation string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) != generationBytes {
		return "", ErrNoUpload
	}
	return string(b), nil
}

// UploadRef names an upload.
type UploadRef struct{ Bucket, Key, ID string }

// admitUpload decides about a call on an upload and reads the upload's record.
func (s *Service) admitUpload(ctx context.Context, call *pass, ref UploadRef, action policy.Action) (*config, *version, error) {
	c, err := s.config(ctx, ref.Bucket)
	if err != nil {
		return nil, nil, err
	}
	if err := checkKey(ref.Key); err != nil {
		return nil, nil, err
	}
	if err := call.decide(c, ref.Key, action); err != nil {
		return nil, nil, err
	}
	generation, err := decodeUploadID(ref.ID)
	if err != nil {
		return c, nil, err
	}
	var v *version
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		v, err = readUpload(tx, c, ref.Key, generation)
		return err
	})
	return c, v, err
}

func readUpload(tx store.Reader, c *config, key, generation string) (*version, error) {
	value, err := tx.Get(spaceUpload, uploadKey(c.ID, key, generation))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoUpload
	}
	if err != nil {
		return nil, err
	}
	return decodeVersion(value)
}

// openUpload is openRecord for an upload, with the error that S3 has there.
func (s *Service) openUpload(ctx context.Context, who *Caller, c *config, key string, u *version, customer *CustomerKey) (dataKey, error) {
	data, err := s.openRecord(ctx, who, c, key, u, customer)
	if errors.Is(err, ErrCustomerKeyWrong) {
		err = fmt.Errorf("%w: %s", ErrEncryption, "The provided encryption parameters did not match the ones used originally.")
	}
	return data, err
}

// PutPart says what to upload.
type PutPart struct {
	Upload UploadRef
	Number int // 1 to MaxParts

	// As in Put.
	Body      io.Reader
	SizeBytes int64
	Digests   DeclaredDigests
	// Customer is the key of an upload under SSE-C.
	Customer *CustomerKey
	// CopySource is the object that a copy comes from, as bucket/key; only
	// policies see it.
	CopySource string
}

// PutPart uploads a part, in place of one that has the number already. Nothing
// of it is visible before the upload is completed.
//
// It returns ErrNoUpload, ErrPartNumber, ErrChecksumType and the errors of Put
// that come from a body or a key.
//
// Source: Amazon S3 API Reference, UploadPart.
func (s *Service) PutPart(ctx context.Context, who Caller, in PutPart) (p Part, err error) {
	call := s.begin(&who, "s3:PutObject")
	defer call.End(ctx, &err)
	call.setNamed("s3:x-amz-copy-source", in.CopySource)
	c, u, err := s.admitUpload(ctx, call, in.Upload, "")
	if err != nil {
		return Part{}, err
	}
	switch {
	case in.Number < 1 || in.Number > MaxParts:
		return Part{}, ErrPartNumber
	case in.SizeBytes < 0:
		return Part{}, ErrIncomplete
	case in.SizeBytes > MaxObjectBytes:
		return Part{}, ErrTooLarge
	}
	declared := in.Digests
	switch want := u.checksum.Algorithm; {
	case want == NoChecksum:
	case declared.Algorithm == NoChecksum:
		declared.Algorithm = want
	case declared.Algorithm != want:
		return Part{}, fmt.Errorf("%w: checksum type mismatch occurred, expected checksum type: %s, actual checksum type: %s", ErrChecksumType, want, declared.Algorithm)
	}
	if err := u.enc.checkPart(in.Customer); err != nil {
		return Part{}, err
	}
	data, err := s.openUpload(ctx, &who, c, in.Upload.Key, u, in.Customer)
	if err != nil {
		return Part{}, err
	}
	defer data.wipe()
	pt := &part{number: in.Number, sizeBytes: in.SizeBytes, attempt: newGeneration()}
	w, err := s.newBody(ctx, pt.sizeBytes, data, partBinding(c, in.Upload.Key, u.generation, pt))
	if err != nil {
		return Part{}, err
	}
	defer w.abort()
	digests := newDigests(declared, u.enc.Algorithm == S3Managed)
	if u.checksum.Algorithm == NoChecksum {
		digests.withCRC64()
	}
	if _, err := copyExactly(io.MultiWriter(w, digests), in.Body, pt.sizeBytes); err != nil {
		return Part{}, err
	}
	sum, err := digests.finish()
	if err != nil {
		return Part{}, err
	}
	pt.checksum = sum
	if u.checksum.Algorithm == NoChecksum {
		pt.checksum = Checksum{Algorithm: CRC64NVME, Type: FullObject, Value: digests.extra.Sum(nil)}
	}
	pt.etag = randomETag()
	if u.enc.Algorithm == S3Managed {
		pt.etag = hex.EncodeToString(digests.md5.Sum(nil))
	}
	if err := w.commit(ctx); err != nil {
		return Part{}, err
	}
	pt.place, pt.blob, pt.modified = w.place, w.name, s.cfg.Clock.Now().UnixMilli()
	pt.mac = pt.authenticate(data, c, in.Upload.Key, u.generation)
	err = call.Effect(ctx, func() error { return s.publishPart(ctx, c, in.Upload.Key, u.generation, pt, w) })
	if err != nil {
		return Part{}, err
	}
	p = pt.part()
	p.Encryption, p.Checksum = u.enc, sum
	return p, nil
}

// publishPart makes a part one of its upload, as publish does for objects.
func (s *Service) publishPart(ctx context.Context, c *config, key, generation string, pt *part, w *bodyWriter) error {
	if err := w.checkAge(); err != nil {
		return err
	}
	var old []string
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		old = nil
		if _, err := readSame(tx, c); err != nil {
			return err
		}
		if _, err := readUpload(tx, c, key, generation); err != nil {
			return err
		}
		name := partKey(generation, pt.number)
		before, err := tx.Get(spacePart, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		default:
			replaced, err := decodePart(before)
			if err != nil {
				return err
			}
			if old, err = replaced.drop(tx, old); err != nil {
				return err
			}
		}
		if err := w.refer(tx, pt.attempt, objectKey(c.ID, key)); err != nil {
			return err
		}
		return tx.Put(spacePart, name, pt.encode())
	})
	if err != nil {
		return err
	}
	w.published = true
	s.deleteBlobs(ctx, old)
	return nil
}

// AbortUpload ends an upload and gives back the space of its parts.
//
// Source: Amazon S3 API Reference, AbortMultipartUpload.
func (s *Service) AbortUpload(ctx context.Context, who Caller, ref UploadRef) (err error) {
	call := s.begin(&who, "s3:AbortMultipartUpload")
	defer call.End(ctx, &err)
	c, u, err := s.admitUpload(ctx, call, ref, "")
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		var old []string
		err := s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			if _, err := readUpload(tx, c, ref.Key, u.generation); err != nil {
				return err
			}
			old, err = dropUpload(tx, c, ref.Key, u.generation, nil)
			return err
		})
		if err != nil {
			return err
		}
		s.deleteBlobs(ctx, old)
		return nil
	})
}

// dropUpload removes an upload and its parts but those that keep has, and
// returns the blobs to delete after the transaction.
func dropUpload(tx store.Writer, c *config, key, generation string, keep map[int]bool) (blobs []string, err error) {
	parts, err := readParts(tx, generation, 0, MaxParts)
	if err != nil {
		return nil, err
	}
	for _, pt := range parts {
		if !keep[pt.number] {
			if blobs, err = pt.drop(tx, blobs); err != nil {
				return nil, err
			}
		}
		if err := tx.Delete(spacePart, partKey(generation, pt.number)); err != nil {
			return nil, err
		}
	}
	return blobs, tx.Delete(spaceUpload, uploadKey(c.ID, key, generation))
}

// readParts reads at most limit parts of an upload, in ascending order, after
// the one with the number.
func readParts(tx store.Reader, generation string, after, limit int) ([]*part, error) {
	var parts []*part
	r := store.Prefix(generation + "/")
	if after > 0 {
		r = r.After(partKey(generation, after))
	}
	for rec, err := range tx.Scan(spacePart, r) {
		if err != nil {
			return nil, err
		}
		if len(parts) == limit {
			break
		}
		pt, err := decodePart(rec.Value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, pt)
	}
	return parts, nil
}

// Parts lists the parts of an upload after the one with the number: at most max
// of them, which is at most MaxListed.
//
// Source: Amazon S3 API Reference, ListParts.
func (s *Service) Parts(ctx context.Context, who Caller, ref UploadRef, after, max int) (u Upload, list []Part, more bool, err error) {
	call := s.begin(&who, "s3:ListMultipartUploadParts")
	defer call.End(ctx, &err)
	c, v, err := s.admitUpload(ctx, call, ref, "")
	if err != nil {
		return Upload{}, nil, false, err
	}
	max = min(max, MaxListed)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		parts, err := readParts(tx, v.generation, after, max+1)
		if err != nil {
			return err
		}
		list, more = nil, len(parts) > max
		for _, pt := range parts[:min(len(parts), max)] {
			list = append(list, pt.part())
		}
		return nil
	})
	return v.upload(c.name, ref.Key), list, more, err
}

// UploadPage asks for a page of a bucket's uploads.
type UploadPage struct {
	Bucket, Prefix, Delimiter string
	// AfterKey and AfterID exclude the uploads up to and with this one; without
	// AfterID, all uploads of AfterKey.
	AfterKey, AfterID string
	Max               int
}

// UploadListing is a page of uploads in order of their keys and, for one key,
// of their beginnings.
type UploadListing struct {
	Uploads  []Upload
	Prefixes []string
	More     bool
	// NextKey and NextID continue after this page.
	NextKey, NextID string
}

// Uploads lists the uploads of a bucket that are under way.
//
// Source: Amazon S3 API Reference, ListMultipartUploads.
func (s *Service) Uploads(ctx context.Context, who Caller, in UploadPage) (page UploadListing, err error) {
	call := s.begin(&who, "s3:ListBucketMultipartUploads")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, in.Bucket, "")
	if err != nil {
		return UploadListing{}, err
	}
	in.Max = min(in.Max, MaxListed)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		page = UploadListing{}
		return in.scan(tx, c, &page)
	})
	return page, err
}

func (in *UploadPage) scan(tx store.Reader, c *config, page *UploadListing) error {
	names := List{Prefix: in.Prefix, Delimiter: in.Delimiter}
	all := store.Prefix(objectKey(c.ID, escapeKey(in.Prefix)))
	next := all.From
	if in.AfterKey != "" {
		after := objectKey(c.ID, escapeKey(in.AfterKey))
		generation, err := decodeUploadID(in.AfterID)
		switch p, rolled := names.rollUp(in.AfterKey); {
		case rolled && p == in.AfterKey:
			after = store.Prefix(after).To
		case err == nil:
			after += keyEnd + generation + "\x00"
		default:
			after = store.Prefix(after + keyEnd).To
		}
		next = max(next, after)
	}
	for again := true; again; {
		again = false
		for rec, err := range tx.Scan(spaceUpload, store.Range{From: next, To: all.To}) {
			if err != nil {
				return err
			}
			key, generation, ok := splitUploadKey(rec.Key)
			if !ok {
				return errRecord
			}
			if len(page.Uploads)+len(page.Prefixes) >= in.Max {
				page.More = in.Max > 0
				return nil
			}
			if p, rolled := names.rollUp(key); rolled {
				page.Prefixes = append(page.Prefixes, p)
				page.NextKey, page.NextID = p, ""
				next = store.Prefix(objectKey(c.ID, escapeKey(p))).To
				again = true
				break
			}
			v, err := decodeVersion(rec.Value)
			if err != nil {
				return err
			}
			page.Uploads = append(page.Uploads, v.upload(c.name, key))
			page.NextKey, page.NextID = key, encodeUploadID(generation)
		}
	}
	return nil
}

func partBinding(c *config, key, generation string, pt *part) sealed.Binding {
	return sealed.Bind("s3 part", c.ID, key, generation, strconv.Itoa(pt.number), pt.attempt)
}

// labelPart keeps the MAC of a part apart from that of a record.
const labelPart = "keyfront/s3-part/1"

func (pt *part) authenticate(data dataKey, c *config, key, generation string) []byte {
	return authenticateAs(labelPart, data, c, key, append([]byte(generation), pt.appendSigned(nil)...))
}

// verify tells whether the part is one that was uploaded here.
func (pt *part) verify(data dataKey, c *config, key, generation string) bool {
	return hmac.Equal(pt.mac, pt.authenticate(data, c, key, generation))
}
