package resource_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/resource"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// What a making that a crash cut off has made is found again by the next one. What
// was there before the making began is somebody else's, and stays.
func TestCreateAgain(t *testing.T) {
	lambdaProperties := map[string]any{
		"FunctionName": "f", "Role": "arn:aws:iam::111122223333:role/r", "Handler": "index.handler", "Runtime": "nodejs22.x",
		"Code": map[string]any{"ZipFile": "exports.handler = async () => 1"},
	}
	for _, tt := range []struct {
		kind       string
		properties map[string]any
	}{
		{"AWS::SecretsManager::Secret", map[string]any{"Name": "s", "GenerateSecretString": map[string]any{}}},
		{"AWS::CloudFront::Function", map[string]any{
			"Name": "f", "AutoPublish": true, "FunctionCode": "function handler(e) { return e }", "FunctionConfig": map[string]any{"Runtime": "cloudfront-js-2.0"},
		}},
		{"AWS::CloudFront::KeyValueStore", map[string]any{"Name": "s"}},
		{"AWS::Lambda::Function", lambdaProperties},
		{"AWS::CloudTrail::Trail", map[string]any{"TrailName": "trail", "S3BucketName": "logs", "IsLogging": true}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			w := open(t)
			p := resource.Providers(w.Services)[tt.kind]
			task := stack.Task{
				Who: w.root().Through("cloudformation"), Stack: "s", Logical: "L", Properties: tt.properties, Since: w.clock.Now(), Token: "11111111-1111-4111-8111-111111111111",
			}
			task.Who.At = task.Since
			made, err := p.Create(t.Context(), &task)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Create(t.Context(), &task); err == nil {
				t.Error("it was made twice")
			}
			task.Again = true
			if got, err := p.Create(t.Context(), &task); err != nil || got.Physical != made.Physical {
				t.Errorf("Create again = %+v, %v, want %+v", got, err, made)
			}
			task.Since = w.clock.Advance(2 * time.Second)
			if got, err := p.Create(t.Context(), &task); err == nil {
				t.Errorf("Create took what was there before: %+v", got)
			}
			task.Physical = made.Physical
			for range 2 {
				if err := p.Delete(t.Context(), &task); err != nil {
					t.Errorf("Delete = %v", err)
				}
			}
		})
	}
}

// The key that a crash took is made anew with its id; every other key of the user,
// made before or since, stays.
func TestCreateAccessKeyAgain(t *testing.T) {
	w := open(t)
	p := resource.Providers(w.Services)["AWS::IAM::AccessKey"]
	if _, err := w.Identity.CreateUser(t.Context(), w.root(), identity.NewUser{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	task := stack.Task{
		Who: w.root().Through("cloudformation"), Stack: "s", Logical: "L", Since: w.clock.Now(), Token: "11111111-1111-4111-8111-111111111111",
		Properties: map[string]any{"UserName": "alice"},
	}
	lost, err := p.Create(t.Context(), &task)
	if err != nil {
		t.Fatal(err)
	}
	other, _, _, err := w.Identity.CreateAccessKey(t.Context(), w.root(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	task.Again = true
	made, err := p.Create(t.Context(), &task)
	if err != nil || made.Physical != lost.Physical || made.Attributes["SecretAccessKey"] == lost.Attributes["SecretAccessKey"] {
		t.Errorf("Create again = %s, %v, want %s with another secret", made.Physical, err, lost.Physical)
	}
	list, _, err := w.Identity.AccessKeys(t.Context(), w.root(), "alice", identity.Page{Max: identity.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range list.Items {
		ids = append(ids, key.Name)
	}
	want := []string{made.Physical, other.ID}
	slices.Sort(want)
	if slices.Sort(ids); !slices.Equal(ids, want) {
		t.Errorf("alice has keys %v, want %v", ids, want)
	}
}

// A policy that the making found there is not its own when it begins again, unless it
// is the one that it wants.
func TestCreateOnePolicyAgain(t *testing.T) {
	w := open(t)
	p := resource.Providers(w.Services)["AWS::IAM::GroupPolicy"]
	if _, err := w.Identity.CreateGroup(t.Context(), w.root(), "g", ""); err != nil {
		t.Fatal(err)
	}
	const wanted = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	task := stack.Task{
		Who: w.root().Through("cloudformation"), Stack: "s", Logical: "L", Since: w.clock.Now(), Again: true,
		Properties: map[string]any{"GroupName": "g", "PolicyName": "p", "PolicyDocument": wanted},
	}
	for range 2 {
		if made, err := p.Create(t.Context(), &task); err != nil || made.Physical != "p|g" {
			t.Errorf("Create = %+v, %v, want p|g", made, err)
		}
	}
	ref := identity.Ref{Kind: identity.KindGroup, Name: "g"}
	if err := w.Identity.PutInlinePolicy(t.Context(), w.root(), ref, "p", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`); err != nil {
		t.Fatal(err)
	}
	if made, err := p.Create(t.Context(), &task); err == nil {
		t.Errorf("Create took another's policy: %+v", made)
	}
}
