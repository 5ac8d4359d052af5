package cloudformation

import (
	"encoding/json"

	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type changeTarget struct {
	Attribute           string
	Name                string `xml:",omitempty"`
	RequiresRecreation  string
	Path                string  `xml:",omitempty"`
	BeforeValue         *string `xml:",omitempty"`
	AfterValue          *string `xml:",omitempty"`
	AttributeChangeType string  `xml:",omitempty"`
}

type changeDetail struct {
	Target        changeTarget
	Evaluation    string
	ChangeSource  string
	CausingEntity string `xml:",omitempty"`
}

type resourceChange struct {
	PolicyAction              string `xml:",omitempty"`
	Action, LogicalResourceId string
	PhysicalResourceId        string `xml:",omitempty"`
	ResourceType              string
	Replacement               string `xml:",omitempty"`
	Scope                     query.List[string]
	Details                   query.List[changeDetail]
	BeforeContext             string `xml:",omitempty"`
	AfterContext              string `xml:",omitempty"`
}

type changeDocument struct {
	Type           string
	ResourceChange resourceChange
}

// newChange describes a change, with values what is there before and after it.
func newChange(c stack.Change, values bool) changeDocument {
	r := resourceChange{
		PolicyAction: c.Policy, Action: c.Action, LogicalResourceId: c.Logical, PhysicalResourceId: c.Physical, ResourceType: c.Type,
		Replacement: c.Replacement, Scope: query.List[string]{Members: c.Scope},
	}
	if values {
		r.BeforeContext, r.AfterContext = contextOf(c.Before), contextOf(c.After)
	}
	for _, d := range c.Details {
		if d.Valued && !values {
			continue
		}
		detail := changeDetail{
			Target:     changeTarget{Attribute: "Properties", Name: d.Property, RequiresRecreation: "Never"},
			Evaluation: "Static", ChangeSource: d.Source, CausingEntity: d.Cause,
		}
		if d.Replaces {
			detail.Target.RequiresRecreation = "Always"
			if c.Replacement == "Conditional" {
				detail.Target.RequiresRecreation = "Conditionally"
			}
		}
		if d.Dynamic {
			detail.Evaluation = "Dynamic"
		}
		if values {
			addValues(&detail.Target, c.Before, c.After)
		}
		r.Details.Members = append(r.Details.Members, detail)
	}
	return changeDocument{"Resource", r}
}

func addValues(t *changeTarget, before, after map[string]any) {
	t.Path = "/Properties/" + t.Name
	t.BeforeValue, t.AfterValue = valueOf(before, t.Name), valueOf(after, t.Name)
	switch {
	case t.BeforeValue == nil:
		t.AttributeChangeType = "Add"
	case t.AfterValue == nil:
		t.AttributeChangeType = "Remove"
	default:
		t.AttributeChangeType = "Modify"
	}
}

// valueOf is one property as text, JSON if it is no string; nil where it is not
// there.
func valueOf(properties map[string]any, name string) *string {
	v, ok := properties[name]
	if !ok {
		return nil
	}
	text, isText := v.(string)
	if !isText {
		b, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		text = string(b)
	}
	return &text
}

func contextOf(properties map[string]any) string {
	if properties == nil {
		return ""
	}
	text, err := json.Marshal(map[string]any{"Properties": properties})
	if err != nil {
		return ""
	}
	return string(text)
}

type changeSetDocument struct {
	ChangeSetName, ChangeSetId, StackId, StackName string
	Description                                    string `xml:",omitempty"`
	Parameters                                     *query.List[parameterDocument]
	CreationTime                                   *string
	ExecutionStatus                                string
	Status                                         stack.Status
	StatusReason                                   string `xml:",omitempty"`
	NotificationARNs                               query.List[string]
	RollbackConfiguration                          struct{}
	Capabilities                                   query.List[string]
	Tags                                           *query.List[tagDocument]
	Changes                                        query.List[changeDocument]
	IncludeNestedStacks                            bool
}

// newChangeSet describes a change set. With values, a change that is only possible
// is left out, as on AWS: its value does not show.
func newChangeSet(c stack.ChangeSet, values bool) changeSetDocument {
	d := changeSetDocument{
		ChangeSetName: c.Name, ChangeSetId: c.ID, StackId: c.StackID, StackName: c.StackName, Description: c.Description,
		Parameters: some(c.Parameters, newParameter), CreationTime: moment(c.Created), ExecutionStatus: c.Execution, Status: c.Status,
		StatusReason: c.Reason, NotificationARNs: query.List[string]{}, Capabilities: query.List[string]{Members: c.Capabilities},
		Tags: some(c.Tags, newTag),
	}
	for _, change := range c.Changes {
		if !values || !change.Possible {
			d.Changes.Members = append(d.Changes.Members, newChange(change, values))
		}
	}
	return d
}

type changeSetSummary struct {
	StackId, StackName, ChangeSetId, ChangeSetName, ExecutionStatus string
	Status                                                          stack.Status
	StatusReason                                                    string `xml:",omitempty"`
	CreationTime                                                    *string
	Description                                                     string `xml:",omitempty"`
	IncludeNestedStacks                                             bool
}

func newChangeSetSummary(c stack.ChangeSet) changeSetSummary {
	return changeSetSummary{c.StackID, c.StackName, c.ID, c.Name, c.Execution, c.Status, c.Reason, moment(c.Created), c.Description, false}
}
