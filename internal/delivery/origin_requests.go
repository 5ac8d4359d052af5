package delivery

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// OriginRequestPolicyConfig is an origin request policy as its owner writes it.
type OriginRequestPolicyConfig struct {
	Name    string
	Comment string
	// Headers has two modes beside those of Names: allViewer, and
	// allViewerAndWhitelistCloudFront, whose names are headers of the edge.
	// The mode all is not among its modes.
	Headers              Names
	Cookies, QueryString Names
}

// NewOriginRequestPolicyConfig returns the configuration of an empty document.
func NewOriginRequestPolicyConfig() OriginRequestPolicyConfig {
	return OriginRequestPolicyConfig{Headers: Names{Mode: "none"}, Cookies: Names{Mode: "none"}, QueryString: Names{Mode: "none"}}
}

// OriginRequestPolicy says what reaches the origin beside what answers are cached by.
type OriginRequestPolicy struct {
	Meta
	Config OriginRequestPolicyConfig
	// Managed policies are everyone's and never change.
	Managed bool
}

// managedOriginRequests are AWS's own.
//
// Source: CloudFront Developer Guide, "Use managed origin request policies".
var managedOriginRequests = func() map[string]*OriginRequestPolicy {
	all, none := Names{Mode: "all"}, Names{Mode: "none"}
	list := func(names ...string) Names { return Names{"whitelist", names} }
	m := make(map[string]*OriginRequestPolicy)
	add := func(id, name, comment string, headers, cookies, query Names) {
		m[id] = &OriginRequestPolicy{
			Meta:    Meta{ID: id, ETag: "E23ZP02F085DFQ", ModifiedAt: time.Unix(0, 0).UTC()},
			Config:  OriginRequestPolicyConfig{Name: "Managed-" + name, Comment: comment, Headers: headers, Cookies: cookies, QueryString: query},
			Managed: true,
		}
	}
	add("216adef6-5c7f-47e4-b989-5492eafa07d3", "AllViewer",
		"Policy to forward all parameters in viewer requests", Names{Mode: "allViewer"}, all, all)
	add("b689b0a8-53d0-40ab-baf2-68738e2966ac", "AllViewerExceptHostHeader",
		"Policy to forward all parameters in viewer requests except for the Host header", Names{"allExcept", []string{"host"}}, all, all)
	add("33f36d7e-f396-46d9-90e0-52428a34d9dc", "AllViewerAndCloudFrontHeaders-2022-06",
		"Policy to forward all parameters in viewer requests and all CloudFront headers that were released through June 2022",
		Names{"allViewerAndWhitelistCloudFront", []string{
			"CloudFront-Forwarded-Proto", "CloudFront-Is-Android-Viewer", "CloudFront-Is-Desktop-Viewer", "CloudFront-Is-IOS-Viewer",
			"CloudFront-Is-Mobile-Viewer", "CloudFront-Is-SmartTV-Viewer", "CloudFront-Is-Tablet-Viewer", "CloudFront-Viewer-Address",
			"CloudFront-Viewer-ASN", "CloudFront-Viewer-City", "CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Name",
			"CloudFront-Viewer-Country-Region", "CloudFront-Viewer-Country-Region-Name", "CloudFront-Viewer-Http-Version",
			"CloudFront-Viewer-Latitude", "CloudFront-Viewer-Longitude", "CloudFront-Viewer-Metro-Code", "CloudFront-Viewer-Postal-Code",
			"CloudFront-Viewer-Time-Zone", "CloudFront-Viewer-TLS",
		}}, all, all)
	add("59781a5b-3903-41f3-afcb-af62929ccde1", "CORS-CustomOrigin",
		"Policy for CORS when the origin is a custom origin", list("origin"), none, none)
	add("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", "CORS-S3Origin", "Policy for CORS when the origin is an S3 bucket",
		list("origin", "access-control-request-headers", "access-control-request-method"), none, none)
	add("acba4595-bd28-49b8-b9fe-13317c0390fa", "UserAgentRefererHeaders",
		"Policy to forward user-agent and referer headers to origin", list("user-agent", "referer"), none, none)
	add("bf0718e1-ba1e-49d1-88b1-f726733018ae", "HostHeaderOnly", "Policy to forward the Host header to origin", list("host"), none, none)
	add("775133bc-15f2-49f9-abea-afb2e0bf67d2", "Elemental-MediaTailor-PersonalizedManifests", "Policy for Elemental MediaTailor Origin",
		list("origin", "access-control-request-headers", "access-control-request-method", "user-agent", "x-forwarded-for"), none, all)
	return m
}()

