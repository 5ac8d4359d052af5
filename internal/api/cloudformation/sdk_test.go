package cloudformation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func wantError(t *testing.T, what string, err error, code, says string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
		t.Errorf("%s: %v, want %s with %q", what, err, code, says)
	}
}

// finished describes a stack when the work on it is done.
func finished(t testing.TB, c *cloudformation.Client, name *string) types.Stack {
	t.Helper()
	for {
		s := must(c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: name})).Stacks[0]
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return s
		}
	}
}

const exporting = `
Parameters:
  Word: {Type: String, Default: one, AllowedValues: [one, two], Description: a word}
  Hidden: {Type: String, NoEcho: true, Default: quiet}
Resources:
  P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !Ref Word}}
  Q: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !GetAtt P.Value}}
Outputs:
  Word: {Value: !GetAtt P.Value, Description: the word, Export: {Name: the-word}}
`

const importing = `
Resources:
  R: {Type: 'AWS::SSM::Parameter', Properties: {Name: imported, Type: String, Value: !ImportValue the-word}}
`

// client is the root user's.
func client(t *testing.T, srv *keyfronttest.Server) *cloudformation.Client {
	return cloudformation.NewFromConfig(srv.AWSConfig(), func(o *cloudformation.Options) {
		o.HTTPClient = doortest.Listener(t, cloudformation.NewFromConfig)
	})
}

