package secret_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// Who may make secrets but not tag them makes them without tags.
func TestCreateWithTagsWantsTagResource(t *testing.T) {
	doc, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"secretsmanager:TagResource","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	s := secret.New(secret.Config{
		Records: memory.NewRecords(), Keys: accesstest.Keys{}, Clock: clock.Movable(), Log: slog.New(slog.DiscardHandler), Principals: principals{},
		Gate: access.NewGate(access.Config{Identities: accesstest.Everyone{doc}, Record: new(accesstest.Journal)}),
	})
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	in := secret.CreateRequest{Name: "db", Value: text("v"), Tags: []secret.Tag{{Key: "team", Value: "blue"}}}
	if _, err := s.Create(t.Context(), user, in); !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "secretsmanager:TagResource") {
		t.Errorf("Create with tags = %v, want secretsmanager:TagResource denied", err)
	}
	in.Tags = nil
	if _, err := s.Create(t.Context(), user, in); err != nil {
		t.Errorf("Create without tags = %v", err)
	}
}
