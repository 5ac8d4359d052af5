package bucket

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

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
	source     string // its ARN
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
	call.Keys.Set(creates, "false")
	call.setNamed("s3:x-amz-copy-source", in.CopySource)
	c, u, err := s.admitUpload(ctx, call, in.Upload)
	call.noteSource(in.CopySource, in.source)
	if err != nil {
		return Part{}, err
	}
	if err := in.settle(u); err != nil {
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
	digests := newDigests(in.Digests, u.enc.Algorithm == S3Managed)
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
	p.Encryption, p.Checksum, p.Wanted = u.enc, sum, u.checksum.Algorithm != NoChecksum
	return p, nil
}

// settle checks that the part may be one of the upload, whose checksum algorithm
// becomes the part's where it declares none.
func (in *PutPart) settle(u *version) error {
	switch {
	case in.Number < 1 || in.Number > MaxParts:
		return ErrPartNumber
	case in.SizeBytes < 0:
		return ErrIncomplete
	case in.SizeBytes > MaxObjectBytes:
		return ErrTooLarge
	}
	switch got, want := &in.Digests.Algorithm, u.checksum.Algorithm; {
	case want == NoChecksum:
	case *got == NoChecksum:
		*got = want
	case *got != want:
		return fail(ErrChecksumType, "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(want.String()), strings.ToLower(got.String()))
	}
	return u.enc.checkPart(in.Customer)
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
