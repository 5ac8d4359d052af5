package identity

import (
	"runtime"
	"sync"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// loadBatch is how many records a worker takes at once.
const loadBatch = 256

// loader decodes records beside the scan that reads them.
type loader struct {
	batch   []store.Record
	batches chan []store.Record
	workers sync.WaitGroup

	mu       sync.Mutex
	all, old []entity // old are those among all that were found at an oldPlaceOf
	err      error
}

// start begins anew: a store may run its transaction more than once.
func (l *loader) start() {
	l.batch, l.err = nil, nil
	l.all, l.old = nil, nil
	batches := make(chan []store.Record, runtime.GOMAXPROCS(0))
	l.batches = batches
	for range runtime.GOMAXPROCS(0) {
		l.workers.Go(func() {
			// Equal policies are many; each worker compiles them once.
			shared := &documents{known: map[documentKey]*policy.Document{}}
			for batch := range batches {
				l.decode(batch, shared)
			}
		})
	}
}

func (l *loader) add(rec store.Record) {
	if l.batch = append(l.batch, rec); len(l.batch) == loadBatch {
		l.batches <- l.batch
		l.batch = nil
	}
}

// stop waits until everything is decoded.
func (l *loader) stop() {
	l.batches <- l.batch
	close(l.batches)
	l.workers.Wait()
}

func (l *loader) decode(batch []store.Record, shared *documents) {
	entities := make([]entity, len(batch))
	var old []entity
	for i, rec := range batch {
		p, err := parsePlace(rec.Key)
		if err == nil {
			entities[i], err = decode(p, rec.Value)
		}
		if err != nil {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
			return
		}
		compile(entities[i], shared)
		if p != placeOfEntity(entities[i]) {
			old = append(old, entities[i])
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.old = append(l.all, entities...), append(l.old, old...)
}
