package own

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// ExplainRequest asks why a past request was denied, how a described request to
// the API would be decided, or what the edge would make of a viewer's request:
// RequestID alone, or Principal, Action and Resource, or URL.
type ExplainRequest struct {
	RequestID string `json:"requestId,omitempty"`

	Principal string `json:"principal,omitempty"` // ARN
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"` // ARN, or "*"
	// Context holds condition keys; the asker's own request gives the others.
	Context map[string][]string `json:"context,omitempty"`

	URL    string `json:"url,omitempty"`
	Method string `json:"method,omitempty"` // GET if empty
	// Headers are what the viewer sends, by name; Host and Cookie count.
	Headers map[string][]string `json:"headers,omitempty"`
	// Cookies are further Cookie headers, or Set-Cookie headers with attributes.
	Cookies []string   `json:"cookies,omitempty"`
	IP      string     `json:"ip,omitempty"`
	At      *time.Time `json:"at,omitempty"` // the server's clock if absent
}

// Explanation lists the denied decisions of a past request, or has the one
// decision of a described request, or what the edge makes of a viewer's.
type Explanation struct {
	Denials []Denial          `json:"denials,omitempty"`
	Decided *Decision         `json:"decision,omitempty"`
	Viewer  *edge.Explanation `json:"viewer,omitempty"`
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
	past, described, viewer := in.RequestID != "", in.Principal != "" && in.Action != "" && in.Resource != "", in.URL != ""
	switch {
	case past && !described && !viewer:
	case described && !past && !viewer:
		return d.explainDescribed(r, &in)
	case viewer && !past && !described:
		return d.explainViewer(r, &in)
	default:
		return nil, errBody
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
	asked := access.Question{Principal: in.Principal, Action: policy.Action(in.Action), Resource: in.Resource, Keys: in.Context}
	allowed, why, err := d.cfg.Gate.Explain(r.Context(), r.Caller, asked, d.cfg.Describe)
	if err != nil {
		return nil, err
	}
	return Explanation{Decided: &Decision{Allowed: allowed, Denial: denialOf(why)}}, nil
}

func (d *Door) explainViewer(r *front.Request, in *ExplainRequest) (any, error) {
	q := edge.Question{URL: in.URL, Method: in.Method, Header: make(http.Header)}
	for name, values := range in.Headers {
		for _, v := range values {
			q.Header.Add(name, v)
		}
	}
	for _, c := range in.Cookies {
		if hasAttributes(c) {
			q.SetCookies = append(q.SetCookies, c)
		} else {
			q.Header.Add("Cookie", c)
		}
	}
	if in.At != nil {
		q.At = *in.At
	}
	if in.IP != "" {
		var err error
		if q.Peer, err = netip.ParseAddr(in.IP); err != nil {
			return nil, fmt.Errorf("%w: %.100q is no IP address", ErrDescription, in.IP)
		}
	}
	found, err := d.cfg.ExplainViewer(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	return Explanation{Viewer: found}, nil
}

// hasAttributes tells the value of a Set-Cookie header from that of a Cookie
// header, which has no attributes.
func hasAttributes(cookie string) bool {
	_, rest, _ := strings.Cut(cookie, ";")
	for part := range strings.SplitSeq(rest, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "path", "domain", "secure", "httponly", "samesite", "expires", "max-age":
			return true
		}
	}
	return false
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
