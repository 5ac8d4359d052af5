package lambda_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Who may pass roles with a tag does not pass others by tagging the function.
func TestFunctionTagsAreNotTheRoles(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}}]}`
	parsed, err := policy.Parse(policy.UseIdentity, doc)
	if err != nil {
		t.Fatal(err)
	}
	w := open(t)
	w.cfg.Gate = access.NewGate(access.Config{Identities: accesstest.Everyone{parsed}, Record: w.journal})
	w.reopen(t)
	in := request(t, "f", "exports.handler = async () => 1")
	in.Tags = map[string]string{"team": "blue"}
	w.create(t, in)
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	other := edgeRole
	_, updated := w.UpdateSettings(t.Context(), user, lambda.UpdateSettingsRequest{Name: "f", Role: &other})
	in.Name = "g"
	_, made := w.Create(t.Context(), user, in)
	for name, err := range map[string]error{"create": made, "update": updated} {
		if !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "iam:PassRole") {
			t.Errorf("%s: %v, want iam:PassRole denied", name, err)
		}
	}
}
