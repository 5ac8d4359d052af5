package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// reference is a dynamic reference in a property.
//
// Source: AWS CloudFormation User Guide, "Get values stored in other services
// using dynamic references".
var reference = form.New(`\{\{resolve:((?:ssm|ssm-secure|secretsmanager):[^{}]{1,512})\}\}`)

// maxReferences bounds the dynamic references of one resource.
const maxReferences = 60

// dynamic returns properties with their dynamic references replaced.
func (s *Service) dynamic(ctx context.Context, r *stackRecord, properties map[string]any) (map[string]any, error) {
	left := maxReferences
	v, err := s.resolve(ctx, r, properties, &left)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

func (s *Service) resolve(ctx context.Context, r *stackRecord, v any, left *int) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			item, err := s.resolve(ctx, r, item, left)
			if err != nil {
				return nil, err
			}
			v[key] = item
		}
	case []any:
		for i, item := range v {
			item, err := s.resolve(ctx, r, item, left)
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
	case string:
		return s.resolveText(ctx, r, v, left)
	}
	return v, nil
}

func (s *Service) resolveText(ctx context.Context, r *stackRecord, text string, left *int) (string, error) {
	if !strings.Contains(text, "{{resolve:") {
		return text, nil
	}
	var out strings.Builder
	last := 0
	for _, at := range reference.FindAllStringSubmatchIndex(text, -1) {
		if *left--; *left < 0 {
			return "", fail(ErrInvalid, "A resource can have at most %d dynamic references", maxReferences)
		}
		who, err := s.actor(ctx, r)
		if err != nil {
			return "", err
		}
		value, err := s.parameter(ctx, who, text[at[2]:at[3]])
		if err != nil {
			return "", err
		}
		out.WriteString(text[last:at[0]])
		out.WriteString(value)
		last = at[1]
	}
	out.WriteString(text[last:])
	return out.String(), nil
}

// parameter reads what a dynamic reference means. An error is for who reads the
// stack's events, or errUnread.
func (s *Service) parameter(ctx context.Context, who access.Caller, ref string) (string, error) {
	value, err := s.cfg.Parameter(ctx, who, ref)
	_, refused := errors.AsType[*refusal.Error](err)
	switch {
	case err == nil || refused || errors.Is(err, access.ErrDenied):
		return value, err
	case errors.Is(err, sealed.ErrCorrupt):
		// What is damaged is damaged the next time, too.
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "dynamic reference does not open", slog.String("reference", ref), slog.Any("err", err))
		return "", errInternal
	}
	return "", fmt.Errorf("%w: %s: %w", errUnread, ref, err)
}
