package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// space has a record for each trail, at account/region/name, and for each
// signing key. The layout is docs/spec/trail-records.md.
const space store.Space = "cloudtrail"

// record is a trail, and how far it has delivered.
type record struct {
	Name    string        `json:"name"`
	Account arn.AccountID `json:"account"`
	Region  string        `json:"region"` // the home region
	Settings
	Selectors Selectors         `json:"selectors"`
	Tags      map[string]string `json:"tags,omitempty"`

	// Logging is on from StartLogging to StopLogging.
	Logging bool      `json:"logging,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Stopped time.Time `json:"stopped,omitzero"`
	// Next is the number of the first record that is not delivered, Until the
	// one where a stopped trail ends.
	Next  uint64 `json:"next,omitempty"`
	Until uint64 `json:"until,omitempty"`
	// Pauses are the times from a stop to a start behind Next, ascending.
	Pauses []pause `json:"pauses,omitempty"`
	// Plan is a delivery that has begun; until it is carried out, nothing else is.
	Plan *plan `json:"plan,omitempty"`
	// Digests are the chains of digests, by region.
	Digests map[string]*chain `json:"digests,omitempty"`

	Delivery attempts `json:"delivery"`
	Digest   attempts `json:"digest"`
}

// pause is what was recorded while a trail was stopped, from From to before To.
type pause struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// paused reports whether a record is not for the trail.
func (r *record) paused(seq uint64) bool {
	return slices.ContainsFunc(r.Pauses, func(p pause) bool { return p.From <= seq && seq < p.To })
}

// delivered says that the records before next are no longer to be delivered.
func (r *record) delivered(next uint64) {
	r.Next = next
	r.Pauses = slices.DeleteFunc(r.Pauses, func(p pause) bool { return p.To <= next })
}

// attempts is how deliveries went.
type attempts struct {
	Tried     time.Time `json:"tried,omitzero"`
	Succeeded time.Time `json:"succeeded,omitzero"`
	// Error is the code of the last failure; empty after a success.
	Error string `json:"error,omitempty"`
}

// plan is a delivery of the records from Next of the trail to To, or of one
// digest. It says all that its objects' names depend on.
type plan struct {
	To uint64    `json:"to,omitempty"`
	At time.Time `json:"at"`
	// Digest is the region whose digest is due; empty for logs.
	Digest string `json:"digest,omitempty"`
}

// chain is the digests of one region since logging began.
type chain struct {
	Since time.Time  `json:"since"`
	Files []logFile  `json:"files,omitempty"`
	Last  *digestRef `json:"last,omitempty"`
}

// digestRef is what a digest says of the one before it.
type digestRef struct {
	Bucket    string `json:"bucket"`
	Object    string `json:"object"`
	Hash      string `json:"hash"`
	Signature string `json:"signature"`
}

func (r *record) arn() string {
	return "arn:aws:cloudtrail:" + r.Region + ":" + string(r.Account) + ":trail/" + r.Name
}

func (r *record) key() string { return "trail/" + string(r.Account) + "/" + r.Region + "/" + r.Name }

// active reports whether something is or will be left to deliver.
func (r *record) active() bool {
	return r.Logging || r.Plan != nil || r.Next < r.Until || len(r.Digests) > 0
}

func (r *record) put(tx store.Writer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("trail: %w", err)
	}
	return tx.Put(space, r.key(), b)
}

func readTrail(tx store.Reader, key string) (*record, error) {
	b, err := tx.Get(space, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return decode(key, b)
}

func decode(key string, b []byte) (*record, error) {
	r := &record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("trail: record %q: %w", key, err)
	}
	return r, nil
}

// list returns the trails whose key has the prefix.
func (s *Service) list(ctx context.Context, prefix string) (all []*record, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		all, err = scan(tx, prefix)
		return err
	})
	return all, err
}

func scan(tx store.Reader, prefix string) (all []*record, err error) {
	for rec, err := range tx.Scan(space, store.Prefix("trail/"+prefix)) {
		if err != nil {
			return nil, err
		}
		r, err := decode(rec.Key, rec.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// find returns the trail that ref names for who: by its name in the caller's
// region or, for a multi-Region trail, in any, or by its ARN.
func (s *Service) find(ctx context.Context, account arn.AccountID, region, ref string) (*record, error) {
	if strings.HasPrefix(ref, "arn:") {
		a, err := arn.Parse(ref)
		name, ok := strings.CutPrefix(a.Resource, "trail/")
		if err != nil || a.Service != "cloudtrail" || !ok {
			return nil, fail(ErrARN, "Trail ARN %s is not valid.", ref)
		}
		if a.Account != account {
			return nil, unknown(ref, account)
		}
		return s.get(ctx, a.Account, a.Region, name)
	}
	if err := checkName(ref); err != nil {
		return nil, err
	}
	r, err := s.get(ctx, account, region, ref)
	if !errors.Is(err, ErrNotFound) {
		return r, err
	}
	all, lerr := s.list(ctx, string(account)+"/")
	if lerr != nil {
		return nil, lerr
	}
	for _, r := range all {
		if r.Name == ref && r.MultiRegion {
			return r, nil
		}
	}
	return nil, err
}

func (s *Service) get(ctx context.Context, account arn.AccountID, region, name string) (r *record, err error) {
	want := record{Name: name, Account: account, Region: region}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err = readTrail(tx, want.key())
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, unknown(want.arn(), account)
	}
	return r, err
}

func unknown(ref string, account arn.AccountID) error {
	return fail(ErrNotFound, "Unknown trail: %s for the user: %s", ref, account)
}

// change changes a trail that is still there.
func (s *Service) change(ctx context.Context, r *record, fn func(*record) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		now, err := readTrail(tx, r.key())
		if err != nil {
			return err
		}
		if err := fn(now); err != nil {
			return err
		}
		return now.put(tx)
	})
}
