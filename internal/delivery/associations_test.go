package delivery_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	edgeLambda = "arn:aws:lambda:us-east-1:000000000000:function:sign:3"
	edgeScript = "arn:aws:cloudfront::000000000000:function/index"
)

// known are the functions that a test has.
type known []string

func (k known) Associable(_ context.Context, account arn.AccountID, name string, _ trigger.Event) error {
	for _, f := range k {
		if f == name && account == testAccount {
			return nil
		}
	}
	return errors.New("no such function")
}

// Replicable asks the gate as package lambda does.
func (known) Replicable(_ context.Context, call *access.Call, name string) error {
	if call.Decide(access.Target{ARN: name, Action: "lambda:EnableReplication"}) != nil {
		return errors.New("not replicable")
	}
	return nil
}

func lambdas(a ...delivery.LambdaAssociation) func(*delivery.DistributionConfig) {
	return func(c *delivery.DistributionConfig) { c.DefaultBehavior.Lambdas = a }
}

func scripts(a ...delivery.FunctionAssociation) func(*delivery.DistributionConfig) {
	return func(c *delivery.DistributionConfig) { c.DefaultBehavior.Functions = a }
}

// publish makes the CloudFront function index, ready to be associated.
func (f *fixture) publish() *delivery.FunctionSummary {
	f.t.Helper()
	made := must(f.CreateFunction(f.t.Context(), me, "index", delivery.FunctionConfig{Runtime: "cloudfront-js-2.0"}, []byte("function handler(e) { return e.request }"), nil))
	must(f.PublishFunction(f.t.Context(), me, "index", made.ETag))
	return made
}

