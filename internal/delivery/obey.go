package delivery

import "fmt"

// The tables below name the members that are stored but that the edge does not
// obey yet, each with the test that it is set to something. Teaching the edge
// one of them ends with deleting its row.

var distributionNotObeyed = []struct {
	member string
	set    func(c *DistributionConfig) bool
}{
	{"ViewerCertificate.IAMCertificateId", func(c *DistributionConfig) bool { return c.ViewerCertificate.IAMCertificateID != "" }},
	{"Restrictions.GeoRestriction", func(c *DistributionConfig) bool { return c.Geo.Type != "none" || len(c.Geo.Locations) > 0 }},
	{"WebACLId", func(c *DistributionConfig) bool { return c.WebACLID != "" }},
	{"HttpVersion", func(c *DistributionConfig) bool { return c.HTTPVersion == "http3" || c.HTTPVersion == "http2and3" }},
	{"ContinuousDeploymentPolicyId", func(c *DistributionConfig) bool { return c.ContinuousDeploymentPolicyID != "" }},
	{"Staging", func(c *DistributionConfig) bool { return c.Staging }},
	{"AnycastIpListId", func(c *DistributionConfig) bool { return c.AnycastIPListID != "" }},
	{"TenantConfig", func(c *DistributionConfig) bool { return c.Tenant != nil }},
	{"ConnectionMode", func(c *DistributionConfig) bool { return c.ConnectionMode != "direct" }},
	{"ViewerMtlsConfig", func(c *DistributionConfig) bool { return c.ViewerMTLS != nil }},
	{"ConnectionFunctionAssociation", func(c *DistributionConfig) bool { return c.ConnectionFunctionID != "" }},
	{"CacheTagConfig", func(c *DistributionConfig) bool { return c.CacheTagHeader != "" }},
}

var originNotObeyed = []struct {
	member string
	set    func(o *OriginConfig) bool
}{
	{"VpcOriginConfig", func(o *OriginConfig) bool { return o.VPC != nil }},
	{"OriginShield", func(o *OriginConfig) bool { return o.Shield != OriginShieldConfig{} }},
	{"CustomOriginConfig.OriginMtlsConfig", func(o *OriginConfig) bool { return o.Custom != nil && o.Custom.ClientCertificateARN != "" }},
	{"CustomOriginConfig.IpAddressType", func(o *OriginConfig) bool { return o.Custom != nil && o.Custom.IPAddressType != "ipv4" }},
}

var behaviorNotObeyed = []struct {
	member string
	set    func(b *BehaviorConfig) bool
}{
	{"TrustedSigners", func(b *BehaviorConfig) bool { return b.TrustedSigners.Enabled || len(b.TrustedSigners.Items) > 0 }},
	{"SmoothStreaming", func(b *BehaviorConfig) bool { return b.SmoothStreaming }},
	{"FieldLevelEncryptionId", func(b *BehaviorConfig) bool { return b.FieldLevelEncryptionID != "" }},
	{"RealtimeLogConfigArn", func(b *BehaviorConfig) bool { return b.RealtimeLogARN != "" }},
	{"GrpcConfig", func(b *BehaviorConfig) bool { return b.GRPC }},
}

// obeyed returns an error that names the first member of c that the edge does
// not obey.
func (c *DistributionConfig) obeyed() error {
	for _, row := range distributionNotObeyed {
		if row.set(c) {
			return unsupported(row.member)
		}
	}
	for i := range c.Origins {
		for _, row := range originNotObeyed {
			if row.set(&c.Origins[i]) {
				return unsupported(fmt.Sprintf("Origins[%s].%s", c.Origins[i].ID, row.member))
			}
		}
	}
	for name, b := range c.behaviors() {
		for _, row := range behaviorNotObeyed {
			if row.set(b) {
				return unsupported(name + "." + row.member)
			}
		}
	}
	return nil
}

// behaviors yields every behaviour with the name that messages give it, the
// default one last, as the edge tries them.
func (c *DistributionConfig) behaviors() func(yield func(string, *BehaviorConfig) bool) {
	return func(yield func(string, *BehaviorConfig) bool) {
		for i := range c.Behaviors {
			if !yield(fmt.Sprintf("CacheBehaviors[%s]", c.Behaviors[i].PathPattern), &c.Behaviors[i]) {
				return
			}
		}
		yield("DefaultCacheBehavior", &c.DefaultBehavior)
	}
}
