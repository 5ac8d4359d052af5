package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

func (d *Door) createOriginRequestPolicy(c *call) (*answer, error) {
	config, err := body(c, "OriginRequestPolicyConfig", originRequestPolicyConfig)
	if err != nil {
		return nil, err
	}
	p, err := d.service.CreateOriginRequestPolicy(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("OriginRequestPolicy", originRequestPolicy, p, p.ID, p.ETag), nil
}

func (d *Door) getOriginRequestPolicy(c *call) (*answer, error) {
	p, err := d.service.GetOriginRequestPolicy(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("OriginRequestPolicy", originRequestPolicy, p, p.ETag), nil
}

func (d *Door) getOriginRequestPolicyConfig(c *call) (*answer, error) {
	p, err := d.service.GetOriginRequestPolicyConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("OriginRequestPolicyConfig", originRequestPolicyConfig, &p.Config, p.ETag), nil
}

func (d *Door) updateOriginRequestPolicy(c *call) (*answer, error) {
	config, err := body(c, "OriginRequestPolicyConfig", originRequestPolicyConfig)
	if err != nil {
		return nil, err
	}
	p, err := d.service.UpdateOriginRequestPolicy(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("OriginRequestPolicy", originRequestPolicy, p, p.ETag), nil
}

func (d *Door) deleteOriginRequestPolicy(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteOriginRequestPolicy(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listOriginRequestPolicies(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	sort := delivery.PolicyType(c.URL.Query().Get("Type"))
	l, err := d.service.ListOriginRequestPolicies(c.Context(), c.Caller, sort, p)
	if err != nil {
		return nil, err
	}
	return found("OriginRequestPolicyList", unmarked("OriginRequestPolicySummary", originRequestPolicySummary), pageOf(l, each[delivery.OriginRequestPolicy]), ""), nil
}

func (d *Door) listDistributionsByOriginRequestPolicy(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListDistributionsByOriginRequestPolicy(c.Context(), c.Caller, c.ids[0], p)
	if err != nil {
		return nil, err
	}
	return distributionIDs(l), nil
}
