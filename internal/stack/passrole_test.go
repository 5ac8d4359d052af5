package stack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// Who may pass roles with a tag does not pass others by tagging the stack.
func TestStackTagsAreNotTheRoles(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}}]}`
	parsed, err := policy.Parse(policy.UseIdentity, doc)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Records: memory.NewRecords(), things: map[string]string{}, left: -1, policies: policies{parsed}}
	s := open(t, w, clock.Movable())
	in := stack.Request{Name: "s", Template: first, Tags: []stack.Tag{{Key: "team", Value: "blue"}}}
	if _, err := s.Create(t.Context(), root, in); err != nil {
		t.Fatal(err)
	}
	s.Wait(t.Context())
	user := root
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	in.Role = "arn:aws:iam::111122223333:role/other"
	_, updated := s.Update(t.Context(), user, in)
	in.Name = "other"
	_, made := s.Create(t.Context(), user, in)
	for name, err := range map[string]error{"create": made, "update": updated} {
		if !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "iam:PassRole") {
			t.Errorf("%s: %v, want iam:PassRole denied", name, err)
		}
	}
	s.Wait(t.Context())
}
