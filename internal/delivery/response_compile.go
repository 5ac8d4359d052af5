package delivery

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// ResponseHeaders is a response headers policy as the edge consumes it. Names
// are canonical. Nothing of it may be changed.
type ResponseHeaders struct {
	// Remove goes first.
	Remove []string
	// Set comes next. CORS and Set name no header twice.
	Set  []ResponseHeader
	CORS *CORS // nil: none
	// Timing adds Server-Timing to that many answers in a hundred, and to
	// those of requests that ask for it. Negative: to none.
	Timing float64
}

// ResponseHeader is a header that an answer gets: always with Override, else
// only if the origin did not send one.
type ResponseHeader struct {
	Name     string
	Values   []string // one
	Override bool
}

// CORS answers requests from other origins' pages.
type CORS struct {
	any      bool
	origins  []originPattern
	override bool
	// Answer goes with every answer to an allowed origin, Preflight with those
	// to its preflight requests as well.
	Answer, Preflight []ResponseHeader
	// Replaced are the headers of the policy if it overrides the origin's:
	// then the origin's own go, also where no origin is allowed.
	Replaced []string
}

const allowOrigin = "Access-Control-Allow-Origin"

func (c *CORS) answers() []ResponseHeader {
	if c == nil {
		return nil
	}
	return c.Answer
}

func (c *CORS) preflights() []ResponseHeader {
	if c == nil {
		return nil
	}
	return c.Preflight
}

// anyOriginValue is shared by all answers that every page may read.
var anyOriginValue = []string{"*"}

// Allow returns the Access-Control-Allow-Origin for an origin, and false if
// its pages may not read answers. named says that another origin would get
// another value.
func (c *CORS) Allow(origin string) (h ResponseHeader, named, ok bool) {
	if c.any {
		return ResponseHeader{allowOrigin, anyOriginValue, c.override}, false, true
	}
	for i := range c.origins {
		if c.origins[i].match(origin) {
			return ResponseHeader{allowOrigin, []string{origin}, c.override}, true, true
		}
	}
	return ResponseHeader{}, true, false
}

// originPattern matches origins: "https://*.example.org:8443". Its parts are in
// lower case; what is empty but host is not asked for.
type originPattern struct {
	scheme string // "": any
	host   string // with a leading dot: all below it
	port   string // "": none, which is the scheme's own; "*": any
}

// parseOriginPattern reads [scheme://]host[:port], or "*".
func parseOriginPattern(s string) (p originPattern, ok bool) {
	if s == "*" {
		return p, true
	}
	rest := strings.ToLower(s)
	if scheme, after, found := strings.Cut(rest, "://"); found {
		if !validScheme(scheme) {
			return p, false
		}
		p.scheme, rest = scheme, after
	}
	if host, port, found := strings.Cut(rest, ":"); found {
		if n, err := strconv.ParseUint(port, 10, 16); port != "*" && (err != nil || n == 0) {
			return p, false
		}
		rest, p.port = host, port
	}
	p.host = strings.TrimPrefix(rest, "*")
	name := p.host
	if p.host != rest {
		if name, ok = strings.CutPrefix(p.host, "."); !ok {
			return p, false
		}
	}
	return p, len(name) <= maxHostBytes && hostname.MatchString(name)
}

func validScheme(s string) bool {
	for i, c := range s {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", c)) {
			return false
		}
	}
	return s != ""
}

func (p *originPattern) match(origin string) bool {
	scheme, host, ok := strings.Cut(strings.ToLower(origin), "://")
	if !ok || p.scheme != "" && p.scheme != scheme {
		return false
	}
	host, port, _ := strings.Cut(host, ":")
	if p.port != port && p.port != "*" {
		return false
	}
	if strings.HasPrefix(p.host, ".") {
		return len(host) > len(p.host) && strings.HasSuffix(host, p.host)
	}
	return host == p.host
}

