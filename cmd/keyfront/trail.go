package main

import "context"

type trailCmd struct {
	Deliver trailDeliverCmd `cmd:"" help:"Deliver log files and digests now, and not when the next are due."`
}

type trailDeliverCmd struct{ clientFlags }

// Run returns when the server has delivered, or has noted in the status of the
// trail why it could not.
func (c *trailDeliverCmd) Run(ctx context.Context, _ env) error {
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	_, err = to.post(ctx, "trails/deliver", struct{}{})
	return err
}