// users are the distributions that name a function, by the records.
func (f *fixture) users(account arn.AccountID, functionARN string) (users []string) {
	f.t.Helper()
	err := f.records.View(f.t.Context(), func(tx store.Reader) (err error) {
		users, err = delivery.FunctionUsers(tx, account, functionARN)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return users
}

func TestAssociations(t *testing.T) {
	s := open(t, func(c *delivery.Config) { c.Functions = known{edgeLambda, edgeScript} })
	s.publish()
	d, err := s.CreateDistribution(t.Context(), me, config(
		"a",
		lambdas(delivery.LambdaAssociation{FunctionARN: edgeLambda, EventType: "origin-request", IncludeBody: true}),
		scripts(delivery.FunctionAssociation{FunctionARN: edgeScript, EventType: "viewer-request"}),
	))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Snapshot().ByID(delivery.DistributionID(d.ID)).Behaviors[0].Functions
	want := [trigger.Events]*delivery.Function{
		trigger.ViewerRequest: {ARN: edgeScript}, trigger.OriginRequest: {ARN: edgeLambda, Lambda: true, IncludeBody: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("functions = %v, want %v", got, want)
	}
	if users := s.users(testAccount, edgeLambda); !reflect.DeepEqual(users, []string{d.ID}) {
		t.Errorf("users = %v, want %s", users, d.ID)
	}
	if users := s.users("111111111111", edgeLambda); users != nil {
		t.Errorf("another account's users = %v", users)
	}
}

func TestAssociationsRefused(t *testing.T) {
	s := open(t, func(c *delivery.Config) { c.Functions = known{edgeLambda, edgeScript} })
	lambda := func(name, event string) delivery.LambdaAssociation {
		return delivery.LambdaAssociation{FunctionARN: name, EventType: event}
	}
	script := func(name, event string) delivery.FunctionAssociation {
		return delivery.FunctionAssociation{FunctionARN: name, EventType: event}
	}
	both := func(c *delivery.DistributionConfig) {
		lambdas(lambda(edgeLambda, "viewer-request"))(c)
		scripts(script(edgeScript, "viewer-response"))(c)
	}
	withBody := lambda(edgeLambda, "origin-response")
	withBody.IncludeBody = true
	for name, c := range map[string]struct {
		edit func(*delivery.DistributionConfig)
		want error
	}{
		"$LATEST":            {lambdas(lambda("arn:aws:lambda:us-east-1:000000000000:function:sign:$LATEST", "origin-request")), delivery.ErrInvalidLambda},
		"no version":         {lambdas(lambda("arn:aws:lambda:us-east-1:000000000000:function:sign", "origin-request")), delivery.ErrInvalidLambda},
		"alias":              {lambdas(lambda("arn:aws:lambda:us-east-1:000000000000:function:sign:live", "origin-request")), delivery.ErrInvalidLambda},
		"another region":     {lambdas(lambda("arn:aws:lambda:eu-west-1:000000000000:function:sign:3", "origin-request")), delivery.ErrInvalidLambda},
		"unknown version":    {lambdas(lambda("arn:aws:lambda:us-east-1:000000000000:function:sign:4", "origin-request")), delivery.ErrInvalidLambda},
		"unknown event":      {lambdas(lambda(edgeLambda, "viewer")), delivery.ErrInvalid},
		"twice":              {lambdas(lambda(edgeLambda, "origin-request"), lambda(edgeLambda, "origin-request")), delivery.ErrInvalidLambda},
		"body of a response": {lambdas(withBody), delivery.ErrInvalidLambda},
		"script at origin":   {scripts(script(edgeScript, "origin-request")), delivery.ErrInvalidFunction},
		"script's ARN":       {scripts(script(edgeLambda, "viewer-request")), delivery.ErrInvalidFunction},
		"unknown script":     {scripts(script(edgeScript+"2", "viewer-request")), delivery.ErrInvalidFunction},
		"both kinds":         {both, delivery.ErrInvalidFunction},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.CreateDistribution(t.Context(), me, config(name, c.edit)); !errors.Is(err, c.want) {
				t.Errorf("error = %v, want %v", err, c.want)
			}
		})
	}
	none := open(t)
	_, err := none.CreateDistribution(t.Context(), me, config("a", lambdas(lambda(edgeLambda, "origin-request"))))
	if !errors.Is(err, delivery.ErrInvalid) || !strings.Contains(err.Error(), "LambdaFunctionAssociations") {
		t.Errorf("without functions: %v", err)
	}
}

// late says that a function is there, and lets something happen to it.
type late struct {
	known
	meanwhile func()
}

func (l *late) Associable(ctx context.Context, account arn.AccountID, name string, e trigger.Event) error {
	err := l.known.Associable(ctx, account, name, e)
	l.meanwhile()
	return err
}

// A function that is deleted while a distribution is given it is not given.
func TestAssociationOfWhatIsDeletedMeanwhile(t *testing.T) {
	functions := &late{known: known{edgeScript}}
	s := open(t, func(c *delivery.Config) { c.Functions = functions })
	f := s.publish()
	functions.meanwhile = func() {
		if err := s.DeleteFunction(t.Context(), me, "index", f.ETag); err != nil {
			t.Error(err)
		}
	}
	c := config("a", scripts(delivery.FunctionAssociation{FunctionARN: edgeScript, EventType: "viewer-request"}))
	if _, err := s.CreateDistribution(t.Context(), me, c); !errors.Is(err, delivery.ErrInvalidFunction) {
		t.Errorf("CreateDistribution = %v, want ErrInvalidFunction", err)
	}
}

// A function stays as long as a distribution runs it, on whichever node that was made.
func TestDeleteFunctionOfAnotherNodesDistribution(t *testing.T) {
	s := open(t, func(c *delivery.Config) { c.Functions = known{edgeScript} })
	f := s.publish()
	other := s.reopen()
	c := config("a", scripts(delivery.FunctionAssociation{FunctionARN: edgeScript, EventType: "viewer-request"}))
	d := must(other.CreateDistribution(t.Context(), me, c))
	if err := s.DeleteFunction(t.Context(), me, "index", f.ETag); !errors.Is(err, delivery.ErrFunctionInUse) {
		t.Fatalf("DeleteFunction = %v, want ErrFunctionInUse", err)
	}
	c = d.Config
	c.DefaultBehavior.Functions = nil
	must(other.UpdateDistribution(t.Context(), me, d.ID, d.ETag, c))
	if err := s.DeleteFunction(t.Context(), me, "index", f.ETag); err != nil {
		t.Error(err)
	}
}

// A function that is deleted is unloaded, on every node that has run it.
func TestDeletedFunctionsAreUnloaded(t *testing.T) {
	pool := function.NewPool(function.Config{})
	t.Cleanup(pool.Close)
	s := open(t, func(c *delivery.Config) { c.Pool = pool })
	f := s.publish()
	other := s.reopen()
	for _, node := range []*delivery.Service{s.Service, other} {
		// What comes of it does not matter: it is loaded for that.
		_, _ = node.InvokeFunction(t.Context(), testAccount, edgeScript, function.Invocation{RequestID: "r", Payload: []byte("{}")})
		if n := node.Loaded(); n != 1 {
			t.Fatalf("%d functions are loaded, want 1", n)
		}
	}
	if err := s.DeleteFunction(t.Context(), me, "index", f.ETag); err != nil {
		t.Fatal(err)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, node := range []*delivery.Service{s.Service, other} {
		if n := node.Loaded(); n != 0 {
			t.Errorf("%d functions are loaded, want none", n)
		}
	}
}
