package signer

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/rotation"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Principal is the service principal under which profiles use their keys and
// key groups.
const Principal = "signer.keyfront"

// GroupPolicy is what key groups say of this service: delivery.Config.Services.
const GroupPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + Principal + `"},"Action":[` +
	`"cloudfront:CreatePublicKey","cloudfront:GetPublicKey","cloudfront:DeletePublicKey",` +
	`"cloudfront:CreateKeyGroup","cloudfront:GetKeyGroup","cloudfront:UpdateKeyGroup","cloudfront:DeleteKeyGroup"],"Resource":"*"}]}`

// Keys is the key service; *keyring.Ring is one.
type Keys interface {
	CreateServiceKey(ctx context.Context, who access.Caller, in keyring.ServiceKey) (keyARN string, err error)
	PublicKey(ctx context.Context, who access.Caller, use keyring.Use) (keyring.PublicKey, error)
	SignMany(ctx context.Context, who access.Caller, use keyring.Use, fn func(crypto.Signer) error) error
	ScheduleDeletion(ctx context.Context, who access.Caller, ref string, days int) (keyring.Deletion, error)
}

// Groups is the control plane of the edge; *delivery.Service is one.
type Groups interface {
	CreatePublicKey(ctx context.Context, who access.Caller, c delivery.PublicKeyConfig) (*delivery.PublicKey, error)
	GetPublicKey(ctx context.Context, who access.Caller, id string) (*delivery.PublicKey, error)
	DeletePublicKey(ctx context.Context, who access.Caller, id, version string) error
	CreateKeyGroup(ctx context.Context, who access.Caller, c delivery.KeyGroupConfig) (*delivery.KeyGroup, error)
	GetKeyGroup(ctx context.Context, who access.Caller, id string) (*delivery.KeyGroup, error)
	UpdateKeyGroup(ctx context.Context, who access.Caller, id, version string, c delivery.KeyGroupConfig) (*delivery.KeyGroup, error)
	DeleteKeyGroup(ctx context.Context, who access.Caller, id, version string) error
	KeyGroupNamed(account arn.AccountID, name string) (*delivery.KeyGroup, bool)
	Serves(account arn.AccountID, group, key string) bool
}

// Config is what a Service needs. All fields but Log are required.
type Config struct {
	Records store.Records
	Gate    *access.Gate
	Clock   *clock.Clock
	// Log receives the failures of background work; nil discards them.
	Log    *slog.Logger
	Keys   Keys
	Groups Groups
	// Seen tells when viewers first and last came in by a key, since it was asked
	// first at the latest; zero times for never.
	Seen func(keyPairID string) (first, last time.Time)
}

// Service keeps the profiles. It may be used concurrently.
type Service struct {
	cfg Config

	// changing is held from a change of the store to that of memory.
	changing sync.Mutex
	counter  uint64 // of store.Changes at the last look; under changing
	// working is held by whoever brings rotations on.
	working sync.Mutex

	mu sync.RWMutex
	// mu guards what follows.
	profiles map[path]*Profile
	problems map[path]problem
}

// Open reads the profiles.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Gate == nil || cfg.Clock == nil || cfg.Keys == nil || cfg.Groups == nil || cfg.Seen == nil {
		return nil, errors.New("signer: incomplete configuration")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, profiles: map[path]*Profile{}, problems: map[path]problem{}}
	s.changing.Lock()
	defer s.changing.Unlock()
	return s, s.reload(ctx)
}

// space has a record for each profile, at account/region/name.
const space store.Space = "signer.profile"

// recordVersion is the version of the records.
const recordVersion = 1

// record is a profile as it is stored; see docs/spec/signer-records.md.
type record struct {
	Version int           `json:"v"`
	Created time.Time     `json:"created"`
	Config  ProfileConfig `json:"config"`
	// Group is the key group; OwnGroup says that the profile made it.
	Group    string         `json:"group,omitempty"`
	OwnGroup bool           `json:"ownGroup,omitempty"`
	Rotation rotation.State `json:"rotation"`
}

func decode(p path, value []byte) (*record, error) {
	rec := new(record)
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(rec); err != nil || rec.Version != recordVersion {
		return nil, fmt.Errorf("signer: damaged record %s of version %d: %w", p, rec.Version, err)
	}
	return rec, nil
}

