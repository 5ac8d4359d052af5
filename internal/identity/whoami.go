package identity

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// CallerIdentity is what a caller may always know of itself.
type CallerIdentity struct {
	Account arn.AccountID
	ARN     string
	UserID  string
}

// WhoAmI tells who calls. It needs no permission and cannot be denied, but is
// recorded.
//
// Source: AWS STS API Reference, GetCallerIdentity.
func (a *Admin) WhoAmI(ctx context.Context, who access.Caller) (_ CallerIdentity, err error) {
	call := a.gate.Begin(who, "sts:GetCallerIdentity")
	defer call.End(ctx, &err)
	call.Open()
	p := &who.Principal
	if p.Kind == policy.Service {
		return CallerIdentity{ARN: p.Service + p.ARN, UserID: p.Service}, nil
	}
	return CallerIdentity{Account: p.Account, ARN: p.ARN, UserID: p.UserID}, nil
}
