package trail

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/event"
)

// Selectors say which events a trail delivers: one of the two kinds.
type Selectors struct {
	Basic    []Selector         `json:"basic,omitempty"`
	Advanced []AdvancedSelector `json:"advanced,omitempty"`
}

// Selector is a basic selector.
type Selector struct {
	// ReadWrite is "All", "ReadOnly" or "WriteOnly".
	ReadWrite string `json:"readWrite"`
	// Management includes management events, but for those of the Excluded
	// sources.
	Management bool     `json:"management,omitempty"`
	Excluded   []string `json:"excluded,omitempty"`
	// Objects are ARNs of buckets, or beginnings of ARNs of objects, whose data
	// events are included.
	Objects []string `json:"objects,omitempty"`
}

// AdvancedSelector includes the events that have all its fields.
type AdvancedSelector struct {
	Name   string  `json:"name,omitempty"`
	Fields []Field `json:"fields"`
}

// Field is a condition on one field of an event. Of what is given, one has to
// hold of Equals, StartsWith and EndsWith together, and none of the others may.
type Field struct {
	Field         string   `json:"field"`
	Equals        []string `json:"equals,omitempty"`
	StartsWith    []string `json:"startsWith,omitempty"`
	EndsWith      []string `json:"endsWith,omitempty"`
	NotEquals     []string `json:"notEquals,omitempty"`
	NotStartsWith []string `json:"notStartsWith,omitempty"`
	NotEndsWith   []string `json:"notEndsWith,omitempty"`
}

const (
	// ObjectType and StoreType are the types of resources whose data events can be
	// selected; StoreType by advanced selectors only.
	ObjectType = "AWS::S3::Object"
	StoreType  = "AWS::CloudFront::KeyValueStore"

	valueSource = "cloudfront-keyvaluestore.amazonaws.com"

	maxSelectors = 5
	maxValues    = 500
)

func defaultSelectors() Selectors {
	return Selectors{Basic: []Selector{{ReadWrite: "All", Management: true}}}
}

func (s *Selectors) isDefault() bool {
	if len(s.Basic) != 1 || len(s.Advanced) > 0 {
		return false
	}
	b := &s.Basic[0]
	return b.ReadWrite == "All" && b.Management && len(b.Excluded) == 0 && len(b.Objects) == 0
}

// PutEventSelectors replaces the selectors of a trail.
//
// Source: AWS CloudTrail API Reference, PutEventSelectors.
func (s *Service) PutEventSelectors(ctx context.Context, who access.Caller, ref string, in Selectors) (trailARN string, err error) {
	call := s.begin(&who, "cloudtrail:PutEventSelectors", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, true)
	if err != nil {
		return "", err
	}
	if err := in.check(); err != nil {
		return "", err
	}
	return r.arn(), call.Effect(ctx, func() error {
		return s.change(ctx, r, func(now *record) error {
			now.Selectors = in
			return nil
		})
	})
}

// EventSelectors returns the selectors of a trail.
//
// Source: AWS CloudTrail API Reference, GetEventSelectors.
func (s *Service) EventSelectors(ctx context.Context, who access.Caller, ref string) (trailARN string, out Selectors, err error) {
	call := s.begin(&who, "cloudtrail:GetEventSelectors", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, false)
	if err != nil {
		return "", out, err
	}
	return r.arn(), r.Selectors, nil
}

// InsightSelectors says that no trail has any.
//
// Source: AWS CloudTrail API Reference, GetInsightSelectors.
func (s *Service) InsightSelectors(ctx context.Context, who access.Caller, ref string) (err error) {
	call := s.begin(&who, "cloudtrail:GetInsightSelectors", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, false)
	if err != nil {
		return err
	}
	return fail(ErrNoInsight, "Trail %s does not have Insights enabled.", r.Name)
}

func (s *Selectors) check() error {
	switch {
	case (len(s.Basic) > 0) == (len(s.Advanced) > 0):
		return fail(ErrSelectors, "Specify either event selectors or advanced event selectors.")
	case len(s.Basic) > maxSelectors:
		return fail(ErrSelectors, "A trail has at most %d event selectors.", maxSelectors)
	}
	for i := range s.Basic {
		if err := s.Basic[i].check(); err != nil {
			return err
		}
	}
	values := 0
	for i := range s.Advanced {
		if err := s.Advanced[i].check(); err != nil {
			return err
		}
		for _, f := range s.Advanced[i].Fields {
			values += len(f.Equals) + len(f.StartsWith) + len(f.EndsWith) + len(f.NotEquals) + len(f.NotStartsWith) + len(f.NotEndsWith)
		}
	}
	if values > maxValues {
		return fail(ErrSelectors, "The advanced event selectors of a trail have at most %d values.", maxValues)
	}
	return nil
}

