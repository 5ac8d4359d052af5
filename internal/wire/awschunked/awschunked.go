// Package awschunked reads the body of an S3 upload in the aws-chunked encoding:
// the object's bytes in chunks, with or without a signature on each, and
// trailers behind them, with or without a signature.
//
//	signed    hex;chunk-signature=<64 hex>\r\n data \r\n ... 0;chunk-signature=<64 hex>\r\n
//	unsigned  hex\r\n data \r\n ... 0\r\n
//	then      name:value\r\n ...                      with trailers
//	          x-amz-trailer-signature:<64 hex>\r\n    with signed trailers
//	          \r\n
//
// It is not HTTP's chunked transfer encoding, which may be around it.
//
// Source: Amazon S3 API Reference, "Signature Calculations for the Authorization
// Header: Transferring Payload in Multiple Chunks", "Signature calculations for
// trailing headers".
package awschunked

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

const (
	maxChunkLine   = 256
	maxTrailerLine = 4 << 10 // the buffer's size
	maxTrailers    = 16

	trailerSignature = "x-amz-trailer-signature"
)

// Verifier checks the chain of signatures, in order: each chunk with the last,
// empty one, and then the trailers. Its errors reach the reader's caller.
type Verifier interface {
	// Chunk checks the signature of the next chunk, whose bytes have the SHA-256 sum.
	Chunk(sum [sha256.Size]byte, signature string) error

	// Trailer checks the signature of the trailers, of which sum is the SHA-256 of
	// "name:value\n" for each in the order sent.
	Trailer(sum [sha256.Size]byte, signature string) error
}

// Config says what the request's headers announce.
type Config struct {
	// Length is the number of bytes without the encoding, from
	// x-amz-decoded-content-length. It is never negative.
	Length int64

	// Signatures checks the chunks; nil for unsigned chunks, which must then
	// have no signatures.
	Signatures Verifier

	// Trailer says that trailers may follow; with Signatures they are signed.
	Trailer bool

	// Names are the trailers that x-amz-trailer declares, each of which must come.
	// Case does not matter.
	Names []string
}

// Errors of a Reader besides those of its Verifier and *TrailerError.
var (
	// ErrIncomplete means that the body ends early, or has fewer bytes than announced.
	ErrIncomplete = errors.New("awschunked: the body is incomplete")

	// ErrTooLong means that the body has more bytes than announced.
	ErrTooLong = errors.New("awschunked: the body is longer than announced")

	// ErrMalformed means that the body is not in the encoding that was announced.
	ErrMalformed = errors.New("awschunked: malformed chunk")
)

// TrailerError means that the trailers are not those that were declared.
type TrailerError struct {
	Name   string // lower case; "" for a line that is no trailer
	Reason string // "is missing", "was not declared", "is repeated", "is malformed"
}

func (e *TrailerError) Error() string {
	return fmt.Sprintf("awschunked: trailer %.64q %s", e.Name, e.Reason)
}

// Reader decodes one body. It holds a few kilobytes whatever the size of chunks,
// so bytes come out before their chunk's signature has been checked: keep nothing
// of them unless Read has returned io.EOF, which it does only when signatures,
// length and trailers are all right.
type Reader struct {
	in     *bufio.Reader
	config Config

	hash      hash.Hash // of the current chunk; nil without Signatures
	signature string    // of the current chunk
	inChunk   int64     // bytes of the current chunk still to come
	started   bool      // a chunk's line has been read
	left      int64     // decoded bytes still to come

	trailers map[string]string
	err      error
}

// NewReader returns a reader of the bytes that body carries.
func NewReader(body io.Reader, c Config) *Reader {
	r := &Reader{in: bufio.NewReaderSize(body, maxTrailerLine), config: c, left: c.Length}
	if c.Signatures != nil {
		r.hash = sha256.New()
	}
	return r
}

// Trailers are the trailers by their lower-case names, once Read has returned
// io.EOF, and nil before.
func (r *Reader) Trailers() map[string]string {
	if r.err != io.EOF {
		return nil
	}
	return r.trailers
}

// Read reads decoded bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.err == nil && r.inChunk == 0 {
		r.err = r.nextChunk()
	}
	if r.err != nil {
		return 0, r.err
	}
	if int64(len(p)) > r.inChunk {
		p = p[:r.inChunk]
	}
	n, err := r.in.Read(p)
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	r.inChunk -= int64(n)
	r.left -= int64(n)
	if err != nil {
		r.err = incomplete(err)
	}
	return n, r.err
}

// incomplete makes an early end of the input an error of ours; any other stays.
func incomplete(err error) error {
	if err == io.EOF {
		return ErrIncomplete
	}
	return err
}

