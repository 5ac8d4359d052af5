package function

import (
	"bufio"
	"bytes"
)

// AppendFrame is appendFrame.
func AppendFrame(b []byte, kind byte, fields ...[]byte) []byte {
	return appendFrame(b, kind, fields...)
}

// ReadFrames reads frames until an error.
func ReadFrames(b []byte) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		if _, err := readFrame(r); err != nil {
			return
		}
	}
}

// Confine is confine.
func Confine() error { return confine() }
