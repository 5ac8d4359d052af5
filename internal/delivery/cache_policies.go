package delivery

import (
	"math"
	"strings"
	"time"
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

var cachePolicies = &policySort[CachePolicyConfig]{
	kind: kindPolicy, noun: "CachePolicy", managed: managedCachePolicies,
	name: func(c *CachePolicyConfig) string { return c.Name },
	accept: func(c *CachePolicyConfig, q *Quotas) error {
		c.normalize()
		return c.check(q)
	},
	supported: func(p *CachePolicy) error { return madeHeaders("CachePolicyId "+p.Config.Name, &p.Config.Headers) },
	quota:     func(q *Quotas) int { return q.CachePolicies },
	missing:   ErrNoCachePolicy, taken: ErrCachePolicyExists, inUse: ErrCachePolicyInUse, tooMany: ErrTooManyCachePolicies,
}

// madeHeaders returns an error that names a header of a managed policy that the
// edge does not make.
func madeHeaders(policy string, headers *Names) error {
	for _, h := range headers.Items {
		if keyableHeader(h) != nil {
			return unsupported(policy + " with its header " + h)
		}
	}
	return nil
}

// managedCachePolicies are AWS's own that make sense to the edge.
//
// Source: CloudFront Developer Guide, "Use managed cache policies".
var managedCachePolicies = func() map[string]*CachePolicy {
	const year = 31536000
	origin := []string{"host", "origin", "x-http-method", "x-http-method-override", "x-method-override"}
	all, none := Names{Mode: "all"}, Names{Mode: "none"}
	list := func(names ...string) Names { return Names{"whitelist", names} }
	m := make(map[string]*CachePolicy)
	add := func(id, name, comment string, low, standard, high int64, gzip, brotli bool, headers, cookies, query Names) {
		m[id] = manage(id, CachePolicyConfig{
			Name: name, Comment: comment, MinTTL: low, DefaultTTL: &standard, MaxTTL: &high,
			Gzip: gzip, Brotli: brotli, Headers: headers, Cookies: cookies, QueryString: query,
		})
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
		if !token.MatchString(h) || oneOf(strings.ToLower(h), "accept-encoding", "expect", "via") {
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

// seconds is n seconds; what does not fit a Duration is the longest one.
func seconds(n int64) time.Duration {
	if n > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Second
}
