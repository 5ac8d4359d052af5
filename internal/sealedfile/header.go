package sealedfile

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// The header of a sealed file, as docs/spec/sealed-file.md describes it:
//
//	 0   8  "KFSEALED"
//	 8   1  format version, 1
//	 9   1  method: how the data key is wrapped
//	10   2  n, big-endian as all lengths
//	12   2  p
//	14   2  c
//	16   2  w
//	18   n  name of the key
//	 …   p  recipient's public key, a SubjectPublicKeyInfo
//	 …   c  encryption context
//	 …   w  wrapped data key
//
// The sealed object follows; it is bound to all bytes of the header.
const (
	magic         = "KFSEALED"
	formatVersion = 1
	fixedBytes    = len(magic) + 2 + 4*2

	maxNameBytes      = 2048
	maxRecipientBytes = 2048
	maxContextBytes   = 8192
	maxWrappedBytes   = 6144

	// MaxHeaderBytes bounds what is read of a file before its key is known.
	MaxHeaderBytes = fixedBytes + maxNameBytes + maxRecipientBytes + maxContextBytes + maxWrappedBytes
)

// Method is how the data key of a file is wrapped.
type Method uint8

// The methods of version 1.
const (
	// MethodKMS is a data key that a symmetric KMS key encrypted.
	MethodKMS Method = 1
	// MethodRSA is RSAES-OAEP with SHA-256, MGF1 with SHA-256 and no label.
	MethodRSA Method = 2
	// MethodP256, MethodP384 and MethodP521 are HPKE (RFC 9180) in base mode.
	MethodP256 Method = 3
	MethodP384 Method = 4
	MethodP521 Method = 5
)

var (
	// ErrNotSealed says that a file is not one that this package sealed, or that
	// its header does not keep to the format.
	ErrNotSealed = errors.New("not a sealed file")
	// ErrVersion says that a file has a format that this release does not know.
	ErrVersion = errors.New("sealed in a format that this release does not know")
)

// Header is what a sealed file says about itself in clear. It is a claim until
// the file's data key is known, which authenticates it.
type Header struct {
	Method Method
	// Key is the ARN of the KMS key that opens the file. For a public key it may
	// be empty, or whatever the sealer called the key.
	Key string
	// Recipient is the public key that the file was sealed to, as a
	// SubjectPublicKeyInfo; nil for MethodKMS.
	Recipient []byte
	// Context is the encryption context of MethodKMS, without the pair that every
	// sealed file has.
	Context map[string]string
	// Wrapped is the wrapped data key.
	Wrapped []byte
}

// encode returns the header's bytes, or an error that names the part that is too long.
func (h *Header) encode() ([]byte, error) {
	context := encodeContext(h.Context)
	for _, part := range []struct {
		what     string
		len, max int
	}{
		{"name of the key", len(h.Key), maxNameBytes},
		{"public key", len(h.Recipient), maxRecipientBytes},
		{"encryption context", len(context), maxContextBytes},
		{"wrapped data key", len(h.Wrapped), maxWrappedBytes},
	} {
		if part.len > part.max {
			return nil, fmt.Errorf("the %s has %d bytes, at most %d fit", part.what, part.len, part.max)
		}
	}
	b := append([]byte(magic), formatVersion, byte(h.Method))
	for _, n := range []int{len(h.Key), len(h.Recipient), len(context), len(h.Wrapped)} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return slices.Concat(b, []byte(h.Key), h.Recipient, context, h.Wrapped), nil
}

// ReadHeader reads a header from r, at most MaxHeaderBytes, and not one byte more
// than it has. raw is its encoding. The error is ErrNotSealed, ErrVersion or one of r.
func ReadHeader(r io.Reader) (h *Header, raw []byte, err error) {
	raw = make([]byte, fixedBytes)
	if err := readFull(r, raw); err != nil {
		return nil, nil, err
	}
	if string(raw[:len(magic)]) != magic {
		return nil, nil, ErrNotSealed
	}
	if raw[len(magic)] != formatVersion {
		return nil, nil, fmt.Errorf("%w: version %d", ErrVersion, raw[len(magic)])
	}
	var lengths [4]int
	total := 0
	for i, most := range [4]int{maxNameBytes, maxRecipientBytes, maxContextBytes, maxWrappedBytes} {
		lengths[i] = int(binary.BigEndian.Uint16(raw[len(magic)+2+2*i:]))
		if lengths[i] > most {
			return nil, nil, ErrNotSealed
		}
		total += lengths[i]
	}
	raw = append(raw, make([]byte, total)...)
	rest := raw[fixedBytes:]
	if err := readFull(r, rest); err != nil {
		return nil, nil, err
	}
	next := func(n int) (part []byte) {
		part, rest = rest[:n:n], rest[n:]
		return part
	}
	h = &Header{Method: Method(raw[len(magic)+1])}
	h.Key = string(next(lengths[0]))
	h.Recipient = next(lengths[1])
	context, ok := decodeContext(next(lengths[2]))
	h.Context, h.Wrapped = context, next(lengths[3])
	if !ok || !h.sound() {
		return nil, nil, ErrNotSealed
	}
	return h, raw, nil
}

// sound reports whether the parts are those of the method.
func (h *Header) sound() bool {
	if !utf8.ValidString(h.Key) || len(h.Wrapped) == 0 {
		return false
	}
	switch h.Method {
	case MethodKMS:
		return h.Key != "" && len(h.Recipient) == 0
	case MethodRSA, MethodP256, MethodP384, MethodP521:
		return len(h.Recipient) > 0 && len(h.Context) == 0
	}
	return false
}

// binding is what ties the sealed object to its header.
func binding(raw []byte) sealed.Binding {
	sum := sha256.Sum256(raw)
	return sealed.Bind("keyfront/file/1", string(sum[:]))
}

// encodeContext writes the pairs in ascending order of their names, each string
// after its length.
func encodeContext(context map[string]string) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, s := range [...]string{name, context[name]} {
			// A string that is cut here is too long as a whole, and refused so.
			b = binary.BigEndian.AppendUint16(b, uint16(min(len(s), 1<<16-1)))
			b = append(b, s...)
		}
	}
	return b
}

// decodeContext takes only what encodeContext makes. No pair is a nil map.
func decodeContext(b []byte) (context map[string]string, ok bool) {
	next := func() (s string, ok bool) {
		if len(b) < 2 {
			return "", false
		}
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return "", false
		}
		s, b = string(b[2:2+n]), b[2+n:]
		return s, utf8.ValidString(s)
	}
	last := ""
	for len(b) > 0 {
		name, ok1 := next()
		value, ok2 := next()
		if !ok1 || !ok2 || context != nil && name <= last {
			return nil, false
		}
		if context == nil {
			context = map[string]string{}
		}
		context[name], last = value, name
	}
	return context, true
}

// readFull fills p; a source that ends before is no sealed file.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrNotSealed
	}
	return err
}
