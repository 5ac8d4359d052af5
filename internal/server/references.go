package server

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/secret"
)

// referred are the secrets that parameters stand for.
type referred struct{ secrets *secret.Service }

var _ parameter.Secrets = referred{}

// Refer reads a secret for Parameter Store.
func (r referred) Refer(ctx context.Context, who access.Caller, name, id, label string) (out parameter.Referred, err error) {
	v, err := r.secrets.Get(ctx, who, name, id, label)
	switch {
	case errors.Is(err, secret.ErrNotFound), errors.Is(err, secret.ErrState):
		return out, parameter.ErrNotFound
	case errors.Is(err, secret.ErrInvalid), errors.Is(err, secret.ErrName):
		return out, &refusal.Error{Kind: parameter.ErrInvalid, Sentence: err.Error()}
	case errors.Is(err, secret.ErrDecryption):
		return out, &refusal.Error{Kind: parameter.ErrKey, Sentence: err.Error()}
	case err != nil:
		return out, err
	case !v.Value.Text:
		return out, refusal.New(parameter.ErrInvalid, "Secret %s has no SecretString.", name)
	}
	text := string(v.Value.Bytes.Reveal())
	source, err := json.Marshal(struct {
		ARN           string   `json:"ARN"`
		Name          string   `json:"name"`
		VersionID     string   `json:"versionId"`
		SecretString  string   `json:"secretString"`
		VersionStages []string `json:"versionStages"`
		CreatedDate   int64    `json:"createdDate"` // seconds since 1970
	}{v.ARN, v.Name, v.ID, text, v.Stages, v.Created.Unix()})
	return parameter.Referred{ARN: v.ARN, Value: text, Created: v.Created, Source: string(source)}, err
}
