package resource

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/stack"
)

// noteKinds are types that make nothing: what a tool notes in the templates that
// it writes.
//
// Source: AWS CDK Developer Guide, "Configure AWS CDK usage data reporting".
func noteKinds() map[string]*kind {
	check := func(t *stack.Task, id string) (stack.Made, error) {
		var p struct{ Analytics string }
		return stack.Made{Physical: id}, read(t.Properties, &p)
	}
	return map[string]*kind{
		"AWS::CDK::Metadata": {
			create: func(_ context.Context, t *stack.Task) (stack.Made, error) { return check(t, t.Token) },
			update: func(_ context.Context, t *stack.Task) (stack.Made, error) { return check(t, t.Physical) },
			delete: func(context.Context, *stack.Task) error { return nil },
		},
	}
}
