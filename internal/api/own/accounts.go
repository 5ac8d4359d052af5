package own

import (
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/arn"
)

// CreateAccountRequest makes an account; without an id, the server draws one.
type CreateAccountRequest struct {
	AccountID string `json:"accountId,omitempty"`
}

// Account is a new account with its root user's access key, which cannot be
// had again.
type Account struct {
	AccountID       string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

func (d *Door) createAccount(r *front.Request) (any, error) {
	var in CreateAccountRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	id, key, err := d.cfg.Accounts.CreateAccount(r.Context(), r.Caller, arn.AccountID(in.AccountID))
	if err != nil {
		return nil, err
	}
	return Account{AccountID: string(id), AccessKeyID: key.ID, SecretAccessKey: string(key.Secret.Reveal())}, nil
}