func (rec *record) profile(p path) *Profile {
	return &Profile{
		Name: p.name, ARN: p.arn(), Account: p.account, Region: p.region, Created: rec.Created,
		Config: rec.Config, Group: rec.Group, Rotation: rec.Rotation.Clone(), at: p,
	}
}

func parsePath(key string) (path, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return path{}, fmt.Errorf("signer: damaged record name %q", key)
	}
	return path{arn.AccountID(parts[0]), parts[1], parts[2]}, nil
}

// reload reads every profile. changing is held.
func (s *Service) reload(ctx context.Context) error {
	counter, err := s.cfg.Records.Changes(ctx, space)
	if err != nil {
		return fmt.Errorf("signer: read: %w", err)
	}
	all := map[path]*Profile{}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		clear(all)
		for r, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			p, err := parsePath(r.Key)
			if err != nil {
				return err
			}
			rec, err := decode(p, r.Value)
			if err != nil {
				return err
			}
			all[p] = rec.profile(p)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("signer: read: %w", err)
	}
	s.mu.Lock()
	s.profiles = all
	s.mu.Unlock()
	s.counter = counter
	return nil
}

// refresh takes over what other nodes have changed.
func (s *Service) refresh(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	counter, err := s.cfg.Records.Changes(ctx, space)
	if err != nil || counter == s.counter {
		return err
	}
	return s.reload(ctx)
}

// change runs fn on the record at p in a transaction and shows the outcome. fn
// gets nil where there is none, and returns what is to be there, nil for nothing.
func (s *Service) change(ctx context.Context, p path, fn func(tx store.Writer, rec *record) (*record, error)) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	var next *record
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		var rec *record
		value, err := tx.Get(space, p.String())
		if err == nil {
			rec, err = decode(p, value)
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		if err != nil {
			return err
		}
		if next, err = fn(tx, rec); err != nil {
			return err
		}
		if next == nil {
			return tx.Delete(space, p.String())
		}
		next.Version = recordVersion
		text, err := json.Marshal(next)
		if err != nil {
			return err
		}
		return tx.Put(space, p.String(), text)
	})
	if errors.Is(err, store.ErrUncertain) {
		return errors.Join(err, s.reload(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next == nil {
		delete(s.profiles, p)
		delete(s.problems, p)
		return nil
	}
	s.profiles[p] = next.profile(p)
	return nil
}

// edit is change for a profile that must be there.
func (s *Service) edit(ctx context.Context, p path, fn func(rec *record) error) error {
	return s.change(ctx, p, func(_ store.Writer, rec *record) (*record, error) {
		if rec == nil {
			return nil, refuse(ErrNoProfile, "There is no signing profile %s.", p.name)
		}
		return rec, fn(rec)
	})
}

// remove deletes the record of a profile whose keys are gone.
func (s *Service) remove(ctx context.Context, p path) error {
	return s.change(ctx, p, func(_ store.Writer, rec *record) (*record, error) {
		if rec != nil && (!rec.Rotation.Ending || len(rec.Rotation.Keys) > 0) {
			return rec, nil
		}
		return nil, nil
	})
}

// find returns the profile at p, or ErrNoProfile.
func (s *Service) find(p path) (*Profile, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if found := s.profiles[p]; found != nil {
		return found, nil
	}
	return nil, refuse(ErrNoProfile, "There is no signing profile %s.", p.name)
}

// all returns the profiles for which want is true, by name.
func (s *Service) all(want func(path) bool) []*Profile {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []*Profile
	for p, profile := range s.profiles {
		if want(p) {
			found = append(found, profile)
		}
	}
	slices.SortFunc(found, func(a, b *Profile) int { return strings.Compare(a.at.String(), b.at.String()) })
	return found
}

// pathOf names a profile of the caller's.
func pathOf(who *access.Caller, name string) path { return path{who.Account(), who.Region, name} }

// target is what a decision about a profile stands on.
func (p path) target() access.Target {
	return access.Target{ARN: p.arn(), Owner: p.account, Rule: policy.IdentityOnly}
}
