package delivery

// DistributionConfig is a distribution as its owner writes it: every member of
// the API model. Lists keep their order. New values come from
// NewDistributionConfig, which fills the defaults in.
//
// Source: CloudFront API Reference, DistributionConfig.
type DistributionConfig struct {
	CallerReference              string
	Aliases                      []string
	DefaultRootObject            string
	Origins                      []OriginConfig
	OriginGroups                 []OriginGroupConfig
	DefaultBehavior              BehaviorConfig
	Behaviors                    []BehaviorConfig
	CustomErrors                 []CustomErrorConfig
	Comment                      string
	Logging                      LoggingConfig
	PriceClass                   string
	Enabled                      bool
	ViewerCertificate            CertificateConfig
	Geo                          GeoConfig
	WebACLID                     string
	HTTPVersion                  string
	IPv6                         bool
	ContinuousDeploymentPolicyID string
	Staging                      bool
	AnycastIPListID              string
	Tenant                       *TenantConfig
	ConnectionMode               string
	ViewerMTLS                   *ViewerMTLSConfig
	ConnectionFunctionID         string
	CacheTagHeader               string
}

// NewDistributionConfig returns the configuration of an empty document.
func NewDistributionConfig() DistributionConfig {
	return DistributionConfig{
		DefaultBehavior: NewBehaviorConfig(),
		PriceClass:      "PriceClass_All",
		ViewerCertificate: CertificateConfig{
			CloudFrontDefault: true, SSLSupport: "vip", MinimumProtocol: "TLSv1", Source: "cloudfront",
		},
		Geo:            GeoConfig{Type: "none"},
		HTTPVersion:    "http2",
		ConnectionMode: "direct",
	}
}

// OriginConfig is one origin. Exactly one of S3, Custom and VPC is set.
type OriginConfig struct {
	ID         string
	DomainName string
	Path       string
	Headers    []Header
	S3         *S3OriginConfig
	Custom     *CustomOriginConfig
	VPC        *VPCOriginConfig
	// Attempts is 1 to 3; the timeouts are seconds. A
	// ResponseCompletionTimeout of zero is none.
	ConnectionAttempts        int
	ConnectionTimeout         int
	ResponseCompletionTimeout int
	Shield                    OriginShieldConfig
	AccessControlID           string
}

// NewOriginConfig returns an origin with its defaults.
func NewOriginConfig() OriginConfig {
	return OriginConfig{ConnectionAttempts: 3, ConnectionTimeout: 10}
}

// S3OriginConfig is what only a bucket has.
type S3OriginConfig struct {
	// AccessIdentity is "origin-access-identity/cloudfront/<id>" or empty.
	AccessIdentity string
	ReadTimeout    int // seconds
}

// NewS3OriginConfig returns a bucket's defaults.
func NewS3OriginConfig() S3OriginConfig { return S3OriginConfig{ReadTimeout: 30} }

// CustomOriginConfig is what only an HTTP server has.
type CustomOriginConfig struct {
	HTTPPort, HTTPSPort  int
	ProtocolPolicy       string
	TLSProtocols         []string
	ReadTimeout          int // seconds
	KeepAliveTimeout     int // seconds
	IPAddressType        string
	ClientCertificateARN string
}

// NewCustomOriginConfig returns an HTTP server's defaults.
func NewCustomOriginConfig() CustomOriginConfig {
	return CustomOriginConfig{
		TLSProtocols: []string{"TLSv1", "TLSv1.1", "TLSv1.2"}, ReadTimeout: 30, KeepAliveTimeout: 5, IPAddressType: "ipv4",
	}
}

// VPCOriginConfig is an origin inside a VPC.
type VPCOriginConfig struct {
	ID, OwnerAccount string
	ReadTimeout      int // seconds
	KeepAliveTimeout int // seconds
}

// NewVPCOriginConfig returns a VPC origin's defaults.
func NewVPCOriginConfig() VPCOriginConfig {
	return VPCOriginConfig{ReadTimeout: 30, KeepAliveTimeout: 5}
}

