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
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
)

// Config is what a Service needs. All fields are required.
type Config struct {
	Gate *access.Gate
	// Catalog finds records by Terms.
	Catalog *catalog.Catalog
}

// Service answers for CloudTrail. It may be used concurrently.
type Service struct{ cfg Config }

// Open returns a service over cfg.
func Open(cfg Config) (*Service, error) {
	if cfg.Gate == nil || cfg.Catalog == nil {
		return nil, errors.New("trail: incomplete configuration")
	}
	return &Service{cfg: cfg}, nil
}
