package resource

import (
	"context"
	"errors"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// deliveryKinds are the objects that distributions refer to.
func deliveryKinds(d *delivery.Service) map[string]*kind {
	return map[string]*kind{
		"AWS::CloudFront::PublicKey": object[publicKeyProperties, *delivery.PublicKey]{
			create: func(ctx context.Context, t *stack.Task, p *publicKeyProperties) (*delivery.PublicKey, error) {
				return d.CreatePublicKey(ctx, t.Who, p.config(t.Token))
			},
			get: d.GetPublicKey,
			update: func(ctx context.Context, t *stack.Task, old *delivery.PublicKey, p *publicKeyProperties) (*delivery.PublicKey, error) {
				return d.UpdatePublicKey(ctx, t.Who, old.ID, old.ETag, p.config(old.Config.CallerReference))
			},
			delete: d.DeletePublicKey, absent: delivery.ErrNoPublicKey,
			meta:     func(k *delivery.PublicKey) *delivery.Meta { return &k.Meta },
			describe: func(k *delivery.PublicKey) map[string]any { return map[string]any{"CreatedTime": stamp(k.CreatedAt)} },
		}.kind([]string{"CreatedTime"}),

		"AWS::CloudFront::KeyGroup": object[keyGroupProperties, *delivery.KeyGroup]{
			create: func(ctx context.Context, t *stack.Task, p *keyGroupProperties) (*delivery.KeyGroup, error) {
				return d.CreateKeyGroup(ctx, t.Who, p.config())
			},
			exists: delivery.ErrKeyGroupExists, list: d.ListKeyGroups,
			same: func(g *delivery.KeyGroup, p *keyGroupProperties) bool { return g.Config.Name == p.KeyGroupConfig.Name },
			get:  d.GetKeyGroup,
			update: func(ctx context.Context, t *stack.Task, old *delivery.KeyGroup, p *keyGroupProperties) (*delivery.KeyGroup, error) {
				return d.UpdateKeyGroup(ctx, t.Who, old.ID, old.ETag, p.config())
			},
			delete: d.DeleteKeyGroup, absent: delivery.ErrNoKeyGroup,
			meta: func(g *delivery.KeyGroup) *delivery.Meta { return &g.Meta },
			describe: func(g *delivery.KeyGroup) map[string]any {
				return map[string]any{"LastModifiedTime": stamp(g.ModifiedAt)}
			},
		}.kind([]string{"LastModifiedTime"}),

		"AWS::CloudFront::OriginAccessControl": object[accessControlProperties, *delivery.AccessControl]{
			create: func(ctx context.Context, t *stack.Task, p *accessControlProperties) (*delivery.AccessControl, error) {
				return d.CreateOriginAccessControl(ctx, t.Who, p.config())
			},
			exists: delivery.ErrAccessControlExists, list: d.ListOriginAccessControls,
			same: func(c *delivery.AccessControl, p *accessControlProperties) bool {
				return c.Config.Name == p.OriginAccessControlConfig.Name
			},
			get: d.GetOriginAccessControl,
			update: func(ctx context.Context, t *stack.Task, old *delivery.AccessControl, p *accessControlProperties) (*delivery.AccessControl, error) {
				return d.UpdateOriginAccessControl(ctx, t.Who, old.ID, old.ETag, p.config())
			},
			delete: d.DeleteOriginAccessControl, absent: delivery.ErrNoAccessControl,
			meta: func(c *delivery.AccessControl) *delivery.Meta { return &c.Meta },
		}.kind(nil),

		"AWS::CloudFront::CloudFrontOriginAccessIdentity": object[accessIdentityProperties, *delivery.AccessIdentity]{
			create: func(ctx context.Context, t *stack.Task, p *accessIdentityProperties) (*delivery.AccessIdentity, error) {
				return d.CreateAccessIdentity(ctx, t.Who, p.config(t.Token))
			},
			get: d.GetAccessIdentity,
			update: func(ctx context.Context, t *stack.Task, old *delivery.AccessIdentity, p *accessIdentityProperties) (*delivery.AccessIdentity, error) {
				return d.UpdateAccessIdentity(ctx, t.Who, old.ID, old.ETag, p.config(old.Config.CallerReference))
			},
			delete: d.DeleteAccessIdentity, absent: delivery.ErrNoAccessIdentity,
			meta: func(i *delivery.AccessIdentity) *delivery.Meta { return &i.Meta },
			describe: func(i *delivery.AccessIdentity) map[string]any {
				return map[string]any{"S3CanonicalUserId": i.CanonicalUserID}
			},
		}.kind([]string{"S3CanonicalUserId"}),
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// object is a sort of thing with an id and a version, whose properties P become
// its configuration.
type object[P, T any] struct {
	create func(ctx context.Context, t *stack.Task, p *P) (T, error)
	// exists is what create says of one that is there; list and same find it
	// again. Without it create returns the one that it made before by itself.
	exists error
	list   func(context.Context, access.Caller, delivery.Page) (*delivery.List[T], error)
	same   func(have T, p *P) bool

	get      func(ctx context.Context, who access.Caller, id string) (T, error)
	update   func(ctx context.Context, t *stack.Task, old T, p *P) (T, error)
	delete   func(ctx context.Context, who access.Caller, id, version string) error
	absent   error
	meta     func(T) *delivery.Meta
	describe func(T) map[string]any
}

func (o object[P, T]) kind(attributes []string) *kind {
	return &kind{create: o.make, update: o.change, delete: o.remove, attributes: append(attributes, "Id")}
}

func (o object[P, T]) made(of T) stack.Made {
	made := stack.Made{Physical: o.meta(of).ID, Attributes: map[string]any{}}
	if o.describe != nil {
		made.Attributes = o.describe(of)
	}
	made.Attributes["Id"] = made.Physical
	return made
}

func (o object[P, T]) make(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p P
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	of, err := o.create(ctx, t, &p)
	if t.Again && o.exists != nil && errors.Is(err, o.exists) {
		taken := err
		of, err = find(ctx, t, o.list, func(have T) bool { return o.same(have, &p) && !o.meta(have).CreatedAt.Before(t.Since) })
		if err != nil {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return o.made(of), nil
}

func (o object[P, T]) change(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p P
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	old, err := o.get(ctx, t.Who, t.Physical)
	if err != nil {
		return stack.Made{}, err
	}
	of, err := o.update(ctx, t, old, &p)
	if err != nil {
		return stack.Made{}, err
	}
	return o.made(of), nil
}

func (o object[P, T]) remove(ctx context.Context, t *stack.Task) error {
	of, err := o.get(ctx, t.Who, t.Physical)
	if err == nil {
		err = o.delete(ctx, t.Who, t.Physical, o.meta(of).ETag)
	}
	return unless(err, o.absent)
}

type publicKeyProperties struct {
	PublicKeyConfig struct{ CallerReference, Comment, EncodedKey, Name string }
}

// config has the making's token for a caller reference: the template's would be
// taken by the resource that it replaces.
func (p *publicKeyProperties) config(reference string) delivery.PublicKeyConfig {
	c := p.PublicKeyConfig
	return delivery.PublicKeyConfig{CallerReference: reference, Comment: c.Comment, EncodedKey: c.EncodedKey, Name: c.Name}
}

type keyGroupProperties struct {
	KeyGroupConfig struct {
		Name, Comment string
		Items         []string
	}
}

func (p *keyGroupProperties) config() delivery.KeyGroupConfig {
	c := p.KeyGroupConfig
	return delivery.KeyGroupConfig{Name: c.Name, Keys: c.Items, Comment: c.Comment}
}

type accessControlProperties struct {
	OriginAccessControlConfig struct {
		Name, Description, SigningProtocol, SigningBehavior, OriginAccessControlOriginType string
	}
}

func (p *accessControlProperties) config() delivery.AccessControlConfig {
	c := p.OriginAccessControlConfig
	return delivery.AccessControlConfig{
		Name: c.Name, Description: c.Description, SigningProtocol: c.SigningProtocol, SigningBehavior: c.SigningBehavior,
		OriginType: delivery.OriginType(c.OriginAccessControlOriginType),
	}
}

type accessIdentityProperties struct {
	CloudFrontOriginAccessIdentityConfig struct{ Comment string }
}

func (p *accessIdentityProperties) config(reference string) delivery.AccessIdentityConfig {
	return delivery.AccessIdentityConfig{CallerReference: reference, Comment: p.CloudFrontOriginAccessIdentityConfig.Comment}
}
