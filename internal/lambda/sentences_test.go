package lambda_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/lambda"
)

// Names are refused in the words of the service, all that is wrong at once.
func TestNames(t *testing.T) {
	w := open(t)
	if _, err := w.Create(t.Context(), root(), request(t, "there", "exports.handler = async () => 1")); err != nil {
		t.Fatal(err)
	}
	const pattern = "' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:"
	region := "arn:aws:lambda:" + root().Region + ":111122223333:function:"
	long := strings.Repeat("a", 129)
	for _, tt := range []struct {
		name, qualifier string
		kind            error
		says            string
	}{
		{"there", "", nil, ""},
		{region + "there", "", nil, ""},
		{"111122223333:function:there:$LATEST", "", nil, ""},
		{"function:there", "", nil, ""},
		{"there!", "", lambda.ErrValidation, "1 validation error detected: Value 'there!" + pattern},
		{"there", "v!", lambda.ErrValidation, `1 validation error detected: Value 'v!' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`},
		{"there", long, lambda.ErrValidation, "1 validation error detected: Value '" + long + "' at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"*", long, lambda.ErrValidation, "2 validation errors detected: Value '" + long + "' at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128; Value '*" + pattern},
		{"arn:aws:lambda::111122223333:function:there", "", lambda.ErrValidation, "1 validation error detected: Value 'arn:aws:lambda::111122223333:function:there" + pattern},
		{region + "there:$LATES", "", lambda.ErrValidation, "1 validation error detected: Value '" + region + "there:$LATES" + pattern},
		{region + "there:1", "2", lambda.ErrInvalid, "The derived qualifier from the function name does not match the specified qualifier."},
		{"there", "$latest", lambda.ErrNotFound, "Function not found: " + region + "there:$latest"},
		{strings.TrimSuffix(region, ":"), "", lambda.ErrNotFound, "Function not found: " + region + "function"},
		{strings.Repeat("a", 65), "", lambda.ErrNotFound, "Function not found: " + region + strings.Repeat("a", 65)},
		{"arn:aws:lambda:eu-north-1:111122223333:function:there", "", lambda.ErrNotFound, "Functions from 'eu-north-1' are not reachable"},
	} {
		_, _, err := w.Get(t.Context(), root(), "GetFunction", tt.name, tt.qualifier)
		if !errors.Is(err, tt.kind) || err != nil && !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("Get(%.80q, %.20q) = %v, want %q", tt.name, tt.qualifier, err, tt.says)
		}
	}
}

// What is deleted, and what has tags, is a function or a version.
func TestWholeFunctions(t *testing.T) {
	w := open(t)
	made, err := w.Create(t.Context(), root(), request(t, "there", "exports.handler = async () => 1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, tags := t.Context(), map[string]string{"a": "b"}
	for _, tt := range []struct {
		name string
		err  error
		kind error
		says string
	}{
		{"a version that is not there", w.Delete(ctx, root(), "there", "7"), nil, ""},
		{"$LATEST", w.Delete(ctx, root(), "there", "$LATEST"), lambda.ErrInvalid, "$LATEST version cannot be deleted without deleting the function."},
		{"an alias", w.Delete(ctx, root(), "there", "live"), lambda.ErrInvalid, "Deletion of aliases is not currently supported."},
		{"tags", w.Tag(ctx, root(), made.ARN, tags), nil, ""},
		{"tags of a version", w.Tag(ctx, root(), made.ARN+":1", tags), lambda.ErrInvalid, "Tags on function aliases and versions are not supported. Please specify a function ARN."},
		{"tags of a name", w.Tag(ctx, root(), "there", tags), lambda.ErrValidation, "1 validation error detected: Value 'there' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws"},
		{"no tags", w.Tag(ctx, root(), made.ARN, nil), lambda.ErrInvalid, "An error occurred and the request cannot be processed."},
		{"a stack's tag", w.Untag(ctx, root(), made.ARN, []string{"k", "aws:cloudformation:stack-name"}), lambda.ErrInvalid, "Tag keys starting with 'aws:' are reserved for system use."},
		{"no keys", w.Untag(ctx, root(), made.ARN, nil), lambda.ErrValidation, "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"},
	} {
		if !errors.Is(tt.err, tt.kind) || tt.err != nil && !strings.HasPrefix(tt.err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, tt.err, tt.says)
		}
	}
}

// Another description alone makes no version; another description of $LATEST does.
func TestPublishDescription(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	if _, err := w.Create(ctx, root(), request(t, "there", "exports.handler = async () => 1")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ publish, update, version, description string }{
		{"first", "", "1", "first"},
		{"second", "", "1", "first"},
		{"", "", "1", "first"},
		{"", "changed", "2", "changed"},
		{"third", "", "2", "changed"},
		{"fourth", "first", "3", "fourth"},
	} {
		if step.update != "" {
			if _, err := w.UpdateSettings(ctx, root(), lambda.UpdateSettingsRequest{Name: "there", Description: &step.update}); err != nil {
				t.Fatal(err)
			}
		}
		in := lambda.PublishRequest{Name: "there"}
		if step.publish != "" {
			in.Description = &step.publish
		}
		if got, err := w.Publish(ctx, root(), in); err != nil || got.Version != step.version || got.Description != step.description {
			t.Errorf("%+v: Publish = %+v, %v", step, got, err)
		}
	}
}

// A policy has the revision of what it belongs to, and a change of either is one
// of both.
func TestPolicyRevision(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	if _, err := w.Create(ctx, root(), request(t, "there", "exports.handler = async () => 1")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Publish(ctx, root(), lambda.PublishRequest{Name: "there"}); err != nil {
		t.Fatal(err)
	}
	one := "1"
	if _, err := w.PutAlias(ctx, root(), lambda.AliasChange{Function: "there", Name: "live", Version: &one, New: true}); err != nil {
		t.Fatal(err)
	}
	revision := func(qualifier string) string {
		t.Helper()
		if qualifier == "live" {
			a, err := w.Alias(ctx, root(), "there", qualifier)
			if err != nil {
				t.Fatal(err)
			}
			return a.RevisionID
		}
		v, _, err := w.Get(ctx, root(), "GetFunction", "there", qualifier)
		if err != nil {
			t.Fatal(err)
		}
		return v.RevisionID
	}
	for _, qualifier := range []string{"", "1", "live"} {
		p := lambda.Permission{Name: "there", Qualifier: qualifier, StatementID: "s", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com", RevisionID: "wrong"}
		if _, err := w.AddPermission(ctx, root(), p); !errors.Is(err, lambda.ErrPrecondition) || !strings.HasSuffix(err.Error(), "Call the GetPolicy API to retrieve the latest Revision Id") {
			t.Errorf("%q: AddPermission with another revision = %v", qualifier, err)
		}
		before := revision(qualifier)
		p.RevisionID = before
		if _, err := w.AddPermission(ctx, root(), p); err != nil {
			t.Errorf("%q: AddPermission = %v", qualifier, err)
		}
		_, of, err := w.Policy(ctx, root(), "there", qualifier)
		if now := revision(qualifier); err != nil || of != now || now == before {
			t.Errorf("%q: the policy is %s, %v, it belongs to %s, before %s", qualifier, of, err, now, before)
		}
		if err := w.RemovePermission(ctx, root(), "there", qualifier, "s", of); err != nil || revision(qualifier) == of {
			t.Errorf("%q: RemovePermission = %v", qualifier, err)
		}
	}
}
