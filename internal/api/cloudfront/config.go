package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

// The shapes below are DistributionConfig of the API model: every member, in
// the order in which AWS writes it.
//
// Source: CloudFront API Reference 2020-05-31, data types.

// The types that the rows name most often.
type (
	distribution = delivery.DistributionConfig
	origin       = delivery.OriginConfig
	behavior     = delivery.BehaviorConfig
	forwarded    = delivery.ForwardedValues
)

var distributionConfig = &shape[distribution]{
	defaults: delivery.NewDistributionConfig,
	members: []member[distribution]{
		value("CallerReference", required, text{}, func(c *distribution) *string { return &c.CallerReference }),
		list("Aliases", "CNAME", text{}, func(c *distribution) *[]string { return &c.Aliases }),
		value("DefaultRootObject", optional, text{}, func(c *distribution) *string { return &c.DefaultRootObject }),
		group("Origins", required, nil, items("Origin", originConfig, func(c *distribution) *[]origin { return &c.Origins })),
		list("OriginGroups", "OriginGroup", originGroup, func(c *distribution) *[]delivery.OriginGroupConfig { return &c.OriginGroups }),
		nested("DefaultCacheBehavior", required, defaultBehavior, func(c *distribution) *behavior { return &c.DefaultBehavior }),
		list("CacheBehaviors", "CacheBehavior", cacheBehavior, func(c *distribution) *[]behavior { return &c.Behaviors }),
		list("CustomErrorResponses", "CustomErrorResponse", customError, func(c *distribution) *[]delivery.CustomErrorConfig { return &c.CustomErrors }),
		value("Comment", required, text{}, func(c *distribution) *string { return &c.Comment }),
		nested("Logging", optional, logging, func(c *distribution) *delivery.LoggingConfig { return &c.Logging }),
		value("PriceClass", optional, text{}, func(c *distribution) *string { return &c.PriceClass }),
		value("Enabled", required, flag{}, func(c *distribution) *bool { return &c.Enabled }),
		nested("ViewerCertificate", optional, viewerCertificate, func(c *distribution) *delivery.CertificateConfig { return &c.ViewerCertificate }),
		group("Restrictions", optional, nil,
			nested("GeoRestriction", required, geoRestriction, func(c *distribution) *delivery.GeoConfig { return &c.Geo })),
		value("WebACLId", optional, text{}, func(c *distribution) *string { return &c.WebACLID }),
		value("HttpVersion", optional, text{}, func(c *distribution) *string { return &c.HTTPVersion }),
		value("IsIPV6Enabled", optional, flag{}, func(c *distribution) *bool { return &c.IPv6 }),
		value("ContinuousDeploymentPolicyId", optional, text{}, func(c *distribution) *string { return &c.ContinuousDeploymentPolicyID }),
		value("Staging", optional, flag{}, func(c *distribution) *bool { return &c.Staging }),
		value("AnycastIpListId", sparse, text{}, func(c *distribution) *string { return &c.AnycastIPListID }),
		pointer("TenantConfig", tenant, func(c *distribution) **delivery.TenantConfig { return &c.Tenant }),
		value("ConnectionMode", optional, text{}, func(c *distribution) *string { return &c.ConnectionMode }),
		pointer("ViewerMtlsConfig", viewerMTLS, func(c *distribution) **delivery.ViewerMTLSConfig { return &c.ViewerMTLS }),
		group("ConnectionFunctionAssociation", optional, func(c *distribution) bool { return c.ConnectionFunctionID != "" },
			value("Id", required, text{}, func(c *distribution) *string { return &c.ConnectionFunctionID })),
		group("CacheTagConfig", optional, func(c *distribution) bool { return c.CacheTagHeader != "" },
			value("HeaderName", required, text{}, func(c *distribution) *string { return &c.CacheTagHeader })),
	},
}

