package trail_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/trail"
)

func TestPoliciesAboutTags(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"cloudtrail:*","Resource":"*"},
		{"Effect":"Deny","Action":["cloudtrail:StopLogging","cloudtrail:DeleteTrail","cloudtrail:RemoveTags"],"Resource":"*",
			"Condition":{"StringEquals":{"aws:ResourceTag/kept":"yes"}}},
		{"Effect":"Deny","Action":"cloudtrail:CreateTrail","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestTag/team":"blue"}}},
		{"Effect":"Deny","Action":["cloudtrail:AddTags","cloudtrail:RemoveTags"],"Resource":"*",
			"Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"locked"}}}]}`
	w := newWorld(t)
	ctx := t.Context()
	parsed, err := policy.Parse(policy.UseIdentity, doc)
	if err != nil {
		t.Fatal(err)
	}
	w.policies = policies{parsed}
	user := w.root()
	user.Principal = policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	create := func(name string, tags ...trail.Tag) error {
		_, err := w.trails.CreateTrail(ctx, user, name, trail.Settings{Bucket: "logs"}, tags)
		return err
	}
	blue, kept := trail.Tag{Key: "team", Value: "blue"}, trail.Tag{Key: "kept", Value: "yes"}
	for _, step := range []struct {
		name   string
		err    error
		denied bool
	}{
		{"make without the tag", create("audit"), true},
		{"make with it", create("audit", blue), false},
		{"make a kept one", create("kept", blue, kept), false},
		{"make one with a tag that may not be added", create("locked", blue, trail.Tag{Key: "locked", Value: "b"}), true},
		{"stop", w.trails.StopLogging(ctx, user, "audit"), false},
		{"stop a kept one", w.trails.StopLogging(ctx, user, "kept"), true},
		{"remove its tag", w.trails.RemoveTags(ctx, user, "kept", []string{"kept"}), true},
		{"delete it", w.trails.DeleteTrail(ctx, user, "kept"), true},
		{"add a tag", w.trails.AddTags(ctx, user, "audit", []trail.Tag{{Key: "a", Value: "b"}}), false},
		{"add another", w.trails.AddTags(ctx, user, "audit", []trail.Tag{{Key: "locked", Value: "b"}}), true},
		{"remove a tag", w.trails.RemoveTags(ctx, user, "audit", []string{"a"}), false},
		{"remove another", w.trails.RemoveTags(ctx, user, "audit", []string{"a", "locked"}), true},
	} {
		if denied := errors.Is(step.err, access.ErrDenied); denied != step.denied || !denied && step.err != nil {
			t.Errorf("%s: %v, want denied %v", step.name, step.err, step.denied)
		}
	}
}

func TestTagsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{})
	who := w.root()
	for name, tags := range map[string][]trail.Tag{
		"twice":        {{Key: "a", Value: "1"}, {Key: "a", Value: "2"}},
		"reserved":     {{Key: "aws:a", Value: "1"}},
		"a stack's":    {{Key: "aws:cloudformation:stack-name", Value: "s"}},
		"without name": {{Key: "", Value: "1"}},
	} {
		if err := w.trails.AddTags(t.Context(), who, "audit", tags); !errors.Is(err, trail.ErrTag) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.trails.CreateTrail(t.Context(), who, "other", trail.Settings{Bucket: "logs"}, tags); !errors.Is(err, trail.ErrTag) {
			t.Errorf("%s, at its making: %v", name, err)
		}
	}
	var many []trail.Tag
	for i := range trail.MaxTags + 1 {
		many = append(many, trail.Tag{Key: strconv.Itoa(i)})
	}
	if err := w.trails.AddTags(t.Context(), who, "audit", many); !errors.Is(err, trail.ErrTooManyTags) {
		t.Errorf("%d tags: %v, want %v", len(many), err, trail.ErrTooManyTags)
	}
	stack := []trail.Tag{{Key: "aws:cloudformation:stack-name", Value: "s"}}
	if err := w.trails.AddTags(t.Context(), who.Through("cloudformation"), "audit", stack); err != nil {
		t.Error(err)
	}
	if err := w.trails.RemoveTags(t.Context(), who, "audit", []string{stack[0].Key}); !errors.Is(err, trail.ErrTag) {
		t.Errorf("remove a stack's: %v", err)
	}
	if got, err := w.trails.Tags(t.Context(), who, "audit"); err != nil || !slices.Equal(got, stack) {
		t.Errorf("tags %v, %v", got, err)
	}
}
