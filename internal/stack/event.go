package stack

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Event is one thing that happened to a stack or to one of its resources.
type Event struct {
	ID        string    `json:"id"`
	StackID   string    `json:"stackId"` // ARN
	StackName string    `json:"stackName"`
	Logical   string    `json:"logical"`
	Physical  string    `json:"physical,omitempty"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Status    Status    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Token     string    `json:"token,omitempty"` // of the request
}

// stackType is the type under which a stack stands among its own events.
const stackType = "AWS::CloudFormation::Stack"

// turn gives the stack a status and returns the event that says so.
func (s *Service) turn(r *stackRecord, to Status, reason string) Event {
	r.Status, r.Reason = to, reason
	return s.event(r, r.Name, r.arn(), stackType, to, reason)
}

// mark gives a resource a status and returns the event that says so.
func (s *Service) mark(r *stackRecord, res *resourceRecord, to Status, reason string) Event {
	res.Status, res.Reason, res.Changed = to, reason, s.cfg.Clock.Now()
	return s.event(r, res.Logical, res.Physical, res.Type, to, reason)
}

func (s *Service) event(r *stackRecord, logical, physical, kind string, status Status, reason string) Event {
	e := Event{
		ID: uuid.NewString(), StackID: r.arn(), StackName: r.Name, Logical: logical, Physical: physical,
		Type: kind, At: s.cfg.Clock.Now(), Status: status, Reason: reason,
	}
	if r.Work != nil {
		e.Token = r.Work.Token
	}
	return e
}

func decodeEvent(value []byte) (Event, error) {
	var e Event
	if json.Unmarshal(value, &e) != nil {
		return e, errDamaged
	}
	return e, nil
}
