package delivery

import "strings"

// OriginRequestPolicyConfig is an origin request policy as its owner writes it.
type OriginRequestPolicyConfig struct {
	Name    string
	Comment string
	// Headers has two modes beside those of Names: allViewer, and
	// allViewerAndWhitelistCloudFront, whose names are headers of the edge.
	// The mode all is not among its modes.
	Headers              Names
	Cookies, QueryString Names
}

// NewOriginRequestPolicyConfig returns the configuration of an empty document.
func NewOriginRequestPolicyConfig() OriginRequestPolicyConfig {
	return OriginRequestPolicyConfig{Headers: Names{Mode: "none"}, Cookies: Names{Mode: "none"}, QueryString: Names{Mode: "none"}}
}

var originRequestPolicies = &policySort[OriginRequestPolicyConfig]{
	kind: kindOriginRequest, noun: "OriginRequestPolicy", managed: managedOriginRequests,
	name:   func(c *OriginRequestPolicyConfig) string { return c.Name },
	accept: (*OriginRequestPolicyConfig).check,
	supported: func(p *OriginRequestPolicy) error {
		return madeHeaders("OriginRequestPolicyId "+p.Config.Name, &p.Config.Headers)
	},
	quota:   func(q *Quotas) int { return q.OriginRequestPolicies },
	missing: ErrNoOriginRequestPolicy, taken: ErrOriginRequestPolicyExists,
	inUse: ErrOriginRequestPolicyInUse, tooMany: ErrTooManyOriginRequestPolicies,
}

// managedOriginRequests are AWS's own.
//
// Source: CloudFront Developer Guide, "Use managed origin request policies".
var managedOriginRequests = func() map[string]*OriginRequestPolicy {
	all, none := Names{Mode: "all"}, Names{Mode: "none"}
	list := func(names ...string) Names { return Names{"whitelist", names} }
	m := make(map[string]*OriginRequestPolicy)
	add := func(id, name, comment string, headers, cookies, query Names) {
		m[id] = manage(id, OriginRequestPolicyConfig{
			Name: "Managed-" + name, Comment: comment, Headers: headers, Cookies: cookies, QueryString: query,
		})
	}
	add("216adef6-5c7f-47e4-b989-5492eafa07d3", "AllViewer",
		"Policy to forward all parameters in viewer requests", Names{Mode: "allViewer"}, all, all)
	add("b689b0a8-53d0-40ab-baf2-68738e2966ac", "AllViewerExceptHostHeader",
		"Policy to forward all parameters in viewer requests except for the Host header", Names{"allExcept", []string{"host"}}, all, all)
	add("33f36d7e-f396-46d9-90e0-52428a34d9dc", "AllViewerAndCloudFrontHeaders-2022-06",
		"Policy to forward all parameters in viewer requests and all CloudFront headers that were released through June 2022",
		Names{"allViewerAndWhitelistCloudFront", []string{
			"CloudFront-Forwarded-Proto", "CloudFront-Is-Android-Viewer", "CloudFront-Is-Desktop-Viewer", "CloudFront-Is-IOS-Viewer",
			"CloudFront-Is-Mobile-Viewer", "CloudFront-Is-SmartTV-Viewer", "CloudFront-Is-Tablet-Viewer", "CloudFront-Viewer-Address",
			"CloudFront-Viewer-ASN", "CloudFront-Viewer-City", "CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Name",
			"CloudFront-Viewer-Country-Region", "CloudFront-Viewer-Country-Region-Name", "CloudFront-Viewer-Http-Version",
			"CloudFront-Viewer-Latitude", "CloudFront-Viewer-Longitude", "CloudFront-Viewer-Metro-Code", "CloudFront-Viewer-Postal-Code",
			"CloudFront-Viewer-Time-Zone", "CloudFront-Viewer-TLS",
		}}, all, all)
	add("59781a5b-3903-41f3-afcb-af62929ccde1", "CORS-CustomOrigin",
		"Policy for CORS when the origin is a custom origin", list("origin"), none, none)
	add("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", "CORS-S3Origin", "Policy for CORS when the origin is an S3 bucket",
		list("origin", "access-control-request-headers", "access-control-request-method"), none, none)
	add("acba4595-bd28-49b8-b9fe-13317c0390fa", "UserAgentRefererHeaders",
		"Policy to forward user-agent and referer headers to origin", list("user-agent", "referer"), none, none)
	add("bf0718e1-ba1e-49d1-88b1-f726733018ae", "HostHeaderOnly", "Policy to forward the Host header to origin", list("host"), none, none)
	add("775133bc-15f2-49f9-abea-afb2e0bf67d2", "Elemental-MediaTailor-PersonalizedManifests", "Policy for Elemental MediaTailor Origin",
		list("origin", "access-control-request-headers", "access-control-request-method", "user-agent", "x-forwarded-for"), none, all)
	return m
}()

