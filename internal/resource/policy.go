package resource

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// policyKinds are the policies that behaviours refer to.
func policyKinds(d *delivery.Service) map[string]*kind {
	return map[string]*kind{
		"AWS::CloudFront::CachePolicy": policyKind(d.CachePolicies(), delivery.ErrCachePolicyExists, delivery.ErrNoCachePolicy,
			(*cachePolicyProperties).config, func(c *delivery.CachePolicyConfig) string { return c.Name }),
		"AWS::CloudFront::OriginRequestPolicy": policyKind(d.OriginRequestPolicies(), delivery.ErrOriginRequestPolicyExists, delivery.ErrNoOriginRequestPolicy,
			(*originRequestPolicyProperties).config, func(c *delivery.OriginRequestPolicyConfig) string { return c.Name }),
		"AWS::CloudFront::ResponseHeadersPolicy": policyKind(d.ResponseHeadersPolicies(), delivery.ErrResponseHeadersPolicyExists, delivery.ErrNoResponseHeadersPolicy,
			(*responseHeadersPolicyProperties).config, func(c *delivery.ResponseHeadersPolicyConfig) string { return c.Name }),
	}
}

func policyKind[P, C any](policies delivery.Policies[C], exists, absent error, config func(*P) C, name func(*C) string) *kind {
	return object[P, *delivery.Policy[C]]{
		create: func(ctx context.Context, t *stack.Task, p *P) (*delivery.Policy[C], error) {
			return policies.Create(ctx, t.Who, config(p))
		},
		exists: exists,
		list: func(ctx context.Context, who access.Caller, page delivery.Page) (*delivery.List[*delivery.Policy[C]], error) {
			return policies.List(ctx, who, delivery.CustomPolicies, page)
		},
		same: func(have *delivery.Policy[C], p *P) bool {
			want := config(p)
			return name(&have.Config) == name(&want)
		},
		get: policies.Get,
		update: func(ctx context.Context, t *stack.Task, old *delivery.Policy[C], p *P) (*delivery.Policy[C], error) {
			return policies.Update(ctx, t.Who, old.ID, old.ETag, config(p))
		},
		delete: policies.Delete, absent: absent,
		meta: func(p *delivery.Policy[C]) *delivery.Meta { return &p.Meta },
		describe: func(p *delivery.Policy[C]) map[string]any {
			return map[string]any{"LastModifiedTime": stamp(p.ModifiedAt)}
		},
	}.kind([]string{"LastModifiedTime"})
}

type cookiesConfig struct {
	CookieBehavior string
	Cookies        []string
}

type headersConfig struct {
	HeaderBehavior string
	Headers        []string
}

type queryStringsConfig struct {
	QueryStringBehavior string
	QueryStrings        []string
}

type cachePolicyProperties struct {
	CachePolicyConfig struct {
		Name, Comment                            string
		MinTTL                                   int64
		DefaultTTL, MaxTTL                       *int64
		ParametersInCacheKeyAndForwardedToOrigin struct {
			CookiesConfig                                        cookiesConfig
			HeadersConfig                                        headersConfig
			QueryStringsConfig                                   queryStringsConfig
			EnableAcceptEncodingBrotli, EnableAcceptEncodingGzip bool
		}
	}
}

func (p *cachePolicyProperties) config() delivery.CachePolicyConfig {
	in := &p.CachePolicyConfig
	key := &in.ParametersInCacheKeyAndForwardedToOrigin
	c := delivery.NewCachePolicyConfig()
	c.Name, c.Comment, c.MinTTL, c.DefaultTTL, c.MaxTTL = in.Name, in.Comment, in.MinTTL, in.DefaultTTL, in.MaxTTL
	c.Gzip, c.Brotli = key.EnableAcceptEncodingGzip, key.EnableAcceptEncodingBrotli
	choose(&c.Headers, key.HeadersConfig.HeaderBehavior, key.HeadersConfig.Headers)
	choose(&c.Cookies, key.CookiesConfig.CookieBehavior, key.CookiesConfig.Cookies)
	choose(&c.QueryString, key.QueryStringsConfig.QueryStringBehavior, key.QueryStringsConfig.QueryStrings)
	return c
}

func choose(n *delivery.Names, mode string, items []string) {
	set(&n.Mode, mode)
	n.Items = items
}

type originRequestPolicyProperties struct {
	OriginRequestPolicyConfig struct {
		Name, Comment      string
		CookiesConfig      cookiesConfig
		HeadersConfig      headersConfig
		QueryStringsConfig queryStringsConfig
	}
}

