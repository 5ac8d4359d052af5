package stack

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Create makes a stack and returns its ARN. It returns ErrExists about a name that
// is taken, ErrCapabilities, ErrLimit, and *template.Error. That it returns nil
// says that the work has begun, not that it succeeds.
//
// Source: AWS CloudFormation API Reference, CreateStack.
func (s *Service) Create(ctx context.Context, who access.Caller, in Request) (id string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:CreateStack")
	defer call.End(ctx, &err)
	call.Note("stackName", in.Name)
	if err := checkName(in.Name); err != nil {
		return "", err
	}
	m := realmOf(&who)
	r, err := s.reviewed(ctx, m, in.Name)
	if err != nil {
		return "", err
	}
	fresh := r == nil
	if fresh {
		r = s.blank(m, in.Name)
	}
	describe(call, in.Role, in.Tags)
	if err := call.Decide(access.Target{ARN: r.arn(), Rule: policy.IdentityOnly}); err != nil {
		return "", err
	}
	if err := passRole(call, m.account, in.Role); err != nil {
		return "", err
	}
	d, _, err := s.define(ctx, &who, &in, nil)
	if err != nil {
		return "", err
	}
	r.definition = *d
	r.OnFailure, r.Protected = in.OnFailure, in.Protected
	if err := s.plan(ctx, r, d); err != nil {
		return "", err
	}
	r.Work = &work{Caller: keepCaller(&who, m), Token: in.Token}
	event := s.turn(r, CreateInProgress, "User Initiated")
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			if fresh {
				return s.add(tx, r, event)
			}
			return s.begun(tx, r, event)
		})
	})
	if err != nil {
		return "", err
	}
	s.start(r.key())
	s.await(ctx, r.key())
	return r.arn(), nil
}

// reviewed is the stack of that name that only has change sets so far, nil for
// none.
func (s *Service) reviewed(ctx context.Context, m realm, name string) (r *stackRecord, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		r, err = s.find(tx, m, name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Status != ReviewInProgress {
		return nil, nil
	}
	return r, err
}

// begun writes a stack that was under review and is created without one. Its
// change sets are obsolete then.
func (s *Service) begun(tx store.Writer, r *stackRecord, event Event) error {
	have, err := s.load(tx, r.key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || have.Status != ReviewInProgress {
		return fail(ErrExists, "Stack [%s] already exists", r.Name)
	}
	r.Events, r.Revision = have.Events, have.Revision
	if err := s.retireIn(tx, r, ""); err != nil {
		return err
	}
	return s.saveBegun(tx, r, event)
}

// blank is a stack without anything in it.
func (s *Service) blank(m realm, name string) *stackRecord {
	return &stackRecord{
		V: recordVersion, ID: uuid.NewString(), Name: name, Account: m.account, Region: m.region,
		Created: s.cfg.Clock.Now(), OnFailure: Rollback,
	}
}

// plan finds what can be known to be wrong before anything is made.
func (s *Service) plan(ctx context.Context, r *stackRecord, d *definition) error {
	_, _, err := s.bind(ctx, r, d)
	return err
}

// add writes a new stack.
func (s *Service) add(tx store.Writer, r *stackRecord, events ...Event) error {
	key := r.realm().prefix() + r.Name
	if _, err := tx.Get(nameSpace, key); err == nil {
		return fail(ErrExists, "Stack [%s] already exists", r.Name)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	n := 0
	for _, err := range tx.Scan(nameSpace, store.Prefix(r.realm().prefix())) {
		if err != nil {
			return err
		}
		if n++; n >= MaxStacks {
			return fail(ErrLimit, "Limit for stack has been exceeded")
		}
	}
	if err := tx.Put(nameSpace, key, []byte(r.ID)); err != nil {
		return err
	}
	r.Events = 0
	return s.saveBegun(tx, r, events...)
}

// Update changes a stack into what the request says and returns its ARN. It
// returns ErrInvalid about a stack that cannot be updated as it is, and when
// nothing would change; else what Create does.
//
// Source: AWS CloudFormation API Reference, UpdateStack.
func (s *Service) Update(ctx context.Context, who access.Caller, in Request) (id string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:UpdateStack")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	describe(call, in.Role, in.Tags)
	r, err := s.lookup(ctx, call, m, in.Name, noStackNamed)
	if err != nil {
		return "", err
	}
	if err := passRole(call, m.account, in.Role); err != nil {
		return "", err
	}
	if !updatable(r.Status) {
		return "", fail(ErrInvalid, "Stack:%s is in %s state and can not be updated.", r.arn(), r.Status)
	}
	d, _, err := s.define(ctx, &who, &in, &r.definition)
	if err != nil {
		return "", err
	}
	changes, err := s.compare(ctx, r, d)
	if err != nil {
		return "", err
	}
	if len(changes) == 0 {
		other, err := s.outputsChange(ctx, r, d)
		if err != nil {
			return "", err
		}
		if !other {
			return "", fail(ErrInvalid, "No updates are to be performed.")
		}
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			now, err := s.load(tx, r.key())
			if err != nil {
				return err
			}
			if now.Events != r.Events {
				// d was made from what the stack was before.
				return fail(ErrInvalid, "Stack:%s is in %s state and can not be updated.", r.arn(), UpdateInProgress)
			}
			if err := s.retireIn(tx, now, ""); err != nil {
				return err
			}
			return s.beginUpdate(tx, now, d, &work{Caller: keepCaller(&who, m), Token: in.Token}, "")
		})
	})
	if err != nil {
		return "", err
	}
	s.start(r.key())
	s.await(ctx, r.key())
	return r.arn(), nil
}