// edgeHeaderPrefix begins, in lower case, the names of the headers that the edge makes.
const edgeHeaderPrefix = "cloudfront-"

// edgeHeader reports whether the edge can make a header, named in lower case.
func edgeHeader(lower string) bool {
	return oneOf(lower, "cloudfront-forwarded-proto", "cloudfront-viewer-address", "cloudfront-viewer-http-version", "cloudfront-viewer-tls")
}

func (c *OriginRequestPolicyConfig) check(q *Quotas) error {
	if err := checkPolicyText(c.Name, c.Comment); err != nil {
		return err
	}
	if !oneOf(c.Headers.Mode, "none", "whitelist", "allViewer", "allViewerAndWhitelistCloudFront", "allExcept") {
		return invalidValue("HeaderBehavior", c.Headers.Mode)
	}
	for _, n := range []policyNames{
		{"HeaderBehavior", c.Headers, ErrTooManyOriginRequestHeaders},
		{"CookieBehavior", c.Cookies, ErrTooManyOriginRequestCookies},
		{"QueryStringBehavior", c.QueryString, ErrTooManyOriginRequestQuery},
	} {
		if err := n.check(q); err != nil {
			return err
		}
	}
	for _, h := range c.Headers.Items {
		name := strings.ToLower(h)
		made := strings.HasPrefix(name, edgeHeaderPrefix)
		switch {
		// Authorization changes answers: only a cache policy may name it.
		case !token.MatchString(h), c.Headers.Mode != "allExcept" && name == "authorization",
			oneOf(name, "accept-encoding", "expect", "via"), c.Headers.Mode != "allExcept" && unheard(name),
			c.Headers.Mode == "allViewerAndWhitelistCloudFront" && !made:
			return invalidValue("Headers", h)
		case made && c.Headers.Mode != "allExcept" && !edgeHeader(name):
			return unsupported("Headers " + h)
		}
	}
	return nil
}

// applyOriginRequests adds to what reaches the origin of a behaviour.
func applyOriginRequests(p *OriginRequestPolicy, out *Behavior) {
	c := &p.Config
	items := lower(c.Headers.Items)
	var headers Selection
	switch c.Headers.Mode {
	case "allViewer":
		headers.Mode = SelectAll
	case "allViewerAndWhitelistCloudFront":
		headers.Mode, out.Forward.EdgeHeaders = SelectAll, items
	case "allExcept":
		headers = NewSelection(SelectAllExcept, false, items...)
	case "whitelist":
		for _, h := range items {
			if strings.HasPrefix(h, edgeHeaderPrefix) {
				out.Forward.EdgeHeaders = append(out.Forward.EdgeHeaders, h)
			}
		}
		headers = NewSelection(SelectWhitelist, false, items...)
	}
	query := c.QueryString.selection(false)
	// A bucket would let viewers choose the headers of its answers by these.
	// Source: CloudFront Developer Guide, "Use managed origin request policies".
	bucket := out.Origin.S3 || out.Failover != nil && out.Failover.Origin.S3
	if p.Managed && query.Mode == SelectAll && bucket {
		query = NewSelection(SelectAllExcept, false, "response-content-type", "response-content-disposition", "response-content-encoding")
	}
	f := &out.Forward
	f.Headers, f.Query, f.Cookies = union(f.Headers, headers), union(f.Query, query), union(f.Cookies, c.Cookies.selection(true))
}