func (p *originRequestPolicyProperties) config() delivery.OriginRequestPolicyConfig {
	in := &p.OriginRequestPolicyConfig
	c := delivery.NewOriginRequestPolicyConfig()
	c.Name, c.Comment = in.Name, in.Comment
	choose(&c.Headers, in.HeadersConfig.HeaderBehavior, in.HeadersConfig.Headers)
	choose(&c.Cookies, in.CookiesConfig.CookieBehavior, in.CookiesConfig.Cookies)
	choose(&c.QueryString, in.QueryStringsConfig.QueryStringBehavior, in.QueryStringsConfig.QueryStrings)
	return c
}

type items struct{ Items []string }

type responseHeadersPolicyProperties struct {
	ResponseHeadersPolicyConfig struct {
		Name, Comment string
		CorsConfig    *struct {
			AccessControlAllowCredentials                                                                               bool
			AccessControlAllowHeaders, AccessControlAllowMethods, AccessControlAllowOrigins, AccessControlExposeHeaders items
			AccessControlMaxAgeSec                                                                                      *int
			OriginOverride                                                                                              bool
		}
		CustomHeadersConfig struct {
			Items []struct {
				Header, Value string
				Override      bool
			}
		}
		RemoveHeadersConfig   struct{ Items []struct{ Header string } }
		SecurityHeadersConfig *struct {
			ContentSecurityPolicy *struct {
				ContentSecurityPolicy string
				Override              bool
			}
			ContentTypeOptions *struct{ Override bool }
			FrameOptions       *struct {
				FrameOption string
				Override    bool
			}
			ReferrerPolicy *struct {
				ReferrerPolicy string
				Override       bool
			}
			StrictTransportSecurity *struct {
				AccessControlMaxAgeSec               int
				IncludeSubdomains, Override, Preload bool
			}
			XSSProtection *struct {
				ModeBlock, Override, Protection bool
				ReportUri                       string
			}
		}
		ServerTimingHeadersConfig *struct {
			Enabled      bool
			SamplingRate *float64
		}
	}
}

func (p *responseHeadersPolicyProperties) config() delivery.ResponseHeadersPolicyConfig {
	in := &p.ResponseHeadersPolicyConfig
	c := delivery.ResponseHeadersPolicyConfig{Name: in.Name, Comment: in.Comment}
	if cors := in.CorsConfig; cors != nil {
		c.CORS = &delivery.CORSConfig{
			AllowCredentials: cors.AccessControlAllowCredentials, AllowHeaders: cors.AccessControlAllowHeaders.Items,
			AllowMethods: cors.AccessControlAllowMethods.Items, AllowOrigins: cors.AccessControlAllowOrigins.Items,
			ExposeHeaders: cors.AccessControlExposeHeaders.Items, MaxAge: cors.AccessControlMaxAgeSec, Override: cors.OriginOverride,
		}
	}
	for _, h := range in.CustomHeadersConfig.Items {
		c.Custom = append(c.Custom, delivery.CustomHeader{Name: h.Header, Value: h.Value, Override: h.Override})
	}
	for _, h := range in.RemoveHeadersConfig.Items {
		c.Remove = append(c.Remove, h.Header)
	}
	if t := in.ServerTimingHeadersConfig; t != nil {
		c.ServerTiming = &delivery.ServerTimingConfig{Enabled: t.Enabled, SamplingRate: t.SamplingRate}
	}
	s := in.SecurityHeadersConfig
	if s == nil {
		return c
	}
	c.Security = &delivery.SecurityHeadersConfig{}
	if h := s.ContentSecurityPolicy; h != nil {
		c.Security.ContentSecurityPolicy = &delivery.ContentSecurityConfig{Override: h.Override, Policy: h.ContentSecurityPolicy}
	}
	if h := s.ContentTypeOptions; h != nil {
		c.Security.ContentTypeOptions = &delivery.ContentTypeOptionsConfig{Override: h.Override}
	}
	if h := s.FrameOptions; h != nil {
		c.Security.FrameOptions = &delivery.FrameOptionsConfig{Override: h.Override, Option: h.FrameOption}
	}
	if h := s.ReferrerPolicy; h != nil {
		c.Security.ReferrerPolicy = &delivery.ReferrerPolicyConfig{Override: h.Override, Policy: h.ReferrerPolicy}
	}
	if h := s.StrictTransportSecurity; h != nil {
		c.Security.StrictTransportSecurity = &delivery.TransportSecurityConfig{
			Override: h.Override, IncludeSubdomains: h.IncludeSubdomains, Preload: h.Preload, MaxAge: h.AccessControlMaxAgeSec,
		}
	}
	if h := s.XSSProtection; h != nil {
		c.Security.XSSProtection = &delivery.XSSProtectionConfig{Override: h.Override, Protection: h.Protection, ModeBlock: h.ModeBlock, ReportURI: h.ReportUri}
	}
	return c
}
