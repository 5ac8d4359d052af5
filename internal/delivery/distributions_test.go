package delivery_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func TestDistributionRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	c := config("ref", func(c *delivery.DistributionConfig) { c.Aliases = []string{"WWW.Example.com"} })
	d := must(f.CreateDistribution(ctx, me, c))
	if c.Aliases[0] != "WWW.Example.com" {
		t.Error("the caller's configuration was changed")
	}
	if got := f.Snapshot().Lookup("www.example.com"); got == nil || got.ARN != d.ARN() {
		t.Errorf("the alias leads to %+v", got)
	}
	if got := f.Snapshot().Lookup(f.DomainName(d)); got == nil || string(got.ID) != d.ID {
		t.Errorf("the domain name leads to %+v", got)
	}
	// A used caller reference is refused, even with the same configuration.
	if _, err := f.CreateDistribution(ctx, me, c); !errors.Is(err, delivery.ErrDistributionExists) {
		t.Errorf("the same again: %v", err)
	}
	if _, err := f.CreateDistribution(ctx, me, config("other", func(c *delivery.DistributionConfig) { c.Aliases = []string{"www.example.com"} })); !errors.Is(err, delivery.ErrAliasTaken) {
		t.Errorf("a taken alias: %v", err)
	}
	// A wildcard beside the exact name is another alias.
	must(f.CreateDistribution(ctx, me, config("wild", func(c *delivery.DistributionConfig) { c.Aliases = []string{"*.example.com"} })))

	for _, r := range []struct {
		name, version string
		c             delivery.DistributionConfig
		want          error
	}{
		{"no version", "", c, delivery.ErrVersion},
		{"stale version", "EAAAAAAAAAAAAA", c, delivery.ErrStale},
		{"other reference", d.ETag, config("new"), delivery.ErrImmutable},
	} {
		if _, err := f.UpdateDistribution(ctx, me, d.ID, r.version, r.c); !errors.Is(err, r.want) {
			t.Errorf("update with %s: %v, want %v", r.name, err, r.want)
		}
	}
	if err := f.DeleteDistribution(ctx, me, d.ID, d.ETag); !errors.Is(err, delivery.ErrNotDisabled) {
		t.Errorf("delete of an enabled distribution: %v", err)
	}
	c.Enabled, c.Aliases = false, nil
	d = must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, c))
	if got := f.Snapshot().Lookup("www.example.com"); got == nil || string(got.ID) == d.ID {
		t.Errorf("the dropped alias leads to %+v, want the wildcard's distribution", got)
	}
	if f.Snapshot().ByID(delivery.DistributionID(d.ID)).Enabled {
		t.Error("the edge has it enabled")
	}
	if err := f.DeleteDistribution(ctx, me, d.ID, d.ETag); err != nil {
		t.Fatal(err)
	}
	// Alias and reference are free again.
	must(f.CreateDistribution(ctx, me, config("ref", func(c *delivery.DistributionConfig) { c.Aliases = []string{"www.example.com"} })))
}

