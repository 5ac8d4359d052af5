package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// Mode is how an S3 request's body is protected.
type Mode uint8

const (
	// Unsigned means that no signature covers the body (UNSIGNED-PAYLOAD). It is
	// also the mode of an anonymous request's zero Payload.
	Unsigned Mode = iota

	// Exact means that the body's SHA-256 was signed.
	Exact

	// StreamingUnsignedTrailer is aws-chunked with trailers, neither signed.
	StreamingUnsignedTrailer

	// StreamingSigned is aws-chunked with a signature on each chunk.
	StreamingSigned

	// StreamingSignedTrailer is the same with signed trailers.
	StreamingSignedTrailer
)

// Values of x-amz-content-sha256 that are not a hash.
const (
	UnsignedPayload          = "UNSIGNED-PAYLOAD"
	streamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingECDSA           = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamingECDSATrailer    = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
)

// payloadS3 reads the payload hash; what it returns goes into the canonical
// request as it is.
func (a *Auth) payloadS3(sum *[sha256.Size]byte) (Mode, string, error) {
	switch v := a.contentSHA256; v {
	case "":
		if a.Form == FormHeader {
			return 0, "", ErrNoPayloadHash
		}
		return Unsigned, UnsignedPayload, nil
	case UnsignedPayload:
		return Unsigned, v, nil
	case streamingUnsignedTrailer:
		return StreamingUnsignedTrailer, v, nil
	case streamingSigned, streamingSignedTrailer:
		if a.Scope.Asymmetric() {
			return 0, "", ErrPayloadHash // its chunks would need a key that it has not
		}
		if v == streamingSigned {
			return StreamingSigned, v, nil
		}
		return StreamingSignedTrailer, v, nil
	case streamingECDSA, streamingECDSATrailer:
		return 0, "", ErrSigV4a
	default:
		if len(v) != 2*sha256.Size {
			return 0, "", ErrPayloadHash
		}
		if _, err := hex.Decode(sum[:], []byte(v)); err != nil {
			return 0, "", ErrPayloadHash
		}
		return Exact, v, nil
	}
}

// Payload is what a verified signature says about the body.
type Payload struct {
	mode Mode
	sum  [sha256.Size]byte
	key  SigningKey
	auth *Auth
}

// Mode is how the body is protected. For the General style it is Exact, and the
// body has been checked already.
func (p Payload) Mode() Mode { return p.mode }

// SHA256 is the signed hash of the body; meaningful for Exact.
func (p Payload) SHA256() [sha256.Size]byte { return p.sum }

// Body returns body, checked: in Exact mode its last Read gives a
// *PayloadMismatchError in place of io.EOF when the bytes are not those that
// were signed, so whoever copies to EOF before committing commits nothing else.
// In the other modes it is body itself.
func (p Payload) Body(body io.Reader) io.Reader {
	if p.mode != Exact {
		return body
	}
	return &exactReader{body: body, hash: sha256.New(), want: p.sum}
}

type exactReader struct {
	body io.Reader
	hash hash.Hash
	want [sha256.Size]byte
	err  error
}

func (r *exactReader) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.body.Read(b)
	r.hash.Write(b[:n])
	if err == io.EOF {
		if got := r.hash.Sum(nil); string(got) != string(r.want[:]) {
			err = &PayloadMismatchError{Claimed: hex.EncodeToString(r.want[:]), Computed: hex.EncodeToString(got)}
		}
	}
	r.err = err
	return n, err
}

// Chunks verifies the signatures of an aws-chunked body, whose seed is the
// request's own signature. It is not safe for concurrent use.
func (p Payload) Chunks() *Chunks {
	return &Chunks{
		key:         p.key,
		accessKeyID: p.auth.Scope.AccessKeyID,
		context:     p.auth.Time.Format(timeLayout) + "\n" + p.auth.Scope.String() + "\n",
		previous:    p.auth.signature,
	}
}

// Chunks is the chain of signatures over the chunks of one body.
type Chunks struct {
	key         SigningKey
	accessKeyID string
	context     string // date and scope, each with its line feed
	previous    string // the signature before this one
	buf         []byte
}

// Chunk checks the signature of the next chunk, whose bytes have the hash sum.
// The last chunk is empty. A wrong one is a *ChunkMismatchError.
//
//	AWS4-HMAC-SHA256-PAYLOAD \n date \n scope \n previous \n sha256("") \n sha256(chunk)
func (c *Chunks) Chunk(sum [sha256.Size]byte, signature string) error {
	b := c.begin("AWS4-HMAC-SHA256-PAYLOAD\n")
	b = append(b, emptySHA256+"\n"...)
	return c.check(hex.AppendEncode(b, sum[:]), signature)
}

// Trailer checks the signature of the trailers, after the last chunk. sum is the
// hash of "name:value\n" of each in the order sent.
//
//	AWS4-HMAC-SHA256-TRAILER \n date \n scope \n previous \n sha256(trailers)
func (c *Chunks) Trailer(sum [sha256.Size]byte, signature string) error {
	b := c.begin("AWS4-HMAC-SHA256-TRAILER\n")
	return c.check(hex.AppendEncode(b, sum[:]), signature)
}

func (c *Chunks) begin(algorithm string) []byte {
	b := append(c.buf[:0], algorithm...)
	b = append(b, c.context...)
	b = append(b, c.previous...)
	return append(b, '\n')
}

func (c *Chunks) check(toSign []byte, signature string) error {
	c.buf = toSign
	var want [2 * sha256.Size]byte
	c.key.sign(&want, toSign)
	if !equal(want[:], signature) {
		return &ChunkMismatchError{AccessKeyID: c.accessKeyID, StringToSign: string(toSign), Provided: signature}
	}
	c.previous = string(want[:])
	return nil
}
