package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type accountCmd struct {
	Create accountCreateCmd `cmd:"" help:"Make an account and print its root user's access key."`
}

type accountCreateCmd struct {
	ID   string `arg:"" optional:"" help:"Number of 12 digits; drawn without one." placeholder:"NUMBER"`
	JSON bool   `name:"json" help:"Print what the API sends."`
	clientFlags
}

// Run asks the server, as a principal of its default account.
func (c *accountCreateCmd) Run(ctx context.Context, e env) error {
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.post(ctx, "accounts", own.CreateAccountRequest{AccountID: c.ID})
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintf(e.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return err
	}
	var made own.Account
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "keyfront: made account %s; its root user's key is shown this once\n", made.AccountID)
	_, err = fmt.Fprintf(e.stdout, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", made.AccountID, made.AccessKeyID, made.SecretAccessKey)
	return err
}
