package ssm_test

import (
	"log/slog"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/api/ssm"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func door() *jsondoor.Door {
	return ssm.New(parameter.New(parameter.Config{
		Records: memory.NewRecords(), Keys: accesstest.Keys{}, Clock: clock.Movable(),
		Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: new(accesstest.Journal)}),
	}), slog.New(slog.DiscardHandler))
}

// One exchange after another, on one store.
func TestServe(t *testing.T) {
	serve := doortest.Serve(t, door(), "AmazonSSM")
	serve("PutParameter", `{"Name":"/a/b","Value":"v","Type":"String","Tags":[{"Key":"k","Value":"v"}]}`, 200, `{"Tier":"Standard","Version":1}`)
	serve("PutParameter", `{"Name":"/a/b","Value":"w","Overwrite":true}`, 200, `"Version":2`)
	serve("PutParameter", `{"Name":"/a/b","Value":"w"}`, 400, `{"__type":"ParameterAlreadyExists"`)
	serve("GetParameter", `{"Name":"/a/b:1"}`, 200, `"Selector":":1"`)
	serve("GetParameter", `{"Name":"arn:aws:ssm:us-east-1:111122223333:parameter/a/b"}`, 200, `"Value":"w"`)
	serve("GetParameter", `{"Name":"none"}`, 400, `{"__type":"ParameterNotFound"}`)
	serve("GetParameter", `{"Name":""}`, 400, "Member must have length greater than or equal to 1")
	serve("GetParameter", `{}`, 400, "Value null at 'name' failed to satisfy constraint: Member must not be null")
	serve("GetParameter", `{"Name":"/a//b"}`, 400, `{"__type":"ValidationException","Message":"Parameter name: can't be prefixed with`)
	serve("GetParameter", `{"Name":"a/b"}`, 400, "sub-paths divided by slash symbol")
	serve("GetParameter", `{"Name":"/aws/reference/secretsmanager/none","WithDecryption":true}`, 400, `{"__type":"ParameterNotFound","message":"Secret /aws/reference/secretsmanager/none not found."}`)
	serve("PutParameter", `{"Name":"ssm_x","Value":"v","Type":"String"}`, 400, `"Message":"Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."}`)
	serve("PutParameter", `{"Name":"/ssm_x/y","Value":"v","Type":"String"}`, 400, "If formed as a path")
	serve("PutParameter", `{"Name":"one","Value":"1","Type":"String","Tags":[{"Key":"k","Value":"value"}]}`, 200, `"Version":1`)
	serve("GetParameter", `{"Name":"/one"}`, 200, `"Name":"/one","Type":"String","Value":"1"`)
	serve("PutParameter", `{"Name":"/two","Value":"2","Type":"String"}`, 200, `"Version":1`)
	serve("GetParameter", `{"Name":"arn:aws:ssm:us-east-1:111122223333:parameter/two"}`, 200, `"Value":"2"`)
	serve("GetParameters", `{"Names":["/one:1","two","/three"]}`, 200, `{"InvalidParameters":["/three"],"Parameters":[{`)
	serve("DescribeParameters", `{"ParameterFilters":[{"Key":"Name","Values":["/one"]}]}`, 200, `"Name":"one"`)
	serve("DescribeParameters", `{"ParameterFilters":[{"Key":"tag:k","Option":"BeginsWith","Values":["val"]}]}`, 200, `"Name":"one"`)
	serve("DescribeParameters", `{"ParameterFilters":[{"Key":"Path","Values":["//"]}]}`, 400, "doesn't meet the parameter name requirements")
	serve("GetParameters", `{"Names":["/a/b"]}`, 200, `"InvalidParameters":[]`)
	serve("GetParameters", `{"Names":["/a/b","none"]}`, 200, `"InvalidParameters":["none"]`)
	serve("GetParametersByPath", `{"Path":"/a","NextToken":"garbage"}`, 400, `{"__type":"InvalidNextToken"`)
	serve("GetParametersByPath", `{"Path":"/none"}`, 200, `{"Parameters":[]}`)
	serve("DescribeParameters", `{"ParameterFilters":[{"Key":"Type","Values":["Nope"]}]}`, 400, "Valid values include: [String, StringList, SecureString].")
	serve("ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"/a/b"}`, 200, `{"TagList":[{"Key":"k","Value":"v"}]}`)
	serve("ListTagsForResource", `{"ResourceType":"Document","ResourceId":"/a/b"}`, 400, `{"__type":"InvalidResourceType","message":"The resource type is not valid: only parameters have tags here."}`)
	serve("ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"none"}`, 400, `{"__type":"InvalidResourceId"`)
	serve("PutParameter", `{"Name":"s","Value":"hidden","Type":"SecureString","KeyId":"absent"}`, 400, `{"__type":"InvalidKeyId","message":"no such key"}`)
	serve("PutParameter", `{"Name":"s","Value":"hidden","Type":"SecureString","KeyId":"broken"}`, 500, `{"__type":"InternalServerError"`)
	serve("DeleteParameters", `{"Names":["/a/b","none"]}`, 200, `{"DeletedParameters":["/a/b"],"InvalidParameters":["none"]}`)
	serve("PutParameter", `{"Name":"tagged","Value":"v","Type":"String","Tags":[{"Key":"k"}]}`, 400, "tags.1.member.value")
	serve("PutParameter", `{"Name":"typed","Value":"v","Type":""}`, 400, "Value '' at 'type' failed")
	serve("SendCommand", `{}`, 400, `{"__type":"UnknownOperationException"}`)
}

// Every refusal of the domain has its form on the wire.
func TestEveryErrorIsInTheTable(t *testing.T) {
	doortest.EveryError(t, "../../parameter", ssm.WireErrors)
}

// FuzzServe: whatever the body, the fault is never ours.
func FuzzServe(f *testing.F) {
	operations := []string{"PutParameter", "GetParameter", "GetParameters", "GetParametersByPath", "DescribeParameters", "GetParameterHistory", "LabelParameterVersion", "AddTagsToResource", "RemoveTagsFromResource", "DeleteParameters"}
	doortest.Fuzz(f, door(), "AmazonSSM", operations,
		`{"Name":"/a/b","Value":"v","Type":"String"}`, `{"Names":["a:1","a:b","arn:aws:ssm:us-east-1:111122223333:parameter/a"]}`,
		`{"Path":"/","Recursive":true,"ParameterFilters":[{"Key":"tag:k","Values":["v"]}],"NextToken":"bmE"}`,
		`{"Name":"a","Labels":["l"],"ParameterVersion":1}`, `{"ResourceType":"Parameter","ResourceId":"a","Tags":[{"Key":"k","Value":"v"}],"TagKeys":["k"]}`,
	)
}
