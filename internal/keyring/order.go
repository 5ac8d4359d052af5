package keyring

import (
	"iter"
	"slices"
	"sync"
)

// order is the ids of an account's keys in a region, sorted, for listings.
type order struct {
	mu  sync.RWMutex
	ids []KeyID
}

// add inserts id. New ids begin with the time and those of a start come sorted, so
// that almost every id goes to the end.
func (o *order) add(id KeyID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, found := slices.BinarySearch(o.ids, id); !found {
		o.ids = slices.Insert(o.ids, i, id)
	}
}

func (o *order) remove(id KeyID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, found := slices.BinarySearch(o.ids, id); found {
		o.ids = slices.Delete(o.ids, i, i+1)
	}
}

// after walks the ids that follow last, which need not be there. What is added or
// removed meanwhile may be seen or not.
func (o *order) after(last KeyID) iter.Seq[KeyID] {
	return func(yield func(KeyID) bool) {
		var batch [64]KeyID
		for n := len(batch); n == len(batch); {
			n = o.copyAfter(batch[:], last)
			for _, last = range batch[:n] {
				if !yield(last) {
					return
				}
			}
		}
	}
}

func (o *order) copyAfter(to []KeyID, last KeyID) int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	i, found := slices.BinarySearch(o.ids, last)
	if found {
		i++
	}
	return copy(to, o.ids[i:])
}
