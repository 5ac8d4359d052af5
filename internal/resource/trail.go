package resource

import (
	"context"
	"errors"
	"time"

	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/trail"
)

func trailKinds(trails *trail.Service) map[string]*kind {
	k := trailKind{trails}
	return map[string]*kind{
		"AWS::CloudTrail::Trail": {create: k.create, update: k.update, delete: k.delete, label: k.label, replaces: []string{"TrailName"}, attributes: []string{"Arn"}},
	}
}

type trailKind struct{ trails *trail.Service }

// trailProperties are those of AWS::CloudTrail::Trail. Ref is its name.
type trailProperties struct {
	TrailName, S3BucketName, S3KeyPrefix, KMSKeyId string
	IncludeGlobalServiceEvents                     *bool
	IsLogging                                      *bool
	IsMultiRegionTrail, EnableLogFileValidation    bool
	EventSelectors                                 []struct {
		ReadWriteType                 string
		IncludeManagementEvents       *bool
		ExcludeManagementEventSources []string
		DataResources                 []struct {
			Type   string
			Values []string
		}
	}
	AdvancedEventSelectors []struct {
		Name           string
		FieldSelectors []struct {
			Field                                                               string
			Equals, StartsWith, EndsWith, NotEquals, NotStartsWith, NotEndsWith []string
		}
	}
	Tags []tag
}

func (p *trailProperties) settings() trail.Settings {
	return trail.Settings{
		Bucket: p.S3BucketName, Prefix: p.S3KeyPrefix, Key: p.KMSKeyId, MultiRegion: p.IsMultiRegionTrail, Validation: p.EnableLogFileValidation,
		Global: p.IncludeGlobalServiceEvents == nil || *p.IncludeGlobalServiceEvents,
	}
}

// selectors are those that a trail is given, or what it has without any.
func (p *trailProperties) selectors() (trail.Selectors, error) {
	var s trail.Selectors
	for _, e := range p.EventSelectors {
		basic := trail.Selector{ReadWrite: "All", Management: e.IncludeManagementEvents == nil || *e.IncludeManagementEvents, Excluded: e.ExcludeManagementEventSources}
		set(&basic.ReadWrite, e.ReadWriteType)
		for _, r := range e.DataResources {
			if r.Type != trail.ObjectType {
				return s, refusal("There are data events of " + trail.ObjectType + " only.")
			}
			basic.Objects = append(basic.Objects, r.Values...)
		}
		s.Basic = append(s.Basic, basic)
	}
	for _, a := range p.AdvancedEventSelectors {
		advanced := trail.AdvancedSelector{Name: a.Name}
		for _, f := range a.FieldSelectors {
			advanced.Fields = append(advanced.Fields, trail.Field(f))
		}
		s.Advanced = append(s.Advanced, advanced)
	}
	if len(s.Basic)+len(s.Advanced) == 0 {
		s.Basic = []trail.Selector{{ReadWrite: "All", Management: true}}
	}
	return s, nil
}

func (k trailKind) read(properties map[string]any) (p trailProperties, s trail.Selectors, err error) {
	if err := read(properties, &p); err != nil {
		return p, s, err
	}
	if p.IsLogging == nil {
		return p, s, refusal("Property IsLogging cannot be empty.")
	}
	s, err = p.selectors()
	return p, s, err
}

func trailTags(m map[string]string) []trail.Tag {
	return convert(m, func(key, value string) trail.Tag { return trail.Tag{Key: key, Value: value} })
}

func (k trailKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, selectors, err := k.read(t.Properties)
	if err != nil {
		return stack.Made{}, err
	}
	name := named(p.TrailName, t, 128)
	made, err := k.trails.CreateTrail(ctx, t.Who, name, p.settings(), trailTags(tagged(p.Tags, t)))
	if t.Again && errors.Is(err, trail.ErrExists) {
		taken := err
		if made, err = k.own(ctx, t, name, p.settings()); err != nil {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return k.settle(ctx, t, &made, &p, selectors)
}

var errNotOwn = errors.New("resource: the trail was there before")

// own returns the trail that a making which was cut off left: trails do not say
// when they were made, but its settings are the wanted ones, and it had not
// delivered before.
func (k trailKind) own(ctx context.Context, t *stack.Task, name string, want trail.Settings) (trail.Trail, error) {
	have, err := k.trails.GetTrail(ctx, t.Who, name)
	if err != nil {
		return have, err
	}
	status, err := k.trails.GetTrailStatus(ctx, t.Who, name)
	if err == nil && (have.Settings != want || !status.Started.IsZero() && status.Started.Before(t.Since.Truncate(time.Second))) {
		err = errNotOwn
	}
	return have, err
}

func (k trailKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	p, selectors, err := k.read(t.Properties)
	if err != nil {
		return stack.Made{}, err
	}
	s := p.settings()
	of, err := k.trails.UpdateTrail(ctx, t.Who, t.Physical, trail.Change{
		Bucket: &s.Bucket, Prefix: &s.Prefix, Key: &s.Key, Global: &s.Global, MultiRegion: &s.MultiRegion, Validation: &s.Validation,
	})
	if err != nil {
		return stack.Made{}, err
	}
	have, err := k.trails.Tags(ctx, t.Who, of.ARN)
	if err != nil {
		return stack.Made{}, err
	}
	old, want := map[string]string{}, tagged(p.Tags, t)
	for _, one := range have {
		old[one.Key] = one.Value
	}
	if gone := dropped(old, want); len(gone) > 0 {
		if err := k.trails.RemoveTags(ctx, t.Who, of.ARN, gone); err != nil {
			return stack.Made{}, err
		}
	}
	if len(want) > 0 {
		if err := k.trails.AddTags(ctx, t.Who, of.ARN, trailTags(want)); err != nil {
			return stack.Made{}, err
		}
	}
	return k.settle(ctx, t, &of, &p, selectors)
}

// settle gives a trail what it is not made with: selectors, then its start or
// stop, so that nothing is delivered that was not selected.
func (k trailKind) settle(ctx context.Context, t *stack.Task, of *trail.Trail, p *trailProperties, selectors trail.Selectors) (stack.Made, error) {
	made := stack.Made{Physical: of.Name, Attributes: map[string]any{"Arn": of.ARN}}
	if of.Custom || len(p.EventSelectors)+len(p.AdvancedEventSelectors) > 0 {
		if _, err := k.trails.PutEventSelectors(ctx, t.Who, of.Name, selectors); err != nil {
			return made, err
		}
	}
	if *p.IsLogging {
		return made, k.trails.StartLogging(ctx, t.Who, of.Name)
	}
	status, err := k.trails.GetTrailStatus(ctx, t.Who, of.Name)
	if err == nil && status.Logging {
		err = k.trails.StopLogging(ctx, t.Who, of.Name)
	}
	return made, err
}

func (k trailKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	arn, err := arnOf(made)
	if err != nil {
		return err
	}
	return k.trails.AddTags(ctx, t.Who, arn, trailTags(tags))
}

func (k trailKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.trails.DeleteTrail(ctx, t.Who, t.Physical), trail.ErrNotFound)
}
