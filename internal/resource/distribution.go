package resource

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func distributionKinds(d *delivery.Service) map[string]*kind {
	k := distributionKind{d}
	return map[string]*kind{
		"AWS::CloudFront::Distribution": {create: k.create, update: k.update, delete: k.delete, label: k.label, attributes: []string{"DomainName", "Id"}},
	}
}

// distributionProperties are those of AWS::CloudFront::Distribution.
type distributionProperties struct {
	DistributionConfig distributionConfig
	Tags               []tag
}

type distributionConfig struct {
	Aliases, CNAMEs                   []string
	Comment, DefaultRootObject        string
	Enabled, IPV6Enabled, Staging     bool
	HttpVersion, PriceClass, WebACLId string
	ContinuousDeploymentPolicyId      string
	DefaultCacheBehavior              behavior
	CacheBehaviors                    []behavior
	Origins                           []origin
	OriginGroups                      struct {
		Quantity int
		Items    []struct {
			Id               string
			FailoverCriteria struct {
				StatusCodes struct {
					Quantity int
					Items    []int
				}
			}
			Members struct {
				Quantity int
				Items    []struct{ OriginId string }
			}
			SelectionCriteria string
		}
	}
	CustomErrorResponses []struct {
		ErrorCode, ResponseCode int
		ErrorCachingMinTTL      *int64
		ResponsePagePath        string
	}
	Logging *struct {
		Bucket, Prefix string
		IncludeCookies bool
	}
	Restrictions struct {
		GeoRestriction struct {
			RestrictionType string
			Locations       []string
		}
	}
	ViewerCertificate *struct {
		CloudFrontDefaultCertificate             bool
		AcmCertificateArn, IamCertificateId      string
		MinimumProtocolVersion, SslSupportMethod string
	}
}

type origin struct {
	Id, DomainName, OriginPath, OriginAccessControlId string
	ConnectionAttempts, ConnectionTimeout             int
	ResponseCompletionTimeout                         int
	OriginCustomHeaders                               []struct{ HeaderName, HeaderValue string }
	OriginShield                                      struct {
		Enabled            bool
		OriginShieldRegion string
	}
	S3OriginConfig *struct {
		OriginAccessIdentity string
		OriginReadTimeout    int
	}
	CustomOriginConfig *struct {
		HTTPPort, HTTPSPort, OriginKeepaliveTimeout, OriginReadTimeout int
		OriginProtocolPolicy, IpAddressType                            string
		OriginSSLProtocols                                             []string
	}
}

type behavior struct {
	PathPattern, TargetOriginId, ViewerProtocolPolicy             string
	AllowedMethods, CachedMethods                                 []string
	TrustedSigners, TrustedKeyGroups                              []string
	SmoothStreaming, Compress                                     bool
	CachePolicyId, OriginRequestPolicyId, ResponseHeadersPolicyId string
	FieldLevelEncryptionId, RealtimeLogConfigArn                  string
	LambdaFunctionAssociations                                    []struct {
		EventType, LambdaFunctionARN string
		IncludeBody                  bool
	}
	FunctionAssociations       []struct{ EventType, FunctionARN string }
	GrpcConfig                 struct{ Enabled bool }
	MinTTL, DefaultTTL, MaxTTL *int64
	ForwardedValues            *struct {
		QueryString bool
		Cookies     struct {
			Forward          string
			WhitelistedNames []string
		}
		Headers, QueryStringCacheKeys []string
	}
}

type distributionKind struct{ delivery *delivery.Service }

func (k distributionKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p distributionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	config := p.DistributionConfig.config()
	config.CallerReference = t.Token
	d, err := k.delivery.CreateDistributionWithTags(ctx, t.Who, config, tagged(p.Tags, t))
	if t.Again && errors.Is(err, delivery.ErrDistributionExists) {
		d, err = find(ctx, t, k.delivery.ListDistributions, func(d *delivery.DistributionInfo) bool { return d.Config.CallerReference == t.Token })
	}
	if err != nil {
		return stack.Made{}, err
	}
	return k.made(d), nil
}

func (k distributionKind) made(d *delivery.DistributionInfo) stack.Made {
	return stack.Made{Physical: d.ID, Attributes: map[string]any{"Id": d.ID, "DomainName": k.delivery.DomainName(d)}}
}