func TestCompiled(t *testing.T) {
	f, ctx := open(t), t.Context()
	control := must(f.CreateOriginAccessControl(ctx, me, accessControl("a")))
	identity := must(f.CreateAccessIdentity(ctx, me, delivery.AccessIdentityConfig{CallerReference: "i"}))
	two, ten := int64(2), int64(10)
	d := must(f.CreateDistribution(ctx, me, config("d", func(c *delivery.DistributionConfig) {
		c.Origins[0].Headers = []delivery.Header{{Name: "X-Key", Value: "v"}}
		c.Origins[0].Custom.TLSProtocols = []string{"TLSv1.2"}
		c.Origins[0].ConnectionAttempts = 2
		for _, id := range []string{"oac", "oai"} {
			s3 := delivery.NewS3OriginConfig()
			o := delivery.NewOriginConfig()
			o.ID, o.DomainName, o.Path, o.S3 = id, "Films.s3.eu-west-1.amazonaws.com", "/v1", &s3
			if id == "oac" {
				o.AccessControlID = control.ID
			} else {
				s3.AccessIdentity = "origin-access-identity/cloudfront/" + identity.ID
			}
			c.Origins = append(c.Origins, o)
		}
		b := c.DefaultBehavior
		b.PathPattern, b.TargetOriginID, b.ViewerProtocolPolicy = "/legacy/*", "oac", "redirect-to-https"
		b.ForwardedValues = &delivery.ForwardedValues{QueryString: true, QueryKeys: []string{"v"}, Cookies: "whitelist", CookieNames: []string{"sid*"}, Headers: []string{"Origin"}}
		b.MinTTL, b.DefaultTTL, b.MaxTTL = &two, &two, &ten
		all := c.DefaultBehavior
		all.PathPattern, all.TargetOriginID = "/all/*", "oai"
		all.TargetOriginID = "web"
		all.ForwardedValues = &delivery.ForwardedValues{Cookies: "all", Headers: []string{"*"}}
		all.AllowedMethods = strings.Fields("GET HEAD OPTIONS PUT PATCH POST DELETE")
		off := c.DefaultBehavior
		off.PathPattern, off.ForwardedValues, off.CachePolicyID = "/off/*", nil, "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
		c.Behaviors = []delivery.BehaviorConfig{b, all, off}
		c.DefaultBehavior.ForwardedValues, c.DefaultBehavior.CachePolicyID = nil, "658327ea-f89d-4fab-a63d-7e88639e58f6"
		c.DefaultBehavior.TargetOriginID = "oai"
		c.CustomErrors = []delivery.CustomErrorConfig{
			{ErrorCode: 404, PagePath: "/404.html", ResponseCode: "200", MinTTL: 10},
			{ErrorCode: 503, MinTTL: 60},
		}
	})))
	e := f.Snapshot().ByID(delivery.DistributionID(d.ID))

	if want := (map[int]delivery.ErrorResponse{
		404: {PagePath: "/404.html", Status: 200, MinTTL: 10 * time.Second},
		503: {MinTTL: time.Minute},
	}); !reflect.DeepEqual(e.Errors, want) {
		t.Errorf("errors %+v, want %+v", e.Errors, want)
	}
	web := e.Origins["web"]
	if web.S3 || web.HTTPPort != 80 || web.Protocol != delivery.OriginHTTPOnly || web.TLSMin != 0x303 || web.TLSMax != 0x304 ||
		web.ReadTimeout != 30*time.Second || web.KeepAlive != 5*time.Second || web.ConnectTimeout != 10*time.Second || web.Attempts != 2 ||
		!reflect.DeepEqual(web.Headers, []delivery.Header{{Name: "X-Key", Value: "v"}}) || web.Access != (delivery.OriginAccess{}) {
		t.Errorf("custom origin %+v", web)
	}
	oac := e.Origins["oac"]
	if !oac.S3 || oac.DomainName != "films.s3.eu-west-1.amazonaws.com" || oac.Path != "/v1" ||
		oac.Access != (delivery.OriginAccess{ControlID: control.ID, Signing: delivery.SignAlways, Type: "s3"}) {
		t.Errorf("bucket with access control %+v", oac)
	}
	if oai := e.Origins["oai"]; oai.Access != (delivery.OriginAccess{IdentityID: identity.ID, CanonicalUserID: identity.CanonicalUserID}) {
		t.Errorf("bucket with access identity %+v", oai)
	}

	legacy := e.Behavior("/legacy/x")
	if legacy.Origin != oac || legacy.ViewerProtocol != delivery.RedirectToHTTPS || legacy.CachingDisabled ||
		legacy.TTL != (delivery.TTL{Min: 2 * time.Second, Default: 2 * time.Second, Max: 10 * time.Second}) ||
		!legacy.Key.Query.Has("v") || legacy.Key.Query.Has("w") || !legacy.Forward.Query.Has("w") ||
		!legacy.Key.Cookies.Has("sid2") || legacy.Key.Cookies.Has("x") || !legacy.Key.Headers.Has("origin") || legacy.Forward.Headers.Has("referer") {
		t.Errorf("legacy behaviour %+v", legacy)
	}
	all := e.Behavior("/all/x")
	if !all.CachingDisabled || !all.Forward.Headers.Has("anything") || !all.Key.Cookies.Has("any") || !all.Allowed.Has("DELETE") || all.Cached.Has("POST") || all.Allowed.Has("TRACE") {
		t.Errorf("forward-all behaviour %+v", all)
	}
	if off := e.Behavior("/off/x"); !off.CachingDisabled || off.Key.Gzip {
		t.Errorf("CachingDisabled behaviour %+v", off)
	}
	standard := e.Behavior("/x")
	if standard.Index != 3 || standard.CachingDisabled || !standard.Key.Gzip || !standard.Key.Brotli || standard.TTL.Min != time.Second || standard.Restricted {
		t.Errorf("default behaviour %+v", standard)
	}
	if !e.HTTP2 || e.HTTP3 || e.IPv6 || !e.Enabled {
		t.Errorf("distribution %+v", e)
	}
}

func TestAccessRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	control := must(f.CreateOriginAccessControl(ctx, me, accessControl("a")))
	lambda := accessControl("l")
	lambda.OriginType = "lambda"
	function := must(f.CreateOriginAccessControl(ctx, me, lambda))
	identity := must(f.CreateAccessIdentity(ctx, me, delivery.AccessIdentityConfig{CallerReference: "i"}))
	path := "origin-access-identity/cloudfront/" + identity.ID
	n := 0
	bucket := func(domain, control, identity string) error {
		n++
		_, err := f.CreateDistribution(ctx, me, config(fmt.Sprint(n), func(c *delivery.DistributionConfig) {
			s3 := delivery.NewS3OriginConfig()
			s3.AccessIdentity = identity
			c.Origins[0].DomainName, c.Origins[0].Custom, c.Origins[0].S3, c.Origins[0].AccessControlID = domain, nil, &s3, control
		}))
		return err
	}
	const domain = "films.s3.eu-west-1.amazonaws.com"
	for _, r := range []struct {
		name string
		err  error
		want error
	}{
		{"neither", bucket(domain, "", ""), nil},
		{"access control", bucket(domain, control.ID, ""), nil},
		{"access identity", bucket(domain, "", path), nil},
		{"both", bucket(domain, control.ID, path), delivery.ErrAccessConflict},
		{"unknown control", bucket(domain, "EAAAAAAAAAAAAA", ""), delivery.ErrInvalidAccessControl},
		{"unknown identity", bucket(domain, "", path+"X"), delivery.ErrInvalidAccessIdentity},
		{"identity without its path", bucket(domain, "", identity.ID), delivery.ErrInvalidAccessIdentity},
		{"control of another service", bucket(domain, function.ID, ""), delivery.ErrInvalidAccessDomain},
		{"no bucket", bucket("example.com", "", ""), delivery.ErrInvalid},
		{"website", bucket("films.s3-website.eu-west-1.amazonaws.com", "", ""), delivery.ErrInvalid},
	} {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, r.err, r.want)
		}
	}
	if err := f.DeleteOriginAccessControl(ctx, me, control.ID, control.ETag); !errors.Is(err, delivery.ErrAccessControlInUse) {
		t.Errorf("delete of a used access control: %v", err)
	}
	changed := control.Config
	changed.OriginType = "lambda"
	if _, err := f.UpdateOriginAccessControl(ctx, me, control.ID, control.ETag, changed); !errors.Is(err, delivery.ErrImmutable) {
		t.Errorf("new type for a used access control: %v", err)
	}
	// A change of how to sign reaches the edge at once.
	changed = control.Config
	changed.SigningBehavior = "never"
	must(f.UpdateOriginAccessControl(ctx, me, control.ID, control.ETag, changed))
	ids := must(f.ListDistributions(ctx, me, delivery.Page{})).Items
	for _, d := range ids {
		if o := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Origins["web"]; o.Access.ControlID != "" && o.Access.Signing != delivery.SignNever {
			t.Errorf("the edge still signs: %+v", o.Access)
		}
	}
}