// Compile turns a policy, which was checked, into what the edge consumes.
func (c *ResponseHeadersPolicyConfig) Compile() *ResponseHeaders {
	out := &ResponseHeaders{Timing: -1}
	for _, name := range c.Remove {
		out.Remove = append(out.Remove, textproto.CanonicalMIMEHeaderKey(name))
	}
	if c.Security != nil {
		out.Set = c.Security.headers()
	}
	for _, h := range c.Custom {
		out.Set = append(out.Set, ResponseHeader{textproto.CanonicalMIMEHeaderKey(h.Name), []string{h.Value}, h.Override})
	}
	if c.CORS != nil {
		out.CORS = c.CORS.compile()
	}
	if t := c.ServerTiming; t != nil && t.Enabled {
		if out.Timing = 0; t.SamplingRate != nil {
			out.Timing = *t.SamplingRate
		}
	}
	return out
}

func (c *SecurityHeadersConfig) headers() (out []ResponseHeader) {
	add := func(override bool, name string, parts ...string) {
		out = append(out, ResponseHeader{name, []string{strings.Join(parts, "; ")}, override})
	}
	if p := c.ContentSecurityPolicy; p != nil {
		add(p.Override, "Content-Security-Policy", p.Policy)
	}
	if p := c.ReferrerPolicy; p != nil {
		add(p.Override, "Referrer-Policy", p.Policy)
	}
	if t := c.StrictTransportSecurity; t != nil {
		parts := []string{"max-age=" + strconv.Itoa(t.MaxAge)}
		if t.IncludeSubdomains {
			parts = append(parts, "includeSubDomains")
		}
		if t.Preload {
			parts = append(parts, "preload")
		}
		add(t.Override, "Strict-Transport-Security", parts...)
	}
	if o := c.ContentTypeOptions; o != nil {
		add(o.Override, "X-Content-Type-Options", "nosniff")
	}
	if o := c.FrameOptions; o != nil {
		add(o.Override, "X-Frame-Options", o.Option)
	}
	if x := c.XSSProtection; x != nil {
		switch {
		case !x.Protection:
			add(x.Override, "X-Xss-Protection", "0")
		case x.ModeBlock:
			add(x.Override, "X-Xss-Protection", "1", "mode=block")
		case x.ReportURI != "":
			add(x.Override, "X-Xss-Protection", "1", "report="+x.ReportURI)
		default:
			add(x.Override, "X-Xss-Protection", "1")
		}
	}
	return out
}

// Source: CloudFront Developer Guide, "Understand response headers policies":
// methods, headers and maximum age answer preflight requests only.
func (c *CORSConfig) compile() *CORS {
	out := &CORS{any: slices.Contains(c.AllowOrigins, "*"), override: c.Override}
	for _, o := range c.AllowOrigins {
		if p, ok := parseOriginPattern(o); ok && o != "*" {
			out.origins = append(out.origins, p)
		}
	}
	add := func(list *[]ResponseHeader, name string, values ...string) {
		if len(values) > 0 {
			*list = append(*list, ResponseHeader{name, []string{strings.Join(values, ", ")}, c.Override})
		}
	}
	if c.AllowCredentials {
		add(&out.Answer, "Access-Control-Allow-Credentials", "true")
	}
	add(&out.Answer, "Access-Control-Expose-Headers", c.ExposeHeaders...)
	methods := c.AllowMethods
	if slices.Contains(methods, "ALL") {
		methods = corsMethods
	}
	add(&out.Preflight, "Access-Control-Allow-Methods", methods...)
	add(&out.Preflight, "Access-Control-Allow-Headers", c.AllowHeaders...)
	if c.MaxAge != nil {
		add(&out.Preflight, "Access-Control-Max-Age", strconv.Itoa(*c.MaxAge))
	}
	if c.Override {
		out.Replaced = []string{allowOrigin}
		for _, h := range slices.Concat(out.Answer, out.Preflight) {
			out.Replaced = append(out.Replaced, h.Name)
		}
	}
	return out
}
