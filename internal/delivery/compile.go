package delivery

import (
	"crypto/tls"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/signedurl"
)

// compileLocked turns a stored distribution, which was validated, into what the
// edge consumes. Should a reference dangle all the same, the result errs on
// the closed side: no keys, no cache, no signature.
func (s *Service) compileLocked(d *DistributionInfo) *Distribution {
	c := &d.Config
	out := &Distribution{
		ID:                DistributionID(d.ID),
		ARN:               d.ARN(),
		Account:           d.Account,
		DomainName:        d.Label + "." + s.cfg.EdgeDomain,
		Aliases:           c.Aliases,
		Enabled:           c.Enabled,
		DefaultRootObject: c.DefaultRootObject,
		HTTP2:             c.HTTPVersion == "http2" || c.HTTPVersion == "http2and3",
		HTTP3:             c.HTTPVersion == "http3" || c.HTTPVersion == "http2and3",
		Certificate:       c.ViewerCertificate.compile(),
		IPv6:              c.IPv6,
		Origins:           make(map[string]*Origin, len(c.Origins)),
		Errors:            make(map[int]ErrorResponse, len(c.CustomErrors)),
	}
	if bucket, ok := c.Logging.bucket(); ok && c.Logging.Enabled {
		out.Logging = &Logging{Bucket: bucket, Prefix: c.Logging.Prefix, Cookies: c.Logging.IncludeCookies}
	}
	for i := range c.Origins {
		out.Origins[c.Origins[i].ID] = s.compileOriginLocked(d, &c.Origins[i])
	}
	for _, e := range c.CustomErrors {
		status, _ := strconv.Atoi(e.ResponseCode)
		out.Errors[e.ErrorCode] = ErrorResponse{PagePath: e.PagePath, Status: status, MinTTL: seconds(e.MinTTL)}
	}
	for _, b := range c.behaviors() {
		out.Behaviors = append(out.Behaviors, s.compileBehaviorLocked(d, out, b))
	}
	return out
}

func (s *Service) compileOriginLocked(d *DistributionInfo, o *OriginConfig) *Origin {
	out := &Origin{
		ID:                o.ID,
		DomainName:        strings.ToLower(o.DomainName),
		Path:              o.Path,
		Headers:           o.Headers,
		HTTPPort:          80,
		HTTPSPort:         443,
		TLSMin:            tls.VersionTLS12,
		TLSMax:            tls.VersionTLS13,
		KeepAlive:         seconds(int64(NewCustomOriginConfig().KeepAliveTimeout)),
		ConnectTimeout:    seconds(int64(o.ConnectionTimeout)),
		Attempts:          o.ConnectionAttempts,
		CompletionTimeout: seconds(int64(o.ResponseCompletionTimeout)),
	}
	if o.S3 != nil {
		out.S3, out.ReadTimeout = true, seconds(int64(o.S3.ReadTimeout))
		if id, ok := strings.CutPrefix(o.S3.AccessIdentity, identityPrefix); ok {
			out.Access.IdentityID = id
			if identity, ok := s.shelves[kindIdentity][d.Account][id].(*AccessIdentity); ok {
				out.Access.CanonicalUserID = identity.CanonicalUserID
			}
		}
	}
	if u := o.Custom; u != nil {
		out.HTTPPort, out.HTTPSPort = u.HTTPPort, u.HTTPSPort
		out.ReadTimeout, out.KeepAlive = seconds(int64(u.ReadTimeout)), seconds(int64(u.KeepAliveTimeout))
		switch u.ProtocolPolicy {
		case "http-only":
			out.Protocol = OriginHTTPOnly
		case "https-only":
			out.Protocol = OriginHTTPSOnly
		}
		out.TLSMin, out.TLSMax = u.tlsRange()
	}
	if control, ok := s.shelves[kindControl][d.Account][o.AccessControlID].(*AccessControl); ok {
		out.Access.ControlID, out.Access.Type = control.ID, control.Config.OriginType
		switch control.Config.SigningBehavior {
		case "always":
			out.Access.Signing = SignAlways
		case "no-override":
			out.Access.Signing = SignNoOverride
		}
	}
	return out
}

// tlsRange is the crypto/tls range of versions to offer. Whoever takes TLS 1.2
// is offered 1.3 as well.
func (o *CustomOriginConfig) tlsRange() (low, high uint16) {
	versions := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12}
	for i, name := range originTLS {
		if o.offers(name) {
			if low == 0 {
				low = versions[i]
			}
			high = versions[i]
		}
	}
	if high == tls.VersionTLS12 {
		high = tls.VersionTLS13
	}
	return low, high
}

