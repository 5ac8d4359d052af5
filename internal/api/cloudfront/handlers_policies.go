package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

func (d *Door) createCachePolicy(c *call) (*answer, error) {
	config, err := body(c, "CachePolicyConfig", cachePolicyConfig)
	if err != nil {
		return nil, err
	}
	p, err := d.service.CreateCachePolicy(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("CachePolicy", cachePolicy, p, p.ID, p.ETag), nil
}

func (d *Door) getCachePolicy(c *call) (*answer, error) {
	p, err := d.service.GetCachePolicy(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("CachePolicy", cachePolicy, p, p.ETag), nil
}

func (d *Door) getCachePolicyConfig(c *call) (*answer, error) {
	p, err := d.service.GetCachePolicyConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("CachePolicyConfig", cachePolicyConfig, &p.Config, p.ETag), nil
}

func (d *Door) updateCachePolicy(c *call) (*answer, error) {
	config, err := body(c, "CachePolicyConfig", cachePolicyConfig)
	if err != nil {
		return nil, err
	}
	p, err := d.service.UpdateCachePolicy(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("CachePolicy", cachePolicy, p, p.ETag), nil
}

func (d *Door) deleteCachePolicy(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteCachePolicy(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listCachePolicies(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	sort := delivery.PolicyType(c.URL.Query().Get("Type"))
	l, err := d.service.ListCachePolicies(c.Context(), c.Caller, sort, p)
	if err != nil {
		return nil, err
	}
	return found("CachePolicyList", unmarked("CachePolicySummary", cachePolicySummary), pageOf(l, each[delivery.CachePolicy]), ""), nil
}

func (d *Door) listDistributionsByCachePolicy(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListDistributionsByCachePolicy(c.Context(), c.Caller, c.ids[0], p)
	if err != nil {
		return nil, err
	}
	return distributionIDs(l), nil
}
