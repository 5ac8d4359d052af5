package function

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"
)

// The frames of docs/spec/function-pipe.md: four bytes of length, a kind, and
// fields that each have their length before them.
const (
	frameLoad   = 'L' // to the worker: id, JSON of a program
	frameInvoke = 'I' // to the worker: id, and the fields of a call
	frameDrop   = 'D' // to the worker: id
	frameReply  = 'R' // to the worker: sequence number, "" or an error, data, body
	frameAsk    = 'A' // from the worker: sequence number, what, data, body
	frameLog    = 'G' // from the worker: level, text
	frameEnd    = 'E' // from the worker: the fields of an outcome, payload
)

const (
	// maxFrameBytes bounds a frame: a payload, or a file of a package, and what
	// goes with it.
	maxFrameBytes = MaxFileBytes + 1<<20
	maxFields     = 9
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

// call is what a worker must know of one invocation. Its fields are those of a
// frame, in this order.
type call struct {
	requestID, arn string
	// limitMS is the time that the function has.
	limitMS int64
	// skewMS is how far the server's clock is ahead of the machine's.
	skewMS int64
	// env is a JSON object of variables that changed, the role's credentials, or empty.
	env string
	// client is the JSON of what the caller says of itself, or empty.
	client string
	// payload is the event, in JSON.
	payload []byte
}

// append adds the frame of a call of the machine id.
func (c *call) append(b []byte, id uint64) []byte {
	var limit, skew [20]byte
	return appendFrame(
		b, frameInvoke, number(id), []byte(c.requestID), []byte(c.arn),
		strconv.AppendInt(limit[:0], c.limitMS, 10), strconv.AppendInt(skew[:0], c.skewMS, 10), []byte(c.env), []byte(c.client), c.payload,
	)
}

// call reads what append made.
func (f *frame) call() (*call, error) {
	if err := f.need(8); err != nil {
		return nil, err
	}
	c := &call{requestID: string(f.fields[1]), arn: string(f.fields[2]), env: string(f.fields[5]), client: string(f.fields[6]), payload: f.fields[7]}
	var err error
	if c.limitMS, err = strconv.ParseInt(string(f.fields[3]), 10, 64); err != nil {
		return nil, errFrame
	}
	if c.skewMS, err = strconv.ParseInt(string(f.fields[4]), 10, 64); err != nil {
		return nil, errFrame
	}
	return c, nil
}

// outcome is how an invocation ended. Its fields are those of a frame, in this
// order, with a letter of the marks for each of the last three.
type outcome struct {
	// status is "ok", "failed", "timeout", "memory", "large" or "crashed".
	status string
	// failure is what was thrown, or nil.
	failure *Failure
	// origin is the JSON of what a CloudFront function asked for, or empty.
	origin []byte
	cpu    time.Duration
	// init is how long loading took, where the code was loaded and has a handler.
	init time.Duration
	// rss is what the worker has resident, in bytes.
	rss int64
	// thread is the number of the worker's thread that ran the function, or 0.
	thread int64
	// loading says that the handler was never reached, cold that the code was
	// loaded, and dropped that the machine is gone: the next invocation loads anew.
	loading, cold, dropped bool
}

// append adds the frame of an end.
func (o *outcome) append(b, payload []byte) ([]byte, error) {
	var failure []byte
	if o.failure != nil {
		var err error
		if failure, err = json.Marshal(o.failure); err != nil {
			return b, err
		}
	}
	var cpu, init, rss, thread [20]byte
	var marks [3]byte
	m := marks[:0]
	if o.loading {
		m = append(m, 'l')
	}
	if o.cold {
		m = append(m, 'c')
	}
	if o.dropped {
		m = append(m, 'd')
	}
	return appendFrame(
		b, frameEnd, []byte(o.status), failure, o.origin,
		strconv.AppendInt(cpu[:0], int64(o.cpu), 10), strconv.AppendInt(init[:0], int64(o.init), 10), strconv.AppendInt(rss[:0], o.rss, 10),
		strconv.AppendInt(thread[:0], o.thread, 10), m, payload,
	), nil
}

// outcome reads what append made.
func (f *frame) outcome() (*outcome, []byte, error) {
	if err := f.need(9); err != nil {
		return nil, nil, err
	}
	o := &outcome{
		status:  string(f.fields[0]),
		loading: bytes.IndexByte(f.fields[7], 'l') >= 0,
		cold:    bytes.IndexByte(f.fields[7], 'c') >= 0,
		dropped: bytes.IndexByte(f.fields[7], 'd') >= 0,
	}
	if len(f.fields[1]) > 0 {
		if err := json.Unmarshal(f.fields[1], &o.failure); err != nil {
			return nil, nil, err
		}
	}
	if len(f.fields[2]) > 0 {
		o.origin = f.fields[2]
	}
	for i, to := range []*int64{(*int64)(&o.cpu), (*int64)(&o.init), &o.rss, &o.thread} {
		n, err := strconv.ParseInt(string(f.fields[3+i]), 10, 64)
		if err != nil {
			return nil, nil, errFrame
		}
		*to = n
	}
	return o, f.fields[8], nil
}
