package delivery

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Policy is a set of rules that behaviours refer to by its id. C is one of the
// three sorts: CachePolicyConfig, OriginRequestPolicyConfig and
// ResponseHeadersPolicyConfig.
type Policy[C any] struct {
	Meta
	Config C
	// Managed policies are everyone's and never change.
	Managed bool
}

// The sorts of policies.
type (
	// CachePolicy says what answers are cached by and for how long.
	CachePolicy = Policy[CachePolicyConfig]
	// OriginRequestPolicy says what reaches the origin beside what answers are cached by.
	OriginRequestPolicy = Policy[OriginRequestPolicyConfig]
	// ResponseHeadersPolicy says which headers viewers get beside the origin's.
	ResponseHeadersPolicy = Policy[ResponseHeadersPolicyConfig]
)

// policySort is what tells one sort of policies from another.
type policySort[C any] struct {
	kind kind
	// noun stands in the names of actions: "CachePolicy".
	noun string
	// managed are AWS's own, by id.
	managed map[string]*Policy[C]
	name    func(c *C) string
	// accept fills in what was left out, and checks what needs no look at anything else.
	accept func(c *C, q *Quotas) error
	// supported names what the edge cannot do of a managed policy.
	supported func(p *Policy[C]) error
	// quota is how many an account may have.
	quota func(q *Quotas) int

	missing, taken, inUse, tooMany error
}

// manage returns a managed policy.
func manage[C any](id string, c C) *Policy[C] {
	return &Policy[C]{
		Meta:   Meta{ID: id, ETag: "E23ZP02F085DFQ", ModifiedAt: time.Unix(0, 0).UTC()},
		Config: c, Managed: true,
	}
}

// lookup returns the policy at n, which a behaviour refers to, if the edge can
// do it all.
func (p *policySort[C]) lookup(t *txn, n name) error {
	if m, ok := p.managed[n.id]; ok {
		return p.supported(m)
	}
	_, err := lookup[*Policy[C]](t, n, p.missing)
	return err
}

// compiledLocked returns the policy that a compiled behaviour refers to, or nil.
func (p *policySort[C]) compiledLocked(s *Service, d *DistributionInfo, id string) *Policy[C] {
	if m, ok := p.managed[id]; ok {
		return m
	}
	own, _ := s.shelves[p.kind][d.Account][id].(*Policy[C])
	return own
}

// claim gives the name to the policy at n. Names are unique, also beside the
// managed ones.
func (p *policySort[C]) claim(t *txn, n name, want string) error {
	for _, m := range p.managed {
		if p.name(&m.Config) == want {
			return p.taken
		}
	}
	return t.claim(nameKey(n.account, p.kind, want), n.id, p.taken)
}

// Policies are the policies of one sort: AWS's own, and those of the account
// that asks. Each method has the permission of its operation in the API:
// Update of cache policies is cloudfront:UpdateCachePolicy.
type Policies[C any] struct {
	s *Service
	*policySort[C]
}

// CachePolicies returns the cache policies. Their errors are
// ErrNoCachePolicy, ErrCachePolicyExists, ErrCachePolicyInUse and
// ErrTooManyCachePolicies.
func (s *Service) CachePolicies() Policies[CachePolicyConfig] {
	return Policies[CachePolicyConfig]{s, cachePolicies}
}

// OriginRequestPolicies returns the origin request policies. Their errors are
// ErrNoOriginRequestPolicy, ErrOriginRequestPolicyExists,
// ErrOriginRequestPolicyInUse and ErrTooManyOriginRequestPolicies.
func (s *Service) OriginRequestPolicies() Policies[OriginRequestPolicyConfig] {
	return Policies[OriginRequestPolicyConfig]{s, originRequestPolicies}
}

// ResponseHeadersPolicies returns the response headers policies. Their errors
// are ErrNoResponseHeadersPolicy, ErrResponseHeadersPolicyExists,
// ErrResponseHeadersPolicyInUse and ErrTooManyResponseHeadersPolicies.
func (s *Service) ResponseHeadersPolicies() Policies[ResponseHeadersPolicyConfig] {
	return Policies[ResponseHeadersPolicyConfig]{s, responseHeadersPolicies}
}

func (p Policies[C]) action(verb string) policy.Action {
	return policy.Action("cloudfront:" + verb + p.noun)
}

