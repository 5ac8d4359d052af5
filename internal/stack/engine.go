package stack

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// step does one thing for a stack and records it. more is false when the stack's
// operation is done. An error is errLost, or one of the store: nothing is recorded
// then.
//
// The passes are, with what each leaves behind when it is through:
//
//	CREATE_IN_PROGRESS, UPDATE_IN_PROGRESS    make what the template wants
//	UPDATE_ROLLBACK_IN_PROGRESS               bring back what was
//	..._CLEANUP_IN_PROGRESS                   delete what no longer belongs
//	ROLLBACK_IN_PROGRESS, DELETE_IN_PROGRESS  delete all
func (s *Service) step(key stackKey) (more bool, err error) {
	// What a request began goes on without it, and a step that has begun is seen
	// through when the service ends.
	ctx := context.WithoutCancel(s.ctx)
	var r *stackRecord
	var l lease
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		if l, err = readLease(tx, key); err == nil {
			r, err = s.load(tx, key)
		}
		return err
	})
	if err == nil && inProgress(r.Status) && (l.Owner != s.id || l.Until.Sub(s.cfg.Clock.Now()) < renewEvery) {
		err = s.claim(ctx, key)
	}
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch r.Status {
	case CreateInProgress, UpdateInProgress:
		err = s.forward(ctx, r)
	case UpdateRollbackInProgress:
		err = s.backward(ctx, r)
	case UpdateCleanup, UpdateRollbackCleanup:
		err = s.cleanup(ctx, r)
	case RollbackInProgress, DeleteInProgress:
		err = s.dismantle(ctx, r)
	default:
		return false, nil
	}
	return err == nil, err
}

// commit records a stack with events.
func (s *Service) commit(ctx context.Context, r *stackRecord, events ...Event) error {
	before := r.Events
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		r.Events = before // fn may run more than once
		return s.saveStep(tx, r, events...)
	})
	if err == nil {
		r.Revision++
	}
	return err
}

// errInternal is what a stack's events say of a fault of ours.
var errInternal = errors.New("Internal failure") //lint:ignore ST1005 AWS's sentence

// guarded does something about one resource. That it panics is a failure of that
// resource: it ends neither the server nor the next one, which would begin with it
// again.
func (s *Service) guarded(r *stackRecord, logical string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Log.LogAttrs(s.ctx, slog.LevelError, "stack resource panicked", slog.String("stack", r.arn()),
				slog.String("resource", logical), slog.Any("panic", v), slog.String("trace", string(debug.Stack())))
			err = errInternal
		}
	}()
	return do()
}

