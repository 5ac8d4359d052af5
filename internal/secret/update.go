package secret

import (
	"bytes"
	"context"
	"errors"
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

// Update changes what a secret is encrypted under, its description and its current
// value. Under another key, the versions with AWSCURRENT, AWSPREVIOUS and
// AWSPENDING are encrypted again, unless the caller may not encrypt by that key.
// It returns ErrEncryption about a key that cannot be used.
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
	if err := r.alive(); err != nil {
		return out, err
	}
	var again []resealed
	if in.KeyID != nil {
		r.KeyID = *in.KeyID
		if again, err = s.reseal(ctx, who, r); err != nil {
			return out, err
		}
	}
	change := func(tx store.Writer, now *record) error {
		if in.Text != nil {
			now.Text = *in.Text
		}
		if in.KeyID != nil {
			now.KeyID = *in.KeyID
		}
		now.Changed = who.At
		return replace(tx, now, again)
	}
	if in.Value != nil {
		return s.put(ctx, call, who, r, PutRequest{Secret: in.Secret, Value: in.Value, Token: in.Token, Stages: []string{Current}}, change)
	}
	out = r.made()
	return out, s.edit(ctx, call, r, change)
}

// resealed is a version before and after it was encrypted again.
type resealed struct{ before, after *versionRecord }

// reseal encrypts the versions of r in use under the key that r names now.
func (s *Service) reseal(ctx context.Context, who access.Caller, r *record) (out []resealed, err error) {
	var inUse []*versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		inUse = nil
		for _, label := range []string{Current, Previous, Pending} {
			id := r.staged(label)
			if id == "" || slices.ContainsFunc(inUse, func(v *versionRecord) bool { return v.ID == id }) {
				continue
			}
			v, err := r.version(tx, id)
			if errors.Is(err, ErrNotFound) {
				continue // a rotation is to make it
			}
			if err != nil {
				return err
			}
			inUse = append(inUse, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, before := range inUse {
		value, err := s.open(ctx, who, r, before)
		if err != nil {
			return nil, err
		}
		after, err := s.seal(ctx, who, r, value, before.ID, before.Created)
		value.Bytes.Wipe()
		if errors.Is(err, access.ErrDenied) {
			return nil, nil // as on AWS: what is there stays under the key that it has
		}
		if err != nil {
			return nil, err
		}
		after.Accessed = before.Accessed
		out = append(out, resealed{before, after})
	}
	return out, nil
}

// replace writes versions that were encrypted again, but for those that were
// removed or changed meanwhile.
func replace(tx store.Writer, r *record, versions []resealed) error {
	for _, v := range versions {
		now, err := r.version(tx, v.before.ID)
		if errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(now.Wrapped, v.before.Wrapped) {
			continue
		}
		if err != nil {
			return err
		}
		if err := putJSON(tx, versionSpace, r.versionKey(v.after.ID), v.after); err != nil {
			return err
		}
	}
	return nil
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
	out = r.made()
	return out, s.edit(ctx, call, r, func(tx store.Writer, now *record) error {
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
		if _, err := now.version(tx, to); err != nil {
			return err
		}
		now.stage(label, to)
		if label == Current {
			now.Changed = who.At
		}
		if len(now.Stages[to]) > maxStages {
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
	call.RequestTags(tags)
	return s.retag(ctx, call, &who, ref, func(now []Tag) ([]Tag, error) { return merge(&who, now, tags) })
}

// Untag takes the tags with these keys away.
//
// Source: AWS Secrets Manager API Reference, UntagResource.
func (s *Service) Untag(ctx context.Context, who access.Caller, ref string, keys []string) (err error) {
	call := s.begin(&who, "UntagResource", ref)
	defer call.End(ctx, &err)
	call.Keys.SetList("aws:TagKeys", keys)
	return s.retag(ctx, call, &who, ref, func(now []Tag) ([]Tag, error) {
		if slices.ContainsFunc(keys, who.ReservedTag) {
			return nil, errReservedTag
		}
		return slices.DeleteFunc(now, func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

func (s *Service) retag(ctx context.Context, call *access.Call, who *access.Caller, ref string, change func([]Tag) ([]Tag, error)) error {
	r, err := s.admit(ctx, call, who, ref)
	if err != nil {
		return err
	}
	return s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Tags, err = change(now.Tags)
		return err
	})
}
