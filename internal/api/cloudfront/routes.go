package cloudfront

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one operation: method and path (below the version; {…} is one
// segment), and the query that tells it from others at the same path.
type route struct {
	method, path string
	query, value string // the query parameter that must be there; with which value, if not ""
	handle       func(d *Door, c *call) (*answer, error)
}

// The routes, in the order of the API reference's resources. Of two that fit,
// the first is meant.
var routes = []route{
	{http.MethodPost, "/public-key", "", "", (*Door).createPublicKey},
	{http.MethodGet, "/public-key", "", "", (*Door).listPublicKeys},
	{http.MethodGet, "/public-key/{Id}", "", "", (*Door).getPublicKey},
	{http.MethodGet, "/public-key/{Id}/config", "", "", (*Door).getPublicKeyConfig},
	{http.MethodPut, "/public-key/{Id}/config", "", "", (*Door).updatePublicKey},
	{http.MethodDelete, "/public-key/{Id}", "", "", (*Door).deletePublicKey},

	{http.MethodPost, "/key-group", "", "", (*Door).createKeyGroup},
	{http.MethodGet, "/key-group", "", "", (*Door).listKeyGroups},
	{http.MethodGet, "/key-group/{Id}", "", "", (*Door).getKeyGroup},
	{http.MethodGet, "/key-group/{Id}/config", "", "", (*Door).getKeyGroupConfig},
	{http.MethodPut, "/key-group/{Id}", "", "", (*Door).updateKeyGroup},
	{http.MethodDelete, "/key-group/{Id}", "", "", (*Door).deleteKeyGroup},
	{http.MethodGet, "/distributionsByKeyGroupId/{KeyGroupId}", "", "", (*Door).listDistributionsByKeyGroup},

	{http.MethodPost, "/distribution", "WithTags", "", (*Door).createDistributionWithTags},
	{http.MethodPost, "/distribution", "", "", (*Door).createDistribution},
	{http.MethodGet, "/distribution", "", "", (*Door).listDistributions},
	{http.MethodGet, "/distribution/{Id}", "", "", (*Door).getDistribution},
	{http.MethodGet, "/distribution/{Id}/config", "", "", (*Door).getDistributionConfig},
	{http.MethodPut, "/distribution/{Id}/config", "", "", (*Door).updateDistribution},
	{http.MethodDelete, "/distribution/{Id}", "", "", (*Door).deleteDistribution},

	{http.MethodPost, "/distribution/{DistributionId}/invalidation", "", "", (*Door).createInvalidation},
	{http.MethodGet, "/distribution/{DistributionId}/invalidation", "", "", (*Door).listInvalidations},
	{http.MethodGet, "/distribution/{DistributionId}/invalidation/{Id}", "", "", (*Door).getInvalidation},

	{http.MethodGet, "/tagging", "", "", (*Door).listTags},
	{http.MethodPost, "/tagging", "Operation", "Tag", (*Door).tagResource},
	{http.MethodPost, "/tagging", "Operation", "Untag", (*Door).untagResource},

	{http.MethodPost, "/origin-access-control", "", "", (*Door).createAccessControl},
	{http.MethodGet, "/origin-access-control", "", "", (*Door).listAccessControls},
	{http.MethodGet, "/origin-access-control/{Id}", "", "", (*Door).getAccessControl},
	{http.MethodGet, "/origin-access-control/{Id}/config", "", "", (*Door).getAccessControlConfig},
	{http.MethodPut, "/origin-access-control/{Id}/config", "", "", (*Door).updateAccessControl},
	{http.MethodDelete, "/origin-access-control/{Id}", "", "", (*Door).deleteAccessControl},

	{http.MethodPost, "/origin-access-identity/cloudfront", "", "", (*Door).createAccessIdentity},
	{http.MethodGet, "/origin-access-identity/cloudfront", "", "", (*Door).listAccessIdentities},
	{http.MethodGet, "/origin-access-identity/cloudfront/{Id}", "", "", (*Door).getAccessIdentity},
	{http.MethodGet, "/origin-access-identity/cloudfront/{Id}/config", "", "", (*Door).getAccessIdentityConfig},
	{http.MethodPut, "/origin-access-identity/cloudfront/{Id}/config", "", "", (*Door).updateAccessIdentity},
	{http.MethodDelete, "/origin-access-identity/cloudfront/{Id}", "", "", (*Door).deleteAccessIdentity},

	{http.MethodPost, "/cache-policy", "", "", cachePolicies.create},
	{http.MethodGet, "/cache-policy", "", "", cachePolicies.list},
	{http.MethodGet, "/cache-policy/{Id}", "", "", cachePolicies.get},
	{http.MethodGet, "/cache-policy/{Id}/config", "", "", cachePolicies.getConfig},
	{http.MethodPut, "/cache-policy/{Id}", "", "", cachePolicies.update},
	{http.MethodDelete, "/cache-policy/{Id}", "", "", cachePolicies.delete},
	{http.MethodGet, "/distributionsByCachePolicyId/{CachePolicyId}", "", "", cachePolicies.distributions},

	{http.MethodPost, "/origin-request-policy", "", "", originRequestPolicies.create},
	{http.MethodGet, "/origin-request-policy", "", "", originRequestPolicies.list},
	{http.MethodGet, "/origin-request-policy/{Id}", "", "", originRequestPolicies.get},
	{http.MethodGet, "/origin-request-policy/{Id}/config", "", "", originRequestPolicies.getConfig},
	{http.MethodPut, "/origin-request-policy/{Id}", "", "", originRequestPolicies.update},
	{http.MethodDelete, "/origin-request-policy/{Id}", "", "", originRequestPolicies.delete},
	{http.MethodGet, "/distributionsByOriginRequestPolicyId/{OriginRequestPolicyId}", "", "", originRequestPolicies.distributions},

	{http.MethodPost, "/response-headers-policy", "", "", responseHeadersPolicies.create},
	{http.MethodGet, "/response-headers-policy", "", "", responseHeadersPolicies.list},
	{http.MethodGet, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.get},
	{http.MethodGet, "/response-headers-policy/{Id}/config", "", "", responseHeadersPolicies.getConfig},
	{http.MethodPut, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.update},
	{http.MethodDelete, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.delete},
	{http.MethodGet, "/distributionsByResponseHeadersPolicyId/{ResponseHeadersPolicyId}", "", "", responseHeadersPolicies.distributions},
}

// match finds the route of a request and the variables in its path.
func match(method string, u *url.URL) (*route, []string, error) {
	path, ok := strings.CutPrefix(u.EscapedPath(), version)
	if !ok {
		return nil, nil, &unsupportedError{method + " of this path"}
	}
	path = strings.TrimSuffix(path, "/")
	query := u.Query()
	for i := range routes {
		r := &routes[i]
		if r.method != method || r.query != "" && (!query.Has(r.query) || r.value != "" && query.Get(r.query) != r.value) {
			continue
		}
		if ids, ok := matchPath(r.path, path); ok {
			return r, ids, nil
		}
	}
	for _, r := range unsupported {
		pattern, parameter, special := strings.Cut(r.path, "?")
		if r.method != method || special && !query.Has(parameter) {
			continue
		}
		if _, ok := matchPath(strings.TrimSuffix(pattern, "/"), path); ok {
			return nil, nil, &unsupportedError{r.operation}
		}
	}
	return nil, nil, &unsupportedError{method + " of this path"}
}

// matchPath compares path, still escaped, with a pattern, segment by segment.
func matchPath(pattern, path string) (ids []string, ok bool) {
	for {
		want, patternRest, more := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
		have, pathRest, moreToo := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if strings.HasPrefix(want, "{") {
			id, err := url.PathUnescape(have)
			if err != nil || id == "" {
				return nil, false
			}
			ids = append(ids, id)
		} else if want != have {
			return nil, false
		}
		if more != moreToo {
			return nil, false
		}
		if !more {
			return ids, true
		}
		pattern, path = patternRest, pathRest
	}
}
