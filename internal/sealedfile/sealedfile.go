// Package sealedfile encrypts files of any size to one recipient: a symmetric
// KMS key, or the holder of a private key (RSA, P-256, P-384, P-521), who may
// keep it in a KMS as well. The format is docs/spec/sealed-file.md.
//
// Each file has a data key of its own, wrapped in a header that the file is bound
// to, and a body in authenticated chunks (docs/spec/object.md): one chunk is in
// memory at a time, and a file that was cut, reordered, extended or changed does
// not open. What Open has written before it returned nil is not yet to be
// believed as a whole; the caller keeps it under no final name until then.
//
// A sealed file is secret, and whole, but does not say who sealed it: anyone who
// may use the KMS key, or has the public key, can make one. Sign it where that
// matters.
package sealedfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Recipient is whom a file is sealed to: ToKeyService or ToPublicKey.
type Recipient interface {
	// wrap makes a data key and the header that gives it back to the recipient.
	wrap(ctx context.Context) (sealed.Secret, *Header, error)
}

// Opener is who opens a file: ByKeyService or ByPrivateKey.
type Opener interface {
	// unwrap returns the data key. head is the header's encoding up to the
	// wrapped key.
	unwrap(ctx context.Context, h *Header, head []byte) (sealed.Secret, error)
}

var (
	// ErrRecipient says that a file was sealed to somebody else.
	ErrRecipient = errors.New("sealed to another key")
	// ErrContext says that a file was not sealed under the encryption context
	// that its opener insists on.
	ErrContext = errors.New("sealed under another encryption context")
	// ErrChanged says that a file is not what was sealed: it was cut, extended,
	// reordered or otherwise changed. It wraps sealed.ErrCorrupt.
	ErrChanged = fmt.Errorf("file was cut, extended or changed after it was sealed: %w", sealed.ErrCorrupt)
)

// pieceBytes is how much of the plaintext is read at once.
const pieceBytes = 16 * sealed.ChunkBytes

// Seal writes a sealed file of what src holds, to its end, to dst. It asks the
// recipient's key service, if there is one, before it reads src. Only after Seal
// has returned nil is the file whole. When ctx ends, so does Seal.
func Seal(ctx context.Context, dst io.Writer, src io.Reader, to Recipient) error {
	key, h, err := to.wrap(ctx)
	if err != nil {
		return err
	}
	defer key.Wipe()
	raw, err := h.encode()
	if err != nil {
		return err
	}
	if _, err := dst.Write(raw); err != nil {
		return err
	}
	w, err := sealed.NewWriter(dst, key, binding(raw))
	if err != nil {
		return err
	}
	piece := make([]byte, pieceBytes)
	defer clear(piece)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(src, piece)
		if _, err := w.Write(piece[:n]); err != nil {
			return err
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return w.Close()
		}
		if err != nil {
			return err
		}
	}
}

// Open writes the plaintext of the sealed file of size bytes in src to dst.
//
// It returns ErrNotSealed, ErrVersion, ErrRecipient, ErrContext, ErrChanged, an
// error of the key service, or one of src or dst. What was written to dst before an error is
// a part of the plaintext and must not pass for the whole. When ctx ends, so
// does Open.
func Open(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64, by Opener) error {
	h, raw, err := ReadHeader(io.NewSectionReader(src, 0, size))
	if err != nil {
		return err
	}
	key, err := by.unwrap(ctx, h, raw[:len(raw)-len(h.Wrapped)])
	if err != nil {
		return err
	}
	defer key.Wipe()
	start := int64(len(raw))
	r, err := sealed.NewReader(io.NewSectionReader(src, start, size-start), size-start, key, binding(raw))
	if err == nil {
		_, err = r.Section(0, r.Size()).WriteTo(attended{ctx, dst})
	}
	if errors.Is(err, sealed.ErrCorrupt) {
		return ErrChanged
	}
	return err
}

// attended is a writer that stops when its context does.
type attended struct {
	ctx context.Context
	w   io.Writer
}

func (a attended) Write(p []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	return a.w.Write(p)
}
