package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Config is what a Service needs. All fields but Quotas, Functions, Pool, Objects
// and Services are required.
type Config struct {
	Records store.Records
	Gate    *access.Gate
	Clock   *clock.Clock
	Log     *slog.Logger
	// EdgeDomain is the domain of the distributions' own names, lower case and
	// without port: "cloudfront.localhost".
	EdgeDomain string
	// Certificates reports whether viewers can be shown a certificate with that
	// ARN. Nil: there are none but those of the edge domain.
	Certificates func(arn string) bool
	Quotas       Quotas
	// Functions knows the functions that distributions may name. Nil: none may.
	Functions Functions
	// Pool runs CloudFront functions. Nil: they are kept and never run.
	Pool *function.Pool
	// Objects are where the first pairs of a key value store come from. Nil: from
	// nowhere.
	Objects Objects
	// Services says what services of this server may do with public keys and
	// key groups of the account that they act for. Nil: nothing.
	Services *policy.Document
}

// Service keeps the control plane's state. It may be used concurrently. What
// its methods return is shared and must not be changed.
type Service struct {
	cfg Config

	// changing is held by whoever changes the state below, from the rehearsal
	// of a change to the last subscriber: changes reach memory in their order.
	changing sync.Mutex
	counter  uint64 // of store.Changes at the last look; under changing
	feeds    map[*subscriber]bool

	snapshot atomic.Pointer[Snapshot]

	mu sync.RWMutex
	// mu guards what follows.
	seq      uint64
	shelves  map[kind]map[arn.AccountID]map[string]object
	batches  map[name]map[string]*InvalidationInfo // by distribution, then id
	compiled map[DistributionID]*Distribution
	changed  chan struct{}

	runningMu sync.Mutex
	// running has the functions that have run at the edge; guarded by runningMu.
	running map[name]running
}

type subscriber struct{ apply func(Invalidation) }

var _ Feed = (*Service)(nil)

// Open reads the state and compiles the first snapshot.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Gate == nil || cfg.Clock == nil || cfg.Log == nil || cfg.EdgeDomain == "" {
		return nil, errors.New("delivery: incomplete configuration")
	}
	cfg.Quotas = cfg.Quotas.withDefaults()
	s := &Service{
		cfg:      cfg,
		feeds:    make(map[*subscriber]bool),
		shelves:  make(map[kind]map[arn.AccountID]map[string]object),
		batches:  make(map[name]map[string]*InvalidationInfo),
		compiled: make(map[DistributionID]*Distribution),
		changed:  make(chan struct{}),
		running:  make(map[name]running),
	}
	s.snapshot.Store(NewSnapshot(0, nil))
	s.changing.Lock()
	defer s.changing.Unlock()
	counter, err := cfg.Records.Changes(ctx, space)
	if err != nil {
		return nil, fmt.Errorf("delivery: open: %w", err)
	}
	var seq uint64
	all := make(map[name]object)
	err = cfg.Records.View(ctx, func(tx store.Reader) error {
		clear(all)
		var err error
		if seq, err = readSequence(tx); err != nil {
			return err
		}
		for rec, err := range tx.Scan(space, store.Prefix("obj/")) {
			if err != nil {
				return err
			}
			n, err := parseName(rec.Key)
			if err != nil {
				return err
			}
			if all[n], err = decode(n, rec.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("delivery: open: %w", err)
	}
	s.counter = counter
	s.apply(seq, all)
	if cfg.Pool != nil && len(s.shelves[kindFunction]) > 0 {
		cfg.Pool.Warm()
	}
	return s, nil
}

// Refresh takes over what other nodes have changed since. It is cheap when
// nothing has.
func (s *Service) Refresh(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	counter, err := s.cfg.Records.Changes(ctx, space)
	if err != nil {
		return fmt.Errorf("delivery: refresh: %w", err)
	}
	if counter == s.counter {
		return nil
	}
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("delivery: refresh: %w", err)
	}
	s.counter = counter
	return nil
}

// catchUp applies what the log has above the sequence known here.
func (s *Service) catchUp(ctx context.Context) error {
	from := s.seq
	var seq uint64
	news := make(map[name]object)
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		clear(news)
		var err error
		if seq, err = readSequence(tx); err != nil {
			return err
		}
		t := &txn{r: tx}
		for rec, err := range tx.Scan(space, store.Range{From: logKey(from+1, 0), To: "log0"}) {
			if err != nil {
				return err
			}
			n, err := parseName(string(rec.Value))
			if err != nil {
				return err
			}
			if news[n], err = t.get(n); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && seq > from {
		s.apply(seq, news)
	}
	return err
}

// change runs fn as one transaction and makes its effect visible. fn is first
// rehearsed on a snapshot, so that what it refuses is never recorded as done.
func (s *Service) change(ctx context.Context, call *access.Call, fn func(t *txn) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	now := s.cfg.Clock.Now()
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		t, err := begin(tx, now)
		if err != nil {
			return err
		}
		return fn(t)
	})
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		var t *txn
		err := s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			if t, err = begin(tx, now); err != nil {
				return err
			}
			if err := fn(t); err != nil {
				return err
			}
			return t.flush(tx)
		})
		if err != nil {
			return err
		}
		s.land(ctx, t)
		return nil
	})
}

