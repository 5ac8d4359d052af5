package resource

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func keyKinds(keys *keyring.Ring) map[string]*kind {
	k, r, a := keyKind{keys}, replicaKind{keys}, aliasKind{keys}
	label := func(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
		return keys.Tag(ctx, t.Who, made.Physical, keyTags(tags))
	}
	return map[string]*kind{
		"AWS::KMS::Key": {
			create: k.create, update: k.update, delete: k.delete, label: label,
			attributes: []string{"Arn", "KeyId"},
		},
		"AWS::KMS::ReplicaKey": {
			create: r.create, update: r.update, delete: r.delete, label: label,
			attributes: []string{"Arn", "KeyId"},
		},
		"AWS::KMS::Alias": {create: a.create, update: a.update, delete: a.delete, replaces: []string{"AliasName"}},
	}
}

// keyProperties are those of AWS::KMS::Key.
type keyProperties struct {
	Description                    string
	Enabled, EnableKeyRotation     *bool
	KeyPolicy                      document
	KeySpec, KeyUsage, Origin      string
	MultiRegion                    bool
	PendingWindowInDays            int
	RotationPeriodInDays           int
	BypassPolicyLockoutSafetyCheck bool
	Tags                           []tag
}

type keyKind struct{ keys *keyring.Ring }

func (k keyKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p keyProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	// The id is that of the making, so that a second try finds the first one's key.
	id := keyring.KeyID(t.Token)
	if p.MultiRegion {
		id = keyring.KeyID("mrk-" + strings.ReplaceAll(t.Token, "-", ""))
	}
	_, err := k.keys.Create(ctx, t.Who, keyring.CreateInput{
		ID: id, Spec: keyring.KeySpec(p.KeySpec), Origin: keyring.Origin(p.Origin), MultiRegion: p.MultiRegion,
		Usage: keyring.KeyUsage(p.KeyUsage), Description: p.Description, Policy: string(p.KeyPolicy),
		BypassLockout: p.BypassPolicyLockoutSafetyCheck, Tags: keyTags(tagged(p.Tags, t)),
	})
	if err != nil && !(t.Again && errors.Is(err, keyring.ErrExists)) {
		return stack.Made{}, err
	}
	made := stack.Made{Physical: string(id)}
	if err := k.settle(ctx, t, made.Physical, &p, &keyProperties{}); err != nil {
		return made, err
	}
	made.Attributes, err = k.attributes(ctx, t, made.Physical)
	return made, err
}

func keyTags(m map[string]string) []keyring.Tag {
	return convert(m, func(key, value string) keyring.Tag { return keyring.Tag{Key: key, Value: value} })
}

func (k keyKind) attributes(ctx context.Context, t *stack.Task, id string) (map[string]any, error) {
	m, err := k.keys.Describe(ctx, t.Who, keyring.Use{Key: id})
	if err != nil {
		return nil, err
	}
	return keyAttributes(&m), nil
}

func keyAttributes(m *keyring.Metadata) map[string]any {
	return map[string]any{"Arn": m.ARN, "KeyId": string(m.ID)}
}

// settle brings the settings that are not part of a key's making from before to p.
func (k keyKind) settle(ctx context.Context, t *stack.Task, id string, p, before *keyProperties) error {
	rotates, rotated := p.EnableKeyRotation != nil && *p.EnableKeyRotation, before.EnableKeyRotation != nil && *before.EnableKeyRotation
	disabled, wasDisabled := p.Enabled != nil && !*p.Enabled, before.Enabled != nil && !*before.Enabled
	if wasDisabled && !disabled {
		if err := k.keys.Enable(ctx, t.Who, id); err != nil {
			return err
		}
	}
	switch {
	case rotates && (!rotated || p.RotationPeriodInDays != before.RotationPeriodInDays):
		if err := k.keys.EnableRotation(ctx, t.Who, id, p.RotationPeriodInDays); err != nil {
			return err
		}
	case rotated && !rotates:
		if err := k.keys.DisableRotation(ctx, t.Who, id); err != nil {
			return err
		}
	}
	if disabled && !wasDisabled {
		return k.keys.Disable(ctx, t.Who, id)
	}
	return nil
}

