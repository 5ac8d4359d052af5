package function

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// grace is how much later than its time a worker may say that a function has
	// overrun it, before it is taken for hung.
	grace = 2 * time.Second
	// retireBytes is the resident memory at which a worker is replaced.
	retireBytes = 512 << 20
	// maxAsks bounds what one invocation asks for at a time.
	maxAsks = 64
)

// worker is this process's side of a worker. Between acquire and release one
// goroutine owns it.
type worker struct {
	cfg    *Config
	egress *egress
	cmd    *exec.Cmd // nil for a goroutine
	in     *pipeEnd  // to the worker
	out    *pipeEnd
	r      *bufio.Reader
	ended  atomic.Bool
	exited chan struct{} // closed when the process is gone

	writing sync.Mutex // guards in: answers come from several goroutines

	// The pool's.
	account string
	since   time.Time

	// The owner's.
	loaded map[*Function]*loaded
	uses   uint64
	drops  []uint64
	buffer []byte
	place  place
}

// loaded is what this side knows of a machine.
type loaded struct {
	lastUse uint64
	round   uint64 // of the credentials that it has
}

func startWorker(cfg *Config, e *egress) (*worker, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, childIn.Close(), in.Close())
	}
	w := &worker{cfg: cfg, egress: e, in: newPipeEnd(in), out: newPipeEnd(out), loaded: make(map[*Function]*loaded)}
	w.r = bufio.NewReaderSize(w.out, 64<<10)
	if len(cfg.Command) == 0 {
		go func() {
			_ = serve(newPipeEnd(childIn), newPipeEnd(childOut), nil) // an error is the end of the pipe
			childIn.Close()
			childOut.Close()
		}()
		return w, nil
	}
	w.cmd = exec.Command(cfg.Command[0], cfg.Command[1:]...)
	w.cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	w.cmd.Dir = "/"
	w.cmd.Stdin, w.cmd.Stdout = childIn, childOut
	words := &tail{}
	w.cmd.Stderr = words
	isolate(w.cmd)
	err = w.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	w.exited = make(chan struct{})
	go func() {
		defer close(w.exited)
		err := w.cmd.Wait()
		if !w.ended.Swap(true) {
			cfg.Log.Warn("function worker ended", slog.Any("err", err), slog.String("said", words.String()))
		}
	}()
	return w, nil
}

// tail keeps the beginning of what a worker says before it dies.
type tail struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 512 - t.text.Len(); room > 0 {
		t.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func (w *worker) dead() bool { return w.ended.Load() }

// kill ends the worker, whatever it does.
func (w *worker) kill() {
	w.ended.Store(true)
	if w.cmd != nil {
		_ = w.cmd.Process.Kill() // it may have ended by itself
	}
	w.in.Close()
	w.out.Close()
}

// spare reports whether no account has had the worker yet.
func (w *worker) spare() bool { return w.account == "" && len(w.loaded) == 0 }

// rank is how good the worker is for f: not at all, by loading it into a process
// that is anybody's, or the account's own, or best because f is there.
func (w *worker) rank(f *Function) int {
	switch {
	case w.spare():
		return 1
	case w.account != f.spec.Account:
		return 0
	case w.loaded[f] != nil:
		return 3
	default:
		return 2
	}
}

// forget has the machine of f dropped with the next message.
func (w *worker) forget(f *Function) {
	if w.loaded[f] != nil {
		delete(w.loaded, f)
		w.drops = append(w.drops, f.id)
	}
}

// write sends frames. A worker that does not take them is hung.
func (w *worker) write(b []byte, deadline time.Time) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	_ = w.in.SetWriteDeadline(deadline) // pipes have deadlines
	_, err := w.in.Write(b)
	return err
}

// run has the worker do one invocation.
func (w *worker) run(f *Function, in *Invocation, round uint64, env map[string]string) (*Result, error) {
	limit := f.spec.Timeout
	if f.spec.Runtime != NodeJS && w.loaded[f] == nil {
		limit += cloudFrontLoad
	}
	if in.Timeout > 0 {
		limit = min(limit, in.Timeout)
	}
	begun := time.Now()
	result := &Result{}
	defer func() { result.Duration = time.Since(begun) }()
	if err := w.send(f, in, limit, round, env); err != nil {
		w.kill()
		return result, fmt.Errorf("%w: %w", ErrCrashed, err)
	}
	end, err := w.attend(f, begun.Add(limit), result)
	if err != nil {
		if errors.Is(err, io.EOF) && w.cmd != nil {
			// Its end of the pipe is closed: it is about to be gone by itself,
			// and the log is to say how.
			select {
			case <-w.exited:
			case <-time.After(grace):
			}
		}
		w.kill()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return result, ErrTimeout
		}
		return result, fmt.Errorf("%w: %w", ErrCrashed, err)
	}
	w.place.of(int(end.thread))
	result.CPU, result.MemoryBytes, result.Cold, result.Init = end.cpu, end.rss, end.cold, end.init
	if end.dropped {
		delete(w.loaded, f)
	}
	if end.rss > retireBytes && w.cmd != nil {
		w.kill()
	}
	return result, end.err(f, result)
}

