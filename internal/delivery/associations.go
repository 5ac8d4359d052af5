package delivery

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Function is a function that a behaviour runs at an event.
type Function struct {
	// ARN is that of a version of a Lambda function, or of a CloudFront function.
	ARN    string
	Lambda bool
	// IncludeBody shows the request's body to a Lambda function.
	IncludeBody bool
}

// Functions knows what distributions may be associated with. It is safe for
// concurrent use.
type Functions interface {
	// Associable returns nil if distributions of the account may run the function
	// at the event. An error's text goes to the caller.
	Associable(ctx context.Context, account arn.AccountID, functionARN string, event trigger.Event) error
	// Replicable decides in call whether its caller may have distributions run the
	// function. It replaces the call's keys. An error's text goes to the caller.
	Replicable(ctx context.Context, call *access.Call, functionARN string) error
}

var (
	lambdaVersion      = form.New(`^arn:aws:lambda:us-east-1:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}:[1-9][0-9]*$`)
	cloudFrontFunction = form.New(`^arn:aws:cloudfront::[0-9]{12}:function/[A-Za-z0-9_-]{1,64}$`)
)

// validateFunctions checks a behaviour's associations by themselves.
//
// Source: CloudFront Developer Guide, "Restrictions on edge functions".
func (b *BehaviorConfig) validateFunctions(name string) error {
	var taken [trigger.Events]bool
	var lambda, simple bool // at the viewer's events
	for _, a := range b.Lambdas {
		event, ok := trigger.ParseEvent(a.EventType)
		switch {
		case !ok:
			return invalidValue(name+".LambdaFunctionAssociations.EventType", a.EventType)
		case !lambdaVersion.MatchString(a.FunctionARN):
			return refuse(ErrInvalidLambda, "The function ARN must reference a specific function version in us-east-1. (The ARN must end with the version number.) ARN: %.256s", a.FunctionARN)
		case a.IncludeBody && event != trigger.ViewerRequest && event != trigger.OriginRequest:
			return refuse(ErrInvalidLambda, "IncludeBody is for viewer-request and origin-request only.")
		case taken[event]:
			return refuse(ErrInvalidLambda, "%s has more than one function for %s.", name, event)
		}
		taken[event] = true
		lambda = lambda || event.Viewer()
	}
	for _, a := range b.Functions {
		event, ok := trigger.ParseEvent(a.EventType)
		switch {
		case !ok || !event.Viewer():
			return refuse(ErrInvalidFunction, "A CloudFront function cannot be associated with %.32q.", a.EventType)
		case !cloudFrontFunction.MatchString(a.FunctionARN):
			return refuse(ErrInvalidFunction, "%.256q is not the ARN of a CloudFront function.", a.FunctionARN)
		case taken[event]:
			return refuse(ErrInvalidFunction, "%s has more than one function for %s.", name, event)
		}
		taken[event], simple = true, true
	}
	if lambda && simple {
		return refuse(ErrInvalidFunction, "A cache behavior cannot have both Lambda@Edge and CloudFront functions for viewer events.")
	}
	return nil
}

// checkFunctions wants every function that c names to be there for the account,
// and the caller to be allowed to replicate those that old, if there is one, has not.
func (s *Service) checkFunctions(ctx context.Context, call *access.Call, account arn.AccountID, old, c *DistributionConfig) error {
	admitted := make(map[string]bool)
	if old != nil {
		for _, b := range old.behaviors() {
			for _, f := range b.functions() {
				admitted[f.ARN] = true
			}
		}
	}
	for name, b := range c.behaviors() {
		for event, f := range b.functions() {
			switch {
			case s.cfg.Functions == nil && f.Lambda:
				return unsupported(name + ".LambdaFunctionAssociations")
			case s.cfg.Functions == nil:
				return unsupported(name + ".FunctionAssociations")
			}
			var err error
			if !admitted[f.ARN] {
				err = s.cfg.Functions.Replicable(ctx, call, f.ARN)
				admitted[f.ARN] = true
			}
			if err == nil {
				err = s.cfg.Functions.Associable(ctx, account, f.ARN, event)
			}
			if err != nil {
				kind := ErrInvalidFunction
				if f.Lambda {
					kind = ErrInvalidLambda
				}
				return refuse(kind, "%v", err)
			}
		}
	}
	return nil
}

// checkFunctions wants the CloudFront functions that c names, and before does not, to
// be there when c is stored: one may have been deleted since it was asked for.
func (t *txn) checkFunctions(account arn.AccountID, before, c *DistributionConfig) error {
	had := make(map[string]bool)
	for _, b := range before.behaviors() {
		for _, a := range b.Functions {
			had[a.FunctionARN] = true
		}
	}
	for _, b := range c.behaviors() {
		for _, a := range b.Functions {
			if had[a.FunctionARN] {
				continue
			}
			missing := notPublished(a.FunctionARN)
			named, err := arn.Parse(a.FunctionARN)
			n := name{kindFunction, account, named.Name()}
			if err != nil || n.arn() != a.FunctionARN {
				return missing
			}
			if f, err := lookup[*EdgeFunction](t, n, missing); err != nil {
				return err
			} else if f.Live == nil {
				return missing
			}
		}
	}
	return nil
}

// runsFunction tells whether a distribution names the CloudFront function.
func (t *txn) runsFunction(of name) (bool, error) {
	for rec, err := range t.r.Scan(space, store.Prefix(name{kindDistribution, of.account, ""}.key())) {
		if err != nil {
			return false, err
		}
		n, err := parseName(rec.Key)
		if err != nil {
			return false, err
		}
		o, err := decode(n, rec.Value)
		if err != nil {
			return false, err
		}
		for _, b := range o.(*DistributionInfo).Config.behaviors() {
			for _, a := range b.Functions {
				if a.FunctionARN == of.arn() {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// functions yields the associations of a validated behaviour.
func (b *BehaviorConfig) functions() func(yield func(trigger.Event, *Function) bool) {
	return func(yield func(trigger.Event, *Function) bool) {
		for _, a := range b.Lambdas {
			if e, ok := trigger.ParseEvent(a.EventType); ok && !yield(e, &Function{a.FunctionARN, true, a.IncludeBody}) {
				return
			}
		}
		for _, a := range b.Functions {
			if e, ok := trigger.ParseEvent(a.EventType); ok && !yield(e, &Function{ARN: a.FunctionARN}) {
				return
			}
		}
	}
}

// functionUsed tells whether a distribution of the account, as far as this node
// knows, names the function.
func (s *Service) functionUsed(account arn.AccountID, functionARN string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, o := range s.shelves[kindDistribution][account] {
		if o.(*DistributionInfo).runs(functionARN) {
			return true
		}
	}
	return false
}

// runs tells whether the distribution names the function.
func (d *DistributionInfo) runs(functionARN string) bool {
	for _, b := range d.Config.behaviors() {
		for _, f := range b.functions() {
			if f.ARN == functionARN {
				return true
			}
		}
	}
	return false
}

// FunctionUsers returns the ids of the account's distributions that name the
// function, in order, whichever node made them.
func FunctionUsers(tx store.Reader, account arn.AccountID, functionARN string) (users []string, err error) {
	prefix := name{kindDistribution, account, ""}.key()
	for rec, err := range tx.Scan(space, store.Prefix(prefix)) {
		if err != nil {
			return nil, err
		}
		id := rec.Key[len(prefix):]
		o, err := decode(name{kindDistribution, account, id}, rec.Value)
		if err != nil {
			return nil, err
		}
		if o.(*DistributionInfo).runs(functionARN) {
			users = append(users, id)
		}
	}
	return users, nil
}
