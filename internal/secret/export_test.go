package secret

import "context"

// DoDue does what Run does at each tick.
func (s *Service) DoDue(ctx context.Context) error { return s.doDue(ctx) }
