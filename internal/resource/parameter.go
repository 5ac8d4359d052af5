package resource

import (
	"cmp"
	"context"
	"errors"
	"maps"

	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func parameterKinds(parameters *parameter.Service) map[string]*kind {
	k := parameterKind{parameters}
	return map[string]*kind{
		"AWS::SSM::Parameter": {create: k.create, update: k.update, delete: k.delete, label: k.label, replaces: []string{"DataType", "Name", "Type"}, attributes: []string{"Type", "Value"}},
	}
}

type parameterKind struct{ parameters *parameter.Service }

// parameterProperties are those of AWS::SSM::Parameter. Its tags are a map.
type parameterProperties struct {
	Name, Type, Value, Description, AllowedPattern, DataType, Tier string

	Tags map[string]string
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
		name = cmp.Or(p.Name, t.NameAfter("CFN", 512))
	}
	_, _, err := k.parameters.Put(ctx, t.Who, parameter.PutRequest{
		Name: name, Value: p.Value, Type: parameter.Type(p.Type), Description: p.Description, AllowedPattern: p.AllowedPattern,
		DataType: p.DataType, Tier: parameter.Tier(p.Tier), Overwrite: overwrite, Tags: k.tags(p, t, overwrite),
	})
	if t.Again && errors.Is(err, parameter.ErrExists) {
		err = k.own(ctx, t, name, p.Value, err)
	}
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: name, Attributes: map[string]any{"Type": p.Type, "Value": p.Value}}, nil
}

// tags are what a new parameter gets.
func (k parameterKind) tags(p *parameterProperties, t *stack.Task, overwrite bool) []parameter.Tag {
	if overwrite {
		return nil // an existing one has its own; see update
	}
	return parameterTags(p.tagged(t))
}

func parameterTags(m map[string]string) []parameter.Tag {
	return convert(m, func(key, value string) parameter.Tag { return parameter.Tag{Key: key, Value: value} })
}

// tagged is the parameter's own tags over those of its stack.
func (p *parameterProperties) tagged(t *stack.Task) map[string]string {
	m := tagged(nil, t)
	maps.Copy(m, p.Tags)
	return m
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
	made, err := k.put(ctx, t, t.Physical, true)
	if err != nil {
		return made, err
	}
	var p parameterProperties
	if err := read(t.Properties, &p); err != nil {
		return made, err
	}
	have, err := k.parameters.Tags(ctx, t.Who, t.Physical)
	if err != nil {
		return made, err
	}
	old, want := map[string]string{}, p.tagged(t)
	for _, of := range have {
		old[of.Key] = of.Value
	}
	if gone := dropped(old, want); len(gone) > 0 {
		if err := k.parameters.Untag(ctx, t.Who, t.Physical, gone); err != nil {
			return made, err
		}
	}
	if len(want) > 0 {
		err = k.parameters.Tag(ctx, t.Who, t.Physical, parameterTags(want))
	}
	return made, err
}

func (k parameterKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	return k.parameters.Tag(ctx, t.Who, made.Physical, parameterTags(tags))
}

func (k parameterKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.parameters.Delete(ctx, t.Who, t.Physical), parameter.ErrNotFound)
}
