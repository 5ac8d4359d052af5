package dir

import "sync"

// folderSync shares syncs of one folder: whoever asks while a sync runs waits for
// the next, which serves all who asked by then. The zero value is ready.
type folderSync struct {
	running sync.Mutex // held during a sync

	mu   sync.Mutex
	next *syncRound // not begun yet; nil if nobody waits
}

// syncRound is one sync and those who wait for it.
type syncRound struct {
	done chan struct{} // closed after err is set
	err  error
}

// wait returns the result of a sync that began after wait was called.
func (s *folderSync) wait(sync func() error) error {
	s.mu.Lock()
	if round := s.next; round != nil {
		s.mu.Unlock()
		<-round.done
		return round.err
	}
	round := &syncRound{done: make(chan struct{})}
	s.next = round
	s.mu.Unlock()

	// The first to ask does it, as soon as the one before has ended.
	s.running.Lock()
	s.mu.Lock()
	s.next = nil // whoever comes now may have changed what this sync misses
	s.mu.Unlock()
	round.err = sync()
	s.running.Unlock()
	close(round.done)
	return round.err
}
