package stack

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/template"
)

// Stack describes a stack.
type Stack struct {
	Name, ID, ChangeSet, Description string // ID and ChangeSet are ARNs
	Status                           Status
	Reason                           string
	Created, Updated, Deleted        time.Time
	Parameters                       []Value
	Outputs                          []Output
	Capabilities                     []string
	Tags                             []Tag
	Role                             string
	OnFailure                        OnFailure
	Protected                        bool
}

// Value is the value of a parameter: "****" for one that is not to be shown.
// Looked is what a stored parameter holds.
type Value struct{ Name, Value, Looked string }

// Resource describes a resource of a stack.
type Resource struct {
	Logical, Physical, Type string
	Status                  Status
	Reason                  string
	Changed                 time.Time
}

// values are the parameters of a definition as callers may see them.
func (s *Service) values(d *definition) []Value {
	t, err := template.Parse(d.Template)
	var all []Value
	for _, name := range slices.Sorted(maps.Keys(d.Arguments)) {
		v := Value{Name: name, Value: d.Arguments[name], Looked: d.Looked[name]}
		if err != nil || t.Parameters[name] == nil || t.Parameters[name].NoEcho {
			v.Value, v.Looked = "****", ""
		}
		all = append(all, v)
	}
	return all
}

func (s *Service) describe(r *stackRecord) Stack {
	d := &r.definition
	out := Stack{
		Name: r.Name, ID: r.arn(), ChangeSet: r.ChangeSet, Status: r.Status, Reason: r.Reason, Created: r.Created,
		Updated: r.Updated, Deleted: r.Deleted, Parameters: s.values(d), Outputs: r.Outputs, Capabilities: d.Capabilities,
		Tags: d.Tags, Role: d.Role, OnFailure: r.OnFailure, Protected: r.Protected,
	}
	if r.Status == DeleteComplete || r.Status == RollbackComplete {
		out.ChangeSet = ""
	}
	if t, err := template.Parse(d.Template); err == nil {
		out.Description = t.Description
	}
	return out
}

// Stacks describes one stack, or with an empty name all of the caller's account
// and region but those that are deleted. It returns ErrInvalid about a stack that
// does not exist.
//
// Source: AWS CloudFormation API Reference, DescribeStacks.
func (s *Service) Stacks(ctx context.Context, who access.Caller, name string) (out []Stack, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:DescribeStacks")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	if name != "" {
		r, err := s.lookup(ctx, call, m, name, noStackID)
		if err != nil {
			return nil, err
		}
		return []Stack{s.describe(r)}, nil
	}
	return s.all(ctx, call, m, func(r *stackRecord) bool { return r.Status != DeleteComplete })
}

// List describes the stacks of the caller's account and region whose status is
// one of those, or whatever it is without any. The newest come first.
//
// Source: AWS CloudFormation API Reference, ListStacks.
func (s *Service) List(ctx context.Context, who access.Caller, statuses []Status) (out []Stack, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:ListStacks")
	defer call.End(ctx, &err)
	return s.all(ctx, call, realmOf(&who), func(r *stackRecord) bool {
		return len(statuses) == 0 || slices.Contains(statuses, r.Status)
	})
}

func (s *Service) all(ctx context.Context, call *access.Call, m realm, want func(*stackRecord) bool) (out []Stack, err error) {
	if err := call.Decide(access.Target{ARN: m.arn("*", "*"), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		out = nil
		for rec, err := range tx.Scan(stackSpace, store.Prefix(m.prefix())) {
			if err != nil {
				return err
			}
			r, err := s.open(stackKey(rec.Key), rec.Value)
			if err != nil {
				return err
			}
			if want(r) {
				out = append(out, s.describe(r))
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Stack) int { return b.Created.Compare(a.Created) })
	return out, err
}

// MaxEvents is how many events a page has.
const MaxEvents = 100

// Events lists what happened to a stack, the newest first. next continues the
// list, empty at its end.
//
// Source: AWS CloudFormation API Reference, DescribeStackEvents.
func (s *Service) Events(ctx context.Context, who access.Caller, name, after string) (out []Event, next string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:DescribeStackEvents")
	defer call.End(ctx, &err)
	r, err := s.lookup(ctx, call, realmOf(&who), name, noStackNamed)
	if err != nil {
		return nil, "", err
	}
	within := store.Prefix(string(r.key()) + "/")
	within.Reverse = true
	if after != "" {
		within.To = string(r.key()) + "/" + after
		if within.To < within.From {
			return nil, "", fail(ErrInvalid, "The NextToken is not valid.")
		}
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		out, next = nil, ""
		for rec, err := range tx.Scan(eventSpace, within) {
			if err != nil {
				return err
			}
			e, err := decodeEvent(rec.Value)
			if err != nil {
				return err
			}
			if out = append(out, e); len(out) == MaxEvents {
				next = rec.Key[strings.LastIndexByte(rec.Key, '/')+1:]
				break
			}
		}
		return nil
	})
	return out, next, err
}

// Resources lists the resources of a stack in the order of their names, under the
// permission for action. physical names a resource by its physical id instead of
// the stack by its name.
//
// Source: AWS CloudFormation API Reference, DescribeStackResources,
// DescribeStackResource, ListStackResources.
func (s *Service) Resources(ctx context.Context, who access.Caller, action policy.Action, name, physical string) (of Stack, out []Resource, err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	m := realmOf(&who)
	if name == "" {
		if name, err = s.owner(ctx, m, physical); err != nil {
			if denied := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); denied != nil {
				return Stack{}, nil, denied
			}
			return Stack{}, nil, err
		}
	}
	missing := noStackID
	if action == "cloudformation:DescribeStackResource" {
		missing = noStackQuoted
	}
	r, err := s.lookup(ctx, call, m, name, missing)
	if err != nil {
		return Stack{}, nil, err
	}
	for _, logical := range slices.Sorted(maps.Keys(r.Resources)) {
		res := r.Resources[logical]
		out = append(out, Resource{res.Logical, res.Physical, res.Type, res.Status, res.Reason, res.Changed})
	}
	return s.describe(r), out, nil
}

