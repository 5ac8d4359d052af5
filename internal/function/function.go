// Package function runs JavaScript that others wrote: Lambda functions in the
// Node.js dialect, and CloudFront functions in both of theirs.
//
// A Pool starts worker processes of this binary, which have no environment, no
// files, no network and no descriptors but their pipe. Pool.Load makes a
// Function of a Spec, and Function.Invoke runs it: JSON in, JSON out. A worker
// runs one invocation at a time and holds machines (JavaScript heaps) of one
// account only; a machine serves one Function and is kept warm for its next
// invocation. What hangs or crashes takes its worker along, and no other
// invocation. Requests to the outside are made by this process, to the hosts
// that an Egress allows, with nothing but what the function says.
//
// The callers are the edge (by package function/event, which knows the
// documents that edge functions get and give) and the control planes, which
// make a Spec from what they store, keep the *Function for as long as that
// version exists, and Close it then:
//
//	f, err := pool.Load(function.Spec{Name: arn, Account: account, Runtime: function.NodeJS, Handler: "index.handler", Package: zip})
//	result, err := f.Invoke(ctx, function.Invocation{RequestID: id, Payload: event})
//
// A function's own failure is a *Failure; ErrTimeout, ErrMemory, ErrCrashed and
// ErrThrottled say that it was ended, or not begun. docs/design/0006-functions.md
// has what was chosen, docs/spec/function-pipe.md the pipe.
//
// Source: AWS Lambda Developer Guide, "Define Lambda function handler in
// Node.js"; CloudFront Developer Guide, "Customize at the edge with functions".
package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Runtime is a dialect and its library.
type Runtime string

// The runtimes. NodeJS stands for every nodejs*.x of the Lambda API.
const (
	NodeJS        Runtime = "nodejs"
	CloudFrontJS1 Runtime = "cloudfront-js-1.0"
	CloudFrontJS2 Runtime = "cloudfront-js-2.0"
)

// Bounds of a Spec and of an Invocation.
const (
	// MaxPayloadBytes bounds what goes into an invocation, MaxResultBytes what comes
	// out.
	MaxPayloadBytes = 6 << 20
	MaxResultBytes  = MaxPayloadBytes + 100
	// MaxTimeout is the longest Timeout.
	MaxTimeout = 15 * time.Minute
	// MaxLogBytes bounds what one invocation writes to its log; the rest is cut off.
	MaxLogBytes = 256 << 10
	// DefaultTimeout and DefaultMemoryMB stand in for zeros of a NodeJS Spec.
	DefaultTimeout  = 3 * time.Second
	DefaultMemoryMB = 128
	defaultRelease  = "nodejs22.x"
	// ComputeBudget is the time on a processor that a CloudFront function has.
	// What loads it does not count, nor does waiting for a key-value store.
	ComputeBudget = 50 * time.Millisecond
	// cloudFrontTimeout bounds a CloudFront function that does not come to its end.
	cloudFrontTimeout = 2 * time.Second
	// cloudFrontLoad is what it may take longer when it has to be loaded, which on a
	// busy machine is not its own doing.
	cloudFrontLoad = 8 * time.Second
	// cloudFrontMemoryMB is what a CloudFront function has: 2 MB beside what its
	// library takes.
	cloudFrontMemoryMB = 4
)

var (
	// ErrSpec means that a Spec makes no function; the text says why.
	ErrSpec = errors.New("function: not runnable")
	// ErrTimeout means that the function did not end within its time.
	ErrTimeout = errors.New("function: timed out")
	// ErrMemory means that the function wanted more memory than it has.
	ErrMemory = errors.New("function: out of memory")
	// ErrCrashed means that the function's worker ended or broke the protocol.
	ErrCrashed = errors.New("function: worker ended")
	// ErrThrottled means that no worker became free in time; nothing has run.
	ErrThrottled = errors.New("function: no worker free")
	// ErrTooLarge means that a payload is beyond MaxPayloadBytes, or a result beyond
	// MaxResultBytes.
	ErrTooLarge = errors.New("function: payload too large")
	// ErrClosed means that the function or its pool is closed.
	ErrClosed = errors.New("function: closed")
)

// ExitError is the Type of a Failure without a Trace: nothing was thrown, but the
// function ended its process, or left it nothing to wait for.
const ExitError = "Runtime.ExitError"

// Failure is what the function itself threw or rejected with, or why it could
// not be loaded. Its JSON is what Lambda answers.
type Failure struct {
	Type    string   `json:"errorType"`
	Message string   `json:"errorMessage"`
	Trace   []string `json:"trace"`
	// Loading says that the handler was never reached.
	Loading bool `json:"-"`
}

func (f *Failure) Error() string { return fmt.Sprintf("function: %s: %s", f.Type, f.Message) }

// Credentials are the temporary access key of a function's role.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	// Expires is when to ask for new ones.
	Expires time.Time
}

// Format keeps the secret out of every log.
func (c Credentials) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[credentials %s]", c.AccessKeyID) }

// KeyValues is the key-value store that a CloudFront function is associated
// with. It is safe for concurrent use.
type KeyValues interface {
	// Get returns the value of key, and false if there is none.
	Get(ctx context.Context, key string) (string, bool, error)
	// Count returns the number of keys.
	Count(ctx context.Context) (int, error)
	// Meta describes the store.
	Meta(ctx context.Context) (KeyValuesMeta, error)
}

