package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/store"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

func damagedKey(p path) error { return fmt.Errorf("%w: %s %q", errDamaged, keySpace, p) }

// change is one transaction on the ring's records. It collects what it touches,
// and ends by writing that to the journal. The agenda follows the keys: what a
// key's record says to do at a moment has its entry there.
type change struct {
	store.Writer
	touched []changed
	planned map[path][]millis // moments in the agenda, of the keys read for a change
}

// mutate runs fn in a transaction and, once that is durable, makes the touched
// keys visible. fn may run more than once.
//
// When the transaction holds but cannot be read back, the error says so and
// Run makes up for it: memory is never ahead of the store.
func (r *Ring) mutate(ctx context.Context, fn func(c *change) error) error {
	var number uint64
	err := r.records.Update(ctx, func(tx store.Writer) error {
		c := &change{Writer: tx, planned: make(map[path][]millis)}
		if err := fn(c); err != nil {
			return err
		}
		var err error
		number, err = c.journal()
		return err
	})
	if errors.Is(err, store.ErrUncertain) {
		// It may hold: look, so that memory is not behind the store.
		return errors.Join(err, r.refresh(context.WithoutCancel(ctx), 0))
	}
	if err != nil {
		return err
	}
	return r.refresh(context.WithoutCancel(ctx), number)
}

// edit changes one key that exists, in a transaction: state is checked again
// there, since another node may have been faster.
func (r *Ring) edit(ctx context.Context, k *key, op operation, fn func(c *change, rec *keyRecord) error) error {
	return r.mutate(ctx, func(c *change) error {
		rec, err := c.key(k.path, op)
		if err != nil {
			return err
		}
		if err := fn(c, rec); err != nil {
			return err
		}
		return c.putKey(k.path, rec)
	})
}

// key reads a key for op, or returns why op cannot be.
func (c *change) key(p path, op operation) (*keyRecord, error) {
	rec, err := c.get(p)
	if isNotFound(err) {
		return nil, keyNotFound(p)
	}
	if err != nil {
		return nil, err
	}
	return rec, checkState(op, p.arn(), rec.State)
}

// get reads a key that is to be changed.
func (c *change) get(p path) (*keyRecord, error) {
	rec, err := getKey(c, p)
	if err == nil {
		c.planned[p] = rec.moments()
	}
	return rec, err
}

// free returns ErrExists when there is a key at p, which another node may have
// made.
func (c *change) free(p path) error {
	switch _, err := c.get(p); {
	case err == nil:
		return keyExists(p)
	case isNotFound(err):
		return nil
	default:
		return err
	}
}

func keyExists(p path) error { return fail(ErrExists, "%s already exists.", p.arn()) }

func (c *change) putKey(p path, rec *keyRecord) error {
	if err := c.plan(p, rec.moments()); err != nil {
		return err
	}
	c.touch(changed{path: p})
	return c.Put(keySpace, p.String(), encode(rec))
}

// plan makes moments all that the agenda holds about the key.
func (c *change) plan(p path, moments []millis) error {
	for _, at := range c.planned[p] {
		if !slices.Contains(moments, at) {
			if err := c.Delete(dueSpace, dueKey(at, p)); err != nil {
				return err
			}
		}
	}
	for _, at := range moments {
		if !slices.Contains(c.planned[p], at) {
			if err := c.Put(dueSpace, dueKey(at, p), []byte{recordVersion}); err != nil {
				return err
			}
		}
	}
	c.planned[p] = moments
	return nil
}

func (c *change) touch(what changed) {
	if !slices.Contains(c.touched, what) {
		c.touched = append(c.touched, what)
	}
}

// destroyKey removes everything of a key.
func (c *change) destroyKey(p path, rec *keyRecord, now millis) error {
	c.touch(changed{path: p})
	if err := c.leave(p, rec, now); err != nil {
		return err
	}
	for rec, err := range c.Scan(materialSpace, store.Prefix(p.String()+"/")) {
		if err != nil {
			return err
		}
		if err := c.Delete(materialSpace, rec.Key); err != nil {
			return err
		}
	}
	for _, name := range rec.Aliases {
		if err := c.Delete(aliasSpace, p.prefix()+name); err != nil {
			return err
		}
	}
	for rec, err := range c.Scan(grantSpace, store.Prefix(p.String()+"/")) {
		if err != nil {
			return err
		}
		g := new(grantRecord)
		if err := decode(grantSpace, rec.Key, rec.Value, g); err != nil {
			return err
		}
		if err := c.deleteGrant(rec.Key, p.region, g); err != nil {
			return err
		}
	}
	if err := c.plan(p, nil); err != nil {
		return err
	}
	if err := c.Delete(usageSpace, p.String()); err != nil {
		return err
	}
	return c.Delete(keySpace, p.String())
}

// journal appends the change to the journal, cuts the journal's tail, and
// returns the change's number.
func (c *change) journal() (uint64, error) {
	if len(c.touched) == 0 {
		return 0, nil
	}
	last, err := lastChange(c)
	if err != nil {
		return 0, err
	}
	number := last + 1
	if number > journalLength {
		if err := c.Delete(changeSpace, changeKey(number-journalLength)); err != nil {
			return 0, err
		}
	}
	return number, c.Put(changeSpace, changeKey(number), encodeChange(c.touched))
}

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

func (r *Ring) read(tx store.Reader, n *news) error {
	for rec, err := range tx.Scan(dueSpace, store.Range{}) {
		if err != nil {
			return err
		}
		if n.nextDue, _, err = parseDue(rec.Key); err != nil {
			return err
		}
		break
	}
	if !r.opened {
		return r.readAll(tx, n)
	}
	n.seen = r.seen
	touched := make(map[changed]bool)
	for rec, err := range tx.Scan(changeSpace, store.Range{From: changeKey(r.seen + 1)}) {
		if err != nil {
			return err
		}
		number, err := parseChangeKey(rec.Key)
		if err != nil {
			return err
		}
		if number != n.seen+1 {
			return r.readAll(tx, n) // the journal's tail went past us
		}
		n.seen = number
		all, err := decodeChange(rec.Key, rec.Value)
		if err != nil {
			return err
		}
		for _, what := range all {
			touched[what] = true
		}
	}
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

// readAll reads every key. What memory has beyond that is gone.
func (r *Ring) readAll(tx store.Reader, n *news) error {
	n.keys, n.removed, n.grants = nil, nil, nil
	var err error
	if n.seen, err = lastChange(tx); err != nil {
		return err
	}
	materials := make(map[string]*materialRecord)
	for rec, err := range tx.Scan(materialSpace, store.Range{}) {
		if err != nil {
			return err
		}
		m := new(materialRecord)
		if err := decode(materialSpace, rec.Key, rec.Value, m); err != nil {
			return err
		}
		materials[rec.Key] = m
	}
	grants := make(map[path]*grantSet)
	for rec, err := range tx.Scan(grantSpace, store.Range{}) {
		if err != nil {
			return err
		}
		at, err := parseChanged(rec.Key)
		if err != nil {
			return err
		}
		g := new(grantRecord)
		if err := decode(grantSpace, rec.Key, rec.Value, g); err != nil {
			return err
		}
		if grants[at.path] == nil {
			grants[at.path] = new(grantSet)
		}
		grants[at.path].set(at.grant, g)
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
		k, err := r.assemble(p, body, func(name string) (*materialRecord, error) {
			if m := materials[name]; m != nil {
				return m, nil
			}
			return nil, fmt.Errorf("%w: %s %q is missing", errDamaged, materialSpace, name)
		})
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
