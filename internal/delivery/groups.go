package delivery

import (
	"context"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/signedurl"
)

// KeyGroupConfig is a key group as its owner writes it.
type KeyGroupConfig struct {
	Name string
	// Keys are public key ids.
	Keys    []string
	Comment string
}

// KeyGroup is a set of public keys that behaviours trust together.
type KeyGroup struct {
	Meta
	Config KeyGroupConfig
}

func (c *KeyGroupConfig) check(q *Quotas) error {
	switch {
	case c.Name == "" || len(c.Name) > 128 || hasControl(c.Name):
		return refuse(ErrInvalid, "The parameter Name is required and has at most 128 characters.")
	case len(c.Comment) > maxCommentBytes:
		return refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	case len(c.Keys) == 0:
		return refuse(ErrInvalid, "The parameter Items needs at least one public key.")
	case len(c.Keys) > q.PublicKeysPerGroup:
		return refuse(ErrTooManyPublicKeysInGroup, "A key group has at most %d public keys.", q.PublicKeysPerGroup)
	case duplicate(c.Keys) != "":
		return refuse(ErrInvalid, "The parameter Items contains %s twice.", duplicate(c.Keys))
	}
	return nil
}

// names returns the places of the group's keys.
func (c *KeyGroupConfig) names(account arn.AccountID) []name {
	var all []name
	for _, id := range c.Keys {
		all = append(all, name{kindKey, account, id})
	}
	return all
}

// CreateKeyGroup keeps a key group. Names are unique: ErrKeyGroupExists. An
// unknown key is ErrInvalid.
func (s *Service) CreateKeyGroup(ctx context.Context, who access.Caller, c KeyGroupConfig) (_ *KeyGroup, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateKeyGroup")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	n := name{kindGroup, who.Account(), newUUID()}
	if err := call.Decide(s.target(name{kindGroup, n.account, "*"})); err != nil {
		return nil, err
	}
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *KeyGroup
	err = s.change(ctx, call, func(t *txn) error {
		made = &KeyGroup{Meta: Meta{ETag: newID("E")}, Config: c}
		if err := t.count(n.account, kindGroup, 1, s.cfg.Quotas.KeyGroups, ErrTooManyKeyGroups); err != nil {
			return err
		}
		return t.putGroup(n, nil, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// putGroup stores a group in place of old, nil for a new one, with its indexes.
func (t *txn) putGroup(n name, old, g *KeyGroup) error {
	var before []name
	if old != nil {
		before = old.Config.names(n.account)
		if old.Config.Name != g.Config.Name {
			t.release(nameKey(n.account, kindGroup, old.Config.Name))
		}
	}
	if err := t.claim(nameKey(n.account, kindGroup, g.Config.Name), n.id, ErrKeyGroupExists); err != nil {
		return err
	}
	after := g.Config.names(n.account)
	for _, key := range after {
		if _, err := lookup[*PublicKey](t, key, refuse(ErrInvalid, "The parameter Items contains the unknown public key %.64q.", key.id)); err != nil {
			return err
		}
	}
	if err := t.link(n.id, before, after, unlimited, nil); err != nil {
		return err
	}
	return t.put(n, g)
}

// GetKeyGroup returns a key group, or ErrNoKeyGroup.
func (s *Service) GetKeyGroup(ctx context.Context, who access.Caller, id string) (*KeyGroup, error) {
	return get[*KeyGroup](ctx, s, who, "cloudfront:GetKeyGroup", kindGroup, id, ErrNoKeyGroup)
}

// GetKeyGroupConfig is GetKeyGroup under its own permission.
func (s *Service) GetKeyGroupConfig(ctx context.Context, who access.Caller, id string) (*KeyGroup, error) {
	return get[*KeyGroup](ctx, s, who, "cloudfront:GetKeyGroupConfig", kindGroup, id, ErrNoKeyGroup)
}

// ListKeyGroups returns the caller's key groups.
func (s *Service) ListKeyGroups(ctx context.Context, who access.Caller, p Page) (*List[*KeyGroup], error) {
	return list[*KeyGroup](ctx, s, who, "cloudfront:ListKeyGroups", kindGroup, p)
}

// UpdateKeyGroup replaces the configuration. A key that it drops is no longer
// accepted at the edge when UpdateKeyGroup returns.
func (s *Service) UpdateKeyGroup(ctx context.Context, who access.Caller, id, version string, c KeyGroupConfig) (_ *KeyGroup, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateKeyGroup")
	defer call.End(ctx, &err)
	n := name{kindGroup, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *KeyGroup
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*KeyGroup](t, n, ErrNoKeyGroup)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		made = &KeyGroup{Meta: old.Meta, Config: c}
		made.ETag = newID("E")
		return t.putGroup(n, old, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteKeyGroup removes a key group that no behaviour trusts, or returns
// ErrKeyGroupInUse.
func (s *Service) DeleteKeyGroup(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteKeyGroup")
	defer call.End(ctx, &err)
	n := name{kindGroup, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*KeyGroup](t, n, ErrNoKeyGroup)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrKeyGroupInUse, old); err != nil {
			return err
		}
		if err := t.link(n.id, old.Config.names(n.account), nil, unlimited, nil); err != nil {
			return err
		}
		t.release(nameKey(n.account, kindGroup, old.Config.Name))
		t.delete(n)
		return t.count(n.account, kindGroup, -1, 0, nil)
	})
}

// ListDistributionsByKeyGroup returns the ids of the distributions that trust
// the key group.
func (s *Service) ListDistributionsByKeyGroup(ctx context.Context, who access.Caller, id string, p Page) (*List[string], error) {
	n := name{kindGroup, who.Account(), id}
	return s.listUsers(ctx, who, "cloudfront:ListDistributionsByKeyGroup", n, func() error {
		_, err := find[*KeyGroup](s, n, ErrNoKeyGroup)
		return err
	}, p)
}

// Serves reports whether every distribution of the account that trusts the key
// group already lets in signatures of the key, by its snapshot. It is no access
// path: who asks is the one that keeps the group.
func (s *Service) Serves(account arn.AccountID, group, key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g, ok := s.shelves[kindGroup][account][group].(*KeyGroup)
	if !ok || !slices.Contains(g.Config.Keys, key) {
		return false
	}
	snapshot, n := s.Snapshot(), name{kindGroup, account, group}
	for id, o := range s.shelves[kindDistribution][account] {
		if !slices.Contains(o.(*DistributionInfo).references(), n) {
			continue
		}
		d := snapshot.ByID(DistributionID(id))
		if d == nil || !slices.ContainsFunc(d.Behaviors, func(b *Behavior) bool { return b.Keys.PublicKey(signedurl.KeyID(key)) != nil }) {
			return false
		}
	}
	return true
}

// KeyGroupNamed returns the account's key group of that name. Like Serves, it is
// no access path.
func (s *Service) KeyGroupNamed(account arn.AccountID, name string) (*KeyGroup, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, o := range s.shelves[kindGroup][account] {
		if g := o.(*KeyGroup); g.Config.Name == name {
			return g, true
		}
	}
	return nil, false
}
