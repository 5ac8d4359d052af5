package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

func (s *service) createGroup(f query.Form) querydoor.Run {
	name, path := f.String("GroupName"), f.Given("Path")
	return func(ctx context.Context, who access.Caller) (any, error) {
		g, err := s.admin.CreateGroup(ctx, who, name, path)
		if err != nil {
			return nil, err
		}
		return struct{ Group groupDocument }{groupOf(g)}, nil
	}
}

type groupResult struct {
	Group groupDocument
	Users query.List[userDocument]
	cut
}

func (s *service) getGroup(f query.Form) querydoor.Run {
	name, page := f.String("GroupName"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		g, users, err := s.admin.Group(ctx, who, name, page)
		if err != nil {
			return nil, err
		}
		return groupResult{groupOf(g), listOf(users.Items, listedUser), cutOf(users.Marker)}, nil
	}
}

type groupsResult struct {
	Groups query.List[groupDocument]
	cut
}

func (s *service) listGroups(f query.Form) querydoor.Run {
	prefix, page := f.Given("PathPrefix"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Groups(ctx, who, prefix, page)
		if err != nil {
			return nil, err
		}
		return groupsResult{listOf(l.Items, groupOf), cutOf(l.Marker)}, nil
	}
}

func (s *service) updateGroup(f query.Form) querydoor.Run {
	name, newName, newPath := f.String("GroupName"), f.Given("NewGroupName"), f.Given("NewPath")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.UpdateGroup(ctx, who, name, newName, newPath)
	})
}

func (s *service) deleteGroup(f query.Form) querydoor.Run {
	name := f.String("GroupName")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteGroup(ctx, who, name) })
}

func (s *service) addUserToGroup(f query.Form) querydoor.Run {
	group, user := f.String("GroupName"), f.String("UserName")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.AddUserToGroup(ctx, who, group, user)
	})
}

func (s *service) removeUserFromGroup(f query.Form) querydoor.Run {
	group, user := f.String("GroupName"), f.String("UserName")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.RemoveUserFromGroup(ctx, who, group, user)
	})
}

func (s *service) listGroupsForUser(f query.Form) querydoor.Run {
	user, page := f.String("UserName"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.GroupsForUser(ctx, who, user, page)
		if err != nil {
			return nil, err
		}
		return groupsResult{listOf(l.Items, groupOf), cutOf(l.Marker)}, nil
	}
}
