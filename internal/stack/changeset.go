package stack

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Change is what an update would do to one resource.
type Change struct {
	Action   string `json:"action"` // Add, Modify or Remove
	Logical  string `json:"logical"`
	Physical string `json:"physical,omitempty"`
	Type     string `json:"type"`
	// Replacement is True, False or Conditional, for Modify.
	Replacement string `json:"replacement,omitempty"`
	// Policy says what becomes of a resource that goes: Delete, Retain,
	// ReplaceAndDelete or ReplaceAndRetain; empty where none goes.
	Policy string `json:"policy,omitempty"`
	// Scope lists what changes: Properties, Tags, DeletionPolicy,
	// UpdateReplacePolicy.
	Scope   []string `json:"scope,omitempty"`
	Details []Detail `json:"details,omitempty"`
	// Before and After are the properties, nil where there is no resource; without
	// what is not to be shown, and with KnownAfterApply for what is not known yet.
	Before map[string]any `json:"before,omitzero"`
	After  map[string]any `json:"after,omitzero"`
	// Possible tells of a change that is only known when another is done.
	Possible bool `json:"possible,omitempty"`
}

// Detail is why one property of a resource gets another value.
type Detail struct {
	Property string `json:"property"`
	// Source is DirectModification, ParameterReference, ResourceReference or
	// ResourceAttribute, Cause the parameter, resource or attribute it is about.
	Source string `json:"source"`
	Cause  string `json:"cause,omitempty"`
	// Dynamic tells that the value is only known when the change is done.
	Dynamic bool `json:"dynamic,omitempty"`
	// Valued tells that the detail is for those who ask for values too.
	Valued bool `json:"valued,omitempty"`
	// Replaces tells that the property takes a new resource.
	Replaces bool `json:"replaces,omitempty"`
}

// ChangeSet is an update, or a creation, that is prepared and not done.
type ChangeSet struct {
	Name, ID           string // ID is the ARN
	StackName, StackID string
	Description        string
	Status             Status // CREATE_COMPLETE or FAILED
	Reason             string
	Execution          string // AVAILABLE, UNAVAILABLE, EXECUTE_COMPLETE or OBSOLETE
	Created            time.Time
	Changes            []Change
	Parameters         []Value
	Capabilities       []string
	Tags               []Tag
}

// What became of a change set.
const (
	executed = "EXECUTE_COMPLETE"
	obsolete = "OBSOLETE"
)

// Failed is the status of a change set that cannot be executed.
const Failed Status = "FAILED"

type changeRecord struct {
	V           int        `json:"v"`
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Stack       string     `json:"stack"`
	Token       string     `json:"token,omitempty"` // ClientToken
	Description string     `json:"description,omitempty"`
	Status      Status     `json:"status"`
	Reason      string     `json:"reason,omitempty"`
	Execution   string     `json:"execution"`
	Created     time.Time  `json:"created"`
	Definition  definition `json:"definition"`
	OnFailure   OnFailure  `json:"onFailure,omitempty"`
	Creates     bool       `json:"creates,omitempty"`
	Changes     []Change   `json:"changes,omitempty"`
}

func (c *changeRecord) arn(m realm) string {
	return "arn:aws:cloudformation:" + m.region + ":" + string(m.account) + ":changeSet/" + c.Name + "/" + c.ID
}

var changeSetName = form.New(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)

