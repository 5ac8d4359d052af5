// Package secret keeps the secrets of applications: named values with versions
// and staging labels, encrypted under a key of the key service, deleted only after
// a recovery window, and rotated by a function. It is the domain of AWS Secrets
// Manager.
//
// Each version is sealed under a data key of its own, which the key service
// encrypted with the encryption context SecretARN and SecretVersionId. Who reads the
// value needs the key.
//
// docs/spec/secret-records.md describes what is stored.
//
// Source: AWS Secrets Manager User Guide, "What's in a Secrets Manager secret?".
package secret

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Limits of the service.
const (
	MaxNameBytes   = 512
	MaxValueBytes  = 65536
	MaxVersions    = 100 // of one secret
	maxStages      = 20  // of one version
	MaxTags        = 50
	MaxPolicyBytes = 20480
)

// The staging labels that the service itself moves.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
	Pending  = "AWSPENDING"
)

// ServiceKey is the key that encrypts where none is named.
const ServiceKey = "alias/aws/secretsmanager"

// Tag is one label of a secret.
type Tag = access.Tag

// Value is what a secret holds: bytes, or text.
type Value struct {
	Bytes sealed.Secret
	Text  bool
}

// Description is what there is to know of a secret but its values.
type Description struct {
	ARN, Name   string
	Text        string // the description that it was given
	KeyID       string // empty where the service's own key encrypts
	Created     time.Time
	Changed     time.Time
	Accessed    time.Time // to the day; zero if never
	Deleted     time.Time // when deletion was asked for; zero if it was not
	Tags        []Tag
	Stages      map[string][]string // of each version that has any
	Rotation    Rotation
	RotatedLast time.Time
	RotatesNext time.Time
}

// Rotation says how a secret's value is replaced.
type Rotation struct {
	Enabled  bool
	Function string // ARN of the function that does it
	Days     int64  // between two rotations, 0 if Schedule says
	Schedule string // rate(...)
	Window   string // such as "3h"
}

// Keys encrypts for others; keyring.Ring does it.
type Keys interface {
	NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, keyARN string, err error)
	OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error)
	ManagedKey(ctx context.Context, who access.Caller, service string) (keyARN string, err error)
}

// Principals ties the users and roles that a policy names to their unique ids, so
// that a later one of the same name is not meant; see policy.Document.Bind.
type Principals interface {
	Identify(name string) (id string, ok bool)
	NameOf(id string) (name string, ok bool)
}

// Invoker calls functions on behalf of the service.
type Invoker interface {
	// Invoke runs a function with a JSON event as the service principal
	// secretsmanager.amazonaws.com acting for the secret sourceARN, and returns an
	// error if the function did.
	Invoke(ctx context.Context, function, sourceARN string, event []byte) error
}

// Config is what a Service needs. All fields but Functions are required.
type Config struct {
	Records    store.Records
	Keys       Keys
	Gate       *access.Gate
	Clock      *clock.Clock
	Log        *slog.Logger
	Principals Principals
	// Functions rotates secrets; without it rotation by a function is refused.
	Functions Invoker
}

// Service keeps secrets. It may be used concurrently.
type Service struct{ cfg Config }

// New returns a Service over cfg.
func New(cfg Config) *Service { return &Service{cfg} }

// The kinds of refusal. Methods return them inside a *refusal.Error; a denied
// caller gets access.ErrDenied.
var (
	// ErrNotFound says that there is no such secret, or no such version of it.
	ErrNotFound = errors.New("secret: not found")
	// ErrExists says that the name, or the token of a version, is taken.
	ErrExists = errors.New("secret: exists")
	// ErrInvalid says that a parameter has a value that it cannot have.
	ErrInvalid = errors.New("secret: invalid parameter")
	// ErrName says that no secret can have the name.
	ErrName = errors.New("secret: not a name")
	// ErrState says that the secret as it is does not permit the call: it waits for
	// its deletion, say, or has no rotation function, or that function failed.
	ErrState = errors.New("secret: not possible in this state")
	// ErrToken says that a listing's token is none of ours.
	ErrToken = errors.New("secret: invalid token")
	// ErrLimit says that there are too many tags, labels or versions, or that a
	// policy is too long.
	ErrLimit = errors.New("secret: limit exceeded")
	// ErrEncryption says that the key refused to encrypt; the sentence is the key
	// service's.
	ErrEncryption = errors.New("secret: cannot be encrypted")
	// ErrDecryption says that the key refused to decrypt, or that a version does not
	// open.
	ErrDecryption = errors.New("secret: cannot be decrypted")
	// ErrMalformed says that a document is no resource policy.
	ErrMalformed = errors.New("secret: malformed policy")
	// ErrPublicPolicy says that a policy lets everybody in, where that is to be
	// blocked.
	ErrPublicPolicy = errors.New("secret: public policy")
)

func fail(kind error, sentence string) error { return &refusal.Error{Kind: kind, Sentence: sentence} }

func noName() error {
	return fail(ErrName, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

func notFound() error {
	return fail(ErrNotFound, "Secrets Manager can't find the specified secret.")
}

// keyError turns a refusal of the key service into one of kind. What is no refusal,
// such as a full disk, stays what it is.
func keyError(kind, err error) error {
	if errors.Is(err, access.ErrDenied) {
		return &access.Denied{Message: "Access to KMS is not allowed"}
	}
	if sentence, ok := refusal.Sentence(err); ok {
		return fail(kind, sentence)
	}
	return err
}

// Run destroys secrets whose recovery window is over, and rotates those that are
// due, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failing := false
	for {
		moved := s.cfg.Clock.Moved()
		err := s.doDue(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "secrets: agenda not done", slog.Any("err", err))
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

func action(operation string) policy.Action { return policy.Action("secretsmanager:" + operation) }