var originConfig = &shape[origin]{
	defaults: delivery.NewOriginConfig,
	members: []member[origin]{
		value("Id", required, text{}, func(o *origin) *string { return &o.ID }),
		value("DomainName", required, text{}, func(o *origin) *string { return &o.DomainName }),
		value("OriginPath", optional, text{}, func(o *origin) *string { return &o.Path }),
		list("CustomHeaders", "OriginCustomHeader", originHeader, func(o *origin) *[]delivery.Header { return &o.Headers }),
		pointer("S3OriginConfig", s3Origin, func(o *origin) **delivery.S3OriginConfig { return &o.S3 }),
		pointer("CustomOriginConfig", customOrigin, func(o *origin) **delivery.CustomOriginConfig { return &o.Custom }),
		pointer("VpcOriginConfig", vpcOrigin, func(o *origin) **delivery.VPCOriginConfig { return &o.VPC }),
		value("ConnectionAttempts", optional, number{}, func(o *origin) *int { return &o.ConnectionAttempts }),
		value("ConnectionTimeout", optional, number{}, func(o *origin) *int { return &o.ConnectionTimeout }),
		value("ResponseCompletionTimeout", sparse, number{}, func(o *origin) *int { return &o.ResponseCompletionTimeout }),
		nested("OriginShield", optional, originShield, func(o *origin) *delivery.OriginShieldConfig { return &o.Shield }),
		value("OriginAccessControlId", optional, text{}, func(o *origin) *string { return &o.AccessControlID }),
	},
}

var originHeader = of(
	value("HeaderName", required, text{}, func(h *delivery.Header) *string { return &h.Name }),
	value("HeaderValue", required, text{}, func(h *delivery.Header) *string { return &h.Value }),
)

var s3Origin = &shape[delivery.S3OriginConfig]{
	defaults: delivery.NewS3OriginConfig,
	members: []member[delivery.S3OriginConfig]{
		value("OriginAccessIdentity", required, text{}, func(o *delivery.S3OriginConfig) *string { return &o.AccessIdentity }),
		value("OriginReadTimeout", optional, number{}, func(o *delivery.S3OriginConfig) *int { return &o.ReadTimeout }),
	},
}

var customOrigin = &shape[delivery.CustomOriginConfig]{
	defaults: delivery.NewCustomOriginConfig,
	members: []member[delivery.CustomOriginConfig]{
		value("HTTPPort", required, number{}, func(o *delivery.CustomOriginConfig) *int { return &o.HTTPPort }),
		value("HTTPSPort", required, number{}, func(o *delivery.CustomOriginConfig) *int { return &o.HTTPSPort }),
		value("OriginProtocolPolicy", required, text{}, func(o *delivery.CustomOriginConfig) *string { return &o.ProtocolPolicy }),
		list("OriginSslProtocols", "SslProtocol", text{}, func(o *delivery.CustomOriginConfig) *[]string { return &o.TLSProtocols }),
		value("OriginReadTimeout", optional, number{}, func(o *delivery.CustomOriginConfig) *int { return &o.ReadTimeout }),
		value("OriginKeepaliveTimeout", optional, number{}, func(o *delivery.CustomOriginConfig) *int { return &o.KeepAliveTimeout }),
		value("IpAddressType", optional, text{}, func(o *delivery.CustomOriginConfig) *string { return &o.IPAddressType }),
		group("OriginMtlsConfig", optional, func(o *delivery.CustomOriginConfig) bool { return o.ClientCertificateARN != "" },
			value("ClientCertificateArn", required, text{}, func(o *delivery.CustomOriginConfig) *string { return &o.ClientCertificateARN })),
	},
}

var vpcOrigin = &shape[delivery.VPCOriginConfig]{
	defaults: delivery.NewVPCOriginConfig,
	members: []member[delivery.VPCOriginConfig]{
		value("VpcOriginId", required, text{}, func(o *delivery.VPCOriginConfig) *string { return &o.ID }),
		value("OwnerAccountId", sparse, text{}, func(o *delivery.VPCOriginConfig) *string { return &o.OwnerAccount }),
		value("OriginReadTimeout", optional, number{}, func(o *delivery.VPCOriginConfig) *int { return &o.ReadTimeout }),
		value("OriginKeepaliveTimeout", optional, number{}, func(o *delivery.VPCOriginConfig) *int { return &o.KeepAliveTimeout }),
	},
}

var originShield = of(
	value("Enabled", required, flag{}, func(o *delivery.OriginShieldConfig) *bool { return &o.Enabled }),
	value("OriginShieldRegion", sparse, text{}, func(o *delivery.OriginShieldConfig) *string { return &o.Region }),
)