// KeyValuesMeta is what cloudfront.kvs().meta() answers.
type KeyValuesMeta struct {
	Created, Modified time.Time
	KeyCount          int
}

// Spec says what a function is. Load copies it; the Package is shared.
type Spec struct {
	// Name names the function in logs: for a Lambda function the ARN of the
	// version, for a CloudFront function its ARN.
	Name string
	// Account owns it: workers never hold functions of two accounts.
	Account string
	Runtime Runtime
	// Release is what the Lambda API calls the runtime of a NodeJS function; empty is
	// nodejs22.x. It is seen in process.env only: there is one engine.
	Release string
	// Handler is "file.export" for NodeJS, and empty for CloudFront functions,
	// whose handler is the function called handler.
	Handler string
	Package *Package
	// Env is the environment beside the variables that every function has.
	Env map[string]string
	// Timeout bounds one invocation, its start included. Zero is DefaultTimeout.
	// CloudFront functions have ComputeBudget instead.
	Timeout time.Duration
	// MemoryMB bounds the heap. Zero is DefaultMemoryMB.
	MemoryMB int
	// Region is AWS_REGION.
	Region string
	// LambdaName, Version and LogGroup are those of process.env and of the
	// handler's context.
	LambdaName, Version, LogGroup string
	// Credentials gives the role's credentials; nil is no role. It is asked
	// again when what it gave is about to expire.
	Credentials func(context.Context) (Credentials, error)
	// KeyValues maps the ids of the associated key-value stores; the first of
	// KeyValuesID is the one that kvs() without an id means.
	KeyValues   map[string]KeyValues
	KeyValuesID string
}

// settle checks s and fills its defaults in.
func (s *Spec) settle() error {
	switch {
	case s.Name == "":
		return fmt.Errorf("%w: no name", ErrSpec)
	case s.Package == nil:
		return fmt.Errorf("%w: no code", ErrSpec)
	case s.Timeout < 0 || s.Timeout > MaxTimeout:
		return fmt.Errorf("%w: timeout of %v", ErrSpec, s.Timeout)
	case s.MemoryMB < 0 || s.MemoryMB > 10240:
		return fmt.Errorf("%w: memory of %d MB", ErrSpec, s.MemoryMB)
	}
	switch s.Runtime {
	case NodeJS:
		if _, _, ok := splitHandler(s.Handler); !ok {
			return fmt.Errorf("%w: handler %q is not FILE.EXPORT", ErrSpec, s.Handler)
		}
		if s.Timeout == 0 {
			s.Timeout = DefaultTimeout
		}
		if s.MemoryMB == 0 {
			s.MemoryMB = DefaultMemoryMB
		}
		if s.Release == "" {
			s.Release = defaultRelease
		}
	case CloudFrontJS1, CloudFrontJS2:
		s.Timeout, s.MemoryMB = cloudFrontTimeout, cloudFrontMemoryMB
	default:
		return fmt.Errorf("%w: runtime %q", ErrSpec, s.Runtime)
	}
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	return nil
}

// splitHandler takes "src/index.handler" apart: the file without its
// extension, and the export, which may have dots of its own.
func splitHandler(h string) (file, export string, ok bool) {
	dir, base := path.Split(h)
	name, export, ok := strings.Cut(base, ".")
	if !ok || name == "" || export == "" || strings.HasPrefix(h, "/") || strings.Contains(dir, "..") {
		return "", "", false
	}
	return dir + name, export, true
}

// Invocation is one call of a function.
type Invocation struct {
	RequestID string
	// Payload is the event, a JSON text of at most MaxPayloadBytes.
	Payload []byte
	// InvokedARN is the handler's context.invokedFunctionArn; empty is the name.
	InvokedARN string
	// ClientContext is the JSON of the handler's context.clientContext, or empty.
	ClientContext string
	// Timeout shortens the function's own; zero leaves it.
	Timeout time.Duration
}

// Result is what came of an invocation that ran.
type Result struct {
	// Payload is what the handler returned, as JSON; "null" for undefined.
	Payload json.RawMessage
	// Origin is what a CloudFront function asked for by updateRequestOrigin or
	// selectRequestOriginById, as JSON; nil if it did not.
	Origin json.RawMessage
	Log    []Line
	// Duration is the time on the clock, CPU that on a processor. CPU is 0 for a
	// worker without a process of its own.
	Duration, CPU time.Duration
	// MemoryBytes is what the worker's process has resident; 0 as for CPU.
	MemoryBytes int64
	// Cold says that the function's code was loaded for this invocation, Init how
	// long of Duration that took until there was a handler.
	Cold bool
	Init time.Duration
}

// Utilization is how much of ComputeBudget a CloudFront function took, 0 to 100.
func (r *Result) Utilization() int { return int(min(100, 100*r.CPU/ComputeBudget)) }

// Line is one line of a function's log.
type Line struct {
	At time.Time
	// Level is INFO, WARN, ERROR or DEBUG.
	Level, Text string
}

// Observer is told what functions do. Its methods are called by the goroutine
// of the invocation, and must not block.
type Observer interface {
	// Invoked is called after every invocation, with its log even when it
	// failed. result is never nil; err is Invoke's.
	Invoked(s *Spec, requestID string, result *Result, err error)
}
