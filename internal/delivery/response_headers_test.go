package delivery_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

const simpleCORS = "60669652-455b-4ae9-85a4-c4c02393f86c"

func responseHeaders(name string, edit ...func(*delivery.ResponseHeadersPolicyConfig)) delivery.ResponseHeadersPolicyConfig {
	c := delivery.ResponseHeadersPolicyConfig{Name: name}
	for _, e := range edit {
		e(&c)
	}
	return c
}

func TestResponseHeadersPolicyRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	policies := f.ResponseHeadersPolicies()
	p := must(policies.Create(ctx, me, responseHeaders("p")))
	type rules = delivery.ResponseHeadersPolicyConfig
	cors := func(edit func(*delivery.CORSConfig)) func(*rules) {
		return func(c *rules) {
			c.CORS = &delivery.CORSConfig{AllowOrigins: []string{"*"}}
			edit(c.CORS)
		}
	}
	security := func(s delivery.SecurityHeadersConfig) func(*rules) {
		return func(c *rules) { c.Security = &s }
	}
	custom := func(headers ...delivery.CustomHeader) func(*rules) {
		return func(c *rules) { c.Custom = headers }
	}
	timing := func(rate float64) func(*rules) {
		return func(c *rules) { c.ServerTiming = &delivery.ServerTimingConfig{Enabled: true, SamplingRate: &rate} }
	}
	minus := -1
	var eleven []delivery.CustomHeader
	for name := range strings.FieldsSeq("a b c d e f g h i j k") {
		eleven = append(eleven, delivery.CustomHeader{Name: name})
	}
	value := strings.Repeat("v", 1783)
	for _, r := range []struct {
		name string
		edit func(*rules)
		want error
	}{
		{"no name", func(c *rules) { c.Name = "" }, delivery.ErrInvalid},
		{"name taken", func(c *rules) { c.Name = "p" }, delivery.ErrResponseHeadersPolicyExists},
		{"managed name", func(c *rules) { c.Name = "Managed-SimpleCORS" }, delivery.ErrResponseHeadersPolicyExists},
		{"no origin", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = nil }), delivery.ErrInvalid},
		{"star inside", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = []string{"https://a.*.org"} }), delivery.ErrInvalid},
		{"half a star", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = []string{"*a.org"} }), delivery.ErrInvalid},
		{"path", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = []string{"https://a.org/"} }), delivery.ErrInvalid},
		{"port", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = []string{"a.org:0"} }), delivery.ErrInvalid},
		{"origin twice", cors(func(c *delivery.CORSConfig) { c.AllowOrigins = []string{"a.org", "a.org"} }), delivery.ErrInvalid},
		{"method", cors(func(c *delivery.CORSConfig) { c.AllowMethods = []string{"get"} }), delivery.ErrInvalid},
		{"allowed header", cors(func(c *delivery.CORSConfig) { c.AllowHeaders = []string{"X-*"} }), delivery.ErrInvalid},
		{"exposed header", cors(func(c *delivery.CORSConfig) { c.ExposeHeaders = []string{"a b"} }), delivery.ErrInvalid},
		{"age", cors(func(c *delivery.CORSConfig) { c.MaxAge = &minus }), delivery.ErrInvalid},
		{"block and report", security(delivery.SecurityHeadersConfig{XSSProtection: &delivery.XSSProtectionConfig{Protection: true, ModeBlock: true, ReportURI: "/"}}), delivery.ErrInvalid},
		{"block without protection", security(delivery.SecurityHeadersConfig{XSSProtection: &delivery.XSSProtectionConfig{ModeBlock: true}}), delivery.ErrInvalid},
		{"frames", security(delivery.SecurityHeadersConfig{FrameOptions: &delivery.FrameOptionsConfig{Option: "ALLOW"}}), delivery.ErrInvalid},
		{"referrer", security(delivery.SecurityHeadersConfig{ReferrerPolicy: &delivery.ReferrerPolicyConfig{Policy: "all"}}), delivery.ErrInvalid},
		{"line end", security(delivery.SecurityHeadersConfig{ContentSecurityPolicy: &delivery.ContentSecurityConfig{Policy: "a\r\nb"}}), delivery.ErrInvalid},
		{"long CSP", security(delivery.SecurityHeadersConfig{ContentSecurityPolicy: &delivery.ContentSecurityConfig{Policy: value + "v"}}), delivery.ErrContentSecurityTooLong},
		{"transport age", security(delivery.SecurityHeadersConfig{StrictTransportSecurity: &delivery.TransportSecurityConfig{MaxAge: -1}}), delivery.ErrInvalid},
		{"sampling", timing(100.5), delivery.ErrInvalid},
		{"five places", timing(0.00001), delivery.ErrInvalid},
		{"eleven headers", custom(eleven...), delivery.ErrTooManyAddedHeaders},
		{"header twice", custom(delivery.CustomHeader{Name: "A"}, delivery.CustomHeader{Name: "a"}), delivery.ErrInvalid},
		{"no header name", custom(delivery.CustomHeader{Name: "a b"}), delivery.ErrInvalid},
		{"line end in a value", custom(delivery.CustomHeader{Name: "a", Value: "b\nc"}), delivery.ErrInvalid},
		{"security header", custom(delivery.CustomHeader{Name: "x-frame-options"}), delivery.ErrInvalid},
		{"CORS header", custom(delivery.CustomHeader{Name: "Access-Control-Max-Age"}), delivery.ErrInvalid},
		{"header of the edge", custom(delivery.CustomHeader{Name: "X-Amz-Cf-Id"}), delivery.ErrInvalid},
		{"too much", custom(eleven[:6]...), nil},
		{"header of the connection", func(c *rules) { c.Remove = []string{"content-length"} }, delivery.ErrInvalid},
		{"eleven to remove", func(c *rules) { c.Remove = strings.Fields("a b c d e f g h i j k") }, delivery.ErrTooManyRemovedHeaders},
	} {
		c := responseHeaders("new", r.edit)
		if r.want == nil {
			for i := range c.Custom {
				c.Custom[i].Value = value
			}
			r.want = delivery.ErrInvalid
		}
		if _, err := policies.Create(ctx, me, c); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}

	with := func(reference, id string) delivery.DistributionConfig {
		return config(reference, func(c *delivery.DistributionConfig) { c.DefaultBehavior.ResponseHeadersPolicyID = id })
	}
	if _, err := f.CreateDistribution(ctx, me, with("no", "unknown")); !errors.Is(err, delivery.ErrNoResponseHeadersPolicy) {
		t.Errorf("unknown policy: %v", err)
	}
	d := must(f.CreateDistribution(ctx, me, with("d", p.ID)))
	if err := policies.Delete(ctx, me, p.ID, p.ETag); !errors.Is(err, delivery.ErrResponseHeadersPolicyInUse) {
		t.Errorf("delete of a used policy: %v", err)
	}
	if users := must(policies.Distributions(ctx, me, p.ID, delivery.Page{})); len(users.Items) != 1 || users.Items[0] != d.ID {
		t.Errorf("users %v, want %s", users.Items, d.ID)
	}
	c := responseHeaders("p", custom(delivery.CustomHeader{Name: "x-a", Value: "1"}))
	p = must(policies.Update(ctx, me, p.ID, p.ETag, c))
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		b := s.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/")
		if b.Response == nil || len(b.Response.Set) != 1 || b.Response.Set[0].Name != "X-A" {
			t.Errorf("the edge has %+v", b.Response)
		}
	}
	if _, err := policies.Update(ctx, me, simpleCORS, p.ETag, c); !errors.Is(err, delivery.ErrManaged) {
		t.Errorf("update of a managed policy: %v", err)
	}
	if err := policies.Delete(ctx, me, simpleCORS, p.ETag); !errors.Is(err, delivery.ErrManagedDelete) {
		t.Errorf("delete of a managed policy: %v", err)
	}
	must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, with("d", simpleCORS)))
	if err := policies.Delete(ctx, me, p.ID, p.ETag); err != nil {
		t.Errorf("delete of a policy that is used no more: %v", err)
	}
	must(policies.Create(ctx, me, responseHeaders("p")))
}

