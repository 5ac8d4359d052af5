package delivery_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

const (
	allViewer   = "216adef6-5c7f-47e4-b989-5492eafa07d3"
	exceptHost  = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
	withCountry = "33f36d7e-f396-46d9-90e0-52428a34d9dc"
	optimized   = "658327ea-f89d-4fab-a63d-7e88639e58f6"
)

func originRequests(name string, edit ...func(*delivery.OriginRequestPolicyConfig)) delivery.OriginRequestPolicyConfig {
	c := delivery.NewOriginRequestPolicyConfig()
	c.Name = name
	for _, e := range edit {
		e(&c)
	}
	return c
}

func TestOriginRequestPolicyRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	p := must(f.OriginRequestPolicies().Create(ctx, me, originRequests("p")))
	type config = delivery.OriginRequestPolicyConfig
	for _, r := range []struct {
		name string
		edit func(*config)
		want error
	}{
		{"no name", func(c *config) { c.Name = "" }, delivery.ErrInvalid},
		{"name taken", func(c *config) { c.Name = "p" }, delivery.ErrOriginRequestPolicyExists},
		{"managed name", func(c *config) { c.Name = "Managed-AllViewer" }, delivery.ErrOriginRequestPolicyExists},
		{"long comment", func(c *config) { c.Comment = strings.Repeat("x", 129) }, delivery.ErrInvalid},
		{"all headers", func(c *config) { c.Headers.Mode = "all" }, delivery.ErrInvalid},
		{"allViewer cookies", func(c *config) { c.Cookies.Mode = "allViewer" }, delivery.ErrInvalid},
		{"allViewer with names", func(c *config) { c.Headers = delivery.Names{Mode: "allViewer", Items: []string{"A"}} }, delivery.ErrInvalid},
		{"whitelist without names", func(c *config) { c.QueryString.Mode = "whitelist" }, delivery.ErrInvalid},
		{"authorization by name", func(c *config) { c.Headers = delivery.Names{Mode: "whitelist", Items: []string{"authorization"}} }, delivery.ErrInvalid},
		{"Cookie as a header", func(c *config) { c.Headers = delivery.Names{Mode: "whitelist", Items: []string{"Cookie"}} }, delivery.ErrInvalid},
		{"a header that the edge cannot make", func(c *config) {
			c.Headers = delivery.Names{Mode: "whitelist", Items: []string{"CloudFront-Viewer-City"}}
		}, delivery.ErrInvalid},
		{"a viewer's header among the edge's", func(c *config) {
			c.Headers = delivery.Names{Mode: "allViewerAndWhitelistCloudFront", Items: []string{"Origin"}}
		}, delivery.ErrInvalid},
		{"eleven headers", func(c *config) {
			c.Headers = delivery.Names{Mode: "whitelist", Items: strings.Fields("a b c d e f g h i j k")}
		}, delivery.ErrTooManyOriginRequestHeaders},
		{"eleven cookies", func(c *config) {
			c.Cookies = delivery.Names{Mode: "allExcept", Items: strings.Fields("a b c d e f g h i j k")}
		}, delivery.ErrTooManyOriginRequestCookies},
		{"eleven parameters", func(c *config) {
			c.QueryString = delivery.Names{Mode: "whitelist", Items: strings.Fields("a b c d e f g h i j k")}
		}, delivery.ErrTooManyOriginRequestQuery},
	} {
		if _, err := f.OriginRequestPolicies().Create(ctx, me, originRequests("new", r.edit)); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}

	for id, want := range map[string]error{"unknown": delivery.ErrNoOriginRequestPolicy, withCountry: delivery.ErrInvalid} {
		if _, err := f.CreateDistribution(ctx, me, forwarding("no", id)); !errors.Is(err, want) {
			t.Errorf("policy %s: %v, want %v", id, err, want)
		}
	}
	d := must(f.CreateDistribution(ctx, me, forwarding("d", p.ID)))
	if err := f.OriginRequestPolicies().Delete(ctx, me, p.ID, p.ETag); !errors.Is(err, delivery.ErrOriginRequestPolicyInUse) {
		t.Errorf("delete of a used policy: %v", err)
	}
	if users := must(f.OriginRequestPolicies().Distributions(ctx, me, p.ID, delivery.Page{})); len(users.Items) != 1 || users.Items[0] != d.ID {
		t.Errorf("users %v, want %s", users.Items, d.ID)
	}
	c := p.Config
	c.Headers = delivery.Names{Mode: "whitelist", Items: []string{"Referer"}}
	p = must(f.OriginRequestPolicies().Update(ctx, me, p.ID, p.ETag, c))
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		if b := s.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/"); !b.Forward.Headers.Has("referer") || b.Key.Headers.Has("referer") {
			t.Error("the edge keeps the old policy")
		}
	}
	if _, err := f.OriginRequestPolicies().Update(ctx, me, allViewer, p.ETag, c); !errors.Is(err, delivery.ErrManaged) {
		t.Errorf("update of a managed policy: %v", err)
	}
	if err := f.OriginRequestPolicies().Delete(ctx, me, allViewer, p.ETag); !errors.Is(err, delivery.ErrManagedDelete) {
		t.Errorf("delete of a managed policy: %v", err)
	}
	must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, forwarding("d", exceptHost)))
	if err := f.OriginRequestPolicies().Delete(ctx, me, p.ID, p.ETag); err != nil {
		t.Errorf("delete of a policy that is used no more: %v", err)
	}
	must(f.OriginRequestPolicies().Create(ctx, me, originRequests("p")))
}

