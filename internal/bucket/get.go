package bucket

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Get says what to read.
type Get struct {
	Bucket, Key string
	VersionID   string // "" for the current version
	Range       *Range // nil for all
	Conditions  ReadConditions
	// Checksum says that the caller wants the checksum, which under SSE-KMS
	// is told only to those who may use the key.
	Checksum bool
}

// Object is an object, or a range of one, that is open for reading. It must be
// closed. A reader goes on reading the version that it opened when another is
// written.
//
// Every byte that Read returns was authenticated. The first chunk was verified
// before Get returned; damage further on ends Read with ErrCorrupt.
type Object struct {
	Info
	// Offset and Length are what Read yields of the SizeBytes of the object.
	Offset, Length int64

	head    []byte // verified plaintext that waits to be read
	pooled  *[sealed.ChunkBytes]byte
	section *sealed.Section
	source  io.Closer // nil for small objects
	log     func(error)
}

// Get opens an object. It returns ErrNoKey (access.ErrDenied to a caller that
// may not list the bucket), ErrNoVersion, ErrNotModified and *PreconditionError
// for conditions, *RangeError, ErrAnonymousKMS, *KeyError, ErrCorrupt,
// ErrNoBucket and access.ErrDenied. With ErrNotModified and *RangeError the
// Object is not nil and tells about the object; it need not be closed.
//
// Source: Amazon S3 API Reference, GetObject.
func (s *Service) Get(ctx context.Context, who Caller, in Get) (o *Object, err error) {
	call := s.begin(&who, in.action())
	defer call.End(ctx, &err)
	c, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return nil, err
	}
	// A write may delete the content between the look at the record and the
	// look at the blob; then there is a newer record.
	for tries := 0; ; tries++ {
		v, inline, err := s.find(ctx, call, c, &in)
		if err != nil {
			return nil, err
		}
		o = &Object{Info: v.info(c.name, in.Key), Length: v.sizeBytes}
		if err := in.Conditions.check(v.etag, v.modifiedAt()); err != nil {
			if errors.Is(err, ErrNotModified) {
				return o, err
			}
			return nil, err
		}
		if in.Range != nil {
			if o.Offset, o.Length, err = in.Range.resolve(v.sizeBytes); err != nil {
				return o, err
			}
		}
		err = s.open(ctx, &who, c, v, inline, o)
		if errors.Is(err, store.ErrNotFound) {
			if tries < 3 && s.replaced(ctx, c, in.Key, v) {
				continue
			}
			err = ErrCorrupt
		}
		if err != nil {
			if errors.Is(err, ErrCorrupt) {
				s.logDamage(ctx, o.Info, err)
			}
			return nil, err
		}
		return o, nil
	}
}

// Head describes an object without opening it, so that nobody needs access to
// its key; except for the checksum under SSE-KMS, see Get.Checksum. Errors are
// those of Get.
//
// Source: Amazon S3 API Reference, HeadObject.
func (s *Service) Head(ctx context.Context, who Caller, in Get) (o *Object, err error) {
	call := s.begin(&who, in.action())
	defer call.End(ctx, &err)
	c, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return nil, err
	}
	v, _, err := s.find(ctx, call, c, &in)
	if err != nil {
		return nil, err
	}
	o = &Object{Info: v.info(c.name, in.Key), Length: v.sizeBytes}
	if err := in.Conditions.check(v.etag, v.modifiedAt()); err != nil {
		return o, err
	}
	if in.Range != nil {
		if o.Offset, o.Length, err = in.Range.resolve(v.sizeBytes); err != nil {
			return o, err
		}
	}
	// Under SSE-S3 the data key is ours to open, so the record is verified.
	if in.Checksum || v.enc.Algorithm == S3Managed {
		data, err := s.openRecord(ctx, &who, c, in.Key, v)
		if err != nil {
			return nil, err
		}
		data.Wipe()
	}
	return o, nil
}

func (in *Get) action() policy.Action {
	if in.VersionID != "" {
		return "s3:GetObjectVersion"
	}
	return "s3:GetObject"
}

func (s *Service) admitRead(ctx context.Context, call *access.Call, in *Get) (*config, error) {
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if err := checkKey(in.Key); err != nil {
		return nil, err
	}
	if in.VersionID != "" {
		call.Keys.Set("s3:VersionId", in.VersionID)
	}
	return c, call.Decide(c.objectTarget(in.Key, ""))
}

// find reads the record of the wanted version and, when it is small, its
// content from the same snapshot.
func (s *Service) find(ctx context.Context, call *access.Call, c *config, in *Get) (v *version, inline []byte, err error) {
	err = s.Records.View(ctx, func(tx store.Reader) (err error) {
		if v, err = readCurrent(tx, c, in.Key); err != nil || v == nil {
			return err
		}
		if v.place == placeInline {
			inline, err = tx.Get(spaceInline, v.generation)
			if errors.Is(err, store.ErrNotFound) {
				return ErrCorrupt
			}
		}
		return err
	})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read object: %w", err)
	case v != nil && v.kind == kindObject && (in.VersionID == "" || in.VersionID == v.id):
		return v, inline, nil
	}
	absent := ErrNoKey
	if in.VersionID != "" {
		absent = ErrNoVersion
	}
	// Whether a key exists is for those to know who may list the bucket.
	if t := c.target("s3:ListBucket"); !call.Allows(t) {
		return nil, nil, &access.Denied{Message: "Access Denied"}
	}
	return nil, nil, absent
}