// task is what a provider is to do about a resource.
func (s *Service) task(ctx context.Context, r *stackRecord, res *resourceRecord) (*Task, error) {
	who, err := s.actor(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &Task{
		Who: who, Stack: r.Name, StackID: r.arn(), Logical: res.Logical, Physical: res.Physical, Properties: res.Properties,
		Attributes: res.Attributes, Tags: res.Tags, Token: res.Token, Since: res.Since,
	}
	if res.Before != nil {
		t.Before = res.Before.Properties
	}
	return t, nil
}

// dismantle deletes one resource of a stack that is to go, or ends the pass.
func (s *Service) dismantle(ctx context.Context, r *stackRecord) error {
	var next *resourceRecord
	for _, res := range r.Resources {
		if !r.Work.Done[res.Logical] && (next == nil || res.Order > next.Order) && !s.blocked(r, res) {
			next = res
		}
	}
	if next == nil {
		return s.dismantled(ctx, r)
	}
	if s.kept(r, next) {
		event := s.mark(r, next, DeleteSkipped, "")
		r.Work.Done = with(r.Work.Done, next.Logical)
		return s.commit(ctx, r, event)
	}
	failed, err := s.remove(ctx, r, next)
	if err != nil {
		return err
	}
	r.Work.Done = with(r.Work.Done, next.Logical)
	if failed != "" {
		r.Work.Failed = append(r.Work.Failed, next.Logical)
		return s.commit(ctx, r, s.mark(r, next, DeleteFailed, failed))
	}
	event := s.mark(r, next, DeleteComplete, "")
	next.Properties, next.Attributes = nil, nil
	return s.commit(ctx, r, event)
}

// blocked tells whether a resource has to stay because one that could not be
// deleted needs it.
func (s *Service) blocked(r *stackRecord, res *resourceRecord) bool {
	for _, name := range r.Work.Failed {
		if other := r.Resources[name]; other != nil && slices.Contains(other.Needs, res.Logical) {
			r.Work.Failed = appendNew(r.Work.Failed, res.Logical)
			return true
		}
	}
	return slices.Contains(r.Work.Failed, res.Logical)
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// kept tells whether a resource outlives its stack.
func (s *Service) kept(r *stackRecord, res *resourceRecord) bool {
	if r.Status == DeleteInProgress && slices.Contains(r.Work.Retain, res.Logical) {
		return true
	}
	return res.Deletion == "Retain" || res.Deletion == "RetainExceptOnCreate" && r.Status != RollbackInProgress
}

// remove deletes a resource. failed says why it could not be, for the events.
func (s *Service) remove(ctx context.Context, r *stackRecord, res *resourceRecord) (failed string, err error) {
	if res.Physical == "" {
		return "", nil
	}
	if res.Status != DeleteInProgress {
		if err := s.commit(ctx, r, s.mark(r, res, DeleteInProgress, "")); err != nil {
			return "", err
		}
	}
	err = s.guarded(r, res.Logical, func() error {
		t, err := s.task(ctx, r, res)
		if err != nil {
			return err
		}
		return s.cfg.Providers[res.Type].Delete(ctx, t)
	})
	return reasonOf(err), nil
}

// dismantled ends a rollback of a creation, or a deletion.
func (s *Service) dismantled(ctx context.Context, r *stackRecord) error {
	if len(r.Work.Failed) > 0 {
		to := DeleteFailed
		if r.Status == RollbackInProgress {
			to = RollbackFailed
		}
		// What stays only because another needs it did not fail.
		failed := slices.DeleteFunc(r.Work.Failed, func(name string) bool { return r.Resources[name].Status != DeleteFailed })
		event := s.turn(r, to, "The following resource(s) failed to delete: "+bracketed(failed)+". ")
		for name, res := range r.Resources {
			if res.Status == DeleteComplete || res.Status == DeleteSkipped {
				delete(r.Resources, name)
			}
		}
		r.Work = nil
		return s.commit(ctx, r, event)
	}
	to := DeleteComplete
	if r.Status == RollbackInProgress {
		to = RollbackComplete
	}
	event := s.turn(r, to, "")
	r.Work = nil
	if to == RollbackComplete {
		return s.commit(ctx, r, event)
	}
	r.Deleted = s.cfg.Clock.Now()
	// Of a stack that is gone its story is kept, and no value.
	r.Goal, r.Garbage, r.Arguments, r.Looked = nil, nil, nil, nil
	for _, res := range r.Resources {
		res.Properties, res.Attributes = nil, nil
	}
	imports, outputs := r.Imports, r.Outputs
	r.Imports = nil
	before := r.Events
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		r.Events = before
		r.Outputs = outputs
		if err := s.setExports(tx, r, nil); err != nil {
			return err
		}
		r.Outputs = nil
		if err := s.setImports(tx, r, imports, nil); err != nil {
			return err
		}
		if err := tx.Delete(nameSpace, r.realm().prefix()+r.Name); err != nil {
			return err
		}
		return s.saveStep(tx, r, event)
	})
}

// cleanup deletes one thing that an update, or its rollback, left over. That
// something cannot be deleted does not fail the stack, as on AWS: the event tells.
func (s *Service) cleanup(ctx context.Context, r *stackRecord) error {
	if len(r.Garbage) == 0 {
		to := UpdateComplete
		if r.Status == UpdateRollbackCleanup {
			to = UpdateRollbackComplete
		}
		event := s.turn(r, to, "")
		r.Work = nil
		return s.commit(ctx, r, event)
	}
	at := 0
	for i, res := range r.Garbage {
		if res.Order > r.Garbage[at].Order {
			at = i
		}
	}
	res := r.Garbage[at]
	keep := res.Deletion == "Retain" || res.Deletion == "RetainExceptOnCreate" && !res.New
	if res.Replacement == "Retain" && r.Resources[res.Logical] != nil && !res.New {
		keep = true
	}
	if keep {
		r.Garbage = slices.Delete(r.Garbage, at, at+1)
		return s.commit(ctx, r, s.mark(r, res, DeleteSkipped, ""))
	}
	failed, err := s.remove(ctx, r, res)
	if err != nil {
		return err
	}
	r.Garbage = slices.Delete(r.Garbage, at, at+1)
	if failed != "" {
		return s.commit(ctx, r, s.mark(r, res, DeleteFailed, failed))
	}
	return s.commit(ctx, r, s.mark(r, res, DeleteComplete, ""))
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[name] = true
	return set
}

// maxReasonBytes bounds what is said of a failure.
const maxReasonBytes = 2048

// reasonOf is the text of a failure for the events; empty for none.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	if text == "" {
		text = "Internal failure"
	}
	return text[:min(len(text), maxReasonBytes)]
}
