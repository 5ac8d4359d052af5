package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/store"
)

// follow is how far memory follows the store. Whoever put a token into busy
// owns the other fields. It is held across reads of the store, which keeps
// snapshots from passing each other; readers of the index never take it.
type follow struct {
	busy    chan struct{}
	opened  bool
	seen    uint64       // number of the newest change in memory
	counter uint64       // of the store, for the journal's space
	nextDue atomic.Int64 // millis when the next scheduled work is due; 0 is never
}

// refresh brings memory up to the newest change, or at least to the given one.
func (r *Ring) refresh(ctx context.Context, atLeast uint64) error {
	select {
	case r.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.busy }()
	if r.opened && atLeast != 0 && r.seen >= atLeast {
		return nil
	}
	counter, err := r.records.Changes(ctx, changeSpace)
	if err != nil {
		return fmt.Errorf("follow the store: %w", err)
	}
	if r.opened && atLeast == 0 && counter == r.counter {
		return nil
	}
	var n news
	err = r.records.View(ctx, func(tx store.Reader) error {
		n = news{}
		return r.read(tx, &n)
	})
	if err != nil {
		return fmt.Errorf("follow the store: %w", err)
	}
	r.index.put(n.keys)
	for _, p := range n.removed {
		r.index.remove(p.region, p.id)
	}
	for _, g := range n.grants {
		g.of.grants.set(g.id, g.grant)
	}
	r.opened, r.seen, r.counter = true, n.seen, counter
	r.nextDue.Store(int64(n.nextDue))
	return nil
}

// news is what one look at the store found.
type news struct {
	keys    []*key
	removed []path
	grants  []grantNews
	seen    uint64
	nextDue millis
}

// read finds what is new since memory last followed, or everything.
func (r *Ring) read(tx store.Reader, n *news) error {
	var err error
	if n.nextDue, err = firstDue(tx); err != nil {
		return err
	}
	if !r.opened {
		return r.readAll(tx, n)
	}
	touched, last, err := touchedSince(tx, r.seen)
	if errors.Is(err, errPassed) {
		return r.readAll(tx, n)
	}
	if err != nil {
		return err
	}
	n.seen = last
	fresh := make(map[path]*key)
	for what := range touched {
		if what.grant != "" {
			continue
		}
		k, err := r.load(tx, what.path)
		if err != nil {
			return err
		}
		if k == nil {
			n.removed = append(n.removed, what.path)
		} else {
			n.keys = append(n.keys, k)
		}
		fresh[what.path] = k
	}
	for what := range touched {
		if what.grant == "" {
			continue
		}
		k, ok := fresh[what.path]
		if !ok {
			k = r.index.key(what.region, what.id)
		}
		if k == nil {
			continue // it went with its grants
		}
		g, err := getGrant(tx, what)
		if err != nil && !isNotFound(err) {
			return err
		}
		n.grants = append(n.grants, grantNews{k, what.grant, g})
	}
	return nil
}

// firstDue is the first moment of the agenda, 0 if it is empty.
func firstDue(tx store.Reader) (millis, error) {
	for rec, err := range tx.Scan(dueSpace, store.Range{}) {
		if err != nil {
			return 0, err
		}
		at, _, err := parseDue(rec.Key)
		return at, err
	}
	return 0, nil
}

// errPassed says that the journal's tail went past a reader.
var errPassed = errors.New("keyring: the journal no longer has all changes")

// touchedSince reads what the journal has behind the change number seen, and the
// number of its last.
func touchedSince(tx store.Reader, seen uint64) (touched map[changed]bool, last uint64, err error) {
	touched = make(map[changed]bool)
	for rec, err := range tx.Scan(changeSpace, store.Range{From: changeKey(seen + 1)}) {
		if err != nil {
			return nil, 0, err
		}
		number, err := parseChangeKey(rec.Key)
		if err != nil {
			return nil, 0, err
		}
		if number != seen+1 {
			return nil, 0, errPassed
		}
		seen = number
		all, err := decodeChange(rec.Key, rec.Value)
		if err != nil {
			return nil, 0, err
		}
		for _, what := range all {
			touched[what] = true
		}
	}
	return touched, seen, nil
}

// readAll reads every key. What memory has beyond that is gone.
func (r *Ring) readAll(tx store.Reader, n *news) error {
	n.keys, n.removed, n.grants = nil, nil, nil
	var err error
	if n.seen, err = lastChange(tx); err != nil {
		return err
	}
	materials, err := allMaterials(tx)
	if err != nil {
		return err
	}
	material := func(name string) (*materialRecord, error) {
		if m := materials[name]; m != nil {
			return m, nil
		}
		return nil, fmt.Errorf("%w: %s %q is missing", errDamaged, materialSpace, name)
	}
	grants, err := allGrants(tx)
	if err != nil {
		return err
	}
	present := make(map[place]bool)
	for rec, err := range tx.Scan(keySpace, store.Range{}) {
		if err != nil {
			return err
		}
		p, err := parsePath(rec.Key)
		if err != nil {
			return err
		}
		body := new(keyRecord)
		if err := decode(keySpace, rec.Key, rec.Value, body); err != nil {
			return err
		}
		k, err := r.assemble(p, body, material)
		if err != nil {
			return err
		}
		if held := grants[p]; held != nil {
			k.grants = held
		} else if r.opened {
			k.grants = new(grantSet) // those of the older snapshot were revoked
		}
		n.keys = append(n.keys, k)
		present[place{p.region, p.id}] = true
	}
	for at, v := range r.index.keys.Range {
		if !present[at.(place)] {
			n.removed = append(n.removed, v.(*key).path)
		}
	}
	return nil
}

// allMaterials reads the materials of all keys, by the keys of their records.
func allMaterials(tx store.Reader) (map[string]*materialRecord, error) {
	materials := make(map[string]*materialRecord)
	for rec, err := range tx.Scan(materialSpace, store.Range{}) {
		if err != nil {
			return nil, err
		}
		m := new(materialRecord)
		if err := decode(materialSpace, rec.Key, rec.Value, m); err != nil {
			return nil, err
		}
		materials[rec.Key] = m
	}
	return materials, nil
}

// allGrants reads the grants of all keys that have any.
func allGrants(tx store.Reader) (map[path]*grantSet, error) {
	grants := make(map[path]*grantSet)
	for rec, err := range tx.Scan(grantSpace, store.Range{}) {
		if err != nil {
			return nil, err
		}
		at, err := parseChanged(rec.Key)
		if err != nil {
			return nil, err
		}
		g := new(grantRecord)
		if err := decode(grantSpace, rec.Key, rec.Value, g); err != nil {
			return nil, err
		}
		if grants[at.path] == nil {
			grants[at.path] = new(grantSet)
		}
		grants[at.path].set(at.grant, g)
	}
	return grants, nil
}