func (k distributionKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p distributionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	old, err := k.delivery.GetDistribution(ctx, t.Who, t.Physical)
	if err != nil {
		return stack.Made{}, err
	}
	config := p.DistributionConfig.config()
	config.CallerReference = old.Config.CallerReference
	d, err := k.delivery.UpdateDistribution(ctx, t.Who, t.Physical, old.ETag, config)
	if err != nil {
		return stack.Made{}, err
	}
	want := tagged(p.Tags, t)
	if gone := dropped(old.Tags, want); len(gone) > 0 {
		if err := k.delivery.Untag(ctx, t.Who, d.ARN(), gone); err != nil {
			return stack.Made{}, err
		}
	}
	if len(want) > 0 {
		if err := k.delivery.Tag(ctx, t.Who, d.ARN(), want); err != nil {
			return stack.Made{}, err
		}
	}
	return k.made(d), nil
}

func (k distributionKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	return k.delivery.Tag(ctx, t.Who, "arn:aws:cloudfront::"+string(t.Who.Account())+":distribution/"+made.Physical, tags)
}

func (k distributionKind) delete(ctx context.Context, t *stack.Task) error {
	d, err := k.delivery.GetDistribution(ctx, t.Who, t.Physical)
	if errors.Is(err, delivery.ErrNoDistribution) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.Config.Enabled {
		off := d.Config
		off.Enabled = false
		if d, err = k.delivery.UpdateDistribution(ctx, t.Who, d.ID, d.ETag, off); err != nil {
			return err
		}
	}
	return unless(k.delivery.DeleteDistribution(ctx, t.Who, d.ID, d.ETag), delivery.ErrNoDistribution)
}

// find looks for the thing that an interrupted making left. A thing that is not
// there is an error, for the service said that it is.
func find[T any](ctx context.Context, t *stack.Task, list func(context.Context, access.Caller, delivery.Page) (*delivery.List[T], error), is func(T) bool) (one T, err error) {
	page := delivery.Page{Max: 100}
	for {
		l, err := list(ctx, t.Who, page)
		if err != nil {
			return one, err
		}
		for _, item := range l.Items {
			if is(item) {
				return item, nil
			}
		}
		if l.Next == "" {
			return one, errors.New("what was made before cannot be found")
		}
		page.After = l.Next
	}
}

func (c *distributionConfig) config() delivery.DistributionConfig {
	d := delivery.NewDistributionConfig()
	d.Aliases = append(c.Aliases, c.CNAMEs...)
	d.Comment, d.DefaultRootObject = c.Comment, c.DefaultRootObject
	d.Enabled, d.IPv6, d.Staging = c.Enabled, c.IPV6Enabled, c.Staging
	d.WebACLID, d.ContinuousDeploymentPolicyID = c.WebACLId, c.ContinuousDeploymentPolicyId
	set(&d.HTTPVersion, c.HttpVersion)
	set(&d.PriceClass, c.PriceClass)
	d.DefaultBehavior = c.DefaultCacheBehavior.config()
	for i := range c.CacheBehaviors {
		d.Behaviors = append(d.Behaviors, c.CacheBehaviors[i].config())
	}
	for i := range c.Origins {
		d.Origins = append(d.Origins, c.Origins[i].config())
	}
	for _, g := range c.OriginGroups.Items {
		group := delivery.NewOriginGroupConfig()
		group.ID, group.StatusCodes = g.Id, g.FailoverCriteria.StatusCodes.Items
		set(&group.Selection, g.SelectionCriteria)
		for _, m := range g.Members.Items {
			group.OriginIDs = append(group.OriginIDs, m.OriginId)
		}
		d.OriginGroups = append(d.OriginGroups, group)
	}
	for _, e := range c.CustomErrorResponses {
		custom := delivery.NewCustomErrorConfig()
		custom.ErrorCode, custom.PagePath = e.ErrorCode, e.ResponsePagePath
		if e.ResponseCode != 0 {
			custom.ResponseCode = strconv.Itoa(e.ResponseCode)
		}
		if e.ErrorCachingMinTTL != nil {
			custom.MinTTL = *e.ErrorCachingMinTTL
		}
		d.CustomErrors = append(d.CustomErrors, custom)
	}
	if l := c.Logging; l != nil {
		d.Logging = delivery.LoggingConfig{Enabled: true, IncludeCookies: l.IncludeCookies, Bucket: l.Bucket, Prefix: l.Prefix}
	}
	if g := c.Restrictions.GeoRestriction; g.RestrictionType != "" {
		d.Geo = delivery.GeoConfig{Type: g.RestrictionType, Locations: g.Locations}
	}
	if v := c.ViewerCertificate; v != nil && !v.CloudFrontDefaultCertificate {
		d.ViewerCertificate = delivery.CertificateConfig{
			ACMCertificateARN: v.AcmCertificateArn, IAMCertificateID: v.IamCertificateId,
			SSLSupport: v.SslSupportMethod, MinimumProtocol: v.MinimumProtocolVersion,
		}
	}
	return d
}

