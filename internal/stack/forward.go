package stack

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/template"
)

const replacementReason = "Requested update requires the creation of a new physical resource; hence creating one."

// wanted is the definition that a stack is on its way to.
func (r *stackRecord) wanted() *definition {
	if r.Goal != nil {
		return r.Goal
	}
	return &r.definition
}

// bind evaluates the template of a definition for a stack.
func (s *Service) bind(ctx context.Context, r *stackRecord, d *definition) (*template.Template, *template.Bound, error) {
	return s.bindTo(r, d, func(name string) (string, bool, error) { return s.exported(ctx, r.realm(), name) })
}

// bindTo is bind with what finds the exports of other stacks.
func (s *Service) bindTo(r *stackRecord, d *definition, export func(name string) (string, bool, error)) (*template.Template, *template.Bound, error) {
	t, err := s.parse(d.Template)
	if err != nil {
		return nil, nil, err
	}
	if t, err = s.expand(t, r.realm(), d); err != nil {
		return nil, nil, err
	}
	b, err := t.Bind(template.Scope{
		Account: string(r.Account), Region: r.Region, StackName: r.Name, StackID: r.arn(),
		Arguments: d.values(), Export: export,
	})
	return t, b, err
}

// expand unrolls the loops of a template for a definition.
func (s *Service) expand(t *template.Template, m realm, d *definition) (*template.Template, error) {
	t, err := t.Expand(template.Scope{Account: string(m.account), Region: m.region, Arguments: d.values()})
	if err != nil {
		return nil, err
	}
	return t, s.recognise(t)
}

// values are the arguments of a definition, with those of stored parameters looked
// up.
func (d *definition) values() map[string]string {
	values := make(map[string]string, len(d.Arguments))
	maps.Copy(values, d.Arguments)
	maps.Copy(values, d.Looked)
	return values
}

// known tells a template of the resources that a stack has.
type known struct{ resources map[string]*resourceRecord }

func (k known) Ref(name string) (any, bool) {
	res := k.resources[name]
	if res == nil || res.Physical == "" {
		return nil, false
	}
	return res.Physical, true
}

func (k known) Attribute(name, attribute string) (any, bool) {
	res := k.resources[name]
	if res == nil {
		return nil, false
	}
	v, ok := res.Attributes[attribute]
	return v, ok
}

// forward makes or changes the next resource that the template wants, or ends the
// pass.
func (s *Service) forward(ctx context.Context, r *stackRecord) error {
	d := r.wanted()
	t, b, err := s.bind(ctx, r, d)
	if errors.Is(err, errUnread) {
		return err
	}
	if err != nil {
		return s.fall(ctx, r, reasonOf(err))
	}
	if len(r.Work.Done) == 0 {
		if err := s.checkAttributes(t); err != nil {
			return s.fall(ctx, r, reasonOf(err)+" ")
		}
	}
	for _, name := range b.Resources() {
		if r.Work.Done[name] {
			continue
		}
		want := t.Resources[name]
		res := r.Resources[name]
		// A step that was recorded is repeated as it was recorded.
		if res != nil && res.Begun {
			return s.make(ctx, r, res, true)
		}
		var properties map[string]any
		err := s.guarded(r, name, func() (err error) {
			if properties, err = b.Properties(name, known{r.Resources}); err == nil {
				properties, err = s.dynamic(ctx, r, properties)
			}
			return err
		})
		if errors.Is(err, errUnread) {
			return err
		}
		if err != nil {
			return s.failResource(ctx, r, res, name, want.Type, reasonOf(err))
		}
		next := &resourceRecord{
			Logical: name, Type: want.Type, Properties: properties, Tags: d.Tags,
			Deletion: b.Policies(name).Deletion, Replacement: b.Policies(name).Replacement, Needs: b.Needs(name),
		}
		r.Makings++
		next.Order = r.Makings
		return s.begin(ctx, r, res, next)
	}
	return s.arrive(ctx, r, b)
}

// checkAttributes checks that the types of a template have the attributes that it
// asks for.
func (s *Service) checkAttributes(t *template.Template) error {
	for _, use := range t.Uses() {
		kind := t.Resources[use.Resource].Type
		if !slices.Contains(s.cfg.Providers[kind].Attributes(), use.Attribute) {
			return fail(ErrInvalid, "[Error] %.1024s: Resource type %s does not support attribute {%.255s}.", use.Path, kind, use.Attribute)
		}
	}
	return nil
}

