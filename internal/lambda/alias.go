package lambda

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Alias is a name for a version.
type Alias struct {
	Name, ARN, Version, Description, RevisionID string
}

func (a *aliasRecord) describe(ref reference, name string) *Alias {
	return &Alias{name, ref.realm.arn(ref.name, name), a.Version, a.Description, a.Revision}
}

// AliasChange says what PutAlias makes of an alias; nil members stay.
type AliasChange struct {
	Function, Name       string
	Version, Description *string
	RevisionID           string
	// New says that the alias must not be there yet, otherwise it must.
	New bool
}

// PutAlias makes an alias, or changes one. It returns ErrConflict about a new one
// whose name is taken.
//
// Source: AWS Lambda API Reference, CreateAlias, UpdateAlias.
func (s *Service) PutAlias(ctx context.Context, who access.Caller, in AliasChange) (_ *Alias, err error) {
	operation := "UpdateAlias"
	if in.New {
		operation = "CreateAlias"
	}
	call := s.begin(&who, operation, in.Function)
	defer call.End(ctx, &err)
	call.Note("name", in.Name)
	ref, _, err := s.admitLatest(ctx, call, &who, in.Function)
	if err != nil {
		return nil, err
	}
	if !aliasForm.MatchString(in.Name) || versionForm.MatchString(in.Name) {
		return nil, malformed(in.Name, "name", "satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	var a aliasRecord
	err = s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		a = aliasRecord{Revision: uuid.NewString()}
		before := r.Aliases[in.Name]
		switch {
		case in.New && before != nil:
			return refuse(ErrConflict, "Alias already exists: %s", ref.realm.arn(ref.name, in.Name))
		case !in.New && before == nil:
			return refuse(ErrNotFound, "Alias not found: %s", ref.realm.arn(ref.name, in.Name))
		case before != nil:
			if err := (&versionRecord{Revision: before.Revision}).expect(in.RevisionID); err != nil {
				return err
			}
			a.Version, a.Description = before.Version, before.Description
		}
		if in.Version != nil {
			a.Version = *in.Version
		}
		if in.Description != nil {
			a.Description = *in.Description
		}
		to := ref
		to.qualifier = a.Version
		if a.Version != Latest && !versionForm.MatchString(a.Version) {
			return refuse(ErrInvalid, "An alias names a version by its number, or $LATEST: '%.128s'", a.Version)
		}
		if _, err := readVersion(tx, to, r); err != nil {
			return err
		}
		if r.Aliases == nil {
			r.Aliases = make(map[string]*aliasRecord)
		}
		r.Aliases[in.Name] = &a
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.describe(ref, in.Name), nil
}

// Alias describes an alias.
//
// Source: AWS Lambda API Reference, GetAlias.
func (s *Service) Alias(ctx context.Context, who access.Caller, functionName, name string) (_ *Alias, err error) {
	call := s.begin(&who, "GetAlias", functionName)
	defer call.End(ctx, &err)
	ref, r, err := s.admitLatest(ctx, call, &who, functionName)
	if err != nil {
		return nil, err
	}
	a := r.Aliases[name]
	if a == nil {
		return nil, refuse(ErrNotFound, "Cannot find alias arn: %s", ref.realm.arn(ref.name, name))
	}
	return a.describe(ref, name), nil
}

// Aliases lists the aliases of a function by name, those of one version if version
// is not empty, and the marker of the next page.
//
// Source: AWS Lambda API Reference, ListAliases.
func (s *Service) Aliases(ctx context.Context, who access.Caller, functionName, version string, page Page) (out []*Alias, next string, err error) {
	call := s.begin(&who, "ListAliases", functionName)
	defer call.End(ctx, &err)
	ref, r, err := s.admitLatest(ctx, call, &who, functionName)
	if err != nil {
		return nil, "", err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Aliases)) {
		a := r.Aliases[name]
		if name <= page.Marker || version != "" && a.Version != version {
			continue
		}
		if len(out) == page.limit() {
			return out, out[len(out)-1].Name, nil
		}
		out = append(out, a.describe(ref, name))
	}
	return out, "", nil
}

// DeleteAlias removes an alias; one that is not there is no error.
//
// Source: AWS Lambda API Reference, DeleteAlias.
func (s *Service) DeleteAlias(ctx context.Context, who access.Caller, functionName, name string) (err error) {
	call := s.begin(&who, "DeleteAlias", functionName)
	defer call.End(ctx, &err)
	call.Note("name", name)
	ref, _, err := s.admitLatest(ctx, call, &who, functionName)
	if err != nil {
		return err
	}
	return s.edit(ctx, call, ref, func(_ store.Writer, r *record) error {
		delete(r.Aliases, name)
		delete(r.Policies, name)
		return nil
	})
}
