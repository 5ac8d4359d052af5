package bucket

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

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
	call.Keys.Set(creates, "false")
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
		return 0, fail(ErrChecksumType, "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case c.Algorithm == CRC64NVME && c.Type == Composite:
		return 0, fail(ErrChecksumType, "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.")
	case bits == 0 && c.Type == FullObject:
		return 0, fail(ErrChecksumType, "The FULL_OBJECT checksum type cannot be used with the %s checksum algorithm.", strings.ToLower(c.Algorithm.String()))
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

// admitUpload decides about a call on an upload and reads the upload's record. With
// ErrNoUpload comes the bucket, of a call that was allowed.
func (s *Service) admitUpload(ctx context.Context, call *pass, ref UploadRef) (*config, *version, error) {
	c, err := s.config(ctx, ref.Bucket)
	if err != nil {
		return nil, nil, err
	}
	if err := checkKey(ref.Key); err != nil {
		return nil, nil, err
	}
	var v *version
	generation, readErr := decodeUploadID(ref.ID)
	if readErr == nil {
		readErr = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
			v, err = readUpload(tx, c, ref.Key, generation)
			return err
		})
	}
	// Only the request that began the upload said how to encrypt it. Where a policy
	// wants to hear of that from every write, those after it say the same.
	if v != nil && !call.Allows(call.target(c, ref.Key, "")) {
		v.enc.setKeys(call)
	}
	if err := call.decide(c, ref.Key, ""); err != nil {
		return nil, nil, err
	}
	return c, v, readErr
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
		err = fail(ErrCustomerKey, "The provided encryption parameters did not match the ones used originally.")
	}
	return data, err
}

// AbortUpload ends an upload and gives back the space of its parts.
//
// Source: Amazon S3 API Reference, AbortMultipartUpload.
func (s *Service) AbortUpload(ctx context.Context, who Caller, ref UploadRef) (err error) {
	call := s.begin(&who, "s3:AbortMultipartUpload")
	defer call.End(ctx, &err)
	c, u, err := s.admitUpload(ctx, call, ref)
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