// owner is the ARN of the stack that has a resource.
func (s *Service) owner(ctx context.Context, m realm, physical string) (id string, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(stackSpace, store.Prefix(m.prefix())) {
			if err != nil {
				return err
			}
			r, err := s.open(stackKey(rec.Key), rec.Value)
			if err != nil {
				return err
			}
			for _, res := range r.Resources {
				if r.Status != DeleteComplete && res.Physical == physical {
					id = r.arn()
					return nil
				}
			}
		}
		return fail(ErrInvalid, "Stack for %.1024s does not exist", physical)
	})
	return id, err
}

// Template returns the template of a stack, or with a change set the one that
// that leads to: as it was given, or processed with its loops unrolled.
//
// Source: AWS CloudFormation API Reference, GetTemplate.
func (s *Service) Template(ctx context.Context, who access.Caller, name, changeSet string, processed bool) (text string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:GetTemplate")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	if changeSet != "" {
		_, c, err := s.change(ctx, call, m, name, changeSet)
		if err != nil {
			return "", err
		}
		return s.written(m, &c.Definition, processed), nil
	}
	r, err := s.lookup(ctx, call, m, name, noStackID)
	if err != nil {
		return "", err
	}
	return s.written(m, &r.definition, processed), nil
}

// written is the text of a template, unrolled if processed says so and it can be.
func (s *Service) written(m realm, d *definition, processed bool) string {
	if !processed {
		return d.Template
	}
	t, err := template.Parse(d.Template)
	if err == nil {
		t, err = s.expand(t, m, d)
	}
	if err != nil {
		return d.Template
	}
	if text, ok := t.Document(); ok {
		return text
	}
	return d.Template
}

// Summary reads the template of in, or that of the stack in.Name when in has none,
// under the permission for action.
//
// Source: AWS CloudFormation API Reference, GetTemplateSummary, ValidateTemplate.
func (s *Service) Summary(ctx context.Context, who access.Caller, action policy.Action, in Request) (t *template.Template, err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	text := in.Template
	if in.Name != "" {
		r, err := s.lookup(ctx, call, realmOf(&who), in.Name, noStackID)
		if err != nil {
			return nil, err
		}
		if r.Status == ReviewInProgress {
			return nil, fail(ErrInvalid, "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
		}
		text = r.definition.Template
	} else if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if in.TemplateURL != "" {
		if text, err = s.fetch(ctx, &who, in.TemplateURL); err != nil {
			return nil, err
		}
	}
	if t, err = s.parse(text); err != nil {
		return nil, err
	}
	// Loops over parameters are taken as their defaults make them.
	d := &definition{Arguments: map[string]string{}}
	for name, p := range t.Parameters {
		if p.Default != nil {
			d.Arguments[name] = *p.Default
		}
	}
	return s.expand(t, realmOf(&who), d)
}

// Exports lists the exports of the caller's account and region.
//
// Source: AWS CloudFormation API Reference, ListExports.
func (s *Service) Exports(ctx context.Context, who access.Caller) (out []Export, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:ListExports")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	m := realmOf(&who)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		out = nil
		for rec, err := range tx.Scan(exportSpace, store.Prefix(m.prefix())) {
			if err != nil {
				return err
			}
			var e Export
			if err := s.unseal("export", rec.Key, rec.Value, &e); err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// Imports lists the names of the stacks that use an export. It returns ErrInvalid
// when none does.
//
// Source: AWS CloudFormation API Reference, ListImports.
func (s *Service) Imports(ctx context.Context, who access.Caller, export string) (out []string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:ListImports")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	m := realmOf(&who)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		if _, err := s.getExport(tx, m, export); errors.Is(err, store.ErrNotFound) {
			return fail(ErrInvalid, "Export '%.255s' does not exist", export)
		} else if err != nil {
			return err
		}
		if out, err = importers(tx, m, export); err == nil && len(out) == 0 {
			err = fail(ErrInvalid, "Export '%s' is not imported by any stack.", export)
		}
		return err
	})
	return out, err
}

// nameOf is the name in a stack's ARN.
func nameOf(id string) string {
	_, rest, _ := strings.Cut(id, ":stack/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