func TestInvalidations(t *testing.T) {
	f := open(t, func(c *delivery.Config) {
		c.Quotas = delivery.Quotas{InvalidationsPerDistribution: 3, InvalidationPaths: 4, InvalidationWildcards: 2}
	})
	ctx := t.Context()
	d := must(f.CreateDistribution(ctx, me, config("d")))
	var seen []string
	cancel := f.Subscribe(f.Snapshot().Version(), func(i delivery.Invalidation) { seen = append(seen, i.CallerReference) })
	invalidate := func(reference string, paths ...string) (*delivery.InvalidationInfo, error) {
		return f.CreateInvalidation(ctx, me, d.ID, delivery.InvalidationConfig{CallerReference: reference, Paths: paths})
	}
	for _, r := range []struct {
		paths string
		want  error
	}{
		{"", delivery.ErrInvalid},
		{"a", delivery.ErrInvalid},
		{"/a*b", delivery.ErrInvalid},
		{"/ä", delivery.ErrInvalid},
		{"/" + strings.Repeat("a", 4000), delivery.ErrInvalid},
		{"/1 /2 /3 /4 /5", delivery.ErrBatchTooLarge},
		{"/1* /2* /3*", delivery.ErrTooManyInvalidations},
	} {
		if _, err := invalidate("bad", strings.Fields(r.paths)...); !errors.Is(err, r.want) {
			t.Errorf("paths %.40q: %v, want %v", r.paths, err, r.want)
		}
	}
	first := must(invalidate("1", "/a", "/b?x=1", "/c*"))
	if len(seen) != 1 {
		t.Fatalf("the edge saw %v before the answer, want one", seen)
	}
	if again := must(invalidate("1", "/a", "/b?x=1", "/c*")); again.ID != first.ID {
		t.Errorf("the same again is %s, want %s", again.ID, first.ID)
	}
	if _, err := invalidate("1", "/other"); !errors.Is(err, delivery.ErrInvalidationExists) {
		t.Errorf("other paths under the reference: %v", err)
	}
	if _, err := f.CreateInvalidation(ctx, me, "E1", delivery.InvalidationConfig{CallerReference: "x", Paths: []string{"/"}}); !errors.Is(err, delivery.ErrNoDistribution) {
		t.Errorf("unknown distribution: %v", err)
	}
	for i := 2; i <= 5; i++ {
		must(invalidate(fmt.Sprint(i), "/*"))
	}
	cancel()
	must(invalidate("6", "/*"))
	if got := strings.Join(seen, ""); got != "12345" {
		t.Errorf("the edge saw %s, want 12345 in order", got)
	}
	l := must(f.ListInvalidations(ctx, me, d.ID, delivery.Page{Max: 2}))
	if len(l.Items) != 2 || l.Items[0].Config.CallerReference != "6" || l.Next == "" {
		t.Errorf("list %+v, want the newest first", l)
	}
	l = must(f.ListInvalidations(ctx, me, d.ID, delivery.Page{After: l.Next}))
	if len(l.Items) != 1 || l.Items[0].Config.CallerReference != "4" {
		t.Errorf("second page %+v, want the one that is left of three", l)
	}
	if l := must(f.ListInvalidations(ctx, me, d.ID, delivery.Page{After: first.ID})); len(l.Items) != 0 || l.Next != "" {
		t.Errorf("page behind one that was forgotten %+v, want none: those behind it were, too", l)
	}
	if _, err := f.GetInvalidation(ctx, me, d.ID, first.ID); !errors.Is(err, delivery.ErrNoInvalidation) {
		t.Errorf("get of a forgotten invalidation: %v", err)
	}

	// An edge that comes late forgets all for what nobody remembers, and an
	// edge that saw some gets the rest; after a restart too.
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		var late []string
		s.Subscribe(first.Seq, func(i delivery.Invalidation) {
			late = append(late, i.CallerReference+strings.Join(i.Paths, ""))
		})()
		if got := strings.Join(late, " "); got != "/* 4/* 5/* 6/*" {
			t.Errorf("a late edge saw %q", got)
		}
	}
	off := d.Config
	off.Enabled = false
	d = must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, off))
	if err := f.DeleteDistribution(ctx, me, d.ID, d.ETag); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		s.Subscribe(0, func(i delivery.Invalidation) { t.Errorf("%+v outlived its distribution", i) })()
	}
}

func TestCachePolicyRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	p := must(f.CachePolicies().Create(ctx, me, cachePolicy("p")))
	with := func(edit func(*delivery.CachePolicyConfig)) delivery.CachePolicyConfig {
		c := cachePolicy("new")
		edit(&c)
		return c
	}
	zero := int64(0)
	for _, r := range []struct {
		name string
		c    delivery.CachePolicyConfig
		want error
	}{
		{"taken name", cachePolicy("p"), delivery.ErrCachePolicyExists},
		{"managed name", cachePolicy("Managed-CachingDisabled"), delivery.ErrCachePolicyExists},
		{"TTLs out of order", with(func(c *delivery.CachePolicyConfig) { c.MinTTL, c.DefaultTTL = 5, &zero }), delivery.ErrTTLOrder},
		{"key without caching", with(func(c *delivery.CachePolicyConfig) { c.MaxTTL, c.DefaultTTL = &zero, &zero }), delivery.ErrInvalid},
		{"whitelist without names", with(func(c *delivery.CachePolicyConfig) { c.Cookies.Mode = "whitelist" }), delivery.ErrInvalid},
		{"names without whitelist", with(func(c *delivery.CachePolicyConfig) { c.Cookies.Items = []string{"a"} }), delivery.ErrInvalid},
		{"all headers", with(func(c *delivery.CachePolicyConfig) { c.Headers = delivery.Names{Mode: "all"} }), delivery.ErrInvalid},
		{"a header of the edge", with(func(c *delivery.CachePolicyConfig) { c.Headers.Items = []string{"CloudFront-Viewer-Country"} }), delivery.ErrInvalid},
		{"Cookie as a header", with(func(c *delivery.CachePolicyConfig) { c.Headers.Items = []string{"Cookie"} }), delivery.ErrInvalid},
		{"eleven queries", with(func(c *delivery.CachePolicyConfig) { c.QueryString.Items = strings.Fields("a b c d e f g h i j k") }), delivery.ErrTooManyPolicyQuery},
	} {
		if _, err := f.CachePolicies().Create(ctx, me, r.c); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}
	d := must(f.CreateDistribution(ctx, me, config("d", func(c *delivery.DistributionConfig) {
		c.DefaultBehavior.ForwardedValues, c.DefaultBehavior.CachePolicyID = nil, p.ID
	})))
	if err := f.CachePolicies().Delete(ctx, me, p.ID, p.ETag); !errors.Is(err, delivery.ErrCachePolicyInUse) {
		t.Errorf("delete of a used policy: %v", err)
	}
	c := p.Config
	c.QueryString = delivery.Names{Mode: "all"}
	must(f.CachePolicies().Update(ctx, me, p.ID, p.ETag, c))
	if b := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/"); !b.Key.Query.Has("other") {
		t.Error("the edge keeps the old policy")
	}
	if _, err := f.CachePolicies().Update(ctx, me, "658327ea-f89d-4fab-a63d-7e88639e58f6", p.ETag, c); !errors.Is(err, delivery.ErrManaged) {
		t.Errorf("update of a managed policy: %v", err)
	}
	if _, err := f.CreateDistribution(ctx, me, config("e", func(c *delivery.DistributionConfig) {
		c.DefaultBehavior.ForwardedValues, c.DefaultBehavior.CachePolicyID = nil, "unknown"
	})); !errors.Is(err, delivery.ErrNoCachePolicy) {
		t.Errorf("unknown policy: %v", err)
	}
}

