package iam

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type roleResult struct{ Role roleDocument }

func (s *service) createRole(f query.Form) querydoor.Run {
	in := identity.NewRole{
		Name: f.String("RoleName"), Path: f.Given("Path"), Trust: f.String("AssumeRolePolicyDocument"),
		Description: f.Optional("Description"), MaxSession: seconds(f.Int("MaxSessionDuration", 3600)),
		Boundary: f.Given("PermissionsBoundary"), Tags: readTags(f),
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		r, err := s.admin.CreateRole(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return roleResult{s.newRole(r)}, nil
	}
}

// seconds is a duration that was asked for. Zero is shorter than any, while the
// domain takes it as not given.
func seconds(n int) time.Duration {
	if n == 0 {
		return 1
	}
	return time.Duration(n) * time.Second
}

func (s *service) getRole(f query.Form) querydoor.Run {
	name := f.String("RoleName")
	return func(ctx context.Context, who access.Caller) (any, error) {
		r, err := s.admin.Role(ctx, who, name)
		if err != nil {
			return nil, err
		}
		return roleResult{s.roleOf(r)}, nil
	}
}

type rolesResult struct {
	Roles query.List[roleDocument]
	cut
}

func (s *service) listRoles(f query.Form) querydoor.Run {
	prefix, page := f.Given("PathPrefix"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Roles(ctx, who, prefix, page)
		if err != nil {
			return nil, err
		}
		return rolesResult{listOf(l.Items, s.listedRole), cutOf(l.Marker)}, nil
	}
}

func (s *service) updateRole(f query.Form) querydoor.Run {
	name, in := f.String("RoleName"), identity.RoleUpdate{Description: optional(f, "Description")}
	if f.Has("MaxSessionDuration") {
		d := seconds(f.Int("MaxSessionDuration", 0))
		in.MaxSession = &d
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		_, err := s.admin.UpdateRole(ctx, who, "iam:UpdateRole", name, in)
		return struct{}{}, err
	}
}

func (s *service) updateRoleDescription(f query.Form) querydoor.Run {
	f.Require("Description")
	name, description := f.String("RoleName"), f.Optional("Description")
	return func(ctx context.Context, who access.Caller) (any, error) {
		const op policy.Action = "iam:UpdateRoleDescription"
		r, err := s.admin.UpdateRole(ctx, who, op, name, identity.RoleUpdate{Description: &description})
		if err != nil {
			return nil, err
		}
		return roleResult{s.roleOf(r)}, nil
	}
}

func (s *service) updateAssumeRolePolicy(f query.Form) querydoor.Run {
	name, text := f.String("RoleName"), f.String("PolicyDocument")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.UpdateTrust(ctx, who, name, text) })
}

func (s *service) deleteRole(f query.Form) querydoor.Run {
	name := f.String("RoleName")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteRole(ctx, who, name) })
}

type profileResult struct{ InstanceProfile profileDocument }

func (s *service) createInstanceProfile(f query.Form) querydoor.Run {
	name, path, tags := f.String("InstanceProfileName"), f.Given("Path"), readTags(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		p, err := s.admin.CreateProfile(ctx, who, name, path, tags)
		if err != nil {
			return nil, err
		}
		return profileResult{s.profileOf(p)}, nil
	}
}

func (s *service) getInstanceProfile(f query.Form) querydoor.Run {
	name := f.String("InstanceProfileName")
	return func(ctx context.Context, who access.Caller) (any, error) {
		p, err := s.admin.Profile(ctx, who, name)
		if err != nil {
			return nil, err
		}
		return profileResult{s.profileOf(p)}, nil
	}
}

type profilesResult struct {
	InstanceProfiles query.List[profileDocument]
	cut
}

func (s *service) listInstanceProfiles(f query.Form) querydoor.Run {
	prefix, page := f.Given("PathPrefix"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Profiles(ctx, who, prefix, page)
		if err != nil {
			return nil, err
		}
		return profilesResult{listOf(l.Items, s.profileOf), cutOf(l.Marker)}, nil
	}
}

func (s *service) listInstanceProfilesForRole(f query.Form) querydoor.Run {
	role, page := f.String("RoleName"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.ProfilesForRole(ctx, who, role, page)
		if err != nil {
			return nil, err
		}
		return profilesResult{listOf(l.Items, s.profileOf), cutOf(l.Marker)}, nil
	}
}

func (s *service) addRoleToInstanceProfile(f query.Form) querydoor.Run {
	name, role := f.String("InstanceProfileName"), f.String("RoleName")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.AddRoleToProfile(ctx, who, name, role)
	})
}

func (s *service) removeRoleFromInstanceProfile(f query.Form) querydoor.Run {
	name, role := f.String("InstanceProfileName"), f.String("RoleName")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.RemoveRoleFromProfile(ctx, who, name, role)
	})
}

func (s *service) deleteInstanceProfile(f query.Form) querydoor.Run {
	name := f.String("InstanceProfileName")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteProfile(ctx, who, name) })
}
