package cloudformation

import (
	"maps"
	"slices"
	"time"

	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/template"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// moment is a time in an answer, with milliseconds, nil for none.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &text
}

type parameterDocument struct {
	ParameterKey, ParameterValue string
	ResolvedValue                string `xml:",omitempty"`
}

func newParameter(v stack.Value) parameterDocument {
	return parameterDocument{v.Name, v.Value, v.Looked}
}

type outputDocument struct {
	OutputKey, OutputValue string
	Description            string `xml:",omitempty"`
	ExportName             string `xml:",omitempty"`
}

type tagDocument struct{ Key, Value string }

func newTag(t stack.Tag) tagDocument { return tagDocument(t) }

type drift struct{ StackDriftStatus string }

type stackDocument struct {
	StackId, StackName          string
	ChangeSetId                 string `xml:",omitempty"`
	Description                 string `xml:",omitempty"`
	Parameters                  query.List[parameterDocument]
	CreationTime                *string
	DeletionTime                *string `xml:",omitempty"`
	LastUpdatedTime             *string `xml:",omitempty"`
	StackStatus                 stack.Status
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	NotificationARNs            query.List[string]
	Capabilities                query.List[string]
	Outputs                     query.List[outputDocument]
	RoleARN                     string `xml:",omitempty"`
	Tags                        query.List[tagDocument]
	EnableTerminationProtection bool
	DriftInformation            drift
}

func newStack(s stack.Stack) stackDocument {
	return stackDocument{
		StackId: s.ID, StackName: s.Name, ChangeSetId: s.ChangeSet, Description: s.Description, Parameters: listOf(s.Parameters, newParameter),
		CreationTime: moment(s.Created), DeletionTime: moment(s.Deleted), LastUpdatedTime: moment(s.Updated),
		StackStatus: s.Status, StackStatusReason: s.Reason, DisableRollback: s.OnFailure == stack.DoNothing,
		NotificationARNs: query.List[string]{}, Capabilities: query.List[string]{Members: s.Capabilities},
		Outputs: listOf(s.Outputs, func(o stack.Output) outputDocument {
			return outputDocument{o.Name, o.Value, o.Description, o.Export}
		}),
		RoleARN: s.Role, Tags: listOf(s.Tags, newTag), EnableTerminationProtection: s.Protected, DriftInformation: drift{"NOT_CHECKED"},
	}
}

type summaryDocument struct {
	StackId, StackName  string
	TemplateDescription string `xml:",omitempty"`
	CreationTime        *string
	LastUpdatedTime     *string `xml:",omitempty"`
	DeletionTime        *string `xml:",omitempty"`
	StackStatus         stack.Status
	StackStatusReason   string `xml:",omitempty"`
	DriftInformation    drift
}

func newSummary(s stack.Stack) summaryDocument {
	return summaryDocument{s.ID, s.Name, s.Description, moment(s.Created), moment(s.Updated), moment(s.Deleted), s.Status, s.Reason, drift{"NOT_CHECKED"}}
}

type eventDocument struct {
	StackId, EventId, StackName, LogicalResourceId, PhysicalResourceId, ResourceType string
	Timestamp                                                                        *string
	ResourceStatus                                                                   stack.Status
	ResourceStatusReason                                                             string `xml:",omitempty"`
	ClientRequestToken                                                               string `xml:",omitempty"`
}

func newEvent(e stack.Event) eventDocument {
	return eventDocument{e.StackID, e.ID, e.StackName, e.Logical, e.Physical, e.Type, moment(e.At), e.Status, e.Reason, e.Token}
}

type resourceDocument struct {
	StackName, StackId, LogicalResourceId string
	PhysicalResourceId                    string `xml:",omitempty"`
	ResourceType                          string
	Timestamp                             *string
	ResourceStatus                        stack.Status
	ResourceStatusReason                  string `xml:",omitempty"`
	DriftInformation                      resourceDrift
}

type resourceDrift struct{ StackResourceDriftStatus string }

func newResource(of stack.Stack, r stack.Resource) resourceDocument {
	return resourceDocument{of.Name, of.ID, r.Logical, r.Physical, r.Type, moment(r.Changed), r.Status, r.Reason, resourceDrift{"NOT_CHECKED"}}
}

type resourceDetail struct {
	StackName, StackId, LogicalResourceId string
	PhysicalResourceId                    string `xml:",omitempty"`
	ResourceType                          string
	LastUpdatedTimestamp                  *string
	ResourceStatus                        stack.Status
	ResourceStatusReason                  string `xml:",omitempty"`
	DriftInformation                      resourceDrift
}

func newDetail(of stack.Stack, r stack.Resource) resourceDetail {
	return resourceDetail{of.Name, of.ID, r.Logical, r.Physical, r.Type, moment(r.Changed), r.Status, r.Reason, resourceDrift{"NOT_CHECKED"}}
}

type resourceSummary struct {
	LogicalResourceId    string
	PhysicalResourceId   string `xml:",omitempty"`
	ResourceType         string
	LastUpdatedTimestamp *string
	ResourceStatus       stack.Status
	ResourceStatusReason string `xml:",omitempty"`
	DriftInformation     resourceDrift
}

func newResourceSummary(r stack.Resource) resourceSummary {
	return resourceSummary{r.Logical, r.Physical, r.Type, moment(r.Changed), r.Status, r.Reason, resourceDrift{"NOT_CHECKED"}}
}

