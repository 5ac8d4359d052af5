package resource

import (
	"context"
	"errors"
	"reflect"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// keyValueStoreKinds are the stores of pairs that CloudFront's functions read.
func keyValueStoreKinds(d *delivery.Service) map[string]*kind {
	k := keyValueStoreKind{d}
	return map[string]*kind{
		"AWS::CloudFront::KeyValueStore": {
			create: k.create, update: k.update, delete: k.delete,
			replaces: []string{"Name"}, attributes: []string{"Arn", "Id", "Status"},
		},
	}
}

type keyValueStoreKind struct{ delivery *delivery.Service }

// keyValueStoreProperties are those of AWS::CloudFront::KeyValueStore. Ref is its
// name.
type keyValueStoreProperties struct {
	Name, Comment string
	ImportSource  *struct{ SourceType, SourceArn string }
}

func madeStore(k *delivery.KeyValueStore) stack.Made {
	return stack.Made{Physical: k.Name, Attributes: map[string]any{"Arn": k.ARN(), "Id": k.ID, "Status": delivery.Ready}}
}

func (k keyValueStoreKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p keyValueStoreProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	c := delivery.KeyValueStoreConfig{Name: p.Name, Comment: p.Comment}
	if p.ImportSource != nil {
		if p.ImportSource.SourceType != "S3" || p.ImportSource.SourceArn == "" {
			return stack.Made{}, refusal("ImportSource needs the SourceType S3 and a SourceArn")
		}
		c.Import = p.ImportSource.SourceArn
	}
	made, err := k.delivery.CreateKeyValueStore(ctx, t.Who, c)
	if t.Again && errors.Is(err, delivery.ErrKeyValueStoreExists) {
		taken := err
		made, err = k.delivery.DescribeKeyValueStore(ctx, t.Who, p.Name)
		if err == nil && made.CreatedAt.Before(t.Since) {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return madeStore(made), nil
}

func (k keyValueStoreKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p keyValueStoreProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	// Pairs are imported into a new store only; to import others under the same name
	// would lose what was put since.
	if from := t.Properties["ImportSource"]; !t.Undo && from != nil && !reflect.DeepEqual(from, t.Before["ImportSource"]) {
		return stack.Made{}, refusal("ImportSource cannot change: give the store another Name")
	}
	old, err := k.delivery.DescribeKeyValueStore(ctx, t.Who, t.Physical)
	if err != nil {
		return stack.Made{}, err
	}
	made, err := k.delivery.UpdateKeyValueStore(ctx, t.Who, t.Physical, old.ETag, p.Comment)
	if err != nil {
		return stack.Made{}, err
	}
	return madeStore(made), nil
}

func (k keyValueStoreKind) delete(ctx context.Context, t *stack.Task) error {
	old, err := k.delivery.DescribeKeyValueStore(ctx, t.Who, t.Physical)
	if err == nil {
		err = k.delivery.DeleteKeyValueStore(ctx, t.Who, t.Physical, old.ETag)
	}
	return unless(err, delivery.ErrNoKeyValueStore)
}