// OriginShieldConfig is an extra tier of caching before an origin.
type OriginShieldConfig struct {
	Enabled bool
	Region  string
}

// OriginGroupConfig is a primary origin and the one that stands in for it.
type OriginGroupConfig struct {
	ID          string
	StatusCodes []int
	OriginIDs   []string
	Selection   string
}

// NewOriginGroupConfig returns an origin group's defaults.
func NewOriginGroupConfig() OriginGroupConfig { return OriginGroupConfig{Selection: "default"} }

// BehaviorConfig is a cache behaviour. PathPattern is empty in the default one.
type BehaviorConfig struct {
	PathPattern             string
	TargetOriginID          string
	TrustedSigners          Trust
	TrustedKeyGroups        Trust
	ViewerProtocolPolicy    string
	AllowedMethods          []string
	CachedMethods           []string
	SmoothStreaming         bool
	Compress                bool
	Lambdas                 []LambdaAssociation
	Functions               []FunctionAssociation
	FieldLevelEncryptionID  string
	RealtimeLogARN          string
	CachePolicyID           string
	OriginRequestPolicyID   string
	ResponseHeadersPolicyID string
	GRPC                    bool
	// ForwardedValues and the TTLs (in seconds) are the legacy alternative to
	// CachePolicyID. The TTLs are nil with it.
	ForwardedValues *ForwardedValues
	MinTTL          *int64
	DefaultTTL      *int64
	MaxTTL          *int64
}

// NewBehaviorConfig returns a behaviour with its defaults.
func NewBehaviorConfig() BehaviorConfig {
	return BehaviorConfig{AllowedMethods: []string{"HEAD", "GET"}, CachedMethods: []string{"HEAD", "GET"}}
}

// Trust names who may sign requests. Without Enabled anyone may ask.
type Trust struct {
	Enabled bool
	Items   []string
}

// LambdaAssociation runs a Lambda function on an event.
type LambdaAssociation struct {
	FunctionARN, EventType string
	IncludeBody            bool
}

// FunctionAssociation runs a CloudFront function on an event.
type FunctionAssociation struct{ FunctionARN, EventType string }

// ForwardedValues is the legacy choice of what is forwarded and cached by.
type ForwardedValues struct {
	QueryString bool
	// Cookies is none, whitelist or all; CookieNames go with whitelist.
	Cookies     string
	CookieNames []string
	// Headers may be just "*".
	Headers   []string
	QueryKeys []string
}

// CustomErrorConfig says how long an error is kept, and what viewers get in its
// place: a page and its status, or, with neither, the error itself.
type CustomErrorConfig struct {
	ErrorCode    int
	PagePath     string
	ResponseCode string
	MinTTL       int64 // seconds
}

// NewCustomErrorConfig returns a custom error response's defaults.
func NewCustomErrorConfig() CustomErrorConfig { return CustomErrorConfig{MinTTL: 10} }

// LoggingConfig says where standard access logs go.
type LoggingConfig struct {
	Enabled, IncludeCookies bool
	Bucket, Prefix          string
}

// CertificateConfig is the certificate shown to viewers.
type CertificateConfig struct {
	CloudFrontDefault           bool
	IAMCertificateID            string
	ACMCertificateARN           string
	SSLSupport, MinimumProtocol string
	Certificate, Source         string
}

// GeoConfig restricts a distribution to countries.
type GeoConfig struct {
	Type      string
	Locations []string
}

// TenantConfig holds the parameters of a multi-tenant distribution.
type TenantConfig struct{ Parameters []TenantParameter }

// TenantParameter is one parameter's definition.
type TenantParameter struct {
	Name, Comment, Default string
	Required               bool
}

// ViewerMTLSConfig asks viewers for certificates.
type ViewerMTLSConfig struct {
	Mode                                      string
	TrustStoreID                              string
	AdvertiseCANames, IgnoreCertificateExpiry bool
}
