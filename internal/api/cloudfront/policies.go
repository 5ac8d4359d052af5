package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

// The sorts of policies.
var (
	cachePolicies           = policiesOf("CachePolicy", (*delivery.Service).CachePolicies, cachePolicyConfig)
	originRequestPolicies   = policiesOf("OriginRequestPolicy", (*delivery.Service).OriginRequestPolicies, originRequestPolicyConfig)
	responseHeadersPolicies = policiesOf("ResponseHeadersPolicy", (*delivery.Service).ResponseHeadersPolicies, responseHeadersPolicyConfig)
)

// names is one choice of a policy: how, and which.
func names[T any](config, how, which string, at func(*T) *delivery.Names) member[T] {
	return group(config, required, nil,
		value(how, required, text{}, func(c *T) *string { return &at(c).Mode }),
		sparseList(which, "Name", text{}, func(c *T) *[]string { return &at(c).Items }))
}

var cachePolicyConfig = &shape[delivery.CachePolicyConfig]{
	defaults: delivery.NewCachePolicyConfig,
	members: []member[delivery.CachePolicyConfig]{
		value("Comment", optional, text{}, func(c *delivery.CachePolicyConfig) *string { return &c.Comment }),
		value("Name", required, text{}, func(c *delivery.CachePolicyConfig) *string { return &c.Name }),
		pointer("DefaultTTL", long{}, func(c *delivery.CachePolicyConfig) **int64 { return &c.DefaultTTL }),
		pointer("MaxTTL", long{}, func(c *delivery.CachePolicyConfig) **int64 { return &c.MaxTTL }),
		value("MinTTL", required, long{}, func(c *delivery.CachePolicyConfig) *int64 { return &c.MinTTL }),
		group("ParametersInCacheKeyAndForwardedToOrigin", optional, nil,
			value("EnableAcceptEncodingGzip", required, flag{}, func(c *delivery.CachePolicyConfig) *bool { return &c.Gzip }),
			value("EnableAcceptEncodingBrotli", optional, flag{}, func(c *delivery.CachePolicyConfig) *bool { return &c.Brotli }),
			names("HeadersConfig", "HeaderBehavior", "Headers", func(c *delivery.CachePolicyConfig) *delivery.Names { return &c.Headers }),
			names("CookiesConfig", "CookieBehavior", "Cookies", func(c *delivery.CachePolicyConfig) *delivery.Names { return &c.Cookies }),
			names("QueryStringsConfig", "QueryStringBehavior", "QueryStrings", func(c *delivery.CachePolicyConfig) *delivery.Names { return &c.QueryString })),
	},
}

var originRequestPolicyConfig = &shape[delivery.OriginRequestPolicyConfig]{
	defaults: delivery.NewOriginRequestPolicyConfig,
	members: []member[delivery.OriginRequestPolicyConfig]{
		value("Comment", optional, text{}, func(c *delivery.OriginRequestPolicyConfig) *string { return &c.Comment }),
		value("Name", required, text{}, func(c *delivery.OriginRequestPolicyConfig) *string { return &c.Name }),
		names("HeadersConfig", "HeaderBehavior", "Headers", func(c *delivery.OriginRequestPolicyConfig) *delivery.Names { return &c.Headers }),
		names("CookiesConfig", "CookieBehavior", "Cookies", func(c *delivery.OriginRequestPolicyConfig) *delivery.Names { return &c.Cookies }),
		names("QueryStringsConfig", "QueryStringBehavior", "QueryStrings", func(c *delivery.OriginRequestPolicyConfig) *delivery.Names { return &c.QueryString }),
	},
}

type (
	responseHeaders = delivery.ResponseHeadersPolicyConfig
	cors            = delivery.CORSConfig
	security        = delivery.SecurityHeadersConfig
)

var responseHeadersPolicyConfig = of(
	value("Comment", optional, text{}, func(c *responseHeaders) *string { return &c.Comment }),
	value("Name", required, text{}, func(c *responseHeaders) *string { return &c.Name }),
	pointer("CorsConfig", corsConfig, func(c *responseHeaders) **cors { return &c.CORS }),
	pointer("SecurityHeadersConfig", securityHeadersConfig, func(c *responseHeaders) **security { return &c.Security }),
	pointer("ServerTimingHeadersConfig", serverTimingConfig, func(c *responseHeaders) **delivery.ServerTimingConfig { return &c.ServerTiming }),
	sparseList("CustomHeadersConfig", "ResponseHeadersPolicyCustomHeader", customHeader, func(c *responseHeaders) *[]delivery.CustomHeader { return &c.Custom }),
	sparseList("RemoveHeadersConfig", "ResponseHeadersPolicyRemoveHeader", removedHeader, func(c *responseHeaders) *[]string { return &c.Remove }),
)

