// Package resource makes the resources of stacks: for each type of
// CloudFormation's that a service here has, a stack.Provider that speaks the
// type's properties on one side and calls the service on the other, as the stack's
// caller.
//
// A property that a type does not have here fails the resource by its name. What
// a service can name after a token or finds by its name is found again when a
// crash cut its making off; see stack.Task.
//
// Source: AWS CloudFormation User Guide, "AWS resource and property types
// reference".
package resource

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// Services are what the resources belong to. All are required.
type Services struct {
	Keys       *keyring.Ring
	Buckets    *bucket.Service
	Delivery   *delivery.Service
	Identity   *identity.Admin
	Parameters *parameter.Service
	Secrets    *secret.Service
	Functions  *lambda.Service
	Trails     *trail.Service
	// SayObjects gives an error of Buckets the words that the object store's callers
	// read.
	SayObjects func(error) string
}

// Providers returns the providers by the names of their types.
func Providers(s Services) map[string]stack.Provider {
	all := map[string]stack.Provider{}
	for _, of := range []map[string]*kind{
		keyKinds(s.Keys), bucketKinds(s.Buckets, s.SayObjects), distributionKinds(s.Delivery), deliveryKinds(s.Delivery), policyKinds(s.Delivery),
		principalKinds(s.Identity), permissionKinds(s.Identity), onePolicyKinds(s.Identity), parameterKinds(s.Parameters),
		secretKinds(s.Secrets), edgeFunctionKinds(s.Delivery), keyValueStoreKinds(s.Delivery), lambdaKinds(s.Functions), trailKinds(s.Trails), noteKinds(),
	} {
		for name, k := range of {
			all[name] = k
		}
	}
	return all
}

// kind is the provider of one type.
type kind struct {
	create, update func(ctx context.Context, t *stack.Task) (stack.Made, error)
	delete         func(ctx context.Context, t *stack.Task) error

	replaces, attributes []string
	// label gives what was made tags beside its own; nil where there are none, or
	// create does it.
	label func(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error
	// say gives an error its words for the caller, where those of the service's
	// package are not for callers; nil otherwise.
	say func(error) string
}

var _ stack.Provider = (*kind)(nil)

// said is err as the caller reads it in the stack's events.
func (k *kind) said(err error) error {
	var own refusal
	if err == nil || k.say == nil || errors.As(err, &own) {
		return err
	}
	return refusal(k.say(err))
}

func (k *kind) Create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	if err := checkTags(t.Properties); err != nil {
		return stack.Made{}, err
	}
	made, err := k.create(ctx, t)
	if err == nil {
		err = k.mark(ctx, t, made)
	}
	return made, k.said(err)
}

func (k *kind) Update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	if err := checkTags(t.Properties); err != nil {
		return stack.Made{}, err
	}
	made, err := k.update(ctx, t)
	return made, k.said(err)
}

func (k *kind) Delete(ctx context.Context, t *stack.Task) error { return k.said(k.delete(ctx, t)) }
func (k *kind) Replaces() []string                              { return k.replaces }
func (k *kind) Attributes() []string                            { return k.attributes }

// refusal is why properties make no resource, for who wrote the template.
type refusal string

func (r refusal) Error() string { return string(r) }

// tag is one tag as properties have it.
type tag struct{ Key, Value string }

// tagged is the tags of a resource: its own, and those of its stack that it does
// not have itself.
func tagged(own []tag, t *stack.Task) map[string]string {
	m := make(map[string]string, len(own)+len(t.Tags))
	for _, of := range t.Tags {
		m[of.Key] = of.Value
	}
	for _, of := range own {
		m[of.Key] = of.Value
	}
	return m
}

// convert makes the tags of a service from a map, in the order of their keys.
func convert[T any](m map[string]string, one func(key, value string) T) []T {
	list := make([]T, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, one(key, m[key]))
	}
	return list
}

// difference lists what of before is no longer in after, and what is new.
func difference[T comparable](before, after []T) (gone, added []T) {
	for _, v := range before {
		if !slices.Contains(after, v) {
			gone = append(gone, v)
		}
	}
	for _, v := range after {
		if !slices.Contains(before, v) {
			added = append(added, v)
		}
	}
	return gone, added
}

// dropped lists the keys of before that after does not have, but for labels.
func dropped(before, after map[string]string) []string {
	var keys []string
	for key := range before {
		if _, ok := after[key]; !ok && !strings.HasPrefix(key, "aws:") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// unless returns err, or nil if it is one of those.
func unless(err error, those ...error) error {
	for _, one := range those {
		if errors.Is(err, one) {
			return nil
		}
	}
	return err
}

// named is the name that a resource has, or gets.
func named(name string, t *stack.Task, most int) string { return cmp.Or(name, t.Name(most)) }

// lowered is named for services whose names have no capital letters.
func lowered(name string, t *stack.Task, most int) string {
	return cmp.Or(name, strings.ToLower(t.Name(most)))
}
