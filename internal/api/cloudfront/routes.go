package cloudfront

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one operation: its name, method and path (below the version; {…} is one
// segment), and the query that tells it from others at the same path.
type route struct {
	operation    string
	method, path string
	query, value string // the query parameter that must be there; with which value, if not ""
	handle       func(d *Door, c *call) (*answer, error)
}

// The routes, in the order of the API reference's resources. Of two that fit,
// the first is meant.
var routes = []route{
	{"CreatePublicKey", http.MethodPost, "/public-key", "", "", (*Door).createPublicKey},
	{"ListPublicKeys", http.MethodGet, "/public-key", "", "", (*Door).listPublicKeys},
	{"GetPublicKey", http.MethodGet, "/public-key/{Id}", "", "", (*Door).getPublicKey},
	{"GetPublicKeyConfig", http.MethodGet, "/public-key/{Id}/config", "", "", (*Door).getPublicKeyConfig},
	{"UpdatePublicKey", http.MethodPut, "/public-key/{Id}/config", "", "", (*Door).updatePublicKey},
	{"DeletePublicKey", http.MethodDelete, "/public-key/{Id}", "", "", (*Door).deletePublicKey},

	{"CreateKeyGroup", http.MethodPost, "/key-group", "", "", (*Door).createKeyGroup},
	{"ListKeyGroups", http.MethodGet, "/key-group", "", "", (*Door).listKeyGroups},
	{"GetKeyGroup", http.MethodGet, "/key-group/{Id}", "", "", (*Door).getKeyGroup},
	{"GetKeyGroupConfig", http.MethodGet, "/key-group/{Id}/config", "", "", (*Door).getKeyGroupConfig},
	{"UpdateKeyGroup", http.MethodPut, "/key-group/{Id}", "", "", (*Door).updateKeyGroup},
	{"DeleteKeyGroup", http.MethodDelete, "/key-group/{Id}", "", "", (*Door).deleteKeyGroup},
	{"ListDistributionsByKeyGroup", http.MethodGet, "/distributionsByKeyGroupId/{KeyGroupId}", "", "", (*Door).listDistributionsByKeyGroup},

	{"CreateDistributionWithTags", http.MethodPost, "/distribution", "WithTags", "", (*Door).createDistributionWithTags},
	{"CreateDistribution", http.MethodPost, "/distribution", "", "", (*Door).createDistribution},
	{"ListDistributions", http.MethodGet, "/distribution", "", "", (*Door).listDistributions},
	{"GetDistribution", http.MethodGet, "/distribution/{Id}", "", "", (*Door).getDistribution},
	{"GetDistributionConfig", http.MethodGet, "/distribution/{Id}/config", "", "", (*Door).getDistributionConfig},
	{"UpdateDistribution", http.MethodPut, "/distribution/{Id}/config", "", "", (*Door).updateDistribution},
	{"DeleteDistribution", http.MethodDelete, "/distribution/{Id}", "", "", (*Door).deleteDistribution},
	{"AssociateAlias", http.MethodPut, "/distribution/{TargetDistributionId}/associate-alias", "", "", (*Door).associateAlias},
	{"ListConflictingAliases", http.MethodGet, "/conflicting-alias", "", "", (*Door).listConflictingAliases},

	{"CreateInvalidation", http.MethodPost, "/distribution/{DistributionId}/invalidation", "", "", (*Door).createInvalidation},
	{"ListInvalidations", http.MethodGet, "/distribution/{DistributionId}/invalidation", "", "", (*Door).listInvalidations},
	{"GetInvalidation", http.MethodGet, "/distribution/{DistributionId}/invalidation/{Id}", "", "", (*Door).getInvalidation},

	{"ListTagsForResource", http.MethodGet, "/tagging", "", "", (*Door).listTags},
	{"TagResource", http.MethodPost, "/tagging", "Operation", "Tag", (*Door).tagResource},
	{"UntagResource", http.MethodPost, "/tagging", "Operation", "Untag", (*Door).untagResource},

	{"CreateOriginAccessControl", http.MethodPost, "/origin-access-control", "", "", (*Door).createAccessControl},
	{"ListOriginAccessControls", http.MethodGet, "/origin-access-control", "", "", (*Door).listAccessControls},
	{"GetOriginAccessControl", http.MethodGet, "/origin-access-control/{Id}", "", "", (*Door).getAccessControl},
	{"GetOriginAccessControlConfig", http.MethodGet, "/origin-access-control/{Id}/config", "", "", (*Door).getAccessControlConfig},
	{"UpdateOriginAccessControl", http.MethodPut, "/origin-access-control/{Id}/config", "", "", (*Door).updateAccessControl},
	{"DeleteOriginAccessControl", http.MethodDelete, "/origin-access-control/{Id}", "", "", (*Door).deleteAccessControl},

	{"CreateCloudFrontOriginAccessIdentity", http.MethodPost, "/origin-access-identity/cloudfront", "", "", (*Door).createAccessIdentity},
	{"ListCloudFrontOriginAccessIdentities", http.MethodGet, "/origin-access-identity/cloudfront", "", "", (*Door).listAccessIdentities},
	{"GetCloudFrontOriginAccessIdentity", http.MethodGet, "/origin-access-identity/cloudfront/{Id}", "", "", (*Door).getAccessIdentity},
	{"GetCloudFrontOriginAccessIdentityConfig", http.MethodGet, "/origin-access-identity/cloudfront/{Id}/config", "", "", (*Door).getAccessIdentityConfig},
	{"UpdateCloudFrontOriginAccessIdentity", http.MethodPut, "/origin-access-identity/cloudfront/{Id}/config", "", "", (*Door).updateAccessIdentity},
	{"DeleteCloudFrontOriginAccessIdentity", http.MethodDelete, "/origin-access-identity/cloudfront/{Id}", "", "", (*Door).deleteAccessIdentity},

	{"CreateCachePolicy", http.MethodPost, "/cache-policy", "", "", cachePolicies.create},
	{"ListCachePolicies", http.MethodGet, "/cache-policy", "", "", cachePolicies.list},
	{"GetCachePolicy", http.MethodGet, "/cache-policy/{Id}", "", "", cachePolicies.get},
	{"GetCachePolicyConfig", http.MethodGet, "/cache-policy/{Id}/config", "", "", cachePolicies.getConfig},
	{"UpdateCachePolicy", http.MethodPut, "/cache-policy/{Id}", "", "", cachePolicies.update},
	{"DeleteCachePolicy", http.MethodDelete, "/cache-policy/{Id}", "", "", cachePolicies.delete},
	{"ListDistributionsByCachePolicyId", http.MethodGet, "/distributionsByCachePolicyId/{CachePolicyId}", "", "", cachePolicies.distributions},

	{"CreateOriginRequestPolicy", http.MethodPost, "/origin-request-policy", "", "", originRequestPolicies.create},
	{"ListOriginRequestPolicies", http.MethodGet, "/origin-request-policy", "", "", originRequestPolicies.list},
	{"GetOriginRequestPolicy", http.MethodGet, "/origin-request-policy/{Id}", "", "", originRequestPolicies.get},
	{"GetOriginRequestPolicyConfig", http.MethodGet, "/origin-request-policy/{Id}/config", "", "", originRequestPolicies.getConfig},
	{"UpdateOriginRequestPolicy", http.MethodPut, "/origin-request-policy/{Id}", "", "", originRequestPolicies.update},
	{"DeleteOriginRequestPolicy", http.MethodDelete, "/origin-request-policy/{Id}", "", "", originRequestPolicies.delete},
	{"ListDistributionsByOriginRequestPolicyId", http.MethodGet, "/distributionsByOriginRequestPolicyId/{OriginRequestPolicyId}", "", "", originRequestPolicies.distributions},

	{"CreateFunction", http.MethodPost, "/function", "", "", (*Door).createFunction},
	{"ListFunctions", http.MethodGet, "/function", "", "", (*Door).listFunctions},
	{"GetFunction", http.MethodGet, "/function/{Name}", "", "", (*Door).getFunction},
	{"UpdateFunction", http.MethodPut, "/function/{Name}", "", "", (*Door).updateFunction},
	{"DeleteFunction", http.MethodDelete, "/function/{Name}", "", "", (*Door).deleteFunction},
	{"DescribeFunction", http.MethodGet, "/function/{Name}/describe", "", "", (*Door).describeFunction},
	{"PublishFunction", http.MethodPost, "/function/{Name}/publish", "", "", (*Door).publishFunction},
	{"TestFunction", http.MethodPost, "/function/{Name}/test", "", "", (*Door).testFunction},

	{"CreateKeyValueStore", http.MethodPost, "/key-value-store", "", "", (*Door).createStore},
	{"ListKeyValueStores", http.MethodGet, "/key-value-store", "", "", (*Door).listStores},
	{"DescribeKeyValueStore", http.MethodGet, "/key-value-store/{Name}", "", "", (*Door).describeStore},
	{"UpdateKeyValueStore", http.MethodPut, "/key-value-store/{Name}", "", "", (*Door).updateStore},
	{"DeleteKeyValueStore", http.MethodDelete, "/key-value-store/{Name}", "", "", (*Door).deleteStore},

	{"CreateResponseHeadersPolicy", http.MethodPost, "/response-headers-policy", "", "", responseHeadersPolicies.create},
	{"ListResponseHeadersPolicies", http.MethodGet, "/response-headers-policy", "", "", responseHeadersPolicies.list},
	{"GetResponseHeadersPolicy", http.MethodGet, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.get},
	{"GetResponseHeadersPolicyConfig", http.MethodGet, "/response-headers-policy/{Id}/config", "", "", responseHeadersPolicies.getConfig},
	{"UpdateResponseHeadersPolicy", http.MethodPut, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.update},
	{"DeleteResponseHeadersPolicy", http.MethodDelete, "/response-headers-policy/{Id}", "", "", responseHeadersPolicies.delete},
	{"ListDistributionsByResponseHeadersPolicyId", http.MethodGet, "/distributionsByResponseHeadersPolicyId/{ResponseHeadersPolicyId}", "", "", responseHeadersPolicies.distributions},
}

// match finds the route of a request and the variables in its path.
func match(method string, u *url.URL) (*route, []string, error) {
	path, ok := strings.CutPrefix(u.EscapedPath(), version)
	if !ok {
		return nil, nil, unsupportedOperation(method + " of this path")
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
			return nil, nil, unsupportedOperation(r.operation)
		}
	}
	return nil, nil, unsupportedOperation(method + " of this path")
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
