package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/secret"
)

// partner is the root user of another account.
func partner() access.Caller {
	who := root()
	who.Principal = policy.Principal{Kind: policy.Root, Account: "444455556666", ARN: "arn:aws:iam::444455556666:root", UserID: "444455556666"}
	return who
}

const forPartner = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":["secretsmanager:GetSecretValue","secretsmanager:PutSecretValue"],"Resource":"*"}}`

// Another account reaches a secret by its ARN, as far as the secret's own policy
// goes, and encrypts under the key that the owner means.
func TestAcrossAccounts(t *testing.T) {
	w := open()
	made := map[string]string{} // ARNs by key
	for _, key := range []string{"", "alias/shared", "1234abcd", "arn:aws:kms:us-east-1:111122223333:key/full"} {
		m, err := w.Create(t.Context(), root(), secret.CreateRequest{Name: "for-" + strings.ReplaceAll(strings.ReplaceAll(key, ":", "."), "/", "_"), KeyID: key, Value: text("ours")})
		if err != nil {
			t.Fatal(err)
		}
		made[key] = m.ARN
	}
	for key, ref := range made {
		if _, err := w.Get(t.Context(), partner(), ref, "", ""); !errors.Is(err, access.ErrDenied) {
			t.Errorf("key %q: Get without a policy: %v, want ErrDenied", key, err)
		}
		if _, err := w.SetPolicy(t.Context(), root(), ref, forPartner, false); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{ref, ref[:len(ref)-7]} {
			if key == "" {
				if _, err := w.Get(t.Context(), partner(), name, "", ""); !errors.Is(err, secret.ErrState) {
					t.Errorf("Get(%s) under the owner's service key: %v, want ErrState", name, err)
				}
				continue
			}
			v, err := w.Get(t.Context(), partner(), name, "", "")
			if err != nil || v.ARN != ref || string(v.Value.Bytes.Reveal()) != "ours" {
				t.Errorf("key %q: Get(%s) = %+v, %v", key, name, v, err)
			}
		}
		if _, err := w.Describe(t.Context(), partner(), ref); !errors.Is(err, access.ErrDenied) {
			t.Errorf("key %q: Describe, which the policy does not allow: %v, want ErrDenied", key, err)
		}
		_, name, _ := strings.Cut(ref, ":secret:")
		if _, err := w.Get(t.Context(), partner(), name[:len(name)-7], "", ""); !errors.Is(err, secret.ErrNotFound) {
			t.Errorf("key %q: Get by the name alone: %v, want ErrNotFound", key, err)
		}
	}
	for key, want := range map[string]string{
		"alias/shared": "arn:aws:kms:us-east-1:111122223333:alias/shared",
		"1234abcd":     "arn:aws:kms:us-east-1:111122223333:key/1234abcd",
		"arn:aws:kms:us-east-1:111122223333:key/full": "arn:aws:kms:us-east-1:111122223333:key/full",
	} {
		if _, err := w.Put(t.Context(), partner(), secret.PutRequest{Secret: made[key], Value: text("theirs")}); err != nil {
			t.Fatal(err)
		}
		v, err := w.Get(t.Context(), root(), made[key], "", "")
		if err != nil || string(v.Value.Bytes.Reveal()) != "theirs" || v.KeyARN != want {
			t.Errorf("key %q: the owner reads %+v, %v; want it under %s", key, v, err, want)
		}
	}
	if _, err := w.Put(t.Context(), partner(), secret.PutRequest{Secret: made[""], Value: text("theirs")}); !errors.Is(err, secret.ErrState) {
		t.Errorf("Put under the owner's service key: %v, want ErrState", err)
	}
	records := w.journal.Records()
	if last := records[len(records)-1]; last.Who.Account != "444455556666" || last.Owner != "111122223333" {
		t.Errorf("recorded as %+v, want both accounts", last)
	}
}

