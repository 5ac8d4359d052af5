package signer

import (
	"context"
	"encoding/pem"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/rotation"
)

// acting is this service, on behalf of a profile.
func (s *Service) acting(p path) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: p.account, Service: Principal},
		Region:    p.region, RequestID: uuid.NewString(), At: s.cfg.Clock.Now(),
		SourceARN: p.arn(), SourceAccount: p.account,
	}
}

// keyPolicy lets this service use a key for one profile. The account sees the
// key and may switch it off, but not sign by it past the profile.
func keyPolicy(p path) string {
	return `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"Sign for the profile","Effect":"Allow","Principal":{"Service":"` + Principal + `"},` +
		`"Action":["kms:Sign","kms:GetPublicKey","kms:ScheduleKeyDeletion"],"Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:SourceArn":"` + p.arn() + `"}}},` +
		`{"Sid":"Let the account look and switch off","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(p.account) + `:root"},` +
		`"Action":["kms:Describe*","kms:Get*","kms:List*","kms:EnableKey","kms:DisableKey"],"Resource":"*"}]}`
}

// plane is one profile's key service, edge and store, as its rotation sees them.
type plane struct {
	*Service
	at path
}

var (
	_ rotation.Service = plane{}
	_ rotation.Edge    = plane{}
	_ rotation.Store   = plane{}
)

// machine brings the profile's rotation on.
func (s *Service) machine(p *Profile) *rotation.Machine {
	one := plane{s, p.at}
	return &rotation.Machine{
		Store: one, Service: one, Edge: one, Rules: p.Config.rules(),
		Now: s.cfg.Clock.Now, NewName: uuid.NewString,
	}
}

// Load implements rotation.Store.
func (p plane) Load(context.Context) (rotation.State, error) {
	found, err := p.find(p.at)
	if err != nil {
		return rotation.State{}, err
	}
	return found.Rotation.Clone(), nil
}

// Change implements rotation.Store.
func (p plane) Change(ctx context.Context, fn func(*rotation.State) error) error {
	return p.edit(ctx, p.at, func(rec *record) error { return fn(&rec.Rotation) })
}

// Make implements rotation.Service. The key's name is its id in the key service.
func (p plane) Make(ctx context.Context, name string) (ref, public string, err error) {
	found, err := p.find(p.at)
	if err != nil {
		return "", "", err
	}
	ref, err = p.cfg.Keys.CreateServiceKey(ctx, p.acting(p.at), keyring.ServiceKey{
		ID: keyring.KeyID(name), Spec: keyring.KeySpec(found.Config.Algorithm),
		Description: "Signs for " + p.at.arn(), Policy: keyPolicy(p.at),
	})
	if err != nil {
		return "", "", err
	}
	half, err := p.cfg.Keys.PublicKey(ctx, p.acting(p.at), keyring.Use{Key: ref})
	if err != nil {
		return "", "", err
	}
	return ref, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: half.DER})), nil
}

// destroyDays is the shortest waiting period of the key service.
const destroyDays = keyring.MinDeletionDays

// Destroy implements rotation.Service.
func (p plane) Destroy(ctx context.Context, ref string) error {
	_, err := p.cfg.Keys.ScheduleDeletion(ctx, p.acting(p.at), ref, destroyDays)
	if errors.Is(err, keyring.ErrInvalidState) || errors.Is(err, keyring.ErrNotFound) {
		return nil // it is on its way
	}
	return err
}

// Publish implements rotation.Edge. The same configuration again returns the
// public key that is there.
func (p plane) Publish(ctx context.Context, name, public string) (id string, err error) {
	key, err := p.cfg.Groups.CreatePublicKey(ctx, p.acting(p.at), delivery.PublicKeyConfig{
		CallerReference: name, Name: "signer-" + name, EncodedKey: public, Comment: p.at.arn(),
	})
	if err != nil {
		return "", err
	}
	return key.ID, nil
}

// Admit implements rotation.Edge.
func (p plane) Admit(ctx context.Context, id string) error {
	found, err := p.find(p.at)
	if err != nil {
		return err
	}
	if found.Group == "" {
		return p.makeGroup(ctx, id)
	}
	return p.editGroup(ctx, found.Group, func(g *delivery.KeyGroup) (keys []string, err error) {
		if slices.Contains(g.Config.Keys, id) {
			return nil, nil
		}
		return append(slices.Clone(g.Config.Keys), id), nil
	})
}