// replaced tells whether v is no longer the current version.
func (s *Service) replaced(ctx context.Context, c *config, key string, v *version) bool {
	var now *version
	err := s.Records.View(ctx, func(tx store.Reader) (err error) {
		now, err = readCurrent(tx, c, key)
		return err
	})
	return err == nil && (now == nil || now.generation != v.generation)
}

// openRecord unwraps the data key and verifies that the record is the one that
// was written with it, for this key of this bucket.
func (s *Service) openRecord(ctx context.Context, who *Caller, c *config, key string, v *version) (sealed.Secret, error) {
	data, err := s.openDataKey(ctx, who, c, key, v.generation, &v.enc, v.wrapped)
	if err != nil {
		return sealed.Secret{}, err
	}
	if !hmac.Equal(v.mac, authenticate(data, c, key, v.signed)) {
		data.Wipe()
		return sealed.Secret{}, ErrCorrupt
	}
	return data, nil
}

// open readies o for reading. It returns store.ErrNotFound when the blob is gone.
func (s *Service) open(ctx context.Context, who *Caller, c *config, v *version, inline []byte, o *Object) error {
	data, err := s.openRecord(ctx, who, c, o.Key, v)
	if err != nil {
		return err
	}
	defer data.Wipe()
	var source io.ReaderAt
	var size int64
	switch v.place {
	case placeInline:
		source, size = bytes.NewReader(inline), int64(len(inline))
	case placeBlob:
		blob, err := s.Blobs.Open(ctx, v.blob)
		if err != nil {
			return fmt.Errorf("open blob: %w", err)
		}
		source, size, o.source = blob, blob.SizeBytes(), blob
	default:
		return ErrCorrupt
	}
	o.log = func(err error) { s.logDamage(context.WithoutCancel(ctx), o.Info, err) }
	err = o.start(source, size, data, objectBinding(c, o.Key, v.generation))
	if err != nil {
		o.log = nil
		o.Close()
		return asCorrupt(err)
	}
	return nil
}

// start opens the stream and its first wanted chunk.
func (o *Object) start(source io.ReaderAt, size int64, data sealed.Secret, bind sealed.Binding) error {
	if size != sealed.SealedSize(o.SizeBytes) {
		return ErrCorrupt
	}
	r, err := sealed.NewReader(source, size, data, bind)
	if err != nil {
		return err
	}
	if o.SizeBytes == 0 {
		// That an object is empty has to be proven as well.
		_, err := io.Copy(io.Discard, r.Section(0, 0))
		return err
	}
	first := min(o.Length, sealed.ChunkBytes-o.Offset%sealed.ChunkBytes)
	if first <= MaxInlineBytes {
		o.head = make([]byte, first)
	} else {
		o.pooled = chunkBuffers.Get().(*[sealed.ChunkBytes]byte)
		o.head = o.pooled[:first]
	}
	if _, err := r.ReadAt(o.head, o.Offset); err != nil {
		return err
	}
	o.section = r.Section(o.Offset+first, o.Length-first)
	return nil
}

var chunkBuffers = sync.Pool{New: func() any { return new([sealed.ChunkBytes]byte) }}

// Read implements io.Reader.
func (o *Object) Read(p []byte) (int, error) {
	if len(o.head) > 0 {
		n := copy(p, o.head)
		o.head = o.head[n:]
		return n, nil
	}
	if o.section == nil {
		return 0, io.EOF
	}
	n, err := o.section.Read(p)
	return n, o.report(err)
}

// WriteTo implements io.WriterTo, with one write per chunk.
func (o *Object) WriteTo(w io.Writer) (int64, error) {
	var total int64
	if len(o.head) > 0 {
		n, err := w.Write(o.head)
		o.head = o.head[n:]
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	if o.section == nil {
		return total, nil
	}
	n, err := o.section.WriteTo(w)
	return total + n, o.report(err)
}

// Close releases what Get opened.
func (o *Object) Close() error {
	if o.pooled != nil {
		chunkBuffers.Put(o.pooled)
		o.pooled, o.head = nil, nil
	}
	o.section = nil
	if o.source == nil {
		return nil
	}
	err := o.source.Close()
	o.source = nil
	return err
}

// report logs damage once: the client only sees its connection end.
func (o *Object) report(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	err = asCorrupt(err)
	if errors.Is(err, ErrCorrupt) && o.log != nil {
		o.log(err)
		o.log = nil
	}
	return err
}

func (s *Service) logDamage(ctx context.Context, i Info, err error) {
	s.Log.LogAttrs(ctx, slog.LevelError, "object damaged", slog.String("bucket", i.Bucket),
		slog.String("key", i.Key), slog.Any("error", err))
}

func asCorrupt(err error) error {
	if errors.Is(err, sealed.ErrCorrupt) {
		return ErrCorrupt
	}
	return err
}
