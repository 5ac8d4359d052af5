package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Complete says which parts an object consists of.
type Complete struct {
	Upload UploadRef
	Parts  []CompletedPart
	// Checksum, if it has a value, must be the object's; its type, if it is not
	// 0, the upload's.
	Checksum Checksum
	// SizeBytes must be the object's if it is not negative.
	SizeBytes  int64
	Conditions WriteConditions
	// Customer is the key of an upload under SSE-C. It is not needed; when it is
	// given it must be the right one.
	Customer *CustomerKey
}

// CompletedPart names a part as its uploader knows it.
type CompletedPart struct {
	Number int
	ETag   string // with or without quotes
	// Checksum must be the part's if it has a value.
	Checksum Checksum
}

// CompleteUpload makes an object of the listed parts, and drops the others. A
// completion that is repeated because its answer was lost, of the same parts,
// succeeds again as long as the version that it made is there.
//
// It returns ErrNoUpload, ErrNoParts, ErrPartOrder, *InvalidPartError,
// *PartTooSmallError, ErrChecksumType, *DigestError, ErrUploadSize,
// *PreconditionError, *ConflictError, *KeyError, ErrCustomerKey, ErrEncryption, ErrCorrupt
// and access.ErrDenied.
//
// Source: Amazon S3 API Reference, CompleteMultipartUpload.
func (s *Service) CompleteUpload(ctx context.Context, who Caller, in Complete) (info Info, err error) {
	call := s.begin(&who, "s3:PutObject")
	defer call.End(ctx, &err)
	call.Keys.Set(creates, "true")
	call.setConditions(&in.Conditions)
	c, u, err := s.admitUpload(ctx, call, in.Upload)
	if c != nil {
		if err := s.decideMatch(ctx, call, c, in.Upload.Key, "", in.Conditions.IfMatch); err != nil {
			return Info{}, err
		}
	}
	if errors.Is(err, ErrNoUpload) {
		return s.completedBefore(ctx, c, &in)
	}
	if err != nil {
		return Info{}, err
	}
	if err := in.checkOrder(); err != nil {
		return Info{}, err
	}
	if want := in.Checksum.Type; want != 0 && want != u.checksum.Type {
		return Info{}, fail(ErrChecksumType, "The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", cmp.Or(u.checksum.Type.String(), "null"))
	}
	key := in.Upload.Key
	data, err := s.openUpload(ctx, &who, c, key, u, in.Customer)
	if err != nil {
		return Info{}, err
	}
	defer data.wipe()
	in.Conditions.since = u.modified
	parts, err := s.listedParts(ctx, c, u, data, &in)
	if err != nil {
		return Info{}, err
	}
	v, err := in.assemble(u, parts)
	if err != nil {
		return Info{}, err
	}
	var manifest []byte
	manifest, v.manifest = encodeManifest(parts)
	err = call.Effect(ctx, func() error {
		return s.publishUpload(ctx, c, key, &v, data, parts, manifest, &in.Conditions)
	})
	if err != nil {
		return Info{}, err
	}
	return v.info(c, key), nil
}

// listedParts reads the parts that the completion lists, if its conditions hold, and
// makes sure that they are what was written.
func (s *Service) listedParts(ctx context.Context, c *config, u *version, data dataKey, in *Complete) (parts []*part, err error) {
	key := in.Upload.Key
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		if err := in.Conditions.checkIn(tx, c, key); err != nil {
			return err
		}
		parts, err = readParts(tx, u.generation, 0, MaxParts)
		return err
	})
	if err != nil {
		return nil, err
	}
	if parts, err = in.choose(parts, u); err != nil {
		return nil, err
	}
	for _, pt := range parts {
		if !pt.verify(data, c, key, u.generation) {
			return nil, ErrCorrupt
		}
	}
	return parts, nil
}

// assemble makes the version that an upload becomes with these parts, but for its
// manifest, and compares it with what the completion says of it.
func (in *Complete) assemble(u *version, parts []*part) (v version, err error) {
	v = *u
	v.kind, v.place, v.parts = kindObject, placeParts, len(parts)
	for _, pt := range parts {
		v.sizeBytes += pt.sizeBytes
	}
	if in.SizeBytes >= 0 && in.SizeBytes != v.sizeBytes {
		return v, fail(ErrUploadSize, "The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", in.SizeBytes, v.sizeBytes)
	}
	if v.checksum, err = objectChecksum(u.checksum, parts); err != nil {
		return v, err
	}
	v.etag = multipartETag(&v, parts)
	return v, in.checkChecksum(v.checksum)
}

// completedBefore recognises the object that an upload became by its generation.
func (s *Service) completedBefore(ctx context.Context, c *config, in *Complete) (Info, error) {
	ref := in.Upload
	generation, err := decodeUploadID(ref.ID)
	if err != nil {
		return Info{}, err
	}
	var f *found
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err := readCompleted(tx, c, ref.Key, generation)
		if err != nil || v == nil {
			return err
		}
		f = &found{stored: v}
		return f.load(tx)
	})
	if err != nil {
		return Info{}, err
	}
	if f == nil {
		return Info{}, ErrNoUpload
	}
	if err := in.checkOrder(); err != nil {
		return Info{}, err
	}
	if len(in.Parts) != len(f.parts) {
		return Info{}, &InvalidPartError{Number: in.Parts[0].Number, ETag: strings.Trim(in.Parts[0].ETag, `"`)}
	}
	if _, err := in.choose(f.parts, f.version); err != nil {
		return Info{}, err
	}
	return f.info(c, ref.Key), nil
}

