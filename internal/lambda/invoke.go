package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Mode says how an invocation is to happen.
type Mode string

// The modes.
const (
	Wait   Mode = "RequestResponse"
	Later  Mode = "Event"
	DryRun Mode = "DryRun"
)

// Invocation is a call of a function.
type Invocation struct {
	Name, Qualifier string
	Mode            Mode
	Payload         []byte // JSON; empty is {}
	// ClientContext is a JSON object in base64, or empty. Only functions that are
	// waited for see it.
	ClientContext string
}

// Outcome is what came of it. Version is always there; the rest only after Wait.
type Outcome struct {
	Version string
	Payload []byte // what the handler returned, or why it did not
	Failed  bool   // the function did not return
	Log     string // as the log group has it, at most the last 4 KiB
}

const maxTail = 4 << 10

// Invoke runs a function. A function's own failure is an Outcome, not an error.
// It returns ErrThrottled if no worker becomes free, ErrContent about a payload or
// a client context that is not JSON and ErrTooLarge about a payload that is too
// large.
//
// Source: AWS Lambda API Reference, Invoke.
func (s *Service) Invoke(ctx context.Context, who access.Caller, in Invocation) (_ *Outcome, err error) {
	call := s.begin(&who, "InvokeFunction", in.Name)
	defer call.End(ctx, &err)
	call.Note("invocationType", string(in.Mode))
	ref, r, err := s.admit(ctx, call, &who, in.Name, in.Qualifier)
	if err != nil {
		return nil, latestMissing(ref, err)
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err = readVersion(tx, ref, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(in.Payload) == 0 {
		in.Payload = []byte("{}")
	}
	bound := function.MaxPayloadBytes
	if in.Mode == Later {
		bound = MaxEventBytes
	}
	switch {
	case in.Mode != Wait && in.Mode != Later && in.Mode != DryRun:
		return nil, malformed(string(in.Mode), "invocationType", "satisfy enum value set: [RequestResponse, Event, DryRun]")
	case len(in.Payload) > bound:
		return nil, refuse(ErrTooLarge, "%d byte payload is too large for the %s invocation type (limit %d bytes)", len(in.Payload), in.Mode, bound)
	}
	if err := checkJSON(in.Payload); err != nil {
		return nil, refuse(ErrContent, "Could not parse request body into json: Could not parse payload into json: %v", err)
	}
	client, err := base64.StdEncoding.DecodeString(in.ClientContext)
	if err != nil || len(client) > 0 && json.Unmarshal(client, new(map[string]json.RawMessage)) != nil {
		return nil, refuse(ErrContent, "Client context must be a valid Base64-encoded JSON object.")
	}
	out := &Outcome{Version: v.Version}
	switch in.Mode {
	case DryRun:
		return out, nil
	case Later:
		return out, call.Effect(ctx, func() error { return s.enqueue(ctx, ref, who, in.Payload) })
	}
	var rerr error
	err = call.Effect(ctx, func() error {
		var result *function.Result
		result, rerr = s.run(ctx, ref, v, function.Invocation{RequestID: who.RequestID, Payload: in.Payload, InvokedARN: ref.arn(), ClientContext: string(client)})
		return out.settle(who.RequestID, v, result, rerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// latestMissing makes err of a function that is not there what Invoke says of it.
func latestMissing(ref reference, err error) error {
	if ref.qualifier == "" && errors.Is(err, ErrNotFound) && ref.name != "" {
		ref.qualifier = Latest
		return ref.missing()
	}
	return err
}

// checkJSON returns why a text is not JSON, or nil.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("invalid UTF-8")
	}
	return json.Unmarshal(text, new(json.RawMessage))
}

// settle makes the outcome of what came back from the function. What is not the
// function's doing is returned.
//
// Source: AWS Lambda Developer Guide, "Understanding Lambda function errors",
// "Troubleshoot execution issues in Lambda".
func (o *Outcome) settle(id string, v *versionRecord, result *function.Result, err error) error {
	var thrown *function.Failure
	say := func(kind, message string) error {
		o.Failed = true
		text, merr := json.Marshal(struct {
			Type    string `json:"errorType"`
			Message string `json:"errorMessage"`
		}{kind, message})
		o.Payload = text
		return merr
	}
	fail := func(kind, message string) error { return say(kind, "RequestId: "+id+" Error: "+message) }
	if result != nil {
		o.Log = tail(id, v, result)
	}
	switch {
	case err == nil:
		o.Payload = result.Payload
		return nil
	case errors.As(err, &thrown) && thrown.Type == function.ExitError && thrown.Trace == nil:
		return fail(thrown.Type, thrown.Message)
	case errors.As(err, &thrown):
		o.Failed = true
		text, merr := json.Marshal(thrown)
		o.Payload = text
		return merr
	case errors.Is(err, function.ErrTimeout):
		return fail("Sandbox.Timedout", fmt.Sprintf("Task timed out after %d.00 seconds", v.Settings.TimeoutSec))
	case errors.Is(err, function.ErrMemory):
		return fail("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")
	case errors.Is(err, function.ErrCrashed):
		return fail(function.ExitError, "Runtime exited without providing a reason")
	case errors.Is(err, function.ErrTooLarge):
		return say("Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", function.MaxResultBytes))
	case errors.Is(err, function.ErrThrottled), errors.Is(err, function.ErrClosed), errors.Is(err, errReplaced):
		return refuse(ErrThrottled, "Rate Exceeded.")
	}
	return err
}

// tail writes the log of an invocation as Lambda's log groups have it, and keeps
// its end.
func tail(id string, v *versionRecord, r *function.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "START RequestId: %s Version: %s\n", id, v.Version)
	for _, l := range r.Log {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", l.At.UTC().Format("2006-01-02T15:04:05.000Z"), id, l.Level, l.Text)
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	fmt.Fprintf(&b, "END RequestId: %s\nREPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		id, id, ms(r.Duration-r.Init), (r.Duration+time.Millisecond-1)/time.Millisecond, v.Settings.MemoryMB, (r.MemoryBytes+1<<20-1)>>20)
	if r.Init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", ms(r.Init))
	}
	b.WriteByte('\n')
	text := b.String()
	return text[max(0, len(text)-maxTail):]
}

// lookUps is how often a version is looked up whose loaded form makes room for others
// before it is begun with.
const lookUps = 4

// errReplaced says that the version on record is another one by now.
var errReplaced = errors.New("lambda: function replaced")

// run runs a version, or, when that is replaced in the meantime, the one that ref
// means then.
func (s *Service) run(ctx context.Context, ref reference, v *versionRecord, in function.Invocation) (result *function.Result, err error) {
	for same := 0; same < lookUps; {
		result, err = s.runOnce(ctx, ref, v, in)
		// Of code that went with its version, the blob is not found.
		if !errors.Is(err, function.ErrClosed) && !errors.Is(err, errReplaced) && !errors.Is(err, store.ErrNotFound) {
			return result, err
		}
		now, rerr := s.current(ctx, ref)
		if rerr != nil {
			return nil, rerr
		}
		if now.Revision == v.Revision {
			same++
		}
		v = now
	}
	return result, err
}

func (s *Service) runOnce(ctx context.Context, ref reference, v *versionRecord, in function.Invocation) (*function.Result, error) {
	versionARN := ref.realm.arn(ref.name, v.Version)
	if f := s.loaded.get(versionARN, v.Revision); f != nil {
		return f.Invoke(ctx, in)
	}
	f, err := s.loadOnce(ctx, versionARN, ref, v)
	if err != nil {
		return nil, err
	}
	return f.Invoke(ctx, in)
}

// loadOnce lets one of those that need a version load it: each would hold the zip.
func (s *Service) loadOnce(ctx context.Context, versionARN string, ref reference, v *versionRecord) (*function.Function, error) {
	free, err := s.loading.enter(ctx, versionARN)
	if err != nil {
		return nil, err
	}
	defer free()
	if f := s.loaded.get(versionARN, v.Revision); f != nil {
		return f, nil
	}
	return s.load(ctx, ref, v)
}

// current reads the version that ref means now.
func (s *Service) current(ctx context.Context, ref reference) (v *versionRecord, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err := readRecord(tx, ref)
		if err == nil {
			v, err = readVersion(tx, ref, r)
		}
		return err
	})
	return v, err
}

// load makes a version ready to run.
func (s *Service) load(ctx context.Context, ref reference, v *versionRecord) (*function.Function, error) {
	functionARN, versionARN := ref.realm.arn(ref.name, ""), ref.realm.arn(ref.name, v.Version)
	zip, err := s.unpack(ctx, functionARN, v.Code)
	if err != nil {
		return nil, err
	}
	code, err := function.ReadZip(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		return nil, err
	}
	env, err := s.openEnv(functionARN, v.Env)
	if err != nil {
		return nil, err
	}
	role, m, session := v.Settings.Role, ref.realm, ref.name
	f, err := s.cfg.Pool.Load(function.Spec{
		Name: versionARN, Account: string(ref.account), Runtime: function.NodeJS, Release: v.Settings.Runtime, Handler: v.Settings.Handler, Package: code, Env: env,
		Timeout: time.Duration(v.Settings.TimeoutSec) * time.Second, MemoryMB: v.Settings.MemoryMB,
		Region: ref.region, LambdaName: ref.name, Version: v.Version, LogGroup: LogGroup(ref.name),
		Credentials: func(ctx context.Context) (function.Credentials, error) {
			return s.cfg.Roles.Assume(ctx, servant(m, lambdaService, functionARN, s.cfg.Clock.Now()), role, session)
		},
	})
	if err != nil {
		return nil, err
	}
	if err := s.still(ctx, ref, v); err != nil {
		f.Close()
		return nil, err
	}
	s.loaded.put(&entry{versionARN, v.Revision, v.Code.Size, f})
	if err := s.still(ctx, ref, v); err != nil {
		// Who deleted the version may have found nothing to drop.
		s.loaded.drop(versionARN)
		return nil, err
	}
	return f, nil
}

// still checks that a version is the one on record.
func (s *Service) still(ctx context.Context, ref reference, v *versionRecord) error {
	ref.qualifier = v.Version
	now, err := s.current(ctx, ref)
	if err == nil && now.Revision != v.Revision {
		return errReplaced
	}
	return err
}

// LogGroup is the name of a function's log group.
func LogGroup(name string) string { return "/aws/lambda/" + name }

// InvokeFor runs a function for a service that acts for the resource sourceARN.
// The function's policy must allow it. An error of the function is an error.
func (s *Service) InvokeFor(ctx context.Context, service, functionARN, sourceARN string, event []byte) error {
	source, err := arn.Parse(sourceARN)
	if err != nil {
		return err
	}
	who := servant(realm{source.Account, source.Region}, service, sourceARN, s.cfg.Clock.Now())
	who.RequestID = uuid.NewString()
	out, err := s.Invoke(ctx, who, Invocation{Name: functionARN, Mode: Wait, Payload: event})
	if err != nil {
		return err
	}
	if out.Failed {
		return fmt.Errorf("%s: %.512s", functionARN, out.Payload)
	}
	return nil
}
