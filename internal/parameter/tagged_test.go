package parameter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// Who may make parameters but not tag them makes them without tags.
func TestPutWithTagsWantsAddTagsToResource(t *testing.T) {
	doc, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ssm:AddTagsToResource","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	s := parameter.New(parameter.Config{
		Records: memory.NewRecords(), Keys: accesstest.Keys{}, Clock: clock.Movable(),
		Gate: access.NewGate(access.Config{Identities: accesstest.Everyone{doc}, Record: new(accesstest.Journal)}),
	})
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	in := parameter.PutRequest{Name: "/p", Type: parameter.String, Value: "v", Tags: []parameter.Tag{{Key: "team", Value: "blue"}}}
	if _, _, err := s.Put(t.Context(), user, in); !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "ssm:AddTagsToResource") {
		t.Errorf("Put with tags = %v, want ssm:AddTagsToResource denied", err)
	}
	in.Tags = nil
	if _, _, err := s.Put(t.Context(), user, in); err != nil {
		t.Errorf("Put without tags = %v", err)
	}
}
