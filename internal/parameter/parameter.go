// Package parameter keeps the parameters of applications: names in a hierarchy,
// with versions and labels, some of them encrypted under a key of the key service.
// It is the domain of AWS Systems Manager Parameter Store.
//
// A SecureString is kept as the key service encrypted it: in the standard tier by
// Encrypt, in the advanced one under a data key. Either binds the parameter's
// ARN as encryption context PARAMETER_ARN. Who reads the value needs the key.
//
// docs/spec/parameter-records.md describes what is stored.
//
// Source: AWS Systems Manager User Guide, "AWS Systems Manager Parameter Store".
package parameter

import (
	"context"
	"errors"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Limits of the service.
const (
	MaxNameBytes     = 1011 // of the name, 2,048 with the ARN around it
	MaxLevels        = 15
	maxStandardBytes = 4 << 10 // of a value in the standard tier
	maxAdvancedBytes = 8 << 10
	MaxVersions      = 100 // of one parameter
	maxLabels        = 10  // of one version
	MaxTags          = 50
	// MaxParameters is how many one account may have in one region.
	MaxParameters = 10_000
)

// Type says what a parameter's value is.
type Type string

const (
	String       Type = "String"
	StringList   Type = "StringList"
	SecureString Type = "SecureString"
)

// Tier says how much room a value has.
type Tier string

const (
	Standard Tier = "Standard"
	Advanced Tier = "Advanced"
	// Intelligent asks for Advanced where Standard does not do.
	Intelligent Tier = "Intelligent-Tiering"
)

// Tag is one label of a parameter.
type Tag = access.Tag

// Version is one version of a parameter.
type Version struct {
	Name, ARN string
	Type      Type
	// Value is the plaintext, or of a SecureString that was not decrypted the
	// ciphertext in base64.
	Value          string
	Version        int64
	Modified       time.Time
	ModifiedBy     string // ARN
	Description    string
	AllowedPattern string
	KeyID          string // as the request named it; of SecureStrings
	Tier           Tier
	Labels         []string
	// Selector is what the request had behind the name: ":3", ":label".
	Selector string
	// Source is the secret that the parameter stands for, in JSON; see Secrets.
	Source string
}

// Keys encrypts for others; keyring.Ring does it.
type Keys interface {
	// EncryptFor encrypts up to 4 KiB under the key that ref names.
	EncryptFor(ctx context.Context, who access.Caller, ref string, bind map[string]string, plaintext []byte) (blob []byte, err error)
	// DecryptFor opens what EncryptFor made under an equal bind.
	DecryptFor(ctx context.Context, who access.Caller, blob []byte, bind map[string]string) (plaintext []byte, err error)
	// NewDataKey makes a key of 32 bytes, in clear and encrypted.
	NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, keyARN string, err error)
	// ManagedKey returns the ARN of the caller's key alias/aws/<service>, which is
	// made on first use.
	ManagedKey(ctx context.Context, who access.Caller, service string) (keyARN string, err error)
	// OpenDataKey opens what NewDataKey encrypted.
	OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error)
}

// Config is what a Service needs. All fields are required.
type Config struct {
	Records store.Records
	Keys    Keys
	Gate    *access.Gate
	Clock   *clock.Clock
	// Secrets are nil where there are none.
	Secrets Secrets
}

// Service is the parameter store. It keeps nothing in memory and may be used
// concurrently.
type Service struct {
	records store.Records
	keys    Keys
	gate    *access.Gate
	clock   *clock.Clock
	secrets Secrets
}

// New returns a Service over cfg.
func New(cfg Config) *Service {
	return &Service{records: cfg.Records, keys: cfg.Keys, gate: cfg.Gate, clock: cfg.Clock, secrets: cfg.Secrets}
}

// The kinds of refusal. Methods return them inside a *refusal.Error; a denied
// caller gets access.ErrDenied.
var (
	// ErrNotFound says that there is no such parameter, or nothing that a reference
	// can mean.
	ErrNotFound = errors.New("parameter: not found")
	// ErrVersionNotFound says that the parameter has no such version or label.
	ErrVersionNotFound = errors.New("parameter: version not found")
	// ErrExists says that the name is taken.
	ErrExists = errors.New("parameter: exists")
	// ErrInvalid says that parameters of a request make no sense, or not together.
	ErrInvalid = errors.New("parameter: invalid request")
	// ErrReserved says that names such as this one are not the caller's.
	ErrReserved = errors.New("parameter: reserved name")
	// ErrLevels says that a name has more than MaxLevels levels.
	ErrLevels = errors.New("parameter: too many levels")
	// ErrType says that a parameter would get another type.
	ErrType = errors.New("parameter: type cannot change")
	// ErrPattern says that a value does not match the parameter's own pattern.
	ErrPattern = errors.New("parameter: value does not match the pattern")
	// ErrInvalidPattern says that a pattern is no regular expression.
	ErrInvalidPattern = errors.New("parameter: invalid pattern")
	// ErrPolicies says that a request has parameter policies, which we lack.
	ErrPolicies = errors.New("parameter: policies are not supported")
	// ErrDataType says that we lack the data type.
	ErrDataType = errors.New("parameter: unsupported data type")
	// ErrKey says that the key cannot be used; the sentence is the key service's.
	ErrKey = errors.New("parameter: key cannot be used")
	// ErrFilterKey says that a filter is about nothing that there is, or stands
	// twice.
	ErrFilterKey = errors.New("parameter: invalid filter key")
	// ErrFilterOption says that a filter cannot compare so, or never to that value.
	ErrFilterOption = errors.New("parameter: invalid filter option")
	// ErrFilterValue says that a filter has no values.
	ErrFilterValue = errors.New("parameter: invalid filter value")
	// ErrToken says that a listing's token is none of ours.
	ErrToken = errors.New("parameter: invalid token")
	// ErrVersions says that a new version would push out one that has a label.
	ErrVersions = errors.New("parameter: oldest version has a label")
	// ErrLabels says that a version would have too many labels.
	ErrLabels = errors.New("parameter: too many labels")
	// ErrTags says that a parameter would have more than MaxTags.
	ErrTags = errors.New("parameter: too many tags")
	// ErrLimit says that the account has as many parameters as it may.
	ErrLimit = errors.New("parameter: too many parameters")
)

func fail(kind error, sentence string) error { return &refusal.Error{Kind: kind, Sentence: sentence} }

// keyError turns a refusal of the key service into one of this service: a denied
// caller stays denied, what else is wrong with the key becomes ErrKey. What is no
// refusal, such as a full disk, stays what it is.
func keyError(err error) error {
	if sentence, ok := refusal.Sentence(err); ok {
		return fail(ErrKey, sentence)
	}
	return err
}
