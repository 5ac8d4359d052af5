package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/rootkey"
)

// CheckObjects opens the data folder of a server that is down and reads every
// object. found is called with each one that does not read as it was written.
// The accounts' root users open the objects under SSE-KMS, and the audit log
// says so; where a key refuses them, only sizes and places are checked.
func CheckObjects(ctx context.Context, cfg config.Config, opts Options, found func(bucket.Damage)) (r bucket.CheckReport, err error) {
	s := &Server{cfg: cfg, log: opts.Log, clock: clock.System(), metrics: newMetrics(), inspecting: true}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := mustBeInitialized(ctx, cfg.DataDir, opts); err != nil {
		return r, err
	}
	if s.state, err = openState(ctx, &cfg, opts, s.log); err != nil {
		return r, err
	}
	defer func() {
		err = errors.Join(append(s.closeTrails(), err)...)
		if s.buckets != nil {
			err = errors.Join(err, s.buckets.Close())
		}
		err = errors.Join(err, s.state.close())
	}()
	if err := s.openDomains(ctx); err != nil {
		return r, err
	}
	return s.buckets.Check(ctx, bucket.Check{As: s.rootOf, Found: found})
}

// mustBeInitialized keeps a check from making a data folder where there is none.
func mustBeInitialized(ctx context.Context, dataDir string, opts Options) error {
	keys, err := RootKeySource(dataDir, opts.Passphrase).Load(ctx)
	for _, k := range keys {
		k.Wipe()
	}
	if errors.Is(err, rootkey.ErrAbsent) {
		return fmt.Errorf("%s is no data folder: %w", filepath.Clean(dataDir), err)
	}
	return err
}

// rootOf is the root user of an account, at work for the operator.
func (s *Server) rootOf(account arn.AccountID) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: arn.Root(account).String(), UserID: string(account)},
		RequestID: "fsck", UserAgent: "keyfront fsck", At: s.clock.Now(),
	}
}
