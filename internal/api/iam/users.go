package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type userResult struct{ User userDocument }

func (s *service) createUser(f query.Form) querydoor.Run {
	in := identity.NewUser{
		Name: f.String("UserName"), Path: f.Given("Path"), Boundary: f.Given("PermissionsBoundary"), Tags: readTags(f),
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		u, err := s.admin.CreateUser(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return userResult{userOf(u)}, nil
	}
}

func (s *service) getUser(f query.Form) querydoor.Run {
	name := f.Given("UserName")
	return func(ctx context.Context, who access.Caller) (any, error) {
		u, err := s.admin.User(ctx, who, name)
		if err != nil {
			return nil, err
		}
		return userResult{userOf(u)}, nil
	}
}

type usersResult struct {
	Users query.List[userDocument]
	cut
}

func (s *service) listUsers(f query.Form) querydoor.Run {
	prefix, page := f.Given("PathPrefix"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Users(ctx, who, prefix, page)
		if err != nil {
			return nil, err
		}
		return usersResult{listOf(l.Items, listedUser), cutOf(l.Marker)}, nil
	}
}

func (s *service) updateUser(f query.Form) querydoor.Run {
	name, newName, newPath := f.String("UserName"), f.Given("NewUserName"), f.Given("NewPath")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.UpdateUser(ctx, who, name, newName, newPath)
	})
}

func (s *service) deleteUser(f query.Form) querydoor.Run {
	name := f.String("UserName")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteUser(ctx, who, name) })
}

type accessKeyDocument struct {
	UserName        string `xml:",omitempty"`
	AccessKeyID     string `xml:"AccessKeyId"`
	Status          string
	SecretAccessKey string `xml:",omitempty"`
	CreateDate      query.Time
}

func accessKeyOf(user string, k *identity.Key) accessKeyDocument {
	d := accessKeyDocument{UserName: user, AccessKeyID: k.Name, Status: "Active", CreateDate: query.Time{Time: k.CreatedAt}}
	if k.Inactive {
		d.Status = "Inactive"
	}
	return d
}

func (s *service) createAccessKey(f query.Form) querydoor.Run {
	name := f.Given("UserName")
	return func(ctx context.Context, who access.Caller) (any, error) {
		made, k, user, err := s.admin.CreateAccessKey(ctx, who, name, "")
		if err != nil {
			return nil, err
		}
		d := accessKeyOf(user, k)
		d.SecretAccessKey = string(made.Secret.Reveal())
		return struct{ AccessKey accessKeyDocument }{d}, nil
	}
}

type accessKeysResult struct {
	AccessKeyMetadata query.List[accessKeyDocument]
	cut
}

func (s *service) listAccessKeys(f query.Form) querydoor.Run {
	name, page := f.Given("UserName"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, user, err := s.admin.AccessKeys(ctx, who, name, page)
		if err != nil {
			return nil, err
		}
		return accessKeysResult{
			listOf(l.Items, func(k *identity.Key) accessKeyDocument { return accessKeyOf(user, k) }), cutOf(l.Marker),
		}, nil
	}
}

func (s *service) updateAccessKey(f query.Form) querydoor.Run {
	name, id, status := f.Given("UserName"), f.String("AccessKeyId"), f.String("Status")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.UpdateAccessKey(ctx, who, name, id, status)
	})
}

func (s *service) deleteAccessKey(f query.Form) querydoor.Run {
	name, id := f.Given("UserName"), f.String("AccessKeyId")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteAccessKey(ctx, who, name, id) })
}

type keyUseDocument struct {
	LastUsedDate        *query.Time
	ServiceName, Region string
}

func (s *service) getAccessKeyLastUsed(f query.Form) querydoor.Run {
	id := f.String("AccessKeyId")
	return func(ctx context.Context, who access.Caller) (any, error) {
		user, use, err := s.admin.AccessKeyUse(ctx, who, id)
		if err != nil {
			return nil, err
		}
		d := keyUseDocument{ServiceName: "N/A", Region: "N/A"}
		if !use.At.IsZero() {
			d = keyUseDocument{&query.Time{Time: use.At}, use.Service, use.Region}
		}
		return struct {
			UserName          string `xml:",omitempty"`
			AccessKeyLastUsed keyUseDocument
		}{user, d}, nil
	}
}
