package own

import (
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// ExplainRequest asks why a past request was denied, or how a described one
// would be decided: RequestID alone, or the others.
type ExplainRequest struct {
	RequestID string `json:"requestId,omitempty"`

	Principal string `json:"principal,omitempty"` // ARN
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"` // ARN, or "*"
	// Context holds condition keys; the asker's own request gives the others.
	Context map[string][]string `json:"context,omitempty"`
}

// Explanation lists the denied decisions of a past request, or the one decision
// of a described request.
type Explanation struct {
	Denials []Denial  `json:"denials,omitempty"`
	Decided *Decision `json:"decision,omitempty"`
}

// Decision is how a described request would be decided.
type Decision struct {
	Allowed bool `json:"allowed"`
	Denial
}

// Denial is one denied decision: who wanted what, and what every statement of
// every policy that could speak had to say.
type Denial struct {
	RequestID string    `json:"requestId,omitempty"`
	Time      time.Time `json:"time"`
	Principal string    `json:"principal"`
	Action    string    `json:"action"`
	Resource  string    `json:"resource"`
	Reason    string    `json:"reason"`
	Findings  []Finding `json:"findings"`
}

// Finding is the word of one statement; Statement is -1 where a whole policy
// said nothing. Places count from 0.
type Finding struct {
	Source     string      `json:"source"`
	Policy     int         `json:"policy"`
	Name       string      `json:"name,omitempty"` // ARN of a managed policy; OWNER-ARN#NAME of an inline one
	Statement  int         `json:"statement"`
	Sid        string      `json:"sid,omitempty"`
	Effect     string      `json:"effect,omitempty"`
	Applied    bool        `json:"applied"`
	Delegates  bool        `json:"delegates,omitempty"`
	Failed     string      `json:"failed,omitempty"`
	Wanted     []string    `json:"wanted,omitempty"`
	Present    []string    `json:"present,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition is one condition of a statement, with both values.
type Condition struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Wanted   []string `json:"wanted"`
	Present  []string `json:"present"`
	Held     bool     `json:"held"`
}

func (d *Door) explain(r *front.Request) (any, error) {
	var in ExplainRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	described := in.Principal != "" && in.Action != "" && in.Resource != ""
	if (in.RequestID == "") != described {
		return nil, errBody
	}
	if described {
		return d.explainDescribed(r, &in)
	}
	denials, err := d.cfg.Gate.Why(r.Context(), r.Caller, in.RequestID)
	if err != nil {
		return nil, err
	}
	var out Explanation
	for _, n := range denials {
		out.Denials = append(out.Denials, denialOf(n))
	}
	return out, nil
}

func (d *Door) explainDescribed(r *front.Request, in *ExplainRequest) (any, error) {
	about, err := d.cfg.Describe(r.Context(), in.Principal, in.Action, in.Resource)
	if err != nil {
		return nil, err
	}
	about.Keys = in.Context
	allowed, why, err := d.cfg.Gate.Explain(r.Context(), r.Caller, about)
	if err != nil {
		return nil, err
	}
	return Explanation{Decided: &Decision{Allowed: allowed, Denial: denialOf(why)}}, nil
}

func denialOf(n access.Denial) Denial {
	d := Denial{
		RequestID: n.RequestID, Time: n.Time, Principal: n.Principal, Action: string(n.Action), Resource: n.Resource, Reason: n.Reason.String(),
	}
	for _, f := range n.Findings {
		d.Findings = append(d.Findings, findingOf(f))
	}
	return d
}

func findingOf(f access.Finding) Finding {
	out := Finding{
		Source: f.Source.String(), Policy: f.Policy, Name: f.Name, Statement: f.Statement, Sid: f.Sid,
		Applied: f.Applied, Delegates: f.Delegates, Wanted: f.Wanted, Present: f.Present,
	}
	switch {
	case f.Statement < 0:
	case f.Deny:
		out.Effect = "Deny"
	default:
		out.Effect = "Allow"
	}
	if f.Failed != policy.NoElement {
		out.Failed = f.Failed.String()
		if f.Not {
			out.Failed = "Not" + out.Failed
		}
	}
	for _, c := range f.Conditions {
		out.Conditions = append(out.Conditions, Condition{Operator: c.Operator, Key: c.Key, Wanted: c.Wanted, Present: c.Present, Held: c.Held})
	}
	return out
}
