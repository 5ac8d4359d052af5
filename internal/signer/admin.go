package signer

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// note puts what a profile says into the record.
func (c *ProfileConfig) note(call *access.Call) {
	call.Note("keyGroup", c.KeyGroup)
	call.Note("algorithm", string(c.Algorithm))
	call.Note("resources", strings.Join(c.Resources, " "))
	call.Note("longestValidity", c.LongestValidity.String())
	call.Note("period", c.Period.String())
}

// decideGroup asks whether the caller may hand a key group to a profile: who
// could not put a key there must not have one put there.
func decideGroup(call *access.Call, account arn.AccountID, group string) error {
	action := policy.Action("cloudfront:UpdateKeyGroup")
	if group == "" {
		action, group = "cloudfront:CreateKeyGroup", "*"
	}
	name := arn.ARN{Partition: "aws", Service: "cloudfront", Account: account, Resource: "key-group/" + group}.String()
	return call.Decide(access.Target{ARN: name, Owner: account, Rule: policy.IdentityOnly, Action: action})
}

// Create makes a profile and its first key. Where the edge does not serve with
// the key yet, the profile comes without one that signs, and its Status says
// what it waits for.
//
// The caller needs keyfront:CreateSigner, kms:CreateKey, and
// cloudfront:UpdateKeyGroup about the key group, or cloudfront:CreateKeyGroup
// without one. Errors: ErrInvalid, ErrExists, ErrLimit.
func (s *Service) Create(ctx context.Context, who access.Caller, name string, c ProfileConfig) (_ *Status, err error) {
	if err := s.create(ctx, who, name, c); err != nil {
		return nil, err
	}
	p := pathOf(&who, name)
	s.work(ctx, p)
	return s.status(p)
}

func (s *Service) create(ctx context.Context, who access.Caller, name string, c ProfileConfig) (err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:CreateSigner")
	defer call.End(ctx, &err)
	p := pathOf(&who, name)
	c.note(call)
	if err := call.Decide(p.target()); err != nil {
		return err
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly, Action: "kms:CreateKey"}); err != nil {
		return err
	}
	if err := decideGroup(call, p.account, c.KeyGroup); err != nil {
		return err
	}
	if !nameForm.MatchString(name) {
		return refuse(ErrInvalid, "A profile's name has 1 to 64 letters, digits, hyphens and underscores, and begins with a letter or digit.")
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.KeyGroup != "" {
		if _, err := s.cfg.Groups.GetKeyGroup(ctx, s.acting(p), c.KeyGroup); errors.Is(err, delivery.ErrNoKeyGroup) {
			return refuse(ErrInvalid, "There is no key group %.64q.", c.KeyGroup)
		} else if err != nil {
			return err
		}
	}
	rehearse := func(tx store.Reader) error {
		switch _, err := tx.Get(space, p.String()); {
		case err == nil:
			return refuse(ErrExists, "There is a signing profile %s already.", name)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		n := 0
		for _, err := range tx.Scan(space, store.Prefix(string(p.account)+"/")) {
			if err != nil {
				return err
			}
			if n++; n >= MaxProfiles {
				return refuse(ErrLimit, "An account has at most %d signing profiles.", MaxProfiles)
			}
		}
		return nil
	}
	if err := s.cfg.Records.View(ctx, rehearse); err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.change(ctx, p, func(tx store.Writer, _ *record) (*record, error) {
			return &record{Created: s.cfg.Clock.Now(), Config: c, Group: c.KeyGroup}, rehearse(tx)
		})
	})
}

// Get returns a profile with its keys. The caller needs keyfront:GetSigner.
func (s *Service) Get(ctx context.Context, who access.Caller, name string) (_ *Status, err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:GetSigner")
	defer call.End(ctx, &err)
	p := pathOf(&who, name)
	if err := call.Decide(p.target()); err != nil {
		return nil, err
	}
	return s.status(p)
}

// List returns the caller's profiles in its region, by name. The caller needs
// keyfront:ListSigners.
func (s *Service) List(ctx context.Context, who access.Caller) (_ []*Profile, err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:ListSigners")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	return s.all(func(p path) bool { return p.account == who.Account() && p.region == who.Region }), nil
}

