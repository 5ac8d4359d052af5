package secretsmanager_test

import (
	"log/slog"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/api/secretsmanager"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// principals exist.
type principals struct{}

func (principals) Identify(name string) (string, bool) { return name, true }
func (principals) NameOf(id string) (string, bool)     { return id, true }

func door() *jsondoor.Door {
	return secretsmanager.New(secret.New(secret.Config{
		Records: memory.NewRecords(), Keys: accesstest.Keys{}, Clock: clock.Movable(), Log: slog.New(slog.DiscardHandler), Principals: principals{},
		Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: new(accesstest.Journal)}),
	}), slog.New(slog.DiscardHandler))
}

const noName = `{"__type":"ValidationException","message":"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"}`

func noToken(code string) string {
	return `{"__type":"` + code + `","Message":"You must provide a ClientRequestToken value. We recommend a UUID-type value."}`
}

// One exchange after another, on one store.
func TestServe(t *testing.T) {
	const token, other = "11111111-2222-3333-4444-555555555555", "22222222-3333-4444-5555-666666666666"
	serve := doortest.Serve(t, door(), "secretsmanager")
	serve("CreateSecret", `{"Name":"s","SecretString":"one","ClientRequestToken":"`+token+`"}`, 200, `"VersionId":"`+token+`"}`)
	serve("CreateSecret", `{"Name":"s","SecretString":"one","ClientRequestToken":"`+token+`"}`, 200, `"VersionId":"`+token+`"`)
	serve("CreateSecret", `{"Name":"s","SecretString":"two","ClientRequestToken":"`+other+`"}`, 400, `{"__type":"ResourceExistsException"`)
	serve("CreateSecret", `{"Name":"s","SecretString":"two","AddReplicaRegions":[{}]}`, 400, "AddReplicaRegions is not supported")
	serve("CreateSecret", `{"Name":"k","SecretString":"two","KmsKeyId":"absent","ClientRequestToken":"`+other+`"}`, 400, `{"__type":"EncryptionFailure","Message":"no such key"}`)
	serve("CreateSecret", `{"Name":"k","SecretString":"two","KmsKeyId":"forbidden","ClientRequestToken":"`+other+`"}`, 400, `{"__type":"AccessDeniedException","Message":"Access to KMS is not allowed"}`)
	serve("CreateSecret", `{"Name":"k","SecretString":"two","KmsKeyId":"broken","ClientRequestToken":"`+other+`"}`, 500, `{"__type":"InternalServiceError"`)
	serve("GetSecretValue", `{"SecretId":"s"}`, 200, `"SecretString":"one"`)
	serve("GetSecretValue", `{"SecretId":"none"}`, 400, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
	serve("GetSecretValue", `{"SecretId":"s","VersionStage":"OTHER"}`, 400, "for staging label: OTHER")
	serve("GetSecretValue", `{"SecretId":"s","VersionId":""}`, 400, "'versionId' failed to satisfy constraint: Member must have length greater than or equal to 32")
	serve("GetSecretValue", `{"SecretId":"s","VersionStage":""}`, 400, "'versionStage' failed")
	serve("UpdateSecretVersionStage", `{"SecretId":"s","VersionStage":"AWSCURRENT","RemoveFromVersionId":"`+token+`","MoveToVersionId":""}`, 400, "'moveToVersionId' failed")
	serve("RotateSecret", `{"SecretId":"s","RotationRules":{"AutomaticallyAfterDays":0}}`, 400, "'rotationRules.automaticallyAfterDays' failed")
	serve("PutSecretValue", `{"SecretId":"s","SecretString":"two","ClientRequestToken":"`+other+`"}`, 200, `"VersionStages":["AWSCURRENT"]`)
	serve("UpdateSecret", `{"SecretId":"s","SecretString":"two","ClientRequestToken":"`+other+`"}`, 200, `"VersionId":"`+other+`"}`)
	serve("PutSecretValue", `{"SecretId":"s","SecretString":"x","ClientRequestToken":"`+token+`"}`, 400, `{"__type":"ResourceExistsException"`)
	serve("CreateSecret", `{"Name":"t","SecretString":"v"}`, 400, noToken("InvalidRequestException"))
	serve("PutSecretValue", `{"SecretId":"none","SecretString":"v"}`, 400, noToken("InvalidRequestException"))
	serve("UpdateSecret", `{"SecretId":"none","SecretString":"v"}`, 400, noToken("InvalidRequestException"))
	serve("RotateSecret", `{"SecretId":"none"}`, 400, noToken("InvalidParameterException"))
	serve("CreateSecret", `{"Name":"no name","ClientRequestToken":"`+other+`"}`, 400, noName)
	serve("DeleteSecret", `{"SecretId":" no*name? ","ForceDeleteWithoutRecovery":true}`, 400, noName)
	serve("DescribeSecret", `{"SecretId":"no name"}`, 400, noName)
	serve("GetSecretValue", `{"SecretId":"s","VersionId":"`+other+`","VersionStage":"AWSPREVIOUS"}`, 400, `{"__type":"InvalidRequestException","Message":"You provided a VersionStage that is not`)
	serve("TagResource", `{"SecretId":"s","Tags":[{"Key":"k","Value":"v"}]}`, 200, `{}`)
	serve("UntagResource", `{"SecretId":"s","TagKeys":["k"]}`, 200, `{}`)
	serve("DescribeSecret", `{"SecretId":"s"}`, 200, `"Tags":[]`)
	serve("ListSecretVersionIds", `{"SecretId":"s"}`, 200, `"KmsKeyIds":["DefaultEncryptionKey"]`)
	serve("ListSecrets", `{"Filters":[{"Key":"invalid","Values":["s"]}]}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value 'invalid' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: [`)
	serve("ListSecrets", `{"Filters":[{"Values":["s"]}]}`, 400, `{"__type":"InvalidParameterException","Message":"Invalid filter key"}`)
	serve("ListSecrets", `{"Filters":[{"Key":"name"}]}`, 400, `{"__type":"InvalidParameterException","Message":"Invalid filter values for key: name"}`)
	serve("BatchGetSecretValue", `{"SecretIdList":["s"],"MaxResults":10}`, 400, `"Message":"'Filters' not specified.`)
	serve("DeleteSecret", `{"SecretId":"none","ForceDeleteWithoutRecovery":true,"RecoveryWindowInDays":6}`, 400, "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	serve("DeleteSecret", `{"SecretId":"s","ForceDeleteWithoutRecovery":true,"RecoveryWindowInDays":7}`, 400, "in conjunction with RecoveryWindowInDays")
	serve("ListSecrets", `{"SortBy":""}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value '' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set`)
	serve("ListSecrets", `{"SortBy":"size"}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value 'size' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set: [`)
	serve("ListSecrets", `{"SortOrder":""}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value '' at 'sortOrder' `)
	serve("ListSecrets", `{"Filters":[{"Key":"","Values":["s"]}]}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value '' at 'filters.1.member.key' `)
	serve("ListSecrets", `{"NextToken":"garbage"}`, 400, `{"__type":"InvalidNextTokenException","Message":"Invalid NextToken."}`)
	serve("ListSecretVersionIds", `{"SecretId":"s"}`, 200, `"AWSPREVIOUS"`)
	serve("PutResourcePolicy", `{"SecretId":"s","ResourcePolicy":"{"}`, 400, `{"__type":"MalformedPolicyDocumentException"`)
	serve("RotateSecret", `{"SecretId":"s","ClientRequestToken":"`+other+`"}`, 400, `{"__type":"InvalidRequestException","Message":"No Lambda rotation function ARN is associated with this secret."}`)
	serve("DeleteSecret", `{"SecretId":"s","RecoveryWindowInDays":7}`, 200, `"DeletionDate":`)
	serve("GetSecretValue", `{"SecretId":"s"}`, 400, `{"__type":"InvalidRequestException"`)
	serve("DeleteSecret", `{"SecretId":"none","ForceDeleteWithoutRecovery":true}`, 200, `"ARN":"arn:aws:secretsmanager:us-east-1:111122223333:secret:none"`)
	serve("ReplicateSecretToRegions", `{}`, 400, "The operation ReplicateSecretToRegions is not supported.")
	serve("Nothing", `{}`, 400, `{"__type":"UnknownOperationException"}`)
}

// Every refusal of the domain has its form on the wire.
func TestEveryErrorIsInTheTable(t *testing.T) {
	doortest.EveryError(t, "../../secret", secretsmanager.WireErrors)
}

// FuzzServe: whatever the body, the fault is never ours.
func FuzzServe(f *testing.F) {
	operations := []string{"CreateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecret", "DescribeSecret", "ListSecrets", "ListSecretVersionIds", "BatchGetSecretValue", "PutResourcePolicy", "ValidateResourcePolicy", "RotateSecret", "TagResource", "UpdateSecretVersionStage", "GetRandomPassword", "DeleteSecret"}
	doortest.Fuzz(f, door(), "secretsmanager", operations,
		`{"Name":"s","SecretString":"v","Tags":[{"Key":"k","Value":"v"}]}`, `{"SecretId":"s","VersionStage":"AWSCURRENT","VersionId":"11111111-2222-3333-4444-555555555555"}`,
		`{"SecretId":"arn:aws:secretsmanager:us-east-1:111122223333:secret:s-abcdef","SecretBinary":"AAE="}`, `{"Filters":[{"Key":"all","Values":["!s"]}],"NextToken":"bnM"}`,
		`{"SecretId":"s","ResourcePolicy":"{}","RotationRules":{"ScheduleExpression":"rate(4 hours)"},"RotationLambdaARN":"arn:aws:lambda:us-east-1:111122223333:function:f"}`,
	)
}
