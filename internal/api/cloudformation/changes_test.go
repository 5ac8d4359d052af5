package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

const chained = `
Parameters: {Word: {Type: String, Default: one}, Quiet: {Type: String, NoEcho: true, Default: hush}, Name: {Type: String, Default: a}}
Conditions: {Third: !Equals [!Ref Word, one]}
Resources:
  P: {Type: 'AWS::SSM::Parameter', Properties: {Name: !Ref Name, Type: String, Value: !Ref Word, Description: !Ref Quiet}}
  Q: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !GetAtt P.Value}}
  R: {Type: 'AWS::SSM::Parameter', UpdateReplacePolicy: Retain, DeletionPolicy: Retain, Condition: Third, Properties: {Type: String, Value: x}}
`

// A change set tells of each property why it changes, and with IncludePropertyValues
// from what into what.
func TestChangeSetDetails(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, c := t.Context(), client(t, srv)
	name := aws.String("chained")
	argument := func(key, value string) types.Parameter {
		return types.Parameter{ParameterKey: &key, ParameterValue: &value}
	}
	changes := func(kind types.ChangeSetType, text string, values bool, arguments ...types.Parameter) string {
		t.Helper()
		made := must(c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
			StackName: name, ChangeSetName: aws.String("c"), ChangeSetType: kind, TemplateBody: &text, Parameters: arguments,
		}))
		defer func() {
			must(c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}))
			finished(t, c, name)
		}()
		return described(must(c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id, IncludePropertyValues: &values})))
	}
	// Each change set is executed, and so its name is free again.
	for _, step := range []struct {
		name, text string
		kind       types.ChangeSetType
		values     bool
		arguments  []types.Parameter
		want       string
	}{
		{"made", chained, types.ChangeSetTypeCreate, true, nil, `
Add P {"Properties":{"Description":"****","Name":"a","Type":"String","Value":"one"}}
Add Q {"Properties":{"Type":"String","Value":"{{changeSet:KNOWN_AFTER_APPLY}}"}}
Add R {"Properties":{"Type":"String","Value":"x"}}`},
		{"another argument", chained, types.ChangeSetTypeUpdate, false, []types.Parameter{argument("Word", "two")}, `
Modify P False
  Value ParameterReference Word Static Never
  Value DirectModification Dynamic Never
Modify Q False
  Value ResourceAttribute P.Value Dynamic Never
Remove R Retain`},
		{"another text", strings.Replace(chained, "Value: !Ref Word", "Value: three", 1), types.ChangeSetTypeUpdate, true, nil, `
Modify P False {"Properties":{"Description":"****","Name":"a","Type":"String","Value":"two"}} {"Properties":{"Description":"****","Name":"a","Type":"String","Value":"three"}}
  Value DirectModification Static Never Modify two three
Add R {"Properties":{"Type":"String","Value":"x"}}`},
		{"another name", strings.Replace(chained, "Value: !Ref Word", "Value: three", 1), types.ChangeSetTypeUpdate, false, []types.Parameter{argument("Name", "b")}, `
Modify P True ReplaceAndDelete
  Name ParameterReference Name Static Always
  Name DirectModification Dynamic Always
Modify Q False
  Value ResourceAttribute P.Value Static Never`},
	} {
		if got := "\n" + changes(step.kind, step.text, step.values, step.arguments...); got != step.want {
			t.Errorf("%s:%s\nwant:%s", step.name, got, step.want)
		}
	}
}

// described is a change set as lines.
func described(d *cloudformation.DescribeChangeSetOutput) string {
	var lines []string
	line := func(words ...string) {
		var some []string
		for _, w := range words {
			if strings.TrimSpace(w) != "" {
				some = append(some, w)
			}
		}
		lines = append(lines, strings.Join(some, " "))
	}
	for _, c := range d.Changes {
		r := c.ResourceChange
		line(string(r.Action), *r.LogicalResourceId, string(r.Replacement), string(r.PolicyAction), aws.ToString(r.BeforeContext), aws.ToString(r.AfterContext))
		for _, d := range r.Details {
			line("  "+*d.Target.Name, string(d.ChangeSource), aws.ToString(d.CausingEntity), string(d.Evaluation), string(d.Target.RequiresRecreation),
				string(d.Target.AttributeChangeType), aws.ToString(d.Target.BeforeValue), aws.ToString(d.Target.AfterValue))
		}
	}
	return strings.Join(lines, "\n")
}

// What is refused, and what is not there, is told as AWS tells it.
func TestSentences(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, c := t.Context(), client(t, srv)
	const one = "Resources: {P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: x}}}"
	none := aws.String("none")
	_, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: none})
	wantError(t, "DescribeStacks", err, "ValidationError", "Stack with id none does not exist")
	_, err = c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: none})
	wantError(t, "DescribeStackEvents", err, "ValidationError", "Stack [none] does not exist")
	_, err = c.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: none, LogicalResourceId: none})
	wantError(t, "DescribeStackResource", err, "ValidationError", "Stack 'none' does not exist")
	_, err = c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: none, ChangeSetName: none})
	wantError(t, "DescribeChangeSet", err, "ValidationError", "Stack [none] does not exist")
	_, err = c.GetTemplate(ctx, &cloudformation.GetTemplateInput{ChangeSetName: none})
	wantError(t, "GetTemplate", err, "ValidationError", "StackName is a required parameter.")
	_, err = c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: aws.String(one), RoleARN: aws.String("arn:aws:iam::" + srv.Account + ":role/none")})
	wantError(t, "CreateStack with a role", err, "ValidationError", "role/none is invalid or cannot be assumed")
	_, err = c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: aws.String("Transform: AWS::LanguageExtensions\n" + one)})
	wantError(t, "CreateStack with a transform", err, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
	_, err = c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: none, ChangeSetName: none, ChangeSetType: types.ChangeSetTypeCreate, Parameters: []types.Parameter{{ParameterKey: aws.String("S"), ParameterValue: none}},
		TemplateBody: aws.String("Parameters: {S: {Type: 'AWS::SSM::Parameter::Value<String>'}}\n" + one),
	})
	wantError(t, "CreateChangeSet with a stored parameter", err, "ValidationError", "Parameter S should either have input value or default value")

	// A stack that has only a change set can be created without it; the change set is
	// obsolete then.
	made := must(c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: none, ChangeSetName: none, ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(one)}))
	_, err = c.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{StackName: none})
	wantError(t, "GetTemplateSummary", err, "ValidationError", "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
	if id := must(c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: none, TemplateBody: aws.String(one)})).StackId; *id != *made.StackId {
		t.Errorf("CreateStack = %s, want %s", *id, *made.StackId)
	}
	if got := finished(t, c, none); got.StackStatus != types.StackStatusCreateComplete || got.ChangeSetId != nil || got.LastUpdatedTime != nil {
		t.Errorf("the stack is %+v", got)
	}
	if got := must(c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id})); got.ExecutionStatus != types.ExecutionStatusObsolete {
		t.Errorf("the change set is %s", got.ExecutionStatus)
	}

	// An attribute that a type lacks is found before anything is made.
	must(c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("lacking"), TemplateBody: aws.String(one + "\nOutputs: {O: {Value: !GetAtt P.Nope}}")}))
	finished(t, c, aws.String("lacking"))
	events := must(c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("lacking")})).StackEvents
	if len(events) != 3 || *events[1].ResourceStatusReason != "[Error] /Outputs/O/Value/Fn::GetAtt: Resource type AWS::SSM::Parameter does not support attribute {Nope}. Rollback requested by user." {
		t.Errorf("events = %+v", events)
	}
}
