package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const (
	// maxFunctionBytes bounds the code of a CloudFront function.
	maxFunctionBytes = 10 << 10
	// maxTestEventBytes bounds the event of TestFunction.
	maxTestEventBytes = 40 << 10
)

// Stage is one of the two forms that a CloudFront function has.
type Stage string

// The stages: what is worked on, and what distributions run.
const (
	Development Stage = "DEVELOPMENT"
	Live        Stage = "LIVE"
)

// FunctionConfig is how a CloudFront function runs.
type FunctionConfig struct {
	Comment string
	Runtime string // cloudfront-js-1.0 or cloudfront-js-2.0
	// Stores are the ARNs of the key value stores that the code may read.
	Stores []string `json:",omitempty"`
}

// FunctionForm is a CloudFront function at one stage.
type FunctionForm struct {
	ETag                  string
	Config                FunctionConfig
	Code                  []byte
	CreatedAt, ModifiedAt time.Time
}

// EdgeFunction is a CloudFront function. Its ID is its name.
type EdgeFunction struct {
	Meta
	Development FunctionForm
	Live        *FunctionForm     `json:",omitempty"` // nil until it is published
	Tags        map[string]string `json:",omitempty"`
}

// FunctionSummary tells about one stage of a function.
type FunctionSummary struct {
	FunctionForm
	Name, ARN string
	Stage     Stage
	// Status is UNPUBLISHED, UNASSOCIATED or DEPLOYED.
	Status string
}

var functionName = form.New(`^[A-Za-z0-9_-]{1,64}$`)

func (c *FunctionConfig) check(code []byte) error {
	switch {
	case c.Runtime != string(function.CloudFrontJS1) && c.Runtime != string(function.CloudFrontJS2):
		return refuse(ErrInvalid, "The parameter Runtime must be cloudfront-js-1.0 or cloudfront-js-2.0.")
	case len(c.Comment) > maxCommentBytes:
		return refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	case len(code) == 0:
		return refuse(ErrInvalid, "The parameter FunctionCode is required.")
	case len(code) > maxFunctionBytes:
		return ErrFunctionSize
	}
	return c.checkStores()
}

// summary tells about a stage, or returns ErrNoFunction if the function does not
// have it.
func (s *Service) summary(f *EdgeFunction, stage Stage) (*FunctionSummary, error) {
	n := name{kindFunction, f.Account, f.ID}
	out := &FunctionSummary{FunctionForm: f.Development, Name: f.ID, ARN: n.arn(), Stage: stage, Status: "UNPUBLISHED"}
	published := f.Live != nil
	if stage == Live {
		if !published {
			return nil, ErrNoFunction
		}
		out.FunctionForm = *f.Live
	} else if published {
		published = f.Live.Config.same(f.Development.Config) && string(f.Live.Code) == string(f.Development.Code)
	}
	if published {
		out.Status = "UNASSOCIATED"
		if s.functionUsed(f.Account, out.ARN) {
			out.Status = "DEPLOYED"
		}
	}
	return out, nil
}

func (c FunctionConfig) same(o FunctionConfig) bool {
	return c.Comment == o.Comment && c.Runtime == o.Runtime && slices.Equal(c.Stores, o.Stores)
}

