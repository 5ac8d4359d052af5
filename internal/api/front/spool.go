package front

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
)

const (
	// heldBytes is how long a body may be that is held in memory before its sender is
	// known. Of a longer one the sender can name an access key, which is no secret.
	heldBytes = 1 << 20
	// maxSpools bounds the longer ones that arrive at one time.
	maxSpools = 16
)

// spool is a body in a file that has no name any more, encrypted under a key that
// goes with it.
type spool struct {
	file  *os.File
	block cipher.Block
	size  int64
	sum   [sha256.Size]byte
}

// spool reads the body of req, at most maxBytes, into a file.
func (f *Front) spool(w http.ResponseWriter, req *Request, maxBytes int64) (_ *spool, err error) {
	select {
	case f.spools <- struct{}{}:
	case <-req.Context().Done():
		return nil, ErrBodyRead
	}
	s := new(spool)
	defer func() {
		if err != nil {
			f.free(s)
		}
	}()
	if s.file, err = os.CreateTemp(f.cfg.Folder, "body-*"); err != nil {
		return nil, err
	}
	if err := os.Remove(s.file.Name()); err != nil {
		return nil, err
	}
	var key [32]byte
	rand.Read(key[:])
	if s.block, err = aes.NewCipher(key[:]); err != nil {
		return nil, err
	}
	sum := sha256.New()
	to := &sealing{stream: s.stream(), file: s.file}
	s.size, err = io.Copy(io.MultiWriter(sum, to), http.MaxBytesReader(w, req.Request.Body, maxBytes))
	switch _, long := errors.AsType[*http.MaxBytesError](err); {
	case to.err != nil:
		return nil, to.err
	case long:
		return nil, ErrBodyTooLarge
	case err != nil:
		return nil, ErrBodyRead
	}
	sum.Sum(s.sum[:0])
	return s, nil
}

// sealing writes a file encrypted. It tells the file's errors from the body's.
type sealing struct {
	stream cipher.Stream
	file   *os.File
	buffer []byte
	err    error
}

func (w *sealing) Write(b []byte) (n int, err error) {
	w.buffer = slices.Grow(w.buffer[:0], len(b))[:len(b)]
	w.stream.XORKeyStream(w.buffer, b)
	n, w.err = w.file.Write(w.buffer)
	return n, w.err
}

// stream is the key's: it encrypts one file.
func (s *spool) stream() cipher.Stream {
	return cipher.NewCTR(s.block, make([]byte, aes.BlockSize))
}

// body reads what was written.
func (s *spool) body() ([]byte, error) {
	b := make([]byte, s.size)
	_, err := io.ReadFull(cipher.StreamReader{S: s.stream(), R: io.NewSectionReader(s.file, 0, s.size)}, b)
	return b, err
}

// free gives the file and its place back.
func (f *Front) free(s *spool) {
	if s.file != nil {
		_ = s.file.Close() // it was read, or is not wanted
	}
	<-f.spools
}
