package lambda

import (
	"container/list"
	"context"
	"sync"

	"github.com/keyfront-project/keyfront/internal/function"
)

// shelf holds the functions that run, by the ARN of their version: those used
// last, as many as their zips fit into a number of bytes.
type shelf struct {
	mu    sync.Mutex
	room  int64
	order *list.List // of *entry, the one used last in front
	byARN map[string]*list.Element
}

type entry struct {
	arn, revision string
	size          int64
	f             *function.Function
}

func newShelf(room int64) *shelf {
	return &shelf{room: room, order: list.New(), byARN: make(map[string]*list.Element)}
}

// get returns the function, or nil if it is not there in that revision; an empty
// revision is any.
func (s *shelf) get(arn, revision string) *function.Function {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byARN[arn]
	if !ok || revision != "" && e.Value.(*entry).revision != revision {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*entry).f
}

// put replaces what is there under the ARN. Functions that make room come to the
// end of their invocations.
func (s *shelf) put(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(e.arn)
	s.byARN[e.arn] = s.order.PushFront(e)
	s.room -= e.size
	for s.room < 0 && s.order.Len() > 1 {
		s.dropLocked(s.order.Back().Value.(*entry).arn)
	}
}

func (s *shelf) drop(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(arn)
}

func (s *shelf) dropLocked(arn string) {
	e, ok := s.byARN[arn]
	if !ok {
		return
	}
	gone := s.order.Remove(e).(*entry)
	delete(s.byARN, arn)
	s.room += gone.size
	gone.f.Close()
}

// turns lets one at a time do what is called by a name.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// enter waits for the turn at name, which lasts until free is called.
func (t *turns) enter(ctx context.Context, name string) (free func(), err error) {
	for {
		t.mu.Lock()
		before, taken := t.taken[name]
		if !taken {
			done := make(chan struct{})
			t.taken[name] = done
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.taken, name)
				t.mu.Unlock()
				close(done)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