// CreateChangeSet prepares an update of a stack, or with create a new stack, and
// returns the ARNs of the change set and the stack. A request with the token of
// the change set that has the name is that one's, sent again.
//
// Source: AWS CloudFormation API Reference, CreateChangeSet.
func (s *Service) CreateChangeSet(ctx context.Context, who access.Caller, name, description string, create bool, in Request) (id, stackID string, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:CreateChangeSet")
	defer call.End(ctx, &err)
	call.Keys.Set("cloudformation:ChangeSetName", name)
	call.Note("changeSetName", name)
	describe(call, in.Role, in.Tags)
	m := realmOf(&who)
	r, fresh, err := s.changing(ctx, call, m, name, create, in.Name)
	if err != nil {
		return "", "", err
	}
	if err := passRole(call, m.account, in.Role); err != nil {
		return "", "", err
	}
	in.Previewed = true
	have := &r.definition
	if create {
		have = nil
	}
	d, _, err := s.define(ctx, &who, &in, have)
	if err != nil {
		return "", "", err
	}
	c := &changeRecord{
		V: recordVersion, ID: uuid.NewString(), Name: name, Stack: r.ID, Token: in.Token, Description: description, Status: CreateComplete,
		Execution: "AVAILABLE", Created: s.cfg.Clock.Now(), Definition: *d, OnFailure: in.OnFailure, Creates: create,
	}
	if err := s.preview(ctx, r, c); err != nil {
		return "", "", err
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			if fresh {
				event := s.turn(r, ReviewInProgress, "User Initiated")
				if err := s.add(tx, r, event); err != nil {
					return err
				}
			}
			c, err = s.addChange(tx, r, c)
			return err
		})
	})
	return c.arn(m), r.arn(), err
}

// changing is the stack that a change set called name is for. It is fresh where the
// change set creates it and no earlier one did.
func (s *Service) changing(ctx context.Context, call *access.Call, m realm, name string, create bool, stack string) (r *stackRecord, fresh bool, err error) {
	r, err = s.lookup(ctx, call, m, stack, noStackNamed)
	if fresh = create && errors.Is(err, ErrInvalid); err != nil && !fresh {
		return nil, false, err
	}
	if !changeSetName.MatchString(name) {
		return nil, false, fail(ErrInvalid, "1 validation error detected: Value '%.256s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	switch {
	case fresh:
		return s.blank(m, stack), true, checkName(stack)
	case create && r.Status != ReviewInProgress:
		return nil, false, fail(ErrInvalid, "Stack [%s] already exists and cannot be created again with the changeSet [%s].", stack, name)
	case !create && r.Status == ReviewInProgress:
		return nil, false, fail(ErrInvalid, "Stack [%s] does not exist", r.Name)
	case !create && !updatable(r.Status):
		return nil, false, fail(ErrInvalid, "Stack:%s is in %s state and can not be updated.", r.arn(), r.Status)
	}
	return r, false, nil
}

// preview fills in what a change set will change of r. One that changes nothing has
// failed.
func (s *Service) preview(ctx context.Context, r *stackRecord, c *changeRecord) (err error) {
	if c.Changes, err = s.compare(ctx, r, &c.Definition); err != nil || c.Creates || len(c.Changes) > 0 {
		return err
	}
	other, err := s.outputsChange(ctx, r, &c.Definition)
	if err != nil || other {
		return err
	}
	c.Status, c.Execution = Failed, "UNAVAILABLE"
	c.Reason = "The submitted information didn't contain changes. Submit different information to create a change set."
	return nil
}

// addChange keeps a new change set and returns it, or the one that its request
// already made. The name of one that was executed may be used again.
func (s *Service) addChange(tx store.Writer, r *stackRecord, c *changeRecord) (*changeRecord, error) {
	switch old, err := s.findChange(tx, r, c.Name); {
	case errors.Is(err, ErrNoChangeSet):
	case err != nil:
		return c, err
	case c.Token != "" && old.Token == c.Token:
		return old, nil
	case old.Execution != executed && old.Execution != obsolete:
		return c, fail(ErrExists, "ChangeSet [%s] already exists", c.Name)
	default:
		if err := tx.Delete(changeSpace, string(r.key())+"/"+old.ID); err != nil {
			return c, err
		}
	}
	return c, s.saveChange(tx, r, c)
}

func (s *Service) saveChange(tx store.Writer, r *stackRecord, c *changeRecord) error {
	key := string(r.key()) + "/" + c.ID
	value, err := s.seal("change", key, c)
	if err != nil {
		return err
	}
	return tx.Put(changeSpace, key, value)
}

// changes reads all change sets of a stack.
func (s *Service) changes(tx store.Reader, r *stackRecord) (all []*changeRecord, err error) {
	for rec, err := range tx.Scan(changeSpace, store.Prefix(string(r.key())+"/")) {
		if err != nil {
			return nil, err
		}
		c := &changeRecord{}
		if err := s.unseal("change", rec.Key, rec.Value, c); err != nil {
			return nil, err
		}
		if c.V != recordVersion {
			return nil, errDamaged
		}
		all = append(all, c)
	}
	return all, nil
}

// findChange reads the change set that a name or an ARN means.
func (s *Service) findChange(tx store.Reader, r *stackRecord, ref string) (*changeRecord, error) {
	all, err := s.changes(tx, r)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Name == ref || c.arn(r.realm()) == ref {
			return c, nil
		}
	}
	return nil, fail(ErrNoChangeSet, "ChangeSet [%.2048s] does not exist", ref)
}

