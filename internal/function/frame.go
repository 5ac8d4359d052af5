package function

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// The frames of docs/spec/function-pipe.md: four bytes of length, a kind, and
// fields that each have their length before them.
const (
	frameLoad   = 'L' // to the worker: id, JSON of a program
	frameInvoke = 'I' // to the worker: id, JSON of a call, payload
	frameDrop   = 'D' // to the worker: id
	frameReply  = 'R' // to the worker: sequence number, "" or an error, data, body
	frameAsk    = 'A' // from the worker: sequence number, what, data, body
	frameLog    = 'G' // from the worker: level, text
	frameEnd    = 'E' // from the worker: JSON of an outcome, payload
)

const (
	// maxFrameBytes bounds a frame: a payload, or a file of a package, and what
	// goes with it.
	maxFrameBytes = MaxFileBytes + 1<<20
	maxFields     = 4
)

var errFrame = errors.New("function: malformed frame")

// appendFrame adds a frame to b.
func appendFrame(b []byte, kind byte, fields ...[]byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, kind)
	for _, f := range fields {
		b = binary.AppendUvarint(b, uint64(len(f)))
		b = append(b, f...)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// frame is one frame that was read. Its fields share memory of their own.
type frame struct {
	kind   byte
	fields [maxFields][]byte
	n      int
}

// readFrame reads the next frame. An end of input between two frames is io.EOF.
func readFrame(r *bufio.Reader) (f frame, err error) {
	head, err := r.Peek(5)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return f, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 1 || size > maxFrameBytes {
		return f, errFrame
	}
	f.kind = head[4]
	_, _ = r.Discard(5) // it was peeked at
	body := make([]byte, size-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return f, err
	}
	for len(body) > 0 {
		n, width := binary.Uvarint(body)
		if width <= 0 || n > uint64(len(body)-width) || f.n == maxFields {
			return f, errFrame
		}
		end := width + int(n)
		f.fields[f.n] = body[width:end:end]
		f.n++
		body = body[end:]
	}
	return f, nil
}

// need reports whether f has n fields.
func (f *frame) need(n int) error {
	if f.n != n {
		return errFrame
	}
	return nil
}

// program is what a worker must know to load a function.
type program struct {
	Runtime  Runtime           `json:"runtime"`
	Handler  string            `json:"handler"`
	Files    []string          `json:"files"`
	Env      map[string]string `json:"env"`
	MemoryMB int               `json:"memoryMB"`
	Context  programContext    `json:"context"`
	Store    string            `json:"store"`
}

// programContext is the part of a handler's context that never changes.
type programContext struct {
	Name     string `json:"functionName"`
	Version  string `json:"functionVersion"`
	MemoryMB int    `json:"memoryLimitInMB"`
	LogGroup string `json:"logGroupName"`
	Stream   string `json:"logStreamName"`
}

// call is what a worker must know of one invocation.
type call struct {
	RequestID string `json:"id"`
	ARN       string `json:"arn"`
	// LimitMS is the time that the function has.
	LimitMS int64 `json:"limitMS"`
	// SkewMS is how far the server's clock is ahead of the machine's.
	SkewMS int64 `json:"skewMS"`
	// Env has variables that changed: the role's credentials.
	Env map[string]string `json:"env,omitempty"`
}

// outcome is how an invocation ended.
type outcome struct {
	// Status is "ok", "failed", "timeout", "memory", "large" or "interrupted".
	Status  string          `json:"status"`
	Failure *Failure        `json:"failure,omitempty"`
	Loading bool            `json:"loading,omitempty"`
	Origin  json.RawMessage `json:"origin,omitempty"`
	CPU     int64           `json:"cpu"` // nanoseconds
	RSS     int64           `json:"rss"` // bytes
	Cold    bool            `json:"cold,omitempty"`
	// Dropped says that the machine is gone: the next invocation loads anew.
	Dropped bool `json:"dropped,omitempty"`
}
