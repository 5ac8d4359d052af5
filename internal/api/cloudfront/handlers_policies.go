package cloudfront

import (
	"github.com/keyfront-project/keyfront/internal/delivery"
)

// policies are the handlers and the shapes of one sort of policies.
type policies[C any] struct {
	// noun is the name of a policy's element: "CachePolicy".
	noun    string
	from    func(*delivery.Service) delivery.Policies[C]
	config  *shape[C]
	policy  *shape[delivery.Policy[C]]
	summary *shape[delivery.Policy[C]]
}

func policiesOf[C any](noun string, from func(*delivery.Service) delivery.Policies[C], config *shape[C]) *policies[C] {
	type policy = delivery.Policy[C]
	whole := of(
		show("Id", func(p *policy) string { return p.ID }),
		show("LastModifiedTime", func(p *policy) string { return timestamp(p.ModifiedAt) }),
		nested(noun+"Config", optional, config, func(p *policy) *C { return &p.Config }),
	)
	return &policies[C]{noun, from, config, whole, of(
		show("Type", func(p *policy) string { return policyType(p.Managed) }),
		nested(noun, optional, whole, func(p *policy) *policy { return p }),
	)}
}

func policyType(managed bool) string {
	if managed {
		return string(delivery.ManagedPolicies)
	}
	return string(delivery.CustomPolicies)
}

func (ps *policies[C]) create(d *Door, c *call) (*answer, error) {
	config, err := body(c, ps.noun+"Config", ps.config)
	if err != nil {
		return nil, err
	}
	p, err := ps.from(d.service).Create(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made(ps.noun, ps.policy, p, p.ID, p.ETag), nil
}

func (ps *policies[C]) get(d *Door, c *call) (*answer, error) {
	p, err := ps.from(d.service).Get(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found(ps.noun, ps.policy, p, p.ETag), nil
}

func (ps *policies[C]) getConfig(d *Door, c *call) (*answer, error) {
	p, err := ps.from(d.service).GetConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found(ps.noun+"Config", ps.config, &p.Config, p.ETag), nil
}

func (ps *policies[C]) update(d *Door, c *call) (*answer, error) {
	config, err := body(c, ps.noun+"Config", ps.config)
	if err != nil {
		return nil, err
	}
	p, err := ps.from(d.service).Update(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found(ps.noun, ps.policy, p, p.ETag), nil
}

func (ps *policies[C]) delete(d *Door, c *call) (*answer, error) {
	return &answer{}, ps.from(d.service).Delete(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (ps *policies[C]) list(d *Door, c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := ps.from(d.service).List(c.Context(), c.Caller, delivery.PolicyType(c.URL.Query().Get("Type")), p)
	if err != nil {
		return nil, err
	}
	return found(ps.noun+"List", unmarked(ps.noun+"Summary", ps.summary), pageOf(l, each[delivery.Policy[C]]), ""), nil
}

func (ps *policies[C]) distributions(d *Door, c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := ps.from(d.service).Distributions(c.Context(), c.Caller, c.ids[0], p)
	if err != nil {
		return nil, err
	}
	return distributionIDs(l), nil
}
