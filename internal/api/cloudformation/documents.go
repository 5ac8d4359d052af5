package cloudformation

import (
	"encoding/json"
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
	Parameters                  *query.List[parameterDocument]
	CreationTime                *string
	DeletionTime                *string `xml:",omitempty"`
	LastUpdatedTime             *string `xml:",omitempty"`
	StackStatus                 stack.Status
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	NotificationARNs            query.List[string]
	Capabilities                *query.List[string]
	Outputs                     *query.List[outputDocument]
	RoleARN                     string `xml:",omitempty"`
	Tags                        query.List[tagDocument]
	EnableTerminationProtection *bool
	DriftInformation            drift
	RollbackConfiguration       struct{}
}

// some is a list in an answer, nil for an empty one: members that AWS leaves out
// then.
func some[T, D any](items []T, document func(T) D) *query.List[D] {
	if len(items) == 0 {
		return nil
	}
	l := listOf(items, document)
	return &l
}

func same(s string) string { return s }

func newStack(s stack.Stack) stackDocument {
	protected := &s.Protected
	if s.Status == stack.DeleteComplete {
		protected = nil
	}
	return stackDocument{
		StackId: s.ID, StackName: s.Name, ChangeSetId: s.ChangeSet, Description: s.Description, Parameters: some(s.Parameters, newParameter),
		CreationTime: moment(s.Created), DeletionTime: moment(s.Deleted), LastUpdatedTime: moment(s.Updated),
		StackStatus: s.Status, StackStatusReason: s.Reason, DisableRollback: s.OnFailure == stack.DoNothing,
		NotificationARNs: query.List[string]{}, Capabilities: some(s.Capabilities, same),
		Outputs: some(s.Outputs, func(o stack.Output) outputDocument {
			return outputDocument{o.Name, o.Value, o.Description, o.Export}
		}),
		RoleARN: s.Role, Tags: listOf(s.Tags, newTag), EnableTerminationProtection: protected, DriftInformation: drift{"NOT_CHECKED"},
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
	v.DeclaredTransforms.Members = t.Transforms()
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

type constraints struct{ AllowedValues *query.List[string] }

type summaryParameter struct {
	ParameterKey         string
	DefaultValue         *string `xml:",omitempty"`
	ParameterType        string
	NoEcho               bool
	Description          string `xml:",omitempty"`
	ParameterConstraints constraints
}

type templateSummary struct {
	Parameters                  query.List[summaryParameter]
	Description                 string `xml:",omitempty"`
	Capabilities                *query.List[string]
	CapabilitiesReason          string `xml:",omitempty"`
	ResourceTypes               query.List[string]
	Version                     string
	Metadata                    string `xml:",omitempty"`
	DeclaredTransforms          *query.List[string]
	ResourceIdentifierSummaries query.List[identifierSummary]
}

// identifierSummary names the resources of one type.
type identifierSummary struct {
	ResourceType       string
	LogicalResourceIds query.List[string]
}

func newTemplateSummary(t *template.Template) templateSummary {
	v := templateSummary{Description: t.Description, ResourceTypes: query.List[string]{Members: t.Types()}, Version: "2010-09-09"}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		v.Parameters.Members = append(v.Parameters.Members, summaryParameter{
			name, p.Default, p.Type, p.NoEcho, p.Description, constraints{some(p.AllowedValues, same)},
		})
	}
	var needed []string
	needed, v.CapabilitiesReason = capabilities(t)
	v.Capabilities, v.DeclaredTransforms = some(needed, same), some(t.Transforms(), same)
	if t.Metadata != nil {
		if text, err := json.Marshal(t.Metadata); err == nil {
			v.Metadata = string(text)
		}
	}
	for _, kind := range t.Types() {
		summary := identifierSummary{ResourceType: kind}
		for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
			if t.Resources[name].Type == kind {
				summary.LogicalResourceIds.Members = append(summary.LogicalResourceIds.Members, name)
			}
		}
		v.ResourceIdentifierSummaries.Members = append(v.ResourceIdentifierSummaries.Members, summary)
	}
	return v
}
