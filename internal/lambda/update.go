package lambda

import (
	"context"
	"maps"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// UpdateCodeRequest gives a function other code.
type UpdateCodeRequest struct {
	Name       string
	Code       Code
	RevisionID string // "" or the one that the caller saw last
	Publish    bool
	DryRun     bool // checks only
}

// UpdateCode replaces the code of $LATEST. It returns ErrPrecondition if the
// function has another revision by now.
//
// Source: AWS Lambda API Reference, UpdateFunctionCode.
func (s *Service) UpdateCode(ctx context.Context, who access.Caller, in UpdateCodeRequest) (_ *Version, err error) {
	call := s.begin(&who, "UpdateFunctionCode", in.Name)
	defer call.End(ctx, &err)
	ref, _, err := s.admitLatest(ctx, call, &who, in.Name)
	if err != nil {
		return nil, err
	}
	zip, err := s.fetch(ctx, &who, in.Code)
	if err != nil {
		return nil, err
	}
	fresh, err := s.keep(ctx, ref.realm.arn(ref.name, ""), zip)
	if err != nil {
		return nil, err
	}
	var made *versionRecord
	old := fresh.ID
	err = s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		v, err := readVersion(tx, ref, r)
		if err != nil {
			return err
		}
		if err := v.expect(in.RevisionID); err != nil {
			return err
		}
		if made = v; v.Code.SHA256 == fresh.SHA256 || in.DryRun {
			if v.Code.SHA256 != fresh.SHA256 {
				v.Code.SHA256, v.Code.Size = fresh.SHA256, fresh.Size // what it would be
				return nil
			}
		} else {
			if err := room(tx, ref.realm, fresh.Size); err != nil {
				return err
			}
			old, v.Code = v.Code.ID, fresh
			v.touch(who.At)
			if err := v.save(tx, ref); err != nil {
				return err
			}
		}
		if in.Publish && !in.DryRun {
			made, err = publish(tx, ref, r, v, nil, who.At)
		}
		return err
	})
	// Of the new code and the old, whichever no version has goes.
	if derr := s.discard(ctx, ref, old, fresh.ID); err == nil {
		err = derr
	}
	if err != nil {
		return nil, err
	}
	return s.describe(ref, made)
}

// UpdateSettingsRequest changes how a function runs; nil members stay.
type UpdateSettingsRequest struct {
	Name                                string
	Runtime, Role, Handler, Description *string
	TimeoutSec, MemoryMB, EphemeralMB   *int
	Env                                 map[string]string // nil stays, empty is none
	RevisionID                          string
}

// UpdateSettings changes the configuration of $LATEST.
//
// Source: AWS Lambda API Reference, UpdateFunctionConfiguration.
func (s *Service) UpdateSettings(ctx context.Context, who access.Caller, in UpdateSettingsRequest) (_ *Version, err error) {
	call := s.begin(&who, "UpdateFunctionConfiguration", in.Name)
	defer call.End(ctx, &err)
	ref, _, err := s.admitLatest(ctx, call, &who, in.Name)
	if err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := s.passRole(ctx, call, &who, ref, *in.Role); err != nil {
			return nil, err
		}
	}
	if err := checkEnv(in.Env); err != nil {
		return nil, err
	}
	functionARN := ref.realm.arn(ref.name, "")
	env, err := s.sealEnv(functionARN, in.Env)
	if err != nil {
		return nil, err
	}
	var made *versionRecord
	err = s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		v, err := readVersion(tx, ref, r)
		if err != nil {
			return err
		}
		if err := v.expect(in.RevisionID); err != nil {
			return err
		}
		if err := in.apply(&v.Settings); err != nil {
			return err
		}
		if in.Env != nil {
			// An equal environment keeps its box, by which versions are compared.
			before, err := s.openEnv(functionARN, v.Env)
			if err != nil {
				return err
			}
			if !maps.Equal(before, in.Env) {
				v.Env = env
			}
		}
		v.touch(who.At)
		made = v
		return v.save(tx, ref)
	})
	if err != nil {
		return nil, err
	}
	return s.describe(ref, made)
}

func (in *UpdateSettingsRequest) apply(to *Settings) error {
	for _, m := range []struct{ from, to *string }{
		{in.Runtime, &to.Runtime}, {in.Role, &to.Role}, {in.Handler, &to.Handler}, {in.Description, &to.Description},
	} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	for _, m := range []struct{ from, to *int }{{in.TimeoutSec, &to.TimeoutSec}, {in.MemoryMB, &to.MemoryMB}, {in.EphemeralMB, &to.EphemeralMB}} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	return to.settle()
}

// admitLatest admits to a change, which is possible of $LATEST only.
func (s *Service) admitLatest(ctx context.Context, call *access.Call, who *access.Caller, name string) (reference, *record, error) {
	ref, r, err := s.admit(ctx, call, who, name, "")
	if err == nil && ref.qualifier != "" && ref.qualifier != Latest {
		err = refuse(ErrInvalid, "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation.")
	}
	ref.qualifier = ""
	return ref, r, err
}

// expect wants a version to be the revision that the caller saw, if it says one.
func (v *versionRecord) expect(revision string) error {
	if revision == "" || revision == v.Revision {
		return nil
	}
	return refuse(ErrPrecondition, "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
}
