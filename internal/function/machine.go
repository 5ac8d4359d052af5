package function

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"modernc.org/quickjs"
)

// libraryBytes is what the library takes of a machine's memory, generously.
const libraryBytes = 8 << 20

// machine is one JavaScript heap with one function in it.
type machine struct {
	host    *host
	program program

	vm                 *quickjs.VM
	invoke, tick, next quickjs.Value
	deliver, exhausted quickjs.Value
	held               []quickjs.Value
	asks               int // questions without an answer yet
	deadline           time.Time
	end                *outcome
	payload            []byte
	logged             int
	broken             error // of the pipe
	ready              bool
	loadedAt           time.Time // in this invocation, or when it began
	files              *tree
}

func (m *machine) close() {
	if m.vm == nil {
		return
	}
	// What is held from outside keeps the heap from being freed.
	for _, v := range m.held {
		v.Free()
	}
	_ = m.vm.Close() // it always succeeds
	m.vm, m.held = nil, nil
}

// run does one invocation.
func (m *machine) run(c *call) (end *outcome, result []byte) {
	m.deadline = time.Now().Add(time.Duration(c.limitMS) * time.Millisecond)
	m.end, m.payload, m.asks, m.logged, m.broken = nil, nil, 0, 0, nil
	begun := time.Now()
	m.loadedAt = begun
	cold := !m.ready
	defer func() {
		if p := recover(); p != nil {
			// The engine is code translated from C: its state is unknown now.
			end, result = &outcome{status: "crashed", dropped: true}, nil
		}
		end.cold = cold
		end.init = m.loadedAt.Sub(begun)
	}()
	end = m.drive(c)
	if end.status == "ok" || end.status == "failed" && !end.loading && !end.dropped {
		m.ready = true
	} else {
		end.dropped = true
	}
	if len(m.payload) > MaxResultBytes {
		end.status = "large"
		return end, nil
	}
	return end, m.payload
}

// drive runs the event loop until the handler has settled.
func (m *machine) drive(c *call) *outcome {
	if m.vm == nil {
		if err := m.boot(); err != nil {
			return m.ended(err)
		}
	}
	err := m.step(m.invoke, string(c.payload), c.requestID, c.arn, float64(m.deadline.UnixMilli()), float64(c.skewMS), c.env, c.client)
	for err == nil && m.end == nil {
		if err = m.step(m.tick); err != nil || m.end != nil {
			break
		}
		// Only now: what a timer has settled may have set the next one.
		var next any
		if next, err = m.call(m.next); err == nil {
			err = m.rest(next)
		}
	}
	switch {
	case m.end != nil:
		return m.end
	default:
		return m.ended(err)
	}
}

// rest waits for what comes next: a timer in as many milliseconds as next says,
// or an answer. Without either, the loop is exhausted.
func (m *machine) rest(next any) error {
	until, timer := m.deadline, false
	if ms := milliseconds(next); ms >= 0 {
		if ms == 0 {
			return nil
		}
		if at := time.Now().Add(time.Duration(ms * float64(time.Millisecond))); at.Before(until) {
			until, timer = at, true
		}
	} else if m.asks == 0 {
		if err := m.step(m.exhausted); err != nil {
			return err
		}
		if m.end == nil {
			return errNeverSettled
		}
		return nil
	}
	a, err := m.host.wait(0, until)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && timer:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errOverrun
	case err != nil:
		return err
	}
	m.asks--
	return m.step(m.deliver, float64(a.seq), a.err, string(a.data), base64.StdEncoding.EncodeToString(a.body))
}

func milliseconds(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	default:
		return -1
	}
}

var (
	errOverrun      = errors.New("function: overrun")
	errNeverSettled = errors.New("function: never settled")
)

// step calls a function of the library, and then runs what it has queued.
func (m *machine) step(f quickjs.Value, args ...any) error {
	if _, err := m.call(f, args...); err != nil {
		return err
	}
	return m.jobs()
}

func (m *machine) call(f quickjs.Value, args ...any) (any, error) {
	if err := m.arm(); err != nil {
		return nil, err
	}
	return f.Call(quickjs.UndefinedValue, args...)
}

func (m *machine) jobs() error {
	for {
		if err := m.arm(); err != nil {
			return err
		}
		n, err := m.vm.ExecutePendingJobs()
		if m.broken != nil {
			return m.broken
		}
		if err != nil || n < jobsAtOnce {
			return err
		}
	}
}

// jobsAtOnce is how many jobs the engine runs before it comes back with some left.
const jobsAtOnce = 1 << 20

// arm gives the next call into the machine the time that is left.
func (m *machine) arm() error {
	left := time.Until(m.deadline)
	if left <= 0 {
		return errOverrun
	}
	return m.vm.SetEvalTimeout(left)
}

// ended says how an invocation ended that did not settle.
func (m *machine) ended(err error) *outcome {
	o := &outcome{dropped: true, loading: !m.ready}
	var thrown *quickjs.Error
	switch {
	case errors.Is(err, errOverrun), !time.Now().Before(m.deadline):
		o.status = "timeout"
	case errors.As(err, &thrown) && strings.Contains(thrown.Message, "out of memory"):
		o.status = "memory"
	case errors.As(err, &thrown) && thrown.Message == "interrupted":
		o.status = "timeout"
	default:
		o.status, o.failure = "failed", &Failure{Type: ExitError, Message: fmt.Sprint(err)}
	}
	return o
}

// boot makes the heap and puts the library into it.
func (m *machine) boot() error {
	vm, err := quickjs.NewVM()
	if err != nil {
		return err
	}
	m.vm = vm
	vm.SetMemoryLimit(uintptr(m.program.MemoryMB)<<20 + libraryBytes)
	vm.SetCanBlock(false)
	if err := vm.RegisterHostFunc("__host", m.serve); err != nil {
		return err
	}
	vm.SetModuleLoader(m.loadModule, m.normalizeModule)
	core := "core.js"
	if m.program.Runtime != NodeJS {
		core = "cloudfront.js"
	}
	if err := errors.Join(m.eval("clock.js"), m.eval(core)); err != nil {
		return err
	}
	for name, to := range map[string]*quickjs.Value{
		"invoke": &m.invoke, "tick": &m.tick, "next": &m.next, "deliver": &m.deliver, "exhausted": &m.exhausted,
	} {
		if *to, err = vm.EvalValue("__core."+name, quickjs.EvalGlobal); err != nil {
			return err
		}
		m.held = append(m.held, *to)
	}
	text, err := json.Marshal(&m.program)
	if err != nil {
		return err
	}
	if _, err := vm.Call("__core.boot", string(text)); err != nil {
		return err
	}
	_, err = vm.Eval("delete globalThis.__core", quickjs.EvalGlobal)
	return err
}

// eval runs a file of the library.
func (m *machine) eval(name string) error {
	code, err := m.host.library.code(m.vm, name)
	if err != nil {
		return fmt.Errorf("library: %s: %w", name, err)
	}
	v, err := m.vm.EvalBytecodeValue(code)
	if err != nil {
		return fmt.Errorf("library: %s: %w", name, err)
	}
	v.Free()
	return nil
}
