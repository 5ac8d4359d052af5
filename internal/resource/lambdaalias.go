package resource

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/stack"
)

type lambdaAliasKind struct{ functions *lambda.Service }

// lambdaAliasProperties are those of AWS::Lambda::Alias. Ref is its ARN.
type lambdaAliasProperties struct{ FunctionName, FunctionVersion, Name, Description string }

func aliasMade(a *lambda.Alias) stack.Made {
	return stack.Made{Physical: a.ARN, Attributes: map[string]any{"AliasArn": a.ARN}}
}

func (k lambdaAliasKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	made, err := k.put(ctx, t, true)
	if t.Again && errors.Is(err, lambda.ErrConflict) {
		// What the first try made names what this one wants.
		var p lambdaAliasProperties
		if err := read(t.Properties, &p); err != nil {
			return stack.Made{}, err
		}
		if a, lookErr := k.functions.Alias(ctx, t.Who, p.FunctionName, p.Name); lookErr == nil && a.Version == p.FunctionVersion && a.Description == p.Description {
			return aliasMade(a), nil
		}
	}
	return made, err
}

func (k lambdaAliasKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	return k.put(ctx, t, false)
}

func (k lambdaAliasKind) put(ctx context.Context, t *stack.Task, fresh bool) (stack.Made, error) {
	var p lambdaAliasProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	a, err := k.functions.PutAlias(ctx, t.Who, lambda.AliasChange{
		Function: p.FunctionName, Name: p.Name, Version: &p.FunctionVersion, Description: &p.Description, New: fresh,
	})
	if err != nil {
		return stack.Made{}, err
	}
	return aliasMade(a), nil
}

func (k lambdaAliasKind) delete(ctx context.Context, t *stack.Task) error {
	at := strings.LastIndexByte(t.Physical, ':')
	return unless(k.functions.DeleteAlias(ctx, t.Who, t.Physical[:at], t.Physical[at+1:]), lambda.ErrNotFound)
}