// land brings a committed change into memory, behind those that other nodes
// committed before it.
func (s *Service) land(ctx context.Context, t *txn) {
	if t.seq == s.seq+1 {
		s.apply(t.seq, t.objects)
		return
	}
	if err := s.catchUp(context.WithoutCancel(ctx)); err != nil {
		// The change is durable. Show it now; the others come with Refresh,
		// which starts where the sequence still stands.
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "changes of other nodes not read", slog.Any("error", err))
		s.apply(s.seq, t.objects)
	}
}

// apply puts objects (nil: deleted) on their shelves, recompiles what they
// touch, swaps the snapshot, and tells subscribers of new invalidations.
// changing is held.
func (s *Service) apply(seq uint64, objects map[name]object) {
	s.mu.Lock()
	var news []*InvalidationInfo
	var feed []Invalidation
	for n, o := range objects {
		if f, ok := o.(*floor); ok && f.Below > s.seq {
			// Another node made and forgot invalidations since we last looked.
			feed = append(feed, f.forEdge(n))
		}
		if inv, ok := o.(*InvalidationInfo); ok {
			news = append(news, inv)
			continue
		}
		s.shelveLocked(n, o)
	}
	for _, inv := range news {
		d := name{kindDistribution, inv.Account, string(inv.Distribution)}
		if s.batches[d] == nil {
			s.batches[d] = make(map[string]*InvalidationInfo)
		}
		s.batches[d][inv.ID] = inv
	}
	s.seq = seq
	for n := range s.touchedLocked(objects) {
		id := DistributionID(n.id)
		if d, ok := s.shelves[kindDistribution][n.account][n.id].(*DistributionInfo); ok {
			s.compiled[id] = s.compileLocked(d)
		} else {
			delete(s.compiled, id)
		}
	}
	ids := slices.Sorted(maps.Keys(s.compiled))
	all := make([]*Distribution, len(ids))
	for i, id := range ids {
		all[i] = s.compiled[id]
	}
	s.snapshot.Store(NewSnapshot(seq, all))
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	s.unload(objects)

	for _, inv := range news {
		feed = append(feed, inv.forEdge())
	}
	slices.SortFunc(feed, bySeq)
	for _, inv := range feed {
		for f := range s.feeds {
			f.apply(inv)
		}
	}
}

func (s *Service) shelveLocked(n name, o object) {
	accounts := s.shelves[n.kind]
	if accounts == nil {
		accounts = make(map[arn.AccountID]map[string]object)
		s.shelves[n.kind] = accounts
	}
	if accounts[n.account] == nil {
		accounts[n.account] = make(map[string]object)
	}
	if o == nil {
		delete(accounts[n.account], n.id)
	} else {
		accounts[n.account][n.id] = o
	}
	// Invalidations below the floor, and those of a deleted distribution, are
	// erased without an entry of their own.
	switch {
	case n.kind == kindFloor && o != nil:
		s.forgetLocked(name{kindDistribution, n.account, n.id}, o.(*floor).Below)
	case n.kind == kindDistribution && o == nil:
		s.forgetLocked(n, math.MaxUint64)
		delete(s.shelves[kindFloor][n.account], n.id)
	}
}