// change finds a change set by its own ARN, or by its name and the stack's, and
// decides about it.
func (s *Service) change(ctx context.Context, call *access.Call, m realm, stack, ref string) (r *stackRecord, c *changeRecord, err error) {
	call.Note("changeSetName", ref)
	call.Keys.Set("cloudformation:ChangeSetName", ref)
	if stack == "" {
		if stack, err = s.stackOfChange(ctx, m, ref); err != nil {
			if denied := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); denied != nil {
				return nil, nil, denied
			}
			return nil, nil, err
		}
	}
	if r, err = s.lookup(ctx, call, m, stack, noStackNamed); err != nil {
		return nil, nil, err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		c, err = s.findChange(tx, r, ref)
		return err
	})
	return r, c, err
}

// stackOfChange is the ARN of the stack that a change set belongs to.
func (s *Service) stackOfChange(ctx context.Context, m realm, ref string) (id string, err error) {
	missing := fail(ErrNoChangeSet, "ChangeSet [%.2048s] does not exist", ref)
	name, parseErr := arn.Parse(ref)
	if parseErr != nil {
		return "", fail(ErrInvalid, "StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	at := strings.LastIndexByte(name.Resource, '/')
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(changeSpace, store.Prefix(m.prefix())) {
			if err != nil {
				return err
			}
			if stack, ok := strings.CutSuffix(rec.Key, name.Resource[at:]); ok && at > 0 {
				r, err := s.load(tx, stackKey(stack))
				if err == nil {
					id = r.arn()
				}
				return err
			}
		}
		return missing
	})
	return id, err
}

// ChangeSet describes a change set. stack may be empty when ref is an ARN. It
// returns ErrNoChangeSet.
//
// Source: AWS CloudFormation API Reference, DescribeChangeSet.
func (s *Service) ChangeSet(ctx context.Context, who access.Caller, stack, ref string) (out ChangeSet, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:DescribeChangeSet")
	defer call.End(ctx, &err)
	r, c, err := s.change(ctx, call, realmOf(&who), stack, ref)
	if err != nil {
		return ChangeSet{}, err
	}
	return s.changeSet(r, c), nil
}

func (s *Service) changeSet(r *stackRecord, c *changeRecord) ChangeSet {
	return ChangeSet{
		Name: c.Name, ID: c.arn(r.realm()), StackName: r.Name, StackID: r.arn(), Description: c.Description, Status: c.Status,
		Reason: c.Reason, Execution: c.Execution, Created: c.Created, Changes: c.Changes, Parameters: s.values(&c.Definition),
		Capabilities: c.Definition.Capabilities, Tags: c.Definition.Tags,
	}
}

