// Package accesstest has what tests of the domains put around a gate: a record
// kept in memory, principals without policies, and a key service of lids.
package accesstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Journal keeps what is recorded. Its zero value is ready; it may be used
// concurrently.
type Journal struct {
	mu      sync.Mutex
	records []audit.Record
	err     error
	before  map[string]func()
}

// Append implements access.Recorder.
func (j *Journal) Append(_ context.Context, r *audit.Record) error {
	j.mu.Lock()
	do := j.before[r.Action]
	delete(j.before, r.Action)
	j.mu.Unlock()
	if do != nil {
		do()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	kept := *r
	kept.Resources, kept.Parameters = slices.Clone(r.Resources), slices.Clone(r.Parameters)
	j.records = append(j.records, kept)
	return nil
}

// Records is what was recorded so far.
func (j *Journal) Records() []audit.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.records)
}

// Last is the newest record. There has to be one.
func (j *Journal) Last() audit.Record {
	all := j.Records()
	return all[len(all)-1]
}

// Before makes do happen once, before the next record of an action is kept: after
// a call was decided and before it takes effect.
func (j *Journal) Before(action string, do func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.before == nil {
		j.before = make(map[string]func())
	}
	j.before[action] = do
}

// Fail makes every further Append return err; nil makes it work again.
func (j *Journal) Fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
}

// Nobody has no policies.
type Nobody struct{}

// PoliciesOf implements access.Identities.
func (Nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}

// Everyone gives all who are not root the same identity policies.
type Everyone []*policy.Document

// PoliciesOf implements access.Identities.
func (e Everyone) PoliciesOf(_ *policy.Principal, of *policy.Policies) { of.Identity = e }

// Keys stands in for the key service: it puts data under a lid that says which
// service brought it and what it is bound to. Who opens it past the service, or
// under another binding, gets an error. Three names of keys are special: see the
// constants.
type Keys struct{}

// Keys that cannot be used.
const (
	AbsentKey    = "absent"    // is refused
	BrokenKey    = "broken"    // fails with ErrDisk
	ForbiddenKey = "forbidden" // is denied
)

// ErrDisk is a fault that is no refusal.
var ErrDisk = errors.New("disk full")

var (
	errLid    = errors.New("the lid does not fit")
	errAbsent = errors.New("no key")
)

func lid(who access.Caller, bind map[string]string) []byte {
	return fmt.Appendf(nil, "%s|%v|", who.Via, bind) // fmt sorts maps
}

// EncryptFor puts plaintext under a lid.
func (Keys) EncryptFor(_ context.Context, who access.Caller, ref string, bind map[string]string, plaintext []byte) ([]byte, error) {
	switch ref {
	case AbsentKey:
		return nil, refusal.New(errAbsent, "no such key")
	case BrokenKey:
		return nil, ErrDisk
	case ForbiddenKey:
		return nil, access.ErrDenied
	}
	return append(lid(who, bind), plaintext...), nil
}

// DecryptFor takes the lid off.
func (Keys) DecryptFor(_ context.Context, who access.Caller, blob []byte, bind map[string]string) ([]byte, error) {
	plaintext, ok := bytes.CutPrefix(blob, lid(who, bind))
	if !ok {
		return nil, errLid
	}
	return plaintext, nil
}

// NewDataKey makes a data key; its key's ARN is ref as it stands.
func (k Keys) NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (sealed.Secret, []byte, string, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	wrapped, err := k.EncryptFor(ctx, who, ref, bind, key.Reveal())
	return key, wrapped, ref, err
}

// OpenDataKey opens what NewDataKey wrapped.
func (k Keys) OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	key, err := k.DecryptFor(ctx, who, wrapped, bind)
	return sealed.NewSecret(key), err
}

// ManagedKey names the caller's key of a service.
func (Keys) ManagedKey(_ context.Context, who access.Caller, service string) (string, error) {
	return "arn:aws:kms:us-east-1:" + string(who.Account()) + ":key/" + service, nil
}
