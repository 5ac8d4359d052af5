// Package cloudtrail is CloudTrail's door: AWS JSON 1.1 over package trail. It
// decodes requests into the SDK's types, checks what the service model asks of
// their members, and encodes the answers. It decides nothing.
//
// Source: AWS CloudTrail API Reference, version 2013-11-01.
package cloudtrail

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/event"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// New returns the door over trails. What is our fault goes to log.
func New(trails *trail.Service, log *slog.Logger) *jsondoor.Door {
	d := door{trails}
	return jsondoor.New(jsondoor.Service{
		Target: "CloudTrail_20131101", Operations: d.operations(), Failures: failures, Fault: "InternalFailure", Log: log,
	})
}

func (d door) lookupEvents(ctx context.Context, who access.Caller, in *cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
	question := trail.Lookup{From: aws.ToTime(in.StartTime), To: aws.ToTime(in.EndTime), Next: aws.ToString(in.NextToken)}
	if in.MaxResults != nil {
		// A page of no events is refused like one of too many.
		if question.Max = int(*in.MaxResults); question.Max == 0 {
			question.Max = -1
		}
	}
	switch {
	case len(in.LookupAttributes) > 1:
		return nil, refusal.New(trail.ErrLookupAttributes, "You can specify only one lookup attribute.")
	case len(in.LookupAttributes) == 1:
		question.Attribute, question.Value = trail.Attribute(in.LookupAttributes[0].AttributeKey), *in.LookupAttributes[0].AttributeValue
	}
	if in.EventCategory != "" {
		return nil, refusal.New(trail.ErrUnsupported, "The event category %s is not supported.", in.EventCategory)
	}
	page, err := d.trails.LookupEvents(ctx, who, question)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.LookupEventsOutput{Events: make([]types.Event, 0, len(page.Events))}
	for _, ev := range page.Events {
		e, err := encode(ev)
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, e)
	}
	if page.Next != "" {
		out.NextToken = &page.Next
	}
	return out, nil
}

func encode(ev *event.Event) (types.Event, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(ev); err != nil {
		return types.Event{}, fmt.Errorf("encode event: %w", err)
	}
	e := types.Event{
		EventId: &ev.ID, EventName: &ev.Name, ReadOnly: aws.String(strconv.FormatBool(ev.ReadOnly)), EventTime: aws.Time(ev.Time.Truncate(time.Second)),
		EventSource: &ev.Source, Resources: []types.Resource{}, CloudTrailEvent: aws.String(string(bytes.TrimSuffix(text.Bytes(), []byte("\n")))),
	}
	if user := ev.User(); user != "" {
		e.Username = &user
	}
	if key := ev.UserIdentity.AccessKeyID; key != "" {
		e.AccessKeyId = &key
	}
	for _, r := range ev.Touched {
		e.Resources = append(e.Resources, types.Resource{ResourceType: aws.String(r.Type), ResourceName: aws.String(r.Name())})
	}
	return e, nil
}
