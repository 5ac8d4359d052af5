package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type simulationResult struct {
	EvaluationResults query.List[evaluationDocument]
	cut
}

type evaluationDocument struct {
	EvalActionName                    string
	EvalResourceName                  string
	EvalDecision                      string
	MatchedStatements                 query.List[statementDocument]
	MissingContextValues              query.List[string]
	PermissionsBoundaryDecisionDetail *boundaryDecision
}

type boundaryDecision struct{ AllowedByPermissionsBoundary bool }

type statementDocument struct {
	SourcePolicyID   string `xml:"SourcePolicyId"`
	SourcePolicyType string
}

func readSimulation(f query.Form) identity.Simulation {
	f.Require("ActionNames")
	in := identity.Simulation{
		Actions: f.Strings("ActionNames"), Resources: f.Strings("ResourceArns"), Policies: f.Strings("PolicyInputList"),
		Boundaries: f.Strings("PermissionsBoundaryPolicyInputList"), ResourcePolicy: f.Given("ResourcePolicy"),
		Owner: ownerOf(f.Given("ResourceOwner")), Caller: f.Given("CallerArn"), Keys: map[string][]string{},
	}
	for _, entry := range f.List("ContextEntries") {
		in.Keys[entry.String("ContextKeyName")] = entry.Strings("ContextKeyValues")
		// Values are compared as the operators say, whatever their type is called.
		entry.Given("ContextKeyType")
	}
	return in
}

// ownerOf is the account of a ResourceOwner, which is an ARN of the account or
// its number.
func ownerOf(text string) arn.AccountID {
	if a, err := arn.Parse(text); err == nil {
		return a.Account
	}
	return arn.AccountID(text)
}

func evaluationOf(v identity.Verdict) evaluationDocument {
	d := evaluationDocument{EvalActionName: v.Action, EvalResourceName: v.Resource, EvalDecision: "implicitDeny"}
	switch {
	case v.Decision.Allowed:
		d.EvalDecision = "allowed"
	case v.Decision.Reason.Explicit():
		d.EvalDecision = "explicitDeny"
	}
	for _, f := range v.Findings {
		d.MatchedStatements.Members = append(d.MatchedStatements.Members, statementDocument{f.PolicyID, "IAM Policy"})
	}
	d.MissingContextValues.Members = v.MissingKeys
	if v.BoundaryAllows != nil {
		d.PermissionsBoundaryDecisionDetail = &boundaryDecision{*v.BoundaryAllows}
	}
	return d
}

func (s *service) simulatePrincipalPolicy(f query.Form) querydoor.Run {
	source, in, page := f.String("PolicySourceArn"), readSimulation(f), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.SimulatePrincipal(ctx, who, source, in, page)
		if err != nil {
			return nil, err
		}
		return simulationResult{listOf(l.Items, evaluationOf), cutOf(l.Marker)}, nil
	}
}

func (s *service) simulateCustomPolicy(f query.Form) querydoor.Run {
	f.Require("PolicyInputList")
	in, page := readSimulation(f), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.SimulateCustom(ctx, who, in, page)
		if err != nil {
			return nil, err
		}
		return simulationResult{listOf(l.Items, evaluationOf), cutOf(l.Marker)}, nil
	}
}

type contextKeysResult struct{ ContextKeyNames query.List[string] }

func (s *service) getContextKeysForPrincipalPolicy(f query.Form) querydoor.Run {
	return s.contextKeys(f.String("PolicySourceArn"), f.Strings("PolicyInputList"))
}

func (s *service) getContextKeysForCustomPolicy(f query.Form) querydoor.Run {
	f.Require("PolicyInputList")
	return s.contextKeys("", f.Strings("PolicyInputList"))
}

func (s *service) contextKeys(source string, texts []string) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) {
		keys, err := s.admin.ContextKeys(ctx, who, source, texts)
		if err != nil {
			return nil, err
		}
		return contextKeysResult{query.List[string]{Members: keys}}, nil
	}
}
