package secret

import (
	"context"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// UpdateRequest changes a secret; nil leaves as it is.
type UpdateRequest struct {
	Secret string
	Text   *string
	KeyID  *string
	Value  *Value
	Token  string
}

// Update changes what a secret is encrypted under from now on, its description and
// its current value.
//
// Source: AWS Secrets Manager API Reference, UpdateSecret.
func (s *Service) Update(ctx context.Context, who access.Caller, in UpdateRequest) (out Made, err error) {
	call := s.begin(&who, "UpdateSecret", in.Secret)
	defer call.End(ctx, &err)
	if in.Text != nil {
		call.Keys.Set("secretsmanager:Description", *in.Text)
	}
	if in.KeyID != nil {
		call.Note("kmsKeyId", *in.KeyID)
		call.Keys.Set("secretsmanager:KmsKeyId", *in.KeyID)
	}
	r, err := s.admit(ctx, call, &who, in.Secret)
	if err != nil {
		return out, err
	}
	change := func(now *record) {
		if in.Text != nil {
			now.Text = *in.Text
		}
		if in.KeyID != nil {
			now.KeyID = *in.KeyID
		}
		now.Changed = who.At
	}
	if in.Value != nil {
		change(r)
		return s.put(ctx, call, who, r, PutRequest{Secret: in.Secret, Value: in.Value, Token: in.Token, Stages: []string{Current}}, change)
	}
	if err := r.alive(); err != nil {
		return out, err
	}
	out = Made{ARN: r.arn(realmOf(&who)), Name: r.Name}
	return out, s.edit(ctx, call, &who, r, func(_ store.Writer, now *record) error {
		change(now)
		return nil
	})
}

// MoveStage gives a label to the version to, and takes it from the version from;
// either may be empty, but who takes a label from a version must say from which.
//
// Source: AWS Secrets Manager API Reference, UpdateSecretVersionStage.
func (s *Service) MoveStage(ctx context.Context, who access.Caller, ref, label, to, from string) (out Made, err error) {
	call := s.begin(&who, "UpdateSecretVersionStage", ref)
	defer call.End(ctx, &err)
	call.Note("versionStage", label)
	call.Keys.Set("secretsmanager:VersionStage", label)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	m := realmOf(&who)
	out = Made{ARN: r.arn(m), Name: r.Name}
	return out, s.edit(ctx, call, &who, r, func(tx store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		at := now.staged(label)
		switch {
		case at != from && (from != "" || at != "" && at != to):
			return fail(ErrInvalid, "The parameter RemoveFromVersionId can't be empty. Staging label "+label+" is currently attached to version "+at+", so you must explicitly reference that version in RemoveFromVersionId.")
		case to == "" && label == Current:
			return fail(ErrInvalid, "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
		case to == "":
			now.unstage(label)
			return nil
		}
		if _, err := readVersion(tx, m, now.Name, to); err != nil {
			return err
		}
		now.stage(label, to)
		if label == Current {
			now.Changed = who.At
		}
		if len(now.Stages[to]) > MaxStages {
			return fail(ErrLimit, "A version can have at most 20 staging labels.")
		}
		return nil
	})
}

// Tag gives a secret tags; a tag whose key is there already is replaced.
//
// Source: AWS Secrets Manager API Reference, TagResource.
func (s *Service) Tag(ctx context.Context, who access.Caller, ref string, tags []Tag) (err error) {
	call := s.begin(&who, "TagResource", ref)
	defer call.End(ctx, &err)
	setRequestTags(&call.Keys, tags)
	return s.retag(ctx, call, &who, ref, func(now []Tag) ([]Tag, error) { return merge(now, tags) })
}

// Untag takes the tags with these keys away.
//
// Source: AWS Secrets Manager API Reference, UntagResource.
func (s *Service) Untag(ctx context.Context, who access.Caller, ref string, keys []string) (err error) {
	call := s.begin(&who, "UntagResource", ref)
	defer call.End(ctx, &err)
	call.Keys.SetList("aws:TagKeys", keys)
	return s.retag(ctx, call, &who, ref, func(now []Tag) ([]Tag, error) {
		return slices.DeleteFunc(now, func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

func (s *Service) retag(ctx context.Context, call *access.Call, who *access.Caller, ref string, change func([]Tag) ([]Tag, error)) error {
	r, err := s.admit(ctx, call, who, ref)
	if err != nil {
		return err
	}
	return s.edit(ctx, call, who, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Tags, err = change(now.Tags)
		return err
	})
}