// err is what the outcome means to the caller.
func (o *outcome) err(f *Function, r *Result) error {
	switch o.status {
	case "ok":
		if f.spec.Runtime != NodeJS && !r.Cold && r.CPU > ComputeBudget {
			return fmt.Errorf("%w: %v of compute", ErrTimeout, r.CPU)
		}
		r.Origin = o.origin
		return nil
	case "failed":
		if o.failure == nil {
			return ErrCrashed
		}
		o.failure.Loading = o.loading
		return o.failure
	case "timeout":
		return ErrTimeout
	case "memory":
		return ErrMemory
	case "large":
		return ErrTooLarge
	default:
		return ErrCrashed
	}
}

// send tells the worker what to run, and first what to load and to drop.
func (w *worker) send(f *Function, in *Invocation, limit time.Duration, round uint64, env map[string]string) error {
	b := w.buffer[:0]
	for _, id := range w.drops {
		b = appendFrame(b, frameDrop, number(id))
	}
	w.drops = w.drops[:0]
	w.uses++
	at := w.loaded[f]
	if at == nil {
		if len(w.loaded) >= w.cfg.Machines {
			oldest := w.oldest()
			delete(w.loaded, oldest)
			b = appendFrame(b, frameDrop, number(oldest.id))
		}
		text, err := json.Marshal(f.spec.program(w.cfg.Clock.Now()))
		if err != nil {
			return err
		}
		b = appendFrame(b, frameLoad, number(f.id), text)
		at = &loaded{}
		w.loaded[f] = at
	}
	at.lastUse = w.uses
	c := call{requestID: in.RequestID, arn: in.InvokedARN, limitMS: limit.Milliseconds(), skewMS: skew(w.cfg), client: in.ClientContext, payload: in.Payload}
	if c.arn == "" {
		c.arn = f.spec.Name
	}
	if at.round != round {
		text, err := json.Marshal(env)
		if err != nil {
			return err
		}
		c.env, at.round = string(text), round
	}
	b = c.append(b, f.id)
	if cap(b) <= 64<<10 {
		w.buffer = b
	}
	return w.write(b, time.Now().Add(limit+grace))
}

// skew is how far the server's clock is ahead of the machine's: nothing, unless
// a test has moved it.
func skew(cfg *Config) int64 {
	d := time.Until(cfg.Clock.Now())
	if d.Abs() < time.Second {
		return 0
	}
	return d.Milliseconds()
}

func (w *worker) oldest() (oldest *Function) {
	for f, at := range w.loaded {
		if oldest == nil || at.lastUse < w.loaded[oldest].lastUse {
			oldest = f
		}
	}
	return oldest
}

// attend answers what the worker asks until it is done.
func (w *worker) attend(f *Function, deadline time.Time, result *Result) (*outcome, error) {
	// Most functions ask for nothing.
	var ctx context.Context
	var pending chan struct{}
	var asks sync.WaitGroup
	defer asks.Wait()
	_ = w.out.SetReadDeadline(deadline.Add(grace)) // pipes have deadlines
	logged := 0
	for {
		m, err := readFrame(w.r)
		if err != nil {
			return nil, err
		}
		switch m.kind {
		case frameLog:
			if err := m.need(2); err != nil {
				return nil, err
			}
			if logged += len(m.fields[1]); logged > MaxLogBytes+maxLogLine {
				return nil, errFrame
			}
			result.Log = append(result.Log, Line{At: w.cfg.Clock.Now(), Level: string(m.fields[0]), Text: string(m.fields[1])})
		case frameAsk:
			if err := m.need(4); err != nil {
				return nil, err
			}
			if ctx == nil {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(context.Background(), deadline)
				defer cancel()
				pending = make(chan struct{}, maxAsks)
			}
			select {
			case pending <- struct{}{}:
			default:
				return nil, errFrame
			}
			asks.Go(func() {
				w.answer(ctx, f, &m, deadline)
				<-pending
			})
		case frameEnd:
			end, payload, err := m.outcome()
			result.Payload = payload
			return end, err
		default:
			return nil, errFrame
		}
	}
}

