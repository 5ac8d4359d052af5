package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit/archive"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// auditService is the service principal that keeps the audit log's archive.
const auditService = "audit.keyfront"

// openArchive opens the archive of the audit log, which is off without a bucket.
func (s *Server) openArchive(ctx context.Context) (err error) {
	cfg := archive.Config{
		Records: s.state.records, Log: s.state.audit, Reader: s.auditReader, Tree: s.tree, Clock: s.clock, Logger: s.log, Keep: time.Duration(s.cfg.Audit.KeepFor),
		Needed: func(ctx context.Context) (uint64, error) { return s.trails.Owed(ctx) },
	}
	if to := s.cfg.Audit.Archive; to.Bucket != "" {
		cfg.Objects, cfg.Place = archiveBucket{s}, to.Bucket+"/"+to.Prefix
	}
	if s.archive, err = archive.Open(ctx, cfg); err != nil {
		return err
	}
	if s.inspecting { // without metrics
		return nil
	}
	s.metrics.gauge("keyfront_audit_last_record", "Number of the last record in the audit log.", nil, func() float64 {
		return float64(s.state.audit.Acknowledged() - 1)
	})
	s.metrics.gauge("keyfront_audit_first_record", "Number of the first record of the audit log that is on this machine.", nil, s.firstRecord)
	s.metrics.gauge("keyfront_audit_archived_record", "Number of the last record in the audit log's archive.", nil, func() float64 {
		return float64(s.archive.Archived())
	})
	s.metrics.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "keyfront_audit_archive_failures_total", Help: "Attempts to archive the audit log that failed.",
		}, func() float64 { return float64(s.archive.Failures()) }),
	)
	return nil
}

func (s *Server) firstRecord() float64 {
	segments, err := s.auditReader.Segments()
	if err != nil || len(segments) == 0 {
		return 0
	}
	return float64(segments[0].First)
}

// archiveBucket is the archive in a bucket of our own. The bucket's policy
// decides, and the key's, as over everybody else who uses them.
type archiveBucket struct{ s *Server }

// in returns the bucket's name, the key of an object, and who asks for it.
func (b archiveBucket) in(ctx context.Context, name string) (place, key string, who bucket.Caller, err error) {
	s, to := b.s, &b.s.cfg.Audit.Archive
	found, err := s.buckets.Lookup(ctx, to.Bucket)
	if err != nil {
		return "", "", who, fmt.Errorf("audit.archive.bucket: %w", err)
	}
	account := arn.AccountID(s.cfg.Account)
	now := s.clock.Now()
	who = bucket.Caller{SignedAt: now, Caller: access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: account, Service: auditService},
		Region:    found.Region, RequestID: uuid.NewString(), At: now, UserAgent: auditService, TLS: true,
		SourceARN: "arn:aws:keyfront::" + s.cfg.Account + ":audit", SourceAccount: account,
	}}
	return to.Bucket, to.Prefix + name, who, nil
}

// Put writes an object.
func (b archiveBucket) Put(ctx context.Context, name string, content io.Reader, replace bool) error {
	place, key, who, err := b.in(ctx, name)
	if err != nil {
		return err
	}
	in := bucket.Put{
		Bucket: place, Key: key, Body: content, SizeBytes: bucket.UnknownSize, Conditions: bucket.WriteConditions{IfAbsent: !replace},
		Metadata: bucket.Metadata{ContentType: "application/octet-stream"},
	}
	if id := b.s.cfg.Audit.Archive.KMSKeyID; id != "" {
		in.Encryption = bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: id}
	}
	_, err = b.s.buckets.Put(ctx, who, in)
	if _, ok := errors.AsType[*bucket.PreconditionError](err); ok {
		return &fs.PathError{Op: "put", Path: key, Err: fs.ErrExist}
	}
	return err
}

// Get opens an object.
func (b archiveBucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	place, key, who, err := b.in(ctx, name)
	if err != nil {
		return nil, err
	}
	object, err := b.s.buckets.Get(ctx, who, bucket.Get{Bucket: place, Key: key})
	if errors.Is(err, bucket.ErrNoKey) {
		return nil, &fs.PathError{Op: "get", Path: key, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}