func TestOperations(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, c := t.Context(), client(t, srv)
	a, b := aws.String("exporting"), aws.String("importing")

	v := must(c.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateBody: aws.String(exporting)}))
	if len(v.Parameters) != 2 || !*v.Parameters[0].NoEcho || *v.Parameters[1].DefaultValue != "one" {
		t.Errorf("ValidateTemplate = %+v", v.Parameters)
	}
	_, err := c.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateBody: aws.String("Resources: {R: {Type: 'AWS::EC2::VPC'}}")})
	wantError(t, "ValidateTemplate of an unknown type", err, "ValidationError", "AWS::EC2::VPC")

	id := must(c.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: a, TemplateBody: aws.String(exporting), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("films")}}, ClientRequestToken: aws.String("token"),
	})).StackId
	_, err = c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: a, TemplateBody: aws.String(exporting)})
	wantError(t, "CreateStack again", err, "AlreadyExistsException", "Stack [exporting] already exists")
	made := finished(t, c, a)
	if made.StackStatus != types.StackStatusCreateComplete || *made.StackId != *id || *made.Outputs[0].OutputValue != "one" || *made.Outputs[0].ExportName != "the-word" || *made.Tags[0].Value != "films" {
		t.Fatalf("the stack is %+v", made)
	}
	for _, p := range made.Parameters {
		if want := map[string]string{"Word": "one", "Hidden": "****"}[*p.ParameterKey]; *p.ParameterValue != want {
			t.Errorf("parameter %s = %s, want %s", *p.ParameterKey, *p.ParameterValue, want)
		}
	}

	// Of a stack, its template and what it has.
	if got := *must(c.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: a})).TemplateBody; got != exporting {
		t.Errorf("GetTemplate = %q", got)
	}
	sum := must(c.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{StackName: a}))
	if !slices.Equal(sum.ResourceTypes, []string{"AWS::SSM::Parameter"}) || !slices.Equal(sum.Parameters[1].ParameterConstraints.AllowedValues, []string{"one", "two"}) {
		t.Errorf("GetTemplateSummary = %+v", sum)
	}
	events := must(c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: a})).StackEvents
	if first, last := events[len(events)-1], events[0]; *first.ResourceStatusReason != "User Initiated" || last.ResourceStatus != types.ResourceStatusCreateComplete || *last.PhysicalResourceId != *id || *last.ClientRequestToken != "token" {
		t.Errorf("DescribeStackEvents = %+v … %+v", last, first)
	}
	all := must(c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: a})).StackResources
	list := must(c.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: a})).StackResourceSummaries
	one := must(c.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: a, LogicalResourceId: aws.String("Q")})).StackResourceDetail
	if len(all) != 2 || len(list) != 2 || *one.PhysicalResourceId != *all[1].PhysicalResourceId || *list[1].LogicalResourceId != "Q" {
		t.Errorf("resources: %+v, %+v, %+v", all, list, one)
	}
	byPhysical := must(c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: one.PhysicalResourceId}))
	if *byPhysical.StackResources[0].StackName != *a {
		t.Errorf("DescribeStackResources by the physical id = %+v", byPhysical.StackResources)
	}
	_, err = c.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: a, LogicalResourceId: aws.String("X")})
	wantError(t, "DescribeStackResource", err, "ValidationError", "Resource X does not exist for stack exporting")

	// Exports and imports hold each other.
	_, err = c.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: aws.String("the-word")})
	wantError(t, "ListImports before", err, "ValidationError", "Export 'the-word' is not imported by any stack.")
	importer := must(c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: b, TemplateBody: aws.String(importing)})).StackId
	if got := finished(t, c, b); got.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("the importing stack is %s: %+v", got.StackStatus, must(c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: b})).StackEvents)
	}
	exports := must(c.ListExports(ctx, &cloudformation.ListExportsInput{})).Exports
	if len(exports) != 1 || *exports[0].Value != "one" || *exports[0].ExportingStackId != *id {
		t.Errorf("ListExports = %+v", exports)
	}
	if got := must(c.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: aws.String("the-word")})).Imports; !slices.Equal(got, []string{"importing"}) {
		t.Errorf("ListImports = %v", got)
	}
	_, err = c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: a})
	wantError(t, "DeleteStack", err, "ValidationError", "Export the-word cannot be deleted as it is in use by importing")

	// Change sets.
	word := []types.Parameter{{ParameterKey: aws.String("Word"), ParameterValue: aws.String("two")}}
	change := &cloudformation.CreateChangeSetInput{StackName: a, ChangeSetName: aws.String("c"), UsePreviousTemplate: aws.Bool(true), Parameters: word}
	change.ClientToken, change.IncludeNestedStacks = aws.String("token"), aws.Bool(true)
	changeID := must(c.CreateChangeSet(ctx, change)).Id
	if again := must(c.CreateChangeSet(ctx, change)).Id; *again != *changeID {
		t.Errorf("CreateChangeSet of one token = %s and then %s", *changeID, *again)
	}
	change.ClientToken = aws.String("another")
	_, err = c.CreateChangeSet(ctx, change)
	wantError(t, "CreateChangeSet of another token", err, "AlreadyExistsException", "ChangeSet [c] already exists")
	described := must(c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: changeID}))
	if got := described.Changes[0].ResourceChange; len(described.Changes) != 2 || got.Action != types.ChangeActionModify || got.Replacement != types.ReplacementFalse || *got.Details[0].Target.Name != "Value" {
		t.Errorf("DescribeChangeSet = %+v", described.Changes)
	}
	if got := must(c.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: a})).Summaries; len(got) != 1 || *got[0].ChangeSetId != *changeID {
		t.Errorf("ListChangeSets = %+v", got)
	}
	for range 2 {
		must(c.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{StackName: a, ChangeSetName: changeID}))
	}
	_, err = c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: a, ChangeSetName: aws.String("c")})
	wantError(t, "DescribeChangeSet", err, "ChangeSetNotFound", "does not exist")
	must(c.CreateChangeSet(ctx, change))
	must(c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: a, ChangeSetName: aws.String("c")}))
	if got := finished(t, c, a); got.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("an update that changes an export in use ends as %s, want a rollback", got.StackStatus)
	}
	_, err = c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: a, ChangeSetName: aws.String("c")})
	wantError(t, "ExecuteChangeSet again", err, "InvalidChangeSetStatus", "cannot be executed")
	_, err = c.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: a, UsePreviousTemplate: aws.Bool(true)})
	wantError(t, "UpdateStack", err, "ValidationError", "No updates are to be performed.")

	// A protected stack stays, until it is not.
	must(c.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: b, EnableTerminationProtection: aws.Bool(true)}))
	_, err = c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: b})
	wantError(t, "DeleteStack", err, "ValidationError", "TerminationProtection is enabled")
	must(c.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: b, EnableTerminationProtection: aws.Bool(false)}))
	must(c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: b}))
	if got := finished(t, c, importer); got.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the importing stack is %s", got.StackStatus)
	}
	must(c.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: a, UsePreviousTemplate: aws.Bool(true), Parameters: word}))
	if got := finished(t, c, a); got.StackStatus != types.StackStatusUpdateComplete || *got.Outputs[0].OutputValue != "two" {
		t.Errorf("after the update: %+v", got)
	}
	must(c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: a}))
	finished(t, c, id)
	gone := must(c.ListStacks(ctx, &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})).StackSummaries
	if len(gone) != 2 || gone[0].DeletionTime == nil {
		t.Errorf("ListStacks = %+v", gone)
	}
}

