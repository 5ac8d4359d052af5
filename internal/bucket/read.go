package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Object is an object, or a range of one, that is open for reading. It must be
// closed. A reader goes on reading the version that it opened when another is
// written. Only if another node removes a version of several parts, Read ends with
// ErrReplaced at the first part that it had not come to.
//
// Every byte that Read returns was authenticated. The first chunk was verified
// before Get returned; damage further on ends Read with ErrCorrupt.
type Object struct {
	Info
	// Offset and Length are what Read yields of the SizeBytes of the object.
	Offset, Length int64
	// PartChecksum is that of the part, where one part of several was asked for.
	PartChecksum Checksum

	s      *Service
	ctx    context.Context // of the Get; a reader's lifetime is its call's
	record *stored         // what is read
	data   dataKey         // while pieces are to be opened
	pieces []piece         // not opened yet
	pins   []string

	head    []byte // verified plaintext that waits to be read
	pooled  *[sealed.ChunkBytes]byte
	section *sealed.Section
	source  io.Closer // of section; nil for bytes that lie in a record
	damaged bool
}

// piece is a sealed stream and the range of its plaintext that is wanted. An
// object that was written at once is one, else each part is.
type piece struct {
	sizeBytes int64
	off, n    int64
	blob      string // empty for inline
	inline    []byte
	bind      sealed.Binding
}

// open readies o for reading. It returns store.ErrNotFound when a blob is gone.
func (s *Service) open(ctx context.Context, who *Caller, c *config, f *found, o *Object, customer *CustomerKey) error {
	if err := f.enc.needCustomer(customer); err != nil {
		return err
	}
	data, err := s.openRecord(ctx, who, c, o.Key, f.version, customer)
	if err != nil {
		return err
	}
	o.s, o.ctx, o.record, o.data = s, ctx, f.stored, data
	if o.pieces, err = f.pieces(c, o); err == nil {
		err = o.pin(f)
	}
	if err == nil {
		err = o.start()
	}
	if err != nil {
		o.Close()
		return asCorrupt(err)
	}
	if len(o.pieces) == 0 {
		o.data.wipe()
	}
	return nil
}

// pieces cuts the wanted range along the streams that the object consists of.
func (f *found) pieces(c *config, o *Object) ([]piece, error) {
	switch f.place {
	case placeInline:
		return []piece{{f.sizeBytes, o.Offset, o.Length, "", f.inline[f.generation], objectBinding(c, o.Key, f.generation)}}, nil
	case placeBlob:
		return []piece{{f.sizeBytes, o.Offset, o.Length, f.blob, nil, objectBinding(c, o.Key, f.generation)}}, nil
	case placeParts:
	default:
		return nil, ErrCorrupt
	}
	var list []piece
	begin, end := int64(0), o.Offset+o.Length
	for _, pt := range f.parts {
		first, last := max(o.Offset-begin, 0), min(end-begin, pt.sizeBytes)
		if first < last || f.sizeBytes == 0 {
			list = append(list, piece{pt.sizeBytes, first, last - first, pt.blob, f.inline[pt.attempt], partBinding(c, o.Key, f.generation, pt)})
		}
		begin += pt.sizeBytes
	}
	if begin != f.sizeBytes {
		return nil, ErrCorrupt
	}
	return list, nil
}

// pin keeps blobs that are opened later from being deleted before. Whether one
// was deleted before it was pinned, the record tells afterwards.
func (o *Object) pin(f *found) error {
	if len(o.pieces) < 2 {
		return nil
	}
	for _, p := range o.pieces {
		if p.blob != "" {
			o.s.flights.pin(p.blob)
			o.pins = append(o.pins, p.blob)
		}
	}
	if o.s.gone(o.ctx, f.stored) {
		return store.ErrNotFound
	}
	return nil
}

// start opens the first piece and verifies its first wanted chunk.
func (o *Object) start() error {
	r, p, err := o.nextPiece()
	if err != nil {
		return err
	}
	if p.sizeBytes == 0 {
		// That an object is empty has to be proven as well.
		_, err := io.Copy(io.Discard, r.Section(0, 0))
		return err
	}
	first := min(p.n, sealed.ChunkBytes-p.off%sealed.ChunkBytes)
	if first <= MaxInlineBytes {
		o.head = make([]byte, first)
	} else {
		o.pooled = chunkBuffers.Get().(*[sealed.ChunkBytes]byte)
		o.head = o.pooled[:first]
	}
	if _, err := r.ReadAt(o.head, p.off); err != nil {
		return err
	}
	o.section = r.Section(p.off+first, p.n-first)
	return nil
}