// readCompleted reads the version of a key that has the generation; nil if there is
// none.
func readCompleted(tx store.Reader, c *config, key, generation string) (*stored, error) {
	v, err := readVersion(tx, c, key, "")
	if err != nil || v == nil || v.generation == generation {
		return v, err
	}
	for rec, err := range tx.Scan(spaceVersion, store.Prefix(olderKeys(c, key))) {
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(rec.Key, generation) {
			return readStored(tx, spaceVersion, rec.Key)
		}
	}
	return nil, nil
}

func (in *Complete) checkOrder() error {
	if len(in.Parts) == 0 {
		return ErrNoParts
	}
	for i, p := range in.Parts {
		switch {
		case p.Number < 1 || p.Number > MaxParts:
			return ErrPartNumber
		case i > 0 && p.Number <= in.Parts[i-1].Number:
			return ErrPartOrder
		}
	}
	return nil
}

// choose finds the listed parts among those that were uploaded.
func (in *Complete) choose(uploaded []*part, u *version) ([]*part, error) {
	byNumber := make(map[int]*part, len(uploaded))
	for _, pt := range uploaded {
		byNumber[pt.number] = pt
	}
	var chosen []*part
	for i, p := range in.Parts {
		pt, etag := byNumber[p.Number], strings.Trim(p.ETag, `"`)
		if pt == nil || etag != pt.etag {
			return nil, &InvalidPartError{p.Number, etag}
		}
		switch given := p.Checksum; {
		case given.Value == nil && u.checksum.Type == Composite:
			return nil, fail(ErrChecksumType, "The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(u.checksum.Algorithm.String()), p.Number)
		case given.Value == nil:
		case given.Algorithm == pt.checksum.Algorithm && !bytes.Equal(given.Value, pt.checksum.Value):
			return nil, &InvalidPartError{p.Number, etag}
		case given.Algorithm != pt.checksum.Algorithm && u.checksum.Algorithm != NoChecksum:
			return nil, &DigestError{What: given.Algorithm.String(), Part: p.Number, Declared: given.Value}
		}
		if pt.sizeBytes < MinPartBytes && i < len(in.Parts)-1 {
			return nil, &PartTooSmallError{Number: pt.number, SizeBytes: pt.sizeBytes, ETag: pt.etag}
		}
		chosen = append(chosen, pt)
	}
	return chosen, nil
}

// objectChecksum makes the checksum of the object from those of its parts.
func objectChecksum(wanted Checksum, parts []*part) (Checksum, error) {
	if wanted.Algorithm == NoChecksum {
		wanted = Checksum{Algorithm: CRC64NVME, Type: FullObject}
	}
	if wanted.Type == Composite {
		h := wanted.Algorithm.newHash()
		for _, pt := range parts {
			h.Write(pt.checksum.Value)
		}
		wanted.Value = h.Sum(nil)
		return wanted, nil
	}
	poly, bits := wanted.Algorithm.polynomial()
	sum := uint64(0)
	for _, pt := range parts {
		if pt.checksum.Algorithm != wanted.Algorithm {
			return Checksum{}, ErrCorrupt
		}
		sum = combineCRC(poly, bits, sum, bigEndian(pt.checksum.Value), pt.sizeBytes)
	}
	wanted.Value = appendBigEndian(sum, bits)
	return wanted, nil
}

func (in *Complete) checkChecksum(got Checksum) error {
	want := in.Checksum
	switch {
	case want.Value == nil:
		return nil
	case want.Algorithm != got.Algorithm:
		return fail(ErrChecksumType, "the upload has a %s", got.Algorithm)
	case !bytes.Equal(want.Value, got.Value):
		return &DigestError{What: strings.ToLower(got.Algorithm.String()), Declared: want.Value, Computed: got.Value}
	}
	return nil
}

// multipartETag is the MD5 of the parts' MD5s under SSE-S3, as clients compute
// it, and random otherwise.
func multipartETag(v *version, parts []*part) string {
	etag := randomETag()
	if v.enc.Algorithm == S3Managed {
		h := md5.New()
		for _, pt := range parts {
			b, err := hex.DecodeString(pt.etag)
			if err != nil {
				panic("bucket: an ETag of a part is not hexadecimal") // its MAC was verified
			}
			h.Write(b)
		}
		etag = hex.EncodeToString(h.Sum(nil))
	}
	return etag + "-" + strconv.Itoa(len(parts))
}

// publishUpload turns the upload into the current version in one transaction.
func (s *Service) publishUpload(ctx context.Context, decided *config, key string, v *version, data dataKey, parts []*part, manifest []byte, conditions *WriteConditions) error {
	keep := make(map[int]bool, len(parts))
	for _, pt := range parts {
		keep[pt.number] = true
	}
	var old []string
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		c, err := readSame(tx, decided)
		if err != nil {
			return err
		}
		if _, err := readUpload(tx, c, key, v.generation); err != nil {
			return err
		}
		// A part that was uploaded anew since it was chosen is another one.
		for _, pt := range parts {
			value, err := tx.Get(spacePart, partKey(v.generation, pt.number))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if !bytes.Equal(value, pt.encode()) {
				return &InvalidPartError{pt.number, pt.etag}
			}
		}
		if old, err = s.publishRecord(tx, c, key, v, data, conditions); err != nil {
			return err
		}
		unlisted, err := dropUpload(tx, c, key, v.generation, keep)
		if err != nil {
			return err
		}
		old = append(old, unlisted...)
		return tx.Put(spaceManifest, v.generation, manifest)
	})
	if err != nil {
		return err
	}
	s.deleteBlobs(ctx, old)
	return nil
}