// TestOrigins says which origins a pattern allows.
func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		pattern    string
		yes, no    string // origins
		anyAnswers bool
	}{
		{"*", "https://a.org null http://b.example:81", "", true},
		{"https://a.org", "https://a.org HTTPS://A.ORG", "http://a.org https://a.org:444 https://b.a.org https://xa.org null", false},
		{"a.org", "https://a.org http://a.org", "http://a.org:81 https://a.org.example a.org", false},
		{"*.a.org", "https://b.a.org http://c.b.a.org", "https://a.org https://.a.org https://xa.org", false},
		{"http://*.A.org:81", "http://b.a.org:81", "http://b.a.org http://b.a.org:811 https://b.a.org:81", false},
		{"a.org:*", "http://a.org:81 https://a.org", "https://b.org:81", false},
		{"app://localhost", "app://localhost", "https://localhost", false},
	} {
		c := responseHeaders("c", func(c *delivery.ResponseHeadersPolicyConfig) {
			c.CORS = &delivery.CORSConfig{AllowOrigins: []string{tt.pattern}}
		}).CORS
		allowed := (&delivery.ResponseHeadersPolicyConfig{CORS: c}).Compile().CORS
		for origins, want := range map[string]bool{tt.yes: true, tt.no: false} {
			for o := range strings.FieldsSeq(origins) {
				h, named, ok := allowed.Allow(o)
				if ok != want || named == tt.anyAnswers {
					t.Errorf("%s allows %s: %v (named %v), want %v", tt.pattern, o, ok, named, want)
				}
				if ok && h.Values[0] != map[bool]string{true: "*", false: o}[tt.anyAnswers] {
					t.Errorf("%s answers %s with %s", tt.pattern, o, h.Values)
				}
			}
		}
	}
}

