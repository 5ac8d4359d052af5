package lambda

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// edgeService is the principal that the roles of functions at the edge trust
// beside lambdaService.
const edgeService = "edgelambda.amazonaws.com"

// version finds a version by its qualified ARN.
func (s *Service) version(ctx context.Context, account arn.AccountID, versionARN string) (ref reference, v *versionRecord, err error) {
	ref, err = parse(&access.Caller{Region: "us-east-1"}, versionARN, "")
	if err != nil {
		return ref, nil, err
	}
	if ref.account != account || !versionForm.MatchString(ref.qualifier) {
		return ref, nil, ref.missing()
	}
	v, err = s.current(ctx, ref)
	return ref, v, err
}

// Replicable decides in call, which is CloudFront's, whether its caller may have
// distributions run the version. An error's text is for the caller.
//
// Source: CloudFront Developer Guide, "Set up IAM permissions and roles for
// Lambda@Edge".
func (s *Service) Replicable(ctx context.Context, call *access.Call, versionARN string) error {
	ref, err := parse(&access.Caller{Region: "us-east-1"}, versionARN, "")
	if err != nil {
		return err
	}
	call.ResetKeys() // they told of the distribution
	t, _, err := s.target(ctx, call, ref)
	if err != nil {
		return err
	}
	for _, operation := range []string{"GetFunction", "EnableReplication*"} {
		t.Action = action(strings.TrimSuffix(operation, "*"))
		if err := call.Decide(t); err != nil {
			return refuse(ErrInvalid, "Lambda@Edge cannot retrieve the specified Lambda function. Update the IAM policy to add permission: lambda:%s for resource: %s and try again.", operation, versionARN)
		}
	}
	return nil
}

// Associable returns nil if distributions of the account may run the version at
// the event. An error's text is for the caller.
//
// Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge".
func (s *Service) Associable(ctx context.Context, account arn.AccountID, versionARN string, event trigger.Event) error {
	ref, v, err := s.version(ctx, account, versionARN)
	switch {
	case errors.Is(err, ErrNotFound):
		return refuse(ErrInvalid, "The function ARN doesn't exist or isn't a version of this account: %s", versionARN)
	case err != nil:
		return err
	case v.Env != nil && !v.Env.empty():
		return refuse(ErrInvalid, "The function cannot have environment variables. Function: %s", versionARN)
	case time.Duration(v.Settings.TimeoutSec)*time.Second > event.Timeout():
		return refuse(ErrInvalid, "The function has an invalid timeout: %d s is larger than %d s for %s events. Function: %s", v.Settings.TimeoutSec, event.Timeout()/time.Second, event, versionARN)
	}
	for _, service := range []string{lambdaService, edgeService} {
		_, err := s.cfg.Roles.Assume(ctx, servant(ref.realm, service, versionARN, s.cfg.Clock.Now()), v.Settings.Role, ref.name)
		if errors.Is(err, access.ErrDenied) {
			return refuse(ErrInvalid, "The function execution role must be assumable with %s as well as %s principals. Update the IAM role and try again. Role: %s", edgeService, lambdaService, v.Settings.Role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// InvokeAt runs the version at the edge. Errors are those of
// function.Function.Invoke, or ErrNotFound.
func (s *Service) InvokeAt(ctx context.Context, account arn.AccountID, versionARN string, in function.Invocation) (*function.Result, error) {
	// A published version never changes, so one that is loaded needs no look at
	// the records.
	if f := s.loaded.get(versionARN, ""); f != nil && f.Spec().Account == string(account) {
		r, err := f.Invoke(ctx, in)
		if !errors.Is(err, function.ErrClosed) {
			return r, err
		}
	}
	ref, v, err := s.version(ctx, account, versionARN)
	if err != nil {
		return nil, err
	}
	return s.run(ctx, ref, v, in)
}