// stays refuses what a key cannot become. As on AWS no other key takes its place:
// nobody is to lose one, and all that it encrypted, by a word in a template. It is
// the key that is asked, since an update that failed here is taken back here.
//
// Source: AWS CloudFormation Template Reference, AWS::KMS::Key.
func (p *keyProperties) stays(m *keyring.Metadata) error {
	spec, origin := string(keyring.Symmetric), string(keyring.FromKMS)
	set(&spec, p.KeySpec)
	set(&origin, p.Origin)
	usage := string(m.Usage)
	set(&usage, p.KeyUsage)
	for _, of := range []struct {
		property string
		same     bool
	}{
		{"KeySpec", spec == string(m.Spec)},
		{"KeyUsage", usage == string(m.Usage)},
		{"Origin", origin == string(m.Origin)},
		{"MultiRegion", p.MultiRegion == (m.Multi != nil)},
	} {
		if !of.same {
			return refusal("You cannot change the value of the " + of.property + " property of an existing KMS key.")
		}
	}
	return nil
}

func (k keyKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before keyProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	m, err := k.keys.Describe(ctx, t.Who, keyring.Use{Key: t.Physical})
	if err != nil {
		return stack.Made{}, err
	}
	if err := p.stays(&m); err != nil {
		return stack.Made{}, err
	}
	if err := reshape(ctx, k.keys, t, &p, &before); err != nil {
		return stack.Made{}, err
	}
	if err := k.settle(ctx, t, t.Physical, &p, &before); err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: t.Physical, Attributes: keyAttributes(&m)}, nil
}

