package secret

import (
	"context"
	"errors"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// begin opens the call of an operation on the secret that ref names.
func (s *Service) begin(who *access.Caller, operation, ref string) *access.Call {
	call := s.cfg.Gate.Begin(*who, action(operation))
	call.Note("secretId", ref)
	call.Keys.Set("secretsmanager:SecretId", ref)
	return call
}

// admit reads a secret for a caller that may act on it. Who may not, does not
// learn whether it exists.
func (s *Service) admit(ctx context.Context, call *access.Call, who *access.Caller, ref string) (r *record, err error) {
	at, err := locate(who, ref)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err = find(tx, at)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	t := access.Target{ARN: at.arn(at.name), Owner: at.account}
	if r != nil {
		t.ARN = r.arn()
		call.ResourceTags(r.Tags, "secretsmanager:ResourceTag/")
		if r.Rotation.Function != "" {
			call.Keys.Set("secretsmanager:resource/AllowRotationLambdaArn", r.Rotation.Function)
		}
		if t.Policy, err = r.document(); err != nil {
			return nil, err
		}
	}
	if derr := call.Decide(t); derr != nil {
		return nil, derr
	}
	if r == nil {
		return nil, notFound()
	}
	return r, nil
}

// document is the secret's own policy, or nil.
func (r *record) document() (*policy.Document, error) {
	if r.Policy == "" {
		return nil, nil
	}
	d, err := policy.Parse(policy.UseResource, r.Policy)
	if err != nil {
		return nil, err
	}
	return d.Bind(func(name string) (string, bool) { id, ok := r.Bound[name]; return id, ok })
}

// edit changes a secret under its lock, once the record of the call is written.
func (s *Service) edit(ctx context.Context, call *access.Call, r *record, change func(tx store.Writer, r *record) error) error {
	return call.Effect(ctx, func() error { return s.apply(ctx, r, change) })
}

// apply reads a secret again, changes it and saves it.
func (s *Service) apply(ctx context.Context, r *record, change func(tx store.Writer, r *record) error) error {
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		now, err := r.again(tx)
		if err != nil {
			return err
		}
		before := now.clone()
		if err := change(tx, now); err != nil {
			return err
		}
		return save(tx, before, now)
	})
}

// alive refuses what is not possible with a secret that is to be deleted.
func (r *record) alive() error {
	if r.Deleted.IsZero() {
		return nil
	}
	return fail(ErrState, "You can't perform this operation on the secret because it was marked for deletion.")
}

var errReservedTag = fail(ErrInvalid, "Tag keys beginning with aws: are reserved for system use.")

// merge gives tags more of them, those of who; a tag whose key is there already is replaced.
func merge(who *access.Caller, tags, more []Tag) ([]Tag, error) {
	tags = slices.Clone(tags)
	for i, t := range more {
		if who.ReservedTag(t.Key) {
			return nil, errReservedTag
		}
		if slices.ContainsFunc(more[:i], func(o Tag) bool { return o.Key == t.Key }) {
			return nil, fail(ErrInvalid, "Duplicate tag key: "+t.Key)
		}
		if at := slices.IndexFunc(tags, func(o Tag) bool { return o.Key == t.Key }); at >= 0 {
			tags[at] = t
		} else {
			tags = append(tags, t)
		}
	}
	if len(tags) > MaxTags {
		return nil, fail(ErrLimit, "A secret can have at most 50 tags.")
	}
	return tags, nil
}
