// Package ssm is the door of the parameter store: the AWS Systems Manager wire
// protocol, AWS JSON 1.1, over package parameter. It decodes, calls and encodes; it
// decides nothing. Of Systems Manager it has the operations of Parameter Store.
//
// Source: AWS Systems Manager API Reference, API version 2014-11-06.
package ssm

import (
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/parameter"
)

// MaxBodyBytes bounds a request: the largest has a value of 8 KiB and 50 tags.
const MaxBodyBytes = 256 << 10

// New returns the door over store.
func New(store *parameter.Service, log *slog.Logger) *jsondoor.Door {
	h := handlers{store}
	return jsondoor.New(jsondoor.Service{
		Target: "AmazonSSM", Failures: failures, Fault: "InternalServerError", Log: log,
		Operations: map[string]jsondoor.Operation{
			"AddTagsToResource":       jsondoor.Answers(rules["AddTagsToResource"], h.addTags),
			"DeleteParameter":         jsondoor.Answers(rules["DeleteParameter"], h.delete),
			"DeleteParameters":        jsondoor.Answers(rules["DeleteParameters"], h.deleteMany),
			"DescribeParameters":      jsondoor.Answers(rules["DescribeParameters"], h.describe),
			"GetParameter":            jsondoor.Answers(rules["GetParameter"], h.get),
			"GetParameterHistory":     jsondoor.Answers(rules["GetParameterHistory"], h.history),
			"GetParameters":           jsondoor.Answers(rules["GetParameters"], h.getMany),
			"GetParametersByPath":     jsondoor.Answers(rules["GetParametersByPath"], h.byPath),
			"LabelParameterVersion":   jsondoor.Answers(rules["LabelParameterVersion"], h.label),
			"ListTagsForResource":     jsondoor.Answers(rules["ListTagsForResource"], h.listTags),
			"PutParameter":            jsondoor.Answers(rules["PutParameter"], h.put),
			"RemoveTagsFromResource":  jsondoor.Answers(rules["RemoveTagsFromResource"], h.removeTags),
			"UnlabelParameterVersion": jsondoor.Answers(rules["UnlabelParameterVersion"], h.unlabel),
		},
	})
}

// failures gives the refusals of package parameter their names on the wire.
//
// Source: AWS Systems Manager API Reference, the Errors of each operation.
var failures = []jsondoor.Failure{
	{Err: parameter.ErrNotFound, Status: http.StatusBadRequest, Code: "ParameterNotFound"},
	{Err: parameter.ErrVersionNotFound, Status: http.StatusBadRequest, Code: "ParameterVersionNotFound"},
	{Err: parameter.ErrExists, Status: http.StatusBadRequest, Code: "ParameterAlreadyExists"},
	{Err: parameter.ErrInvalid, Status: http.StatusBadRequest, Code: "ValidationException", Capital: true},
	{Err: parameter.ErrReserved, Status: http.StatusBadRequest, Code: "AccessDeniedException", Capital: true},
	{Err: parameter.ErrLevels, Status: http.StatusBadRequest, Code: "HierarchyLevelLimitExceededException"},
	{Err: parameter.ErrType, Status: http.StatusBadRequest, Code: "HierarchyTypeMismatchException"},
	{Err: parameter.ErrPattern, Status: http.StatusBadRequest, Code: "ParameterPatternMismatchException"},
	{Err: parameter.ErrInvalidPattern, Status: http.StatusBadRequest, Code: "InvalidAllowedPatternException"},
	{Err: parameter.ErrPolicies, Status: http.StatusBadRequest, Code: "InvalidPolicyTypeException"},
	{Err: parameter.ErrDataType, Status: http.StatusBadRequest, Code: "ValidationException", Capital: true},
	{Err: parameter.ErrKey, Status: http.StatusBadRequest, Code: "InvalidKeyId"},
	{Err: parameter.ErrFilterKey, Status: http.StatusBadRequest, Code: "InvalidFilterKey"},
	{Err: parameter.ErrFilterOption, Status: http.StatusBadRequest, Code: "InvalidFilterOption"},
	{Err: parameter.ErrFilterValue, Status: http.StatusBadRequest, Code: "InvalidFilterValue", Capital: true},
	{Err: parameter.ErrToken, Status: http.StatusBadRequest, Code: "InvalidNextToken", Capital: true},
	{Err: parameter.ErrVersions, Status: http.StatusBadRequest, Code: "ParameterMaxVersionLimitExceeded"},
	{Err: parameter.ErrLabels, Status: http.StatusBadRequest, Code: "ParameterVersionLabelLimitExceeded"},
	{Err: parameter.ErrTags, Status: http.StatusBadRequest, Code: "TooManyTagsError"},
	{Err: parameter.ErrLimit, Status: http.StatusBadRequest, Code: "ParameterLimitExceeded"},
	{Err: errResource, Status: http.StatusBadRequest, Code: "InvalidResourceType", Message: "The resource type is not valid: only parameters have tags here."},
	{Err: errResourceID, Status: http.StatusBadRequest, Code: "InvalidResourceId", Message: "The resource ID isn't valid. Verify that you entered the correct ID and try again."},
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return jsondoor.ErrorCode(failures, err) }
