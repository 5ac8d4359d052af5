package parameter

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Delete removes a parameter with all its versions. It returns ErrNotFound.
//
// Source: AWS Systems Manager API Reference, DeleteParameter.
func (s *Service) Delete(ctx context.Context, who access.Caller, ref string) (err error) {
	call := s.gate.Begin(who, "ssm:DeleteParameter")
	defer call.End(ctx, &err)
	call.Note("name", ref)
	m := realmOf(&who)
	name, err := m.named(ref)
	if err != nil {
		return err
	}
	if _, err := s.readable(ctx, call, m, selection{name: name}); err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.records.Update(ctx, func(tx store.Writer) error { return remove(tx, m, name) })
	})
}

// DeleteMany removes parameters, and tells which it removed and
// which do not exist. One that the caller may not remove keeps all.
//
// Source: AWS Systems Manager API Reference, DeleteParameters.
func (s *Service) DeleteMany(ctx context.Context, who access.Caller, refs []string) (removed, missing []string, err error) {
	call := s.gate.Begin(who, "ssm:DeleteParameters")
	defer call.End(ctx, &err)
	call.Note("names", strings.Join(refs, ","))
	m := realmOf(&who)
	var names []string
	for _, ref := range refs {
		name, err := m.named(ref)
		if err == nil {
			_, err = s.readable(ctx, call, m, selection{name: name})
		}
		switch {
		case errors.Is(err, ErrNotFound):
			missing = append(missing, ref)
		case err != nil:
			return nil, nil, err
		default:
			removed, names = append(removed, ref), append(names, name)
		}
	}
	if len(names) == 0 {
		call.Open() // nothing is removed
		return nil, missing, nil
	}
	err = call.Effect(ctx, func() error {
		return s.records.Update(ctx, func(tx store.Writer) error {
			for _, name := range names {
				if err := remove(tx, m, name); err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
			}
			return nil
		})
	})
	return removed, missing, err
}

func remove(tx store.Writer, m realm, asked string) error {
	_, name, err := locate(tx, m, asked)
	if err != nil {
		return err
	}
	all, err := versions(tx, m, name)
	if err != nil {
		return err
	}
	key := m.prefix() + name
	for _, v := range all {
		if err := tx.Delete(versionSpace, versionKey(key, v.Number)); err != nil {
			return err
		}
	}
	return tx.Delete(parameterSpace, key)
}
