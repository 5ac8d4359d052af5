package delivery

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

const maxInvalidationPathBytes = 4000

// InvalidationConfig is an invalidation as its owner writes it.
type InvalidationConfig struct {
	CallerReference string
	Paths           []string
}

// InvalidationInfo is an invalidation as its owner sees it. It has taken effect
// in every edge of this process before anyone sees it.
type InvalidationInfo struct {
	Meta
	Config       InvalidationConfig
	Distribution DistributionID
}

// floor stands for the invalidations of a distribution that were forgotten: all
// up to the sequence number Below.
type floor struct {
	Meta
	Below uint64
}

func (i *InvalidationInfo) forEdge() Invalidation {
	return Invalidation{
		ID: i.ID, Distribution: i.Distribution, Seq: i.Seq, Paths: i.Config.Paths,
		CallerReference: i.Config.CallerReference, CreatedAt: i.CreatedAt,
	}
}

// forEdge is what an edge does about the invalidations that were forgotten.
func (f *floor) forEdge(n name) Invalidation {
	return Invalidation{Distribution: DistributionID(n.id), Seq: f.Below, Paths: []string{"/*"}, CreatedAt: f.ModifiedAt}
}

func bySeq(a, b Invalidation) int { return cmp.Compare(a.Seq, b.Seq) }

// invalidationName is the place of an invalidation of the distribution at n.
func invalidationName(n name, id string) name {
	return name{kindInvalidation, n.account, n.id + "/" + id}
}

func (c *InvalidationConfig) check(q *Quotas) error {
	if c.CallerReference == "" || len(c.CallerReference) > 128 {
		return refuse(ErrInvalid, "The parameter CallerReference is required and has at most 128 characters.")
	}
	if len(c.Paths) == 0 {
		return refuse(ErrInvalid, "The parameter Paths is required.")
	}
	if len(c.Paths) > q.InvalidationPaths {
		return refuse(ErrBatchTooLarge, "An invalidation has at most %d paths.", q.InvalidationPaths)
	}
	wildcards := 0
	for _, p := range c.Paths {
		star := strings.IndexByte(p, '*')
		if !strings.HasPrefix(p, "/") || len(p) > maxInvalidationPathBytes || star >= 0 && star != len(p)-1 ||
			strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return refuse(ErrInvalid, "Your request contains the invalid invalidation path %.256q.", p)
		}
		if star >= 0 {
			wildcards++
		}
	}
	if wildcards > q.InvalidationWildcards {
		return refuse(ErrTooManyInvalidations, "An invalidation has at most %d paths with a wildcard.", q.InvalidationWildcards)
	}
	return nil
}

