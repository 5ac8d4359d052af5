package delivery

import (
	"math"
	"slices"
	"strings"
)

// ResponseHeadersPolicyConfig is a response headers policy as its owner writes it.
//
// Source: CloudFront API Reference, ResponseHeadersPolicyConfig.
type ResponseHeadersPolicyConfig struct {
	Name    string
	Comment string
	// What is nil was not given, and changes nothing.
	CORS         *CORSConfig
	Security     *SecurityHeadersConfig
	ServerTiming *ServerTimingConfig
	Custom       []CustomHeader
	// Remove are the names of headers that viewers do not get from the origin.
	Remove []string
}

// CORSConfig says which other origins' pages may read answers.
type CORSConfig struct {
	AllowCredentials bool
	// AllowHeaders, AllowMethods and ExposeHeaders may be empty; "*" stands for
	// all headers, "ALL" for all methods.
	AllowHeaders []string
	AllowMethods []string
	// AllowOrigins are "*", or origins with or without scheme and port, whose
	// host may begin with "*.".
	AllowOrigins  []string
	ExposeHeaders []string
	MaxAge        *int // seconds
	// Override replaces the CORS headers of the origin.
	Override bool
}

// SecurityHeadersConfig are the headers by which browsers protect pages. Each
// has an Override of its own: whether it replaces the origin's.
type SecurityHeadersConfig struct {
	XSSProtection           *XSSProtectionConfig
	FrameOptions            *FrameOptionsConfig
	ReferrerPolicy          *ReferrerPolicyConfig
	ContentSecurityPolicy   *ContentSecurityConfig
	ContentTypeOptions      *ContentTypeOptionsConfig
	StrictTransportSecurity *TransportSecurityConfig
}

// XSSProtectionConfig is X-XSS-Protection: 0 or 1, the latter with mode=block
// or with a URI to report to.
type XSSProtectionConfig struct {
	Override, Protection, ModeBlock bool
	ReportURI                       string
}

// FrameOptionsConfig is X-Frame-Options: DENY or SAMEORIGIN.
type FrameOptionsConfig struct {
	Override bool
	Option   string
}

// ReferrerPolicyConfig is Referrer-Policy.
type ReferrerPolicyConfig struct {
	Override bool
	Policy   string
}

// ContentSecurityConfig is Content-Security-Policy.
type ContentSecurityConfig struct {
	Override bool
	Policy   string
}

// ContentTypeOptionsConfig is X-Content-Type-Options: nosniff.
type ContentTypeOptionsConfig struct{ Override bool }

// TransportSecurityConfig is Strict-Transport-Security.
type TransportSecurityConfig struct {
	Override, IncludeSubdomains, Preload bool
	MaxAge                               int // seconds
}

// ServerTimingConfig adds Server-Timing to a part of the answers.
type ServerTimingConfig struct {
	Enabled bool
	// SamplingRate is that part in per cent; nil is none but where a request asks.
	SamplingRate *float64
}

// CustomHeader is any other header. Override replaces the origin's.
type CustomHeader struct {
	Name, Value string
	Override    bool
}

var responseHeadersPolicies = &policySort[ResponseHeadersPolicyConfig]{
	kind: kindResponseHeaders, noun: "ResponseHeadersPolicy", managed: managedResponseHeaders,
	name:      func(c *ResponseHeadersPolicyConfig) string { return c.Name },
	accept:    (*ResponseHeadersPolicyConfig).check,
	supported: func(*ResponseHeadersPolicy) error { return nil },
	quota:     func(q *Quotas) int { return q.ResponseHeadersPolicies },
	missing:   ErrNoResponseHeadersPolicy, taken: ErrResponseHeadersPolicyExists,
	inUse: ErrResponseHeadersPolicyInUse, tooMany: ErrTooManyResponseHeadersPolicies,
}

