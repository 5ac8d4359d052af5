package edge

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/signedurl"
)

// KeyUse says when viewers came in by signatures of a key, by this edge's clock
// and to the second. Only requests that were let in count: anyone can name a key.
type KeyUse struct{ First, Last time.Time }

// KeyUse tells of the use of a key since this edge was made, while a distribution
// trusts it. Its times are zero for a key that was not used.
func (e *Edge) KeyUse(id signedurl.KeyID) (use KeyUse) {
	e.uses.mu.Lock()
	u := e.uses.all[id]
	e.uses.mu.Unlock()
	if u == nil {
		return use
	}
	if first := u.first.Load(); first != 0 {
		use = KeyUse{time.Unix(first, 0).UTC(), time.Unix(u.last.Load(), 0).UTC()}
	}
	return use
}

// keyUse is KeyUse in Unix seconds; 0 is never.
type keyUse struct{ first, last atomic.Int64 }

// note writes at most once a second, so that processors share what they read.
func (u *keyUse) note(now time.Time) {
	at := now.Unix()
	if u == nil || u.last.Load() == at {
		return
	}
	u.last.Store(at)
	u.first.CompareAndSwap(0, at)
}

// keyUses has one keyUse a key, whichever distributions trust it.
type keyUses struct {
	mu  sync.Mutex
	all map[signedurl.KeyID]*keyUse
}

// of returns those of the keys that d trusts.
func (k *keyUses) of(d *delivery.Distribution) map[signedurl.KeyID]*keyUse {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = make(map[signedurl.KeyID]*keyUse)
	}
	mine := make(map[signedurl.KeyID]*keyUse)
	for _, b := range d.Behaviors {
		for id := range b.Keys {
			if k.all[id] == nil {
				k.all[id] = new(keyUse)
			}
			mine[id] = k.all[id]
		}
	}
	return mine
}

// retain forgets the keys that no distribution of s trusts. What a site from
// before s still notes about them is lost.
func (k *keyUses) retain(s *delivery.Snapshot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all) == 0 {
		return
	}
	trusted := make(map[signedurl.KeyID]*keyUse, len(k.all))
	for d := range s.All() {
		for _, b := range d.Behaviors {
			for id := range b.Keys {
				if u := k.all[id]; u != nil {
					trusted[id] = u
				}
			}
		}
	}
	k.all = trusted
}
