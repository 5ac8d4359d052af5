package trail

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/event"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const (
	// MaxLookupEvents is the size of a page of Lookup, and what it has by default.
	MaxLookupEvents = 50
	// LookupWindow is how far back Lookup sees.
	LookupWindow = 90 * 24 * time.Hour
)

// Attribute is what an event can be looked up by.
type Attribute string

// The attributes.
const (
	ByEventID      Attribute = "EventId"
	ByEventName    Attribute = "EventName"
	ByReadOnly     Attribute = "ReadOnly"
	ByUsername     Attribute = "Username"
	ByResourceType Attribute = "ResourceType"
	ByResourceName Attribute = "ResourceName"
	ByEventSource  Attribute = "EventSource"
	ByAccessKeyID  Attribute = "AccessKeyId"
)

// Lookup is a question for events.
type Lookup struct {
	// Attribute is empty for all events.
	Attribute Attribute
	Value     string
	// From and To bound the time; zero is no bound.
	From, To time.Time
	// Max is the size of the page; 0 means MaxLookupEvents.
	Max int
	// Next is the token of the page before.
	Next string
}

// Page is what Lookup found, newest first.
type Page struct {
	Events []*event.Event
	// Next asks for the rest; empty at the end.
	Next string
}

// LookupEvents finds the management events of the caller's account and region of
// the last 90 days. What was acknowledged before is found at once.
//
// It returns ErrTimeRange, ErrMaxResults, ErrLookupAttributes and ErrNextToken.
// ErrTimeRange also says that a page would have to go on into records that are
// archived: an answer never looks complete that is not.
//
// Source: AWS CloudTrail API Reference, LookupEvents.
func (s *Service) LookupEvents(ctx context.Context, who access.Caller, in Lookup) (page Page, err error) {
	call := s.cfg.Gate.Begin(who, "cloudtrail:LookupEvents")
	defer call.End(ctx, &err)
	if in.Attribute != "" {
		call.Note("attributeKey", string(in.Attribute))
		call.Note("attributeValue", in.Value)
	}
	if err := in.check(); err != nil {
		return page, err
	}
	q, err := in.query(&who)
	if err != nil {
		return page, err
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return page, err
	}
	if oldest := who.At.Add(-LookupWindow); q.From.Before(oldest) {
		q.From = oldest
	}
	for e, err := range s.cfg.Catalog.Find(ctx, q) {
		if err != nil {
			return Page{}, err
		}
		if len(page.Events) == in.Max {
			page.Next = in.token(&who, q.Before)
			return page, nil
		}
		for _, ev := range event.Of(e) {
			if ev.RecipientAccountID == who.Account() && ev.Region == who.Region {
				page.Events = append(page.Events, ev)
				break
			}
		}
		q.Before = e.Seq
	}
	if err := s.covers(q.From); err != nil {
		return Page{}, err
	}
	return page, nil
}

// useWindow is how far the time of a record may be from that of the use it is of.
const useWindow = time.Minute

// UseOf finds the event of a use of a resource, for the resource's account: of the
// operation, with that request id, at about that time. It is empty where the log
// has no record of it, or no longer.
func (s *Service) UseOf(ctx context.Context, resource, operation, request string, at time.Time) (id string, err error) {
	name, err := arn.Parse(resource)
	if err != nil {
		return "", err
	}
	q := catalog.Query{All: Criteria{Resource: resource, Request: request}.Terms(), From: at.Add(-useWindow), To: at.Add(useWindow)}
	for e, err := range s.cfg.Catalog.Find(ctx, q) {
		if err != nil {
			return "", err
		}
		for _, ev := range event.Outline(e) {
			if ev.RecipientAccountID == name.Account && ev.Name == operation && ev.ErrorCode == "" {
				return ev.ID, nil
			}
		}
	}
	return "", nil
}

// covers returns an error unless the log still has all records from then on.
func (s *Service) covers(from time.Time) error {
	removed := s.cfg.Removed()
	if removed.IsZero() || removed.Unix() < from.Unix() {
		return nil
	}
	if segments, err := s.cfg.Reader.Segments(); err != nil || len(segments) > 0 && segments[0].First == 1 {
		return err // they were brought back
	}
	return fail(ErrTimeRange, "The events until %s are archived and can no longer be looked up here: give a start time after it.", removed.UTC().Format(time.RFC3339))
}