// Update replaces what a profile allows. Its key group stays and may be left out; another
// algorithm counts from the next rotation on. The caller needs
// keyfront:UpdateSigner. Errors: ErrNoProfile, ErrInvalid, ErrDeleting.
func (s *Service) Update(ctx context.Context, who access.Caller, name string, c ProfileConfig) (_ *Status, err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:UpdateSigner")
	defer call.End(ctx, &err)
	p := pathOf(&who, name)
	c.note(call)
	if err := call.Decide(p.target()); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	replace := func(rec *record) error {
		switch {
		case rec.Rotation.Ending:
			return refuse(ErrDeleting, "The signing profile %s is being deleted.", name)
		case c.KeyGroup != "" && c.KeyGroup != rec.Group:
			return refuse(ErrInvalid, "The key group of a profile cannot be changed: make another profile.")
		}
		group := rec.Config.KeyGroup
		rec.Config = c
		rec.Config.KeyGroup = group
		return nil
	}
	found, err := s.find(p)
	if err != nil {
		return nil, err
	}
	if err := replace(&record{Config: found.Config, Group: found.Group, Rotation: found.Rotation.Clone()}); err != nil {
		return nil, err
	}
	err = call.Effect(ctx, func() error { return s.edit(ctx, p, replace) })
	if err != nil {
		return nil, err
	}
	return s.status(p)
}

// Delete ends a profile: it signs no more, its keys leave when what they
// signed has expired, and then it is gone. With release they leave at once, and
// every URL and cookie that they signed dies.
//
// The caller needs keyfront:DeleteSigner.
func (s *Service) Delete(ctx context.Context, who access.Caller, name string, release bool) (err error) {
	p := pathOf(&who, name)
	err = s.command(ctx, who, "keyfront:DeleteSigner", name, func(rec *record) error {
		rec.Rotation.Ending = true
		for i := range rec.Rotation.Keys {
			rec.Rotation.Keys[i].Released = rec.Rotation.Keys[i].Released || release
		}
		return nil
	})
	if err == nil {
		s.work(ctx, p)
	}
	return err
}

// Rotate begins a rotation before its time. The caller needs
// keyfront:RotateSigner. Errors: ErrNoProfile, ErrDeleting.
func (s *Service) Rotate(ctx context.Context, who access.Caller, name string) (*Status, error) {
	p := pathOf(&who, name)
	err := s.command(ctx, who, "keyfront:RotateSigner", name, func(rec *record) error {
		if rec.Rotation.Ending {
			return refuse(ErrDeleting, "The signing profile %s is being deleted.", name)
		}
		rec.Rotation.Wanted = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.work(ctx, p)
	return s.status(p)
}

// Release lets a retired key leave now, whatever it signed and whoever still comes
// in by it. The caller needs keyfront:RotateSigner. Errors: ErrNoProfile,
// ErrNoKey, and ErrStillSigns about a key that is not retired.
func (s *Service) Release(ctx context.Context, who access.Caller, name, keyPairID string) (*Status, error) {
	p := pathOf(&who, name)
	err := s.command(ctx, who, "keyfront:RotateSigner", name, func(rec *record) error {
		k := rec.Rotation.Find(keyPairID)
		switch {
		case k == nil:
			return refuse(ErrNoKey, "The signing profile %s has no key %.64q.", name, keyPairID)
		case k.RetiredAt.IsZero():
			return refuse(ErrStillSigns, "The key %s is not retired: rotate first.", keyPairID)
		}
		k.Released = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.work(ctx, p)
	return s.status(p)
}

// command decides, rehearses fn, records, and applies it.
func (s *Service) command(ctx context.Context, who access.Caller, action policy.Action, name string, fn func(*record) error) (err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	p := pathOf(&who, name)
	if err := call.Decide(p.target()); err != nil {
		return err
	}
	found, err := s.find(p)
	if err != nil {
		return err
	}
	if err := fn(&record{Rotation: found.Rotation.Clone()}); err != nil {
		return err
	}
	return call.Effect(ctx, func() error { return s.edit(ctx, p, fn) })
}

// status says where a profile stands.
func (s *Service) status(p path) (*Status, error) {
	found, err := s.find(p)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	st := &Status{Profile: found, Problem: s.problems[p].text}
	s.mu.RUnlock()
	now := s.cfg.Clock.Now()
	st.At = now
	for _, k := range found.Rotation.Keys {
		if k.ID != "" {
			k.Note(s.cfg.Seen(k.ID))
		}
		st.Keys = append(st.Keys, KeyStatus{k, k.Waits(now, found.Config.rules())})
	}
	return st, nil
}
