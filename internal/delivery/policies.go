package delivery

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// CachePolicyConfig is a cache policy as its owner writes it.
type CachePolicyConfig struct {
	Name    string
	Comment string
	// The TTLs are seconds. DefaultTTL and MaxTTL are nil when not given.
	MinTTL               int64
	DefaultTTL, MaxTTL   *int64
	Gzip, Brotli         bool
	Headers              Names
	Cookies, QueryString Names
}

// NewCachePolicyConfig returns the configuration of an empty document.
func NewCachePolicyConfig() CachePolicyConfig {
	return CachePolicyConfig{Headers: Names{Mode: "none"}, Cookies: Names{Mode: "none"}, QueryString: Names{Mode: "none"}}
}

// Names chooses by name: none, whitelist, allExcept or all.
type Names struct {
	Mode  string
	Items []string
}

// CachePolicy says what answers are cached by and for how long.
type CachePolicy struct {
	Meta
	Config CachePolicyConfig
	// Managed policies are everyone's and never change.
	Managed bool
}

// managedPolicies are AWS's own that make sense to the edge.
//
// Source: CloudFront Developer Guide, "Use managed cache policies".
var managedPolicies = func() map[string]*CachePolicy {
	const year = 31536000
	origin := []string{"host", "origin", "x-http-method", "x-http-method-override", "x-method-override"}
	all, none := Names{Mode: "all"}, Names{Mode: "none"}
	list := func(names ...string) Names { return Names{"whitelist", names} }
	m := make(map[string]*CachePolicy)
	add := func(id, name, comment string, low, standard, high int64, gzip, brotli bool, headers, cookies, query Names) {
		m[id] = &CachePolicy{
			Meta: Meta{ID: id, ETag: "E23ZP02F085DFQ", ModifiedAt: time.Unix(0, 0).UTC()},
			Config: CachePolicyConfig{
				Name: name, Comment: comment, MinTTL: low, DefaultTTL: &standard, MaxTTL: &high,
				Gzip: gzip, Brotli: brotli, Headers: headers, Cookies: cookies, QueryString: query,
			},
			Managed: true,
		}
	}
	add("658327ea-f89d-4fab-a63d-7e88639e58f6", "Managed-CachingOptimized",
		"Policy with caching enabled. Supports Gzip and Brotli compression.", 1, 86400, year, true, true, none, none, none)
	add("b2884449-e4de-46a7-ac36-70bc7f1ddd6d", "Managed-CachingOptimizedForUncompressedObjects",
		"Default policy when compression is disabled", 1, 86400, year, false, false, none, none, none)
	add("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "Managed-CachingDisabled",
		"Policy with caching disabled", 0, 0, 0, false, false, none, none, none)
	add("83da9c7e-98b4-4e11-a168-04f0df8e2c65", "UseOriginCacheControlHeaders",
		"Policy that honors the origin's Cache-Control headers", 0, 0, year, true, true, list(origin...), all, none)
	add("4cc15a8a-d715-48a4-82b8-cc0b614638fe", "UseOriginCacheControlHeaders-QueryStrings",
		"Policy that honors the origin's Cache-Control headers and query strings", 0, 0, year, true, true, list(origin...), all, all)
	add("2e54312d-136d-493c-8eb9-b001f22f67d2", "Managed-Amplify",
		"Policy for Amplify Origin", 2, 2, 600, true, true, list("Authorization", "CloudFront-Viewer-Country", "Host"), all, all)
	add("08627262-05a9-4f76-9ded-b50ca2e3a84f", "Managed-Elemental-MediaPackage",
		"Policy for Elemental MediaPackage Origin", 0, 86400, year, true, false, list("origin"), none,
		list("aws.manifestfilter", "start", "end", "m"))
	return m
}()

// normalize fills in the TTLs that were not given, as for legacy behaviours.
func (c *CachePolicyConfig) normalize() {
	if c.MaxTTL == nil {
		high := max(legacyMaxTTL, c.MinTTL)
		if c.DefaultTTL != nil {
			high = max(high, *c.DefaultTTL)
		}
		c.MaxTTL = &high
	}
	if c.DefaultTTL == nil {
		standard := min(max(legacyDefaultTTL, c.MinTTL), *c.MaxTTL)
		c.DefaultTTL = &standard
	}
}