// set replaces a default by a value that is given.
func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}

func (o *origin) config() delivery.OriginConfig {
	c := delivery.NewOriginConfig()
	c.ID, c.DomainName, c.Path, c.AccessControlID = o.Id, o.DomainName, o.OriginPath, o.OriginAccessControlId
	set(&c.ConnectionAttempts, o.ConnectionAttempts)
	set(&c.ConnectionTimeout, o.ConnectionTimeout)
	c.ResponseCompletionTimeout = o.ResponseCompletionTimeout
	c.Shield = delivery.OriginShieldConfig{Enabled: o.OriginShield.Enabled, Region: o.OriginShield.OriginShieldRegion}
	for _, h := range o.OriginCustomHeaders {
		c.Headers = append(c.Headers, delivery.Header{Name: h.HeaderName, Value: h.HeaderValue})
	}
	if s := o.S3OriginConfig; s != nil {
		config := delivery.NewS3OriginConfig()
		config.AccessIdentity = s.OriginAccessIdentity
		set(&config.ReadTimeout, s.OriginReadTimeout)
		c.S3 = &config
	}
	if s := o.CustomOriginConfig; s != nil {
		config := delivery.NewCustomOriginConfig()
		config.HTTPPort, config.HTTPSPort, config.ProtocolPolicy = 80, 443, s.OriginProtocolPolicy
		set(&config.HTTPPort, s.HTTPPort)
		set(&config.HTTPSPort, s.HTTPSPort)
		set(&config.ReadTimeout, s.OriginReadTimeout)
		set(&config.KeepAliveTimeout, s.OriginKeepaliveTimeout)
		set(&config.IPAddressType, s.IpAddressType)
		if s.OriginSSLProtocols != nil {
			config.TLSProtocols = s.OriginSSLProtocols
		}
		c.Custom = &config
	}
	return c
}

func (b *behavior) config() delivery.BehaviorConfig {
	c := delivery.NewBehaviorConfig()
	c.PathPattern, c.TargetOriginID, c.ViewerProtocolPolicy = b.PathPattern, b.TargetOriginId, b.ViewerProtocolPolicy
	if b.AllowedMethods != nil {
		c.AllowedMethods = b.AllowedMethods
	}
	if b.CachedMethods != nil {
		c.CachedMethods = b.CachedMethods
	}
	c.TrustedSigners = delivery.Trust{Enabled: len(b.TrustedSigners) > 0, Items: b.TrustedSigners}
	c.TrustedKeyGroups = delivery.Trust{Enabled: len(b.TrustedKeyGroups) > 0, Items: b.TrustedKeyGroups}
	c.SmoothStreaming, c.Compress, c.GRPC = b.SmoothStreaming, b.Compress, b.GrpcConfig.Enabled
	c.CachePolicyID, c.OriginRequestPolicyID, c.ResponseHeadersPolicyID = b.CachePolicyId, b.OriginRequestPolicyId, b.ResponseHeadersPolicyId
	c.FieldLevelEncryptionID, c.RealtimeLogARN = b.FieldLevelEncryptionId, b.RealtimeLogConfigArn
	for _, l := range b.LambdaFunctionAssociations {
		c.Lambdas = append(c.Lambdas, delivery.LambdaAssociation{FunctionARN: l.LambdaFunctionARN, EventType: l.EventType, IncludeBody: l.IncludeBody})
	}
	for _, f := range b.FunctionAssociations {
		c.Functions = append(c.Functions, delivery.FunctionAssociation{FunctionARN: f.FunctionARN, EventType: f.EventType})
	}
	c.MinTTL, c.DefaultTTL, c.MaxTTL = b.MinTTL, b.DefaultTTL, b.MaxTTL
	if f := b.ForwardedValues; f != nil {
		c.ForwardedValues = &delivery.ForwardedValues{
			QueryString: f.QueryString, Cookies: strings.ToLower(f.Cookies.Forward), CookieNames: f.Cookies.WhitelistedNames,
			Headers: f.Headers, QueryKeys: f.QueryStringCacheKeys,
		}
		if c.ForwardedValues.Cookies == "" {
			c.ForwardedValues.Cookies = "none"
		}
	}
	return c
}
