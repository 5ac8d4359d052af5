package keyring

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// key is one key as it was after one change. It is immutable, except that its
// materials prepare themselves when they are first used.
//
// There may be a hundred thousand, and the collector looks at every one in each
// of its rounds: a key consists of few pieces, and its words are the program's.
type key struct {
	path // part of arn
	arn  string
	spec *specInfo
	keyRecord
	policy     *policy.Document
	algorithms []Algorithm
	materials  []*material  // the current one last
	single     [1]*material // what materials is for most keys
	grants     *grantSet    // shared by all snapshots of the key
	lastUse    *lastUse     // too
	expires    millis       // when imported material ends; 0 is never
}

func (k *key) current() *material { return k.materials[len(k.materials)-1] }

// stateAt is the key's state: material that has expired is missing, even while
// its record waits for Run to remove it.
func (k *key) stateAt(now time.Time) State {
	if k.expires != 0 && k.expires <= toMillis(now) && (k.State == Enabled || k.State == Disabled) {
		return PendingImport
	}
	return k.State
}

// gone reports whether the waiting period is over: the key is no more, even
// while its records wait for Run to remove them.
func (k *key) gone(now time.Time) bool {
	return k.State == PendingDeletion && k.Deletion <= toMillis(now)
}

// place is where a key id means one key: ids repeat in other regions only.
type place struct {
	region string
	id     KeyID
}

type aliasName struct {
	realm
	name string
}

// index is the hot state: every key and alias. Readers take no lock. Only
// refresh writes, one at a time.
type index struct {
	keys     sync.Map // place -> *key
	counts   sync.Map // realm -> *atomic.Int64, of the customers' keys
	orders   sync.Map // realm -> *order
	aliases  sync.Map // aliasName -> KeyID
	policies sync.Map // arn.AccountID -> *policy.Document, of the default policies
}

func (x *index) key(region string, id KeyID) *key {
	if v, ok := x.keys.Load(place{region, id}); ok {
		return v.(*key)
	}
	return nil
}

func (x *index) alias(m realm, name string) *key {
	if v, ok := x.aliases.Load(aliasName{m, name}); ok {
		return x.key(m.region, v.(KeyID))
	}
	return nil
}

// grant finds a grant in memory, or nil.
func (x *index) grant(at changed) *grant {
	if k := x.key(at.region, at.id); k != nil {
		return k.grants.get(at.grant)
	}
	return nil
}

// count is how many keys of its own an account has in a region.
func (x *index) count(m realm) *atomic.Int64 {
	n, ok := x.counts.Load(m)
	if !ok {
		n, _ = x.counts.LoadOrStore(m, new(atomic.Int64))
	}
	return n.(*atomic.Int64)
}

// order is the ids of an account's keys in a region.
func (x *index) order(m realm) *order {
	o, ok := x.orders.Load(m)
	if !ok {
		o, _ = x.orders.LoadOrStore(m, new(order))
	}
	return o.(*order)
}

// put makes keys visible in place of their older snapshots. Aliases move along:
// those that a key lost go last, since another of the keys may have taken them
// over, and readers are to find them at every moment.
func (x *index) put(keys []*key) {
	olds := make([]*key, len(keys))
	for i, next := range keys {
		olds[i] = x.key(next.region, next.id)
		x.keys.Store(place{next.region, next.id}, next)
		if olds[i] == nil {
			x.order(next.realm).add(next.id)
			if next.Manager == Customer {
				x.count(next.realm).Add(1)
			}
		}
		for _, name := range next.Aliases {
			x.aliases.Store(aliasName{next.realm, name}, next.id)
		}
	}
	for i, old := range olds {
		if old != nil {
			x.dropAliases(old, keys[i].Aliases)
		}
	}
}

func (x *index) remove(region string, id KeyID) {
	if old := x.key(region, id); old != nil {
		x.keys.Delete(place{region, id})
		x.order(old.realm).remove(id)
		if old.Manager == Customer {
			x.count(old.realm).Add(-1)
		}
		x.dropAliases(old, nil)
	}
}

func (x *index) dropAliases(old *key, kept []string) {
	keep := make(map[string]bool, len(kept))
	for _, name := range kept {
		keep[name] = true
	}
	for _, name := range old.Aliases {
		if !keep[name] {
			x.aliases.CompareAndDelete(aliasName{old.realm, name}, old.id)
		}
	}
}

// document compiles a key policy. Most keys have the default policy of their
// account, which is compiled once.
func (x *index) document(account arn.AccountID, source string) (*policy.Document, error) {
	if source != DefaultPolicy(account) {
		return policy.Parse(policy.UseKey, source)
	}
	if d, ok := x.policies.Load(account); ok {
		return d.(*policy.Document), nil
	}
	d, err := policy.Parse(policy.UseKey, source)
	if err == nil {
		x.policies.Store(account, d)
	}
	return d, err
}

// load reads one key with its materials; nil when there is none. Materials that
// the older snapshot has already are kept, prepared as they are.
func (r *Ring) load(tx store.Reader, p path) (*key, error) {
	rec, err := getKey(tx, p)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.assemble(p, rec, func(name string) (*materialRecord, error) { return getMaterial(tx, name) })
}

func (r *Ring) assemble(p path, rec *keyRecord, read func(name string) (*materialRecord, error)) (*key, error) {
	spec := specs[rec.Spec]
	if spec == nil || spec.algorithms(rec.Usage) == nil || len(rec.Materials) == 0 && rec.Origin == FromKMS {
		return nil, damagedKey(p)
	}
	rec.share()
	k := &key{arn: p.arn(), spec: spec, keyRecord: *rec, algorithms: spec.algorithms(rec.Usage), expires: rec.expiry()}
	k.path = pathOf(k.arn)
	k.materials = k.single[:0]
	var err error
	if k.policy, err = r.index.document(p.account, rec.Policy); err != nil {
		return nil, err
	}
	if len(rec.Principals) > 0 {
		bound := func(name string) (string, bool) { return rec.Principals[name], true }
		if k.policy, err = k.policy.Bind(bound); err != nil {
			return nil, err
		}
	}
	// The compiled policy holds the text.
	k.keyRecord.Policy = k.policy.String()

	old := r.index.key(p.region, p.id)
	if old != nil {
		k.grants, k.lastUse = old.grants, old.lastUse
	} else {
		shared := new(struct {
			grants  grantSet
			lastUse lastUse
		})
		k.grants, k.lastUse = &shared.grants, &shared.lastUse
	}
	for _, id := range rec.Materials {
		m := old.material(id)
		missing := false
		if i := rec.imported(id); i != nil {
			missing = i.Missing
		}
		if m == nil || missing != (m.wrapped == nil) {
			var body *materialRecord
			if !missing {
				if body, err = read(p.materialName(id)); err != nil {
					return nil, err
				}
			}
			if m, err = newMaterial(r.domain, k.spec, k.path, id, body); err != nil {
				return nil, err
			}
		}
		k.materials = append(k.materials, m)
	}
	return k, nil
}

// material finds one version of the key's material, or nil.
func (k *key) material(id string) *material {
	if k != nil {
		for _, m := range k.materials {
			if m.id == id {
				return m
			}
		}
	}
	return nil
}