func (s *Selector) check() error {
	if !slices.Contains([]string{"All", "ReadOnly", "WriteOnly"}, s.ReadWrite) {
		return fail(ErrSelectors, "The read-write type %.32q is none of All, ReadOnly and WriteOnly.", s.ReadWrite)
	}
	for _, source := range s.Excluded {
		if source != "kms.amazonaws.com" && source != "rdsdata.amazonaws.com" {
			return fail(ErrSelectors, "Management events of %.64q cannot be excluded.", source)
		}
	}
	for _, o := range s.Objects {
		if !strings.HasPrefix(o, "arn:aws:s3") {
			return fail(ErrSelectors, "The value %.128q is not the ARN of a bucket or an object.", o)
		}
	}
	return nil
}

func (s *AdvancedSelector) check() error {
	category := ""
	objects := false
	for _, f := range s.Fields {
		n := len(f.Equals) + len(f.StartsWith) + len(f.EndsWith) + len(f.NotEquals) + len(f.NotStartsWith) + len(f.NotEndsWith)
		if n == 0 {
			return fail(ErrSelectors, "The field %.64q has no value.", f.Field)
		}
		switch f.Field {
		case "eventCategory":
			if n != 1 || len(f.Equals) != 1 {
				return fail(ErrSelectors, "eventCategory takes one value of Equals.")
			}
			category = f.Equals[0]
		case "resources.type":
			if n != 1 || len(f.Equals) != 1 || f.Equals[0] != ObjectType && f.Equals[0] != StoreType {
				return fail(ErrSelectors, "resources.type takes one value of Equals, and there are data events of %s and %s only.", ObjectType, StoreType)
			}
			objects = true
		case "readOnly", "eventSource", "eventName", "eventType", "resources.ARN", "userIdentity.arn", "sessionCredentialFromConsole":
		default:
			return fail(ErrSelectors, "The field %.64q is not supported.", f.Field)
		}
	}
	switch {
	case category != "Management" && category != "Data":
		return fail(ErrSelectors, "eventCategory must be Management or Data.")
	case category == "Data" && !objects:
		return fail(ErrSelectors, "A selector of data events needs resources.type.")
	case category == "Management" && objects:
		return fail(ErrSelectors, "A selector of management events takes no resources.type.")
	}
	return nil
}

// selects reports whether the trail delivers ev, whose account and region fit.
func (s *Selectors) selects(ev *event.Event) bool {
	return slices.ContainsFunc(s.Basic, func(b Selector) bool { return b.selects(ev) }) ||
		slices.ContainsFunc(s.Advanced, func(a AdvancedSelector) bool { return a.selects(ev) })
}

func (s *Selector) selects(ev *event.Event) bool {
	switch {
	case s.ReadWrite == "ReadOnly" && !ev.ReadOnly, s.ReadWrite == "WriteOnly" && ev.ReadOnly:
		return false
	case ev.Category == event.Management:
		return s.Management && !slices.Contains(s.Excluded, ev.Source)
	case dataType(ev) != ObjectType:
		return false
	}
	for _, o := range s.Objects {
		// "arn:aws:s3" stands for all objects; "arn:aws:s3:::b/" for those of b.
		if o == "arn:aws:s3" || o == "arn:aws:s3:::" {
			return true
		}
		for _, r := range ev.Touched {
			if strings.HasPrefix(r.ARN, o) || r.Type == "AWS::S3::Bucket" && r.ARN+"/" == o {
				return true
			}
		}
	}
	return false
}

// dataType is the type of resource that a data event is about.
func dataType(ev *event.Event) string {
	if ev.Source == valueSource {
		return StoreType
	}
	return ObjectType
}

func (s *AdvancedSelector) selects(ev *event.Event) bool {
	for _, f := range s.Fields {
		var values []string
		switch f.Field {
		case "eventCategory":
			values = []string{string(ev.Category)}
		case "resources.type":
			values = []string{dataType(ev)}
		case "readOnly":
			values = []string{strconv.FormatBool(ev.ReadOnly)}
		case "eventSource":
			values = []string{ev.Source}
		case "eventName":
			values = []string{ev.Name}
		case "eventType":
			values = []string{ev.Type}
		case "userIdentity.arn":
			values = []string{ev.UserIdentity.ARN}
		case "sessionCredentialFromConsole":
			values = []string{"false"}
		case "resources.ARN":
			for _, r := range ev.Touched {
				if r.Type == ObjectType || len(ev.Touched) == 1 {
					values = append(values, r.ARN)
				}
			}
			// A call on the bucket itself is beneath its own prefix.
			if len(values) == 1 && ev.Touched[0].Type == "AWS::S3::Bucket" {
				values[0] += "/"
			}
		}
		if !f.holds(values) {
			return false
		}
	}
	return true
}

func (f *Field) holds(values []string) bool {
	has := func(list []string, match func(v, want string) bool) bool {
		return slices.ContainsFunc(list, func(want string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return match(v, want) })
		})
	}
	equal := func(v, want string) bool { return v == want }
	if has(f.NotEquals, equal) || has(f.NotStartsWith, strings.HasPrefix) || has(f.NotEndsWith, strings.HasSuffix) {
		return false
	}
	if len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0 {
		return true
	}
	return has(f.Equals, equal) || has(f.StartsWith, strings.HasPrefix) || has(f.EndsWith, strings.HasSuffix)
}