type templateParameter struct {
	ParameterKey string
	DefaultValue *string `xml:",omitempty"`
	NoEcho       bool
	Description  string `xml:",omitempty"`
}

type validation struct {
	Parameters         query.List[templateParameter]
	Description        string `xml:",omitempty"`
	Capabilities       query.List[string]
	CapabilitiesReason string `xml:",omitempty"`
	DeclaredTransforms query.List[string]
}

func newValidation(t *template.Template) validation {
	v := validation{Description: t.Description}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		v.Parameters.Members = append(v.Parameters.Members, templateParameter{name, p.Default, p.NoEcho, p.Description})
	}
	v.Capabilities.Members, v.CapabilitiesReason = capabilities(t)
	return v
}

func capabilities(t *template.Template) (needed []string, reason string) {
	if needed = stack.Needs(t); len(needed) > 0 {
		reason = "The following resource(s) require capabilities: ["
		for i, kind := range slices.DeleteFunc(t.Types(), func(kind string) bool { return len(kind) < 10 || kind[:10] != "AWS::IAM::" }) {
			if i > 0 {
				reason += ", "
			}
			reason += kind
		}
		reason += "]"
	}
	return needed, reason
}

type constraints struct{ AllowedValues query.List[string] }

type summaryParameter struct {
	ParameterKey         string
	DefaultValue         *string `xml:",omitempty"`
	ParameterType        string
	NoEcho               bool
	Description          string `xml:",omitempty"`
	ParameterConstraints constraints
}

type templateSummary struct {
	Parameters         query.List[summaryParameter]
	Description        string `xml:",omitempty"`
	Capabilities       query.List[string]
	CapabilitiesReason string `xml:",omitempty"`
	ResourceTypes      query.List[string]
	Version            string
	DeclaredTransforms query.List[string]
}

func newTemplateSummary(t *template.Template) templateSummary {
	v := templateSummary{Description: t.Description, ResourceTypes: query.List[string]{Members: t.Types()}, Version: "2010-09-09"}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		v.Parameters.Members = append(v.Parameters.Members, summaryParameter{
			name, p.Default, p.Type, p.NoEcho, p.Description, constraints{query.List[string]{Members: p.AllowedValues}},
		})
	}
	v.Capabilities.Members, v.CapabilitiesReason = capabilities(t)
	return v
}

type changeTarget struct {
	Attribute          string
	Name               string `xml:",omitempty"`
	RequiresRecreation string
}

type changeDetail struct {
	Target       changeTarget
	Evaluation   string
	ChangeSource string
}

type resourceChange struct {
	Action, LogicalResourceId string
	PhysicalResourceId        string `xml:",omitempty"`
	ResourceType              string
	Replacement               string `xml:",omitempty"`
	Scope                     query.List[string]
	Details                   query.List[changeDetail]
}

type changeDocument struct {
	Type           string
	ResourceChange resourceChange
}

func newChange(c stack.Change) changeDocument {
	r := resourceChange{
		Action: c.Action, LogicalResourceId: c.Logical, PhysicalResourceId: c.Physical, ResourceType: c.Type, Replacement: c.Replacement,
		Scope: query.List[string]{Members: c.Scope},
	}
	recreation := map[string]string{"True": "Always", "Conditional": "Conditionally"}[c.Replacement]
	if recreation == "" {
		recreation = "Never"
	}
	for _, name := range c.Properties {
		r.Details.Members = append(r.Details.Members, changeDetail{changeTarget{"Properties", name, recreation}, "Static", "DirectModification"})
	}
	return changeDocument{"Resource", r}
}

type changeSetDocument struct {
	ChangeSetName, ChangeSetId, StackId, StackName string
	Description                                    string `xml:",omitempty"`
	Parameters                                     query.List[parameterDocument]
	CreationTime                                   *string
	ExecutionStatus                                string
	Status                                         stack.Status
	StatusReason                                   string `xml:",omitempty"`
	NotificationARNs                               query.List[string]
	Capabilities                                   query.List[string]
	Tags                                           query.List[tagDocument]
	Changes                                        query.List[changeDocument]
	IncludeNestedStacks                            bool
}

func newChangeSet(c stack.ChangeSet) changeSetDocument {
	return changeSetDocument{
		ChangeSetName: c.Name, ChangeSetId: c.ID, StackId: c.StackID, StackName: c.StackName, Description: c.Description,
		Parameters: listOf(c.Parameters, newParameter), CreationTime: moment(c.Created), ExecutionStatus: c.Execution, Status: c.Status,
		StatusReason: c.Reason, NotificationARNs: query.List[string]{}, Capabilities: query.List[string]{Members: c.Capabilities},
		Tags: listOf(c.Tags, newTag), Changes: listOf(c.Changes, newChange),
	}
}

type changeSetSummary struct {
	StackId, StackName, ChangeSetId, ChangeSetName, ExecutionStatus string
	Status                                                          stack.Status
	StatusReason                                                    string `xml:",omitempty"`
	CreationTime                                                    *string
	Description                                                     string `xml:",omitempty"`
}

func newChangeSetSummary(c stack.ChangeSet) changeSetSummary {
	return changeSetSummary{c.StackID, c.StackName, c.ID, c.Name, c.Execution, c.Status, c.Reason, moment(c.Created), c.Description}
}
