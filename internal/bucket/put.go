package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Put says what to write.
type Put struct {
	Bucket, Key string

	// Body is read to its end, which must come after SizeBytes. An error of
	// Body, such as a wrong signature of a chunk, fails the Put as it is.
	Body      io.Reader
	SizeBytes int64 // or UnknownSize
	Digests   DeclaredDigests

	Metadata   Metadata
	Tags       []Pair
	Encryption EncryptionWish
	// What only policies see: the canned ACL and the storage class that the request
	// names, and of a copy the source, as bucket/key, and the metadata directive.
	ACL, StorageClass, CopySource, MetadataDirective string
	source                                           string // the ARN of CopySource

	Conditions WriteConditions
}

// UnknownSize is the SizeBytes of a body whose end only its reader knows.
const UnknownSize = -1

// WriteConditions must hold at the moment that a write becomes visible.
type WriteConditions struct {
	// IfAbsent wants that there is no object of that key.
	IfAbsent bool
	// IfMatch wants an object with that ETag, with or without quotes; "*" any.
	IfMatch string
	// since, if not 0, wants both to have held since that moment, in milliseconds.
	since int64
}

// checkIn checks the conditions against the current version.
func (w *WriteConditions) checkIn(tx store.Reader, c *config, key string) error {
	if !w.IfAbsent && w.IfMatch == "" {
		return nil
	}
	current, err := readVersion(tx, c, key, "")
	if err != nil {
		return err
	}
	exists := current != nil && current.kind == kindObject
	switch {
	case w.IfAbsent && exists:
		return &PreconditionError{"If-None-Match"}
	case w.IfMatch != "" && !exists:
		return ErrNoKey
	case w.IfMatch != "" && !matchETag(w.IfMatch, current.etag):
		return &PreconditionError{"If-Match"}
	}
	if w.since != 0 && current != nil && current.modified > w.since {
		if w.IfAbsent {
			return &ConflictError{"If-None-Match"}
		}
		return &ConflictError{"If-Match"}
	}
	return nil
}

// Put writes an object, in place of the one that has the key. When it returns
// nil the object has survived a power loss; when not, the old one is as it was.
//
// It returns ErrNoBucket, ErrInvalidKey, *KeyTooLongError, ErrTooLarge,
// ErrMetadataTooLarge, ErrEncryption, ErrUnsupported, ErrUnsignedKMS,
// ErrIncomplete, *DigestError, *PreconditionError, ErrNoKey (for IfMatch),
// *KeyError, access.ErrDenied, and whatever Body returned.
//
// Source: Amazon S3 API Reference, PutObject.
func (s *Service) Put(ctx context.Context, who Caller, in Put) (info Info, err error) {
	call := s.begin(&who, "s3:PutObject")
	defer call.End(ctx, &err)
	call.Keys.Set(creates, "true")
	c, enc, err := s.admitWrite(ctx, call, &who, &in)
	if err != nil {
		return Info{}, err
	}
	if err := s.checkConditions(ctx, c, in.Key, &in.Conditions); err != nil {
		return Info{}, err
	}
	v := &version{
		kind: kindObject, generation: newGeneration(),
		meta: in.Metadata, tags: in.Tags, enc: enc,
	}
	data, err := s.newDataKey(ctx, &who, c, in.Key, v, in.Encryption.Customer)
	if err != nil {
		return Info{}, err
	}
	defer data.wipe()

	w, err := s.newBody(ctx, in.SizeBytes, data, objectBinding(c, in.Key, v.generation))
	if err != nil {
		return Info{}, err
	}
	defer w.abort()
	// Amazon S3 promises the MD5 of the content under SSE-S3 only, and hashing
	// costs more than encrypting.
	digests := newDigests(in.Digests, v.enc.Algorithm == S3Managed)
	if v.sizeBytes, err = copyExactly(io.MultiWriter(w, digests), in.Body, in.SizeBytes); err != nil {
		return Info{}, err
	}
	if v.checksum, err = digests.finish(); err != nil {
		return Info{}, err
	}
	if v.enc.Algorithm == S3Managed {
		v.etag = hex.EncodeToString(digests.md5.Sum(nil))
	} else {
		v.etag = randomETag()
	}
	if err := w.commit(ctx); err != nil {
		return Info{}, err
	}
	v.place, v.blob = w.place, w.name
	err = call.Effect(ctx, func() error { return s.publish(ctx, c, in.Key, v, data, w, &in.Conditions) })
	if err != nil {
		return Info{}, err
	}
	return v.info(c, in.Key), nil
}

