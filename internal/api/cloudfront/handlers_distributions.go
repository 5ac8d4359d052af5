package cloudfront

import (
	"maps"
	"net/http"
	"slices"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

func (d *Door) createDistribution(c *call) (*answer, error) {
	config, err := body(c, "DistributionConfig", distributionConfig)
	if err != nil {
		return nil, err
	}
	v, err := d.service.CreateDistribution(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("Distribution", distributionDocument, view(d.service, v), v.ID, v.ETag), nil
}

func (d *Door) createDistributionWithTags(c *call) (*answer, error) {
	in, err := body(c, "DistributionConfigWithTags", distributionConfigWithTags)
	if err != nil {
		return nil, err
	}
	set, err := in.tags.set()
	if err != nil {
		return nil, err
	}
	v, err := d.service.CreateDistributionWithTags(c.Context(), c.Caller, in.config, set)
	if err != nil {
		return nil, err
	}
	return made("Distribution", distributionDocument, view(d.service, v), v.ID, v.ETag), nil
}

func (d *Door) getDistribution(c *call) (*answer, error) {
	v, err := d.service.GetDistribution(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("Distribution", distributionDocument, view(d.service, v), v.ETag), nil
}

func (d *Door) getDistributionConfig(c *call) (*answer, error) {
	v, err := d.service.GetDistributionConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("DistributionConfig", distributionConfig, &v.Config, v.ETag), nil
}

func (d *Door) updateDistribution(c *call) (*answer, error) {
	config, err := body(c, "DistributionConfig", distributionConfig)
	if err != nil {
		return nil, err
	}
	v, err := d.service.UpdateDistribution(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("Distribution", distributionDocument, view(d.service, v), v.ETag), nil
}

func (d *Door) deleteDistribution(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteDistribution(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listDistributions(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListDistributions(c.Context(), c.Caller, p)
	if err != nil {
		return nil, err
	}
	views := pageOf(l, func(v *delivery.DistributionInfo) distributionView { return *view(d.service, v) })
	return found("DistributionList", marked("DistributionSummary", distributionSummary), views, ""), nil
}

func (d *Door) associateAlias(c *call) (*answer, error) {
	return &answer{status: http.StatusOK}, d.service.AssociateAlias(c.Context(), c.Caller, c.ids[0], c.URL.Query().Get("Alias"))
}

func (d *Door) listConflictingAliases(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	q := c.URL.Query()
	l, err := d.service.ListConflictingAliases(c.Context(), c.Caller, q.Get("DistributionId"), q.Get("Alias"), p)
	if err != nil {
		return nil, err
	}
	aliases := pageOf(l, func(a delivery.ConflictingAlias) delivery.ConflictingAlias { return a })
	return found("ConflictingAliasesList", unmarked("ConflictingAlias", conflictingAlias), aliases, ""), nil
}

func (d *Door) createInvalidation(c *call) (*answer, error) {
	config, err := body(c, "InvalidationBatch", invalidationConfig)
	if err != nil {
		return nil, err
	}
	i, err := d.service.CreateInvalidation(c.Context(), c.Caller, c.ids[0], config)
	if err != nil {
		return nil, err
	}
	return made("Invalidation", invalidation, i, i.ID, ""), nil
}

func (d *Door) getInvalidation(c *call) (*answer, error) {
	i, err := d.service.GetInvalidation(c.Context(), c.Caller, c.ids[0], c.ids[1])
	if err != nil {
		return nil, err
	}
	return found("Invalidation", invalidation, i, ""), nil
}

func (d *Door) listInvalidations(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListInvalidations(c.Context(), c.Caller, c.ids[0], p)
	if err != nil {
		return nil, err
	}
	return found("InvalidationList", marked("InvalidationSummary", invalidationSummary), pageOf(l, each[delivery.InvalidationInfo]), ""), nil
}

// set is the tags by key, none of which may stand twice.
func (l *tagList) set() (map[string]string, error) {
	set := make(map[string]string, len(l.items))
	for _, t := range l.items {
		if _, ok := set[t.key]; ok {
			return nil, refusal.New(delivery.ErrInvalidTagging, "A tag key stands more than once.")
		}
		set[t.key] = t.value
	}
	return set, nil
}

// resource is the ARN that a tagging operation is about.
func (c *call) resource() string { return c.URL.Query().Get("Resource") }

func (d *Door) listTags(c *call) (*answer, error) {
	set, err := d.service.ListTags(c.Context(), c.Caller, c.resource())
	if err != nil {
		return nil, err
	}
	var l tagList
	for _, k := range slices.Sorted(maps.Keys(set)) {
		l.items = append(l.items, tag{k, set[k]})
	}
	return found("Tags", tagAnswer, &l, ""), nil
}

func (d *Door) tagResource(c *call) (*answer, error) {
	l, err := body(c, "Tags", tags)
	if err != nil {
		return nil, err
	}
	set, err := l.set()
	if err != nil {
		return nil, err
	}
	return &answer{}, d.service.Tag(c.Context(), c.Caller, c.resource(), set)
}

func (d *Door) untagResource(c *call) (*answer, error) {
	l, err := body(c, "TagKeys", tagKeys)
	if err != nil {
		return nil, err
	}
	return &answer{}, d.service.Untag(c.Context(), c.Caller, c.resource(), l.items)
}