// Create keeps a custom policy. Names are unique, also beside the managed ones.
func (p Policies[C]) Create(ctx context.Context, who access.Caller, c C) (_ *Policy[C], err error) {
	call := p.s.cfg.Gate.Begin(who, p.action("Create"))
	defer call.End(ctx, &err)
	call.Note("name", p.name(&c))
	n := name{p.kind, who.Account(), newUUID()}
	if err := call.Decide(access.Target{ARN: name{p.kind, n.account, "*"}.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if err := p.accept(&c, &p.s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *Policy[C]
	err = p.s.change(ctx, call, func(t *txn) error {
		if err := p.claim(t, n, p.name(&c)); err != nil {
			return err
		}
		if err := t.count(n.account, p.kind, 1, p.quota(&p.s.cfg.Quotas), p.tooMany); err != nil {
			return err
		}
		made = &Policy[C]{Meta: Meta{ETag: newID("E")}, Config: c}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Get returns a managed or custom policy.
func (p Policies[C]) Get(ctx context.Context, who access.Caller, id string) (*Policy[C], error) {
	return p.get(ctx, who, p.action("Get"), id)
}

// GetConfig is Get under its own permission.
func (p Policies[C]) GetConfig(ctx context.Context, who access.Caller, id string) (*Policy[C], error) {
	return p.get(ctx, who, p.action("Get")+"Config", id)
}

func (p Policies[C]) get(ctx context.Context, who access.Caller, action policy.Action, id string) (_ *Policy[C], err error) {
	call := p.s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	n := name{p.kind, who.Account(), id}
	if err := p.s.decide(call, n); err != nil {
		return nil, err
	}
	if m, ok := p.managed[id]; ok {
		return m, nil
	}
	return find[*Policy[C]](p.s, n, p.missing)
}

// PolicyType narrows a list of policies; empty lists all.
type PolicyType string

// Whose policies there are.
const (
	ManagedPolicies PolicyType = "managed"
	CustomPolicies  PolicyType = "custom"
)

// List returns the managed policies and the caller's own, ordered by id.
func (p Policies[C]) List(ctx context.Context, who access.Caller, whose PolicyType, page Page) (_ *List[*Policy[C]], err error) {
	call := p.s.cfg.Gate.Begin(who, policy.Action(strings.TrimSuffix(string(p.action("List")), "y")+"ies"))
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if !oneOf(string(whose), "", string(ManagedPolicies), string(CustomPolicies)) {
		return nil, invalidValue("Type", string(whose))
	}
	var all []*Policy[C]
	if whose != ManagedPolicies {
		all = shelf[*Policy[C]](p.s, p.kind, who.Account(), page.After)
	}
	if whose != CustomPolicies {
		for id, m := range p.managed {
			if id > page.After {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Policy[C]) int { return strings.Compare(a.ID, b.ID) })
	return paginate(all, objectID[*Policy[C]], page)
}

// Update replaces the configuration; ErrManaged about a managed policy.
func (p Policies[C]) Update(ctx context.Context, who access.Caller, id, version string, c C) (_ *Policy[C], err error) {
	call := p.s.cfg.Gate.Begin(who, p.action("Update"))
	defer call.End(ctx, &err)
	n := name{p.kind, who.Account(), id}
	if err := p.s.decide(call, n); err != nil {
		return nil, err
	}
	if p.managed[id] != nil {
		return nil, ErrManaged
	}
	if err := p.accept(&c, &p.s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *Policy[C]
	err = p.s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*Policy[C]](t, n, p.missing)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if before, now := p.name(&old.Config), p.name(&c); before != now {
			t.release(nameKey(n.account, p.kind, before))
			if err := p.claim(t, n, now); err != nil {
				return err
			}
		}
		made = &Policy[C]{Meta: old.Meta, Config: c}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Delete removes a custom policy that no behaviour uses; ErrManagedDelete about
// a managed policy.
func (p Policies[C]) Delete(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := p.s.cfg.Gate.Begin(who, p.action("Delete"))
	defer call.End(ctx, &err)
	n := name{p.kind, who.Account(), id}
	if err := p.s.decide(call, n); err != nil {
		return err
	}
	if p.managed[id] != nil {
		return ErrManagedDelete
	}
	return p.s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*Policy[C]](t, n, p.missing)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, p.inUse, old); err != nil {
			return err
		}
		t.release(nameKey(n.account, p.kind, p.name(&old.Config)))
		t.delete(n)
		return t.count(n.account, p.kind, -1, 0, nil)
	})
}

// Distributions returns the ids of the caller's distributions that use the policy.
func (p Policies[C]) Distributions(ctx context.Context, who access.Caller, id string, page Page) (*List[string], error) {
	n := name{p.kind, who.Account(), id}
	exists := func() error {
		if p.managed[id] != nil {
			return nil
		}
		_, err := find[*Policy[C]](p.s, n, p.missing)
		return err
	}
	return p.s.listUsers(ctx, who, p.action("ListDistributionsBy")+"Id", n, exists, page)
}
