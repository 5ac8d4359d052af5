package stack

import "context"

// Wait waits until no stack is worked on.
func (s *Service) Wait(ctx context.Context) {
	s.mu.Lock()
	var all []chan struct{}
	for _, done := range s.busy {
		all = append(all, done)
	}
	s.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}