// admitWrite checks what can be checked before any byte of the body is read.
func (s *Service) admitWrite(ctx context.Context, call *pass, who *Caller, in *Put) (*config, Encryption, error) {
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return nil, Encryption{}, err
	}
	if err := checkKey(in.Key); err != nil {
		return nil, Encryption{}, err
	}
	setEncryptionKeys(call, who, c.Region, &in.Encryption)
	call.setNamed("s3:x-amz-acl", in.ACL)
	call.setNamed("s3:x-amz-website-redirect-location", in.Metadata.Redirect)
	call.setNamed("s3:x-amz-storage-class", in.StorageClass)
	call.setNamed("s3:x-amz-copy-source", in.CopySource)
	call.setNamed("s3:x-amz-metadata-directive", in.MetadataDirective)
	call.setConditions(&in.Conditions)
	call.setRequestTags(in.Tags)
	err = call.decide(c, in.Key, "")
	call.noteSource(in.CopySource, in.source)
	if err != nil {
		return nil, Encryption{}, err
	}
	if len(in.Tags) > 0 {
		if err := call.decide(c, in.Key, "s3:PutObjectTagging"); err != nil {
			return nil, Encryption{}, err
		}
	}
	if err := s.decideMatch(ctx, call, c, in.Key, "", in.Conditions.IfMatch); err != nil {
		return nil, Encryption{}, err
	}
	switch {
	case in.SizeBytes < UnknownSize:
		return nil, Encryption{}, ErrIncomplete
	case in.SizeBytes > MaxObjectBytes:
		return nil, Encryption{}, ErrTooLarge
	}
	if err := in.Metadata.check(); err != nil {
		return nil, Encryption{}, err
	}
	if err := checkTags(who, in.Tags, MaxTags, reservedObjectTag); err != nil {
		return nil, Encryption{}, err
	}
	enc, err := c.plan(&in.Encryption)
	return c, enc, err
}

// checkConditions spares the client a body that would be thrown away. What
// counts is the check in publish.
func (s *Service) checkConditions(ctx context.Context, c *config, key string, w *WriteConditions) error {
	if !w.IfAbsent && w.IfMatch == "" {
		return nil
	}
	return s.cfg.Records.View(ctx, func(tx store.Reader) error { return w.checkIn(tx, c, key) })
}

// seal fixes the record's time and authenticates it.
func (v *version) seal(data dataKey, c *config, key string, now time.Time) {
	v.modified = now.UnixMilli()
	v.signed = v.appendSigned(nil)
	v.mac = authenticate(data, c, key, v.signed)
}

// publish makes v the current version in one transaction. Before it, the bytes
// are durable and unreferenced; a crash leaves an orphan for the sweep. After
// it, what v replaced is unreferenced; a crash leaves that to the sweep. The
// record is sealed inside, since only there its version id is known.
func (s *Service) publish(ctx context.Context, decided *config, key string, v *version, data dataKey, w *bodyWriter, conditions *WriteConditions) error {
	if err := w.checkAge(); err != nil {
		return err
	}
	var old []string
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		c, err := readSame(tx, decided)
		if err != nil {
			return err
		}
		if old, err = s.publishRecord(tx, c, key, v, data, conditions); err != nil {
			return err
		}
		return w.refer(tx, v.generation, objectKey(c.ID, key))
	})
	if err != nil {
		return err
	}
	w.published = true
	s.deleteBlobs(ctx, old)
	return nil
}

// publishRecord makes v the current version, and returns the blobs to delete once
// the transaction is committed.
func (s *Service) publishRecord(tx store.Writer, c *config, key string, v *version, data dataKey, conditions *WriteConditions) (old []string, err error) {
	if err := conditions.checkIn(tx, c, key); err != nil {
		return nil, err
	}
	if old, err = supersede(tx, c, key, v); err != nil {
		return nil, err
	}
	v.seal(data, c, key, s.cfg.Clock.Now())
	return old, v.putCurrent(tx, c, key)
}

// dropContent removes the records of what v's content consists of, and returns
// the blobs to delete once the transaction is committed.
func dropContent(tx store.Writer, v *version) (blobs []string, err error) {
	if v == nil {
		return nil, nil
	}
	switch v.place {
	case placeInline:
		return nil, tx.Delete(spaceInline, v.generation)
	case placeBlob:
		return []string{v.blob}, tx.Delete(spaceBlob, v.blob)
	case placeParts:
		manifest, err := tx.Get(spaceManifest, v.generation)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil // damaged, and none the less removable
		}
		if err != nil {
			return nil, err
		}
		parts, err := decodeManifest(manifest)
		if err != nil {
			return nil, err
		}
		for _, pt := range parts {
			if blobs, err = pt.drop(tx, blobs); err != nil {
				return nil, err
			}
		}
		return blobs, tx.Delete(spaceManifest, v.generation)
	}
	return nil, nil
}

// deleteBlobs gives the space of unreferenced blobs back, or leaves that to
// their last reader. What fails here is left to the sweep, since the change
// itself is done.
func (s *Service) deleteBlobs(ctx context.Context, names []string) {
	ctx = context.WithoutCancel(ctx)
	for _, name := range names {
		if s.flights.doom(name) {
			continue
		}
		if err := s.cfg.Blobs.Delete(ctx, name); err != nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "blob not deleted", slog.String("blob", name), slog.Any("error", err))
		}
	}
}