// edgeHeaderPrefix begins, in lower case, the names of the headers that the edge makes.
const edgeHeaderPrefix = "cloudfront-"

// edgeHeader reports whether the edge can make a header, named in lower case.
func edgeHeader(lower string) bool {
	return oneOf(lower, "cloudfront-forwarded-proto", "cloudfront-viewer-address", "cloudfront-viewer-http-version", "cloudfront-viewer-tls")
}

func (c *OriginRequestPolicyConfig) check(q *Quotas) error {
	if err := checkPolicyText(c.Name, c.Comment); err != nil {
		return err
	}
	if !oneOf(c.Headers.Mode, "none", "whitelist", "allViewer", "allViewerAndWhitelistCloudFront", "allExcept") {
		return invalidValue("HeaderBehavior", c.Headers.Mode)
	}
	for _, n := range []policyNames{
		{"HeaderBehavior", c.Headers, ErrTooManyOriginRequestHeaders},
		{"CookieBehavior", c.Cookies, ErrTooManyOriginRequestCookies},
		{"QueryStringBehavior", c.QueryString, ErrTooManyOriginRequestQuery},
	} {
		if err := n.check(q); err != nil {
			return err
		}
	}
	for _, h := range c.Headers.Items {
		name := strings.ToLower(h)
		made := strings.HasPrefix(name, edgeHeaderPrefix)
		switch {
		// Authorization changes answers: only a cache policy may name it.
		case !token.MatchString(h), c.Headers.Mode != "allExcept" && name == "authorization",
			oneOf(name, "accept-encoding", "connection", "cookie", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade", "via"),
			c.Headers.Mode == "allViewerAndWhitelistCloudFront" && !made:
			return invalidValue("Headers", h)
		case made && c.Headers.Mode != "allExcept" && !edgeHeader(name):
			return unsupported("Headers " + h)
		}
	}
	return nil
}

// supported returns an error that names what the edge cannot do of a managed policy.
func (p *OriginRequestPolicy) supported() error {
	for _, h := range p.Config.Headers.Items {
		if keyableHeader(h) != nil {
			return unsupported("OriginRequestPolicyId " + p.Config.Name + " with its header " + h)
		}
	}
	return nil
}

// apply adds to what reaches the origin of a behaviour.
func (p *OriginRequestPolicy) apply(out *Behavior) {
	c := &p.Config
	items := lower(c.Headers.Items)
	var headers Selection
	switch c.Headers.Mode {
	case "allViewer":
		headers.Mode = SelectAll
	case "allViewerAndWhitelistCloudFront":
		headers.Mode, out.Forward.EdgeHeaders = SelectAll, items
	case "allExcept":
		headers = NewSelection(SelectAllExcept, false, items...)
	case "whitelist":
		for _, h := range items {
			if strings.HasPrefix(h, edgeHeaderPrefix) {
				out.Forward.EdgeHeaders = append(out.Forward.EdgeHeaders, h)
			}
		}
		headers = NewSelection(SelectWhitelist, false, items...)
	}
	query := c.QueryString.selection(false)
	// A bucket would let viewers choose the headers of its answers by these.
	// Source: CloudFront Developer Guide, "Use managed origin request policies".
	if p.Managed && query.Mode == SelectAll && out.Origin.S3 {
		query = NewSelection(SelectAllExcept, false, "response-content-type", "response-content-disposition", "response-content-encoding")
	}
	f := &out.Forward
	f.Headers, f.Query, f.Cookies = union(f.Headers, headers), union(f.Query, query), union(f.Cookies, c.Cookies.selection(true))
}

// CreateOriginRequestPolicy keeps a custom origin request policy. Names are
// unique, also beside the managed ones: ErrOriginRequestPolicyExists.
func (s *Service) CreateOriginRequestPolicy(ctx context.Context, who access.Caller, c OriginRequestPolicyConfig) (_ *OriginRequestPolicy, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateOriginRequestPolicy")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	n := name{kindOriginRequest, who.Account(), newUUID()}
	if err := call.Decide(access.Target{ARN: name{kindOriginRequest, n.account, "*"}.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *OriginRequestPolicy
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claimOriginRequestName(n, c.Name); err != nil {
			return err
		}
		if err := t.count(n.account, kindOriginRequest, 1, s.cfg.Quotas.OriginRequestPolicies, ErrTooManyOriginRequestPolicies); err != nil {
			return err
		}
		made = &OriginRequestPolicy{Meta: Meta{ETag: newID("E")}, Config: c}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (t *txn) claimOriginRequestName(n name, want string) error {
	for _, m := range managedOriginRequests {
		if m.Config.Name == want {
			return ErrOriginRequestPolicyExists
		}
	}
	return t.claim(nameKey(n.account, kindOriginRequest, want), n.id, ErrOriginRequestPolicyExists)
}

// GetOriginRequestPolicy returns a managed or custom policy, or ErrNoOriginRequestPolicy.
func (s *Service) GetOriginRequestPolicy(ctx context.Context, who access.Caller, id string) (*OriginRequestPolicy, error) {
	return s.originRequestPolicy(ctx, who, "cloudfront:GetOriginRequestPolicy", id)
}

// GetOriginRequestPolicyConfig is GetOriginRequestPolicy under its own permission.
func (s *Service) GetOriginRequestPolicyConfig(ctx context.Context, who access.Caller, id string) (*OriginRequestPolicy, error) {
	return s.originRequestPolicy(ctx, who, "cloudfront:GetOriginRequestPolicyConfig", id)
}

func (s *Service) originRequestPolicy(ctx context.Context, who access.Caller, action policy.Action, id string) (_ *OriginRequestPolicy, err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	n := name{kindOriginRequest, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if m, ok := managedOriginRequests[id]; ok {
		return m, nil
	}
	return find[*OriginRequestPolicy](s, n, ErrNoOriginRequestPolicy)
}

// ListOriginRequestPolicies returns the managed policies and the caller's own, ordered by id.
func (s *Service) ListOriginRequestPolicies(ctx context.Context, who access.Caller, sort PolicyType, p Page) (_ *List[*OriginRequestPolicy], err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:ListOriginRequestPolicies")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if !oneOf(string(sort), "", string(ManagedPolicies), string(CustomPolicies)) {
		return nil, invalidValue("Type", string(sort))
	}
	var all []*OriginRequestPolicy
	if sort != ManagedPolicies {
		all = shelf[*OriginRequestPolicy](s, kindOriginRequest, who.Account(), p.After)
	}
	if sort != CustomPolicies {
		for id, m := range managedOriginRequests {
			if id > p.After {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b *OriginRequestPolicy) int { return strings.Compare(a.ID, b.ID) })
	return paginate(all, objectID[*OriginRequestPolicy], p)
}

// UpdateOriginRequestPolicy replaces the configuration; ErrManaged about a managed policy.
func (s *Service) UpdateOriginRequestPolicy(ctx context.Context, who access.Caller, id, version string, c OriginRequestPolicyConfig) (_ *OriginRequestPolicy, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateOriginRequestPolicy")
	defer call.End(ctx, &err)
	n := name{kindOriginRequest, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	if managedOriginRequests[id] != nil {
		return nil, ErrManaged
	}
	if err := c.check(&s.cfg.Quotas); err != nil {
		return nil, err
	}
	var made *OriginRequestPolicy
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*OriginRequestPolicy](t, n, ErrNoOriginRequestPolicy)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if old.Config.Name != c.Name {
			t.release(nameKey(n.account, kindOriginRequest, old.Config.Name))
			if err := t.claimOriginRequestName(n, c.Name); err != nil {
				return err
			}
		}
		made = &OriginRequestPolicy{Meta: old.Meta, Config: c}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteOriginRequestPolicy removes a custom policy that no behaviour uses, or
// returns ErrOriginRequestPolicyInUse; ErrManagedDelete about a managed policy.
func (s *Service) DeleteOriginRequestPolicy(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteOriginRequestPolicy")
	defer call.End(ctx, &err)
	n := name{kindOriginRequest, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	if managedOriginRequests[id] != nil {
		return ErrManagedDelete
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*OriginRequestPolicy](t, n, ErrNoOriginRequestPolicy)
		if err != nil {
			return err
		}
		if err := t.unused(n, version, ErrOriginRequestPolicyInUse, old); err != nil {
			return err
		}
		t.release(nameKey(n.account, kindOriginRequest, old.Config.Name))
		t.delete(n)
		return t.count(n.account, kindOriginRequest, -1, 0, nil)
	})
}

// ListDistributionsByOriginRequestPolicy returns the ids of the caller's
// distributions that use the policy.
func (s *Service) ListDistributionsByOriginRequestPolicy(ctx context.Context, who access.Caller, id string, p Page) (*List[string], error) {
	return listUsers[*OriginRequestPolicy](ctx, s, who, "cloudfront:ListDistributionsByOriginRequestPolicyId", name{kindOriginRequest, who.Account(), id}, ErrNoOriginRequestPolicy, p)
}
