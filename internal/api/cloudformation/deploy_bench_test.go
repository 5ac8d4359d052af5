package cloudformation_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// BenchmarkDeploy is what `aws cloudformation deploy` of examples/cloudformation
// asks of a server on disk, from CreateChangeSet until the stack is there: a key, a
// bucket, a role, a function with a version, a distribution.
func BenchmarkDeploy(b *testing.B) {
	source, err := os.ReadFile("../../../examples/cloudformation/template.yaml")
	if err != nil {
		b.Fatal(err)
	}
	template := string(source)
	srv := keyfronttest.Start(b, keyfronttest.OnDisk(b.TempDir()))
	ctx, c := b.Context(), cloudformation.NewFromConfig(srv.AWSConfig())
	name := aws.String("films")
	for b.Loop() {
		change := must(c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
			StackName: name, ChangeSetName: aws.String("c"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &template,
			Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		}))
		must(c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: change.Id}))
		must(c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: change.Id}))
		made := finished(b, c, name)
		b.StopTimer()
		if made.StackStatus != types.StackStatusCreateComplete {
			b.Fatalf("the stack is %s: %s", made.StackStatus, aws.ToString(made.StackStatusReason))
		}
		must(c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: name}))
		finished(b, c, made.StackId)
		b.StartTimer()
	}
	b.ReportAllocs()
}