// reshape changes the description, policy and tags of a key.
func reshape(ctx context.Context, keys *keyring.Ring, t *stack.Task, p, before *keyProperties) error {
	if p.Description != before.Description {
		if err := keys.SetDescription(ctx, t.Who, t.Physical, p.Description); err != nil {
			return err
		}
	}
	if p.KeyPolicy != before.KeyPolicy {
		text := string(p.KeyPolicy)
		if text == "" {
			text = keyring.DefaultPolicy(t.Who.Account())
		}
		if err := keys.SetPolicy(ctx, t.Who, t.Physical, keyring.PolicyName, text, p.BypassPolicyLockoutSafetyCheck); err != nil {
			return err
		}
	}
	have, err := keys.Tags(ctx, t.Who, t.Physical, keyring.Page{})
	if err != nil {
		return err
	}
	old := map[string]string{}
	for _, of := range have.Items {
		old[of.Key] = of.Value
	}
	want := tagged(p.Tags, t)
	if gone := dropped(old, want); len(gone) > 0 {
		if err := keys.Untag(ctx, t.Who, t.Physical, gone); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	return keys.Tag(ctx, t.Who, t.Physical, keyTags(want))
}

func (k keyKind) delete(ctx context.Context, t *stack.Task) error {
	var p keyProperties
	recall(t.Properties, &p)
	return scheduleDeletion(ctx, k.keys, t, p.PendingWindowInDays)
}

// scheduleDeletion begins the waiting period of a key, unless it runs already or
// the key is gone.
func scheduleDeletion(ctx context.Context, keys *keyring.Ring, t *stack.Task, days int) error {
	m, err := keys.Describe(ctx, t.Who, keyring.Use{Key: t.Physical})
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if m.State == keyring.PendingDeletion || m.State == keyring.PendingReplicaDeletion {
		return nil
	}
	_, err = keys.ScheduleDeletion(ctx, t.Who, t.Physical, days)
	return err
}

type replicaKind struct{ keys *keyring.Ring }

// replicaProperties are those of AWS::KMS::ReplicaKey.
type replicaProperties struct {
	Description         string
	Enabled             *bool
	KeyPolicy           document
	PendingWindowInDays int
	PrimaryKeyArn       string
	Tags                []tag
}

func (p *replicaProperties) key() *keyProperties {
	return &keyProperties{Description: p.Description, Enabled: p.Enabled, KeyPolicy: p.KeyPolicy, Tags: p.Tags}
}

func (k replicaKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p replicaProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	// The primary key is asked in its own region for a replica in this one.
	there := t.Who
	part := strings.Split(p.PrimaryKeyArn, ":")
	if len(part) != 6 {
		return stack.Made{}, errors.New("PrimaryKeyArn is not the ARN of a key")
	}
	there.Region = part[3]
	made := stack.Made{Physical: strings.TrimPrefix(part[5], "key/")}
	_, err := k.keys.Replicate(ctx, there, keyring.ReplicaInput{
		Key: p.PrimaryKeyArn, Region: t.Who.Region, Policy: string(p.KeyPolicy), Description: p.Description,
		Tags: keyTags(tagged(p.Tags, t)),
	})
	if err != nil && !(t.Again && errors.Is(err, keyring.ErrExists)) {
		return stack.Made{}, err
	}
	plain := keyKind(k)
	if err := plain.settle(ctx, t, made.Physical, p.key(), &keyProperties{}); err != nil {
		return made, err
	}
	made.Attributes, err = plain.attributes(ctx, t, made.Physical)
	return made, err
}

func (k replicaKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before replicaProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	// A replica has the id of its primary key, and as on AWS no other primary key's
	// takes its place.
	if !strings.HasSuffix(p.PrimaryKeyArn, ":key/"+t.Physical) {
		return stack.Made{}, refusal("You cannot change the value of the PrimaryKeyArn property of an existing replica key.")
	}
	if err := reshape(ctx, k.keys, t, p.key(), before.key()); err != nil {
		return stack.Made{}, err
	}
	plain := keyKind(k)
	if err := plain.settle(ctx, t, t.Physical, p.key(), before.key()); err != nil {
		return stack.Made{}, err
	}
	attributes, err := plain.attributes(ctx, t, t.Physical)
	return stack.Made{Physical: t.Physical, Attributes: attributes}, err
}

func (k replicaKind) delete(ctx context.Context, t *stack.Task) error {
	var p replicaProperties
	recall(t.Properties, &p)
	return scheduleDeletion(ctx, k.keys, t, p.PendingWindowInDays)
}

type aliasKind struct{ keys *keyring.Ring }

// aliasProperties are those of AWS::KMS::Alias.
type aliasProperties struct{ AliasName, TargetKeyId string }

func (k aliasKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p aliasProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	err := k.keys.CreateAlias(ctx, t.Who, p.AliasName, p.TargetKeyId)
	if t.Again && errors.Is(err, keyring.ErrExists) {
		// The first try made it if it is younger than that and names the same key.
		err = k.own(ctx, t, &p, err)
	}
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: p.AliasName}, nil
}

// own returns nil if the alias is the one that this task made, else err.
func (k aliasKind) own(ctx context.Context, t *stack.Task, p *aliasProperties, err error) error {
	list, listErr := k.keys.Aliases(ctx, t.Who, p.TargetKeyId, keyring.Page{})
	if listErr != nil {
		return listErr
	}
	for _, a := range list.Items {
		if a.Name == p.AliasName && !a.Created.Before(t.Since.Truncate(1e6)) {
			return nil
		}
	}
	return err
}

func (k aliasKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before aliasProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	if p.TargetKeyId != before.TargetKeyId {
		if err := k.keys.MoveAlias(ctx, t.Who, t.Physical, p.TargetKeyId); err != nil {
			return stack.Made{}, err
		}
	}
	return stack.Made{Physical: t.Physical}, nil
}

func (k aliasKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.keys.DeleteAlias(ctx, t.Who, t.Physical), keyring.ErrNotFound)
}
