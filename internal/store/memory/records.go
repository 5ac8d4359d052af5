// Package memory keeps records and blobs in the memory of the process, for tests
// and for servers that are meant to forget. It keeps the contracts of package
// store except that nothing survives Close.
package memory

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/store"
)

var (
	// errEnded is what the methods of a transaction return when it has ended.
	errEnded = errors.New("memory: transaction has ended")
	errSpace = errors.New("memory: empty name of a space")
)

// Records is a store.Records in memory. Views read immutable snapshots and wait
// for nobody; Updates run one after the other, which makes them serialisable.
type Records struct {
	gate   sync.RWMutex // held for reading by every transaction, for writing by Close
	closed bool         // guarded by gate

	writer chan struct{} // holds one token: the right to write
	spaces atomic.Pointer[map[store.Space]space]
}

// space is one key space as of one commit.
type space struct {
	root    *node
	changes uint64
}

var _ store.Records = (*Records)(nil)

// NewRecords returns an empty store.
func NewRecords() *Records {
	r := &Records{writer: make(chan struct{}, 1)}
	r.writer <- struct{}{}
	r.spaces.Store(&map[store.Space]space{})
	return r
}

// enter begins a call; the caller leaves by r.gate.RUnlock unless it fails.
func (r *Records) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.gate.RLock()
	if r.closed {
		r.gate.RUnlock()
		return store.ErrClosed
	}
	return nil
}

// View implements store.Records.
func (r *Records) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.gate.RUnlock()

	tx := &tx{ctx: ctx, spaces: *r.spaces.Load()}
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// Update implements store.Records.
func (r *Records) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.gate.RUnlock()

	select {
	case <-r.writer:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { r.writer <- struct{}{} }()

	// The copy of the map is small: there are as many spaces as kinds of record.
	tx := &tx{ctx: ctx, spaces: maps.Clone(*r.spaces.Load()), wrote: make(map[store.Space]bool)}
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	if tx.check() != nil {
		return tx.err
	}
	for name := range tx.wrote {
		s := tx.spaces[name]
		s.changes++
		tx.spaces[name] = s
	}
	spaces := tx.spaces // not the field, which end clears
	r.spaces.Store(&spaces)
	return nil
}

// Changes implements store.Records.
func (r *Records) Changes(ctx context.Context, name store.Space) (uint64, error) {
	if err := r.enter(ctx); err != nil {
		return 0, err
	}
	defer r.gate.RUnlock()
	return (*r.spaces.Load())[name].changes, nil
}

// Close implements store.Records. What was stored is gone.
func (r *Records) Close() error {
	r.gate.Lock()
	defer r.gate.Unlock()
	r.closed = true
	r.spaces.Store(&map[store.Space]space{})
	return nil
}

// tx is a transaction: a snapshot that an Update changes at will, since nobody
// else sees it before it is published.
type tx struct {
	ctx    context.Context
	spaces map[store.Space]space
	wrote  map[store.Space]bool // nil in a View
	err    error                // what fails the transaction
	ended  bool
}

var _ store.Writer = (*tx)(nil)

func (t *tx) end() {
	t.ended = true
	t.spaces = nil
}

// check returns what fails the transaction, if anything does.
func (t *tx) check() error {
	if t.ended {
		return errEnded
	}
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	return t.err
}

// Get implements store.Reader.
func (t *tx) Get(name store.Space, key string) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	value, ok := t.spaces[name].root.get(key)
	if !ok {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(value), nil
}

// Scan implements store.Reader.
func (t *tx) Scan(name store.Space, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := t.check(); err != nil {
			yield(store.Record{}, err)
			return
		}
		visit := func(n *node) bool {
			if err := t.check(); err != nil {
				yield(store.Record{}, err)
				return false
			}
			return yield(store.Record{Key: n.key, Value: bytes.Clone(n.value)}, nil)
		}
		if root := t.spaces[name].root; r.Reverse {
			root.descend(r.From, r.To, visit)
		} else {
			root.ascend(r.From, r.To, visit)
		}
	}
}

// Put implements store.Writer.
func (t *tx) Put(name store.Space, key string, value []byte) error {
	if err := t.check(); err != nil {
		return err
	}
	return t.change(name, t.spaces[name].root.put(key, bytes.Clone(value)))
}

// Delete implements store.Writer.
func (t *tx) Delete(name store.Space, key string) error {
	if err := t.check(); err != nil {
		return err
	}
	return t.change(name, t.spaces[name].root.remove(key))
}

func (t *tx) change(name store.Space, root *node) error {
	if name == "" {
		t.err = errSpace
		return t.err
	}
	s := t.spaces[name]
	s.root = root
	t.spaces[name] = s
	t.wrote[name] = true
	return nil
}
