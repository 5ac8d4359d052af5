package server

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// headKeeper is a source of root keys that brings the end of the audit log
// under a key before the others are given up.
type headKeeper struct {
	rootkey.Source
	audit *audit.Log
}

// Replace makes keys all that the source holds.
func (h headKeeper) Replace(ctx context.Context, keys ...sealed.Secret) error {
	if len(keys) == 1 {
		head, err := AuditHeadKeys(keys)
		if err != nil {
			return err
		}
		if err := h.audit.Rekey(head[0]); err != nil {
			return err
		}
	}
	return h.Source.Replace(ctx, keys...)
}

// settleRootKey ends a rotation that a crash cut short.
func (s *state) settleRootKey(ctx context.Context) error {
	if s.rootKey == nil {
		return nil
	}
	return rootkey.Settle(ctx, headKeeper{s.rootKey, s.audit}, s.vault)
}

// rotateRootKey replaces the root key while the server runs and returns the
// id of the new one. The caller is of the default account and needs
// keyfront:RotateRootKey.
func (s *Server) rotateRootKey(ctx context.Context, who access.Caller) (id sealed.RootID, err error) {
	call := s.gate.Begin(who, "keyfront:RotateRootKey")
	defer call.End(ctx, &err)
	target := access.Target{ARN: "*", Owner: arn.AccountID(s.cfg.Account), Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return "", err
	}
	if s.state.rootKey == nil {
		return "", rootkey.ErrAbsent
	}
	s.rotating.Lock()
	defer s.rotating.Unlock()
	err = call.Effect(ctx, func() (err error) {
		// Cutting the caller's connection must not cut the rotation.
		id, err = rootkey.Rotate(context.WithoutCancel(ctx), headKeeper{s.state.rootKey, s.state.audit}, s.state.vault)
		return err
	})
	return id, err
}
