// Package edge is the viewer's door. It takes a request from the host it names
// to a distribution, by its path to a behaviour, past the check of its signature
// to the cache, and on a miss to the origin.
//
// Everything that decides is read from one immutable snapshot, which the edge's
// Feed swaps. The edge holds public keys only, and knows neither stores nor
// buckets. docs/design/0004-edge.md says what was chosen where AWS is silent.
//
// Source: Amazon CloudFront Developer Guide.
package edge

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/edge/compress"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
	"github.com/keyfront-project/keyfront/signedurl"
)

// The bounds of a cache that Config leaves out.
const (
	DefaultCacheMemoryBytes = 64 << 20
	DefaultCacheDiskBytes   = 1 << 30
)

// Config is what an Edge is made of.
type Config struct {
	// Feed is required: the distributions and their invalidations.
	Feed delivery.Feed
	// Clock is required. Expiry of signatures and of cached answers goes by it.
	Clock *clock.Clock
	// Log receives denials with their reasons, and failures of origins. Nil discards.
	Log *slog.Logger

	// Credentials signs requests to origins with an access control or identity.
	// Nil: such requests fail with 502.
	Credentials origin.Credentials
	// Buckets finds this server's own buckets by the domain names of origins.
	// Nil: there are none.
	Buckets origin.Buckets
	// Functions runs those that behaviours name. Nil: their requests fail with 503.
	Functions Functions
	// OriginCAs are what the certificates of origins are checked with. Nil: the
	// system's.
	OriginCAs *x509.CertPool

	// Metrics takes the edge's figures. Nil: nobody reads them.
	Metrics prometheus.Registerer

	// AccessLog takes what viewers asked for, of distributions that log into a
	// bucket and, with AccessLogFolder, of all. Nil: nothing is logged.
	AccessLog       *accesslog.Log
	AccessLogFolder bool
	// RedactSignatures keeps the signatures of URLs and cookies out of the log.
	RedactSignatures bool

	// CacheMemoryBytes bounds what is kept in memory, bookkeeping included.
	// Zero is DefaultCacheMemoryBytes; less than cache.MinBytes is an error.
	CacheMemoryBytes int64
	// CacheDir is a folder for larger answers and those that memory has no room
	// for, and for what is kept until the next start. The edge owns it and makes
	// it if need be.
	// Empty: memory only.
	CacheDir string
	// CacheDiskBytes bounds the files in CacheDir. Zero is
	// DefaultCacheDiskBytes; less than cache.MinBytes is an error. It counts
	// only with CacheDir.
	CacheDiskBytes int64

	// RememberedSignatures is how many verified signatures are remembered, at
	// about 1 KiB each. Zero is signedurl.DefaultRemembered.
	RememberedSignatures int
	// Proxies are servers in front of this one that name the viewers whose
	// requests they pass on. None: a viewer is who connects.
	Proxies forwarded.Proxies
	// HTTPSPort is where viewers that must use https are sent. Zero is 443.
	HTTPSPort int
}

// Edge answers viewers. It is an http.Handler for any number of listeners, with
// and without TLS, whose servers Bound has bounded.
type Edge struct {
	cfg      Config
	log      *slog.Logger
	verifier *signedurl.Verifier
	cache    *cache.Cache
	origins  *origin.Client
	encoders *compress.Pool
	secret   [16]byte // makes this edge's pseudonyms in Via its own
	sites    sync.Map // *delivery.Distribution -> *site
	figures  *figures
	nobody   siteFigures // of requests that reach no distribution
	uses     keyUses

	unsubscribe func()
	open        context.Context // until Close
	shut        context.CancelFunc
	fills       sync.WaitGroup
	closing     sync.Mutex // guards fills.Add against Close
	closed      bool
}

