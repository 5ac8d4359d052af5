package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// logDelivery is the service principal that puts access logs into buckets.
const logDelivery = "delivery.logs.amazonaws.com"

// openAccessLog begins to take lines for buckets, and for the configured folder.
func (s *Server) openAccessLog() (err error) {
	if name := s.cfg.AccessLog.Folder; name != "" {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return fmt.Errorf("accessLog.folder: %w", err)
		}
		if s.logFolder, err = os.OpenRoot(name); err != nil {
			return fmt.Errorf("accessLog.folder: %w", err)
		}
	}
	s.accessLog = accesslog.New(accesslog.Config{Deliver: s.deliverLog, Log: s.log})
	return nil
}

func (s *Server) closeAccessLog() error {
	var err error
	if s.accessLog != nil {
		err = s.accessLog.Close()
	}
	if s.logFolder != nil {
		err = errors.Join(err, s.logFolder.Close())
	}
	return err
}

// deliverLog keeps a file of an access log. The bucket's policy decides, as over
// everybody else who writes to it.
func (s *Server) deliverLog(ctx context.Context, f *accesslog.File) error {
	if f.Bucket == "" {
		return s.writeLog(f)
	}
	found, err := s.buckets.Lookup(ctx, f.Bucket)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	who := bucket.Caller{SignedAt: now, Caller: access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Service: logDelivery},
		Region:    found.Region, RequestID: rand.Text(), At: now, SourceARN: f.ARN,
	}}
	if a, err := arn.Parse(f.ARN); err == nil {
		who.SourceAccount = a.Account
	}
	_, err = s.buckets.Put(ctx, who, bucket.Put{
		Bucket: f.Bucket, Key: f.Name, Body: bytes.NewReader(f.Gzip), SizeBytes: int64(len(f.Gzip)),
		Metadata: bucket.Metadata{ContentType: "application/x-gzip"},
	})
	return err
}

// writeLog keeps a file in the folder. Its name is nobody's but ours, so that one
// that is there already is the rest of a delivery that failed.
func (s *Server) writeLog(f *accesslog.File) error {
	file, err := s.logFolder.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Gzip)
	return errors.Join(err, file.Sync(), file.Close())
}