var corsConfig = of(
	group("AccessControlAllowOrigins", required, nil, shownItems("Origin", text{}, func(c *cors) *[]string { return &c.AllowOrigins })),
	group("AccessControlAllowHeaders", required, nil, shownItems("Header", text{}, func(c *cors) *[]string { return &c.AllowHeaders })),
	group("AccessControlAllowMethods", required, nil, shownItems("Method", text{}, func(c *cors) *[]string { return &c.AllowMethods })),
	value("AccessControlAllowCredentials", required, flag{}, func(c *cors) *bool { return &c.AllowCredentials }),
	sparseList("AccessControlExposeHeaders", "Header", text{}, func(c *cors) *[]string { return &c.ExposeHeaders }),
	pointer("AccessControlMaxAgeSec", number{}, func(c *cors) **int { return &c.MaxAge }),
	value("OriginOverride", required, flag{}, func(c *cors) *bool { return &c.Override }),
)

var securityHeadersConfig = of(
	pointer("XSSProtection", of(
		value("Override", required, flag{}, func(x *delivery.XSSProtectionConfig) *bool { return &x.Override }),
		value("Protection", required, flag{}, func(x *delivery.XSSProtectionConfig) *bool { return &x.Protection }),
		value("ModeBlock", optional, flag{}, func(x *delivery.XSSProtectionConfig) *bool { return &x.ModeBlock }),
		value("ReportUri", sparse, text{}, func(x *delivery.XSSProtectionConfig) *string { return &x.ReportURI }),
	), func(c *security) **delivery.XSSProtectionConfig { return &c.XSSProtection }),
	pointer("FrameOptions", of(
		value("Override", required, flag{}, func(f *delivery.FrameOptionsConfig) *bool { return &f.Override }),
		value("FrameOption", required, text{}, func(f *delivery.FrameOptionsConfig) *string { return &f.Option }),
	), func(c *security) **delivery.FrameOptionsConfig { return &c.FrameOptions }),
	pointer("ReferrerPolicy", of(
		value("Override", required, flag{}, func(r *delivery.ReferrerPolicyConfig) *bool { return &r.Override }),
		value("ReferrerPolicy", required, text{}, func(r *delivery.ReferrerPolicyConfig) *string { return &r.Policy }),
	), func(c *security) **delivery.ReferrerPolicyConfig { return &c.ReferrerPolicy }),
	pointer("ContentSecurityPolicy", of(
		value("Override", required, flag{}, func(p *delivery.ContentSecurityConfig) *bool { return &p.Override }),
		value("ContentSecurityPolicy", required, text{}, func(p *delivery.ContentSecurityConfig) *string { return &p.Policy }),
	), func(c *security) **delivery.ContentSecurityConfig { return &c.ContentSecurityPolicy }),
	pointer("ContentTypeOptions", of(
		value("Override", required, flag{}, func(o *delivery.ContentTypeOptionsConfig) *bool { return &o.Override }),
	), func(c *security) **delivery.ContentTypeOptionsConfig { return &c.ContentTypeOptions }),
	pointer("StrictTransportSecurity", of(
		value("Override", required, flag{}, func(t *delivery.TransportSecurityConfig) *bool { return &t.Override }),
		value("IncludeSubdomains", optional, flag{}, func(t *delivery.TransportSecurityConfig) *bool { return &t.IncludeSubdomains }),
		value("Preload", optional, flag{}, func(t *delivery.TransportSecurityConfig) *bool { return &t.Preload }),
		value("AccessControlMaxAgeSec", required, number{}, func(t *delivery.TransportSecurityConfig) *int { return &t.MaxAge }),
	), func(c *security) **delivery.TransportSecurityConfig { return &c.StrictTransportSecurity }),
)

var serverTimingConfig = of(
	value("Enabled", required, flag{}, func(t *delivery.ServerTimingConfig) *bool { return &t.Enabled }),
	pointer("SamplingRate", fraction{}, func(t *delivery.ServerTimingConfig) **float64 { return &t.SamplingRate }),
)

var customHeader = of(
	value("Header", required, text{}, func(h *delivery.CustomHeader) *string { return &h.Name }),
	value("Value", required, text{}, func(h *delivery.CustomHeader) *string { return &h.Value }),
	value("Override", required, flag{}, func(h *delivery.CustomHeader) *bool { return &h.Override }),
)

var removedHeader = of(value("Header", required, text{}, func(name *string) *string { return name }))
