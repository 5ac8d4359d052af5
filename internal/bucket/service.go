// Package bucket is the object store: buckets, and objects that are always
// encrypted at rest, each version under a data key of its own.
//
// An object's bytes go through an authenticated stream of chunks (package
// sealed) into a blob, or into a record when they are few; one transaction then
// makes the version visible. What Put acknowledged has survived a power loss;
// what failed leaves nothing but bytes that the next sweep collects. A reader
// of a version goes on while another is written.
//
// Every method asks the gate, and decides about the bucket's policy and the
// caller's own. The data key of an object under SSE-KMS comes from the key
// service, which decides again, about the same caller through this service.
//
// What is stored is authenticated twice: the bytes by their chunks, and the
// record (size, ETag, metadata, name of the blob, wrapped key) by a MAC under
// the object's data key, which every read verifies. Records and blobs are
// specified in docs/spec/bucket-records.md.
package bucket

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// MaxObjectBytes is the largest object that one Put may write: 5 GiB.
	MaxObjectBytes = 5 << 30
	// MaxInlineBytes is the largest object whose sealed bytes live in a record:
	// writing it costs one commit and no file.
	MaxInlineBytes = 16 << 10
)

// DataKeys is what this package wants from the key service. who is the original
// caller, who acts through s3. bind is the encryption context.
type DataKeys interface {
	// NewDataKey makes a key of 32 bytes under the key that ref names, and
	// returns it in clear and wrapped, with the ARN of the key.
	NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, keyARN string, err error)
	// OpenDataKey unwraps what NewDataKey wrapped under an equal bind.
	OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error)
	// ManagedKey returns the ARN of the caller's managed key alias/aws/<service>,
	// which is made on first use.
	ManagedKey(ctx context.Context, who access.Caller, service string) (keyARN string, err error)
}

// Config is what a Service needs. All fields but Principals and those after
// it are required.
type Config struct {
	Records store.Records
	Blobs   store.Blobs
	Keys    DataKeys
	// Vault wraps the data keys of objects under SSE-S3.
	Vault *sealed.Domain
	Gate  *access.Gate
	Clock *clock.Clock
	Log   *slog.Logger
	// Principals may be nil: then policies mean users and roles by their names.
	Principals Principals
	// KeyChanges is a counter that moves with every change of a key of the key
	// service; bucket keys from before are dropped. Without it, a key that was
	// disabled goes on in them for up to five minutes.
	KeyChanges func(ctx context.Context) (uint64, error)

	// SoleWriter says that no other process writes to the same store, so that
	// every blob that no record names at the start is an orphan.
	SoleWriter bool
	// OrphanAge is how old a blob that no record names must be before a sweep
	// deletes it, and so also how long one upload may take. 0 means 24 hours.
	OrphanAge time.Duration
	// SweepEvery is the time between two sweeps. 0 means one hour.
	SweepEvery time.Duration
	// ScrubEvery is the time between two scrubs, each of which reads every object
	// and logs what is damaged; objects under SSE-KMS and SSE-C it only measures.
	// 0 means none.
	ScrubEvery time.Duration
	// ScrubBytesPerSecond bounds the reading of a scrub. 0 means 16 MiB.
	ScrubBytesPerSecond int64
}

// Caller is who calls, and how the request was signed; policies may ask.
type Caller struct {
	access.Caller

	// AuthType is "REST-HEADER", "REST-QUERY-STRING" or "POST"; empty when the
	// request is not signed.
	AuthType string
	// SignedAt is when the request was signed; zero where it does not say.
	SignedAt time.Time
	// Version2 says that it was signed with Signature Version 2.
	Version2 bool
	// TLSVersion is that of the connection, such as "1.3"; empty for one without TLS.
	TLSVersion string
	// ContentSHA256 is the header x-amz-content-sha256.
	ContentSHA256 string
}

// mayUseKMS tells whether the request is signed as the key service wants it.
func (who *Caller) mayUseKMS() bool { return who.Principal.Kind != policy.Anonymous && !who.Version2 }