func (c *CachePolicyConfig) check(q *Quotas) error {
	if err := checkPolicyText(c.Name, c.Comment); err != nil {
		return err
	}
	if err := validateTTLs(c.MinTTL, *c.DefaultTTL, *c.MaxTTL); err != nil {
		return err
	}
	if *c.MaxTTL == 0 && (c.Gzip || c.Brotli || c.Headers.Mode != "none" || c.Cookies.Mode != "none" || c.QueryString.Mode != "none") {
		return refuse(ErrInvalid, "A cache policy that disables caching (MaxTTL 0) cannot have a cache key.")
	}
	if !oneOf(c.Headers.Mode, "none", "whitelist") {
		return invalidValue("HeaderBehavior", c.Headers.Mode)
	}
	for _, n := range []policyNames{
		{"HeaderBehavior", c.Headers, ErrTooManyPolicyHeaders},
		{"CookieBehavior", c.Cookies, ErrTooManyPolicyCookies},
		{"QueryStringBehavior", c.QueryString, ErrTooManyPolicyQuery},
	} {
		if err := n.check(q); err != nil {
			return err
		}
	}
	for _, h := range c.Headers.Items {
		if !token.MatchString(h) || oneOf(strings.ToLower(h), "accept-encoding", "connection", "cookie", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade", "via") {
			return invalidValue("Headers", h)
		}
		if err := keyableHeader(h); err != nil {
			return err
		}
	}
	return nil
}

func checkPolicyText(name, comment string) error {
	switch {
	case name == "" || len(name) > 128 || hasControl(name):
		return refuse(ErrInvalid, "The parameter Name is required and has at most 128 characters.")
	case len(comment) > maxCommentBytes:
		return refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	}
	return nil
}

// policyNames is one choice of a policy, under the member's name.
type policyNames struct {
	member string
	names  Names
	over   error // about more names than the quota
}

func (n *policyNames) check(q *Quotas) error {
	named := oneOf(n.names.Mode, "whitelist", "allExcept", "allViewerAndWhitelistCloudFront")
	switch {
	case !named && !oneOf(n.names.Mode, "none", "all", "allViewer"),
		n.member != "HeaderBehavior" && strings.HasPrefix(n.names.Mode, "allViewer"):
		return invalidValue(n.member, n.names.Mode)
	case named != (len(n.names.Items) > 0):
		return refuse(ErrInvalid, "The parameter %s %s does not fit the number of names.", n.member, n.names.Mode)
	case len(n.names.Items) > q.NamesPerPolicy:
		return refuse(n.over, "A policy lists at most %d names each of headers, cookies and query strings.", q.NamesPerPolicy)
	case duplicate(n.names.Items) != "":
		return refuse(ErrInvalid, "The names of %s contain %s twice.", n.member, duplicate(n.names.Items))
	}
	for _, item := range n.names.Items {
		if item == "" || len(item) > 128 || hasControl(item) {
			return refuse(ErrInvalid, "The names of %s contain an invalid one.", n.member)
		}
	}
	return nil
}

