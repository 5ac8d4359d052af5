package delivery_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func TestOriginGroups(t *testing.T) {
	f, ctx := open(t), t.Context()
	grouped := func(reference string, edit func(c *delivery.DistributionConfig, g *delivery.OriginGroupConfig)) delivery.DistributionConfig {
		return config(reference, func(c *delivery.DistributionConfig) {
			second := c.Origins[0]
			second.ID = "second"
			c.Origins = append(c.Origins, second)
			g := delivery.NewOriginGroupConfig()
			g.ID, g.OriginIDs, g.StatusCodes = "group", []string{"second", c.Origins[0].ID}, []int{500, 404}
			c.DefaultBehavior.TargetOriginID = "group"
			edit(c, &g)
			c.OriginGroups = append(c.OriginGroups, g)
		})
	}
	type (
		distribution = delivery.DistributionConfig
		group        = delivery.OriginGroupConfig
	)
	for _, r := range []struct {
		name string
		edit func(c *distribution, g *group)
		want error
	}{
		{"no id", func(_ *distribution, g *group) { g.ID = "" }, delivery.ErrInvalid},
		{"id of an origin", func(_ *distribution, g *group) { g.ID = "second" }, delivery.ErrInvalid},
		{"id twice", func(c *distribution, g *group) { c.OriginGroups = []group{*g} }, delivery.ErrInvalid},
		{"one member", func(_ *distribution, g *group) { g.OriginIDs = g.OriginIDs[:1] }, delivery.ErrInvalid},
		{"member twice", func(_ *distribution, g *group) { g.OriginIDs = []string{"second", "second"} }, delivery.ErrInvalid},
		{"unknown member", func(_ *distribution, g *group) { g.OriginIDs[0] = "third" }, delivery.ErrNoOrigin},
		{"member is a group", func(_ *distribution, g *group) { g.OriginIDs[0] = "group" }, delivery.ErrNoOrigin},
		{"no status", func(_ *distribution, g *group) { g.StatusCodes = nil }, delivery.ErrInvalid},
		{"status", func(_ *distribution, g *group) { g.StatusCodes = []int{200} }, delivery.ErrInvalid},
		{"status twice", func(_ *distribution, g *group) { g.StatusCodes = []int{500, 500} }, delivery.ErrInvalid},
		{"by quality", func(_ *distribution, g *group) { g.Selection = "media-quality-based" }, delivery.ErrInvalid},
		{"selection", func(_ *distribution, g *group) { g.Selection = "random" }, delivery.ErrInvalid},
		{"uploads", func(c *distribution, _ *group) {
			c.DefaultBehavior.AllowedMethods = []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
		}, delivery.ErrInvalid},
		{"eleven", func(c *distribution, g *group) {
			for i := range 10 {
				other := *g
				other.ID = string(rune('a' + i))
				c.OriginGroups = append(c.OriginGroups, other)
			}
		}, delivery.ErrTooManyOriginGroups},
	} {
		if _, err := f.CreateDistribution(ctx, me, grouped("no", r.edit)); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}

	d := must(f.CreateDistribution(ctx, me, grouped("d", func(*distribution, *group) {})))
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		b := s.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/")
		if b.Origin.ID != "second" || b.Failover == nil || b.Failover.Origin.ID != d.Config.Origins[0].ID || len(b.Failover.Statuses) != 2 {
			t.Errorf("the edge asks %+v, then %+v", b.Origin, b.Failover)
		}
	}
	must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, grouped("d", func(c *distribution, _ *group) { c.DefaultBehavior.TargetOriginID = "second" })))
	if b := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behavior("/"); b.Failover != nil {
		t.Errorf("an origin by itself fails over to %+v", b.Failover)
	}
}
