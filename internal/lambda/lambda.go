// Package lambda keeps functions as AWS Lambda does: code in zips, configuration,
// numbered versions, aliases, a policy of their own and tags. It runs them for
// callers, for services, later for those who do not wait, and for the edge.
//
// What runs them is package function; here is what there is to run. The code and
// the environment are sealed under the domain "lambda" before they are stored.
// docs/spec/lambda-records.md describes what is stored.
//
// Source: AWS Lambda API Reference, API version 2015-03-31.
package lambda

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Limits of the service.
//
// Source: AWS Lambda Developer Guide, "Lambda quotas".
const (
	MaxZipBytes    = 50 << 20
	MaxEnvBytes    = 4 << 10
	MaxPolicyBytes = 20 << 10
	MaxTags        = 50
	// MaxEventBytes bounds the payload of an invocation that nobody waits for.
	MaxEventBytes = 256 << 10
	// MaxCodeStorageBytes bounds the zips of one account in one region.
	MaxCodeStorageBytes = 75 << 30
	// DefaultMaxEvents is how many events of one account wait at most.
	DefaultMaxEvents = 10_000
	// loadedBytes bounds the zips that are kept in memory for functions that run.
	loadedBytes = 256 << 20
)

// Latest is the version that updates change.
const Latest = "$LATEST"

// Settings are how a function runs.
type Settings struct {
	Runtime     string `json:"runtime"` // nodejs22.x
	Role        string `json:"role"`    // ARN
	Handler     string `json:"handler"`
	Description string `json:"description,omitempty"`
	TimeoutSec  int    `json:"timeoutSec"`
	MemoryMB    int    `json:"memoryMB"`
	EphemeralMB int    `json:"ephemeralMB"`
}

// Version is one version of a function.
type Version struct {
	Settings
	Name    string
	ARN     string // qualified unless it is $LATEST that was asked for without
	Version string
	// RuntimeARN names the engine, which is ours, under the runtime's name.
	RuntimeARN string
	Env        map[string]string
	CodeSHA256 [32]byte
	CodeBytes  int64
	Modified   time.Time
	RevisionID string
	// Ticket is what Download takes for the code, for TicketLife. Only Get for
	// GetFunction gives one. It is a secret.
	Ticket string
}

// Code is where a new version's code comes from: a zip, or an object that the
// caller may read.
type Code struct {
	Zip                        []byte
	Bucket, Key, ObjectVersion string
}

// Roles lets the service act as a function's role; identity.Admin does it.
type Roles interface {
	// Assume makes credentials of a session of the role for a service principal.
	// It returns access.ErrDenied if the role does not trust the service.
	Assume(ctx context.Context, who access.Caller, role, session string) (function.Credentials, error)
}

// Objects are the buckets that code may come from.
type Objects interface {
	// Object opens an object for a caller; its errors may go to the caller.
	Object(ctx context.Context, who access.Caller, bucket, key, version string) (io.ReadCloser, error)
}

// Principals ties the users and roles that a policy names to their unique ids; see
// policy.Document.Bind.
type Principals interface {
	Identify(name string) (id string, ok bool)
	NameOf(id string) (name string, ok bool)
}

// Config is what a Service needs. All fields but MaxEvents and Users are required.
type Config struct {
	Records    store.Records
	Blobs      store.Blobs
	Vault      *sealed.Domain
	Pool       *function.Pool
	Gate       *access.Gate
	Roles      Roles
	Objects    Objects
	Principals Principals
	Clock      *clock.Clock
	Log        *slog.Logger
	// MaxEvents bounds the events of one account that wait for their functions. Zero
	// is DefaultMaxEvents.
	MaxEvents int
	// Users names the distributions that run a version; nil is that none do.
	Users func(tx store.Reader, account arn.AccountID, versionARN string) ([]string, error)
}

// Service keeps functions and runs them. It may be used concurrently.
type Service struct {
	cfg    Config
	loaded *shelf
	// loading are the versions that are being loaded, by their ARNs.
	loading turns
	wake    chan struct{}
}

// Open returns a Service over cfg, and removes code that no function has.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.MaxEvents == 0 {
		cfg.MaxEvents = DefaultMaxEvents
	}
	s := &Service{cfg: cfg, loaded: newShelf(loadedBytes), loading: turns{taken: make(map[string]chan struct{})}, wake: make(chan struct{}, 1)}
	return s, errors.Join(s.sweep(ctx), s.adopt(ctx))
}

// The kinds of refusal. Methods return them inside a *refusal.Error; a denied
// caller gets access.ErrDenied.
var (
	// ErrNotFound says that there is no such function, version, alias or statement.
	ErrNotFound = errors.New("lambda: not found")
	// ErrConflict says that a name is taken, or that something still needs what is to
	// go.
	ErrConflict = errors.New("lambda: conflict")
	// ErrInvalid says that parameters make no sense, or not together.
	ErrInvalid = errors.New("lambda: invalid parameter value")
	// ErrValidation says that a parameter has not the form it must have.
	ErrValidation = errors.New("lambda: malformed parameter")
	// ErrPrecondition says that what is to be changed is at another revision.
	ErrPrecondition = errors.New("lambda: another revision")
	// ErrCodeStorage says that the account has no more room for code.
	ErrCodeStorage = errors.New("lambda: code storage exceeded")
	// ErrPolicyLength says that a policy would exceed MaxPolicyBytes.
	ErrPolicyLength = errors.New("lambda: policy too long")
	// ErrContent says that a payload or a client context is not JSON.
	ErrContent = errors.New("lambda: invalid request content")
	// ErrTooLarge says that a zip or a payload is too large.
	ErrTooLarge = errors.New("lambda: request too large")
	// ErrThrottled says that no worker became free in time, or that too many events wait.
	ErrThrottled = errors.New("lambda: too many requests")
)

func refuse(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

func action(operation string) policy.Action { return policy.Action("lambda:" + operation) }
