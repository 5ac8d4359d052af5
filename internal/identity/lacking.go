package identity

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Credentials and providers that cannot be made here are asked for all the same,
// by clients that clean up: nobody has any.

// NoneOfUser decides about action, the list of a kind of credentials that no user
// has here. name is the user's, or empty for the caller.
func (a *Admin) NoneOfUser(ctx context.Context, who access.Caller, action policy.Action, name string) (err error) {
	call := a.begin(&who, action, note{"userName", name})
	defer call.End(ctx, &err)
	_, err = a.owner(call, &who, name)
	return err
}

// NoLoginProfile decides about action on the password of a user, or of the caller
// when name is empty. It never returns nil: without a refusal before, it is
// ErrNoSuchEntity, since no user has one.
func (a *Admin) NoLoginProfile(ctx context.Context, who access.Caller, action policy.Action, name string) (err error) {
	call := a.begin(&who, action, note{"userName", name})
	defer call.End(ctx, &err)
	o, err := a.owner(call, &who, name)
	if err != nil {
		return err
	}
	return fail(ErrNoSuchEntity, "Login Profile for User %s cannot be found.", o.name)
}

// NoneOfAccount decides about action, the list of what no account has here.
func (a *Admin) NoneOfAccount(ctx context.Context, who access.Caller, action policy.Action) (err error) {
	call := a.begin(&who, action)
	defer call.End(ctx, &err)
	return a.ask(call, &who, "*", nil)
}

// NoPasswordPolicy decides about reading the account's password policy. It never
// returns nil: without a refusal before, it is ErrNoSuchEntity.
func (a *Admin) NoPasswordPolicy(ctx context.Context, who access.Caller) (err error) {
	call := a.begin(&who, "iam:GetAccountPasswordPolicy")
	defer call.End(ctx, &err)
	if err := a.ask(call, &who, "*", nil); err != nil {
		return err
	}
	return fail(ErrNoSuchEntity, "The Password Policy with domain name %s cannot be found.", who.Account())
}
