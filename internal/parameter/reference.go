package parameter

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// referencePrefix begins the names that stand for secrets of Secrets Manager:
// "/aws/reference/secretsmanager/name", with ":label" or ":version-id" behind it.
//
// Source: AWS Systems Manager User Guide, "Referencing AWS Secrets Manager secrets
// from Parameter Store parameters".
const referencePrefix = "/aws/reference/secretsmanager/"

// Secrets are what names below /aws/reference/secretsmanager/ stand for.
type Secrets interface {
	// Refer reads the version of a secret that has the id, or else the label, or
	// without both the current one, as who. It returns ErrNotFound.
	Refer(ctx context.Context, who access.Caller, name, id, label string) (Referred, error)
}

// Referred is a secret as parameters show it.
type Referred struct {
	ARN, Value string
	Created    time.Time
	// Source is the secret as Secrets Manager describes it, in JSON.
	Source string
}

var versionID = form.New(`^[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}$`)

// refer reads the secret that a name stands for. The caller needs the permission
// for the parameter and for the secret.
func (s *Service) refer(ctx context.Context, call *access.Call, who access.Caller, m realm, want selection, decrypt bool) (out Version, err error) {
	if err := call.Decide(access.Target{ARN: m.arn(want.name), Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	if !decrypt {
		return out, fail(ErrInvalid, "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	name := strings.TrimPrefix(want.name, referencePrefix)
	id, label := "", strings.TrimPrefix(want.selector, ":")
	if versionID.MatchString(label) {
		id, label = label, ""
	}
	if s.secrets == nil {
		return out, fail(ErrNotFound, "Secret "+want.name+" not found.")
	}
	of, err := s.secrets.Refer(ctx, who.Through("ssm"), name, id, label)
	if errors.Is(err, ErrNotFound) {
		return out, fail(ErrNotFound, "Secret "+want.name+" not found.")
	}
	if err != nil {
		return out, err
	}
	return Version{
		Name: want.name, ARN: of.ARN, Type: SecureString, Value: of.Value, Modified: of.Created, Selector: want.selector, Source: of.Source,
	}, nil
}