// managedResponseHeaders are AWS's own.
//
// Source: CloudFront Developer Guide, "Use managed response headers policies".
var managedResponseHeaders = func() map[string]*ResponseHeadersPolicy {
	simple := &CORSConfig{AllowOrigins: []string{"*"}}
	preflight := &CORSConfig{
		AllowOrigins: []string{"*"}, ExposeHeaders: []string{"*"},
		AllowMethods: []string{"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"},
	}
	security := &SecurityHeadersConfig{
		XSSProtection:           &XSSProtectionConfig{Protection: true, ModeBlock: true},
		FrameOptions:            &FrameOptionsConfig{Option: "SAMEORIGIN"},
		ReferrerPolicy:          &ReferrerPolicyConfig{Policy: "strict-origin-when-cross-origin"},
		ContentTypeOptions:      &ContentTypeOptionsConfig{Override: true},
		StrictTransportSecurity: &TransportSecurityConfig{MaxAge: 31536000},
	}
	m := make(map[string]*ResponseHeadersPolicy)
	add := func(id, name, comment string, cors *CORSConfig, security *SecurityHeadersConfig) {
		m[id] = manage(id, ResponseHeadersPolicyConfig{Name: "Managed-" + name, Comment: comment, CORS: cors, Security: security})
	}
	add("60669652-455b-4ae9-85a4-c4c02393f86c", "SimpleCORS", "Allows all origins for simple CORS requests", simple, nil)
	add("5cc3b908-e619-4b99-88e5-2cf7f45965bd", "CORS-With-Preflight",
		"Allows all origins for CORS requests, including preflight requests", preflight, nil)
	add("67f7725c-6f97-4210-82d7-5512b31e9d03", "SecurityHeadersPolicy",
		"Adds a set of security headers to every response", nil, security)
	add("e61eb60c-9c35-4d20-a928-2b84e02af89c", "CORS-and-SecurityHeadersPolicy",
		"Allows all origins for simple CORS requests and adds security headers", simple, security)
	add("eaab4381-ed33-4a86-88ca-d9558dc6cd63", "CORS-with-preflight-and-SecurityHeadersPolicy",
		"Allows all origins for CORS requests, including preflight requests, and adds security headers", preflight, security)
	return m
}()

const (
	maxHeaderNameBytes  = 256
	maxHeaderValueBytes = 1783
	// maxAddedBytes bounds names and values of all that a policy adds.
	maxAddedBytes = 10240
)

