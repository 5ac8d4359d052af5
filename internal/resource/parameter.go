package resource

import (
	"context"
	"errors"

	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func parameterKinds(parameters *parameter.Service) map[string]*kind {
	k := parameterKind{parameters}
	return map[string]*kind{
		"AWS::SSM::Parameter": {create: k.create, update: k.update, delete: k.delete, replaces: []string{"DataType", "Name", "Type"}, attributes: []string{"Type", "Value"}},
	}
}

type parameterKind struct{ parameters *parameter.Service }

// parameterProperties are those of AWS::SSM::Parameter. Its tags are a map.
type parameterProperties struct {
	Name, Type, Value, Description, AllowedPattern, DataType, Tier string
}

func (k parameterKind) put(ctx context.Context, t *stack.Task, name string, overwrite bool) (stack.Made, error) {
	p := &parameterProperties{}
	if err := read(t.Properties, p); err != nil {
		return stack.Made{}, err
	}
	if p.Type == string(parameter.SecureString) {
		return stack.Made{}, refusal("Value of property Type must be one of String, StringList")
	}
	if name == "" {
		name = named(p.Name, t, 512)
	}
	_, _, err := k.parameters.Put(ctx, t.Who, parameter.PutRequest{
		Name: name, Value: p.Value, Type: parameter.Type(p.Type), Description: p.Description, AllowedPattern: p.AllowedPattern,
		DataType: p.DataType, Tier: parameter.Tier(p.Tier), Overwrite: overwrite, Tags: k.tags(t, overwrite),
	})
	if t.Again && errors.Is(err, parameter.ErrExists) {
		err = k.own(ctx, t, name, p.Value, err)
	}
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: name, Attributes: map[string]any{"Type": p.Type, "Value": p.Value}}, nil
}

// tags are the stack's, for a new parameter.
func (k parameterKind) tags(t *stack.Task, overwrite bool) []parameter.Tag {
	if overwrite {
		return nil
	}
	return convert(tagged(nil, t), func(key, value string) parameter.Tag { return parameter.Tag{Key: key, Value: value} })
}

// own returns nil if the parameter is what the making that was cut off made, else
// err.
func (k parameterKind) own(ctx context.Context, t *stack.Task, name, value string, err error) error {
	v, getErr := k.parameters.Get(ctx, t.Who, name, false)
	if getErr != nil {
		return getErr
	}
	if v.Version == 1 && v.Value == value && !v.Modified.Before(t.Since) {
		return nil
	}
	return err
}

func (k parameterKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	return k.put(ctx, t, "", false)
}

func (k parameterKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	return k.put(ctx, t, t.Physical, true)
}

func (k parameterKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.parameters.Delete(ctx, t.Who, t.Physical), parameter.ErrNotFound)
}
