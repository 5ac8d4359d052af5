package delivery

import "slices"

// failoverStatuses are those of a primary origin that another origin may stand
// in for.
//
// Source: CloudFront Developer Guide, "Create an origin group".
var failoverStatuses = []int{400, 403, 404, 416, 429, 500, 502, 503, 504}

// safeMethods are those that a request may be made again with.
const safeMethods = readMethods | MethodOptions

func (c *DistributionConfig) validateGroups(q *Quotas) error {
	if len(c.OriginGroups) > q.OriginGroups {
		return refuse(ErrTooManyOriginGroups, "A distribution has at most %d origin groups.", q.OriginGroups)
	}
	seen := make(map[string]bool)
	for i := range c.OriginGroups {
		g := &c.OriginGroups[i]
		if g.ID == "" || len(g.ID) > 128 || seen[g.ID] || c.origin(g.ID) != nil {
			return refuse(ErrInvalid, "The parameter OriginGroup Id %q is empty, too long, or used twice.", g.ID)
		}
		seen[g.ID] = true
		switch {
		case len(g.OriginIDs) != 2 || g.OriginIDs[0] == g.OriginIDs[1]:
			return refuse(ErrInvalid, "The origin group %s needs two different members.", g.ID)
		case len(g.StatusCodes) == 0:
			return refuse(ErrInvalid, "The parameter FailoverCriteria of origin group %s has no StatusCodes.", g.ID)
		case g.Selection == "media-quality-based":
			return unsupported("OriginGroups[" + g.ID + "].SelectionCriteria media-quality-based")
		case g.Selection != "default":
			return invalidValue("SelectionCriteria", g.Selection)
		}
		for _, id := range g.OriginIDs {
			if c.origin(id) == nil {
				return refuse(ErrNoOrigin, "The origin group %s has the member %q, which is none of the origins.", g.ID, id)
			}
		}
		for n, status := range g.StatusCodes {
			if !slices.Contains(failoverStatuses, status) || slices.Contains(g.StatusCodes[:n], status) {
				return refuse(ErrInvalid, "The parameter StatusCodes of origin group %s contains %d, which is no status to fail over for, or stands twice.", g.ID, status)
			}
		}
	}
	return nil
}

// origin returns the origin with that id, or nil.
func (c *DistributionConfig) origin(id string) *OriginConfig {
	if i := slices.IndexFunc(c.Origins, func(o OriginConfig) bool { return o.ID == id }); i >= 0 {
		return &c.Origins[i]
	}
	return nil
}

// target returns the origins that a behaviour's target stands for, the primary
// one first, and the statuses to fail over for. It returns no origins for an
// unknown target.
func (c *DistributionConfig) target(id string) (origins []*OriginConfig, statuses []int) {
	if o := c.origin(id); o != nil {
		return []*OriginConfig{o}, nil
	}
	for i := range c.OriginGroups {
		if g := &c.OriginGroups[i]; g.ID == id {
			for _, member := range g.OriginIDs {
				origins = append(origins, c.origin(member))
			}
			return origins, g.StatusCodes
		}
	}
	return nil, nil
}