var originGroup = &shape[delivery.OriginGroupConfig]{
	defaults: delivery.NewOriginGroupConfig,
	members: []member[delivery.OriginGroupConfig]{
		value("Id", required, text{}, func(g *delivery.OriginGroupConfig) *string { return &g.ID }),
		group("FailoverCriteria", required, nil,
			list("StatusCodes", "StatusCode", number{}, func(g *delivery.OriginGroupConfig) *[]int { return &g.StatusCodes })),
		list("Members", "OriginGroupMember", originGroupMember, func(g *delivery.OriginGroupConfig) *[]string { return &g.OriginIDs }),
		value("SelectionCriteria", optional, text{}, func(g *delivery.OriginGroupConfig) *string { return &g.Selection }),
	},
}

var originGroupMember = of(
	value("OriginId", required, text{}, func(id *string) *string { return id }),
)

var defaultBehavior = &shape[behavior]{defaults: delivery.NewBehaviorConfig, members: behaviorMembers}

var cacheBehavior = &shape[behavior]{
	defaults: delivery.NewBehaviorConfig,
	members: append([]member[behavior]{
		value("PathPattern", required, text{}, func(b *behavior) *string { return &b.PathPattern }),
	}, behaviorMembers...),
}

var behaviorMembers = []member[behavior]{
	value("TargetOriginId", required, text{}, func(b *behavior) *string { return &b.TargetOriginID }),
	group("TrustedSigners", optional, nil,
		value("Enabled", required, flag{}, func(b *behavior) *bool { return &b.TrustedSigners.Enabled }),
		items("AwsAccountNumber", text{}, func(b *behavior) *[]string { return &b.TrustedSigners.Items })),
	group("TrustedKeyGroups", optional, nil,
		value("Enabled", required, flag{}, func(b *behavior) *bool { return &b.TrustedKeyGroups.Enabled }),
		items("KeyGroup", text{}, func(b *behavior) *[]string { return &b.TrustedKeyGroups.Items })),
	value("ViewerProtocolPolicy", required, text{}, func(b *behavior) *string { return &b.ViewerProtocolPolicy }),
	group("AllowedMethods", optional, nil,
		items("Method", text{}, func(b *behavior) *[]string { return &b.AllowedMethods }),
		list("CachedMethods", "Method", text{}, func(b *behavior) *[]string { return &b.CachedMethods })),
	value("SmoothStreaming", optional, flag{}, func(b *behavior) *bool { return &b.SmoothStreaming }),
	value("Compress", optional, flag{}, func(b *behavior) *bool { return &b.Compress }),
	list("LambdaFunctionAssociations", "LambdaFunctionAssociation", lambdaAssociation, func(b *behavior) *[]delivery.LambdaAssociation { return &b.Lambdas }),
	list("FunctionAssociations", "FunctionAssociation", functionAssociation, func(b *behavior) *[]delivery.FunctionAssociation { return &b.Functions }),
	value("FieldLevelEncryptionId", optional, text{}, func(b *behavior) *string { return &b.FieldLevelEncryptionID }),
	value("RealtimeLogConfigArn", sparse, text{}, func(b *behavior) *string { return &b.RealtimeLogARN }),
	value("CachePolicyId", sparse, text{}, func(b *behavior) *string { return &b.CachePolicyID }),
	value("OriginRequestPolicyId", sparse, text{}, func(b *behavior) *string { return &b.OriginRequestPolicyID }),
	value("ResponseHeadersPolicyId", sparse, text{}, func(b *behavior) *string { return &b.ResponseHeadersPolicyID }),
	group("GrpcConfig", optional, nil, value("Enabled", required, flag{}, func(b *behavior) *bool { return &b.GRPC })),
	pointer("ForwardedValues", forwardedValues, func(b *behavior) **forwarded { return &b.ForwardedValues }),
	pointer("MinTTL", long{}, func(b *behavior) **int64 { return &b.MinTTL }),
	pointer("DefaultTTL", long{}, func(b *behavior) **int64 { return &b.DefaultTTL }),
	pointer("MaxTTL", long{}, func(b *behavior) **int64 { return &b.MaxTTL }),
}

var lambdaAssociation = of(
	value("LambdaFunctionARN", required, text{}, func(a *delivery.LambdaAssociation) *string { return &a.FunctionARN }),
	value("EventType", required, text{}, func(a *delivery.LambdaAssociation) *string { return &a.EventType }),
	value("IncludeBody", optional, flag{}, func(a *delivery.LambdaAssociation) *bool { return &a.IncludeBody }),
)

var functionAssociation = of(
	value("FunctionARN", required, text{}, func(a *delivery.FunctionAssociation) *string { return &a.FunctionARN }),
	value("EventType", required, text{}, func(a *delivery.FunctionAssociation) *string { return &a.EventType }),
)