// A template may be an object of ours, which is read as the caller.
func TestTemplateURL(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, config := t.Context(), srv.AWSConfig()
	objects := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	users := iam.NewFromConfig(config)
	put := func(key, text string) {
		must(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("code"), Key: &key, Body: strings.NewReader(text)}))
	}
	must(objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("code")}))
	put("a/t.yaml", exporting)
	put("large.yaml", strings.Repeat("#", 1<<20)+"\n"+exporting)
	put("long.yaml", strings.Repeat("#", 100_000)+"\n"+importing)
	must(users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob")}))
	must(users.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("bob"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"},{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::code/a/*","Condition":{"Bool":{"aws:ViaAWSService":"true"}}}]}`,
	)}))
	key := must(users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bob")})).AccessKey
	config.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, "")
	bob := cloudformation.NewFromConfig(config)
	root := cloudformation.NewFromConfig(srv.AWSConfig())

	_, port, _ := strings.Cut(strings.TrimPrefix(srv.APIURL, "http://"), ":")
	for _, url := range []string{srv.APIURL + "/code/a/t.yaml", "http://code.s3.localhost:" + port + "/a/t.yaml", "https://code.s3.us-east-1.amazonaws.com/a/t.yaml", "https://s3.amazonaws.com/code/a/t.yaml"} {
		if sum := must(bob.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{TemplateURL: &url})); len(sum.Parameters) != 2 {
			t.Errorf("GetTemplateSummary of %s = %+v", url, sum)
		}
	}
	for _, tt := range []struct {
		client    *cloudformation.Client
		url, says string
	}{
		{bob, srv.APIURL + "/code/long.yaml", "S3 error: "},
		{root, srv.APIURL + "/code/none.yaml", "S3 error: The specified key does not exist."},
		{root, srv.APIURL + "/none/t.yaml", "S3 error: The specified bucket does not exist"},
		{root, srv.APIURL + "/code/large.yaml", "may not exceed"},
		{root, "https://example.com/code/a/t.yaml", "TemplateURL must be a supported URL."},
		{root, srv.APIURL + "/code/a/t.yaml?X-Amz-Signature=x", "TemplateURL must be a supported URL."},
	} {
		_, err := tt.client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("s"), TemplateURL: &tt.url})
		wantError(t, "CreateStack from "+tt.url, err, "ValidationError", tt.says)
	}
	_, err := root.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("s"), TemplateURL: aws.String(srv.APIURL + "/code/a/t.yaml"), TemplateBody: aws.String(importing)})
	wantError(t, "CreateStack from both", err, "ValidationError", "You cannot specify both")

	url := srv.APIURL + "/code/a/t.yaml"
	must(root.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("s"), TemplateURL: &url}))
	if got := finished(t, root, aws.String("s")); got.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("the stack is %s", got.StackStatus)
	}
	// The stack has the text, not the place.
	must(objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("code"), Key: aws.String("a/t.yaml")}))
	if got := *must(root.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String("s")})).TemplateBody; got != exporting {
		t.Errorf("GetTemplate = %q", got)
	}
	url = srv.APIURL + "/code/long.yaml"
	must(root.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateURL: &url}))
}

// Who may make things but not tag them gets them without labels.
func TestLabels(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, config := t.Context(), srv.AWSConfig()
	users := iam.NewFromConfig(config)
	must(users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob")}))
	must(users.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("bob"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","s3:CreateBucket","ssm:PutParameter"],"Resource":"*"}]}`,
	)}))
	key := must(users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bob")})).AccessKey
	objects := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	config.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, "")
	source := "Resources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: BUCKET}}\n  P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: v}}\n"
	for bucket, c := range map[string]*cloudformation.Client{"bob": cloudformation.NewFromConfig(config), "root": cloudformation.NewFromConfig(srv.AWSConfig())} {
		name := bucket + "-films"
		must(c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(strings.Replace(source, "BUCKET", name, 1))}))
		if got := finished(t, c, &name); got.StackStatus != types.StackStatusCreateComplete {
			t.Errorf("the stack of %s is %s: %s", bucket, got.StackStatus, aws.ToString(got.StackStatusReason))
		}
		tags, err := objects.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
		if bucket == "bob" {
			wantError(t, "GetBucketTagging", err, "NoSuchTagSet", "")
		} else if err != nil || len(tags.TagSet) != 3 {
			t.Errorf("GetBucketTagging = %+v, %v", tags, err)
		}
	}
}