func TestLocate(t *testing.T) {
	w := open()
	made := w.create(t, "s", "v")
	suffix := made.ARN[len(made.ARN)-7:]
	w.create(t, "s"+suffix[:4], "another")
	for ref, want := range map[string]error{
		"s":                              nil,
		made.ARN:                         nil,
		made.ARN[:len(made.ARN)-7]:       nil,
		"s" + suffix:                     secret.ErrNotFound, // a name has no suffix
		"arn:aws:secretsmanager:":        secret.ErrNotFound,
		"arn:aws:secretsmanager:a:b:c:d": secret.ErrNotFound,
		made.ARN + "x":                   secret.ErrNotFound,
		strings.Replace(made.ARN, "us-east-1", "eu-west-1", 1): secret.ErrNotFound,
		strings.Replace(made.ARN, ":secret:", ":thing:", 1):    secret.ErrNotFound,
	} {
		d, err := w.Describe(t.Context(), root(), ref)
		if !errors.Is(err, want) || want == nil && (err != nil || d.ARN != made.ARN) {
			t.Errorf("Describe(%s) = %s, %v, want %s, %v", ref, d.ARN, err, made.ARN, want)
		}
	}
	// To destroy what there is not is no error, and tells its ARN without a suffix.
	gone, _, err := w.Delete(t.Context(), root(), "none", 0, true)
	if want := (secret.Made{ARN: "arn:aws:secretsmanager:us-east-1:111122223333:secret:none", Name: "none"}); err != nil || gone.ARN != want.ARN || gone.Name != want.Name {
		t.Errorf("Delete(none) = %+v, %v, want %+v", gone, err, want)
	}
}

func TestTokens(t *testing.T) {
	w := open()
	for _, name := range []string{"a", "b", "c"} {
		w.create(t, name, "v")
	}
	if _, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "a", Value: text("w")}); err != nil {
		t.Fatal(err)
	}
	_, next, err := w.List(t.Context(), root(), nil, false, false, secret.Page{Limit: 1})
	if err != nil || next == "" {
		t.Fatalf("List = %q, %v, want a token", next, err)
	}
	for _, token := range []string{"garbage", "", "%", next} {
		_, _, _, _, err := w.Versions(t.Context(), root(), "a", true, secret.Page{Token: token})
		if want := token != ""; errors.Is(err, secret.ErrToken) != want {
			t.Errorf("Versions(%q): %v, want ErrToken %v", token, err, want)
		}
		_, _, err = w.List(t.Context(), root(), nil, false, false, secret.Page{Token: token})
		if want := token != "" && token != next; errors.Is(err, secret.ErrToken) != want {
			t.Errorf("List(%q): %v, want ErrToken %v", token, err, want)
		}
	}
}

func TestPolicyOfAStranger(t *testing.T) {
	w := open()
	w.create(t, "s", "v")
	for source, want := range map[string]string{
		"{": "This resource policy contains a syntax error.",
		strings.Replace(forPartner, "444455556666", "arn:aws:iam::111122223333:user/stranger", 1): "This resource policy contains an unsupported principal.",
	} {
		_, err := w.SetPolicy(t.Context(), root(), "s", source, false)
		if !errors.Is(err, secret.ErrMalformed) || err.Error() != want {
			t.Errorf("SetPolicy(%s): %v, want %s", source, err, want)
		}
	}
}

// A condition on what a request does not say sees an absent key, not an empty one.
func TestAbsentKeys(t *testing.T) {
	deny := func(key string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Null":{"` + key + `":"true"}}}}`
	}
	w := open()
	for _, key := range []string{"secretsmanager:RotationLambdaARN", "secretsmanager:resource/AllowRotationLambdaArn"} {
		name := w.create(t, strings.ReplaceAll(key, ":", "-"), "v").ARN
		if _, err := w.SetPolicy(t.Context(), root(), name, deny(key), false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: name}); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Rotate without a function, which the policy denies by %s: %v", key, err)
		}
	}
}
