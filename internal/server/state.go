package server

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

// What lies below the data folder.
const (
	credentialsFile = "credentials"
	AuditFolder     = "audit"
	cacheFolder     = "cache"

	// firstRecord is the number of the next record of an empty audit log.
	firstRecord = 1

	// AuditCatalogFolder has the index of the audit log.
	AuditCatalogFolder = "audit-catalog"
)

// ErrRecordsLost says that a data folder has an audit log of calls, but no database
// that these could have been about: it was moved away, or left out of a copy.
var ErrRecordsLost = errors.New("the database of this data folder is gone: its audit log has records")

// state is everything that outlives a request: what is kept, under which key,
// and the record of it.
type state struct {
	folder  *store.Folder // nil in memory
	records store.Records
	blobs   store.Blobs
	rootKey rootkey.Source
	vault   *sealed.Vault
	// sealedBefore says that the folder was served before.
	sealedBefore bool
	audit        *audit.Log
	// cacheDir is where the edge may keep files; empty for nowhere.
	cacheDir string
}

// openState opens the data folder, or state in memory. What fails leaves
// nothing open.
func openState(ctx context.Context, cfg *config.Config, opts Options, log *slog.Logger) (_ *state, err error) {
	s := &state{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var roots []sealed.Secret
	if opts.InMemory {
		s.records, s.blobs = memory.NewRecords(), memory.NewBlobs()
		roots = []sealed.Secret{sealed.RandomSecret(sealed.KeyBytes)}
	} else if roots, err = s.openFolder(ctx, cfg.DataDir, opts.Passphrase); err != nil {
		return s, err
	}
	if !s.sealedBefore {
		// The log comes first, so that where there is a vault, there is a log.
		if err := s.openAudit(cfg, roots, log); err != nil {
			return s, err
		}
		if s.audit.Acknowledged() > firstRecord {
			return s, ErrRecordsLost
		}
	}
	if s.vault, err = sealed.Open(ctx, s.records, roots...); err != nil || s.audit != nil {
		return s, err
	}
	return s, s.openAudit(cfg, roots, log)
}

func (s *state) openAudit(cfg *config.Config, roots []sealed.Secret, log *slog.Logger) error {
	headKeys, err := AuditHeadKeys(roots)
	if err != nil {
		return err
	}
	s.audit, err = audit.Open(audit.Config{
		Dir: filepath.Join(cfg.DataDir, AuditFolder), HeadKeys: headKeys, Existing: s.sealedBefore, SegmentBytes: cfg.Audit.SegmentBytes, Log: log,
	})
	return err
}

// openFolder locks the data folder, opens its stores and returns the root keys.
// A root key is made only when nothing was ever sealed under one.
func (s *state) openFolder(ctx context.Context, path string, ask Passphrase) ([]sealed.Secret, error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(path)), 0o755); err != nil {
		return nil, err
	}
	var err error
	if s.folder, err = store.OpenFolder(path); err != nil {
		return nil, err
	}
	// A nil *sqlite.Records in the field would look open to close.
	records, err := sqlite.Open(s.folder)
	if err != nil {
		return nil, err
	}
	s.records = records
	blobs, err := dir.Open(s.folder)
	if err != nil {
		return nil, err
	}
	s.blobs = blobs
	s.cacheDir = filepath.Join(s.folder.Path(), cacheFolder)
	s.sealedBefore, err = sealed.Initialized(ctx, s.records)
	if err != nil {
		return nil, err
	}
	s.rootKey = RootKeySource(s.folder.Path(), ask)
	return rootkey.LoadOrCreate(ctx, s.rootKey, !s.sealedBefore)
}

// Passphrase asks for a passphrase.
type Passphrase func(context.Context) (sealed.Secret, error)

// RootKeySource is where the root key of a data folder is kept: in a file,
// under a passphrase if ask is not nil.
func RootKeySource(dataDir string, ask Passphrase) rootkey.Source {
	name := filepath.Join(dataDir, "root-key")
	if ask != nil {
		return rootkey.Passphrase{Path: name, Passphrase: ask}
	}
	return rootkey.File{Path: name}
}

// AuditHeadKeys derives from the root keys those that authenticate the end of
// the audit log; see docs/spec/auditlog.md.
func AuditHeadKeys(roots []sealed.Secret) ([][]byte, error) {
	var keys [][]byte
	for _, root := range roots {
		key, err := hkdf.Key(sha256.New, root.Reveal(), nil, "keyfront/audit-head-key/v1", 32)
		if err != nil {
			return nil, fmt.Errorf("derive the audit log's key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// close closes what is open, newest first.
func (s *state) close() error {
	var errs []error
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.records != nil {
		errs = append(errs, s.records.Close())
	}
	if s.folder != nil {
		errs = append(errs, s.folder.Close())
	}
	return errors.Join(errs...)
}
