package resource

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/stack"
)

type membershipKind struct{ admin *identity.Admin }

// membershipProperties are those of AWS::IAM::UserToGroupAddition.
type membershipProperties struct {
	GroupName string
	Users     []string
}

func (k membershipKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p membershipProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	name := t.Name(64)
	made := stack.Made{Physical: name, Attributes: map[string]any{"Id": name}}
	return made, k.move(ctx, t, p.GroupName, nil, p.Users)
}

func (k membershipKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before membershipProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	made := stack.Made{Physical: t.Physical, Attributes: map[string]any{"Id": t.Physical}}
	return made, k.move(ctx, t, p.GroupName, before.Users, p.Users)
}

// move brings the users that a stack puts into a group from before to after.
func (k membershipKind) move(ctx context.Context, t *stack.Task, group string, before, after []string) error {
	gone, added := difference(before, after)
	for _, user := range added {
		if err := k.admin.AddUserToGroup(ctx, t.Who, group, user); err != nil {
			return err
		}
	}
	for _, user := range gone {
		if err := unless(k.admin.RemoveUserFromGroup(ctx, t.Who, group, user), identity.ErrNoSuchEntity); err != nil {
			return err
		}
	}
	return nil
}

func (k membershipKind) delete(ctx context.Context, t *stack.Task) error {
	var p membershipProperties
	recall(t.Properties, &p)
	return k.move(ctx, t, p.GroupName, p.Users, nil)
}
