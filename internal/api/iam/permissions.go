package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// The operations on inline policies, attachments, boundaries and tags are the
// same for every kind of entity; they differ in the parameter that names it.

func (s *service) putInline(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref := identity.Ref{Kind: kind, Name: f.String(parameter)}
		name, text := f.String("PolicyName"), f.String("PolicyDocument")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.PutInlinePolicy(ctx, who, ref, name, text)
		})
	}
}

// inlineResult has one of the names, as the operation has.
type inlineResult struct {
	UserName       string `xml:",omitempty"`
	GroupName      string `xml:",omitempty"`
	RoleName       string `xml:",omitempty"`
	PolicyName     string
	PolicyDocument string
}

func (s *service) getInline(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref := identity.Ref{Kind: kind, Name: f.String(parameter)}
		name := f.String("PolicyName")
		return func(ctx context.Context, who access.Caller) (any, error) {
			p, err := s.admin.InlinePolicy(ctx, who, ref, name)
			if err != nil {
				return nil, err
			}
			result := inlineResult{PolicyName: p.Name, PolicyDocument: encoded(p.Text)}
			switch kind {
			case identity.KindUser:
				result.UserName = ref.Name
			case identity.KindGroup:
				result.GroupName = ref.Name
			default:
				result.RoleName = ref.Name
			}
			return result, nil
		}
	}
}

type policyNamesResult struct {
	PolicyNames query.List[string]
	cut
}

func (s *service) listInline(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, page := identity.Ref{Kind: kind, Name: f.String(parameter)}, pageOf(f)
		return func(ctx context.Context, who access.Caller) (any, error) {
			l, err := s.admin.InlinePolicies(ctx, who, ref, page)
			if err != nil {
				return nil, err
			}
			return policyNamesResult{query.List[string]{Members: l.Items}, cutOf(l.Marker)}, nil
		}
	}
}

func (s *service) deleteInline(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, name := identity.Ref{Kind: kind, Name: f.String(parameter)}, f.String("PolicyName")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.DeleteInlinePolicy(ctx, who, ref, name)
		})
	}
}

func (s *service) attach(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, policy := identity.Ref{Kind: kind, Name: f.String(parameter)}, f.String("PolicyArn")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.AttachPolicy(ctx, who, ref, policy)
		})
	}
}

func (s *service) detach(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, policy := identity.Ref{Kind: kind, Name: f.String(parameter)}, f.String("PolicyArn")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.DetachPolicy(ctx, who, ref, policy)
		})
	}
}

type attachedResult struct {
	AttachedPolicies query.List[attachedDocument]
	cut
}

func (s *service) listAttached(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, page := identity.Ref{Kind: kind, Name: f.String(parameter)}, pageOf(f)
		prefix := f.Given("PathPrefix")
		return func(ctx context.Context, who access.Caller) (any, error) {
			l, err := s.admin.AttachedPolicies(ctx, who, ref, prefix, page)
			if err != nil {
				return nil, err
			}
			return attachedResult{listOf(l.Items, attachedOf), cutOf(l.Marker)}, nil
		}
	}
}

func (s *service) putBoundary(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, policy := identity.Ref{Kind: kind, Name: f.String(parameter)}, f.String("PermissionsBoundary")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.PutBoundary(ctx, who, ref, policy)
		})
	}
}

func (s *service) deleteBoundary(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref := identity.Ref{Kind: kind, Name: f.String(parameter)}
		return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteBoundary(ctx, who, ref) })
	}
}

func (s *service) tag(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		f.Require("Tags")
		ref, tags := identity.Ref{Kind: kind, Name: f.String(parameter)}, readTags(f)
		return done(func(ctx context.Context, who access.Caller) error { return s.admin.Tag(ctx, who, ref, tags) })
	}
}

func (s *service) untag(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		f.Require("TagKeys")
		ref, keys := identity.Ref{Kind: kind, Name: f.String(parameter)}, f.Strings("TagKeys")
		return done(func(ctx context.Context, who access.Caller) error { return s.admin.Untag(ctx, who, ref, keys) })
	}
}

type tagsResult struct {
	Tags query.List[tagDocument]
	cut
}

func (s *service) listTags(kind identity.Kind, parameter string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		ref, page := identity.Ref{Kind: kind, Name: f.String(parameter)}, pageOf(f)
		return func(ctx context.Context, who access.Caller) (any, error) {
			l, err := s.admin.Tags(ctx, who, ref, page)
			if err != nil {
				return nil, err
			}
			return tagsResult{listOf(l.Items, tagOf), cutOf(l.Marker)}, nil
		}
	}
}
