package function

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

// Argument is the command line of a worker process.
const Argument = "function-worker"

// Work is the life of a worker process: it confines itself, and serves its
// parent on standard input and output until that is gone. It returns the exit code.
func Work() int {
	in, out := newPipeEnd(pollable(os.Stdin)), newPipeEnd(pollable(os.Stdout))
	memory := newMeter()
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stderr, "confine:", err)
		return 1
	}
	// Of Go's memory a worker needs little: it may be generous with what it has.
	debug.SetGCPercent(400)
	if err := serve(in, out, &own{memory: memory}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// maxLogLine bounds one line of a log.
const maxLogLine = 64 << 10

// host is the worker's side of the pipe, and the machines behind it. One
// goroutine runs it.
type host struct {
	in       *pipeEnd
	r        *bufio.Reader
	out      *bufio.Writer
	library  *library
	process  *own
	machines map[uint64]*machine
	seq      uint64
	// early are answers that came while another one was waited for.
	early []frame
	frame []byte
}

// own is what a worker has whose process is its own.
type own struct {
	memory *meter
	limit  uint64 // of the processor, in seconds
}

// serve answers frames until the end of in. process is nil for a worker in
// another's process.
func serve(in, out *pipeEnd, process *own) error {
	h := &host{
		in: in, r: bufio.NewReaderSize(in, 64<<10), out: bufio.NewWriterSize(out, 64<<10),
		library: newLibrary(), process: process, machines: make(map[uint64]*machine),
	}
	defer func() {
		for _, m := range h.machines {
			m.close()
		}
	}()
	if process != nil {
		h.library.prepare(h.wanted)
	}
	for {
		f, err := readFrame(h.r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.take(&f); err != nil {
			return err
		}
	}
}

// wanted reports whether there is something to read, or the pipe is at its end.
func (h *host) wanted() bool {
	_ = h.in.SetReadDeadline(time.Now().Add(100 * time.Microsecond)) // pipes have deadlines
	_, err := h.r.Peek(1)
	_ = h.in.SetReadDeadline(time.Time{})
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (h *host) take(f *frame) error {
	if f.kind == frameReply { // too late
		return nil
	}
	if f.n < 1 {
		return errFrame
	}
	id, err := strconv.ParseUint(string(f.fields[0]), 10, 64)
	if err != nil {
		return errFrame
	}
	switch f.kind {
	case frameLoad:
		m := &machine{host: h}
		if err := errors.Join(f.need(2), json.Unmarshal(f.fields[1], &m.program)); err != nil {
			return err
		}
		h.machines[id] = m
		return nil
	case frameDrop:
		if m := h.machines[id]; m != nil {
			m.close()
			delete(h.machines, id)
		}
		return nil
	case frameInvoke:
		m := h.machines[id]
		c, err := f.call()
		if m == nil || err != nil {
			return errFrame
		}
		h.early = nil
		cpu := processorTime()
		if h.process != nil {
			h.process.limit = limitProcessor(h.process.limit, cpu, time.Duration(c.limitMS)*time.Millisecond)
		}
		end, payload := m.run(c)
		if h.process != nil {
			end.cpu = processorTime() - cpu
			end.rss, end.thread = h.process.memory.resident(), int64(threadID())
		}
		if end.dropped {
			m.close()
			delete(h.machines, id)
		}
		if h.frame, err = end.append(h.frame[:0], payload); err != nil {
			return err
		}
		return errors.Join(h.send(), h.out.Flush())
	default:
		return errFrame
	}
}

func (h *host) write(kind byte, fields ...[]byte) error {
	h.frame = appendFrame(h.frame[:0], kind, fields...)
	return h.send()
}

// send writes the frame that was made.
func (h *host) send() error {
	_, err := h.out.Write(h.frame)
	if cap(h.frame) > 64<<10 {
		h.frame = nil
	}
	return err
}

// ask sends a question to the parent. The answer has the same number.
func (h *host) ask(what string, data, body []byte) (uint64, error) {
	h.seq++
	if err := h.write(frameAsk, number(h.seq), []byte(what), data, body); err != nil {
		return 0, err
	}
	return h.seq, h.out.Flush()
}

// answer is the parent's answer to a question.
type answer struct {
	seq        uint64
	err        string
	data, body []byte
}

// wait returns the next answer, of the question seq if that is not 0. At the
// deadline the error is os.ErrDeadlineExceeded.
func (h *host) wait(seq uint64, deadline time.Time) (*answer, error) {
	for i := range h.early {
		if f := &h.early[i]; seq == 0 || string(f.fields[0]) == strconv.FormatUint(seq, 10) {
			a, err := readAnswer(f)
			h.early = append(h.early[:i], h.early[i+1:]...)
			return a, err
		}
	}
	for {
		if h.r.Buffered() == 0 {
			_ = h.in.SetReadDeadline(deadline) // pipes have deadlines
			_, err := h.r.Peek(1)
			_ = h.in.SetReadDeadline(time.Time{})
			if err != nil {
				return nil, err
			}
		}
		f, err := readFrame(h.r)
		if err != nil {
			return nil, err
		}
		if f.kind != frameReply {
			return nil, errFrame
		}
		a, err := readAnswer(&f)
		if err != nil || seq == 0 || a.seq == seq {
			return a, err
		}
		h.early = append(h.early, f)
	}
}

func readAnswer(f *frame) (*answer, error) {
	if err := f.need(4); err != nil {
		return nil, err
	}
	seq, err := strconv.ParseUint(string(f.fields[0]), 10, 64)
	return &answer{seq, string(f.fields[1]), f.fields[2], f.fields[3]}, err
}