var chunkBuffers = sync.Pool{New: func() any { return new([sealed.ChunkBytes]byte) }}

// nextPiece opens the next piece, in place of the one before.
func (o *Object) nextPiece() (*sealed.Reader, piece, error) {
	if err := o.closeSource(); err != nil {
		return nil, piece{}, err
	}
	p := o.pieces[0]
	o.pieces = o.pieces[1:]
	source, size := io.ReaderAt(bytes.NewReader(p.inline)), int64(len(p.inline))
	if p.blob != "" {
		blob, err := o.s.cfg.Blobs.Open(o.ctx, p.blob)
		if err != nil {
			return nil, p, fmt.Errorf("open blob: %w", err)
		}
		source, size, o.source = blob, blob.SizeBytes(), blob
	}
	if size != o.data.sealedSize(p.sizeBytes) {
		return nil, p, ErrCorrupt
	}
	r, err := o.data.newReader(source, size, p.bind)
	return r, p, err
}

// advance opens the next piece once the section is read; at the end it is io.EOF.
func (o *Object) advance() error {
	if len(o.pieces) == 0 {
		return io.EOF
	}
	r, p, err := o.nextPiece()
	if err != nil {
		return err
	}
	o.section = r.Section(p.off, p.n)
	return nil
}

// Read implements io.Reader.
func (o *Object) Read(b []byte) (int, error) {
	if len(o.head) > 0 {
		n := copy(b, o.head)
		o.head = o.head[n:]
		return n, nil
	}
	for {
		if o.section != nil {
			n, err := o.section.Read(b)
			if err != io.EOF {
				return n, o.report(err)
			}
			o.section = nil
		}
		if err := o.advance(); err != nil {
			return 0, o.report(err)
		}
	}
}

// WriteTo implements io.WriterTo, with one write per chunk.
func (o *Object) WriteTo(w io.Writer) (total int64, err error) {
	if len(o.head) > 0 {
		n, err := w.Write(o.head)
		o.head = o.head[n:]
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	for {
		if o.section != nil {
			n, err := o.section.WriteTo(w)
			total += n
			if err != nil {
				return total, o.report(err)
			}
			o.section = nil
		}
		if err := o.advance(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, o.report(err)
		}
	}
}

// Close releases what Get opened.
func (o *Object) Close() error {
	if o.pooled != nil {
		chunkBuffers.Put(o.pooled)
		o.pooled, o.head = nil, nil
	}
	o.section, o.pieces = nil, nil
	o.data.wipe()
	for _, name := range o.pins {
		o.s.release(name)
	}
	o.pins = nil
	return o.closeSource()
}

func (o *Object) closeSource() error {
	if o.source == nil {
		return nil
	}
	err := o.source.Close()
	o.source = nil
	return err
}

// report logs damage once: the client only sees its connection end. A blob that
// is gone in the middle of a reading is damage, too, unless its record is gone as
// well: the pins of this process hold back no other.
func (o *Object) report(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if err = asCorrupt(err); errors.Is(err, store.ErrNotFound) {
		if err = ErrCorrupt; o.s.gone(context.WithoutCancel(o.ctx), o.record) {
			o.s.cfg.Log.LogAttrs(context.WithoutCancel(o.ctx), slog.LevelInfo, "object replaced while it was read",
				slog.String("bucket", o.Bucket), slog.String("key", o.Key))
			return ErrReplaced
		}
	}
	if errors.Is(err, ErrCorrupt) && !o.damaged {
		o.damaged = true
		o.s.logDamage(context.WithoutCancel(o.ctx), o.Info, err)
	}
	return err
}

func (s *Service) logDamage(ctx context.Context, i Info, err error) {
	s.cfg.Log.LogAttrs(ctx, slog.LevelError, "object damaged", slog.String("bucket", i.Bucket),
		slog.String("key", i.Key), slog.Any("error", err))
}

func asCorrupt(err error) error {
	if errors.Is(err, sealed.ErrCorrupt) {
		return ErrCorrupt
	}
	return err
}
