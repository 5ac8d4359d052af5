package parameter

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/store"
)

var labelForm = form.New(`^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`)

func validLabel(label string) bool {
	lower := strings.ToLower(label)
	return labelForm.MatchString(label) && !strings.HasPrefix(lower, "aws") && !strings.HasPrefix(lower, "ssm")
}

// Label gives labels to a version, 0 for the latest; another version that has one
// loses it. It returns the version, and the labels that cannot be given.
//
// Source: AWS Systems Manager API Reference, LabelParameterVersion.
func (s *Service) Label(ctx context.Context, who access.Caller, ref string, number int64, labels []string) (_ int64, invalid []string, err error) {
	valid := make([]string, 0, len(labels))
	for _, l := range labels {
		if validLabel(l) {
			valid = append(valid, l)
		} else {
			invalid = append(invalid, l)
		}
	}
	number, err = s.relabel(ctx, who, "LabelParameterVersion", ref, number, func(all []*versionRecord, on *versionRecord) error {
		for _, v := range all {
			v.Labels = slices.DeleteFunc(v.Labels, func(l string) bool { return slices.Contains(valid, l) })
		}
		on.Labels = append(on.Labels, valid...)
		if len(on.Labels) > maxLabels {
			return fail(ErrLabels, "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum "+strconv.Itoa(maxLabels)+" labels.Move one or more labels to another version and try again.")
		}
		return nil
	})
	return number, invalid, err
}

// Unlabel takes labels from a version, and returns those that it had and those
// that it had not.
//
// Source: AWS Systems Manager API Reference, UnlabelParameterVersion.
func (s *Service) Unlabel(ctx context.Context, who access.Caller, ref string, number int64, labels []string) (removed, invalid []string, err error) {
	_, err = s.relabel(ctx, who, "UnlabelParameterVersion", ref, number, func(_ []*versionRecord, on *versionRecord) error {
		removed, invalid = nil, nil
		for _, l := range labels {
			if slices.Contains(on.Labels, l) {
				removed = append(removed, l)
			} else {
				invalid = append(invalid, l)
			}
		}
		on.Labels = slices.DeleteFunc(on.Labels, func(l string) bool { return slices.Contains(removed, l) })
		return nil
	})
	return removed, invalid, err
}

// relabel changes the labels of a parameter's versions.
func (s *Service) relabel(ctx context.Context, who access.Caller, action, ref string, number int64, change func(all []*versionRecord, on *versionRecord) error) (_ int64, err error) {
	call := s.gate.Begin(who, actionOf(action))
	defer call.End(ctx, &err)
	call.Note("name", ref)
	m := realmOf(&who)
	name, err := m.named(ref)
	if err != nil {
		return 0, err
	}
	if _, err := s.readable(ctx, call, m, selection{name: name}); err != nil {
		return 0, err
	}
	err = call.Effect(ctx, func() error {
		return s.records.Update(ctx, func(tx store.Writer) error {
			r, name, err := locate(tx, m, name)
			if err != nil {
				return err
			}
			if number == 0 {
				number = r.Latest
			}
			all, err := versions(tx, m, name)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(all, func(v *versionRecord) bool { return v.Number == number })
			if at < 0 {
				return fail(ErrVersionNotFound, "Systems Manager could not find version "+strconv.FormatInt(number, 10)+" of "+name+". Verify the version and try again.")
			}
			if err := change(all, all[at]); err != nil {
				return err
			}
			var failed error
			for _, v := range all {
				failed = errors.Join(failed, write(tx, versionSpace, versionKey(m.prefix()+name, v.Number), v))
			}
			return failed
		})
	})
	return number, err
}
