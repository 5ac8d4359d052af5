package lambda

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// CreateRequest is a new function.
type CreateRequest struct {
	Name string
	Settings
	Env     map[string]string
	Code    Code
	Tags    map[string]string
	Publish bool // publishes version 1 at once
}

// Create keeps a new function. It returns ErrConflict about a name that is
// taken, and ErrInvalid about code, settings and roles that do not do. The
// caller needs iam:PassRole for the role, and with tags lambda:TagResource.
//
// Source: AWS Lambda API Reference, CreateFunction.
func (s *Service) Create(ctx context.Context, who access.Caller, in CreateRequest) (_ *Version, err error) {
	call := s.begin(&who, "CreateFunction", in.Name)
	defer call.End(ctx, &err)
	call.Note("role", in.Role)
	ref, err := admitNew(call, &who, &in)
	if err != nil {
		return nil, err
	}
	if err := in.Settings.settle(); err != nil {
		return nil, err
	}
	if err := checkEnv(in.Env); err != nil {
		return nil, err
	}
	if err := s.passRole(ctx, call, &who, ref, in.Role); err != nil {
		return nil, err
	}
	zip, err := s.fetch(ctx, &who, in.Code)
	if err != nil {
		return nil, err
	}
	v := &versionRecord{V: recordVersion, Version: Latest, Settings: in.Settings}
	v.touch(who.At)
	functionARN := ref.realm.arn(ref.name, "")
	if v.Env, err = s.sealEnv(functionARN, in.Env); err != nil {
		return nil, err
	}
	if v.Code, err = s.keep(ctx, functionARN, zip); err != nil {
		return nil, err
	}
	made := v
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			r := &record{V: recordVersion, Name: ref.name, Tags: maps.Clone(in.Tags)}
			if err := r.add(tx, ref, v); err != nil {
				return err
			}
			if in.Publish {
				if made, err = publish(tx, ref, r, v, nil, who.At); err != nil {
					return err
				}
			}
			return r.save(tx, ref)
		})
	})
	if err != nil {
		_ = s.discard(ctx, ref, v.Code.ID) // else the next sweep does
		return nil, err
	}
	s.cfg.Pool.Warm()
	call.NoteAnswer("functionArn", functionARN)
	out, err := s.describe(ref, made)
	if out != nil {
		out.ARN = functionARN // whatever was published
	}
	return out, err
}

// admitNew decides that the caller may create the function, and with these tags.
func admitNew(call *access.Call, who *access.Caller, in *CreateRequest) (reference, error) {
	ref, err := parseNew(who, in.Name)
	if err != nil {
		return ref, err
	}
	if err := requestTags(call, who, in.Tags); err != nil {
		return ref, err
	}
	t := access.Target{ARN: ref.realm.arn(ref.name, ""), Rule: policy.IdentityOnly}
	if err := call.Decide(t); err != nil {
		return ref, err
	}
	if len(in.Tags) > 0 {
		t.Action = action("TagResource")
		if err := call.Decide(t); err != nil {
			return ref, err
		}
	}
	if ref.account != who.Account() {
		return ref, &access.Denied{Message: "A function is created in the caller's account."}
	}
	if ref.qualifier != "" {
		return ref, refuse(ErrInvalid, "A function is created by its name, without a version.")
	}
	return ref, nil
}

// add keeps the first version of a new function, if there is room for it and
// nobody has its name. It does not save r.
func (r *record) add(tx store.Writer, ref reference, v *versionRecord) error {
	switch _, err := readRecord(tx, ref); {
	case err == nil:
		return refuse(ErrConflict, "Function already exist: %s", ref.name)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if err := room(tx, ref.realm, v.Code.Size); err != nil {
		return err
	}
	return v.save(tx, ref)
}

var (
	runtimeForm = form.New(`^nodejs(1[0-9]|2[0-9])\.x$`)
	handlerForm = form.New(`^[^\s]{1,128}$`)
	envForm     = form.New(`^[a-zA-Z][a-zA-Z0-9_]+$`)
)

// settle checks settings and fills their defaults in.
func (s *Settings) settle() error {
	if s.TimeoutSec == 0 {
		s.TimeoutSec = 3
	}
	if s.MemoryMB == 0 {
		s.MemoryMB = 128
	}
	if s.EphemeralMB == 0 {
		s.EphemeralMB = 512
	}
	switch {
	case !runtimeForm.MatchString(s.Runtime):
		return refuse(ErrInvalid, "Value %.64s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x]; other runtimes are not supported.", s.Runtime)
	case !handlerForm.MatchString(s.Handler) || !strings.Contains(s.Handler, "."):
		return malformed(s.Handler, "handler", `satisfy regular expression pattern: [^\s]+`)
	case s.TimeoutSec < 1:
		return malformed(strconv.Itoa(s.TimeoutSec), "timeout", "have value greater than or equal to 1")
	case s.TimeoutSec > 900:
		return malformed(strconv.Itoa(s.TimeoutSec), "timeout", "have value less than or equal to 900")
	case s.MemoryMB < 128 || s.MemoryMB > 10240:
		return refuse(ErrInvalid, "'MemorySize' value failed to satisfy constraint: Member must have value between 128 and 10240")
	case s.EphemeralMB != 512:
		return refuse(ErrInvalid, "EphemeralStorage other than 512 MB is not supported.")
	case len(s.Description) > 256:
		return malformed(s.Description, "description", "have length less than or equal to 256")
	}
	return nil
}

// reserved are the variables that only the service sets.
//
// Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
var reserved = map[string]bool{
	"_HANDLER": true, "AWS_REGION": true, "AWS_DEFAULT_REGION": true, "AWS_EXECUTION_ENV": true,
	"AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true, "AWS_LAMBDA_FUNCTION_VERSION": true,
	"AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true, "AWS_LAMBDA_LOG_STREAM_NAME": true,
	"AWS_ACCESS_KEY": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true,
	"AWS_LAMBDA_RUNTIME_API": true, "LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true,
}

func checkEnv(env map[string]string) error {
	total := 0
	for name, value := range env {
		if !envForm.MatchString(name) {
			return refuse(ErrValidation, "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
		if reserved[name] {
			return refuse(ErrInvalid, "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", name)
		}
		if name == "AWS_LAMBDA_EXEC_WRAPPER" {
			return refuse(ErrInvalid, "AWS_LAMBDA_EXEC_WRAPPER is not supported.")
		}
		total += len(name) + len(value)
	}
	if total > MaxEnvBytes {
		return refuse(ErrInvalid, "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}
