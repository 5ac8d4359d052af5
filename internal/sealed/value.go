package sealed

import (
	"bytes"
	"io"
)

// SealValue seals a value that fits into memory, as a Writer would.
func SealValue(key Secret, b Binding, plaintext []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(SealedSize(int64(len(plaintext)))))
	w, err := NewWriter(&out, key, b)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plaintext); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// OpenValue opens what SealValue made. Its errors are those of a Reader.
func OpenValue(key Secret, b Binding, sealed []byte) ([]byte, error) {
	r, err := NewReader(bytes.NewReader(sealed), int64(len(sealed)), key, b)
	if err != nil {
		return nil, err
	}
	plaintext := make([]byte, r.Size())
	if _, err := r.ReadAt(plaintext, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return plaintext, nil
}
