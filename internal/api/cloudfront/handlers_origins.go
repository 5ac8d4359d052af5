package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

func (d *Door) createAccessControl(c *call) (*answer, error) {
	config, err := body(c, "OriginAccessControlConfig", accessControlConfig)
	if err != nil {
		return nil, err
	}
	a, err := d.service.CreateOriginAccessControl(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("OriginAccessControl", accessControl, a, a.ID, a.ETag), nil
}

func (d *Door) getAccessControl(c *call) (*answer, error) {
	a, err := d.service.GetOriginAccessControl(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("OriginAccessControl", accessControl, a, a.ETag), nil
}

func (d *Door) getAccessControlConfig(c *call) (*answer, error) {
	a, err := d.service.GetOriginAccessControlConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("OriginAccessControlConfig", accessControlConfig, &a.Config, a.ETag), nil
}

func (d *Door) updateAccessControl(c *call) (*answer, error) {
	config, err := body(c, "OriginAccessControlConfig", accessControlConfig)
	if err != nil {
		return nil, err
	}
	a, err := d.service.UpdateOriginAccessControl(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("OriginAccessControl", accessControl, a, a.ETag), nil
}

func (d *Door) deleteAccessControl(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteOriginAccessControl(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listAccessControls(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListOriginAccessControls(c.Context(), c.Caller, p)
	if err != nil {
		return nil, err
	}
	return found("OriginAccessControlList", marked("OriginAccessControlSummary", accessControlSummary), pageOf(l, each[delivery.AccessControl]), ""), nil
}

func (d *Door) createAccessIdentity(c *call) (*answer, error) {
	config, err := body(c, "CloudFrontOriginAccessIdentityConfig", accessIdentityConfig)
	if err != nil {
		return nil, err
	}
	a, err := d.service.CreateAccessIdentity(c.Context(), c.Caller, config)
	if err != nil {
		return nil, err
	}
	return made("CloudFrontOriginAccessIdentity", accessIdentity, a, a.ID, a.ETag), nil
}

func (d *Door) getAccessIdentity(c *call) (*answer, error) {
	a, err := d.service.GetAccessIdentity(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("CloudFrontOriginAccessIdentity", accessIdentity, a, a.ETag), nil
}

func (d *Door) getAccessIdentityConfig(c *call) (*answer, error) {
	a, err := d.service.GetAccessIdentityConfig(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("CloudFrontOriginAccessIdentityConfig", accessIdentityConfig, &a.Config, a.ETag), nil
}

func (d *Door) updateAccessIdentity(c *call) (*answer, error) {
	config, err := body(c, "CloudFrontOriginAccessIdentityConfig", accessIdentityConfig)
	if err != nil {
		return nil, err
	}
	a, err := d.service.UpdateAccessIdentity(c.Context(), c.Caller, c.ids[0], c.ifMatch(), config)
	if err != nil {
		return nil, err
	}
	return found("CloudFrontOriginAccessIdentity", accessIdentity, a, a.ETag), nil
}

func (d *Door) deleteAccessIdentity(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteAccessIdentity(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) listAccessIdentities(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListAccessIdentities(c.Context(), c.Caller, p)
	if err != nil {
		return nil, err
	}
	return found("CloudFrontOriginAccessIdentityList", marked("CloudFrontOriginAccessIdentitySummary", accessIdentitySummary), pageOf(l, each[delivery.AccessIdentity]), ""), nil
}
