package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/keyfront-project/keyfront/internal/store"
)

// records is a store.Records in a map, which can be told to lose a commit.
type records struct {
	mu         sync.Mutex
	kept       map[recordKey][]byte
	failCommit bool
}

type recordKey struct {
	space store.Space
	key   string
}

var errCommit = errors.New("commit failed")

func newRecords() *records { return &records{kept: make(map[recordKey][]byte)} }

func (r *records) View(_ context.Context, fn func(store.Reader) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fn(tx(maps.Clone(r.kept)))
}

// Update runs fn twice, as a store that retries may.
func (r *records) Update(_ context.Context, fn func(store.Writer) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := fn(tx(maps.Clone(r.kept))); err != nil {
		return err
	}
	t := tx(maps.Clone(r.kept))
	if err := fn(t); err != nil {
		return err
	}
	if r.failCommit {
		return errCommit
	}
	r.kept = t
	return nil
}

func (*records) Changes(context.Context, store.Space) (uint64, error) { return 0, nil }
func (*records) Close() error                                         { return nil }

type tx map[recordKey][]byte

func (t tx) Get(space store.Space, key string) ([]byte, error) {
	v, ok := t[recordKey{space, key}]
	if !ok {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(v), nil
}

func (t tx) Scan(space store.Space, r store.Range) iter.Seq2[store.Record, error] {
	var keys []string
	for k := range t {
		if k.space == space && k.key >= r.From && (r.To == "" || k.key < r.To) {
			keys = append(keys, k.key)
		}
	}
	slices.Sort(keys)
	return func(yield func(store.Record, error) bool) {
		for _, k := range keys {
			if !yield(store.Record{Key: k, Value: bytes.Clone(t[recordKey{space, k}])}, nil) {
				return
			}
		}
	}
}

func (t tx) Put(space store.Space, key string, value []byte) error {
	t[recordKey{space, key}] = bytes.Clone(value)
	return nil
}

func (t tx) Delete(space store.Space, key string) error {
	delete(t, recordKey{space, key})
	return nil
}
