package resource_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// roles can all be assumed, and objects are not there.
type roles struct{}

func (roles) Assume(_ context.Context, who access.Caller, _, _ string) (function.Credentials, error) {
	return function.Credentials{AccessKeyID: "ASIATEST", SecretAccessKey: "s", SessionToken: "t", Expires: who.At.Add(time.Hour)}, nil
}

func (roles) Object(context.Context, access.Caller, string, string, string) (io.ReadCloser, error) {
	return nil, errors.New("NoSuchKey")
}

func (p *parts) functions(t *testing.T) *lambda.Service {
	t.Helper()
	domain, err := p.vault.Domain(t.Context(), "lambda")
	if err != nil {
		t.Fatal(err)
	}
	pool := function.NewPool(function.Config{})
	t.Cleanup(pool.Close)
	s, err := lambda.Open(t.Context(), lambda.Config{
		Records: p.records, Blobs: memory.NewBlobs(), Vault: domain, Pool: pool, Roles: roles{}, Objects: roles{}, Principals: nobody{},
		Clock: p.clock, Log: slog.New(slog.DiscardHandler), Gate: p.gate,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const lambdaTemplate = `
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::111122223333:role/r
      Handler: index.handler
      Runtime: nodejs22.x
      Timeout: 7
      Environment: {Variables: {GREETING: WORD}}
      Code: {ZipFile: 'exports.handler = async () => process.env.GREETING + " TEXT"'}
  V1:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref F, Description: ONE}
  P:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !GetAtt F.Arn, Action: 'lambda:InvokeFunction', Principal: secretsmanager.amazonaws.com, SourceAccount: '111122223333'}
Outputs:
  Name: {Value: !Ref F}
  Arn: {Value: !GetAtt F.Arn}
  Version: {Value: !Ref V1}
  Number: {Value: !GetAtt V1.Version}
  Statement: {Value: !Ref P}
`

func (w *world) run(name string) string {
	w.t.Helper()
	out, err := w.Functions.Invoke(w.t.Context(), w.root(), lambda.Invocation{Name: name, Mode: lambda.Wait})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out.Payload)
}

func TestLambda(t *testing.T) {
	w := open(t)
	fill := func(word, text, one string) string {
		return strings.NewReplacer("WORD", word, "TEXT", text, "ONE", one).Replace(lambdaTemplate)
	}
	out := w.deploy(fill("hello", "there", "one"), stack.CreateComplete)
	if got := w.run(out["Version"]); got != `"hello there"` || out["Number"] != "1" || out["Version"] != out["Arn"]+":1" || !strings.HasSuffix(out["Arn"], ":function:"+out["Name"]) {
		t.Errorf("version 1 returns %s, outputs %v", got, out)
	}
	if source, _, err := w.Functions.Policy(t.Context(), w.root(), out["Name"], ""); err != nil || !strings.Contains(source, out["Statement"]) {
		t.Errorf("policy is %s, %v", source, err)
	}

	// Another description makes another version, here of what is new too.
	w.clock.Advance(time.Second)
	next := w.deploy(fill("bye", "now", "two"), stack.UpdateComplete, stack.Tag{Key: "k", Value: "v"})
	if got := w.run(next["Version"]); got != `"bye now"` || next["Number"] != "2" || next["Name"] != out["Name"] || next["Statement"] != out["Statement"] {
		t.Errorf("version 2 returns %s, outputs %v", got, next)
	}
	if _, _, err := w.Functions.Get(t.Context(), w.root(), "GetFunction", out["Version"], ""); !errors.Is(err, lambda.ErrNotFound) {
		t.Errorf("Get of the version that was replaced = %v", err)
	}
	v, tags, err := w.Functions.Get(t.Context(), w.root(), "GetFunction", out["Name"], "")
	if err != nil || v.TimeoutSec != 7 || tags["k"] != "v" {
		t.Errorf("Get = %+v, %v, %v", v, tags, err)
	}

	w.remove()
	if _, _, err := w.Functions.Get(t.Context(), w.root(), "GetFunction", out["Name"], ""); !errors.Is(err, lambda.ErrNotFound) {
		t.Errorf("Get of what was deleted = %v", err)
	}
}

// A version that another resource made is not shared: who deletes one would
// delete the other.
func TestLambdaVersionTwice(t *testing.T) {
	w := open(t)
	w.deploy(lambdaTemplate, stack.CreateComplete)
	w.clock.Advance(time.Second)
	twice := strings.Replace(lambdaTemplate, "  P:\n", "  V2:\n    Type: AWS::Lambda::Version\n    DependsOn: V1\n    Properties: {FunctionName: !Ref F, Description: ONE}\n  P:\n", 1)
	out := w.deploy(twice, stack.UpdateRollbackComplete)
	w.wantReason("A version for this Lambda function exists ( 1 )")
	if _, _, err := w.Functions.Get(t.Context(), w.root(), "GetFunction", out["Version"], ""); err != nil {
		t.Errorf("the version that was there: %v", err)
	}
}
