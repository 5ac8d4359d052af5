package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// usageSpace has a record for each key that was used, at the key's path.
const usageSpace store.Space = "kms.usage"

// usageRecord is the last use of a key.
type usageRecord struct {
	Operation string `json:"operation"`
	At        millis `json:"at"`
	Request   string `json:"request"`
}

// lastUse is a key's last use on this node. Snapshots of the key share it.
type lastUse struct {
	mu      sync.Mutex
	op      operation
	at      millis // 0 is never
	request string
	noted   bool // in usage.noted
}

// usage collects which keys were used since the last uses were written.
type usage struct {
	mu    sync.Mutex
	noted map[path]*lastUse
}

// usageEvery is how often last uses are written. They tell an operator whether a
// key is still needed, so a crash may lose the newest; the audit record has all.
const usageEvery = time.Minute

// used notes that k served a call of who. It costs a lock that only users of
// the same key share, and for the first use since the last writing one more.
func (r *Ring) used(k *key, op operation, who *access.Caller) {
	now, u := toMillis(r.clock.Now()), k.lastUse
	u.mu.Lock()
	first := !u.noted
	u.op, u.at, u.request, u.noted = op, now, who.RequestID, true
	u.mu.Unlock()
	if first {
		r.usage.mu.Lock()
		if r.usage.noted == nil {
			r.usage.noted = make(map[path]*lastUse)
		}
		r.usage.noted[k.path] = u
		r.usage.mu.Unlock()
	}
}

// record is what u says, and whether it says something.
func (u *lastUse) record() (usageRecord, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return usageRecord{operations[u.op].name(), u.at, u.request}, u.at != 0
}

// writeUsage makes the last uses durable, a thousand in a transaction.
func (r *Ring) writeUsage(ctx context.Context) (err error) {
	r.usage.mu.Lock()
	noted := r.usage.noted
	r.usage.noted = nil
	r.usage.mu.Unlock()
	part := make(map[path]usageRecord)
	write := func() {
		err = errors.Join(err, r.records.Update(ctx, func(tx store.Writer) error { return putUsage(tx, part) }))
		clear(part)
	}
	for p, u := range noted {
		u.mu.Lock()
		u.noted = false // a use from here on is noted again
		u.mu.Unlock()
		if part[p], _ = u.record(); len(part) == 1000 {
			write()
		}
	}
	if len(part) > 0 {
		write()
	}
	return err
}

func putUsage(tx store.Writer, uses map[path]usageRecord) error {
	for p, use := range uses {
		if _, err := tx.Get(keySpace, p.String()); isNotFound(err) {
			continue // it was deleted meanwhile
		} else if err != nil {
			return err
		}
		old, err := getUsage(tx, p)
		if err != nil {
			return err
		}
		if old.At < use.At {
			if err := tx.Put(usageSpace, p.String(), encode(use)); err != nil {
				return err
			}
		}
	}
	return nil
}

// getUsage reads the last use of a key; the zero record if there is none.
func getUsage(tx store.Reader, p path) (rec usageRecord, err error) {
	value, err := tx.Get(usageSpace, p.String())
	if isNotFound(err) {
		return rec, nil
	}
	if err != nil {
		return rec, err
	}
	return rec, decode(usageSpace, p.String(), value, &rec)
}

// LastUsage is when a key last served a cryptographic operation.
type LastUsage struct {
	KeyARN  string
	Created time.Time
	// Operation, At and RequestID are zero for a key that was never used. EventID is
	// empty as well where the log does not have the record of that use.
	Operation string
	At        time.Time
	RequestID string
	EventID   string
}

// LastUsage tells of a key's last use. What happened on other nodes shows after
// a minute.
//
// Source: AWS KMS API Reference, GetKeyLastUsage.
func (r *Ring) LastUsage(ctx context.Context, who access.Caller, ref string) (out LastUsage, err error) {
	call := r.begin(&who, opGetKeyLastUsage)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opGetKeyLastUsage, ref)
	if err != nil {
		return out, err
	}
	var last usageRecord
	err = r.records.View(ctx, func(tx store.Reader) error {
		last, err = getUsage(tx, k.path)
		return err
	})
	if err != nil {
		return out, err
	}
	if here, ok := k.lastUse.record(); ok && here.At >= last.At {
		last = here
	}
	out = LastUsage{KeyARN: k.arn, Created: k.Created.time(), Operation: last.Operation, At: last.At.time(), RequestID: last.Request}
	if out.RequestID != "" && r.useOf != nil {
		if out.EventID, err = r.useOf(ctx, out.KeyARN, out.Operation, out.RequestID, out.At); err != nil {
			return LastUsage{}, fmt.Errorf("event of a key's last use: %w", err)
		}
	}
	return out, nil
}
