package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type functionLogsCmd struct {
	Function string `arg:"" help:"Name of a Lambda or CloudFront function, or its ARN without a version." placeholder:"NAME"`
	Lines    int    `help:"How many lines." default:"1000"`
	JSON     bool   `name:"json" help:"Print what the API sends."`
	clientFlags
}

// Run prints one line of the log a line: when, request, level, text.
func (c *functionLogsCmd) Run(ctx context.Context, e env) error {
	if c.Lines < 1 {
		return fmt.Errorf("%w: --lines must be above zero", errUsage)
	}
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.post(ctx, "functions/logs", own.FunctionLogsRequest{Function: c.Function, Limit: c.Lines})
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintf(e.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return err
	}
	var logs own.FunctionLogs
	if err := json.Unmarshal(answer, &logs); err != nil {
		return err
	}
	if len(logs.Lines) == 0 {
		fmt.Fprintf(e.stderr, "keyfront: there are no lines: %s has said nothing since the server started, or there is no such function\n", c.Function)
	}
	for _, l := range logs.Lines {
		if _, err := fmt.Fprintf(e.stdout, "%s %s %s %q\n", l.At.UTC().Format(time.RFC3339Nano), l.RequestID, l.Level, l.Text); err != nil {
			return err
		}
	}
	return nil
}