// beginUpdate records that a stack is on its way to d.
func (s *Service) beginUpdate(tx store.Writer, r *stackRecord, d *definition, w *work, changeSet string) error {
	if !updatable(r.Status) {
		return fail(ErrInvalid, "Stack:%s is in %s state and can not be updated.", r.arn(), r.Status)
	}
	goal := *d
	r.Goal, r.Updated = &goal, s.cfg.Clock.Now()
	r.Work, r.ChangeSet = w, changeSet
	event := s.turn(r, UpdateInProgress, "User Initiated")
	return s.saveBegun(tx, r, event)
}

// DeleteRequest says which stack to delete, and what of it to leave.
type DeleteRequest struct {
	Name   string
	Retain []string // of a stack whose deletion failed: resources to leave
	Role   string
	Token  string
}

// Delete deletes a stack with its resources. One that is not there is no error.
// It returns ErrInvalid about a stack that is protected or worked on.
//
// Source: AWS CloudFormation API Reference, DeleteStack.
func (s *Service) Delete(ctx context.Context, who access.Caller, in DeleteRequest) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:DeleteStack")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	describe(call, in.Role, nil)
	r, err := s.lookup(ctx, call, m, in.Name, noStackID)
	if r == nil && errors.Is(err, ErrInvalid) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := passRole(call, m.account, in.Role); err != nil {
		return err
	}
	if r.Status == DeleteComplete {
		return nil
	}
	if len(in.Retain) > 0 && r.Status != DeleteFailed {
		return fail(ErrInvalid, "Invalid operation on stack [%s]. Specify resources to retain only when the stack is in the DELETE_FAILED state.", r.arn())
	}
	for _, name := range in.Retain {
		if r.Resources[name] == nil {
			return fail(ErrInvalid, "Resources [%s] do not exist in the stack", name)
		}
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error { return s.beginDelete(tx, &who, r.key(), in) })
	})
	if err != nil {
		return err
	}
	s.start(r.key())
	s.await(ctx, r.key())
	return nil
}

func (s *Service) beginDelete(tx store.Writer, who *access.Caller, key stackKey, in DeleteRequest) error {
	r, err := s.load(tx, key)
	if err != nil {
		return err
	}
	switch {
	case r.Protected:
		return fail(ErrInvalid, "Stack [%s] cannot be deleted while TerminationProtection is enabled", r.Name)
	case inProgress(r.Status):
		return fail(ErrInvalid, "Stack [%s] cannot be deleted while in status %s", r.Name, r.Status)
	}
	for _, o := range r.Outputs {
		if o.Export == "" {
			continue
		}
		users, err := importers(tx, r.realm(), o.Export)
		if err != nil {
			return err
		}
		if users = slices.DeleteFunc(users, func(name string) bool { return name == r.Name }); len(users) > 0 {
			return fail(ErrInvalid, "Export %s cannot be deleted as it is in use by %s", o.Export, users[0])
		}
	}
	if in.Role != "" {
		r.Role = in.Role
	}
	r.Goal, r.Deleted = nil, s.cfg.Clock.Now()
	r.Work = &work{Caller: keepCaller(who, r.realm()), Token: in.Token, Retain: in.Retain}
	event := s.turn(r, DeleteInProgress, "User Initiated")
	return s.saveBegun(tx, r, event)
}

// SetProtection protects a stack from being deleted, or ends that, and returns its
// ARN.
//
// Source: AWS CloudFormation API Reference, UpdateTerminationProtection.
func (s *Service) SetProtection(ctx context.Context, who access.Caller, name string, protected bool) (id string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:UpdateTerminationProtection")
	defer call.End(ctx, &err)
	r, err := s.lookup(ctx, call, realmOf(&who), name, noStackNamed)
	if err != nil {
		return "", err
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			r, err := s.load(tx, r.key())
			if err != nil {
				return err
			}
			r.Protected = protected
			return s.save(tx, r)
		})
	})
	return r.arn(), err
}
