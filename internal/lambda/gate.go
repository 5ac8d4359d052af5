package lambda

import (
	"context"
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// lambdaService is the principal that functions' roles trust.
const lambdaService = "lambda.amazonaws.com"

// begin opens the call of an operation on the function that ref names.
func (s *Service) begin(who *access.Caller, operation, ref string) *access.Call {
	call := s.cfg.Gate.Begin(*who, action(operation))
	call.Note("functionName", ref)
	return call
}

// admit reads a function for a caller that may act on it. Who may not, does not
// learn whether it exists. The record is nil only beside an error.
func (s *Service) admit(ctx context.Context, call *access.Call, who *access.Caller, name, qualifier string) (ref reference, r *record, err error) {
	ref, err = parse(who, name, qualifier)
	if err != nil {
		return ref, nil, err
	}
	t, r, err := s.target(ctx, call, ref)
	if err != nil {
		return ref, nil, err
	}
	if err := call.Decide(t); err != nil {
		return ref, nil, err
	}
	if r == nil {
		return ref, nil, ref.missing()
	}
	return ref, r, nil
}

// target is what a decision about a function stands on. The record is nil if there
// is none.
func (s *Service) target(ctx context.Context, call *access.Call, ref reference) (t access.Target, r *record, err error) {
	t = access.Target{ARN: ref.arn(), Owner: ref.account}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err = readRecord(tx, ref)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return t, nil, nil
	}
	if err != nil {
		return t, nil, err
	}
	for key, value := range r.Tags {
		call.Keys.SetIn("aws:ResourceTag/", key, value)
	}
	t.Policy, err = r.document(ref.qualifier)
	return t, r, err
}

// edit changes a function in one transaction, once the record of the call is
// written.
func (s *Service) edit(ctx context.Context, call *access.Call, ref reference, change func(tx store.Writer, r *record) error) error {
	return call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			r, err := readRecord(tx, ref)
			if err != nil {
				return err
			}
			if err := change(tx, r); err != nil {
				return err
			}
			return r.save(tx, ref)
		})
	})
}

// passRole wants the caller to be allowed to give a function the role, and the
// role to trust the service.
//
// Source: AWS Lambda Developer Guide, "Defining Lambda function permissions with
// an execution role".
func (s *Service) passRole(ctx context.Context, call *access.Call, who *access.Caller, ref reference, role string) error {
	owner, ok := roleAccount(role)
	if !ok {
		return malformed(role, "role", `satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`)
	}
	if owner != ref.account {
		return &access.Denied{Message: "Cross-account pass role is not allowed."}
	}
	call.ResetKeys() // they told of the function
	call.Keys.Set("iam:PassedToService", lambdaService)
	call.Keys.Set("iam:AssociatedResourceArn", ref.realm.arn(ref.name, ""))
	if err := call.Decide(access.Target{ARN: role, Action: "iam:PassRole", Rule: policy.IdentityOnly}); err != nil {
		return err
	}
	_, err := s.cfg.Roles.Assume(ctx, servant(ref.realm, lambdaService, ref.realm.arn(ref.name, ""), who.At), role, ref.name)
	if errors.Is(err, access.ErrDenied) {
		return refuse(ErrInvalid, "The role defined for the function cannot be assumed by Lambda.")
	}
	return err
}
