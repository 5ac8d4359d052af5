package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type bucketCmd struct {
	Rewrap bucketRewrapCmd `cmd:"" help:"Bring a bucket's objects under another key; started again, it goes on where it ended."`
}

type bucketRewrapCmd struct {
	Bucket string `arg:"" help:"The bucket."`
	KMSKey string `name:"kms-key" required:"" help:"Id, ARN or alias of the key." placeholder:"KEY"`
	JSON   bool   `name:"json" help:"Print what the API sends, one object a line."`
	clientFlags
}

// Help gives examples.
func (*bucketRewrapCmd) Help() string {
	return examples(
		`keyfront bucket rewrap films --kms-key alias/data`,
	)
}

// Run follows the work to its end.
func (c *bucketRewrapCmd) Run(ctx context.Context, e env) error {
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.stream(ctx, "bucket/rewrap", own.RewrapRequest{Bucket: c.Bucket, Key: c.KMSKey})
	if err != nil {
		return err
	}
	defer answer.Close()
	bar := newCounter(e.stderr)
	var p own.RewrapProgress
	for lines := bufio.NewScanner(answer); lines.Scan(); {
		p = own.RewrapProgress{}
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return err
		}
		if c.JSON {
			fmt.Fprintln(e.stdout, lines.Text())
		}
		_ = bar.Set(p.Rewrapped + p.Already + p.Skipped + p.Failed)
	}
	_ = bar.Finish()
	if !c.JSON {
		fmt.Fprintf(e.stdout, "%d versions rewrapped, %d already were, %d skipped, %d failed\n", p.Rewrapped, p.Already, p.Skipped, p.Failed)
	}
	switch {
	case ctx.Err() != nil:
		return hinted{ctx.Err(), "start the command again: it goes on where it ended"}
	case p.Code != "":
		return fmt.Errorf("%s: %s", p.Code, p.Message)
	case !p.Done:
		return hinted{errors.New("the server ended the answer early"), "start the command again: it goes on where it ended"}
	case p.Failed > 0:
		return hinted{fmt.Errorf("%d versions failed, the last with %s", p.Failed, p.LastError), "keyfront fsck names damaged objects; a key that refuses must be enabled first"}
	}
	return nil
}
