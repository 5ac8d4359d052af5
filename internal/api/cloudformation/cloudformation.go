// Package cloudformation is the door of the stacks: the AWS query protocol over
// package stack.
//
// Source: AWS CloudFormation API Reference 2010-05-15.
package cloudformation

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/template"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

const (
	version   = "2010-05-15"
	namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
)

type service struct{ stacks *stack.Service }

// New returns the door.
func New(stacks *stack.Service, log *slog.Logger) *querydoor.Door {
	s := &service{stacks}
	return querydoor.New(querydoor.Service{
		Namespace: namespace, Version: version, Operations: s.operations(), Failures: failures, Log: log,
	})
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return querydoor.ErrorCode(failures, typed(err)) }

// errTemplate is what every *template.Error is on the wire.
var errTemplate = errors.New("template error")

// templateError gives a *template.Error a kind.
type templateError struct{ of *template.Error }

func (e templateError) Error() string { return e.of.Message }
func (templateError) Unwrap() error   { return errTemplate }

// typed gives err a kind that the table of failures knows.
func typed(err error) error {
	if t, ok := errors.AsType[*template.Error](err); ok {
		return templateError{t}
	}
	return err
}

// failures gives every error of the domain its form.
var failures = []querydoor.Failure{
	{Err: stack.ErrInvalid, Status: http.StatusBadRequest, Code: "ValidationError"},
	{Err: errTemplate, Status: http.StatusBadRequest, Code: "ValidationError"},
	{Err: stack.ErrExists, Status: http.StatusBadRequest, Code: "AlreadyExistsException"},
	{Err: stack.ErrCapabilities, Status: http.StatusBadRequest, Code: "InsufficientCapabilitiesException"},
	{Err: stack.ErrLimit, Status: http.StatusBadRequest, Code: "LimitExceededException"},
	{Err: stack.ErrNoChangeSet, Status: http.StatusNotFound, Code: "ChangeSetNotFound"},
	{Err: stack.ErrChangeSetStatus, Status: http.StatusBadRequest, Code: "InvalidChangeSetStatus"},
}

// run gives the errors of a run their kind.
func run[T any](fn func(ctx context.Context, who access.Caller) (T, error)) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) {
		result, err := fn(ctx, who)
		if err != nil {
			return nil, typed(err)
		}
		return result, nil
	}
}

// done is a run without a result.
func done(fn func(ctx context.Context, who access.Caller) error) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) { return nil, typed(fn(ctx, who)) }
}

// refuse refuses a request before it runs.
func refuse(f query.Form, err error) querydoor.Run {
	f.Refuse(err)
	return nil
}

// onePage refuses a token in a request for a list that is never cut.
func onePage(f query.Form) {
	if f.Has("NextToken") {
		f.Refuse(invalid("NextToken is not one that was given: everything is on one page"))
	}
}

// operations is every operation of the service that is here.
func (s *service) operations() map[string]querydoor.Operation {
	return map[string]querydoor.Operation{
		"CreateStack":                 s.createStack,
		"UpdateStack":                 s.updateStack,
		"DeleteStack":                 s.deleteStack,
		"DescribeStacks":              s.describeStacks,
		"DescribeStackEvents":         s.describeStackEvents,
		"DescribeStackResource":       s.describeStackResource,
		"DescribeStackResources":      s.describeStackResources,
		"ListStackResources":          s.listStackResources,
		"ListStacks":                  s.listStacks,
		"ListExports":                 s.listExports,
		"ListImports":                 s.listImports,
		"GetTemplate":                 s.getTemplate,
		"GetTemplateSummary":          s.getTemplateSummary,
		"ValidateTemplate":            s.validateTemplate,
		"UpdateTerminationProtection": s.updateTerminationProtection,
		"CreateChangeSet":             s.createChangeSet,
		"DescribeChangeSet":           s.describeChangeSet,
		"ExecuteChangeSet":            s.executeChangeSet,
		"DeleteChangeSet":             s.deleteChangeSet,
		"ListChangeSets":              s.listChangeSets,
	}
}
