package delivery

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
	InvalidationPaths            int // per invalidation; 3000
	InvalidationWildcards        int // per invalidation; 15
	InvalidationsPerDistribution int // kept; the oldest are forgotten; 100
}

func (q Quotas) withDefaults() Quotas {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&q.PublicKeys, 10},
		{&q.PublicKeysPerGroup, 5},
		{&q.KeyGroups, 10},
		{&q.KeyGroupsPerBehavior, 4},
		{&q.DistributionsPerKeyGroup, 100},
		{&q.Distributions, 500},
		{&q.DistributionsPerPolicy, 100},
		{&q.DistributionsPerControl, 100},
		{&q.Behaviors, 75},
		{&q.Origins, 100},
		{&q.OriginGroups, 10},
		{&q.Aliases, 100},
		{&q.AccessControls, 100},
		{&q.AccessIdentities, 100},
		{&q.CachePolicies, 20},
		{&q.OriginRequestPolicies, 20},
		{&q.ResponseHeadersPolicies, 20},
		{&q.HeadersPerPolicy, 10},
		{&q.NamesPerPolicy, 10},
		{&q.InvalidationPaths, 3000},
		{&q.InvalidationWildcards, 15},
		{&q.InvalidationsPerDistribution, 100},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return q
}