// Service is the object store. It may be used concurrently.
type Service struct {
	cfg     Config
	cache   configCache
	flights flights

	bucketKeys bucketKeys

	scrubbed atomic.Pointer[CheckReport] // by the last whole scrub

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open starts the object store over what its stores hold, and a background
// sweep for orphaned blobs. Close ends it; the stores stay open.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Blobs == nil || cfg.Keys == nil || cfg.Vault == nil ||
		cfg.Gate == nil || cfg.Clock == nil || cfg.Log == nil {
		return nil, errors.New("open object store: incomplete configuration")
	}
	if cfg.OrphanAge == 0 {
		cfg.OrphanAge = 24 * time.Hour
	}
	if cfg.SweepEvery == 0 {
		cfg.SweepEvery = time.Hour
	}
	if cfg.ScrubBytesPerSecond == 0 {
		cfg.ScrubBytesPerSecond = 16 << 20
	}
	s := &Service{cfg: cfg}
	if _, err := cfg.Records.Changes(ctx, spaceBucket); err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	s.flights.pins = make(map[string]*pin)
	s.cache.configs = make(map[string]*config)
	s.bucketKeys.entries = make(map[bucketKeyID]*bucketKey)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.sweepLoop(background) })
	s.done.Go(func() {
		if err := s.moveMarkers(background); err != nil && background.Err() == nil {
			cfg.Log.LogAttrs(background, slog.LevelError, "delete markers not moved", slog.Any("error", err))
		}
	})
	if cfg.ScrubEvery > 0 {
		s.done.Go(func() { s.scrubLoop(background) })
	}
	return s, nil
}

// Close stops the background work and waits for it.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// pass is one call on its way through the gate, and who makes it.
type pass struct {
	*access.Call
	who    *Caller
	action policy.Action
}

// begin opens a call and fills the condition keys that every S3 call has.
func (s *Service) begin(who *Caller, action policy.Action) *pass {
	call := &pass{s.cfg.Gate.Begin(who.Caller, action), who, action}
	call.setRequestKeys()
	return call
}

func (k *pass) setRequestKeys() {
	who := k.who
	if who.AuthType != "" {
		k.Keys.Set("s3:authType", who.AuthType)
		version := "AWS4-HMAC-SHA256"
		if who.Version2 {
			version = "AWS"
		}
		k.Keys.Set("s3:signatureversion", version)
		if age := who.At.Sub(who.SignedAt); !who.SignedAt.IsZero() && age >= 0 {
			k.Keys.Set("s3:signatureAge", fmt.Sprint(age.Milliseconds()))
		}
	}
	k.setNamed("s3:TlsVersion", who.TLSVersion)
	k.setNamed("s3:x-amz-content-sha256", who.ContentSHA256)
}

// about replaces all that the condition keys told of a version by what they tell of
// another: its id, where the request names it, and its tags.
func (k *pass) about(id string, tags []Pair) {
	k.ResetKeys()
	k.setRequestKeys()
	k.setVersion(id, tags)
}

func (k *pass) setVersion(id string, tags []Pair) {
	k.setNamed("s3:VersionId", id)
	for _, t := range tags {
		k.Keys.SetIn("s3:ExistingObjectTag/", t.Name, t.Value)
	}
}

// target is the bucket or, with a key, an object in it; action replaces the
// call's own when it is not empty.
func (k *pass) target(c *config, key string, action policy.Action) access.Target {
	b := c.bucket()
	t := access.Target{ARN: b.ARN(), Owner: c.Owner, Policy: c.policyFor(k.who, k.action), Rule: policy.ResourceOrIdentity, Action: action}
	if key != "" {
		t.ARN = b.objectARN(key)
	}
	return t
}

// setNamed sets a condition key to what the request says, if it says it.
func (k *pass) setNamed(key, value string) {
	if value != "" {
		k.Keys.Set(key, value)
	}
}

func (k *pass) decide(c *config, key string, action policy.Action) error {
	return k.Decide(k.target(c, key, action))
}

// Lookup finds a bucket by its name. It is not an access path: that a bucket
// exists, and in which region, any unsigned request learns on S3 too, and of its
// owner callers of the door only learn whether it is the one they expected. The
// edge uses it to see whether an origin's name is one of ours, and the door to
// send a caller to the right region.
func (s *Service) Lookup(ctx context.Context, name string) (Bucket, error) {
	c, err := s.config(ctx, name)
	if err != nil {
		return Bucket{}, err
	}
	return c.bucket(), nil
}

// newGeneration begins with the time, so that the bytes of small objects that are
// written together lie together in the records, and a commit writes fewer pages. The
// clock is the machine's, as for the names of blobs.
func newGeneration() string {
	var b [2 + generationBytes]byte
	binary.BigEndian.PutUint64(b[:], uint64(time.Now().UnixMilli()))
	rand.Read(b[8:])
	return string(b[2:])
}
