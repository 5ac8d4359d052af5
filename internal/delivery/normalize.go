package delivery

import (
	"slices"
	"strings"
)

// The TTLs of a behaviour with ForwardedValues, in seconds.
const (
	legacyDefaultTTL = 86400
	legacyMaxTTL     = 31536000
)

// normalize fills in what depends on other members, and gives members one
// spelling, so that reading back what was written and writing it again changes
// nothing.
func (c *DistributionConfig) normalize() {
	for i := range c.Aliases {
		c.Aliases[i] = strings.ToLower(c.Aliases[i])
	}
	c.ViewerCertificate.normalize()
	for _, b := range c.behaviors() {
		b.normalize()
	}
}

func (b *BehaviorConfig) normalize() {
	if b.ForwardedValues == nil {
		return
	}
	if b.ForwardedValues.Cookies == "" {
		b.ForwardedValues.Cookies = "none"
	}
	seconds := func(n int64) *int64 { return &n }
	if b.MinTTL == nil {
		b.MinTTL = seconds(0)
	}
	if b.MaxTTL == nil {
		b.MaxTTL = seconds(max(legacyMaxTTL, *b.MinTTL))
	}
	if b.DefaultTTL == nil {
		b.DefaultTTL = seconds(min(max(legacyDefaultTTL, *b.MinTTL), *b.MaxTTL))
	}
}

// clone returns a copy that shares nothing with c that normalize writes to.
func (c DistributionConfig) clone() DistributionConfig {
	c.Aliases = slices.Clone(c.Aliases)
	c.Behaviors = slices.Clone(c.Behaviors)
	for _, b := range c.behaviors() {
		if b.ForwardedValues != nil {
			f := *b.ForwardedValues
			b.ForwardedValues = &f
		}
	}
	return c
}