// ChangeSets lists the change sets of a stack.
//
// Source: AWS CloudFormation API Reference, ListChangeSets.
func (s *Service) ChangeSets(ctx context.Context, who access.Caller, stack string) (out []ChangeSet, err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:ListChangeSets")
	defer call.End(ctx, &err)
	r, err := s.lookup(ctx, call, realmOf(&who), stack, noStackNamed)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		all, err := s.changes(tx, r)
		out = make([]ChangeSet, 0, len(all))
		for _, c := range all {
			out = append(out, s.changeSet(r, c))
		}
		return err
	})
	return out, err
}

// DeleteChangeSet forgets a change set. That the stack has none of that name is
// success: the Cloud Development Kit counts on it.
//
// Source: AWS CloudFormation API Reference, DeleteChangeSet.
func (s *Service) DeleteChangeSet(ctx context.Context, who access.Caller, stack, ref string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:DeleteChangeSet")
	defer call.End(ctx, &err)
	r, c, err := s.change(ctx, call, realmOf(&who), stack, ref)
	if r != nil && errors.Is(err, ErrNoChangeSet) {
		return nil
	}
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			return tx.Delete(changeSpace, string(r.key())+"/"+c.ID)
		})
	})
}

// ExecuteChangeSet does what a change set says. The stack's other change sets are
// obsolete then. onFailure, if not empty, replaces that of a creation; DoNothing is
// ErrInvalid about an update. It returns ErrChangeSetStatus about a change set that
// cannot be executed.
//
// Source: AWS CloudFormation API Reference, ExecuteChangeSet.
func (s *Service) ExecuteChangeSet(ctx context.Context, who access.Caller, stack, ref, token string, onFailure OnFailure) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudformation:ExecuteChangeSet")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	r, c, err := s.change(ctx, call, m, stack, ref)
	if err != nil {
		return err
	}
	if c.Execution != "AVAILABLE" {
		return fail(ErrChangeSetStatus, "ChangeSet [%s] cannot be executed in its current status of [%s]", c.arn(m), c.Status)
	}
	if !c.Creates && onFailure == DoNothing {
		return fail(ErrInvalid, "DisableRollback is not supported for updates")
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			return s.execute(tx, r.key(), c.arn(m), &work{Caller: keepCaller(&who, m), Token: token}, onFailure)
		})
	})
	if err != nil {
		return err
	}
	s.start(r.key())
	s.await(ctx, r.key())
	return nil
}

// execute records that a stack is on its way to what a change set says, and that
// the change set is executed: it cannot be twice.
func (s *Service) execute(tx store.Writer, key stackKey, id string, w *work, onFailure OnFailure) error {
	r, err := s.load(tx, key)
	if err != nil {
		return err
	}
	c, err := s.findChange(tx, r, id)
	if err != nil {
		return err
	}
	if c.Execution != "AVAILABLE" || c.Creates && r.Status != ReviewInProgress {
		return fail(ErrChangeSetStatus, "ChangeSet [%s] cannot be executed in its current status of [%s]", id, c.Status)
	}
	if err := s.retireIn(tx, r, c.ID); err != nil {
		return err
	}
	if !c.Creates {
		return s.beginUpdate(tx, r, &c.Definition, w, id)
	}
	r.definition, r.ChangeSet, r.Updated = c.Definition, id, s.cfg.Clock.Now()
	r.OnFailure = c.OnFailure
	if onFailure != "" {
		r.OnFailure = onFailure
	}
	r.Work = w
	event := s.turn(r, CreateInProgress, "User Initiated")
	return s.saveBegun(tx, r, event)
}

// retireIn marks the change sets of a stack; done is the id of the executed one,
// empty for none.
func (s *Service) retireIn(tx store.Writer, r *stackRecord, done string) error {
	all, err := s.changes(tx, r)
	if err != nil {
		return err
	}
	for _, c := range all {
		switch {
		case c.ID == done:
			c.Execution = executed
		case c.Execution == "AVAILABLE":
			c.Execution = obsolete
		default:
			continue
		}
		if err := s.saveChange(tx, r, c); err != nil {
			return err
		}
	}
	return nil
}
