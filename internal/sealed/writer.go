package sealed

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

var (
	errWriterClosed  = errors.New("sealed: write to a closed object")
	errObjectTooLong = errors.New("sealed: object is too long")
)

// gatherBytes is how much of an object of several chunks is written at once. It is
// whole pages of every file system, so that none is filled by two writes: a sealed
// chunk is a little longer than its plaintext, and to write chunks one by one costs
// a third more.
const gatherBytes = 4 * ChunkBytes

// gathered is sealed chunks on their way to a Writer's destination.
type gathered [gatherBytes + sealedChunkBytes]byte

var gatheredPool = sync.Pool{New: func() any { return new(gathered) }}

// Writer seals one object. It holds in memory one chunk of plaintext, and of an
// object that has more the gatherBytes that it writes at once. It must not be used
// concurrently.
type Writer struct {
	dst io.Writer
	key *objectKey

	buf   *chunkBuffer // nil once closed
	n     int          // bytes of plaintext in buf
	index int64        // of the chunk in buf
	err   error        // what ended the stream, if not Close

	out   *gathered // nil before the second chunk
	ready int       // bytes in out
}

// NewWriter begins an object on dst. key is the data key of the object, of
// KeyBytes bytes; one key may seal any number of objects and attempts. Nothing
// is written before the first chunk is full or Close is called.
func NewWriter(dst io.Writer, key Secret, b Binding) (*Writer, error) {
	return newWriter(dst, key, b, newObjectSalt())
}

func newWriter(dst io.Writer, key Secret, b Binding, salt objectSalt) (*Writer, error) {
	buf := chunkBuffers.Get().(*chunkBuffer)
	header := append(buf.bytes[:0], objectVersion, chunkLog)
	header = append(header, salt[:]...)
	k, err := newObjectKey(key, b, header)
	if err != nil {
		chunkBuffers.Put(buf)
		return nil, fmt.Errorf("seal object: %w", err)
	}
	copy(buf.header()[commitOffset:], k.commit[:])
	return &Writer{dst: dst, key: k, buf: buf}, nil
}

// Write takes plaintext. A failure, which is dst's and may be about what was written
// before, ends the object. Slices of more than ChunkBytes are sealed from where they
// lie, without a copy.
func (w *Writer) Write(p []byte) (int, error) {
	if w.buf == nil {
		return 0, errWriterClosed
	}
	written := 0
	for len(p) > 0 && w.err == nil {
		// A full chunk waits until more follows: it may be the last.
		if w.n == ChunkBytes {
			w.flush(w.buf.chunk()[:w.n], false)
			continue
		}
		n := ChunkBytes
		if w.n == 0 && len(p) > ChunkBytes {
			w.flush(p[:n], false)
		} else {
			n = copy(w.buf.chunk()[w.n:ChunkBytes], p)
			w.n += n
		}
		if w.err == nil {
			written += n
			p = p[n:]
		}
	}
	return written, w.err
}

// Close writes the last chunk. Only after it has returned nil is the object
// whole; without it, what was written does not open. It does not close dst.
// Closing again returns the same result.
func (w *Writer) Close() error {
	if w.buf == nil {
		return w.err
	}
	if w.err == nil {
		w.flush(w.buf.chunk()[:w.n], true)
	}
	chunkBuffers.Put(w.buf)
	w.buf = nil
	if w.out != nil {
		gatheredPool.Put(w.out)
		w.out = nil
	}
	return w.err
}

// flush seals one chunk, the first one behind the header, and writes what has come
// together when that is enough or final.
func (w *Writer) flush(plaintext []byte, final bool) {
	if w.index == MaxObjectBytes/ChunkBytes {
		w.err = errObjectTooLong
		return
	}
	nonce := w.buf.chunkNonce(w.index, final)
	w.n = 0
	if w.index == 0 && final {
		sealed := w.key.aead.Seal(w.buf.chunk()[:0], nonce, plaintext, w.key.place[:])
		w.write(w.buf.bytes[:objectHeaderBytes+len(sealed)])
		return
	}
	if w.out == nil {
		w.out = gatheredPool.Get().(*gathered)
		w.ready = copy(w.out[:], w.buf.header())
	}
	w.ready = len(w.key.aead.Seal(w.out[:w.ready], nonce, plaintext, w.key.place[:]))
	w.index++
	if w.ready >= gatherBytes {
		w.write(w.out[:gatherBytes])
		w.ready = copy(w.out[:], w.out[gatherBytes:w.ready])
	}
	if final && w.ready > 0 && w.err == nil {
		w.write(w.out[:w.ready])
	}
}

func (w *Writer) write(p []byte) {
	if _, err := w.dst.Write(p); err != nil {
		w.err = fmt.Errorf("write sealed object: %w", err)
	}
}
