package ssm_test

import (
	"log/slog"
	"strings"
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
	d := door()
	for _, tt := range []struct {
		operation, body string
		status          int
		want            string
	}{
		{"PutParameter", `{"Name":"/a/b","Value":"v","Type":"String","Tags":[{"Key":"k","Value":"v"}]}`, 200, `{"Tier":"Standard","Version":1}`},
		{"PutParameter", `{"Name":"/a/b","Value":"w","Overwrite":true}`, 200, `"Version":2`},
		{"PutParameter", `{"Name":"/a/b","Value":"w"}`, 400, `{"__type":"ParameterAlreadyExists"`},
		{"GetParameter", `{"Name":"/a/b:1"}`, 200, `"Selector":":1"`},
		{"GetParameter", `{"Name":"arn:aws:ssm:us-east-1:111122223333:parameter/a/b"}`, 200, `"Value":"w"`},
		{"GetParameter", `{"Name":"none"}`, 400, `{"__type":"ParameterNotFound"}`},
		{"GetParameter", `{"Name":""}`, 400, "Member must have length greater than or equal to 1"},
		{"GetParameter", `{}`, 400, "Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"GetParameter", `{"Name":"/a//b"}`, 400, `{"__type":"ValidationException","Message":"Parameter name: can't be prefixed with`},
		{"GetParameter", `{"Name":"a/b"}`, 400, "sub-paths divided by slash symbol"},
		{"GetParameter", `{"Name":"/aws/reference/secretsmanager/none","WithDecryption":true}`, 400, `{"__type":"ParameterNotFound","message":"Secret /aws/reference/secretsmanager/none not found."}`},
		{"PutParameter", `{"Name":"ssm_x","Value":"v","Type":"String"}`, 400, `"Message":"Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."}`},
		{"PutParameter", `{"Name":"/ssm_x/y","Value":"v","Type":"String"}`, 400, "If formed as a path"},
		{"PutParameter", `{"Name":"one","Value":"1","Type":"String","Tags":[{"Key":"k","Value":"value"}]}`, 200, `"Version":1`},
		{"GetParameter", `{"Name":"/one"}`, 200, `"Name":"/one","Type":"String","Value":"1"`},
		{"PutParameter", `{"Name":"/two","Value":"2","Type":"String"}`, 200, `"Version":1`},
		{"GetParameter", `{"Name":"arn:aws:ssm:us-east-1:111122223333:parameter/two"}`, 200, `"Value":"2"`},
		{"GetParameters", `{"Names":["/one:1","two","/three"]}`, 200, `{"InvalidParameters":["/three"],"Parameters":[{`},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"Name","Values":["/one"]}]}`, 200, `"Name":"one"`},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"tag:k","Option":"BeginsWith","Values":["val"]}]}`, 200, `"Name":"one"`},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"Path","Values":["//"]}]}`, 400, "doesn't meet the parameter name requirements"},
		{"GetParameters", `{"Names":["/a/b"]}`, 200, `"InvalidParameters":[]`},
		{"GetParameters", `{"Names":["/a/b","none"]}`, 200, `"InvalidParameters":["none"]`},
		{"GetParametersByPath", `{"Path":"/a","NextToken":"garbage"}`, 400, `{"__type":"InvalidNextToken"`},
		{"GetParametersByPath", `{"Path":"/none"}`, 200, `{"Parameters":[]}`},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"Type","Values":["Nope"]}]}`, 400, "Valid values include: [String, StringList, SecureString]."},
		{"ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"/a/b"}`, 200, `{"TagList":[{"Key":"k","Value":"v"}]}`},
		{"ListTagsForResource", `{"ResourceType":"Document","ResourceId":"/a/b"}`, 400, `{"__type":"InvalidResourceType","message":"The resource type is not valid: only parameters have tags here."}`},
		{"ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"none"}`, 400, `{"__type":"InvalidResourceId"`},
		{"PutParameter", `{"Name":"s","Value":"hidden","Type":"SecureString","KeyId":"absent"}`, 400, `{"__type":"InvalidKeyId","message":"no such key"}`},
		{"PutParameter", `{"Name":"s","Value":"hidden","Type":"SecureString","KeyId":"broken"}`, 500, `{"__type":"InternalServerError"`},
		{"DeleteParameters", `{"Names":["/a/b","none"]}`, 200, `{"DeletedParameters":["/a/b"],"InvalidParameters":["none"]}`},
		{"PutParameter", `{"Name":"tagged","Value":"v","Type":"String","Tags":[{"Key":"k"}]}`, 400, "tags.1.member.value"},
		{"PutParameter", `{"Name":"typed","Value":"v","Type":""}`, 400, "Value '' at 'type' failed"},
		{"SendCommand", `{}`, 400, `{"__type":"UnknownOperationException"}`},
	} {
		w := doortest.Ask(d, "AmazonSSM."+tt.operation, tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s %s: %d %s, want %d with %s", tt.operation, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
}

// Every refusal of the domain has its form on the wire.
func TestEveryErrorIsInTheTable(t *testing.T) {
	known := make(map[string]bool)
	for _, f := range ssm.Failures {
		known[f.Err.Error()] = true
	}
	for name, text := range doortest.Errors(t, "../../parameter") {
		if !known[text] {
			t.Errorf("parameter.%s has no wire form", name)
		}
	}
}

// FuzzServe: whatever the body, the fault is never ours.
func FuzzServe(f *testing.F) {
	d := door()
	for _, body := range []string{
		`{"Name":"/a/b","Value":"v","Type":"String"}`, `{"Names":["a:1","a:b","arn:aws:ssm:us-east-1:111122223333:parameter/a"]}`,
		`{"Path":"/","Recursive":true,"ParameterFilters":[{"Key":"tag:k","Values":["v"]}],"NextToken":"bmE"}`,
		`{"Name":"a","Labels":["l"],"ParameterVersion":1}`, `{"ResourceType":"Parameter","ResourceId":"a","Tags":[{"Key":"k","Value":"v"}],"TagKeys":["k"]}`,
	} {
		f.Add(body)
	}
	operations := []string{"PutParameter", "GetParameter", "GetParameters", "GetParametersByPath", "DescribeParameters", "GetParameterHistory", "LabelParameterVersion", "AddTagsToResource", "RemoveTagsFromResource", "DeleteParameters"}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, accesstest.BrokenKey) {
			t.Skip("asks for a fault")
		}
		for _, operation := range operations {
			if w := doortest.Ask(d, "AmazonSSM."+operation, body); w.Code >= 500 {
				t.Errorf("%s %q: %d %s", operation, body, w.Code, w.Body)
			}
		}
	})
}
