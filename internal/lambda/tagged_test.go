package lambda_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Who may make functions but not tag them makes them without tags.
func TestCreateWithTagsWantsTagResource(t *testing.T) {
	doc, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:TagResource","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	w := open(t)
	w.cfg.Gate = access.NewGate(access.Config{Identities: accesstest.Everyone{doc}, Record: w.journal})
	w.reopen(t)
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	in := request(t, "f", "exports.handler = async () => 1")
	in.Tags = map[string]string{"team": "blue"}
	if _, err := w.Create(t.Context(), user, in); !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "lambda:TagResource") {
		t.Errorf("Create with tags = %v, want lambda:TagResource denied", err)
	}
	in.Tags = nil
	if _, err := w.Create(t.Context(), user, in); err != nil {
		t.Errorf("Create without tags = %v", err)
	}
}
