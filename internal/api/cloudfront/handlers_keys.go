package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

func (d *Door) createPublicKey(c *call) (*answer, error) {
	config, err := body(c, "PublicKeyConfig", publicKeyConfig)
	if err != nil {
		return nil, err
	}
	k, err := d.service.CreatePublicKey(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("PublicKey", publicKey, k, k.ID, k.ETag), nil
}

func (d *Door) getPublicKey(c *call) (*answer, error) {
	k, err := d.service.GetPublicKey(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("PublicKey", publicKey, k, k.ETag), nil
}

func (d *Door) getPublicKeyConfig(c *call) (*answer, error) {
	k, err := d.service.GetPublicKeyConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("PublicKeyConfig", publicKeyConfig, &k.Config, k.ETag), nil
}

func (d *Door) updatePublicKey(c *call) (*answer, error) {
	config, err := body(c, "PublicKeyConfig", publicKeyConfig)
	if err != nil {
		return nil, err
	}
	k, err := d.service.UpdatePublicKey(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("PublicKey", publicKey, k, k.ETag), nil
}

func (d *Door) deletePublicKey(c *call) (*answer, error) {
	return &answer{}, d.service.DeletePublicKey(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listPublicKeys(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListPublicKeys(c.Context(), c.Caller, p)
	if err != nil {
		return nil, err
	}
	return found("PublicKeyList", unmarked("PublicKeySummary", publicKeySummary), pageOf(l, each[delivery.PublicKey]), ""), nil
}

// each copies an item into a page.
func each[T any](item *T) T { return *item }

func (d *Door) createKeyGroup(c *call) (*answer, error) {
	config, err := body(c, "KeyGroupConfig", keyGroupConfig)
	if err != nil {
		return nil, err
	}
	g, err := d.service.CreateKeyGroup(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("KeyGroup", keyGroup, g, g.ID, g.ETag), nil
}

func (d *Door) getKeyGroup(c *call) (*answer, error) {
	g, err := d.service.GetKeyGroup(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("KeyGroup", keyGroup, g, g.ETag), nil
}

func (d *Door) getKeyGroupConfig(c *call) (*answer, error) {
	g, err := d.service.GetKeyGroupConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("KeyGroupConfig", keyGroupConfig, &g.Config, g.ETag), nil
}

func (d *Door) updateKeyGroup(c *call) (*answer, error) {
	config, err := body(c, "KeyGroupConfig", keyGroupConfig)
	if err != nil {
		return nil, err
	}
	g, err := d.service.UpdateKeyGroup(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("KeyGroup", keyGroup, g, g.ETag), nil
}

func (d *Door) deleteKeyGroup(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteKeyGroup(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listKeyGroups(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListKeyGroups(c.Context(), c.Caller, p)
	if err != nil {
		return nil, err
	}
	return found("KeyGroupList", unmarked("KeyGroupSummary", keyGroupSummary), pageOf(l, each[delivery.KeyGroup]), ""), nil
}

func (d *Door) listDistributionsByKeyGroup(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListDistributionsByKeyGroup(c.Context(), c.Caller, c.ids[0], p)
	if err != nil {
		return nil, err
	}
	return distributionIDs(l), nil
}

func distributionIDs(l *delivery.List[string]) *answer {
	return found("DistributionIdList", marked("DistributionId", text{}), pageOf(l, func(id string) string { return id }), "")
}
