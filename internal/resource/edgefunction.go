package resource

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// edgeFunctionKinds are the functions that distributions run in JavaScript of
// CloudFront's own dialect.
func edgeFunctionKinds(d *delivery.Service) map[string]*kind {
	k := edgeFunctionKind{d}
	return map[string]*kind{
		"AWS::CloudFront::Function": {
			create: k.create, update: k.update, delete: k.delete,
			replaces: []string{"Name"}, attributes: []string{"FunctionARN", "FunctionMetadata.FunctionARN", "Stage"},
		},
	}
}

type edgeFunctionKind struct{ delivery *delivery.Service }

// edgeFunctionProperties are those of AWS::CloudFront::Function. Ref is its ARN.
type edgeFunctionProperties struct {
	Name, FunctionCode string
	AutoPublish        bool
	FunctionConfig     struct {
		Comment, Runtime          string
		KeyValueStoreAssociations []struct{ KeyValueStoreARN string }
	}
}

func (p *edgeFunctionProperties) config() delivery.FunctionConfig {
	c := delivery.FunctionConfig{Comment: p.FunctionConfig.Comment, Runtime: p.FunctionConfig.Runtime}
	for _, of := range p.FunctionConfig.KeyValueStoreAssociations {
		c.Stores = append(c.Stores, of.KeyValueStoreARN)
	}
	return c
}

// functionName is the name in the ARN of a CloudFront function.
func functionName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func (k edgeFunctionKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p edgeFunctionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	f, err := k.delivery.CreateFunction(ctx, t.Who, p.Name, p.config(), []byte(p.FunctionCode), nil)
	if t.Again && errors.Is(err, delivery.ErrFunctionExists) {
		taken := err
		f, err = k.delivery.GetFunction(ctx, t.Who, p.Name, delivery.Development)
		if err == nil && f.CreatedAt.Before(t.Since) {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return k.publish(ctx, t, &p, f)
}

func (k edgeFunctionKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p edgeFunctionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	name := functionName(t.Physical)
	old, err := k.delivery.GetFunction(ctx, t.Who, name, delivery.Development)
	if err != nil {
		return stack.Made{}, err
	}
	f, err := k.delivery.UpdateFunction(ctx, t.Who, name, old.ETag, p.config(), []byte(p.FunctionCode))
	if err != nil {
		return stack.Made{}, err
	}
	return k.publish(ctx, t, &p, f)
}

// publish brings a function that is to publish itself to its live stage. f is the
// one in development.
func (k edgeFunctionKind) publish(ctx context.Context, t *stack.Task, p *edgeFunctionProperties, f *delivery.FunctionSummary) (stack.Made, error) {
	made := stack.Made{Physical: f.ARN}
	stage := delivery.Development
	if p.AutoPublish {
		stage = delivery.Live
		if _, err := k.delivery.PublishFunction(ctx, t.Who, f.Name, f.ETag); err != nil {
			return made, err
		}
	}
	made.Attributes = map[string]any{"FunctionARN": f.ARN, "FunctionMetadata.FunctionARN": f.ARN, "Stage": string(stage)}
	return made, nil
}

func (k edgeFunctionKind) delete(ctx context.Context, t *stack.Task) error {
	name := functionName(t.Physical)
	f, err := k.delivery.DescribeFunction(ctx, t.Who, name, delivery.Development)
	if err == nil {
		err = k.delivery.DeleteFunction(ctx, t.Who, name, f.ETag)
	}
	return unless(err, delivery.ErrNoFunction)
}
