package resource_test

import (
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/stack"
)

// A managed policy counts who has it once the stack has given it to them.
func TestManagedPolicyCountsItsUse(t *testing.T) {
	w := open(t)
	const template = `
Parameters: {Also: {Type: String, Default: 'X'}}
Conditions: {Also: !Equals [!Ref Also, 'yes']}
Resources:
  A: {Type: 'AWS::IAM::User', Properties: {UserName: a}}
  B: {Type: 'AWS::IAM::Group', Properties: {GroupName: b}}
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Users: [!Ref A]
      Groups: !If [Also, [!Ref B], !Ref 'AWS::NoValue']
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}
Outputs:
  Attached: {Value: !GetAtt P.AttachmentCount}
  Bounds: {Value: !GetAtt P.PermissionsBoundaryUsageCount}
`
	for _, tt := range []struct {
		also, attached string
		status         stack.Status
	}{{"no", "1", stack.CreateComplete}, {"yes", "2", stack.UpdateComplete}} {
		got := w.deploy(strings.Replace(template, "X", tt.also, 1), tt.status)
		if got["Attached"] != tt.attached || got["Bounds"] != "0" {
			t.Errorf("with group %s: %v, want %s attachments and no boundaries", tt.also, got, tt.attached)
		}
	}
}
