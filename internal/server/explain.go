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
func (s *Server) describe(ctx context.Context, principal, action, resource string) (d access.Described, err error) {
	var ok bool
	if d.Principal, d.Tags, ok = s.identity.PrincipalOf(principal); !ok {
		return d, fmt.Errorf("%w: there is no principal %.200q", own.ErrDescription, principal)
	}
	service, _, named := strings.Cut(action, ":")
	if !named {
		return d, fmt.Errorf("%w: %.200q is no action", own.ErrDescription, action)
	}
	d.Target = access.Target{ARN: resource, Action: policy.Action(action), Owner: d.Principal.Account}
	a, err := arn.Parse(resource)
	if err != nil {
		if resource != "*" {
			return d, fmt.Errorf("%w: %.200q is no ARN", own.ErrDescription, resource)
		}
		d.Target.Rule = policy.IdentityOnly
		return d, nil
	}
	switch service {
	case "kms":
		d.Target.Rule, d.Target.Owner, d.Target.Policy = policy.KeyPolicy, a.Account, s.keys.PolicyOf(resource)
	case "s3":
		name, _, _ := strings.Cut(a.Resource, "/")
		if d.Target.Policy, d.Target.Owner, err = s.buckets.PolicyOf(ctx, name); err != nil {
			return d, fmt.Errorf("%w: there is no bucket %.200q", own.ErrDescription, name)
		}
	default:
		d.Target.Rule = policy.IdentityOnly
		if a.Account != "" {
			d.Target.Owner = a.Account
		}
	}
	return d, nil
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
