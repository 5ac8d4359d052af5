package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

const spaceUses store.Space = "iam.last-used"

// useGrain is how exact a last use is: within it, another use is not noted.
const useGrain = time.Minute

// Use is when and for what an access key or a role was last used.
type Use struct {
	At      time.Time `json:"at"`
	Region  string    `json:"region"`
	Service string    `json:"service"`
}

// uses keeps last uses in memory and brings them to the store now and then: the
// last minutes before a crash may be missing.
type uses struct {
	known sync.Map // access key id or role's unique id -> Use

	mu sync.Mutex
	// mu guards the ids of which the store does not have the use yet, or still has
	// one that is forgotten.
	fresh map[string]bool
}

func (u *uses) note(id string, use Use) {
	if id == "" {
		return
	}
	if old := u.last(id); use.At.Sub(old.At) < useGrain && old.Service == use.Service {
		return
	}
	u.known.Store(id, use)
	u.refresh(id)
}

// forget drops the use of a key or role that is gone.
func (u *uses) forget(id string) {
	if _, known := u.known.LoadAndDelete(id); known {
		u.refresh(id)
	}
}

func (u *uses) refresh(ids ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fresh == nil {
		u.fresh = map[string]bool{}
	}
	for _, id := range ids {
		u.fresh[id] = true
	}
}

func (u *uses) last(id string) Use {
	if v, ok := u.known.Load(id); ok {
		return v.(Use)
	}
	return Use{}
}

// Used notes that a verified request used the credential.
func (s *Service) Used(c *Credential, service, region string, at time.Time) {
	s.uses.note(c.useID, Use{At: at, Region: region, Service: service})
}

// RoleUse is when a session of the role was last used; the zero Use if never.
func (s *Service) RoleUse(r *Role) Use { return s.uses.last(r.ID) }

// flushUses brings the last uses of keys and roles to the store.
func (s *Service) flushUses(ctx context.Context) error {
	s.uses.mu.Lock()
	fresh := s.uses.fresh
	s.uses.fresh = nil
	s.uses.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		for id := range fresh {
			if err := s.flushUse(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.uses.refresh(slices.Collect(maps.Keys(fresh))...) // for the next time
		return fmt.Errorf("identity: last uses: %w", err)
	}
	return nil
}

func (s *Service) flushUse(tx store.Writer, id string) error {
	use := s.uses.last(id)
	if use.At.IsZero() {
		return tx.Delete(spaceUses, id)
	}
	text, err := json.Marshal(use)
	if err != nil {
		return err
	}
	return tx.Put(spaceUses, id, text)
}

func (s *Service) loadUses(ctx context.Context) error {
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(spaceUses, store.Range{}) {
			if err != nil {
				return err
			}
			var use Use
			if err := json.Unmarshal(rec.Value, &use); err != nil {
				return fmt.Errorf("%w: last use of %s", errRecord, rec.Key)
			}
			s.uses.known.Store(rec.Key, use)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("identity: last uses: %w", err)
	}
	return nil
}
