package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type rootKeyCmd struct {
	Rotate rootKeyRotateCmd `cmd:"" help:"Replace the root key of a running server."`
}

type rootKeyRotateCmd struct{ clientFlags }

// Run asks the server, as a principal of its default account.
func (c *rootKeyRotateCmd) Run(ctx context.Context, e env) error {
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.post(ctx, "root-key/rotate", struct{}{})
	if err != nil {
		return err
	}
	var made own.RotatedRootKey
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, made.RootKeyID)
	fmt.Fprintln(e.stderr, "keyfront: the root-key file was replaced; keep a new copy of it, and the old one for as long as you keep older copies of the data")
	return nil
}