// What cannot be made says why in the words of its service, and leaves nothing.
func TestReasons(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, c := t.Context(), client(t, srv)
	for _, tt := range []struct{ name, kind, properties, want string }{
		{"name", "AWS::S3::Bucket", "{BucketName: Bad_Name}", "The specified bucket is not valid."},
		{"status", "AWS::S3::Bucket", "{VersioningConfiguration: {Status: Perhaps}}", "VersioningConfiguration.Status must be Enabled or Suspended"},
		{"algorithm", "AWS::S3::Bucket", "{BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: rot13}}]}}", "unknown algorithm"},
		{"property", "AWS::S3::Bucket", "{ReplicationConfiguration: {Role: r}}", "Encountered unsupported property ReplicationConfiguration"},
		{"acl", "AWS::S3::Bucket", "{AccessControl: PublicRead}", "Value of property AccessControl is not supported: it must be Private"},
		{"lock", "AWS::S3::Bucket", "{AccessControl: Private, ObjectLockEnabled: true}", "Value of property ObjectLockEnabled is not supported: it must be false"},
		{"tracing", "AWS::Lambda::Function", "{Architectures: [x86_64], PackageType: Zip, TracingConfig: {Mode: Active}}", "Value of property TracingConfig.Mode is not supported: it must be PassThrough"},
		{"architecture", "AWS::Lambda::Function", "{Architectures: [arm64]}", "Value of property Architectures is not supported: it must be [x86_64]"},
		{"reserved", "AWS::KMS::Key", "{Tags: [{Key: 'aws:cloudformation:stack-name', Value: x}]}", "aws: prefixed tag key names are not allowed"},
		{"reservedtoo", "AWS::SSM::Parameter", "{Type: String, Value: v, Tags: {'AWS:x': y}}", "aws: prefixed tag key names are not allowed"},
		{"absent", "AWS::S3::BucketPolicy", "{Bucket: nonesuch, PolicyDocument: {Version: 2012-10-17, Statement: []}}", "The specified bucket does not exist"},
		{"key", "AWS::KMS::Alias", "{AliasName: alias/x, TargetKeyId: 00000000-0000-0000-0000-000000000000}", "does not exist"},
		{"member", "AWS::IAM::UserToGroupAddition", "{GroupName: nobody, Users: [ann]}", "The group with name nobody cannot be found."},
		{"rotation", "AWS::SecretsManager::RotationSchedule", "{SecretId: none, RotationLambdaARN: 'arn:aws:lambda:us-east-1:000000000000:function:f'}", "can't find the specified secret"},
		{"alias", "AWS::Lambda::Alias", "{FunctionName: none, FunctionVersion: '1', Name: live}", "Function not found"},
	} {
		source := "Resources:\n  First: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: v}}\n  R: {Type: '" + tt.kind + "', DependsOn: First, Properties: " + tt.properties + "}\n"
		id := must(c.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &tt.name, TemplateBody: &source, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}})).StackId
		if got := finished(t, c, id); got.StackStatus != types.StackStatusRollbackComplete {
			t.Errorf("%s: the stack is %s", tt.name, got.StackStatus)
		}
		events := must(c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: id})).StackEvents
		failed := slices.IndexFunc(events, func(e types.StackEvent) bool { return e.ResourceStatus == types.ResourceStatusCreateFailed })
		if failed < 0 || !strings.Contains(*events[failed].ResourceStatusReason, tt.want) {
			t.Errorf("%s: the event is %+v, want %q", tt.name, events[max(failed, 0)], tt.want)
		}
		for _, r := range must(c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: id})).StackResources {
			if r.ResourceStatus != types.ResourceStatusDeleteComplete && (*r.LogicalResourceId != "R" || r.PhysicalResourceId != nil) {
				t.Errorf("%s leaves %s as %s", tt.name, *r.LogicalResourceId, r.ResourceStatus)
			}
		}
	}
}
