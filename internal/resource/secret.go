package resource

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func secretKinds(secrets *secret.Service) map[string]*kind {
	k, p, r := secretKind{secrets}, secretPolicyKind{secrets}, rotationKind{secrets}
	return map[string]*kind{
		"AWS::SecretsManager::Secret":           {create: k.create, update: k.update, delete: k.delete, label: k.label, replaces: []string{"Name"}, attributes: []string{"Id"}},
		"AWS::SecretsManager::RotationSchedule": {create: r.put, update: r.put, delete: r.delete, replaces: []string{"SecretId"}, attributes: []string{"Id"}},
		"AWS::SecretsManager::ResourcePolicy":   {create: p.put, update: p.put, delete: p.delete, replaces: []string{"SecretId"}, attributes: []string{"Id"}},
	}
}

type secretKind struct{ secrets *secret.Service }

// secretProperties are those of AWS::SecretsManager::Secret. Ref is its ARN.
type secretProperties struct {
	Name, Description, KmsKeyId string
	SecretString                *string
	GenerateSecretString        *passwordProperties
	Tags                        []tag
}

type passwordProperties struct {
	SecretStringTemplate, GenerateStringKey              string
	PasswordLength                                       int64
	ExcludeCharacters                                    string
	ExcludeLowercase, ExcludeNumbers, ExcludePunctuation bool
	ExcludeUppercase, IncludeSpace                       bool
	RequireEachIncludedType                              *bool
}

// value is what the secret is to hold, nil for nothing. A generated one is another
// each time.
func (k secretKind) value(ctx context.Context, t *stack.Task, p *secretProperties) (*secret.Value, error) {
	g := p.GenerateSecretString
	switch {
	case g != nil && p.SecretString != nil:
		return nil, refusal("You can't specify both SecretString and GenerateSecretString")
	case p.SecretString != nil:
		return &secret.Value{Bytes: sealed.NewSecret([]byte(*p.SecretString)), Text: true}, nil
	case g == nil:
		return nil, nil
	case (g.SecretStringTemplate == "") != (g.GenerateStringKey == ""):
		return nil, refusal("SecretStringTemplate and GenerateStringKey must be specified together")
	}
	password, err := k.secrets.RandomPassword(ctx, t.Who, secret.Password{
		Length: g.PasswordLength, Exclude: g.ExcludeCharacters, NoNumbers: g.ExcludeNumbers, NoPunctuation: g.ExcludePunctuation,
		NoUpper: g.ExcludeUppercase, NoLower: g.ExcludeLowercase, Space: g.IncludeSpace,
		AnyClasses: g.RequireEachIncludedType != nil && !*g.RequireEachIncludedType,
	})
	if err != nil || g.GenerateStringKey == "" {
		return &secret.Value{Bytes: password, Text: true}, err
	}
	defer password.Wipe()
	members := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(g.SecretStringTemplate), &members) != nil || members == nil {
		return nil, refusal("SecretStringTemplate must be a JSON object")
	}
	if members[g.GenerateStringKey], err = json.Marshal(string(password.Reveal())); err != nil {
		return nil, err
	}
	text, err := json.Marshal(members)
	return &secret.Value{Bytes: sealed.NewSecret(text), Text: true}, err
}

func secretTags(m map[string]string) []secret.Tag {
	return convert(m, func(key, value string) secret.Tag { return secret.Tag{Key: key, Value: value} })
}

func secretMade(arn string) stack.Made {
	return stack.Made{Physical: arn, Attributes: map[string]any{"Id": arn}}
}

func (k secretKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p secretProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	value, err := k.value(ctx, t, &p)
	if err != nil {
		return stack.Made{}, err
	}
	name := named(p.Name, t, secret.MaxNameBytes)
	made, err := k.secrets.Create(ctx, t.Who, secret.CreateRequest{
		Name: name, Text: p.Description, KeyID: p.KmsKeyId, Tags: secretTags(tagged(p.Tags, t)), Value: value, Token: t.Token,
	})
	if t.Again && errors.Is(err, secret.ErrExists) {
		if have, describeErr := k.secrets.Describe(ctx, t.Who, name); describeErr == nil && !have.Created.Before(t.Since) {
			made.ARN, err = have.ARN, nil
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return secretMade(made.ARN), nil
}

// update gives a secret another value only if what the value is made from has
// changed: who rotated it keeps that.
func (k secretKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before secretProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	change := secret.UpdateRequest{Secret: t.Physical, Text: &p.Description}
	if p.KmsKeyId != before.KmsKeyId {
		change.KeyID = &p.KmsKeyId
	}
	if !reflect.DeepEqual(p.SecretString, before.SecretString) || !reflect.DeepEqual(p.GenerateSecretString, before.GenerateSecretString) {
		var err error
		if change.Value, err = k.value(ctx, t, &p); err != nil {
			return stack.Made{}, err
		}
	}
	if _, err := k.secrets.Update(ctx, t.Who, change); err != nil {
		return stack.Made{}, err
	}
	have, err := k.secrets.Describe(ctx, t.Who, t.Physical)
	if err != nil {
		return stack.Made{}, err
	}
	old, want := map[string]string{}, tagged(p.Tags, t)
	for _, of := range have.Tags {
		old[of.Key] = of.Value
	}
	if gone := dropped(old, want); len(gone) > 0 {
		if err := k.secrets.Untag(ctx, t.Who, t.Physical, gone); err != nil {
			return stack.Made{}, err
		}
	}
	if len(want) > 0 {
		if err := k.secrets.Tag(ctx, t.Who, t.Physical, secretTags(want)); err != nil {
			return stack.Made{}, err
		}
	}
	return secretMade(t.Physical), nil
}

func (k secretKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	return k.secrets.Tag(ctx, t.Who, made.Physical, secretTags(tags))
}

// delete leaves no window for a recovery, as CloudFormation does it: the name is
// free for the next stack.
func (k secretKind) delete(ctx context.Context, t *stack.Task) error {
	_, _, err := k.secrets.Delete(ctx, t.Who, t.Physical, 0, true)
	return err
}

type secretPolicyKind struct{ secrets *secret.Service }

// secretPolicyProperties are those of AWS::SecretsManager::ResourcePolicy. Ref is
// the secret's ARN.
type secretPolicyProperties struct {
	SecretId          string
	ResourcePolicy    document
	BlockPublicPolicy bool
}

func (k secretPolicyKind) put(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p secretPolicyProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	made, err := k.secrets.SetPolicy(ctx, t.Who, p.SecretId, string(p.ResourcePolicy), p.BlockPublicPolicy)
	if err != nil {
		return stack.Made{}, err
	}
	return secretMade(made.ARN), nil
}

func (k secretPolicyKind) delete(ctx context.Context, t *stack.Task) error {
	_, err := k.secrets.RemovePolicy(ctx, t.Who, t.Physical)
	return unless(err, secret.ErrNotFound)
}
