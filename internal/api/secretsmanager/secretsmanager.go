// Package secretsmanager is the door of the secrets: the AWS Secrets Manager wire
// protocol, AWS JSON 1.1, over package secret. It decodes, calls and encodes; it
// decides nothing.
//
// Source: AWS Secrets Manager API Reference, API version 2017-10-17.
package secretsmanager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// MaxBodyBytes bounds a request: the largest has a value of 64 KiB, each byte of
// which may take six in JSON, and a policy.
const MaxBodyBytes = awsjson.MaxBytes

// New returns the door over store.
func New(store *secret.Service, log *slog.Logger) *jsondoor.Door {
	h := handlers{store}
	return jsondoor.New(jsondoor.Service{
		Target: "secretsmanager", Failures: failures, Fault: "InternalServiceError", Log: log,
		Operations: map[string]jsondoor.Operation{
			"BatchGetSecretValue":      jsondoor.Answers(rules["BatchGetSecretValue"], h.batch),
			"CancelRotateSecret":       jsondoor.Answers(rules["CancelRotateSecret"], h.cancelRotate),
			"CreateSecret":             jsondoor.Answers(rules["CreateSecret"], h.create),
			"DeleteResourcePolicy":     jsondoor.Answers(rules["DeleteResourcePolicy"], h.deletePolicy),
			"DeleteSecret":             jsondoor.Answers(rules["DeleteSecret"], h.delete),
			"DescribeSecret":           jsondoor.Answers(rules["DescribeSecret"], h.describe),
			"GetRandomPassword":        jsondoor.Answers(rules["GetRandomPassword"], h.randomPassword),
			"GetResourcePolicy":        jsondoor.Answers(rules["GetResourcePolicy"], h.getPolicy),
			"GetSecretValue":           jsondoor.Answers(rules["GetSecretValue"], h.get),
			"ListSecretVersionIds":     jsondoor.Answers(rules["ListSecretVersionIds"], h.listVersions),
			"ListSecrets":              jsondoor.Answers(rules["ListSecrets"], h.list),
			"PutResourcePolicy":        jsondoor.Answers(rules["PutResourcePolicy"], h.putPolicy),
			"PutSecretValue":           jsondoor.Answers(rules["PutSecretValue"], h.put),
			"RestoreSecret":            jsondoor.Answers(rules["RestoreSecret"], h.restore),
			"RotateSecret":             jsondoor.Answers(rules["RotateSecret"], h.rotate),
			"TagResource":              jsondoor.Answers(rules["TagResource"], h.tag),
			"UntagResource":            jsondoor.Answers(rules["UntagResource"], h.untag),
			"UpdateSecret":             jsondoor.Answers(rules["UpdateSecret"], h.update),
			"UpdateSecretVersionStage": jsondoor.Answers(rules["UpdateSecretVersionStage"], h.moveStage),
			"ValidateResourcePolicy":   jsondoor.Answers(rules["ValidateResourcePolicy"], h.validatePolicy),

			"RemoveRegionsFromReplication": lacks("RemoveRegionsFromReplication"),
			"ReplicateSecretToRegions":     lacks("ReplicateSecretToRegions"),
			"StopReplicationToReplica":     lacks("StopReplicationToReplica"),
		},
	})
}

var errLacks = errors.New("secretsmanager: not supported")

// lacks makes an operation that Keyfront does not have.
func lacks(name string) jsondoor.Operation {
	return func(context.Context, access.Caller, []byte, []byte) ([]byte, error) {
		return nil, unsupported("The operation " + name)
	}
}

func unsupported(what string) error {
	return refusal.New(errLacks, "%s is not supported.", what)
}

// failures gives the refusals of package secret their names on the wire. A name
// that cannot be is refused ahead of the service's own errors, as what is not the
// operation's shape is.
//
// Source: AWS Secrets Manager API Reference, the Errors of each operation.
var failures = []jsondoor.Failure{
	modelled(secret.ErrNotFound, "ResourceNotFoundException"),
	modelled(secret.ErrExists, "ResourceExistsException"),
	modelled(secret.ErrInvalid, "InvalidParameterException"),
	modelled(secret.ErrState, "InvalidRequestException"),
	modelled(secret.ErrToken, "InvalidNextTokenException"),
	modelled(secret.ErrLimit, "LimitExceededException"),
	modelled(secret.ErrEncryption, "EncryptionFailure"),
	modelled(secret.ErrDecryption, "DecryptionFailure"),
	modelled(secret.ErrMalformed, "MalformedPolicyDocumentException"),
	modelled(secret.ErrPublicPolicy, "PublicPolicyException"),
	modelled(errLacks, "InvalidRequestException"),
	{Err: secret.ErrName, Status: http.StatusBadRequest, Code: "ValidationException"},
}

func modelled(err error, code string) jsondoor.Failure {
	return jsondoor.Failure{Err: err, Status: http.StatusBadRequest, Code: code, Capital: true}
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return jsondoor.ErrorCode(failures, err) }
