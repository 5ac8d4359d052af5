package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// describe finds what may speak on a request that nobody made: the principal's
// policies and, for keys and buckets, the resource's.
func (s *Server) describe(ctx context.Context, who access.Caller, q access.Question) (d access.Described, err error) {
	if d.Target, err = s.describeTarget(ctx, q); err != nil {
		return d, err
	}
	// Last, so that no other error tells whether there is a principal: that is for
	// its own account to know.
	var ok bool
	if d.Principal, d.Tags, ok = s.identity.PrincipalOf(q.Principal); !ok {
		if a, err := arn.Parse(q.Principal); err == nil && a.Account != who.Account() {
			return d, access.ErrNoDenial
		}
		return d, fmt.Errorf("%w: there is no principal %.200q", own.ErrDescription, q.Principal)
	}
	if d.Target.Owner == "" {
		d.Target.Owner = d.Principal.Account
	}
	return d, nil
}

// describeTarget leaves Owner empty where that is the principal's account.
func (s *Server) describeTarget(ctx context.Context, q access.Question) (t access.Target, err error) {
	service, _, named := strings.Cut(string(q.Action), ":")
	if !named {
		return t, fmt.Errorf("%w: %.200q is no action", own.ErrDescription, q.Action)
	}
	t = access.Target{ARN: q.Resource, Action: q.Action}
	a, err := arn.Parse(q.Resource)
	if err != nil {
		if q.Resource != "*" {
			return t, fmt.Errorf("%w: %.200q is no ARN", own.ErrDescription, q.Resource)
		}
		t.Rule = policy.IdentityOnly
		return t, nil
	}
	switch service {
	case "kms":
		t.Rule, t.Owner, t.Policy = policy.KeyPolicy, a.Account, s.keys.PolicyOf(q.Resource)
	case "s3":
		name, _, _ := strings.Cut(a.Resource, "/")
		if t.Policy, t.Owner, err = s.buckets.PolicyOf(ctx, name); err != nil {
			return t, fmt.Errorf("%w: there is no bucket %.200q", own.ErrDescription, name)
		}
	default:
		t.Rule, t.Owner = policy.IdentityOnly, a.Account
	}
	return t, nil
}

// explainViewer tells an owner what the edge makes of a viewer's request.
func (s *Server) explainViewer(ctx context.Context, who access.Caller, q edge.Question) (*edge.Explanation, error) {
	if q.At.IsZero() {
		q.At = s.clock.Now()
	}
	host, err := q.HostOf()
	if err != nil {
		return nil, err
	}
	known, err := s.delivery.Inspect(ctx, who, host)
	if err != nil {
		return nil, err
	}
	return s.edge.Explain(q, known)
}
