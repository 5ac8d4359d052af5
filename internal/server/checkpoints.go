package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/keyfront-project/keyfront/internal/audit/merkle"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// checkpointEvery is the time between two checkpoints of the audit log.
	checkpointEvery = 10 * time.Second
	// CheckpointKeyFile, in the audit folder, has the public key of checkpoints.
	CheckpointKeyFile = "checkpoint.pub"

	auditSpace store.Space = "audit"

	// checkpointKey names the key's record, and what it is wrapped for.
	checkpointKey = "checkpoint-key"
)

// openCheckpoints opens the tree over the audit log, and makes the key that
// signs it on the first start.
func (s *Server) openCheckpoints(ctx context.Context) error {
	domain, err := s.state.vault.Domain(ctx, "audit")
	if err != nil {
		return err
	}
	public, secret, err := loadCheckpointKey(ctx, s.state.records, domain)
	if err != nil {
		return err
	}
	defer secret.Wipe()
	signer, err := note.NewSigner(string(secret.Reveal()))
	if err != nil {
		return fmt.Errorf("checkpoint key: %w", err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return fmt.Errorf("checkpoint key: %w", err)
	}
	folder := filepath.Join(s.cfg.DataDir, AuditFolder)
	if err := os.WriteFile(filepath.Join(folder, CheckpointKeyFile), []byte(public+"\n"), 0o600); err != nil {
		return err
	}
	s.tree, err = merkle.Open(merkle.Config{Dir: folder, Log: s.auditReader, Next: s.state.audit.Acknowledged, Signer: signer, Verifier: verifier})
	return err
}

// loadCheckpointKey returns the key, in the spellings of package note. The record
// is the public key, a line feed, and the wrapped secret key.
func loadCheckpointKey(ctx context.Context, records store.Records, domain *sealed.Domain) (public string, secret sealed.Secret, err error) {
	var kept []byte
	err = records.Update(ctx, func(tx store.Writer) error {
		kept, err = tx.Get(auditSpace, checkpointKey)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		var id [8]byte
		rand.Read(id[:])
		made, vkey, err := note.GenerateKey(rand.Reader, fmt.Sprintf("keyfront.audit/%x", id))
		if err != nil {
			return err
		}
		kept = append([]byte(vkey+"\n"), domain.Wrap(checkpointKey, checkpointKey, sealed.NewSecret([]byte(made)))...)
		return tx.Put(auditSpace, checkpointKey, kept)
	})
	if err != nil {
		return "", secret, fmt.Errorf("checkpoint key: %w", err)
	}
	line, wrapped, _ := bytes.Cut(kept, []byte("\n"))
	public = string(line)
	if secret, err = domain.Unwrap(checkpointKey, checkpointKey, wrapped); err != nil {
		return "", secret, fmt.Errorf("checkpoint key: %w", err)
	}
	return public, secret, nil
}

// signCheckpoints keeps the tree behind the log until ctx ends, and once more
// then.
func (s *Server) signCheckpoints(ctx context.Context) {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkpointEvery)
			defer cancel()
			s.signCheckpoint(last)
			return
		case <-tick.C:
			s.signCheckpoint(ctx)
		}
	}
}

func (s *Server) signCheckpoint(ctx context.Context) {
	if err := s.tree.Grow(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("audit log without a new checkpoint", slog.Any("err", err))
	}
}