// touchedLocked returns the distributions whose compiled form depends on objects.
func (s *Service) touchedLocked(objects map[name]object) map[name]bool {
	touched := make(map[name]bool)
	users := make(map[name]bool)
	for n := range objects {
		switch n.kind {
		case kindDistribution:
			touched[n] = true
		case kindGroup, kindControl, kindIdentity, kindPolicy, kindOriginRequest, kindResponseHeaders:
			users[n] = true
		}
	}
	if len(users) == 0 {
		return touched
	}
	for account, shelf := range s.shelves[kindDistribution] {
		for id, o := range shelf {
			for _, ref := range o.(*DistributionInfo).references() {
				if users[ref] {
					touched[name{kindDistribution, account, id}] = true
				}
			}
		}
	}
	return touched
}

// Snapshot returns the newest snapshot. It implements Feed.
func (s *Service) Snapshot() *Snapshot { return s.snapshot.Load() }

// Changed implements Feed.
func (s *Service) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// find returns the object in memory, or missing.
func find[T object](s *Service, n name, missing error) (T, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.shelves[n.kind][n.account][n.id].(T)
	if !ok {
		return o, missing
	}
	return o, nil
}

// Page asks for part of a list.
type Page struct {
	// After is the id that the page begins after; empty for the first page.
	After string
	// Max bounds the items; zero is MaxPage.
	Max int
}

// MaxPage is the most items in an answer.
const MaxPage = 100

// List is one page of resources.
type List[T any] struct {
	Items []T
	// Next is the After of the following page, empty on the last.
	Next string
	// After and Max are those of the question.
	After string
	Max   int
}

// paginate cuts a page out of rest, which is the list from p.After on.
func paginate[T any](rest []T, id func(T) string, p Page) (*List[T], error) {
	if p.Max < 0 {
		return nil, refuse(ErrInvalid, "The parameter MaxItems must not be negative.")
	}
	l := &List[T]{After: p.After, Max: p.Max}
	if p.Max == 0 || p.Max > MaxPage {
		l.Max = MaxPage
	}
	if len(rest) > l.Max {
		rest = rest[:l.Max]
		l.Next = id(rest[l.Max-1])
	}
	l.Items = rest
	return l, nil
}

// list decides about the action and returns a page of the caller's resources
// of a kind, ordered by id.
func list[T object](ctx context.Context, s *Service, who access.Caller, action policy.Action, k kind, p Page) (_ *List[T], err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	return paginate(shelf[T](s, k, who.Account(), p.After), objectID[T], p)
}

func objectID[T object](o T) string { return o.meta().ID }

// shelf returns the objects of a kind whose id comes after the given one (which
// may be gone by now), ordered by id.
func shelf[T object](s *Service, k kind, account arn.AccountID, after string) []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]T, 0, len(s.shelves[k][account]))
	for id, o := range s.shelves[k][account] {
		if id > after {
			all = append(all, o.(T))
		}
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(objectID(a), objectID(b)) })
	return all
}

// get decides about the action and returns one of the caller's resources.
func get[T object](ctx context.Context, s *Service, who access.Caller, action policy.Action, k kind, id string, missing error) (_ T, err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	n := name{k, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		var none T
		return none, err
	}
	return find[T](s, n, missing)
}

// decide asks the gate about a call on n.
func (s *Service) decide(call *access.Call, n name) error {
	if o, err := find[labelled](s, n, ErrNoResource); err == nil {
		for k, v := range o.labels() {
			call.Keys.Set("aws:ResourceTag/"+k, v)
		}
	}
	return call.Decide(s.target(n))
}

// target is what a decision about n stands on: the caller's own policies, and
// for keys and groups what is said of services.
func (s *Service) target(n name) access.Target {
	t := access.Target{ARN: n.arn(), Owner: n.account, Rule: policy.IdentityOnly}
	if n.kind == kindKey || n.kind == kindGroup {
		t.Policy = s.cfg.Services
	}
	return t
}

// arn is the resource name that policies see.
func (n name) arn() string {
	resource := string(n.kind)
	switch n.kind {
	case kindControl:
		resource = "origin-access-control"
	case kindIdentity:
		resource = "origin-access-identity"
	}
	return arn.ARN{Partition: "aws", Service: "cloudfront", Account: n.account, Resource: resource + "/" + n.id}.String()
}