// FuzzOrigin gives pages' origins to patterns: what is allowed ends as the
// pattern does.
func FuzzOrigin(f *testing.F) {
	rules := (&delivery.ResponseHeadersPolicyConfig{CORS: &delivery.CORSConfig{AllowOrigins: []string{"https://*.a.org"}}}).Compile().CORS
	for _, o := range []string{"https://b.a.org", "https://b.a.org:1", "null", "https://a.org@b.a.org", "https://[::1]", "://"} {
		f.Add(o)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		_, _, ok := rules.Allow(origin)
		if lower := strings.ToLower(origin); ok && (!strings.HasPrefix(lower, "https://") || !strings.HasSuffix(lower, ".a.org")) {
			t.Errorf("%q is allowed", origin)
		}
	})
}

// TestPolicyNeverNamesAHeaderTwice draws policies that are accepted, and wants
// every header that they add under one rule.
func TestPolicyNeverNamesAHeaderTwice(t *testing.T) {
	f := open(t)
	f.cfg.Quotas.ResponseHeadersPolicies = 1 << 20
	f.Service = f.reopen()
	names := rapid.SampledFrom([]string{"X-A", "x-a", "Vary", "Referrer-Policy", "Access-Control-Max-Age", "Server", "X-Cache"})
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		c := responseHeaders(strings.Repeat("n", n%100+1) + string(rune('a'+n%26)))
		for _, name := range rapid.SliceOfN(names, 0, 3).Draw(r, "custom") {
			c.Custom = append(c.Custom, delivery.CustomHeader{Name: name, Value: "v"})
		}
		if rapid.Bool().Draw(r, "security") {
			c.Security = &delivery.SecurityHeadersConfig{ReferrerPolicy: &delivery.ReferrerPolicyConfig{Policy: "origin"}}
		}
		if rapid.Bool().Draw(r, "cors") {
			age := 1
			c.CORS = &delivery.CORSConfig{AllowOrigins: []string{"*"}, MaxAge: &age}
		}
		p, err := f.ResponseHeadersPolicies().Create(t.Context(), me, c)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		rules := p.Config.Compile()
		all := rules.Set
		if rules.CORS != nil {
			all = append(all, rules.CORS.Preflight...)
		}
		for _, h := range all {
			if seen[h.Name] {
				r.Errorf("%s stands twice", h.Name)
			}
			seen[h.Name] = true
		}
		if err := f.ResponseHeadersPolicies().Delete(t.Context(), me, p.ID, p.ETag); err != nil {
			r.Fatal(err)
		}
	})
}

// TestCompress is up to the cache policy, and without one means gzip.
func TestCompress(t *testing.T) {
	f, ctx := open(t), t.Context()
	behavior := func(reference string, edit func(b *delivery.BehaviorConfig)) *delivery.Behavior {
		d := must(f.CreateDistribution(ctx, me, config(reference, func(c *delivery.DistributionConfig) { edit(&c.DefaultBehavior) })))
		return f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/")
	}
	for _, compress := range []bool{false, true} {
		b := behavior(map[bool]string{true: "legacy", false: "legacy off"}[compress], func(b *delivery.BehaviorConfig) { b.Compress = compress })
		if b.Compress != compress || b.Key.Gzip != compress || b.Key.Brotli {
			t.Errorf("legacy, Compress %v: %v, gzip %v, br %v", compress, b.Compress, b.Key.Gzip, b.Key.Brotli)
		}
	}
	b := behavior("policy", func(b *delivery.BehaviorConfig) {
		b.Compress, b.ForwardedValues, b.CachePolicyID = true, nil, optimized
	})
	if !b.Compress || !b.Key.Gzip || !b.Key.Brotli {
		t.Errorf("CachingOptimized: %v, gzip %v, br %v", b.Compress, b.Key.Gzip, b.Key.Brotli)
	}
}
