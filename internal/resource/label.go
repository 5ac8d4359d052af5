package resource

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// labels are the tags that tell of what is in a stack where it belongs.
//
// Source: AWS CloudFormation User Guide, "Resource tag".
func labels(t *stack.Task) map[string]string {
	return map[string]string{
		"aws:cloudformation:logical-id": t.Logical,
		"aws:cloudformation:stack-id":   t.StackID,
		"aws:cloudformation:stack-name": t.Stack,
	}
}

// mark gives what was made its labels. As on AWS, a caller who may make it but not
// tag it gets it without them.
func (k *kind) mark(ctx context.Context, t *stack.Task, made stack.Made) error {
	if k.label == nil {
		return nil
	}
	return unless(k.label(ctx, t, made, labels(t)), access.ErrDenied)
}

// checkTags refuses tags in a template that are not the template's to give.
func checkTags(properties map[string]any) error {
	reserved := func(key any) bool {
		text, _ := key.(string)
		return strings.HasPrefix(strings.ToLower(text), "aws:")
	}
	wrong := refusal("aws: prefixed tag key names are not allowed for external use.")
	switch tags := properties["Tags"].(type) {
	case []any:
		for _, item := range tags {
			if m, ok := item.(map[string]any); ok && reserved(m["Key"]) {
				return wrong
			}
		}
	case map[string]any:
		for key := range tags {
			if reserved(key) {
				return wrong
			}
		}
	}
	return nil
}

var errNoARN = errors.New("resource: made without an ARN")

// arnOf is the ARN among the attributes of what was made.
func arnOf(made stack.Made) (string, error) {
	if arn, ok := made.Attributes["Arn"].(string); ok {
		return arn, nil
	}
	return "", errNoARN
}