func (s *Service) compileBehaviorLocked(d *DistributionInfo, out *Distribution, b *BehaviorConfig) *Behavior {
	pattern := b.PathPattern
	if b == &d.Config.DefaultBehavior {
		pattern = "*"
	}
	behavior := &Behavior{
		Pattern:    CompilePattern(pattern),
		Index:      len(out.Behaviors),
		Allowed:    methodSet(b.AllowedMethods),
		Cached:     methodSet(b.CachedMethods),
		Compress:   b.Compress,
		Restricted: b.TrustedKeyGroups.Enabled,
	}
	if origins, statuses := d.Config.target(b.TargetOriginID); len(origins) > 0 {
		behavior.Origin = out.Origins[origins[0].ID]
		if len(origins) > 1 {
			behavior.Failover = &Failover{Origin: out.Origins[origins[1].ID], Statuses: statuses}
		}
	}
	switch b.ViewerProtocolPolicy {
	case "redirect-to-https":
		behavior.ViewerProtocol = RedirectToHTTPS
	case "https-only":
		behavior.ViewerProtocol = HTTPSOnly
	}
	if behavior.Restricted {
		behavior.Keys = s.trustedLocked(d, b)
	}
	if b.CachePolicyID == "" {
		compileForwarded(behavior, b)
	} else {
		s.compilePolicyLocked(d, behavior, b.CachePolicyID)
	}
	if p := originRequestPolicies.compiledLocked(s, d, b.OriginRequestPolicyID); p != nil {
		applyOriginRequests(p, behavior)
	}
	if p := responseHeadersPolicies.compiledLocked(s, d, b.ResponseHeadersPolicyID); p != nil {
		behavior.Response = p.Config.Compile()
	}
	for event, f := range b.functions() {
		behavior.Functions[event] = f
	}
	return behavior
}

// trustedLocked is the union of the behaviour's key groups.
func (s *Service) trustedLocked(d *DistributionInfo, b *BehaviorConfig) signedurl.KeySet {
	keys := make(signedurl.KeySet)
	for _, id := range b.TrustedKeyGroups.Items {
		group, ok := s.shelves[kindGroup][d.Account][id].(*KeyGroup)
		if !ok {
			continue
		}
		for _, keyID := range group.Config.Keys {
			if k, ok := s.shelves[kindKey][d.Account][keyID].(*PublicKey); ok {
				keys[signedurl.KeyID(keyID)] = k.key
			}
		}
	}
	return keys
}

// compileForwarded compiles the legacy ForwardedValues: all that is forwarded
// is also cached by, but for query strings with their own list of keys.
func compileForwarded(out *Behavior, b *BehaviorConfig) {
	f := b.ForwardedValues
	out.TTL = TTL{Min: seconds(*b.MinTTL), Default: seconds(*b.DefaultTTL), Max: seconds(*b.MaxTTL)}
	// Only a cache policy can ask for br.
	out.Key.Gzip = b.Compress
	if f.QueryString {
		out.Key.Query.Mode, out.Forward.Query.Mode = SelectAll, SelectAll
		if len(f.QueryKeys) > 0 {
			out.Key.Query = NewSelection(SelectWhitelist, false, f.QueryKeys...)
		}
	}
	switch f.Cookies {
	case "all":
		out.Key.Cookies.Mode = SelectAll
	case "whitelist":
		out.Key.Cookies = NewSelection(SelectWhitelist, true, f.CookieNames...)
	}
	out.Forward.Cookies = out.Key.Cookies
	switch {
	case len(f.Headers) == 1 && f.Headers[0] == "*":
		// Every request then differs, so CloudFront does not cache at all.
		out.Forward.Headers.Mode, out.CachingDisabled = SelectAll, true
	case len(f.Headers) > 0:
		out.Key.Headers = NewSelection(SelectWhitelist, false, lower(f.Headers)...)
		out.Forward.Headers = out.Key.Headers
	}
	out.CachingDisabled = out.CachingDisabled || out.TTL == TTL{}
}

func (s *Service) compilePolicyLocked(d *DistributionInfo, out *Behavior, id string) {
	p := cachePolicies.compiledLocked(s, d, id)
	if p == nil {
		out.CachingDisabled = true
		return
	}
	c := &p.Config
	out.TTL = TTL{Min: seconds(c.MinTTL), Default: seconds(*c.DefaultTTL), Max: seconds(*c.MaxTTL)}
	out.Key = CacheKey{
		Query:   c.QueryString.selection(false),
		Headers: NewSelection(selectMode(c.Headers.Mode), false, lower(c.Headers.Items)...),
		Cookies: c.Cookies.selection(true),
		Gzip:    c.Gzip,
		Brotli:  c.Brotli,
	}
	out.Forward = Forward{Query: out.Key.Query, Headers: out.Key.Headers, Cookies: out.Key.Cookies}
	out.CachingDisabled = out.TTL == TTL{}
}

func (n Names) selection(wildcards bool) Selection {
	return NewSelection(selectMode(n.Mode), wildcards, n.Items...)
}

func selectMode(mode string) Select {
	switch mode {
	case "whitelist":
		return SelectWhitelist
	case "allExcept":
		return SelectAllExcept
	case "all":
		return SelectAll
	default:
		return SelectNone
	}
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}
