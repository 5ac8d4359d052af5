// Package keyring is the key service's domain: keys and their material, made
// here or imported, in one region or several; aliases, key policies, grants,
// states and the cryptography that they allow. It knows no HTTP and no JSON.
//
// A Ring promises:
//
//   - Material exists in plaintext only in the memory of the process. In the
//     store it is wrapped under the vault's domain, bound to its key's name.
//   - Every exported method that acts for a caller passes access.Gate: decided,
//     recorded, then answered.
//   - A method checks, in this order: the key's name, the caller's permission,
//     the key's state, its usage and origin, the algorithm, sizes. So a caller
//     who may not use a key learns nothing about it.
//   - A change is durable before it is visible, and whole or absent. It is
//     visible on this node when the method returns, on others where Run runs
//     within Config.Poll.
//   - What Encrypt and the data key methods made stays readable for the life of
//     the key.
//
// Keys, policies, grants and aliases are read from memory, as immutable
// snapshots, one a key; no lock is held across I/O or cryptography.
//
// The records are specified in docs/spec/keyring-records.md, ciphertext blobs in
// docs/spec/keyblob.md. Semantics follow the AWS KMS API Reference and Developer
// Guide, API version 2014-11-01.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// KeyID names a key in its region: a lower-case UUID, or for a multi-Region key
// "mrk-" and 32 lower-case hexadecimal digits, which its related keys share.
type KeyID string

// Bounds of requests and of keys.
const (
	MaxPlaintextBytes  = 4096
	MaxMessageBytes    = 4096
	MaxCiphertextBytes = sealed.MaxBlobBytes
	MaxDataKeyBytes    = 1024
	MaxRandomBytes     = 1024
	MaxPolicyBytes     = 32768
	MaxAliasesPerKey   = 50
	MaxTagsPerKey      = 50

	MinDeletionDays     = 7
	MaxDeletionDays     = 30
	DefaultDeletionDays = 30
)

// Config is what a Ring stands on. Records, Domain, Gate and Clock are required.
type Config struct {
	Records store.Records
	// Domain wraps key material; it is the vault's domain "kms".
	Domain *sealed.Domain
	Gate   *access.Gate
	Clock  *clock.Clock
	// Principals ties the users and roles that key policies name to their unique
	// ids. Without it they are known by name only.
	Principals Principals
	// UseOf gives the id of the event in CloudTrail of a use of a key, empty where
	// none is known. Without it none is.
	UseOf func(ctx context.Context, keyARN, operation, request string, at time.Time) (id string, err error)
	// Log receives the failures of background work; nil discards them.
	Log *slog.Logger

	// MaxKeys is how many keys of its own an account may have in a region; 0
	// means 100,000. Keys that services manage do not count.
	MaxKeys int

	// Poll is how often Run looks for changes of other nodes; 0 means 250 ms.
	Poll time.Duration
	// Pool is how many RSA pairs of each size Run keeps ready, and as many again
	// wrapped in the store for the next start. The zero Pool keeps none, and pairs
	// are made when they are needed.
	Pool PoolSize
}

// Principals knows the users and roles of this server.
type Principals interface {
	// Identify gives the unique id behind the ARN of a user or role, empty for
	// accounts that are not ours. ok is false when there is no such principal.
	Identify(name string) (id string, ok bool)
	// NameOf gives the ARN that an id has now. ok is false when it is gone.
	NameOf(id string) (name string, ok bool)
}

// PoolSize is a number of RSA pairs for each size of the modulus.
type PoolSize struct{ RSA2048, RSA3072, RSA4096 int }

// Ring is the key service. It may be used concurrently.
type Ring struct {
	records store.Records
	domain  *sealed.Domain
	gate    *access.Gate
	clock   *clock.Clock
	log     *slog.Logger
	poll    time.Duration
	maxKeys int
	useOf   func(ctx context.Context, keyARN, operation, request string, at time.Time) (string, error)
	pairs   *pairPool
	// principals is nil where nobody knows them.
	principals Principals

	index index
	follow
	usage usage
	// calls counts what callers ask for, so that the pool can see idle time.
	calls atomic.Uint64
}

// Open reads every key of the store into memory and returns their Ring. The
// store stays the caller's to close. Deletions that came due while no Ring was
// open are done when Run starts; their keys are gone for callers at once.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	if cfg.Records == nil || cfg.Domain == nil || cfg.Gate == nil || cfg.Clock == nil {
		return nil, errors.New("keyring: Records, Domain, Gate and Clock are required")
	}
	r := &Ring{
		records: cfg.Records, domain: cfg.Domain, gate: cfg.Gate, clock: cfg.Clock,
		log: cfg.Log, poll: cfg.Poll, maxKeys: cfg.MaxKeys, useOf: cfg.UseOf, principals: cfg.Principals, pairs: newPairPool(cfg.Pool, pairStock{cfg.Records, cfg.Domain}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.maxKeys <= 0 {
		r.maxKeys = 100_000
	}
	if r.poll <= 0 {
		r.poll = 250 * time.Millisecond
	}
	r.follow.busy = make(chan struct{}, 1)
	if err := r.refresh(ctx, 0); err != nil {
		return nil, err
	}
	return r, nil
}

// Changes is a counter that moves with every change of a key, on whichever node.
func (r *Ring) Changes(ctx context.Context) (uint64, error) {
	n, err := r.records.Changes(ctx, changeSpace)
	if err != nil {
		return 0, fmt.Errorf("keyring: changes: %w", err)
	}
	return n, nil
}

// partition is the first part of every ARN that we make.
const partition = "aws"

// arnStart begins the ARN of every key and alias.
const arnStart = "arn:" + partition + ":kms:"

func kmsARN(region string, account arn.AccountID, resource string) string {
	return arnStart + region + ":" + string(account) + ":" + resource
}
