package function

import (
	"bufio"
	"bytes"
	"os"
)

// AppendFrame is appendFrame.
func AppendFrame(b []byte, kind byte, fields ...[]byte) []byte {
	return appendFrame(b, kind, fields...)
}

// ReadFrames reads frames until an error, and what they could mean.
func ReadFrames(b []byte) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		_, _ = f.call()
		_, _, _ = f.outcome()
	}
}

// Confine is confine.
func Confine() error { return confine() }

// Started waits for the workers that are being started in the background.
func Started(p *Pool) { p.running.Wait() }

// Idle tells how many workers wait, and how many of them no account has had.
func Idle(p *Pool) (idle, spare int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.idle {
		if w.spare() {
			spare++
		}
	}
	return len(p.idle), spare
}

// Pipe returns the two ends of a pipe.
func Pipe() (in, out *pipeEnd, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	return newPipeEnd(r), newPipeEnd(w), nil
}
