// Package keyvalue keeps the pairs of key value stores: small texts that CloudFront
// functions read while they run, and that change without a new version of them.
//
// The stores themselves, with their names and who may not delete them, belong to
// package delivery, which makes and removes the pairs of one in its own
// transactions (Create, Remove). Service is the data plane, for callers with
// permissions; For is the side that functions read from. Every read sees the last
// write that was answered, on every node: nothing is kept in memory.
//
// docs/spec/keyvalue-records.md describes what is stored.
//
// Source: Amazon CloudFront KeyValueStore API Reference 2022-07-26; CloudFront
// Developer Guide, "Amazon CloudFront KeyValueStore" and "Quotas".
package keyvalue

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Limits of the service.
const (
	MaxKeyBytes   = 512
	MaxValueBytes = 1 << 10
	// MaxStoreBytes bounds the keys and values of one store together.
	MaxStoreBytes = 5 << 20
	// MaxUpdate is how many keys one Update names.
	MaxUpdate = 50
	// MaxUpdateBytes bounds the request of one Update.
	MaxUpdateBytes = 3 << 20
)

// ID names a store: the UUID in its ARN.
type ID string

// Pair is a key and its value, both UTF-8.
type Pair struct{ Key, Value string }

// Description is what is known of a store's pairs.
type Description struct {
	ARN string
	// Version is the ETag: another one after every change.
	Version string
	Items   int
	// SizeBytes is that of the keys and values.
	SizeBytes int64
	Created   time.Time
	// Modified is zero as long as no pair was changed.
	Modified time.Time
}

// The kinds of refusal. Methods return them inside a *refusal.Error; a denied
// caller gets access.ErrDenied.
var (
	// ErrNotFound says that there is no such store or key.
	ErrNotFound = errors.New("keyvalue: not found")
	// ErrInvalid says that a request makes no sense.
	ErrInvalid = errors.New("keyvalue: invalid request")
	// ErrStale says that the store has changed since that version.
	ErrStale = errors.New("keyvalue: version is not current")
	// ErrFull says that a store would exceed MaxStoreBytes.
	ErrFull = errors.New("keyvalue: store full")
)

func refuse(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// Config is what a Service needs. All fields are required.
type Config struct {
	Records store.Records
	Gate    *access.Gate
	Clock   *clock.Clock
}

// Service is the data plane. It may be used concurrently.
type Service struct{ cfg Config }

// New returns a Service over cfg.
func New(cfg Config) *Service { return &Service{cfg} }

// reference is a store as a caller names it.
type reference struct {
	account arn.AccountID
	id      ID
}

// ARN is the name of a store in policies.
func ARN(account arn.AccountID, id ID) string {
	return arn.ARN{Partition: "aws", Service: "cloudfront", Account: account, Resource: resourcePrefix + string(id)}.String()
}

const resourcePrefix = "key-value-store/"

// ParseARN undoes ARN, and reports whether s is such a name.
func ParseARN(s string) (arn.AccountID, ID, bool) {
	a, err := arn.Parse(s)
	id, ok := strings.CutPrefix(a.Resource, resourcePrefix)
	if err != nil || !ok || a.Partition != "aws" || a.Service != "cloudfront" || a.Region != "" || !isUUID(id) {
		return "", "", false
	}
	return a.Account, ID(id), true
}

// isUUID keeps what becomes part of records' keys to hexadecimal digits and hyphens.
func isUUID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != '-' {
			return false
		}
	}
	return len(s) == 36
}

// begin opens the call of an operation on the store with that ARN. Who may not,
// does not learn whether it exists.
func (s *Service) begin(who access.Caller, operation, storeARN string, notes ...string) (*access.Call, reference, error) {
	call := s.cfg.Gate.Begin(who, policy.Action("cloudfront-keyvaluestore:"+operation))
	call.Note("kvsARN", storeARN)
	for i := 0; i < len(notes); i += 2 {
		call.Note(notes[i], notes[i+1])
	}
	account, id, ok := ParseARN(storeARN)
	target := access.Target{ARN: storeARN, Owner: account, Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return call, reference{}, err
	}
	if !ok {
		return call, reference{}, refuse(ErrInvalid, "The parameter KvsARN is not the ARN of a key value store.")
	}
	return call, reference{account, id}, nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return refuse(ErrInvalid, "A key has at least one character.")
	case len(key) > MaxKeyBytes:
		return refuse(ErrInvalid, "A key has at most %d bytes.", MaxKeyBytes)
	case !utf8.ValidString(key):
		return refuse(ErrInvalid, "A key is not UTF-8.")
	}
	return nil
}

func (p *Pair) check() error {
	if err := checkKey(p.Key); err != nil {
		return err
	}
	switch {
	case len(p.Value) > MaxValueBytes:
		return refuse(ErrInvalid, "A value has at most %d bytes.", MaxValueBytes)
	case !utf8.ValidString(p.Value):
		return refuse(ErrInvalid, "A value is not UTF-8.")
	}
	return nil
}

func (p *Pair) sizeBytes() int64 { return int64(len(p.Key) + len(p.Value)) }