var forwardedValues = of(
	value("QueryString", required, flag{}, func(f *forwarded) *bool { return &f.QueryString }),
	group("Cookies", required, nil,
		value("Forward", required, text{}, func(f *forwarded) *string { return &f.Cookies }),
		sparseList("WhitelistedNames", "Name", text{}, func(f *forwarded) *[]string { return &f.CookieNames })),
	list("Headers", "Name", text{}, func(f *forwarded) *[]string { return &f.Headers }),
	list("QueryStringCacheKeys", "Name", text{}, func(f *forwarded) *[]string { return &f.QueryKeys }),
)

var customError = &shape[delivery.CustomErrorConfig]{
	defaults: delivery.NewCustomErrorConfig,
	members: []member[delivery.CustomErrorConfig]{
		value("ErrorCode", required, number{}, func(e *delivery.CustomErrorConfig) *int { return &e.ErrorCode }),
		value("ResponsePagePath", optional, text{}, func(e *delivery.CustomErrorConfig) *string { return &e.PagePath }),
		value("ResponseCode", optional, text{}, func(e *delivery.CustomErrorConfig) *string { return &e.ResponseCode }),
		value("ErrorCachingMinTTL", optional, long{}, func(e *delivery.CustomErrorConfig) *int64 { return &e.MinTTL }),
	},
}

var logging = of(
	value("Enabled", optional, flag{}, func(l *delivery.LoggingConfig) *bool { return &l.Enabled }),
	value("IncludeCookies", optional, flag{}, func(l *delivery.LoggingConfig) *bool { return &l.IncludeCookies }),
	value("Bucket", optional, text{}, func(l *delivery.LoggingConfig) *string { return &l.Bucket }),
	value("Prefix", optional, text{}, func(l *delivery.LoggingConfig) *string { return &l.Prefix }),
)

// viewerCertificate has no defaults of its own: a document that has the element
// says all of it.
var viewerCertificate = resetting(of(
	value("CloudFrontDefaultCertificate", optional, flag{}, func(v *delivery.CertificateConfig) *bool { return &v.CloudFrontDefault }),
	value("IAMCertificateId", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.IAMCertificateID }),
	value("ACMCertificateArn", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.ACMCertificateARN }),
	value("SSLSupportMethod", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.SSLSupport }),
	value("MinimumProtocolVersion", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.MinimumProtocol }),
	value("Certificate", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.Certificate }),
	value("CertificateSource", sparse, text{}, func(v *delivery.CertificateConfig) *string { return &v.Source }),
))

var geoRestriction = of(
	value("RestrictionType", required, text{}, func(g *delivery.GeoConfig) *string { return &g.Type }),
	items("Location", text{}, func(g *delivery.GeoConfig) *[]string { return &g.Locations }),
)

var tenant = of(
	group("ParameterDefinitions", optional, nil,
		elements("member", tenantParameter, func(t *delivery.TenantConfig) *[]delivery.TenantParameter { return &t.Parameters })),
)

var tenantParameter = of(
	value("Name", required, text{}, func(p *delivery.TenantParameter) *string { return &p.Name }),
	group("Definition", required, nil,
		group("StringSchema", optional, nil,
			value("Comment", sparse, text{}, func(p *delivery.TenantParameter) *string { return &p.Comment }),
			value("DefaultValue", sparse, text{}, func(p *delivery.TenantParameter) *string { return &p.Default }),
			value("Required", required, flag{}, func(p *delivery.TenantParameter) *bool { return &p.Required }))),
)

var viewerMTLS = of(
	value("Mode", sparse, text{}, func(m *delivery.ViewerMTLSConfig) *string { return &m.Mode }),
	group("TrustStoreConfig", optional, func(m *delivery.ViewerMTLSConfig) bool { return m.TrustStoreID != "" },
		value("TrustStoreId", required, text{}, func(m *delivery.ViewerMTLSConfig) *string { return &m.TrustStoreID }),
		value("AdvertiseTrustStoreCaNames", optional, flag{}, func(m *delivery.ViewerMTLSConfig) *bool { return &m.AdvertiseCANames }),
		value("IgnoreCertificateExpiry", optional, flag{}, func(m *delivery.ViewerMTLSConfig) *bool { return &m.IgnoreCertificateExpiry })),
)
