package resource_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/stack"
)

const secretTemplate = `
Resources:
  Given:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: given, Description: DESCRIPTION, SecretString: STRING, Tags: [{Key: a, Value: b}]}
  Made:
    Type: AWS::SecretsManager::Secret
    Properties:
      KmsKeyId: KEY
      GenerateSecretString: {SecretStringTemplate: '{"user":"jo"}', GenerateStringKey: password, PasswordLength: 40, ExcludePunctuation: true}
  Policy:
    Type: AWS::SecretsManager::ResourcePolicy
    Properties:
      SecretId: !Ref Given
      ResourcePolicy:
        Version: '2012-10-17'
        Statement: {Effect: Allow, Principal: {AWS: '111122223333'}, Action: secretsmanager:GetSecretValue, Resource: '*'}
Outputs:
  Given: {Value: !Ref Given}
  Made: {Value: !GetAtt Made.Id}
  Policy: {Value: !Ref Policy}
`

func (w *world) secretText(ref string) string {
	w.t.Helper()
	v, err := w.Secrets.Get(w.t.Context(), w.root(), ref, "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(v.Value.Bytes.Reveal())
}

func TestSecret(t *testing.T) {
	w := open(t)
	fill := func(description, text, key string) string {
		return strings.NewReplacer("DESCRIPTION", description, "STRING", text, "KEY", key).Replace(secretTemplate)
	}
	out := w.deploy(fill("one", "first", "key/one"), stack.CreateComplete)
	if got := w.secretText("given"); got != "first" || out["Policy"] != out["Given"] || !strings.Contains(out["Given"], ":secret:given-") {
		t.Errorf("the secret holds %q, outputs %v", got, out)
	}
	var made struct{ User, Password string }
	text := w.secretText(out["Made"])
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.User != "jo" || len(made.Password) != 40 {
		t.Errorf("generated %+v, %v", made, err)
	}
	if _, source, err := w.Secrets.Policy(t.Context(), w.root(), "given"); err != nil || !strings.Contains(source, "GetSecretValue") {
		t.Errorf("policy is %q, %v", source, err)
	}

	if again := w.deploy(fill("two", "second", "key/two"), stack.UpdateComplete, stack.Tag{Key: "stack", Value: "s"}); again["Given"] != out["Given"] || again["Made"] != out["Made"] {
		t.Errorf("outputs %v, want %v", again, out)
	}
	d, err := w.Secrets.Describe(t.Context(), w.root(), "given")
	if err != nil || d.Text != "two" || len(d.Tags) != 2+labels {
		t.Errorf("Describe = %+v, %v", d, err)
	}
	if got := w.secretText("given"); got != "second" {
		t.Errorf("after the update it holds %q", got)
	}
	if got := w.secretText(out["Made"]); got != text {
		t.Error("a new key made a new password")
	}
	if d, err := w.Secrets.Describe(t.Context(), w.root(), out["Made"]); err != nil || d.KeyID != "key/two" {
		t.Errorf("Describe = %+v, %v", d, err)
	}

	w.remove()
	for _, ref := range []string{out["Given"], out["Made"]} {
		if _, err := w.Secrets.Describe(t.Context(), w.root(), ref); !errors.Is(err, secret.ErrNotFound) {
			t.Errorf("Describe of what was deleted = %v", err)
		}
	}
}

// What properties contradict fails the resource, and says so.
func TestSecretRefused(t *testing.T) {
	for _, tt := range []struct{ properties, reason string }{
		{"{SecretString: x, GenerateSecretString: {}}", "both SecretString and GenerateSecretString"},
		{"{GenerateSecretString: {GenerateStringKey: x}}", "specified together"},
		{"{GenerateSecretString: {GenerateStringKey: x, SecretStringTemplate: '[]'}}", "must be a JSON object"},
		{"{ReplicaRegions: []}", "unsupported property ReplicaRegions"},
	} {
		w := open(t)
		w.deploy("Resources:\n  A:\n    Type: AWS::SecretsManager::Secret\n    Properties: "+tt.properties+"\n", stack.RollbackComplete)
		w.wantReason(tt.reason)
	}
}