func (in *Lookup) check() error {
	if in.Max == 0 {
		in.Max = MaxLookupEvents
	}
	switch {
	case in.Max < 1 || in.Max > MaxLookupEvents:
		return fail(ErrMaxResults, "A maximum results value of %d is invalid. Specify a number between 1 and %d.", in.Max, MaxLookupEvents)
	case !in.From.IsZero() && !in.To.IsZero() && in.To.Before(in.From):
		return fail(ErrTimeRange, "The start time %s is after the end time %s.", in.From.UTC().Format(time.RFC3339), in.To.UTC().Format(time.RFC3339))
	}
	switch in.Attribute {
	case "", ByEventID, ByEventName, ByReadOnly, ByUsername, ByResourceType, ByResourceName, ByEventSource, ByAccessKeyID:
		return nil
	}
	return fail(ErrLookupAttributes, "The lookup attribute %q is not valid.", string(in.Attribute))
}

func (in *Lookup) query(who *access.Caller) (q catalog.Query, err error) {
	term := scope(who.Account(), who.Region)
	if in.Attribute != "" {
		term += "\x00" + string(in.Attribute) + "\x00" + in.Value
	}
	q = catalog.Query{All: []string{term}, From: in.From, To: in.To}
	if in.Next != "" {
		q.Before, err = in.before(who)
	}
	return q, err
}

// token names the place behind which a page ends. It is bound to its question.
func (in *Lookup) token(who *access.Caller, before uint64) string {
	b := binary.BigEndian.AppendUint64(in.digest(who), before)
	return base64.URLEncoding.EncodeToString(b)
}

func (in *Lookup) before(who *access.Caller) (uint64, error) {
	b, err := base64.URLEncoding.DecodeString(in.Next)
	want := in.digest(who)
	if err != nil || len(b) != len(want)+8 || string(b[:len(want)]) != string(want) {
		return 0, fail(ErrNextToken, "The next token is not valid, or belongs to a request with other parameters.")
	}
	before := binary.BigEndian.Uint64(b[len(want):])
	if before == 0 {
		return 0, fail(ErrNextToken, "The next token is not valid.")
	}
	return before, nil
}

func (in *Lookup) digest(who *access.Caller) []byte {
	sum := sha256.Sum256([]byte(scope(who.Account(), who.Region) + "\x00" + string(in.Attribute) + "\x00" + in.Value + "\x00" +
		in.From.UTC().Format(time.RFC3339) + "\x00" + in.To.UTC().Format(time.RFC3339)))
	return sum[:16]
}

// TermsVersion names the meaning of Terms; it changes with it.
const TermsVersion = "trail/1"

func scope(account arn.AccountID, region string) string {
	return "events\x00" + string(account) + "\x00" + region
}

// Terms are what a record can be found by: for LookupEvents the attributes of
// its events, for Search the names in Criteria.
func Terms(e *audit.Entry, yield func(term string)) {
	for _, ev := range event.Outline(e) {
		if ev.Category != event.Management {
			continue
		}
		base := scope(ev.RecipientAccountID, ev.Region)
		yield(base)
		attribute := func(a Attribute, value string) {
			if value != "" {
				yield(base + "\x00" + string(a) + "\x00" + value)
			}
		}
		attribute(ByEventID, ev.ID)
		attribute(ByEventName, ev.Name)
		attribute(ByReadOnly, strconv.FormatBool(ev.ReadOnly))
		attribute(ByUsername, ev.User())
		attribute(ByEventSource, ev.Source)
		attribute(ByAccessKeyID, ev.UserIdentity.AccessKeyID)
		for _, r := range ev.Touched {
			attribute(ByResourceType, r.Type)
			attribute(ByResourceName, r.Name())
			if short := r.ShortName(); short != r.Name() {
				attribute(ByResourceName, short)
			}
		}
	}
	criteriaOf(e, yield)
}
