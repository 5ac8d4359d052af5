// Package event translates records of the audit log into CloudTrail events, the
// form in which AWS tools read who did what.
//
// The translation is pure: the same record always gives the same events, with
// the same ids. A call within one account is one event. A call that was allowed
// on another account's resource is two, one for each account, with a common
// SharedEventID; the owner's names the caller's account and no more.
//
// Source: AWS CloudTrail User Guide, "CloudTrail record contents".
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
)

const (
	version = "1.11"
	// internal stands where AWS does not say which of its machines called.
	internal = "AWS Internal"
	// globalRegion is the region of services that have none.
	globalRegion = "us-east-1"
)

// Category says which kind of call an event is about.
type Category string

const (
	// Management events change or describe resources.
	Management Category = "Management"
	// Data events read or write what a resource holds, such as an object.
	Data Category = "Data"
)

// Event is one event. Its JSON is the one of CloudTrail.
type Event struct {
	Version             string         `json:"eventVersion"`
	UserIdentity        *Identity      `json:"userIdentity"`
	Time                time.Time      `json:"eventTime"`
	Source              string         `json:"eventSource"`
	Name                string         `json:"eventName"`
	Region              string         `json:"awsRegion"`
	SourceIPAddress     string         `json:"sourceIPAddress"`
	UserAgent           string         `json:"userAgent"`
	ErrorCode           string         `json:"errorCode,omitempty"`
	ErrorMessage        string         `json:"errorMessage,omitempty"`
	RequestParameters   map[string]any `json:"requestParameters"`
	ResponseElements    map[string]any `json:"responseElements"`
	AdditionalEventData map[string]any `json:"additionalEventData,omitempty"`
	RequestID           string         `json:"requestID"`
	ID                  string         `json:"eventID"`
	ReadOnly            bool           `json:"readOnly"`
	Resources           []Resource     `json:"resources,omitempty"`
	Type                string         `json:"eventType"`
	ManagementEvent     bool           `json:"managementEvent"`
	RecipientAccountID  arn.AccountID  `json:"recipientAccountId"`
	SharedEventID       string         `json:"sharedEventID,omitempty"`
	ServiceEventDetails map[string]any `json:"serviceEventDetails,omitempty"`
	Category            Category       `json:"eventCategory"`

	// Touched are all resources of the call, for those who look for one.
	// Resources has only those that CloudTrail puts into the event.
	Touched []Resource `json:"-"`
}

// Resource is what an event is about.
type Resource struct {
	Account arn.AccountID `json:"accountId,omitempty"`
	Type    string        `json:"type"`
	ARN     string        `json:"ARN"`
}

// Of returns the events of a record: none if no account is concerned or if the
// record is half of what another one tells, and two if the call went across
// accounts.
func Of(e *audit.Entry) []*Event { return of(e, (*Event).members) }

// Outline is Of without what was asked and answered, for those who look for
// events and do not show them.
func Outline(e *audit.Entry) []*Event {
	return of(e, func(*Event, *audit.Entry, string) {})
}

func of(e *audit.Entry, members func(ev *Event, e *audit.Entry, service string)) []*Event {
	caller, owner := arn.AccountID(e.Who.Account), owner(e)
	if owner == "" {
		owner = caller
	}
	if caller == "" {
		caller = owner
	}
	if caller == "" {
		return nil
	}
	ev := translate(e, caller, members)
	// A copy is one event, that of its write. A read that was refused is the
	// end of it, and the owner of the source, if another, does not see the write.
	read := readsToCopy(e) && e.Decision == audit.Allowed.String() && e.Error == ""
	if read && owner == caller {
		return nil
	}
	if owner == caller || e.Decision != audit.Allowed.String() {
		return []*Event{ev}
	}
	ev.SharedEventID = id(e, "shared", "")
	copied := *ev
	copied.ID, copied.RecipientAccountID = id(e, "event", owner), owner
	copied.UserIdentity = stranger(e)
	if read {
		copied.SharedEventID = ""
		return []*Event{&copied}
	}
	return []*Event{ev, &copied}
}

// owner is the account of the resource, if the record tells.
func owner(e *audit.Entry) arn.AccountID {
	if e.Owner != "" {
		return arn.AccountID(e.Owner)
	}
	for _, r := range e.Resources {
		if a, err := arn.Parse(r); err == nil && a.Account != "" && a.Account != "aws" {
			return a.Account
		}
	}
	return ""
}

func translate(e *audit.Entry, recipient arn.AccountID, members func(*Event, *audit.Entry, string)) *Event {
	service, _, _ := strings.Cut(e.Action, ":")
	ev := &Event{
		Version: version, UserIdentity: identityOf(e),
		Time: e.Time.UTC().Truncate(time.Second), Source: service + ".amazonaws.com", Name: nameOf(e), Region: e.Region,
		SourceIPAddress: e.SourceIP, UserAgent: e.UserAgent, ErrorCode: e.Error, ErrorMessage: e.Message,
		RequestID: e.RequestID, ID: id(e, "event", recipient), Type: "AwsApiCall", RecipientAccountID: recipient,
	}
	switch service {
	case "iam", "cloudfront", valueService:
		ev.Region = globalRegion
	case "keyfront":
		ev.Source = service
	}
	if ev.Region == "" {
		ev.Region = globalRegion
	}
	switch {
	case isServiceEvent(e):
		ev.Type, ev.SourceIPAddress, ev.UserAgent = "AwsServiceEvent", internal, internal
	case e.Who.Type == "AWSService":
		ev.SourceIPAddress, ev.UserAgent = e.Who.ARN, e.Who.ARN
	case e.InvokedBy != "":
		ev.SourceIPAddress, ev.UserAgent = internal, internal
	}
	ev.ReadOnly = readOnly(service, ev.Name)
	ev.Category, ev.ManagementEvent = Management, true
	if isData(service, ev.Name) {
		ev.Category, ev.ManagementEvent = Data, false
	}
	ev.resources(e, service)
	members(ev, e, service)
	return ev
}

// isServiceEvent reports whether a service did this by itself, when time came.
func isServiceEvent(e *audit.Entry) bool {
	service, _, _ := strings.Cut(e.Action, ":")
	return e.Who.Type == "AWSService" && e.Who.ARN == service+".amazonaws.com"
}

// id makes the id of an event from its record's place in the chain, which no
// two records share: a UUID of version 8 (RFC 9562).
func id(e *audit.Entry, purpose string, of arn.AccountID) string {
	var b [36]byte
	sum := sha256.Sum256([]byte("keyfront/" + purpose + "/v1\x00" + string(of) + "\x00" + e.Prev + e.RequestID))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	at := 0
	for i, n := range [...]int{4, 2, 2, 2, 6} {
		if i > 0 {
			b[at] = '-'
			at++
		}
		hex.Encode(b[at:], sum[:n])
		at += 2 * n
		copy(sum[:], sum[n:])
	}
	return string(b[:])
}
