package identity

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// errStale says that another node changed the register in the meantime.
var errStale = errors.New("identity: the register has moved on")

// maxTries bounds how often a change is worked out anew because other nodes
// were faster. A busy node loses many times in a row to an idle one; each loss
// is another node's change made, so there is no harm in patience, and the
// caller's context ends it.
const maxTries = 256

// txn is one change being worked out on the register in memory. What it leaves
// in changed is what the records will hold; the transaction on the store only
// makes sure that nobody was faster.
type txn struct {
	reg     *register
	seq     uint64
	now     time.Time
	changed map[place]entity // nil: deleted
}

func (t *txn) get(p place) entity {
	if e, ok := t.changed[p]; ok {
		return e
	}
	t.reg.mu.RLock()
	defer t.reg.mu.RUnlock()
	return t.reg.getLocked(p)
}

// put keeps e, which nobody may change afterwards.
func (t *txn) put(e entity) {
	compile(e, nil)
	t.changed[placeOfEntity(e)] = e
}

func (t *txn) remove(e entity) { t.changed[placeOfEntity(e)] = nil }

// rename puts next in the place of old.
func (t *txn) rename(old, next entity) {
	t.remove(old)
	t.put(next)
}

// free returns ErrExists if the name is taken.
func (t *txn) free(k Kind, account arn.AccountID, name string) error {
	if t.get(placeOf(k, account, name)) != nil {
		return exists(k, name)
	}
	return nil
}

func exists(k Kind, name string) error {
	switch k {
	case KindPolicy:
		return fail(ErrExists, "A policy called %s already exists. Duplicate names are not allowed.", name)
	case KindProfile:
		return fail(ErrExists, "Instance Profile %s already exists.", name)
	case KindDevice:
		return fail(ErrExists, "MFADevice entity at the same path and name already exists.")
	}
	return fail(ErrExists, "%s with name %s already exists.", k, name)
}

// count is how many entities of a kind the account has.
func (t *txn) count(k Kind, account arn.AccountID) int {
	t.reg.mu.RLock()
	defer t.reg.mu.RUnlock()
	return len(t.reg.shelves[shelf{k, account}])
}

// effect runs the part of a change that shows. It is access.Call.Effect, or runs
// it at once.
type effect func(ctx context.Context, change func() error) error

func unrecorded(_ context.Context, change func() error) error { return change() }

// change works fn out and makes its result durable, then visible. fn works on
// the register as it stands, without effect but on t; what it refuses is never
// recorded as done. If another node changed the register in between, fn runs again.
func (s *Service) change(ctx context.Context, now time.Time, run effect, fn func(t *txn) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	t := s.begin(now)
	if err := fn(t); err != nil {
		return err
	}
	return run(ctx, func() error {
		if len(t.changed) == 0 {
			return nil
		}
		for range maxTries {
			err := s.write(ctx, t)
			if err == nil {
				s.applyMap(t.seq+1, t.changed)
				return nil
			}
			if !errors.Is(err, errStale) {
				return err
			}
			if err := s.catchUp(ctx); err != nil {
				return err
			}
			t = s.begin(now)
			if err := fn(t); err != nil {
				return err
			}
		}
		return errStale
	})
}

func (s *Service) begin(now time.Time) *txn {
	return &txn{reg: s.reg, seq: s.reg.seq, now: now.UTC().Truncate(time.Second), changed: map[place]entity{}}
}

// write commits t, or returns errStale.
func (s *Service) write(ctx context.Context, t *txn) error {
	values := make(map[string][]byte, len(t.changed)) // by record key; nil: deleted
	for p, e := range t.changed {
		var value []byte
		if e != nil {
			var err error
			if value, err = encode(e); err != nil {
				return err
			}
		}
		values[p.key()] = value
	}
	keys := slices.Sorted(maps.Keys(values))
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		seq, err := readSequence(tx)
		if err != nil {
			return err
		}
		if seq != t.seq {
			return errStale
		}
		for _, key := range keys {
			if values[key] == nil {
				err = tx.Delete(space, key)
			} else {
				err = tx.Put(space, key, values[key])
			}
			if err != nil {
				return err
			}
		}
		if err := tx.Put(space, logKey(seq+1), []byte(strings.Join(keys, "\n"))); err != nil {
			return err
		}
		if seq >= keptChanges {
			if err := tx.Delete(space, logKey(seq+1-keptChanges)); err != nil {
				return err
			}
		}
		return tx.Put(space, sequenceKey, binary.BigEndian.AppendUint64(nil, seq+1))
	})
}

// Refresh takes over what other nodes have changed since. It is cheap when
// nothing has.
func (s *Service) Refresh(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	counter, err := s.cfg.Records.Changes(ctx, space)
	if err != nil {
		return fmt.Errorf("identity: refresh: %w", err)
	}
	if counter == s.counter {
		return nil
	}
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("identity: refresh: %w", err)
	}
	s.counter = counter
	return nil
}

// catchUp applies the changes after the one that the register stands at.
func (s *Service) catchUp(ctx context.Context) error {
	from := s.reg.seq
	var seq uint64
	behind := false
	news := map[place]entity{}
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		clear(news)
		var err error
		if seq, err = readSequence(tx); err != nil {
			return err
		}
		if behind = seq > from+keptChanges || seq < from; behind {
			return nil
		}
		for rec, err := range tx.Scan(space, store.Range{From: logKey(from + 1), To: logPrefix + "~"}) {
			if err != nil {
				return err
			}
			for key := range strings.SplitSeq(string(rec.Value), "\n") {
				p, err := parsePlace(key)
				if err != nil {
					return err
				}
				if news[p], err = read(tx, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if behind {
		_, err := s.load(ctx)
		return err
	}
	if seq > from {
		s.applyMap(seq, news)
	}
	return nil
}

// read gets the entity at p, nil if there is none.
func read(tx store.Reader, p place) (entity, error) {
	value, err := tx.Get(space, p.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e, err := decode(p, value)
	if err != nil {
		return nil, err
	}
	compile(e, nil)
	return e, nil
}

// load reads everything and makes the register equal to it. old are the entities
// that it found at an oldPlaceOf.
func (s *Service) load(ctx context.Context) (old []entity, err error) {
	var l loader
	var seq uint64
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		l.start()
		defer l.stop()
		var err error
		if seq, err = readSequence(tx); err != nil {
			return err
		}
		for rec, err := range tx.Scan(space, store.Prefix(entityPref)) {
			if err != nil {
				return err
			}
			l.add(rec)
		}
		return nil
	})
	if err == nil {
		err = l.err
	}
	if err != nil {
		return nil, err
	}
	s.apply(seq, s.reg.placesWithout(l.all), l.all)
	return l.old, nil
}

// settle brings entities from the places where earlier releases kept them to their
// own.
func (s *Service) settle(ctx context.Context, old []entity) error {
	if len(old) == 0 {
		return nil
	}
	return s.change(ctx, time.Now(), unrecorded, func(t *txn) error {
		for _, e := range old {
			if t.get(placeOfEntity(e)) == e { // nobody has settled or changed it meanwhile
				t.changed[oldPlaceOf(e)] = nil
				t.put(e)
			}
		}
		return nil
	})
}

// number is the number in a version id such as "v3", or 0.
func number(version string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(version, "v"))
	if err != nil || n < 1 || version != "v"+strconv.Itoa(n) {
		return 0
	}
	return n
}
