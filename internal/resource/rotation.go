package resource

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/stack"
)

type rotationKind struct{ secrets *secret.Service }

// rotationProperties are those of AWS::SecretsManager::RotationSchedule. Ref is the
// secret's ARN.
type rotationProperties struct {
	SecretId, RotationLambdaARN string
	RotationRules               struct {
		AutomaticallyAfterDays       int64
		Duration, ScheduleExpression string
	}
	RotateImmediatelyOnUpdate *bool
}

// put turns rotation on and rotates, unless the template leaves that to the
// schedule. Its token is that of the making, so that a second try goes on with the
// version that the first one began.
func (k rotationKind) put(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p rotationProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	in := secret.RotateRequest{
		Secret: p.SecretId, Function: p.RotationLambdaARN, Days: p.RotationRules.AutomaticallyAfterDays,
		Schedule: p.RotationRules.ScheduleExpression, Window: p.RotationRules.Duration,
		Later: p.RotateImmediatelyOnUpdate != nil && !*p.RotateImmediatelyOnUpdate,
	}
	if t.Before == nil {
		in.Token = t.Token
	}
	made, err := k.secrets.Rotate(ctx, t.Who, in)
	// Where the first rotation fails, the schedule is there nevertheless.
	return secretMade(made.ARN), err
}

func (k rotationKind) delete(ctx context.Context, t *stack.Task) error {
	_, err := k.secrets.CancelRotation(ctx, t.Who, t.Physical)
	return unless(err, secret.ErrNotFound)
}