// New returns an Edge that is ready to serve. Invalidations reach it until Close.
func New(cfg Config) (*Edge, error) {
	if cfg.Feed == nil || cfg.Clock == nil {
		return nil, errors.New("edge: Config without Feed or Clock")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.CacheMemoryBytes == 0 {
		cfg.CacheMemoryBytes = DefaultCacheMemoryBytes
	}
	if cfg.CacheDiskBytes == 0 {
		cfg.CacheDiskBytes = DefaultCacheDiskBytes
	}
	e := &Edge{
		cfg:      cfg,
		log:      cfg.Log,
		verifier: signedurl.NewVerifier(cfg.RememberedSignatures),
		encoders: compress.NewPool(encoders(), compressPatience),
		origins: origin.New(origin.Config{
			Clock: cfg.Clock, Credentials: cfg.Credentials, Buckets: cfg.Buckets, RootCAs: cfg.OriginCAs,
		}),
	}
	e.open, e.shut = context.WithCancel(context.Background())
	rand.Read(e.secret[:])
	e.figures = newFigures(cfg.Metrics)
	e.nobody = e.figures.labelled(noneLabel)
	var err error
	e.cache, err = cache.New(cache.Config{
		MemoryBytes: cfg.CacheMemoryBytes, Dir: cfg.CacheDir, DiskBytes: cfg.CacheDiskBytes, Log: cfg.Log,
	})
	if err != nil {
		e.shut()
		return nil, err
	}
	// What the cache has kept has not seen the invalidations since.
	e.unsubscribe = cfg.Feed.Subscribe(e.cache.Marked(), e.invalidate)
	return e, nil
}

// invalidate forgets what inv names, before it returns.
func (e *Edge) invalidate(inv delivery.Invalidation) {
	paths := make([]string, 0, len(inv.Paths)+1)
	for _, p := range inv.Paths {
		path, _, _ := strings.Cut(p, "?")
		paths = append(paths, normalPath(path)+p[len(path):])
	}
	// The root is kept under the name of the object that answers for it.
	if d := e.cfg.Feed.Snapshot().ByID(inv.Distribution); d != nil && d.DefaultRootObject != "" && slices.Contains(paths, "/") {
		paths = append(paths, normalPath("/"+d.DefaultRootObject))
	}
	e.cache.Invalidate(inv.Distribution, paths)
	e.cache.Mark(inv.Seq)
}

// Run tidies up behind changes of the snapshot until ctx ends. An Edge serves
// correctly without it, but keeps what deleted distributions left behind.
func (e *Edge) Run(ctx context.Context) {
	for {
		changed := e.cfg.Feed.Changed()
		e.tidy(e.cfg.Feed.Snapshot())
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// tidy drops what no distribution of s needs.
func (e *Edge) tidy(s *delivery.Snapshot) {
	live := make(map[delivery.DistributionID]*delivery.Distribution)
	for k := range e.sites.Range {
		d := k.(*delivery.Distribution)
		now := s.ByID(d.ID)
		if now != d {
			e.sites.Delete(d)
		}
		if now != nil {
			live[d.ID] = now
		}
	}
	e.origins.Retain(func(yield func(*delivery.Distribution) bool) {
		for _, d := range live {
			if !yield(d) {
				return
			}
		}
	})
	e.uses.retain(s)
	// One that is newer than s may have figures already.
	e.figures.retain(func(id delivery.DistributionID) bool { return e.cfg.Feed.Snapshot().ByID(id) != nil })
	for id := range e.cache.Distributions {
		if e.cfg.Feed.Snapshot().ByID(id) == nil {
			e.cache.Forget(id)
		}
	}
}

// Close ends all fetches and WebSockets, and releases what the Edge holds. No request may come
// after it.
func (e *Edge) Close() error {
	e.closing.Lock()
	e.closed = true
	e.closing.Unlock()
	e.shut()
	e.unsubscribe()
	err := e.cache.Close()
	e.fills.Wait()
	e.origins.Close()
	return err
}

// start runs work in the background, until Close at the latest.
func (e *Edge) start(work func()) bool {
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.closed {
		return false
	}
	e.fills.Go(work)
	return true
}

// occupy keeps Close waiting until release is called. It returns false when the
// Edge is closed.
func (e *Edge) occupy() (release func(), ok bool) {
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.closed {
		return nil, false
	}
	e.fills.Add(1)
	return e.fills.Done, true
}