// begin records that a resource is about to be made or changed, and does it.
func (s *Service) begin(ctx context.Context, r *stackRecord, old, next *resourceRecord) error {
	if r.Resources == nil {
		r.Resources = map[string]*resourceRecord{}
	}
	now := s.cfg.Clock.Now()
	if old == nil {
		next.Token, next.Since, next.New, next.Begun = uuid.NewString(), now, true, true
		r.Resources[next.Logical] = next
		if err := s.commit(ctx, r, s.mark(r, next, CreateInProgress, "")); err != nil {
			return err
		}
		return s.make(ctx, r, next, false)
	}
	next.Physical, next.Attributes = old.Physical, old.Attributes
	next.Token, next.Since = old.Token, old.Since
	next.Status, next.Changed = old.Status, old.Changed
	switch {
	case next.Type == old.Type && reflect.DeepEqual(next.Properties, old.Properties) && slices.Equal(next.Tags, old.Tags):
		// Nothing happens to it, but its policies and its place may be new.
		next.Before = nil
		if r.Goal != nil {
			next.Before = old
		}
		r.Resources[next.Logical] = next
		r.Work.Done = with(r.Work.Done, next.Logical)
		return s.commit(ctx, r)
	case next.Type != old.Type || replaces(s.cfg.Providers[old.Type], old.Properties, next.Properties):
		next.Physical, next.Attributes = "", nil
		next.Token, next.Since, next.Begun, next.Before = uuid.NewString(), now, true, old
		r.Resources[next.Logical] = next
		event := s.mark(r, next, UpdateInProgress, replacementReason)
		event.Physical = old.Physical
		if err := s.commit(ctx, r, event); err != nil {
			return err
		}
	default:
		next.Begun, next.Before = true, old
		r.Resources[next.Logical] = next
		if err := s.commit(ctx, r, s.mark(r, next, UpdateInProgress, "")); err != nil {
			return err
		}
	}
	return s.make(ctx, r, next, false)
}

// replaces tells whether a change of properties takes a new resource.
func replaces(p Provider, before, after map[string]any) bool {
	return slices.ContainsFunc(p.Replaces(), func(name string) bool { return !reflect.DeepEqual(before[name], after[name]) })
}

// make makes or changes a resource whose beginning is recorded, and records what
// came of it.
func (s *Service) make(ctx context.Context, r *stackRecord, res *resourceRecord, again bool) error {
	creating := res.Before == nil || res.replaced()
	var made Made
	err := s.guarded(r, res.Logical, func() error {
		t, err := s.task(ctx, r, res)
		if err != nil {
			return err
		}
		t.Again = again
		if creating {
			made, err = s.cfg.Providers[res.Type].Create(ctx, t)
		} else {
			made, err = s.cfg.Providers[res.Type].Update(ctx, t)
		}
		return err
	})
	if made.Physical != "" {
		res.Physical = made.Physical
	}
	if err != nil {
		res.Begun = false
		return s.failResource(ctx, r, res, res.Logical, res.Type, reasonOf(err))
	}
	res.Attributes, res.Begun = made.Attributes, false
	r.Work.Done = with(r.Work.Done, res.Logical)
	var events []Event
	during, after := CreateInProgress, CreateComplete
	if res.Before != nil {
		during, after = UpdateInProgress, UpdateComplete
	}
	if creating {
		events = append(events, s.mark(r, res, during, "Resource creation Initiated"))
	}
	return s.commit(ctx, r, append(events, s.mark(r, res, after, ""))...)
}

// failResource records that a resource failed, and turns the stack round.
func (s *Service) failResource(ctx context.Context, r *stackRecord, res *resourceRecord, name, kind, reason string) error {
	status := CreateFailed
	if r.Goal != nil && res != nil && !res.New {
		status = UpdateFailed
	}
	var events []Event
	if res == nil {
		events = append(events, s.event(r, name, "", kind, status, reason))
	} else {
		events = append(events, s.mark(r, res, status, reason))
	}
	r.Work.Failed = append(r.Work.Failed, name)
	verb := "create"
	if r.Goal != nil {
		verb = "update"
	}
	return s.fall(ctx, r, "The following resource(s) failed to "+verb+": "+bracketed(r.Work.Failed)+". ", events...)
}

// fall ends a pass that failed: what comes next is the way back.
func (s *Service) fall(ctx context.Context, r *stackRecord, reason string, events ...Event) error {
	r.Work.Done, r.Work.Failed = nil, nil
	switch {
	case r.Goal != nil:
		events = append(events, s.turn(r, UpdateRollbackInProgress, reason))
	case r.OnFailure == DoNothing:
		events = append(events, s.turn(r, CreateFailed, reason))
		r.Work = nil
	case r.OnFailure == Delete:
		events = append(events, s.turn(r, DeleteInProgress, reason+"Delete requested by user."))
	default:
		r.Deleted = s.cfg.Clock.Now()
		events = append(events, s.turn(r, RollbackInProgress, reason+"Rollback requested by user."))
	}
	return s.commit(ctx, r, events...)
}

