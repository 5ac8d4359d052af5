package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

type whyDeniedCmd struct {
	RequestID string              `arg:"" optional:"" help:"Id of the denied request, from the error or the x-amz-request-id header."`
	Principal string              `help:"Instead of an id: ARN of the principal of a described request." placeholder:"ARN"`
	Action    string              `help:"Its action." placeholder:"SERVICE:ACTION"`
	Resource  string              `help:"Its resource, or *." placeholder:"ARN"`
	Context   map[string][]string `help:"A condition key of it; may be repeated." placeholder:"KEY=VALUE"`
	JSON      bool                `name:"json" help:"Print what the API sends."`
	clientFlags
}

// Help gives examples.
func (*whyDeniedCmd) Help() string {
	return examples(
		`keyfront why-denied 4442587f-b7a5-4a6f-b2cf-5a1b0c2d3e4f`,
		`keyfront why-denied --principal arn:aws:iam::000000000000:user/ada --action s3:GetObject --resource arn:aws:s3:::films/a.mp4`,
	)
}

// Run asks the server and prints every statement's word.
func (c *whyDeniedCmd) Run(ctx context.Context, e env) error {
	if (c.RequestID == "") != (c.Principal != "" && c.Action != "" && c.Resource != "") {
		return fmt.Errorf("%w: give a request id, or --principal, --action and --resource", errUsage)
	}
	to, err := c.client(ctx)
	if err != nil {
		return err
	}
	answer, err := to.post(ctx, "explain", own.ExplainRequest{
		RequestID: c.RequestID, Principal: c.Principal, Action: c.Action, Resource: c.Resource, Context: c.Context,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintf(e.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return err
	}
	var found own.Explanation
	if err := json.Unmarshal(answer, &found); err != nil {
		return err
	}
	for _, d := range found.Denials {
		printDenial(e.stdout, "may not", d)
	}
	if d := found.Decided; d != nil {
		verb := "may not"
		if d.Allowed {
			verb = "may"
		}
		printDenial(e.stdout, verb, d.Denial)
	}
	return nil
}

// lines returns what prints a line.
func lines(w io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintln(w, visiblef(format, args...)) }
}

func printDenial(w io.Writer, verb string, d own.Denial) {
	who := d.Principal
	if who == "" {
		who = "an anonymous caller"
	}
	line := lines(w)
	line("%s  %s", d.Time.Format("2006-01-02 15:04:05 MST"), who)
	line("  %s %s", verb, d.Action)
	line("  on %s", d.Resource)
	if verb != "may" {
		line("  because: %s", d.Reason)
	}
	if len(d.Findings) == 0 {
		line("  No policy could speak on it.")
	}
	for _, f := range d.Findings {
		printFinding(line, d.Action, f)
	}
}

// policyName is how a reader knows the policy of a finding.
func policyName(action string, f own.Finding) string {
	if f.Name != "" {
		return f.Source + " " + f.Name
	}
	if f.Source != "resource policy" {
		return fmt.Sprintf("%s %d", f.Source, f.Policy+1) // one of several
	}
	switch service, _, _ := strings.Cut(action, ":"); service {
	case "kms":
		return "key policy"
	case "s3":
		return "bucket policy"
	case "sts":
		return "trust policy"
	}
	return f.Source
}

func printFinding(line func(format string, args ...any), action string, f own.Finding) {
	name := policyName(action, f)
	if f.Statement < 0 {
		line("  - %s: says nothing", name)
		return
	}
	name += fmt.Sprintf(", statement %d", f.Statement+1)
	if f.Sid != "" {
		name += fmt.Sprintf(" %q", f.Sid)
	}
	switch {
	case f.Applied && f.Delegates:
		line("  - %s: %s, to the account: its own policies must allow it too", name, f.Effect)
	case f.Applied:
		line("  - %s: %s", name, f.Effect)
	case f.Failed == "Condition" || len(f.Conditions) > 0:
		line("  - %s: %s does not apply", name, f.Effect)
	default:
		line("  - %s: %s does not apply: %s is %s, the request has %s", name, f.Effect, f.Failed, list(f.Wanted), list(f.Present))
	}
	for _, c := range f.Conditions {
		held := "holds"
		if !c.Held {
			held = "fails"
		}
		has := "the request has " + list(c.Present)
		if len(c.Present) == 0 {
			has = "the request has no such key"
		}
		line("      %s %s %s: wants %s, %s", held, c.Operator, c.Key, list(c.Wanted), has)
	}
}

func list(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, " or ")
}