// release ends the pin of a blob, and the blob if it was replaced meanwhile.
func (s *Service) release(name string) {
	if s.flights.unpin(name) {
		s.deleteBlobs(context.Background(), []string{name})
	}
}

func objectBinding(c *config, key, generation string) sealed.Binding {
	return sealed.Bind("s3 object", c.ID, key, generation)
}

// bodyWriter seals a body into memory or into a blob.
type bodyWriter struct {
	s     *Service
	ctx   context.Context // of the call that owns the writer
	place placeKind

	inline bytes.Buffer
	name   string
	blob   store.BlobWriter
	begun  time.Time

	*sealer
	committed, published bool
}

func (s *Service) newBody(ctx context.Context, sizeBytes int64, data dataKey, bind sealed.Binding) (*bodyWriter, error) {
	w := &bodyWriter{s: s, ctx: ctx, place: placeInline, begun: time.Now()}
	dst := io.Writer(&w.inline)
	if sizeBytes > MaxInlineBytes || sizeBytes == UnknownSize {
		w.place, w.name = placeBlob, newBlobName(w.begun)
		s.flights.pin(w.name)
		var err error
		if w.blob, err = s.cfg.Blobs.Create(ctx, w.name); err != nil {
			s.release(w.name)
			return nil, fmt.Errorf("create blob: %w", err)
		}
		dst = w.blob
	} else {
		w.inline.Grow(int(data.sealedSize(sizeBytes)))
	}
	var err error
	if w.sealer, err = data.newSealer(dst, bind); err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

// checkAge gives up a write that took so long that another node's sweep might
// take its blob for an orphan.
func (w *bodyWriter) checkAge() error {
	if limit := w.s.cfg.OrphanAge / 2; w.place == placeBlob && time.Since(w.begun) > limit {
		return fmt.Errorf("write took longer than %s", limit)
	}
	return nil
}

// refer writes the record of the sealed bytes: the bytes themselves, under name,
// or the reference from their blob to its owner.
func (w *bodyWriter) refer(tx store.Writer, name, owner string) error {
	if w.place == placeInline {
		return tx.Put(spaceInline, name, w.inline.Bytes())
	}
	return tx.Put(spaceBlob, w.name, []byte(owner))
}

// commit makes the sealed bytes durable.
func (w *bodyWriter) commit(ctx context.Context) error {
	if err := w.Close(); err != nil {
		return err
	}
	if w.place == placeBlob {
		if err := w.blob.Commit(ctx); err != nil {
			return fmt.Errorf("commit blob: %w", err)
		}
	}
	w.committed = true
	return nil
}

// abort gives everything back unless the body was published. It may be deferred.
func (w *bodyWriter) abort() {
	if w.sealer != nil {
		w.Close()
	}
	if w.place != placeBlob {
		return
	}
	switch {
	case w.published:
	case w.committed:
		// The transaction failed. Should it have been committed all the same,
		// because only the answer was lost, the records know.
		if names, err := w.s.unnamed(context.WithoutCancel(w.ctx), []string{w.name}); err == nil {
			w.s.deleteBlobs(w.ctx, names)
		}
	case w.blob != nil:
		w.blob.Abort()
	}
	w.s.release(w.name)
}

// More than one chunk, so that the sealing writer takes chunks from where they
// lie without a copy.
const copyBytes = 4 * sealed.ChunkBytes

var copyBuffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// copyExactly copies src to its end, which must come after size bytes, if that is
// not UnknownSize. It returns the size.
func copyExactly(dst io.Writer, src io.Reader, size int64) (total int64, err error) {
	known := size != UnknownSize
	if !known {
		size = MaxObjectBytes
	}
	var buf []byte
	if size < MaxInlineBytes {
		buf = make([]byte, size+1)
	} else {
		pooled := copyBuffers.Get().(*[copyBytes]byte)
		defer copyBuffers.Put(pooled)
		buf = pooled[:]
	}
	for {
		n, err := fill(buf, src)
		total += int64(n)
		if total > size {
			if !known {
				return total, ErrTooLarge
			}
			return total, ErrIncomplete
		}
		if _, werr := dst.Write(buf[:n]); werr != nil {
			return total, fmt.Errorf("store body: %w", werr)
		}
		switch {
		case err == nil:
		case err == io.EOF && (total == size || !known):
			return total, nil
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return total, ErrIncomplete
		default:
			return total, fmt.Errorf("read body: %w", err)
		}
	}
}

// fill reads until buf is full or src fails. It is not io.ReadFull: there, the
// end of src and a src that itself reports io.ErrUnexpectedEOF, such as a body
// that was cut before its trailers, look alike.
func fill(buf []byte, src io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = src.Read(buf[n:])
		n += m
	}
	return n, err
}

func randomETag() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
