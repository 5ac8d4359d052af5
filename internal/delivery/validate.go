package delivery

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/form"
)

const (
	maxCommentBytes = 128
	// maxTTLSeconds is 100 years, as the console allows.
	maxTTLSeconds   = 3_153_600_000
	maxLegacyNames  = 10
	maxOriginFields = 10
)

var (
	hostname = form.New(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	token    = form.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// bucketHost is a bucket's host name, in virtual-host style, and no website endpoint.
	bucketHost = form.New(`^[a-z0-9._-]+\.s3([.-][a-z0-9-]+)*\.[a-z0-9.-]+$`)
)

// validate checks what can be checked without looking anything up. c is normalised.
func (c *DistributionConfig) validate(q *Quotas, edgeDomain string, certificates func(arn string) bool) error {
	if c.CallerReference == "" {
		return refuse(ErrInvalid, "The parameter CallerReference is required.")
	}
	if len(c.Comment) > maxCommentBytes {
		return refuse(ErrInvalid, "The parameter Comment is too long: at most %d characters.", maxCommentBytes)
	}
	if !oneOf(c.PriceClass, "PriceClass_100", "PriceClass_200", "PriceClass_All", "None") {
		return invalidValue("PriceClass", c.PriceClass)
	}
	if !oneOf(c.HTTPVersion, "http1.1", "http2", "http3", "http2and3") {
		return invalidValue("HttpVersion", c.HTTPVersion)
	}
	if root := c.DefaultRootObject; strings.HasPrefix(root, "/") || len(root) > 255 || !validPagePath("/"+root) {
		return refuse(ErrInvalidRootObject, "The default root object %q must be URL-encoded, not begin with a slash, and have at most 255 characters.", root)
	}
	if err := c.obeyed(); err != nil {
		return err
	}
	if err := c.ViewerCertificate.validate(certificates); err != nil {
		return err
	}
	if err := c.Logging.check(); err != nil {
		return err
	}
	if err := c.validateAliases(q, edgeDomain); err != nil {
		return err
	}
	if err := c.validateOrigins(q); err != nil {
		return err
	}
	if err := c.validateGroups(q); err != nil {
		return err
	}
	if err := c.validateErrors(); err != nil {
		return err
	}
	if len(c.Behaviors) > q.Behaviors {
		return refuse(ErrTooManyBehaviors, "A distribution has at most %d cache behaviors.", q.Behaviors)
	}
	patterns := make(map[string]bool)
	for name, b := range c.behaviors() {
		if b != &c.DefaultBehavior {
			if !validPattern(b.PathPattern) {
				return invalidValue("PathPattern", b.PathPattern)
			}
			if key := strings.TrimPrefix(b.PathPattern, "/"); patterns[key] {
				return refuse(ErrInvalid, "The parameter PathPattern %s is used by two cache behaviors.", b.PathPattern)
			} else {
				patterns[key] = true
			}
		}
		if err := c.validateBehavior(q, name, b); err != nil {
			return err
		}
	}
	return nil
}

func (c *DistributionConfig) validateAliases(q *Quotas, edgeDomain string) error {
	if len(c.Aliases) > q.Aliases {
		return refuse(ErrTooManyAliases, "A distribution has at most %d alternate domain names.", q.Aliases)
	}
	seen := make(map[string]bool)
	for _, alias := range c.Aliases {
		host := strings.TrimPrefix(alias, "*.")
		switch {
		case !validAlias(alias):
			return invalidValue("CNAME", alias)
		case seen[alias]:
			return refuse(ErrInvalid, "The parameter CNAME contains %s twice.", alias)
		case below(host, edgeDomain), below(host, cloudfrontSuffix[1:]):
			return refuse(ErrInvalid, "The parameter CNAME %s lies in the domain of the distributions' own names.", alias)
		}
		seen[alias] = true
	}
	return nil
}

// validAlias reports whether alias, in lower case, is a host name of several
// labels, of which the first may be "*".
func validAlias(alias string) bool {
	host := strings.TrimPrefix(alias, "*.")
	return len(alias) <= maxHostBytes && hostname.MatchString(host) && strings.Contains(host, ".")
}

// below reports whether host is domain or a name inside it.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func (c *DistributionConfig) validateOrigins(q *Quotas) error {
	if len(c.Origins) == 0 {
		return refuse(ErrInvalid, "The parameter Origins is required.")
	}
	if len(c.Origins) > q.Origins {
		return refuse(ErrTooManyOrigins, "A distribution has at most %d origins.", q.Origins)
	}
	seen := make(map[string]bool)
	for i := range c.Origins {
		o := &c.Origins[i]
		if o.ID == "" || len(o.ID) > 128 || seen[o.ID] {
			return refuse(ErrInvalid, "The parameter Origin Id %q is empty, too long, or used twice.", o.ID)
		}
		seen[o.ID] = true
		if err := o.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (o *OriginConfig) validate() error {
	host := strings.ToLower(o.DomainName)
	if _, err := netip.ParseAddr(host); err != nil && (len(host) > maxHostBytes || !hostname.MatchString(host)) {
		return invalidValue("Origin DomainName", o.DomainName)
	}
	if o.Path != "" && (!strings.HasPrefix(o.Path, "/") || strings.HasSuffix(o.Path, "/") ||
		len(o.Path) > 255 || hasControl(o.Path) || strings.ContainsAny(o.Path, " ?#")) {
		return refuse(ErrInvalid, "The parameter OriginPath %q must begin with a slash and not end with one.", o.Path)
	}
	switch {
	case o.ConnectionAttempts < 1 || o.ConnectionAttempts > 3:
		return refuse(ErrInvalid, "The parameter ConnectionAttempts must be 1 to 3.")
	case o.ConnectionTimeout < 1 || o.ConnectionTimeout > 10:
		return refuse(ErrInvalid, "The parameter ConnectionTimeout must be 1 to 10 seconds.")
	case o.S3 != nil && o.Custom != nil, o.S3 == nil && o.Custom == nil:
		return refuse(ErrInvalidOrigin, "The origin %s needs either S3OriginConfig or CustomOriginConfig.", o.ID)
	}
	read := 0
	if o.S3 != nil {
		if !bucketHost.MatchString(host) || strings.Contains(host, ".s3-website") {
			return refuse(ErrInvalid, "The parameter Origin DomainName does not refer to a valid S3 bucket.")
		}
		read = o.S3.ReadTimeout
	} else {
		if err := o.Custom.validate(); err != nil {
			return err
		}
		read = o.Custom.ReadTimeout
	}
	if read < 1 || read > 120 {
		return refuse(ErrInvalidReadTimeout, "The parameter OriginReadTimeout must be 1 to 120 seconds.")
	}
	if t := o.ResponseCompletionTimeout; t != 0 && t < read {
		return refuse(ErrInvalid, "The parameter ResponseCompletionTimeout must not be less than OriginReadTimeout.")
	}
	return o.validateHeaders()
}

func (o *CustomOriginConfig) validate() error {
	for _, port := range []int{o.HTTPPort, o.HTTPSPort} {
		if port != 80 && port != 443 && (port < 1024 || port > 65535) {
			return refuse(ErrInvalid, "The parameter HTTPPort or HTTPSPort %d must be 80, 443 or 1024 to 65535.", port)
		}
	}
	if !oneOf(o.ProtocolPolicy, "http-only", "https-only", "match-viewer") {
		return invalidValue("OriginProtocolPolicy", o.ProtocolPolicy)
	}
	if o.KeepAliveTimeout < 1 || o.KeepAliveTimeout > 120 {
		return refuse(ErrInvalidKeepAlive, "The parameter OriginKeepaliveTimeout must be 1 to 120 seconds.")
	}
	if len(o.TLSProtocols) == 0 {
		return refuse(ErrInvalidProtocolSettings, "The parameter OriginSslProtocols is empty.")
	}
	for i, p := range o.TLSProtocols {
		switch {
		case p == "SSLv3":
			return unsupported("OriginSslProtocols SSLv3")
		case !oneOf(p, originTLS...):
			return invalidValue("OriginSslProtocols", p)
		case slices.Contains(o.TLSProtocols[:i], p):
			return refuse(ErrInvalid, "The parameter OriginSslProtocols contains %s twice.", p)
		}
	}
	// One range of versions is what a TLS client offers.
	if o.offers("TLSv1") && o.offers("TLSv1.2") && !o.offers("TLSv1.1") {
		return unsupported("OriginSslProtocols with TLSv1 and TLSv1.2 but not TLSv1.1")
	}
	return nil
}

// originTLS are the versions that origins may be asked for, in ascending order.
var originTLS = []string{"TLSv1", "TLSv1.1", "TLSv1.2"}

func (o *CustomOriginConfig) offers(version string) bool {
	return slices.Contains(o.TLSProtocols, version)
}

// reservedHeaders cannot be added to origin requests, nor can any name that
// begins with X-Amz- or X-Edge-.
//
// Source: CloudFront Developer Guide, "Custom headers that CloudFront can't add
// to origin requests".
var reservedHeaders = []string{
	"cache-control", "connection", "content-length", "cookie", "host", "if-match", "if-modified-since",
	"if-none-match", "if-range", "if-unmodified-since", "max-forwards", "pragma", "proxy-authorization",
	"proxy-connection", "range", "request-range", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-real-ip",
}

func (o *OriginConfig) validateHeaders() error {
	if len(o.Headers) > maxOriginFields {
		return refuse(ErrTooManyOriginHeaders, "An origin has at most %d custom headers.", maxOriginFields)
	}
	total := 0
	seen := make(map[string]bool)
	for _, h := range o.Headers {
		name := strings.ToLower(h.Name)
		total += len(h.Name) + len(h.Value)
		switch {
		case !token.MatchString(h.Name) || len(h.Name) > 256:
			return refuse(ErrInvalid, "The parameter HeaderName is not a header name of at most 256 characters.")
		case len(h.Value) > 1783 || hasControl(h.Value):
			return refuse(ErrInvalid, "The value of header %s is too long or holds control characters.", h.Name)
		case seen[name]:
			return refuse(ErrInvalid, "The parameter HeaderName contains %s twice.", h.Name)
		case slices.Contains(reservedHeaders, name), strings.HasPrefix(name, "x-amz-"), strings.HasPrefix(name, "x-edge-"):
			return refuse(ErrInvalid, "The parameter HeaderName %s is not allowed.", h.Name)
		}
		seen[name] = true
	}
	if total > 10240 {
		return refuse(ErrTooManyOriginHeaders, "The custom headers of an origin have at most 10240 characters together.")
	}
	return nil
}

func (c *DistributionConfig) validateBehavior(q *Quotas, name string, b *BehaviorConfig) error {
	origins, _ := c.target(b.TargetOriginID)
	if len(origins) == 0 {
		return refuse(ErrNoOrigin, "One or more of your origins or origin groups do not exist: %s.TargetOriginId %q.", name, b.TargetOriginID)
	}
	if !oneOf(b.ViewerProtocolPolicy, "allow-all", "https-only", "redirect-to-https") {
		return invalidValue(name+".ViewerProtocolPolicy", b.ViewerProtocolPolicy)
	}
	allowed, cached := methodSet(b.AllowedMethods), methodSet(b.CachedMethods)
	if allowed != readMethods && allowed != readMethods|MethodOptions && allowed != allMethods {
		return refuse(ErrInvalid, "The parameter %s.AllowedMethods must be GET and HEAD; or these and OPTIONS; or all seven.", name)
	}
	if cached != readMethods && cached != readMethods|MethodOptions || cached&^allowed != 0 {
		return refuse(ErrInvalid, "The parameter %s.CachedMethods must be GET and HEAD, or these and OPTIONS, and be allowed.", name)
	}
	if len(origins) > 1 && allowed&^safeMethods != 0 {
		return refuse(ErrInvalid, "The parameter %s.AllowedMethods cannot include POST, PUT, PATCH, or DELETE for a cache behavior with an origin group associated to it.", name)
	}
	if err := b.validateTrust(q, name); err != nil {
		return err
	}
	if err := b.validateFunctions(name); err != nil {
		return err
	}
	if b.CachePolicyID != "" {
		if b.ForwardedValues != nil || b.MinTTL != nil || b.DefaultTTL != nil || b.MaxTTL != nil {
			return refuse(ErrInvalid, "The parameter %s.ForwardedValues and the TTLs cannot be used together with CachePolicyId.", name)
		}
		return nil
	}
	if b.OriginRequestPolicyID != "" {
		return refuse(ErrInvalid, "The parameter %s.OriginRequestPolicyId needs a CachePolicyId.", name)
	}
	if b.ForwardedValues == nil {
		return refuse(ErrInvalid, "The parameter %s.ForwardedValues or CachePolicyId is required.", name)
	}
	if err := validateTTLs(*b.MinTTL, *b.DefaultTTL, *b.MaxTTL); err != nil {
		return err
	}
	bucket := slices.ContainsFunc(origins, func(o *OriginConfig) bool { return o.S3 != nil })
	return b.ForwardedValues.validate(name, bucket)
}

func (b *BehaviorConfig) validateTrust(q *Quotas, name string) error {
	t := &b.TrustedKeyGroups
	switch {
	case t.Enabled != (len(t.Items) > 0):
		return refuse(ErrInvalid, "The parameter %s.TrustedKeyGroups must be enabled exactly if it has items.", name)
	case len(t.Items) > q.KeyGroupsPerBehavior:
		return refuse(ErrTooManyKeyGroupsInBehavior, "A cache behavior trusts at most %d key groups.", q.KeyGroupsPerBehavior)
	case duplicate(t.Items) != "":
		return refuse(ErrInvalid, "The parameter %s.TrustedKeyGroups contains %s twice.", name, duplicate(t.Items))
	}
	return nil
}

func validateTTLs(low, standard, high int64) error {
	if low < 0 || standard < 0 || high < 0 || max(low, standard, high) > maxTTLSeconds {
		return refuse(ErrInvalid, "The parameters MinTTL, DefaultTTL and MaxTTL must be 0 to %d seconds.", int64(maxTTLSeconds))
	}
	if low > standard || standard > high {
		return refuse(ErrTTLOrder, "The TTLs must be ordered: MinTTL, DefaultTTL, MaxTTL.")
	}
	return nil
}

func (f *ForwardedValues) validate(name string, s3 bool) error {
	if !oneOf(f.Cookies, "none", "whitelist", "all") {
		return invalidValue(name+".ForwardedValues.Cookies.Forward", f.Cookies)
	}
	if (f.Cookies == "whitelist") != (len(f.CookieNames) > 0) {
		return refuse(ErrInvalidForwardCookies, "The parameter %s.ForwardedValues.Cookies needs WhitelistedNames exactly if Forward is whitelist.", name)
	}
	if len(f.QueryKeys) > 0 && !f.QueryString {
		return refuse(ErrInvalidQueryParameters, "The parameter %s.ForwardedValues.QueryStringCacheKeys needs QueryString.", name)
	}
	for _, list := range []struct {
		names []string
		kind  error
		what  string
	}{
		{f.CookieNames, ErrTooManyForwardedCookies, "cookies"},
		{f.Headers, ErrTooManyForwardedHeaders, "headers"},
		{f.QueryKeys, ErrTooManyForwardedQuery, "query string parameters"},
	} {
		if len(list.names) > maxLegacyNames {
			return refuse(list.kind, "The parameter %s.ForwardedValues lists more than %d %s.", name, maxLegacyNames, list.what)
		}
		if d := duplicate(list.names); d != "" {
			return refuse(ErrInvalid, "The parameter %s.ForwardedValues contains %s twice.", name, d)
		}
		for _, n := range list.names {
			if n == "" || len(n) > 128 || hasControl(n) {
				return refuse(ErrInvalid, "The parameter %s.ForwardedValues contains an invalid name.", name)
			}
		}
	}
	for _, h := range f.Headers {
		if h == "*" && len(f.Headers) > 1 || !token.MatchString(h) {
			return invalidValue(name+".ForwardedValues.Headers", h)
		}
		if s3 && (h == "*" || strings.EqualFold(h, "Host")) {
			return refuse(ErrInvalidS3Headers, "The header %s cannot be forwarded to an Amazon S3 origin.", h)
		}
		if err := keyableHeader(h); err != nil {
			return err
		}
	}
	return nil
}

// keyableHeader refuses headers that only the edge could make, but does not, and
// those of viewers that it never passes on.
func keyableHeader(name string) error {
	switch l := strings.ToLower(name); {
	case unheard(l):
		return invalidValue("Headers", name)
	case strings.HasPrefix(l, edgeHeaderPrefix) && !edgeHeader(l):
		return unsupported("Headers " + name)
	}
	return nil
}

// unheard are headers, named in lower case, that no origin hears from a viewer.
//
// Source: CloudFront Developer Guide, "HTTP request headers and CloudFront
// behavior".
func unheard(lower string) bool {
	return oneOf(lower, "connection", "content-length", "cookie", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
		"x-amz-cf-id", "x-forwarded-proto", "x-real-ip") || strings.HasPrefix(lower, "proxy-") || strings.HasPrefix(lower, "x-edge-")
}

const (
	readMethods = MethodGet | MethodHead
	allMethods  = readMethods | MethodOptions | MethodPut | MethodPatch | MethodPost | MethodDelete
)

// methodSet is the set of names, or 0 if one is unknown or stands twice.
func methodSet(names []string) Methods {
	var set Methods
	for _, n := range names {
		m := MethodOf(n)
		if m == 0 || set&m != 0 {
			return 0
		}
		set |= m
	}
	return set
}

func invalidValue(member, value string) error {
	return refuse(ErrInvalid, "The parameter %s has the invalid value %.256q.", member, value)
}

func oneOf(s string, values ...string) bool { return slices.Contains(values, s) }

// duplicate returns an element that stands twice in list, or "".
func duplicate(list []string) string {
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if seen[s] {
			return s
		}
		seen[s] = true
	}
	return ""
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
