package sealed

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// Reader opens a sealed object at any offset, and reads and opens only the
// chunks that it needs. It holds no memory between calls and may be used
// concurrently if its source may.
type Reader struct {
	src    io.ReaderAt
	key    *objectKey
	size   int64 // of the plaintext
	chunks int64
}

// NewReader opens the object of sealedBytes bytes in src, with the data key and
// the Binding of its Writer. It reads the header, and the tag of an empty object.
//
// It returns ErrCorrupt when this is no object, or not one of this key and
// Binding; and the source's error when it cannot be read. Size follows from
// sealedBytes: a caller that knows how long the object was compares, since an
// object that was cut between two chunks is ErrCorrupt only where its new last
// chunk is read.
func NewReader(src io.ReaderAt, sealedBytes int64, key Secret, b Binding) (*Reader, error) {
	r, err := newReader(src, sealedBytes, key, b)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	return r, nil
}

func newReader(src io.ReaderAt, sealedBytes int64, key Secret, b Binding) (*Reader, error) {
	size, err := plainSize(sealedBytes)
	if err != nil {
		return nil, err
	}
	var header [objectHeaderBytes]byte
	if err := readFull(src, header[:], 0); err != nil {
		return nil, err
	}
	k, err := newObjectKey(key, b, header[:commitOffset])
	if err != nil {
		return nil, err
	}
	if header[0] != objectVersion || header[1] != chunkLog ||
		subtle.ConstantTimeCompare(k.commit[:], header[commitOffset:]) != 1 {
		return nil, ErrCorrupt
	}
	r := &Reader{src: src, key: k, size: size, chunks: max(1, (size+ChunkBytes-1)/ChunkBytes)}
	if size == 0 {
		// No read will open the only chunk, so this is where emptiness is proved.
		buf := chunkBuffers.Get().(*chunkBuffer)
		defer chunkBuffers.Put(buf)
		if _, err := r.openChunk(buf, buf.chunk(), 0); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Size is the number of bytes of plaintext.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt on the plaintext. Of bytes that do not open it
// returns none. For reading one range from front to back, Section is faster.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("sealed: negative offset")
	}
	if off >= r.size {
		return 0, io.EOF
	}
	buf := chunkBuffers.Get().(*chunkBuffer)
	defer chunkBuffers.Put(buf)
	n := 0
	for n < len(p) && off < r.size {
		i := off / ChunkBytes
		skip := int(off - i*ChunkBytes)
		// A chunk that is wanted whole is opened where it is wanted.
		dst := buf.chunk()
		if skip == 0 && len(p)-n >= r.chunkLen(i) {
			dst = p[n:]
		}
		plain, err := r.openChunk(buf, dst, i)
		if err != nil {
			return n, err
		}
		if skip == 0 && len(p)-n >= len(plain) {
			n += len(plain)
			off += int64(len(plain))
			continue
		}
		c := copy(p[n:], plain[skip:])
		n += c
		off += int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// chunkLen is the plaintext length of chunk i.
func (r *Reader) chunkLen(i int64) int {
	return int(min(ChunkBytes, r.size-i*ChunkBytes))
}

// openChunk reads chunk i into buf and opens it to the start of dst, which is
// buf.chunk() or elsewhere.
func (r *Reader) openChunk(buf *chunkBuffer, dst []byte, i int64) ([]byte, error) {
	sealed := buf.chunk()[:r.chunkLen(i)+tagBytes]
	if err := readFull(r.src, sealed, objectHeaderBytes+i*sealedChunkBytes); err != nil {
		return nil, fmt.Errorf("read sealed chunk %d: %w", i, err)
	}
	nonce := buf.chunkNonce(i, i == r.chunks-1)
	plain, err := r.key.aead.Open(dst[:0], nonce, sealed, r.key.place[:])
	if err != nil {
		return nil, fmt.Errorf("open sealed chunk %d: %w", i, ErrCorrupt)
	}
	return plain, nil
}

// readFull fills p. A source that ends before its stated size was cut.
func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCorrupt
	default:
		return err
	}
}

// Section returns a stream of the n bytes of plaintext from off, or of as many
// of them as there are.
func (r *Reader) Section(off, n int64) *Section {
	off = min(max(off, 0), r.size)
	return &Section{r: r, off: off, end: off + min(max(n, 0), r.size-off)}
}

// Section reads a range of an object from front to back and opens each chunk
// once. It holds one chunk in memory from its first read to its end, and must
// not be used concurrently.
type Section struct {
	r        *Reader
	off, end int64 // what no chunk was opened for yet

	buf  *chunkBuffer // nil when no plaintext waits
	rest []byte       // plaintext in buf that waits to be read
}

// Read implements io.Reader. Of bytes that do not open it returns none.
func (s *Section) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.load(); err != nil {
		return 0, err
	}
	n := copy(p, s.rest)
	s.advance(n)
	return n, nil
}

// WriteTo implements io.WriterTo with one write per chunk.
func (s *Section) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := s.load(); err != nil {
			if err == io.EOF {
				return written, nil
			}
			return written, err
		}
		n, err := w.Write(s.rest)
		written += int64(n)
		s.advance(n)
		if err != nil {
			return written, err
		}
	}
}

// load opens the next chunk unless plaintext waits; at the end it is io.EOF.
func (s *Section) load() error {
	if s.buf != nil {
		return nil
	}
	if s.off >= s.end {
		return io.EOF
	}
	buf := chunkBuffers.Get().(*chunkBuffer)
	i := s.off / ChunkBytes
	plain, err := s.r.openChunk(buf, buf.chunk(), i)
	if err != nil {
		chunkBuffers.Put(buf)
		return err
	}
	from := i * ChunkBytes
	to := min(from+int64(len(plain)), s.end)
	s.buf, s.rest = buf, plain[s.off-from:to-from]
	s.off = to
	return nil
}

func (s *Section) advance(n int) {
	if s.rest = s.rest[n:]; len(s.rest) == 0 {
		chunkBuffers.Put(s.buf)
		s.buf, s.rest = nil, nil
	}
}
