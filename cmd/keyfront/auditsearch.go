package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/internal/trail"
)

type auditSearchCmd struct {
	auditFolder
	Resource  string  `help:"ARN of a key, object or other resource, or the last part of it." placeholder:"ARN"`
	Principal string  `help:"ARN, name, access key id or account of the caller, or a service." placeholder:"WHO"`
	Outcome   outcome `help:"allowed, denied, undecided, failed, or an error code." placeholder:"OUTCOME"`
	Action    string  `help:"Policy action such as kms:Decrypt, or the API's name of the operation." placeholder:"ACTION"`
	Request   string  `help:"Request id." placeholder:"ID"`
	From      past    `help:"Oldest time: a date, a time, or how long ago." placeholder:"24h|TIME"`
	To        past    `help:"Newest time, likewise." placeholder:"24h|TIME"`
	Limit     int     `help:"Print at most so many." default:"100" placeholder:"N"`
	Index     string  `help:"Folder of the index. Default: audit-catalog beside the audit folder." placeholder:"DIR"`
}

// outcome is what came of a call: one of the words of the log, or the code of an
// error, which begin with a capital letter.
type outcome string

// UnmarshalText refuses what no record has.
func (o *outcome) UnmarshalText(text []byte) error {
	*o = outcome(text)
	switch *o {
	case "allowed", "denied", "undecided", "failed":
		return nil
	}
	if len(text) == 0 || text[0] < 'A' || text[0] > 'Z' {
		return fmt.Errorf("%q is none of allowed, denied, undecided, failed and an error code such as AccessDenied", text)
	}
	return nil
}

// Help gives examples.
func (*auditSearchCmd) Help() string {
	return examples(
		`keyfront audit search --action kms:Decrypt --outcome denied --from 24h`,
		`keyfront audit search --resource 1234abcd-12ab-34cd-56ef-1234567890ab --limit 10`,
	)
}

// Run prints records, newest first, one JSON object a line.
func (c *auditSearchCmd) Run(ctx context.Context, e env) error {
	if c.Limit < 1 {
		return fmt.Errorf("%w: --limit must be above zero", errUsage)
	}
	q := catalog.Query{All: trail.Criteria{
		Resource: c.Resource, Principal: c.Principal, Outcome: string(c.Outcome), Action: c.Action, Request: c.Request,
	}.Terms()}
	now := time.Now().UTC()
	if c.From != (past{}) {
		q.From = c.From.before(now)
	}
	if c.To != (past{}) {
		q.To = c.To.before(now)
	}
	log, err := audit.OpenReader(c.path())
	if err != nil {
		return hinted{err, hintAuditFolder}
	}
	defer log.Close()
	if c.Index == "" {
		c.Index = filepath.Join(filepath.Dir(c.path()), server.AuditCatalogFolder)
	}
	found, err := catalog.Open(catalog.Config{Log: log, Dir: c.Index, Terms: trail.Terms, Version: trail.TermsVersion})
	if err != nil {
		return hinted{err, "--index is a folder that may be written"}
	}
	defer found.Close()
	segments, err := log.Segments()
	if err != nil {
		return err
	}
	n := 0
	for entry, err := range found.Find(ctx, q) {
		if err != nil {
			return err
		}
		fmt.Fprintln(e.stdout, entry.Line)
		if n++; n == c.Limit {
			return nil
		}
	}
	if len(segments) > 0 && segments[0].First > 1 {
		tellMissing(e, segments[0].First)
	}
	return nil
}

// tellMissing says that a log begins with another record than the first.
func tellMissing(e env, first uint64) {
	fmt.Fprintf(e.stderr, "keyfront: the records 1 to %d are not in this folder; if they are archived, a copy of the archive has them\n", first-1)
}
