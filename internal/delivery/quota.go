package delivery

import (
	"fmt"
	"slices"
)

// Quotas bound what an account may have. Fields that are zero take the defaults of AWS.
//
// Source: CloudFront Developer Guide, "Quotas".
type Quotas struct {
	PublicKeys                   int // per account; 10
	PublicKeysPerGroup           int // 5
	KeyGroups                    int // per account; 10
	KeyGroupsPerBehavior         int // 4
	DistributionsPerKeyGroup     int // 100
	Distributions                int // per account; 500
	DistributionsPerPolicy       int // per policy of a behaviour; 100
	DistributionsPerControl      int // per origin access control; 100
	Behaviors                    int // per distribution, beside the default; 75
	Origins                      int // per distribution; 100
	OriginGroups                 int // per distribution; 10
	Aliases                      int // per distribution; 100
	AccessControls               int // per account; 100
	AccessIdentities             int // per account; 100
	CachePolicies                int // per account, custom; 20
	OriginRequestPolicies        int // per account, custom; 20
	ResponseHeadersPolicies      int // per account, custom; 20
	HeadersPerPolicy             int // that a response headers policy adds, or removes; 10
	NamesPerPolicy               int // of headers, of cookies and of query strings each; 10
	Functions                    int // per account; 100
	KeyValueStores               int // per account; 50
	InvalidationPaths            int // per invalidation; 3000
	InvalidationWildcards        int // per invalidation; 15
	InvalidationsPerDistribution int // kept; the oldest are forgotten; 100
}

// quota is one field of Quotas: its name in a configuration, and its default.
type quota struct {
	name  string
	field *int
	value int
}

func (q *Quotas) all() []quota {
	return []quota{
		{"publicKeys", &q.PublicKeys, 10},
		{"publicKeysPerGroup", &q.PublicKeysPerGroup, 5},
		{"keyGroups", &q.KeyGroups, 10},
		{"keyGroupsPerBehavior", &q.KeyGroupsPerBehavior, 4},
		{"distributionsPerKeyGroup", &q.DistributionsPerKeyGroup, 100},
		{"distributions", &q.Distributions, 500},
		{"distributionsPerPolicy", &q.DistributionsPerPolicy, 100},
		{"distributionsPerControl", &q.DistributionsPerControl, 100},
		{"behaviors", &q.Behaviors, 75},
		{"origins", &q.Origins, 100},
		{"originGroups", &q.OriginGroups, 10},
		{"aliases", &q.Aliases, 100},
		{"accessControls", &q.AccessControls, 100},
		{"accessIdentities", &q.AccessIdentities, 100},
		{"cachePolicies", &q.CachePolicies, 20},
		{"originRequestPolicies", &q.OriginRequestPolicies, 20},
		{"responseHeadersPolicies", &q.ResponseHeadersPolicies, 20},
		{"headersPerPolicy", &q.HeadersPerPolicy, 10},
		{"namesPerPolicy", &q.NamesPerPolicy, 10},
		{"functions", &q.Functions, 100},
		{"keyValueStores", &q.KeyValueStores, 50},
		{"invalidationPaths", &q.InvalidationPaths, 3000},
		{"invalidationWildcards", &q.InvalidationWildcards, 15},
		{"invalidationsPerDistribution", &q.InvalidationsPerDistribution, 100},
	}
}

// NewQuotas returns the quotas with these names, such as "distributions", and
// the defaults of the others. It refuses unknown names and values below one.
func NewQuotas(set map[string]int) (Quotas, error) {
	var q Quotas
	for name, value := range set {
		all := q.all()
		i := slices.IndexFunc(all, func(one quota) bool { return one.name == name })
		if i < 0 {
			return Quotas{}, fmt.Errorf("there is no quota %q", name)
		}
		if value < 1 {
			return Quotas{}, fmt.Errorf("quota %s %d is less than 1", name, value)
		}
		*all[i].field = value
	}
	return q.withDefaults(), nil
}

func (q Quotas) withDefaults() Quotas {
	for _, one := range q.all() {
		if *one.field == 0 {
			*one.field = one.value
		}
	}
	return q
}
