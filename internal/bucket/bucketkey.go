package bucket

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

const (
	// bucketKeyLife is how long a bucket key is used before the key service is
	// asked again: so long a key that was disabled may go on.
	bucketKeyLife = 5 * time.Minute
	// maxBucketKeys bounds the cache; beyond it everything is dropped.
	maxBucketKeys = 10_000
)

// bucketKeys keeps bucket keys, so that not every object under SSE-KMS costs a
// call of the key service. What one caller was allowed never serves another:
// each has entries of its own, and those for writing open nothing.
//
// Source: Amazon S3 User Guide, "Reducing the cost of SSE-KMS with Amazon S3
// Bucket Keys".
type bucketKeys struct {
	mu      sync.Mutex
	entries map[bucketKeyID]*bucketKey
	// epoch grows whenever entries is emptied, so that a key that was had before is
	// not kept after it.
	epoch   uint64
	changes uint64 // of the key service's keys, when checked
	checked time.Time
}

type bucketKeyID struct {
	bucket  string // its id
	caller  string
	context string
	// ref is the key that a new bucket key was made under, or the hash of the
	// wrapped bucket key that was opened.
	ref     string
	opening bool
}

type bucketKey struct {
	secret  sealed.Secret
	wrapped []byte
	keyARN  string
	made    time.Time // by the server's clock
}

// callerID tells callers apart by whatever a policy could tell them apart that
// does not change with every request.
func callerID(who access.Caller) string {
	p := &who.Principal
	return strings.Join([]string{
		strconv.Itoa(int(p.Kind)), p.ARN, p.UniqueID, p.UserID, p.Service, who.AccessKeyID, who.SourceARN, string(who.SourceAccount), who.Via, who.SourceIP.String(),
		strconv.FormatBool(who.TLS), who.UserAgent, who.Referer,
	}, "\x00")
}

func (s *Service) bucketKeyID(who access.Caller, c *config, ref string, bind map[string]string, opening bool) bucketKeyID {
	return bucketKeyID{c.ID, callerID(who), string(appendPairs(nil, sortedPairs(bind))), ref, opening}
}

// cachedBucketKey returns a bucket key that is fresh enough, or nil and the epoch to
// keep another one in.
func (s *Service) cachedBucketKey(ctx context.Context, id bucketKeyID) (*bucketKey, uint64) {
	s.refreshBucketKeys(ctx)
	b := &s.bucketKeys
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.entries[id]
	if k == nil {
		return nil, b.epoch
	}
	if age := s.cfg.Clock.Now().Sub(k.made); age < 0 || age >= bucketKeyLife {
		delete(b.entries, id)
		return nil, b.epoch
	}
	return k, b.epoch
}

// refreshBucketKeys drops all bucket keys when a key of the key service changed, or
// when nobody can say whether one did.
func (s *Service) refreshBucketKeys(ctx context.Context) {
	b := &s.bucketKeys
	b.mu.Lock()
	fresh := s.cfg.KeyChanges == nil || time.Since(b.checked) <= cacheFreshFor
	b.mu.Unlock()
	if fresh {
		return
	}
	asked := time.Now()
	changes, err := s.cfg.KeyChanges(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || changes != b.changes {
		clear(b.entries)
		b.epoch++
	}
	if err == nil {
		b.changes, b.checked = changes, asked
	}
}

func (s *Service) keepBucketKey(epoch uint64, id bucketKeyID, k *bucketKey) {
	b := &s.bucketKeys
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.epoch != epoch {
		return
	}
	if len(b.entries) >= maxBucketKeys {
		clear(b.entries)
	}
	b.entries[id] = k
}

// newBucketKey returns a bucket key for writing under the key that ref names.
func (s *Service) newBucketKey(ctx context.Context, who access.Caller, c *config, ref string, bind map[string]string) (*bucketKey, error) {
	id := s.bucketKeyID(who, c, ref, bind, false)
	k, epoch := s.cachedBucketKey(ctx, id)
	if k != nil {
		return k, nil
	}
	k = &bucketKey{made: s.cfg.Clock.Now()}
	var err error
	if k.secret, k.wrapped, k.keyARN, err = s.cfg.Keys.NewDataKey(ctx, who, ref, bind); err != nil {
		return nil, &KeyError{err}
	}
	s.keepBucketKey(epoch, id, k)
	return k, nil
}

// openBucketKey unwraps a bucket key. The result is shared and not to be wiped.
func (s *Service) openBucketKey(ctx context.Context, who access.Caller, c *config, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	sum := sha256.Sum256(wrapped)
	id := s.bucketKeyID(who, c, string(sum[:]), bind, true)
	k, epoch := s.cachedBucketKey(ctx, id)
	if k != nil {
		return k.secret, nil
	}
	made := s.cfg.Clock.Now()
	secret, err := s.cfg.Keys.OpenDataKey(ctx, who, wrapped, bind)
	if err != nil {
		return sealed.Secret{}, err
	}
	s.keepBucketKey(epoch, id, &bucketKey{secret: secret, made: made})
	return secret, nil
}