// CreateFunction keeps a CloudFront function, at the stage of development. With
// tags it wants the permission for TagResource as well.
//
// Beside ErrInvalid it returns ErrFunctionExists about the name, ErrFunctionSize
// and ErrTooManyFunctions.
//
// Source: CloudFront API Reference, CreateFunction.
func (s *Service) CreateFunction(ctx context.Context, who access.Caller, id string, c FunctionConfig, code []byte, tags map[string]string) (_ *FunctionSummary, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateFunction")
	defer call.End(ctx, &err)
	call.Note("name", id)
	n := name{kindFunction, who.Account(), id}
	if err := decideTagged(call, s.target(n), tags); err != nil {
		return nil, err
	}
	if !functionName.MatchString(id) {
		return nil, refuse(ErrInvalid, "The parameter Name must have 1 to 64 letters, digits, hyphens and underscores.")
	}
	if err := c.check(code); err != nil {
		return nil, err
	}
	if err := checkTags(&who, tags); err != nil {
		return nil, err
	}
	var made *EdgeFunction
	err = s.change(ctx, call, func(t *txn) error {
		have, err := t.get(n)
		if err != nil {
			return err
		}
		if have != nil {
			return ErrFunctionExists
		}
		if err := t.count(n.account, kindFunction, 1, s.cfg.Quotas.Functions, ErrTooManyFunctions); err != nil {
			return err
		}
		etag := newID("E")
		made = &EdgeFunction{Meta: Meta{ETag: etag}, Development: FunctionForm{etag, c, code, t.now, t.now}, Tags: tags}
		return t.putFunction(n, nil, made)
	})
	if err != nil {
		return nil, err
	}
	return s.summary(made, Development)
}

// UpdateFunction replaces the form at the stage of development. version is the
// ETag that the change was made for.
//
// Source: CloudFront API Reference, UpdateFunction.
func (s *Service) UpdateFunction(ctx context.Context, who access.Caller, id, version string, c FunctionConfig, code []byte) (*FunctionSummary, error) {
	return s.changeFunction(ctx, who, "UpdateFunction", id, version, Development, func(f *EdgeFunction, now time.Time) error {
		if err := c.check(code); err != nil {
			return err
		}
		f.ETag = newID("E")
		f.Development = FunctionForm{f.ETag, c, code, f.Development.CreatedAt, now}
		return nil
	})
}

// PublishFunction makes what is at the stage of development what distributions
// run.
//
// Source: CloudFront API Reference, PublishFunction.
func (s *Service) PublishFunction(ctx context.Context, who access.Caller, id, version string) (*FunctionSummary, error) {
	out, err := s.changeFunction(ctx, who, "PublishFunction", id, version, Live, func(f *EdgeFunction, now time.Time) error {
		created := now
		if f.Live != nil {
			created = f.Live.CreatedAt
		}
		f.Live = &FunctionForm{newID("E"), f.Development.Config, f.Development.Code, created, now}
		return nil
	})
	if err == nil && s.cfg.Pool != nil {
		s.cfg.Pool.Warm()
	}
	return out, err
}

// changeFunction makes a changed copy of a function, and tells about a stage.
func (s *Service) changeFunction(ctx context.Context, who access.Caller, operation, id, version string, stage Stage, change func(f *EdgeFunction, now time.Time) error) (_ *FunctionSummary, err error) {
	call := s.cfg.Gate.Begin(who, policy.Action("cloudfront:"+operation))
	defer call.End(ctx, &err)
	n := name{kindFunction, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	var made *EdgeFunction
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*EdgeFunction](t, n, ErrNoFunction)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.Development.ETag); err != nil {
			return err
		}
		next := *old
		if err := change(&next, t.now); err != nil {
			return err
		}
		made = &next
		return t.putFunction(n, old, made)
	})
	if err != nil {
		return nil, err
	}
	return s.summary(made, stage)
}

// DescribeFunction tells about a stage of a function; GetFunction, under its own
// permission, is for who wants the code.
//
// Source: CloudFront API Reference, DescribeFunction, GetFunction.
func (s *Service) DescribeFunction(ctx context.Context, who access.Caller, id string, stage Stage) (*FunctionSummary, error) {
	return s.readFunction(ctx, who, "DescribeFunction", id, stage)
}

// GetFunction is DescribeFunction under its own permission.
func (s *Service) GetFunction(ctx context.Context, who access.Caller, id string, stage Stage) (*FunctionSummary, error) {
	return s.readFunction(ctx, who, "GetFunction", id, stage)
}

