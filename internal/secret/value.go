package secret

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Version is one value with what is known of it.
type Version struct {
	ARN, Name, ID string
	Value         *Value // nil in listings
	Stages        []string
	Created       time.Time
	Accessed      time.Time
	KeyARN        string
	ServiceKey    bool // KeyARN is the service's own key
}

// Get reads the version of that id, or the one that has the label, AWSCURRENT if
// both are empty. It returns ErrNotFound, or ErrState about a secret that waits for
// its deletion.
//
// Source: AWS Secrets Manager API Reference, GetSecretValue.
func (s *Service) Get(ctx context.Context, who access.Caller, ref, id, label string) (out Version, err error) {
	call := s.begin(&who, "GetSecretValue", ref)
	defer call.End(ctx, &err)
	if id != "" {
		call.Note("versionId", id)
		call.Keys.Set("secretsmanager:VersionId", id)
	}
	if label == "" && id == "" {
		label = Current
	}
	if label != "" {
		call.Note("versionStage", label)
		call.Keys.Set("secretsmanager:VersionStage", label)
	}
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	return s.read(ctx, who, r, id, label)
}

func (s *Service) read(ctx context.Context, who access.Caller, r *record, id, label string) (out Version, err error) {
	if err := r.alive(); err != nil {
		return out, err
	}
	if id == "" {
		if id = r.staged(label); id == "" {
			return out, fail(ErrNotFound, "Secrets Manager can't find the specified secret value for staging label: "+label)
		}
	} else if label != "" && r.staged(label) != id {
		return out, fail(ErrState, "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err = r.version(tx, id)
		return err
	})
	if err != nil {
		return out, err
	}
	out = Version{ARN: r.arn(), Name: r.Name, ID: v.ID, Stages: r.Stages[v.ID], Created: v.Created, KeyARN: v.KeyARN, ServiceKey: v.ServiceKey}
	if out.Value, err = s.open(ctx, who, r, v); err != nil {
		return Version{}, err
	}
	return out, s.touch(ctx, r, v, who.At)
}

// touch notes the day on which a version was read.
func (s *Service) touch(ctx context.Context, r *record, v *versionRecord, at time.Time) error {
	day := at.UTC().Truncate(24 * time.Hour)
	if r.Accessed.Equal(day) && v.Accessed.Equal(day) {
		return nil
	}
	err := s.apply(ctx, r, func(tx store.Writer, now *record) error {
		read, err := now.version(tx, v.ID)
		if err != nil {
			return err
		}
		now.Accessed, read.Accessed = day, day
		return putJSON(tx, versionSpace, now.versionKey(v.ID), read)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// PutRequest is a new version.
type PutRequest struct {
	Secret string
	Value  *Value
	Token  string   // becomes the version's id; empty means a random one
	Stages []string // empty means AWSCURRENT
}

// Put keeps a new version and gives it its labels. It returns ErrExists about a
// token that another value had.
//
// Source: AWS Secrets Manager API Reference, PutSecretValue.
func (s *Service) Put(ctx context.Context, who access.Caller, in PutRequest) (out Made, err error) {
	call := s.begin(&who, "PutSecretValue", in.Secret)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, in.Secret)
	if err != nil {
		return out, err
	}
	if in.Value == nil {
		return out, fail(ErrInvalid, "You must provide either SecretString or SecretBinary.")
	}
	if len(in.Stages) == 0 {
		in.Stages = []string{Current}
	}
	if len(in.Stages) > maxStages {
		return out, fail(ErrLimit, "A version can have at most 20 staging labels.")
	}
	return s.put(ctx, call, who, r, in, nil)
}

// put adds a version to r, and changes the secret as more says.
func (s *Service) put(ctx context.Context, call *access.Call, who access.Caller, r *record, in PutRequest, more func(store.Writer, *record) error) (out Made, err error) {
	if err := r.alive(); err != nil {
		return out, err
	}
	again, err := s.hasVersion(ctx, who, r, in)
	if err != nil {
		return out, err
	}
	var version *versionRecord
	id := in.Token
	if !again {
		if version, err = s.fresh(ctx, who, r, in.Value, in.Token); err != nil {
			return out, err
		}
		id = version.ID
	}
	err = s.edit(ctx, call, r, func(tx store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		out = Made{ARN: now.arn(), Name: now.Name, VersionID: id}
		if more != nil {
			if err := more(tx, now); err != nil {
				return err
			}
		}
		if version != nil {
			_, err := now.version(tx, id)
			if err := free(err, taken(id)); err != nil {
				return err
			}
			if err := putJSON(tx, versionSpace, now.versionKey(id), version); err != nil {
				return err
			}
			now.Changed = who.At
			for _, label := range in.Stages {
				now.stage(label, id)
			}
			if now.staged(Current) == "" {
				now.stage(Current, id) // the first value is the current one
			}
		}
		out.Stages = slices.Clone(now.Stages[id])
		return prune(tx, now, id)
	})
	return out, err
}

func taken(id string) error {
	return fail(ErrExists, "You can't use ClientRequestToken "+id+" because that value is already in use for a version of this secret.")
}

// hasVersion says whether a request was carried out before.
func (s *Service) hasVersion(ctx context.Context, who access.Caller, r *record, in PutRequest) (again bool, err error) {
	if in.Token == "" {
		return false, nil
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err = r.version(tx, in.Token)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	same, err := s.same(ctx, who, r, v, in.Value)
	if err == nil && !same {
		err = taken(in.Token)
	}
	return same, err
}

// prune removes the oldest versions without a label beyond MaxVersions, but never
// keep.
func prune(tx store.Writer, r *record, keep string) error {
	all, err := r.versions(tx)
	if err != nil {
		return err
	}
	spare := len(all) - MaxVersions
	for _, v := range all {
		if spare <= 0 {
			return nil
		}
		if v.ID == keep || len(r.Stages[v.ID]) > 0 {
			continue
		}
		if err := tx.Delete(versionSpace, r.versionKey(v.ID)); err != nil {
			return err
		}
		spare--
	}
	if spare > 0 {
		return fail(ErrLimit, "You have more than 100 versions with staging labels.")
	}
	return nil
}
