package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Permission lets a principal act on a function, a version or an alias.
type Permission struct {
	Name, Qualifier string
	StatementID     string
	Action          string // lambda:InvokeFunction
	Principal       string // a service, an account, an ARN, or "*"
	// SourceARN and SourceAccount bound whom a service acts for, OrgID the
	// organization of the principal; each may be empty.
	SourceARN, SourceAccount, OrgID string
	EventSourceToken                string
	RevisionID                      string
}

type statement struct {
	ID        string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal"`
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

var (
	statementForm = form.New(`^[A-Za-z0-9_-]{1,100}$`)
	actionForm    = form.New(`^(lambda:\*|lambda:[a-zA-Z]+|\*)$`)
)

func (p *Permission) statement(ref reference) statement {
	st := statement{ID: p.StatementID, Effect: "Allow", Action: p.Action, Resource: ref.arn()}
	switch {
	case p.Principal == "*":
		st.Principal = "*"
	case accountForm.MatchString(p.Principal):
		st.Principal = map[string]string{"AWS": "arn:aws:iam::" + p.Principal + ":root"}
	case strings.HasPrefix(p.Principal, "arn:"):
		st.Principal = map[string]string{"AWS": p.Principal}
	default:
		st.Principal = map[string]string{"Service": p.Principal}
	}
	condition := func(operator, key, value string) {
		if value == "" {
			return
		}
		if st.Condition == nil {
			st.Condition = make(map[string]map[string]string)
		}
		if st.Condition[operator] == nil {
			st.Condition[operator] = make(map[string]string)
		}
		st.Condition[operator][key] = value
	}
	condition("ArnLike", "AWS:SourceArn", p.SourceARN)
	condition("StringEquals", "AWS:SourceAccount", p.SourceAccount)
	condition("StringEquals", "aws:PrincipalOrgID", p.OrgID)
	condition("StringEquals", "lambda:EventSourceToken", p.EventSourceToken)
	return st
}

// AddPermission adds a statement to the policy of a function, a version or an
// alias, and returns it as JSON.
//
// Source: AWS Lambda API Reference, AddPermission.
func (s *Service) AddPermission(ctx context.Context, who access.Caller, in Permission) (added string, err error) {
	call := s.begin(&who, "AddPermission", in.Name)
	defer call.End(ctx, &err)
	call.Note("statementId", in.StatementID)
	call.Note("principal", in.Principal)
	call.Keys.Set("lambda:Principal", in.Principal)
	ref, _, err := s.admit(ctx, call, &who, in.Name, in.Qualifier)
	if err != nil {
		return "", err
	}
	switch {
	case !statementForm.MatchString(in.StatementID):
		return "", malformed(in.StatementID, "statementId", "satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")
	case !actionForm.MatchString(in.Action):
		return "", malformed(in.Action, "action", "satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])")
	case ref.qualifier == Latest:
		return "", refuse(ErrInvalid, "We currently do not support adding policies for $LATEST.")
	}
	st := in.statement(ref)
	text, err := json.Marshal(st)
	if err != nil {
		return "", err
	}
	err = s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		if err := reviseWithPolicy(tx, ref, r, in.RevisionID); err != nil {
			return err
		}
		p := r.Policies[ref.qualifier]
		if p == nil {
			p = new(policyRecord)
		}
		if p.index(in.StatementID) >= 0 {
			return refuse(ErrConflict, "The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", in.StatementID)
		}
		next := &policyRecord{Statements: append(slices.Clone(p.Statements), text)}
		if len(next.text()) > MaxPolicyBytes {
			return refuse(ErrPolicyLength, "The final policy size (%d) is bigger than the limit (%d).", len(next.text()), MaxPolicyBytes)
		}
		doc, err := policy.Parse(policy.UseResource, next.text())
		if err == nil {
			doc, err = doc.Bind(s.cfg.Principals.Identify)
		}
		if err != nil {
			return refuse(ErrInvalid, "The provided principal was invalid. Please check the principal and try again.")
		}
		next.Bound = doc.Bindings()
		if r.Policies == nil {
			r.Policies = make(map[string]*policyRecord)
		}
		r.Policies[ref.qualifier] = next
		return nil
	})
	return string(text), err
}

// index is where the statement of that id stands, or -1.
func (p *policyRecord) index(id string) int {
	return slices.IndexFunc(p.Statements, func(text json.RawMessage) bool {
		var st statement
		return json.Unmarshal(text, &st) == nil && st.ID == id
	})
}

// RemovePermission removes a statement from a policy.
//
// Source: AWS Lambda API Reference, RemovePermission.
func (s *Service) RemovePermission(ctx context.Context, who access.Caller, name, qualifier, statementID, revisionID string) (err error) {
	call := s.begin(&who, "RemovePermission", name)
	defer call.End(ctx, &err)
	call.Note("statementId", statementID)
	ref, _, err := s.admit(ctx, call, &who, name, qualifier)
	if err != nil {
		return err
	}
	return s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		p := r.Policies[ref.qualifier]
		if p == nil {
			return refuse(ErrNotFound, "No policy is associated with the given resource.")
		}
		at := p.index(statementID)
		if at < 0 {
			return refuse(ErrNotFound, "Statement %s is not found in resource policy.", statementID)
		}
		if err := reviseWithPolicy(tx, ref, r, revisionID); err != nil {
			return err
		}
		p.Statements = slices.Delete(p.Statements, at, at+1)
		if len(p.Statements) == 0 {
			delete(r.Policies, ref.qualifier)
		}
		return nil
	})
}

// Policy returns the policy of a function, a version or an alias.
//
// Source: AWS Lambda API Reference, GetPolicy.
func (s *Service) Policy(ctx context.Context, who access.Caller, name, qualifier string) (source, revision string, err error) {
	call := s.begin(&who, "GetPolicy", name)
	defer call.End(ctx, &err)
	ref, r, err := s.admit(ctx, call, &who, name, qualifier)
	if err != nil {
		return "", "", err
	}
	doc, err := r.document(ref.qualifier)
	if err != nil {
		return "", "", err
	}
	if doc == nil {
		return "", "", refuse(ErrNotFound, "The resource you requested does not exist.")
	}
	if a := r.Aliases[ref.qualifier]; a != nil {
		return doc.Render(s.cfg.Principals.NameOf), a.Revision, nil
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		v, err = readVersion(tx, ref, r)
		return err
	})
	if err != nil {
		return "", "", err
	}
	return doc.Render(s.cfg.Principals.NameOf), v.Revision, nil
}

// reviseWithPolicy gives a function, a version or an alias a new revision: its
// policy has that of what it belongs to. expected is the one that the caller saw,
// or empty.
func reviseWithPolicy(tx store.Writer, ref reference, r *record, expected string) error {
	v, err := readVersion(tx, ref, r)
	if err != nil {
		return err
	}
	now := &v.Revision
	a := r.Aliases[ref.qualifier]
	if a != nil {
		now = &a.Revision
	}
	if expected != "" && expected != *now {
		return refuse(ErrPrecondition, "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id")
	}
	*now = uuid.NewString()
	if a != nil {
		return nil
	}
	return v.save(tx, ref)
}