func (s *Service) readFunction(ctx context.Context, who access.Caller, operation, id string, stage Stage) (_ *FunctionSummary, err error) {
	f, err := get[*EdgeFunction](ctx, s, who, policy.Action("cloudfront:"+operation), kindFunction, id, ErrNoFunction)
	if err != nil {
		return nil, err
	}
	return s.summary(f, stage)
}

// ListFunctions returns the caller's functions at a stage.
//
// Source: CloudFront API Reference, ListFunctions.
func (s *Service) ListFunctions(ctx context.Context, who access.Caller, stage Stage, p Page) (*List[*FunctionSummary], error) {
	all, err := list[*EdgeFunction](ctx, s, who, "cloudfront:ListFunctions", kindFunction, p)
	if err != nil {
		return nil, err
	}
	out := &List[*FunctionSummary]{Next: all.Next, After: all.After, Max: all.Max}
	for _, f := range all.Items {
		if one, err := s.summary(f, stage); err == nil {
			out.Items = append(out.Items, one)
		}
	}
	return out, nil
}

// DeleteFunction removes a function that no distribution runs, or returns
// ErrFunctionInUse.
//
// Source: CloudFront API Reference, DeleteFunction.
func (s *Service) DeleteFunction(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteFunction")
	defer call.End(ctx, &err)
	n := name{kindFunction, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*EdgeFunction](t, n, ErrNoFunction)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.Development.ETag); err != nil {
			return err
		}
		if used, err := t.runsFunction(n); err != nil {
			return err
		} else if used {
			return ErrFunctionInUse
		}
		if err := t.link(n.id, old.stores(n.account), nil, unlimited, nil); err != nil {
			return err
		}
		t.delete(n)
		return t.count(n.account, kindFunction, -1, 0, nil)
	})
}

// FunctionTest is what came of a function's trial.
type FunctionTest struct {
	Summary *FunctionSummary
	// Utilization is how much of its time it took, in percent.
	Utilization int
	Log         []string
	// Output is what trigger.Trial.Output says; Failure says why there is none.
	Output, Failure string
}

