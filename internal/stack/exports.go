package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Output is one output of a stack.
type Output struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Export      string `json:"export,omitempty"`
}

// Export is a value that stacks of the account and region may import.
type Export struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	StackID string `json:"stackId"` // ARN
}

func (s *Service) getExport(tx store.Reader, m realm, name string) (e Export, err error) {
	key := m.prefix() + name
	value, err := tx.Get(exportSpace, key)
	if err != nil {
		return e, err
	}
	return e, s.unseal("export", key, value, &e)
}

// errUnread says that the store failed when it was asked for an export, or for what
// a dynamic reference means: nothing is known of it, not even that it is missing.
var errUnread = errors.New("stack: value not read")

// exported is the value of an export. An error is errUnread.
func (s *Service) exported(ctx context.Context, m realm, name string) (value string, ok bool, err error) {
	var e Export
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		e, err = s.getExport(tx, m, name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%w: %w", errUnread, err)
	}
	return e.Value, true, nil
}

// setExports makes the exports among outputs the ones of a stack. A name that
// another stack exports, and one that is in use and would go or change, is refused.
func (s *Service) setExports(tx store.Writer, r *stackRecord, outputs []Output) error {
	m := r.realm()
	for _, o := range r.Outputs {
		if o.Export == "" || slices.ContainsFunc(outputs, func(n Output) bool { return n.Export == o.Export && n.Value == o.Value }) {
			continue
		}
		users, err := importers(tx, m, o.Export)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			verb := "deleted"
			if slices.ContainsFunc(outputs, func(n Output) bool { return n.Export == o.Export }) {
				verb = "updated"
			}
			return fail(ErrInvalid, "Export %s cannot be %s as it is in use by %s", o.Export, verb, users[0])
		}
		if err := tx.Delete(exportSpace, m.prefix()+o.Export); err != nil {
			return err
		}
	}
	for _, o := range outputs {
		if o.Export == "" {
			continue
		}
		switch e, err := s.getExport(tx, m, o.Export); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case e.StackID != r.arn():
			return fail(ErrInvalid, "Export with name %s is already exported by stack %s", o.Export, nameOf(e.StackID))
		}
		key := m.prefix() + o.Export
		value, err := s.seal("export", key, Export{o.Export, o.Value, r.arn()})
		if err != nil {
			return err
		}
		if err := tx.Put(exportSpace, key, value); err != nil {
			return err
		}
	}
	return nil
}

// setImports notes which exports a stack uses. One that is not there any more is
// refused.
func (s *Service) setImports(tx store.Writer, r *stackRecord, before, after []string) error {
	for _, name := range before {
		if err := tx.Delete(importSpace, r.realm().prefix()+name+"\x00"+r.ID); err != nil {
			return err
		}
	}
	for _, name := range after {
		if _, err := s.getExport(tx, r.realm(), name); errors.Is(err, store.ErrNotFound) {
			return fail(ErrInvalid, "No export named %.255s found.", name)
		} else if err != nil {
			return err
		}
		if err := tx.Put(importSpace, r.realm().prefix()+name+"\x00"+r.ID, []byte(r.Name)); err != nil {
			return err
		}
	}
	return nil
}

// importers are the names of the stacks that use an export.
func importers(tx store.Reader, m realm, export string) (names []string, err error) {
	for r, err := range tx.Scan(importSpace, store.Prefix(m.prefix()+export+"\x00")) {
		if err != nil {
			return nil, err
		}
		names = append(names, string(r.Value))
	}
	return names, nil
}