// CreateCachePolicy keeps a custom cache policy. Names are unique, also beside
// the managed ones: ErrCachePolicyExists.
func (s *Service) CreateCachePolicy(ctx context.Context, who access.Caller, c CachePolicyConfig) (_ *CachePolicy, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateCachePolicy")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	n := name{kindPolicy, who.Account(), newUUID()}
	if err := call.Decide(access.Target{ARN: name{kindPolicy, n.account, "*"}.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	c.normalize()
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *CachePolicy
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claimPolicyName(n, c.Name); err != nil {
			return err
		}
		if err := t.count(n.account, kindPolicy, 1, s.cfg.Quotas.CachePolicies, ErrTooManyCachePolicies); err != nil {
			return err
		}
		made = &CachePolicy{Meta: Meta{ETag: newID("E")}, Config: c}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (t *txn) claimPolicyName(n name, want string) error {
	for _, m := range managedPolicies {
		if m.Config.Name == want {
			return ErrCachePolicyExists
		}
	}
	return t.claim(nameKey(n.account, kindPolicy, want), n.id, ErrCachePolicyExists)
}

// GetCachePolicy returns a managed or custom cache policy, or ErrNoCachePolicy.
func (s *Service) GetCachePolicy(ctx context.Context, who access.Caller, id string) (*CachePolicy, error) {
	return s.cachePolicy(ctx, who, "cloudfront:GetCachePolicy", id)
}

// GetCachePolicyConfig is GetCachePolicy under its own permission.
func (s *Service) GetCachePolicyConfig(ctx context.Context, who access.Caller, id string) (*CachePolicy, error) {
	return s.cachePolicy(ctx, who, "cloudfront:GetCachePolicyConfig", id)
}

func (s *Service) cachePolicy(ctx context.Context, who access.Caller, action policy.Action, id string) (_ *CachePolicy, err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	n := name{kindPolicy, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if m, ok := managedPolicies[id]; ok {
		return m, nil
	}
	return find[*CachePolicy](s, n, ErrNoCachePolicy)
}

// PolicyType narrows a list of policies; empty lists all.
type PolicyType string

// The two sorts of policies.
const (
	ManagedPolicies PolicyType = "managed"
	CustomPolicies  PolicyType = "custom"
)

// ListCachePolicies returns the managed policies and the caller's own, ordered by id.
func (s *Service) ListCachePolicies(ctx context.Context, who access.Caller, sort PolicyType, p Page) (_ *List[*CachePolicy], err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:ListCachePolicies")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	var all []*CachePolicy
	switch sort {
	case "", ManagedPolicies, CustomPolicies:
	default:
		return nil, invalidValue("Type", string(sort))
	}
	if sort != ManagedPolicies {
		all = shelf[*CachePolicy](s, kindPolicy, who.Account(), p.After)
	}
	if sort != CustomPolicies {
		for id, m := range managedPolicies {
			if id > p.After {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b *CachePolicy) int { return strings.Compare(a.ID, b.ID) })
	return paginate(all, objectID[*CachePolicy], p)
}

// UpdateCachePolicy replaces the configuration; ErrManaged about a managed policy.
func (s *Service) UpdateCachePolicy(ctx context.Context, who access.Caller, id, version string, c CachePolicyConfig) (_ *CachePolicy, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateCachePolicy")
	defer call.End(ctx, &err)
	n := name{kindPolicy, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if managedPolicies[id] != nil {
		return nil, ErrManaged
	}
	c.normalize()
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *CachePolicy
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*CachePolicy](t, n, ErrNoCachePolicy)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if old.Config.Name != c.Name {
			t.release(nameKey(n.account, kindPolicy, old.Config.Name))
			if err := t.claimPolicyName(n, c.Name); err != nil {
				return err
			}
		}
		made = &CachePolicy{Meta: old.Meta, Config: c}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteCachePolicy removes a custom policy that no behaviour uses, or returns
// ErrCachePolicyInUse; ErrManagedDelete about a managed policy.
func (s *Service) DeleteCachePolicy(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteCachePolicy")
	defer call.End(ctx, &err)
	n := name{kindPolicy, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	if managedPolicies[id] != nil {
		return ErrManagedDelete
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*CachePolicy](t, n, ErrNoCachePolicy)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrCachePolicyInUse, old); err != nil {
			return err
		}
		t.release(nameKey(n.account, kindPolicy, old.Config.Name))
		t.delete(n)
		return t.count(n.account, kindPolicy, -1, 0, nil)
	})
}

// ListDistributionsByCachePolicy returns the ids of the caller's distributions
// that use the policy.
func (s *Service) ListDistributionsByCachePolicy(ctx context.Context, who access.Caller, id string, p Page) (*List[string], error) {
	return listUsers[*CachePolicy](ctx, s, who, "cloudfront:ListDistributionsByCachePolicyId", name{kindPolicy, who.Account(), id}, ErrNoCachePolicy, p)
}

// seconds is n seconds; what does not fit a Duration is the longest one.
func seconds(n int64) time.Duration {
	if n > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Second
}