// forwarding is config with CachingOptimized and an origin request policy.
func forwarding(reference, id string, edit ...func(*delivery.DistributionConfig)) delivery.DistributionConfig {
	return config(reference, append(edit, func(c *delivery.DistributionConfig) {
		b := &c.DefaultBehavior
		b.ForwardedValues, b.OriginRequestPolicyID = nil, id
		if b.CachePolicyID == "" {
			b.CachePolicyID = optimized
		}
	})...)
}

// TestEdgeHeadersInTheKey accepts what the edge makes, in both sorts of keys.
func TestEdgeHeadersInTheKey(t *testing.T) {
	f, ctx := open(t), t.Context()
	for name, ok := range map[string]bool{"CloudFront-Forwarded-Proto": true, "cloudfront-viewer-tls": true, "CloudFront-Viewer-Country": false} {
		c := cachePolicy(name)
		c.Headers = delivery.Names{Mode: "whitelist", Items: []string{name}}
		if _, err := f.CachePolicies().Create(ctx, me, c); (err == nil) != ok {
			t.Errorf("cache policy with %s: %v", name, err)
		}
		d, err := f.CreateDistribution(ctx, me, config(name, func(c *delivery.DistributionConfig) { c.DefaultBehavior.ForwardedValues.Headers = []string{name} }))
		if (err == nil) != ok {
			t.Errorf("ForwardedValues with %s: %v", name, err)
		}
		if err == nil && !f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/").Key.Headers.Has(strings.ToLower(name)) {
			t.Errorf("%s is not in the key", name)
		}
	}
}

// A header that no origin hears from a viewer is none to choose, but it may be
// among those that are left out.
func TestHeadersThatNobodyHears(t *testing.T) {
	f, ctx := open(t), t.Context()
	for _, name := range []string{"X-Forwarded-Proto", "x-real-ip", "X-Edge-Location", "Proxy-Authorization", "X-Amz-Cf-Id", "Keep-Alive", "TE", "Cookie", "Upgrade"} {
		listed := delivery.Names{Mode: "whitelist", Items: []string{name}}
		c := cachePolicy(name)
		c.Headers = listed
		_, cached := f.CachePolicies().Create(ctx, me, c)
		_, forwarded := f.OriginRequestPolicies().Create(ctx, me, originRequests(name, func(c *delivery.OriginRequestPolicyConfig) { c.Headers = listed }))
		_, legacy := f.CreateDistribution(ctx, me, config(name, func(c *delivery.DistributionConfig) { c.DefaultBehavior.ForwardedValues.Headers = []string{name} }))
		for what, err := range map[string]error{"cache policy": cached, "origin request policy": forwarded, "ForwardedValues": legacy} {
			if !errors.Is(err, delivery.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %s: %v", what, name, err)
			}
		}
	}
	must(f.OriginRequestPolicies().Create(ctx, me, originRequests("left out", func(c *delivery.OriginRequestPolicyConfig) {
		c.Headers = delivery.Names{Mode: "allExcept", Items: []string{"X-Forwarded-Proto", "X-Real-IP"}}
	})))
}

