package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// settleEvery is how often the audit log is looked at for files that are full
// and have no index yet.
const settleEvery = 10 * time.Second

// openTrails opens what answers from the audit log.
func (s *Server) openTrails(ctx context.Context) (err error) {
	if s.auditReader, err = audit.OpenReader(filepath.Join(s.cfg.DataDir, AuditFolder)); err != nil {
		return err
	}
	s.catalog, err = catalog.Open(catalog.Config{
		Log: s.auditReader, Dir: filepath.Join(s.cfg.DataDir, AuditCatalogFolder), Terms: trail.Terms, Version: trail.TermsVersion,
		Next: s.state.audit.Acknowledged,
	})
	if err != nil {
		return err
	}
	if err := s.openCheckpoints(ctx); err != nil {
		return err
	}
	if err := s.openArchive(ctx); err != nil {
		return err
	}
	keys, err := s.state.vault.Domain(ctx, "cloudtrail")
	if err != nil {
		return err
	}
	s.trails, err = trail.Open(trail.Config{
		Records: s.state.records, Keys: keys, Gate: s.gate, Clock: s.clock, Log: s.state.audit, Reader: s.auditReader, Catalog: s.catalog,
		Buckets: s.buckets, KMS: s.keys, Removed: s.archive.Removed, Logger: s.log, ErrorCode: s3.ErrorCode, DeliverEvery: time.Duration(s.cfg.Trails.DeliverEvery), DigestEvery: time.Duration(s.cfg.Trails.DigestEvery),
	})
	return err
}

// closeTrails closes what openTrails opened.
func (s *Server) closeTrails() (errs []error) {
	if s.tree != nil {
		errs = append(errs, s.tree.Close())
	}
	if s.catalog != nil {
		errs = append(errs, s.catalog.Close())
	}
	if s.auditReader != nil {
		errs = append(errs, s.auditReader.Close())
	}
	return errs
}

// settleCatalog indexes full files of the audit log, so that who looks
// something up need not wait for it.
func (s *Server) settleCatalog(ctx context.Context) {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		if err := s.catalog.Settle(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("audit log not indexed", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