// settle makes d the definition and drops what an update kept of the past.
func (r *stackRecord) settle(d *definition) {
	r.definition, r.Goal = *d, nil
	for _, res := range r.Resources {
		res.Before, res.New, res.Begun = nil, false, false
	}
}

// arrive ends a pass forward that made all that the template wants.
func (s *Service) arrive(ctx context.Context, r *stackRecord, b *template.Bound) error {
	// Each resource was evaluated in a step of its own: here all are once more, for
	// what the stack imports.
	for _, name := range b.Resources() {
		if _, err := b.Properties(name, known{r.Resources}); errors.Is(err, errUnread) {
			return err
		} else if err != nil {
			return s.fall(ctx, r, reasonOf(err))
		}
	}
	values, err := b.Outputs(known{r.Resources})
	if errors.Is(err, errUnread) {
		return err
	}
	if err != nil {
		return s.fall(ctx, r, reasonOf(err))
	}
	outputs := make([]Output, len(values))
	for i, v := range values {
		outputs[i] = Output{Name: v.Name, Value: v.Value, Description: v.Description, Export: v.Export}
	}
	updating := r.Goal != nil
	if updating {
		for name, res := range r.Resources {
			if !r.Work.Done[name] {
				r.Garbage = append(r.Garbage, res)
				delete(r.Resources, name)
			} else if res.replaced() {
				r.Garbage = append(r.Garbage, res.Before)
			}
		}
		r.settle(r.Goal)
	} else {
		r.settle(&r.definition)
	}
	imports := r.Imports
	r.Imports = b.Imports()
	r.Work.Done = nil
	to := CreateComplete
	if updating {
		to = UpdateCleanup
	}
	event := s.turn(r, to, "")
	if !updating {
		r.Work = nil
	}
	before := r.Events
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		r.Events = before
		if err := s.setExports(tx, r, outputs); err != nil {
			return err
		}
		if err := s.setImports(tx, r, imports, r.Imports); err != nil {
			return err
		}
		r.Outputs = outputs
		return s.saveStep(tx, r, event)
	})
	if sentence, ok := refusal.Sentence(err); ok {
		return s.turnBack(ctx, r.key(), sentence)
	}
	return err
}

// turnBack fails the pass of a stack as it is recorded.
func (s *Service) turnBack(ctx context.Context, key stackKey, reason string) error {
	var r *stackRecord
	err := s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		r, err = s.load(tx, key)
		return err
	})
	if err != nil {
		return err
	}
	return s.fall(ctx, r, reason+" ")
}

// backward undoes what an update did to one resource, or ends the pass. What the
// update made is left to the cleanup, as is the successor of what was replaced.
func (s *Service) backward(ctx context.Context, r *stackRecord) error {
	var next *resourceRecord
	for _, res := range r.Resources {
		if (res.Before != nil || res.New) && (next == nil || res.Order > next.Order) {
			next = res
		}
	}
	if next == nil {
		event := s.turn(r, UpdateRollbackCleanup, "")
		r.Goal, r.Work.Done = nil, nil
		return s.commit(ctx, r, event)
	}
	old := next.Before
	switch {
	case old == nil:
		delete(r.Resources, next.Logical)
		if next.Physical != "" {
			r.Garbage = append(r.Garbage, next)
		}
		return s.commit(ctx, r)
	case next.replaced():
		r.Resources[next.Logical] = old
		if next.Physical != "" {
			next.Before, next.New = nil, true
			r.Garbage = append(r.Garbage, next)
		}
		return s.commit(ctx, r, s.mark(r, old, UpdateComplete, ""))
	case next.Changed.Equal(old.Changed) && next.Status == old.Status:
		r.Resources[next.Logical] = old // nothing had happened to it
		return s.commit(ctx, r)
	}
	if next.Status != UpdateInProgress {
		if err := s.commit(ctx, r, s.mark(r, next, UpdateInProgress, "")); err != nil {
			return err
		}
	}
	err := s.guarded(r, old.Logical, func() error {
		t, err := s.task(ctx, r, old)
		if err != nil {
			return err
		}
		t.Before, t.Undo = next.Properties, true
		_, err = s.cfg.Providers[old.Type].Update(ctx, t)
		return err
	})
	if err != nil {
		reason := reasonOf(err)
		events := []Event{s.mark(r, next, UpdateFailed, reason)}
		events = append(events, s.turn(r, UpdateRollbackFailed, "The following resource(s) failed to update: "+bracketed([]string{next.Logical})+". "))
		r.Goal, r.Work = nil, nil
		return s.commit(ctx, r, events...)
	}
	r.Resources[next.Logical] = old
	return s.commit(ctx, r, s.mark(r, old, UpdateComplete, ""))
}
