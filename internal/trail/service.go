// Package trail shows the audit log the way CloudTrail does: events to look up,
// and trails that deliver them to buckets, with digests by which anyone can see
// that nothing was changed since.
//
// The audit log is the one source. A trail remembers how far it has delivered;
// what it delivers is planned and made durable first, so that a crash at any
// moment leads to the same objects again, and to none twice. Objects are written
// as the service principal cloudtrail.amazonaws.com through the object store's
// own gate: the bucket's policy decides each time.
package trail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Buckets is what this package wants from the object store.
type Buckets interface {
	Put(ctx context.Context, who bucket.Caller, in bucket.Put) (bucket.Info, error)
	PolicyOf(ctx context.Context, name string) (*policy.Document, arn.AccountID, error)
	Lookup(ctx context.Context, name string) (bucket.Bucket, error)
}

// Log is what this package wants from the audit log.
type Log interface {
	// Acknowledged is the number of the next record: those before it have
	// survived a power loss.
	Acknowledged() uint64
}

// Config is what a Service needs. All fields but Removed and those after it
// are required.
type Config struct {
	Records store.Records
	// Keys wraps the keys that sign digests.
	Keys  *sealed.Domain
	Gate  *access.Gate
	Clock *clock.Clock
	Log   Log
	// Reader reads the log.
	Reader *audit.Reader
	// Catalog finds records by Terms.
	Catalog *catalog.Catalog
	Buckets Buckets
	// KMS has the keys that log files are encrypted under.
	KMS    DataKeys
	Logger *slog.Logger
	// ErrorCode names an error of Buckets as the object store does on the wire.
	ErrorCode func(error) string

	// Removed is when the newest record was made that is archived and no longer
	// in Reader; the zero Time if there is none. It never goes back. nil means
	// that none ever is.
	Removed func() time.Time
	// DeliverEvery is the time between two deliveries of a trail; 0 means five
	// minutes. DigestEvery is the same for digests; 0 means an hour.
	DeliverEvery, DigestEvery time.Duration
}

// Service answers for CloudTrail. It may be used concurrently.
type Service struct {
	cfg Config

	changing   sync.Mutex // held while a trail's record changes
	delivering sync.Mutex // held by whoever delivers
}

// Open returns a service over cfg. Nothing is delivered before Run.
func Open(cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Keys == nil || cfg.Gate == nil || cfg.Clock == nil || cfg.Log == nil || cfg.Reader == nil ||
		cfg.Catalog == nil || cfg.Buckets == nil || cfg.KMS == nil || cfg.Logger == nil || cfg.ErrorCode == nil {
		return nil, errors.New("trail: incomplete configuration")
	}
	if cfg.Removed == nil {
		cfg.Removed = func() time.Time { return time.Time{} }
	}
	if cfg.DeliverEvery == 0 {
		cfg.DeliverEvery = 5 * time.Minute
	}
	if cfg.DigestEvery == 0 {
		cfg.DigestEvery = time.Hour
	}
	return &Service{cfg: cfg}, nil
}