// makeGroup makes the profile's own key group, or finds the one that it made
// and could not note.
func (p plane) makeGroup(ctx context.Context, id string) error {
	name := "signer-" + p.at.region + "-" + p.at.name
	group, err := p.cfg.Groups.CreateKeyGroup(ctx, p.acting(p.at), delivery.KeyGroupConfig{Name: name, Keys: []string{id}, Comment: p.at.arn()})
	if errors.Is(err, delivery.ErrKeyGroupExists) {
		var ok bool
		if group, ok = p.cfg.Groups.KeyGroupNamed(p.at.account, name); !ok || group.Config.Comment != p.at.arn() || !slices.Contains(group.Config.Keys, id) {
			return refuse(ErrInvalid, "There is a key group %s that this profile did not make.", name)
		}
	} else if err != nil {
		return err
	}
	return p.edit(ctx, p.at, func(rec *record) error {
		rec.Group, rec.OwnGroup = group.ID, true
		return nil
	})
}

// editGroup replaces the keys of a group by what fn wants, nil for no change.
func (p plane) editGroup(ctx context.Context, id string, fn func(*delivery.KeyGroup) (keys []string, err error)) error {
	for {
		group, err := p.cfg.Groups.GetKeyGroup(ctx, p.acting(p.at), id)
		if err != nil {
			return err
		}
		keys, err := fn(group)
		if err != nil || keys == nil {
			return err
		}
		c := group.Config
		c.Keys = keys
		_, err = p.cfg.Groups.UpdateKeyGroup(ctx, p.acting(p.at), id, group.ETag, c)
		// Whoever was faster left a newer version to work on.
		if !errors.Is(err, delivery.ErrStale) {
			return err
		}
	}
}

// Serving implements rotation.Edge.
func (p plane) Serving(_ context.Context, id string) (bool, error) {
	found, err := p.find(p.at)
	if err != nil {
		return false, err
	}
	return p.cfg.Groups.Serves(p.at.account, found.Group, id), nil
}

// Seen implements rotation.Edge.
func (p plane) Seen(_ context.Context, id string) (first, last time.Time, err error) {
	first, last = p.cfg.Seen(id)
	return first, last, nil
}

// Expel implements rotation.Edge. A key group of the profile's own goes with its
// last key, if no distribution trusts it any more.
func (p plane) Expel(ctx context.Context, id string) error {
	found, err := p.find(p.at)
	if err != nil {
		return err
	}
	own, last := false, ""
	err = p.editGroup(ctx, found.Group, func(g *delivery.KeyGroup) (keys []string, err error) {
		if !slices.Contains(g.Config.Keys, id) {
			return nil, nil
		}
		if len(g.Config.Keys) > 1 {
			return slices.DeleteFunc(slices.Clone(g.Config.Keys), func(k string) bool { return k == id }), nil
		}
		own, last = g.Config.Comment == p.at.arn(), g.ETag
		return nil, nil
	})
	switch {
	case errors.Is(err, delivery.ErrNoKeyGroup):
		return nil
	case err != nil || last == "":
		return err
	case !own:
		return refuse(ErrLastKey, "The key group %s would have no key: put another one in, or delete it.", found.Group)
	}
	err = p.cfg.Groups.DeleteKeyGroup(ctx, p.acting(p.at), found.Group, last)
	if errors.Is(err, delivery.ErrKeyGroupInUse) {
		return refuse(ErrLastKey, "A distribution still trusts the key group %s, which would have no key.", found.Group)
	}
	return err
}

// Forget implements rotation.Edge.
func (p plane) Forget(ctx context.Context, id string) error {
	key, err := p.cfg.Groups.GetPublicKey(ctx, p.acting(p.at), id)
	if err == nil {
		err = p.cfg.Groups.DeletePublicKey(ctx, p.acting(p.at), id, key.ETag)
	}
	if errors.Is(err, delivery.ErrNoPublicKey) {
		return nil
	}
	return err
}