// CreateInvalidation makes edges forget paths of a distribution. When it
// returns, no edge of this process answers from what it held before. The same
// paths under the same caller reference return the earlier invalidation; other
// paths are ErrInvalidationExists.
func (s *Service) CreateInvalidation(ctx context.Context, who access.Caller, distribution string, c InvalidationConfig) (_ *InvalidationInfo, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateInvalidation")
	defer call.End(ctx, &err)
	d, err := s.admit(call, &who, distribution)
	if err != nil {
		return nil, err
	}
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	for _, have := range s.invalidations(d) {
		if have.Config.CallerReference == c.CallerReference {
			if !slices.Equal(have.Config.Paths, c.Paths) {
				return nil, ErrInvalidationExists
			}
			return have, nil
		}
	}
	n := invalidationName(d, newID("I"))
	var made *InvalidationInfo
	err = s.change(ctx, call, func(t *txn) error {
		if _, err := lookup[*DistributionInfo](t, d, ErrNoDistribution); err != nil {
			return err
		}
		if err := t.forgetOldest(d, s.cfg.Quotas.InvalidationsPerDistribution-1); err != nil {
			return err
		}
		made = &InvalidationInfo{Meta: Meta{ETag: newID("E")}, Config: c, Distribution: DistributionID(d.id)}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// forgetOldest erases the oldest invalidations of d until keep are left, and
// raises the floor, from which an edge that comes late forgets all.
func (t *txn) forgetOldest(d name, keep int) error {
	all, err := t.invalidationsOf(d)
	if err != nil || len(all) <= keep {
		return err
	}
	slices.SortFunc(all, func(a, b *InvalidationInfo) int { return cmp.Compare(a.Seq, b.Seq) })
	old := all[:len(all)-keep]
	for _, inv := range old {
		if err := t.erase(invalidationName(d, inv.ID)); err != nil {
			return err
		}
	}
	return t.put(name{kindFloor, d.account, d.id}, &floor{Below: old[len(old)-1].Seq})
}

// eraseInvalidations erases all invalidations of d and its floor.
func (t *txn) eraseInvalidations(d name) error {
	all, err := t.invalidationsOf(d)
	if err != nil {
		return err
	}
	for _, inv := range all {
		if err := t.erase(invalidationName(d, inv.ID)); err != nil {
			return err
		}
	}
	return t.erase(name{kindFloor, d.account, d.id})
}

func (t *txn) invalidationsOf(d name) ([]*InvalidationInfo, error) {
	var all []*InvalidationInfo
	for rec, err := range t.r.Scan(space, store.Prefix(invalidationName(d, "").key())) {
		if err != nil {
			return nil, err
		}
		n, err := parseName(rec.Key)
		if err != nil {
			return nil, err
		}
		o, err := decode(n, rec.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, o.(*InvalidationInfo))
	}
	return all, nil
}

// invalidations returns those of d that are kept, newest first.
func (s *Service) invalidations(d name) []*InvalidationInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Collect(maps.Values(s.batches[d]))
	slices.SortFunc(all, func(a, b *InvalidationInfo) int { return cmp.Compare(b.Seq, a.Seq) })
	return all
}

// forgetLocked drops the invalidations of the distribution at d up to a
// sequence number.
func (s *Service) forgetLocked(d name, below uint64) {
	for id, inv := range s.batches[d] {
		if inv.Seq <= below {
			delete(s.batches[d], id)
		}
	}
	if len(s.batches[d]) == 0 {
		delete(s.batches, d)
	}
}

// GetInvalidation returns an invalidation of a distribution; ErrNoDistribution
// or ErrNoInvalidation.
func (s *Service) GetInvalidation(ctx context.Context, who access.Caller, distribution, id string) (_ *InvalidationInfo, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:GetInvalidation")
	defer call.End(ctx, &err)
	d, err := s.admit(call, &who, distribution)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	inv, ok := s.batches[d][id]
	if !ok {
		return nil, ErrNoInvalidation
	}
	return inv, nil
}

// ListInvalidations returns the kept invalidations of a distribution, newest first.
// The oldest are forgotten first: behind one that is gone there is none.
func (s *Service) ListInvalidations(ctx context.Context, who access.Caller, distribution string, p Page) (_ *List[*InvalidationInfo], err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:ListInvalidations")
	defer call.End(ctx, &err)
	d, err := s.admit(call, &who, distribution)
	if err != nil {
		return nil, err
	}
	rest := s.invalidations(d)
	if p.After != "" {
		last := slices.IndexFunc(rest, func(inv *InvalidationInfo) bool { return inv.ID == p.After })
		if last < 0 {
			last = len(rest) - 1
		}
		rest = rest[last+1:]
	}
	return paginate(rest, objectID[*InvalidationInfo], p)
}

// Subscribe implements Feed. For invalidations that were forgotten it makes
// apply forget the whole distribution.
func (s *Service) Subscribe(after uint64, apply func(Invalidation)) (cancel func()) {
	s.changing.Lock()
	defer s.changing.Unlock()
	var missed []Invalidation
	s.mu.RLock()
	for _, batches := range s.batches {
		for _, inv := range batches {
			if inv.Seq > after {
				missed = append(missed, inv.forEdge())
			}
		}
	}
	for account, floors := range s.shelves[kindFloor] {
		for id, o := range floors {
			if f := o.(*floor); f.Below > after {
				missed = append(missed, f.forEdge(name{kindFloor, account, id}))
			}
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(missed, bySeq)
	for _, inv := range missed {
		apply(inv)
	}
	f := &subscriber{apply}
	s.feeds[f] = true
	return func() {
		s.changing.Lock()
		defer s.changing.Unlock()
		delete(s.feeds, f)
	}
}