// TestForwardIsKeyAndPolicy wants every combination of two choices to pick what
// either picks, and the key to stay what it is.
func TestForwardIsKeyAndPolicy(t *testing.T) {
	f, ctx := open(t), t.Context()
	choices := []delivery.Names{
		{Mode: "none"},
		{Mode: "all"},
		{Mode: "whitelist", Items: []string{"a", "b*"}},
		{Mode: "whitelist", Items: []string{"c"}},
		{Mode: "allExcept", Items: []string{"a", "c"}},
		{Mode: "allExcept", Items: []string{"b*"}},
	}
	picks := func(n delivery.Names, name string) bool {
		listed := false
		for _, item := range n.Items {
			listed = listed || item == name || item == "b*" && strings.HasPrefix(name, "b")
		}
		switch n.Mode {
		case "all":
			return true
		case "whitelist":
			return listed
		case "allExcept":
			return !listed
		}
		return false
	}
	f.cfg.Quotas.CachePolicies, f.cfg.Quotas.OriginRequestPolicies = 100, 100
	f.Service = f.reopen()
	for i, key := range choices {
		for j, more := range choices {
			id := string(rune('a'+i)) + string(rune('a'+j))
			c := cachePolicy(id)
			c.Cookies = key
			o := must(f.OriginRequestPolicies().Create(ctx, me, originRequests(id, func(c *delivery.OriginRequestPolicyConfig) { c.Cookies = more })))
			p := must(f.CachePolicies().Create(ctx, me, c))
			d := must(f.CreateDistribution(ctx, me, forwarding(id, o.ID, func(c *delivery.DistributionConfig) { c.DefaultBehavior.CachePolicyID = p.ID })))
			b := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/")
			for _, name := range []string{"a", "b1", "c", "d"} {
				if got, want := b.Forward.Cookies.Has(name), picks(key, name) || picks(more, name); got != want {
					t.Errorf("%v and %v: cookie %s forwarded: %v, want %v", key, more, name, got, want)
				}
				if got, want := b.Key.Cookies.Has(name), picks(key, name); got != want {
					t.Errorf("%v and %v: cookie %s in the key: %v, want %v", key, more, name, got, want)
				}
			}
		}
	}
}

// TestManagedPoliciesKeepResponseParametersFromBuckets names three parameters
// that would let a viewer choose the headers of an answer.
func TestManagedPoliciesKeepResponseParametersFromBuckets(t *testing.T) {
	f, ctx := open(t), t.Context()
	custom := must(f.OriginRequestPolicies().Create(ctx, me, originRequests("all", func(c *delivery.OriginRequestPolicyConfig) { c.QueryString.Mode = "all" })))
	bucket := func(c *delivery.DistributionConfig) {
		s3 := delivery.NewS3OriginConfig()
		c.Origins[0].DomainName, c.Origins[0].S3, c.Origins[0].Custom = "films.s3.us-east-1.amazonaws.com", &s3, nil
	}
	web := func(*delivery.DistributionConfig) {}
	for _, r := range []struct {
		reference, policy string
		origin            func(*delivery.DistributionConfig)
		forwarded         bool
	}{{"1", exceptHost, bucket, false}, {"2", exceptHost, web, true}, {"3", custom.ID, bucket, true}} {
		d := must(f.CreateDistribution(ctx, me, forwarding(r.reference, r.policy, r.origin)))
		b := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/")
		if got := b.Forward.Query.Has("response-content-type"); got != r.forwarded || !b.Forward.Query.Has("v") {
			t.Errorf("%s: response-content-type forwarded: %v, want %v", r.reference, got, r.forwarded)
		}
		if b.Forward.Headers.Has("host") {
			t.Error("Host is forwarded")
		}
	}
}
