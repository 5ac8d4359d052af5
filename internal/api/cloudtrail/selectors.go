package cloudtrail

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/trail"
)

func (d door) putEventSelectors(ctx context.Context, who access.Caller, in *cloudtrail.PutEventSelectorsInput) (*cloudtrail.PutEventSelectorsOutput, error) {
	s, err := decodeSelectors(in)
	if err != nil {
		return nil, err
	}
	arn, err := d.trails.PutEventSelectors(ctx, who, *in.TrailName, s)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.PutEventSelectorsOutput{TrailARN: &arn}
	out.EventSelectors, out.AdvancedEventSelectors = encodeSelectors(&s)
	return out, nil
}

func (d door) getEventSelectors(ctx context.Context, who access.Caller, in *cloudtrail.GetEventSelectorsInput) (*cloudtrail.GetEventSelectorsOutput, error) {
	arn, s, err := d.trails.EventSelectors(ctx, who, *in.TrailName)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.GetEventSelectorsOutput{TrailARN: &arn}
	out.EventSelectors, out.AdvancedEventSelectors = encodeSelectors(&s)
	return out, nil
}

func (d door) getInsightSelectors(ctx context.Context, who access.Caller, in *cloudtrail.GetInsightSelectorsInput) (*cloudtrail.GetInsightSelectorsOutput, error) {
	if in.TrailName == nil {
		return nil, refusal.New(trail.ErrUnsupported, "Event data stores are not supported: give TrailName.")
	}
	return nil, d.trails.InsightSelectors(ctx, who, *in.TrailName)
}

func decodeSelectors(in *cloudtrail.PutEventSelectorsInput) (s trail.Selectors, err error) {
	for _, e := range in.EventSelectors {
		b := trail.Selector{ReadWrite: string(e.ReadWriteType), Management: e.IncludeManagementEvents == nil || *e.IncludeManagementEvents, Excluded: e.ExcludeManagementEventSources}
		if b.ReadWrite == "" {
			b.ReadWrite = "All"
		}
		for _, r := range e.DataResources {
			if aws.ToString(r.Type) != trail.ObjectType {
				return s, refusal.New(trail.ErrSelectors, "There are data events of %s only.", trail.ObjectType)
			}
			b.Objects = append(b.Objects, r.Values...)
		}
		s.Basic = append(s.Basic, b)
	}
	for _, a := range in.AdvancedEventSelectors {
		selector := trail.AdvancedSelector{Name: aws.ToString(a.Name)}
		for _, f := range a.FieldSelectors {
			selector.Fields = append(selector.Fields, trail.Field{
				Field: aws.ToString(f.Field), Equals: f.Equals, StartsWith: f.StartsWith, EndsWith: f.EndsWith,
				NotEquals: f.NotEquals, NotStartsWith: f.NotStartsWith, NotEndsWith: f.NotEndsWith,
			})
		}
		s.Advanced = append(s.Advanced, selector)
	}
	return s, nil
}

func encodeSelectors(s *trail.Selectors) (basic []types.EventSelector, advanced []types.AdvancedEventSelector) {
	for i := range s.Basic {
		b := &s.Basic[i]
		e := types.EventSelector{
			ReadWriteType: types.ReadWriteType(b.ReadWrite), IncludeManagementEvents: &b.Management,
			DataResources: []types.DataResource{}, ExcludeManagementEventSources: append([]string{}, b.Excluded...),
		}
		if len(b.Objects) > 0 {
			e.DataResources = append(e.DataResources, types.DataResource{Type: aws.String(trail.ObjectType), Values: b.Objects})
		}
		basic = append(basic, e)
	}
	for i := range s.Advanced {
		a := types.AdvancedEventSelector{Name: optional(s.Advanced[i].Name)}
		for j := range s.Advanced[i].Fields {
			f := &s.Advanced[i].Fields[j]
			a.FieldSelectors = append(a.FieldSelectors, types.AdvancedFieldSelector{
				Field: &f.Field, Equals: f.Equals, StartsWith: f.StartsWith, EndsWith: f.EndsWith,
				NotEquals: f.NotEquals, NotStartsWith: f.NotStartsWith, NotEndsWith: f.NotEndsWith,
			})
		}
		advanced = append(advanced, a)
	}
	return basic, advanced
}