var (
	corsHeaders = []string{
		"access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
		"access-control-allow-origin", "access-control-expose-headers", "access-control-max-age",
	}
	securityHeaders = []string{
		"content-security-policy", "referrer-policy", "strict-transport-security",
		"x-content-type-options", "x-frame-options", "x-xss-protection",
	}
	// edgeOwnHeaders can be neither added nor removed, nor can names that begin
	// with x-amz-cf- or x-edge-.
	//
	// Source: CloudFront Developer Guide, "Headers that you can't remove".
	edgeOwnHeaders = []string{
		"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "proxy-authenticate",
		"proxy-authorization", "proxy-connection", "trailer", "transfer-encoding", "upgrade", "via", "warning",
		"x-accel-buffering", "x-accel-charset", "x-accel-limit-rate", "x-accel-redirect", "x-amzn-auth",
		"x-amzn-cf-billing", "x-amzn-cf-id", "x-amzn-cf-xff", "x-amzn-errortype", "x-amzn-fle-profile",
		"x-amzn-header-count", "x-amzn-header-order", "x-amzn-lambda-integration-tag", "x-amzn-requestid",
		"x-cache", "x-forwarded-proto", "x-real-ip",
	}
	referrerPolicies = []string{
		"no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin",
		"strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
	}
	corsMethods = []string{"GET", "DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
)

func (c *ResponseHeadersPolicyConfig) check(q *Quotas) error {
	if err := checkPolicyText(c.Name, c.Comment); err != nil {
		return err
	}
	if c.CORS != nil {
		if err := c.CORS.check(); err != nil {
			return err
		}
	}
	if c.Security != nil {
		if err := c.Security.check(); err != nil {
			return err
		}
	}
	if t := c.ServerTiming; t != nil && t.SamplingRate != nil {
		if rate := *t.SamplingRate; !(rate >= 0 && rate <= 100) || math.Round(rate*1e4)/1e4 != rate {
			return refuse(ErrInvalid, "The parameter SamplingRate must be 0 to 100, with at most four decimal places.")
		}
	}
	if err := c.checkCustom(q); err != nil {
		return err
	}
	if len(c.Remove) > q.HeadersPerPolicy {
		return refuse(ErrTooManyRemovedHeaders, "A response headers policy removes at most %d headers.", q.HeadersPerPolicy)
	}
	if err := checkHeaderNames("RemoveHeadersConfig", c.Remove, false); err != nil {
		return err
	}
	for _, name := range c.Remove {
		if edgeOwn(name) {
			return refuse(ErrInvalid, "The parameter RemoveHeadersConfig contains %s, which cannot be removed.", name)
		}
	}
	total := 0
	compiled := c.Compile()
	for _, list := range [][]ResponseHeader{compiled.Set, compiled.CORS.answers(), compiled.CORS.preflights()} {
		for i := range list {
			total += len(list[i].Name) + len(list[i].Values[0])
		}
	}
	if total > maxAddedBytes {
		return refuse(ErrInvalid, "The headers of a response headers policy have at most %d characters together.", maxAddedBytes)
	}
	return nil
}

func (c *ResponseHeadersPolicyConfig) checkCustom(q *Quotas) error {
	if len(c.Custom) > q.HeadersPerPolicy {
		return refuse(ErrTooManyAddedHeaders, "A response headers policy adds at most %d custom headers.", q.HeadersPerPolicy)
	}
	names := make([]string, len(c.Custom))
	for i, h := range c.Custom {
		names[i] = h.Name
		switch lower := strings.ToLower(h.Name); {
		case slices.Contains(securityHeaders, lower):
			return refuse(ErrInvalid, "The parameter CustomHeaders contains %s that is a security header and cannot be set as custom header.", h.Name)
		case slices.Contains(corsHeaders, lower):
			return refuse(ErrInvalid, "The parameter CustomHeaders contains %s that is a CORS header and cannot be set as custom header.", h.Name)
		case edgeOwn(lower):
			return refuse(ErrInvalid, "The parameter CustomHeaders contains %s, which cannot be set.", h.Name)
		case len(h.Value) > maxHeaderValueBytes || hasControl(h.Value):
			return refuse(ErrInvalid, "The value of header %.256s is too long or holds control characters.", h.Name)
		}
	}
	return checkHeaderNames("CustomHeadersConfig", names, false)
}

// edgeOwn reports whether policies must leave the header alone.
func edgeOwn(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(edgeOwnHeaders, name) || strings.HasPrefix(name, "x-amz-cf-") || strings.HasPrefix(name, "x-edge-")
}

// checkHeaderNames wants names of headers, none of them twice; with all, "*" as well.
func checkHeaderNames(member string, names []string, all bool) error {
	for _, n := range names {
		if all && n == "*" {
			continue
		}
		if !token.MatchString(n) || strings.Contains(n, "*") || len(n) > maxHeaderNameBytes {
			return invalidValue(member, n)
		}
	}
	if d := duplicate(lower(names)); d != "" {
		return refuse(ErrInvalid, "The parameter %s contains %s twice.", member, d)
	}
	return nil
}

func (c *CORSConfig) check() error {
	if len(c.AllowOrigins) == 0 {
		return refuse(ErrInvalid, "The parameter AccessControlAllowOrigins must name an origin.")
	}
	for _, o := range c.AllowOrigins {
		if _, ok := parseOriginPattern(o); !ok {
			return invalidValue("AccessControlAllowOrigins", o)
		}
	}
	for _, m := range c.AllowMethods {
		if m != "ALL" && !slices.Contains(corsMethods, m) {
			return invalidValue("AccessControlAllowMethods", m)
		}
	}
	if d := duplicate(c.AllowOrigins) + duplicate(c.AllowMethods); d != "" {
		return refuse(ErrInvalid, "The parameter CorsConfig contains %s twice.", d)
	}
	if c.MaxAge != nil && *c.MaxAge < 0 {
		return refuse(ErrInvalid, "The parameter AccessControlMaxAgeSec must not be negative.")
	}
	if err := checkHeaderNames("AccessControlAllowHeaders", c.AllowHeaders, true); err != nil {
		return err
	}
	return checkHeaderNames("AccessControlExposeHeaders", c.ExposeHeaders, true)
}

func (c *SecurityHeadersConfig) check() error {
	if x := c.XSSProtection; x != nil {
		switch {
		case x.ModeBlock && x.ReportURI != "":
			return refuse(ErrInvalid, "The parameter ReportUri cannot be used together with ModeBlock.")
		case !x.Protection && (x.ModeBlock || x.ReportURI != ""):
			return refuse(ErrInvalid, "The parameters ModeBlock and ReportUri need Protection.")
		case len(x.ReportURI) > maxHeaderValueBytes || hasControl(x.ReportURI):
			return invalidValue("ReportUri", x.ReportURI)
		}
	}
	if f := c.FrameOptions; f != nil && !oneOf(f.Option, "DENY", "SAMEORIGIN") {
		return invalidValue("FrameOption", f.Option)
	}
	if r := c.ReferrerPolicy; r != nil && !slices.Contains(referrerPolicies, r.Policy) {
		return invalidValue("ReferrerPolicy", r.Policy)
	}
	if p := c.ContentSecurityPolicy; p != nil {
		switch {
		case len(p.Policy) > maxHeaderValueBytes:
			return refuse(ErrContentSecurityTooLong, "A content security policy has at most %d characters.", maxHeaderValueBytes)
		case p.Policy == "" || hasControl(p.Policy):
			return invalidValue("ContentSecurityPolicy", p.Policy)
		}
	}
	if t := c.StrictTransportSecurity; t != nil && t.MaxAge < 0 {
		return refuse(ErrInvalid, "The parameter AccessControlMaxAgeSec must not be negative.")
	}
	return nil
}
