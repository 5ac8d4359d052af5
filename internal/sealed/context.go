package sealed

import (
	"encoding/binary"
	"maps"
	"slices"
)

// MaxContextBytes bounds an encryption context in its canonical form: per pair
// the bytes of key and value and four more.
//
// The bound is that of additional authenticated data in the AWS KMS External
// Key Store Proxy API.
const MaxContextBytes = 8192

// CheckContext returns ErrContextTooLong about a context that Seal would refuse.
func CheckContext(context map[string]string) error {
	size := 0
	for k, v := range context {
		// Each bound before the sum, which so cannot overflow.
		if len(k) > MaxContextBytes || len(v) > MaxContextBytes {
			return ErrContextTooLong
		}
		if size += 4 + len(k) + len(v); size > MaxContextBytes {
			return ErrContextTooLong
		}
	}
	return nil
}

// appendContext adds the canonical form: for each pair, in byte order of the
// keys, u16(len key) ‖ key ‖ u16(len value) ‖ value. The empty context and none
// are the same. sorted is scratch space, which is returned for the next call.
func appendContext(b []byte, context map[string]string, sorted []string) ([]byte, []string) {
	sorted = slices.AppendSeq(sorted[:0], maps.Keys(context))
	slices.Sort(sorted)
	for _, k := range sorted {
		v := context[k]
		b = binary.BigEndian.AppendUint16(b, uint16(len(k)))
		b = append(b, k...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
		b = append(b, v...)
	}
	clear(sorted)
	return b, sorted
}
