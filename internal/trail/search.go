package trail

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// Criteria are what the owner of the log searches it by. Empty ones do not count.
type Criteria struct {
	// Resource is a key, bucket, object or other resource: its ARN, or the part
	// behind the last slash or colon of it.
	Resource string
	// Principal is the caller's ARN, name, access key id, account, or service.
	Principal string
	// Outcome is "allowed", "denied" or "undecided" (the decision), "failed", or
	// an error code.
	Outcome string
	// Action is a policy action, or the name of an API operation.
	Action string
	// Request is a request id.
	Request string
}

// Terms are the terms that a record must have.
func (c Criteria) Terms() (all []string) {
	for _, t := range []struct{ name, value string }{
		{"resource", c.Resource}, {"principal", c.Principal}, {"outcome", c.Outcome}, {"action", c.Action}, {"request", c.Request},
	} {
		if t.value != "" {
			all = append(all, t.name+"\x00"+t.value)
		}
	}
	return all
}

func criteriaOf(e *audit.Entry, yield func(term string)) {
	give := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				yield(name + "\x00" + v)
			}
		}
	}
	for _, r := range e.Resources {
		give("resource", r, r[strings.LastIndexAny(r, "/:")+1:])
	}
	w := &e.Who
	give("principal", w.ARN, w.Name, w.AccessKeyID, w.Account, w.Issuer, w.SourceARN)
	give("outcome", e.Decision, e.Error)
	if e.Error != "" {
		give("outcome", "failed")
	}
	give("action", e.Action, e.Operation)
	give("request", e.RequestID)
}
