package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