// TestFunction runs a stage of a function with an event, a JSON text. version is
// the ETag of that stage.
//
// Source: CloudFront API Reference, TestFunction.
func (s *Service) TestFunction(ctx context.Context, who access.Caller, id, version string, stage Stage, event []byte) (_ *FunctionTest, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:TestFunction")
	defer call.End(ctx, &err)
	n := name{kindFunction, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	f, err := find[*EdgeFunction](s, n, ErrNoFunction)
	if err != nil {
		return nil, err
	}
	about, err := s.summary(f, stage)
	if err != nil {
		return nil, err
	}
	if err := matchVersion(version, about.ETag); err != nil {
		return nil, err
	}
	if len(event) > maxTestEventBytes || !json.Valid(event) {
		return nil, refuse(ErrInvalid, "The parameter EventObject must be JSON of at most %d bytes.", maxTestEventBytes)
	}
	trial, err := trigger.ReadTrial(event)
	if err != nil {
		return nil, refuse(ErrInvalid, "The parameter EventObject is no event of a CloudFront function: %s.", reason(err))
	}
	loaded, err := s.load(n, &about.FunctionForm)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	out := &FunctionTest{Summary: about}
	err = call.Effect(ctx, func() error {
		result, err := loaded.Invoke(ctx, function.Invocation{RequestID: who.RequestID, Payload: event})
		return out.settle(trial, result, err)
	})
	return out, err
}

// settle makes the outcome of a trial of what came back. What is not the
// function's doing is ErrTestFailed.
func (t *FunctionTest) settle(trial *trigger.Trial, r *function.Result, err error) error {
	if r == nil {
		return errors.Join(ErrTestFailed, err)
	}
	t.Utilization = r.Utilization()
	for _, l := range r.Log {
		t.Log = append(t.Log, l.Text)
	}
	var thrown *function.Failure
	switch {
	case errors.As(err, &thrown):
		t.Failure = "The CloudFront function associated with the CloudFront distribution is invalid or could not run. Error: " + thrown.Type + ": " + thrown.Message
		return nil
	case errors.Is(err, function.ErrTimeout), errors.Is(err, function.ErrMemory):
		t.Utilization, t.Failure = 100, "The CloudFront function exceeded its limits: "+err.Error()
		return nil
	case err != nil:
		return errors.Join(ErrTestFailed, err)
	}
	output, err := trial.Output(r.Payload, r.Origin)
	if err != nil {
		t.Failure = "The CloudFront function returned an invalid value: " + reason(err)
	}
	t.Output = string(output)
	return nil
}

// reason is what is wrong with an event or a result.
func reason(err error) string {
	if invalid, ok := errors.AsType[*trigger.Invalid](err); ok {
		return invalid.Reason
	}
	return err.Error()
}

func (s *Service) load(n name, form *FunctionForm) (*function.Function, error) {
	if s.cfg.Pool == nil {
		return nil, function.ErrClosed
	}
	code, err := function.CloudFrontCode(string(form.Code))
	if err != nil {
		return nil, err
	}
	values, first := s.keyValues(&form.Config)
	return s.cfg.Pool.Load(function.Spec{
		Name: n.arn(), Account: string(n.account), Runtime: function.Runtime(form.Config.Runtime), Package: code,
		KeyValues: values, KeyValuesID: first,
	})
}

// running is a live function that is ready to run.
type running struct {
	etag string
	f    *function.Function
}

// liveFunction finds the function with that ARN, and its live form.
func (s *Service) liveFunction(account arn.AccountID, functionARN string) (name, *FunctionForm, error) {
	a, err := arn.Parse(functionARN)
	n := name{kindFunction, account, a.Name()}
	if err != nil || n.arn() != functionARN {
		return n, nil, ErrNoFunction
	}
	f, err := find[*EdgeFunction](s, n, ErrNoFunction)
	if err != nil {
		return n, nil, err
	}
	if f.Live == nil {
		return n, nil, ErrNoFunction
	}
	return n, f.Live, nil
}

func notPublished(functionARN string) error {
	return refuse(ErrInvalidFunction, "The function %s does not exist or is not published.", strconv.Quote(functionARN))
}

// Published returns nil if the account's distributions may run the CloudFront
// function. An error's text is for the caller.
func (s *Service) Published(account arn.AccountID, functionARN string) error {
	if _, _, err := s.liveFunction(account, functionARN); err != nil {
		return notPublished(functionARN)
	}
	return nil
}

// InvokeFunction runs the live stage of a CloudFront function. Errors are those of
// function.Function.Invoke, or ErrNoFunction.
func (s *Service) InvokeFunction(ctx context.Context, account arn.AccountID, functionARN string, in function.Invocation) (*function.Result, error) {
	n, form, err := s.liveFunction(account, functionARN)
	if err != nil {
		return nil, err
	}
	f, err := s.ready(n, form)
	if err != nil {
		return nil, err
	}
	return f.Invoke(ctx, in)
}

// unload gives up what has run of the functions that are gone.
func (s *Service) unload(objects map[name]object) {
	s.runningMu.Lock()
	defer s.runningMu.Unlock()
	for n, o := range objects {
		if have, ok := s.running[n]; ok && o == nil {
			have.f.Close()
			delete(s.running, n)
		}
	}
}

// ready returns the function of a live form, which replaces that of an older one.
func (s *Service) ready(n name, form *FunctionForm) (*function.Function, error) {
	s.runningMu.Lock()
	defer s.runningMu.Unlock()
	have, ok := s.running[n]
	if ok && have.etag == form.ETag {
		return have.f, nil
	}
	f, err := s.load(n, form)
	if err != nil {
		return nil, err
	}
	if ok {
		have.f.Close()
	}
	s.running[n] = running{form.ETag, f}
	return f, nil
}
