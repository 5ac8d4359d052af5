package identity

import (
	"context"
	"log/slog"
	"time"
)

const (
	// followEvery is how often the register is compared with the store's, for the
	// changes of other nodes.
	followEvery = 250 * time.Millisecond
	// flushEvery is how often last uses go to the store.
	flushEvery = time.Minute
)

// Run follows the store until ctx ends: changes of other nodes come in, last
// uses go out.
func (s *Service) Run(ctx context.Context, log *slog.Logger) {
	follow, flush := time.NewTicker(followEvery), time.NewTicker(flushEvery)
	defer follow.Stop()
	defer flush.Stop()
	report := func(err error) {
		if err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelError, "identities not in step with the store", slog.Any("err", err))
		}
	}
	for {
		select {
		case <-ctx.Done():
			// The store is still open; what is lost here is a matter of minutes.
			_ = s.flushUses(context.WithoutCancel(ctx))
			return
		case <-follow.C:
			report(s.Refresh(ctx))
		case <-flush.C:
			report(s.flushUses(ctx))
		}
	}
}