func TestTags(t *testing.T) {
	f, ctx := open(t), t.Context()
	d := must(f.CreateDistributionWithTags(ctx, me, config("d"), map[string]string{"a": "1"}))
	if err := f.Tag(ctx, me, d.ARN(), map[string]string{"a": "2", "b": ""}); err != nil {
		t.Fatal(err)
	}
	if got := must(f.ListTags(ctx, me, d.ARN())); !reflect.DeepEqual(got, map[string]string{"a": "2", "b": ""}) {
		t.Errorf("tags %v", got)
	}
	if now := must(f.GetDistribution(ctx, me, d.ID)); now.ETag != d.ETag {
		t.Error("tagging made a new version of the configuration")
	}
	many := make(map[string]string)
	for i := range 51 {
		many[fmt.Sprint(i)] = ""
	}
	for _, r := range []struct {
		arn  string
		tags map[string]string
		want error
	}{
		{d.ARN(), map[string]string{"aws:x": ""}, delivery.ErrInvalidTagging},
		{d.ARN(), map[string]string{"": ""}, delivery.ErrInvalidTagging},
		{d.ARN(), map[string]string{"a\n": ""}, delivery.ErrInvalidTagging},
		{d.ARN(), many, delivery.ErrInvalidTagging},
		{d.ARN() + "X", map[string]string{"a": ""}, delivery.ErrNoResource},
		{"arn:aws:s3:::b", map[string]string{"a": ""}, delivery.ErrInvalid},
		{"nonsense", map[string]string{"a": ""}, delivery.ErrInvalid},
	} {
		if err := f.Tag(ctx, me, r.arn, r.tags); !errors.Is(err, r.want) {
			t.Errorf("Tag(%s, %d tags): %v, want %v", r.arn, len(r.tags), err, r.want)
		}
	}
	if err := f.Untag(ctx, me, d.ARN(), []string{"a", "aws:cloudformation:stack-name"}); !errors.Is(err, delivery.ErrInvalidTagging) {
		t.Errorf("Untag of a stack's tag: %v, want %v", err, delivery.ErrInvalidTagging)
	}
}

func TestWarnsOfUnreachedSignedBehaviour(t *testing.T) {
	f, ctx := open(t), t.Context()
	g := f.group("g", f.key("k").ID)
	shape := func(reference, first, second string) {
		must(f.CreateDistribution(ctx, me, config(reference, func(c *delivery.DistributionConfig) {
			a, b := c.DefaultBehavior, c.DefaultBehavior
			a.PathPattern, b.PathPattern = first, second
			b.TrustedKeyGroups = delivery.Trust{Enabled: true, Items: []string{g.ID}}
			c.Behaviors = []delivery.BehaviorConfig{a, b}
		})))
	}
	shape("fine", "/private/public/*", "/private/*")
	if f.log.Len() > 0 {
		t.Errorf("warned in vain: %s", f.log)
	}
	shape("bad", "/p*", "/private/*")
	if !strings.Contains(f.log.String(), "signed behaviour is never reached") {
		t.Error("no warning")
	}
}

// BenchmarkTenThousand changes one of 10,000 distributions (validation, the
// transaction in memory, the new snapshot), and opens them all.
func BenchmarkTenThousand(b *testing.B) {
	f := open(b, func(c *delivery.Config) { c.Quotas.Distributions = 10_000 })
	var d *delivery.DistributionInfo
	for i := range 10_000 {
		d = must(f.CreateDistribution(b.Context(), me, config(fmt.Sprint(i), func(c *delivery.DistributionConfig) { c.Aliases = []string{fmt.Sprintf("www%d.example.com", i)} })))
	}
	b.Run("Change", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d = must(f.UpdateDistribution(b.Context(), me, d.ID, d.ETag, d.Config))
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.reopen()
		}
	})
}