// nextChunk ends the chunk before, reads the next one's line, and after the last
// chunk everything up to the end, which is io.EOF.
func (r *Reader) nextChunk() error {
	if r.started {
		if err := r.endChunk(); err != nil {
			return err
		}
	}
	line, err := r.line(maxChunkLine, ErrMalformed)
	if err != nil {
		return err
	}
	size, signature, err := r.chunkLine(line)
	switch {
	case err != nil:
		return err
	case size > r.left:
		return ErrTooLong
	}
	r.started, r.inChunk, r.signature = true, size, signature
	if size > 0 {
		return nil
	}
	if r.left > 0 {
		return ErrIncomplete
	}
	if err := r.verifyChunk(); err != nil {
		return err
	}
	if err := r.readTrailers(); err != nil {
		return err
	}
	return r.end()
}

// endChunk reads the line break behind a chunk's bytes and checks its signature.
func (r *Reader) endChunk() error {
	var crlf [2]byte
	if _, err := io.ReadFull(r.in, crlf[:]); err != nil {
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return incomplete(err)
	}
	if crlf != [2]byte{'\r', '\n'} {
		return ErrMalformed
	}
	return r.verifyChunk()
}

func (r *Reader) verifyChunk() error {
	if r.hash == nil {
		return nil
	}
	var sum [sha256.Size]byte
	r.hash.Sum(sum[:0])
	r.hash.Reset()
	return r.config.Signatures.Chunk(sum, r.signature)
}

// line reads a line without its break. The bytes are good until the next read.
func (r *Reader) line(most int, tooLong error) ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull || len(line) > most:
		return nil, tooLong
	case err != nil:
		return nil, incomplete(err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

func (r *Reader) chunkLine(line []byte) (size int64, signature string, err error) {
	digits, extension, signed := bytes.Cut(line, []byte{';'})
	if len(digits) == 0 || len(digits) > 15 || signed != (r.hash != nil) {
		return 0, "", ErrMalformed
	}
	for _, c := range digits {
		size <<= 4
		switch {
		case '0' <= c && c <= '9':
			size |= int64(c - '0')
		case 'a' <= c && c <= 'f':
			size |= int64(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			size |= int64(c - 'A' + 10)
		default:
			return 0, "", ErrMalformed
		}
	}
	if !signed {
		return size, "", nil
	}
	value, ok := bytes.CutPrefix(extension, []byte("chunk-signature="))
	if !ok || len(value) != 2*sha256.Size {
		return 0, "", ErrMalformed
	}
	return size, string(value), nil
}

// readTrailers reads up to and with the empty line that ends the body.
func (r *Reader) readTrailers() error {
	r.trailers = map[string]string{}
	sum := sha256.New()
	signature := ""
	for {
		line, err := r.line(maxTrailerLine, &TrailerError{"", "is malformed"})
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		if !r.config.Trailer {
			return ErrMalformed
		}
		name, value, ok := strings.Cut(string(line), ":")
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		switch {
		case !ok || name == "" || signature != "":
			return &TrailerError{name, "is malformed"}
		case name == trailerSignature && r.hash != nil:
			if signature = value; len(value) != 2*sha256.Size {
				return &TrailerError{name, "is malformed"}
			}
			continue
		case !r.declared(name):
			return &TrailerError{name, "was not declared"}
		case len(r.trailers) == maxTrailers:
			return &TrailerError{name, "is malformed"}
		}
		if _, ok := r.trailers[name]; ok {
			return &TrailerError{name, "is repeated"}
		}
		r.trailers[name] = value
		io.WriteString(sum, name+":"+value+"\n")
	}
	for _, name := range r.config.Names {
		if name = strings.ToLower(name); !r.has(name) {
			return &TrailerError{name, "is missing"}
		}
	}
	if !r.config.Trailer || r.hash == nil {
		return nil
	}
	if signature == "" {
		return &TrailerError{trailerSignature, "is missing"}
	}
	return r.config.Signatures.Trailer([sha256.Size]byte(sum.Sum(nil)), signature)
}

func (r *Reader) has(name string) bool {
	_, ok := r.trailers[name]
	return ok
}

func (r *Reader) declared(name string) bool {
	for _, n := range r.config.Names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// end wants nothing more than the line breaks that some clients leave there.
func (r *Reader) end() error {
	for range 8 {
		c, err := r.in.ReadByte()
		if err != nil {
			return err // io.EOF is the end that we want
		}
		if c != '\r' && c != '\n' {
			break
		}
	}
	return ErrMalformed
}