// answer does what the worker cannot do itself.
func (w *worker) answer(ctx context.Context, f *Function, m *frame, deadline time.Time) {
	var data, body []byte
	var err error
	switch what := string(m.fields[1]); {
	case what == "file":
		body, err = f.spec.Package.Read(string(m.fields[2]))
	case what == "http" && f.spec.Runtime == NodeJS: // the others have no network, whatever they do
		data, body, err = w.egress.do(ctx, m.fields[2], m.fields[3])
	case what == "kv":
		data, err = f.spec.lookUp(ctx, m.fields[2])
	default:
		err = errFrame
	}
	said := ""
	if err != nil {
		data, body, said = nil, nil, err.Error()
	}
	// A worker that is gone does not hear it.
	_ = w.write(appendFrame(nil, frameReply, m.fields[0], []byte(said), data, body), deadline.Add(grace))
}

// program is what a worker gets of s when it loads it.
//
// Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
func (s *Spec) program(at time.Time) *program {
	p := &program{
		Runtime: s.Runtime, Handler: s.Handler, Files: append([]string{}, s.Package.Names()...), MemoryMB: s.MemoryMB, Store: s.KeyValuesID,
		Context: programContext{s.LambdaName, s.Version, s.MemoryMB, s.LogGroup, ""},
	}
	if s.Runtime != NodeJS {
		return p
	}
	// On Lambda a log stream is an execution environment, which here is a machine.
	var id [16]byte
	_, _ = rand.Read(id[:]) // it always succeeds
	p.Context.Stream = fmt.Sprintf("%s[%s]%x", at.UTC().Format("2006/01/02/"), s.Version, id)
	node, _, _ := strings.Cut(strings.TrimPrefix(s.Release, "nodejs"), ".")
	p.Env = map[string]string{
		"AWS_REGION": s.Region, "AWS_DEFAULT_REGION": s.Region, "AWS_EXECUTION_ENV": "AWS_Lambda_" + s.Release,
		"AWS_LAMBDA_FUNCTION_NAME": s.LambdaName, "AWS_LAMBDA_FUNCTION_VERSION": s.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": fmt.Sprint(s.MemoryMB), "AWS_LAMBDA_LOG_GROUP_NAME": s.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME": p.Context.Stream, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "_HANDLER": s.Handler, "TZ": ":UTC", "LANG": "en_US.UTF-8", "PWD": "/var/task",
		"PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin", "SHLVL": "0",
		"LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"NODE_PATH":       "/opt/nodejs/node" + node + "/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
	}
	maps.Copy(p.Env, s.Env)
	return p
}

// kvRequest is what a CloudFront function asks of a key-value store.
type kvRequest struct {
	Store string `json:"store"`
	Op    string `json:"op"` // get, exists, count or meta
	Key   string `json:"key"`
}

// kvAnswer is the store's answer.
type kvAnswer struct {
	Found    bool   `json:"found"`
	Value    string `json:"value"`
	Count    int    `json:"count"`
	Created  int64  `json:"created"` // milliseconds
	Modified int64  `json:"modified"`
}

// lookUp asks a key-value store.
func (s *Spec) lookUp(ctx context.Context, request []byte) ([]byte, error) {
	var q kvRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	if q.Store == "" {
		q.Store = s.KeyValuesID
	}
	store, ok := s.KeyValues[q.Store]
	if !ok {
		return nil, errors.New("KeyValueStore is not associated with the function")
	}
	var a kvAnswer
	var err error
	switch q.Op {
	case "get", "exists":
		a.Value, a.Found, err = store.Get(ctx, q.Key)
	case "count":
		a.Count, err = store.Count(ctx)
	case "meta":
		var m KeyValuesMeta
		m, err = store.Meta(ctx)
		a.Count, a.Created, a.Modified = m.KeyCount, m.Created.UnixMilli(), m.Modified.UnixMilli()
	}
	if err != nil {
		return nil, errors.New("KeyValueStore is not available")
	}
	return json.Marshal(&a)
}

// number is an id or a sequence number in a frame.
func number(n uint64) []byte { return strconv.AppendUint(nil, n, 10) }
