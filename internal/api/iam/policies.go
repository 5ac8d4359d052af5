package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type policyResult struct{ Policy policyDocument }

// policyOf is a managed policy as an account sees it, listedPolicy as lists have it.
func (s *service) policyOf(account arn.AccountID, p *identity.Policy) policyDocument {
	d := s.listedPolicy(account, p)
	d.Description, d.Tags = p.Description, tagsOf(p.Tags)
	return d
}

func (s *service) listedPolicy(account arn.AccountID, p *identity.Policy) policyDocument {
	use := s.admin.PolicyUsage(account, p)
	return policyDocument{
		PolicyName: p.Name, PolicyID: p.ID, Arn: p.ARN(), Path: p.Path, DefaultVersionID: p.Default,
		AttachmentCount: use.Attachments, PermissionsBoundaryUsageCount: use.Boundaries, IsAttachable: true,
		CreateDate: query.Time{Time: p.CreatedAt}, UpdateDate: query.Time{Time: p.UpdatedAt},
	}
}

func (s *service) createPolicy(f query.Form) querydoor.Run {
	in := identity.NewPolicy{
		Name: f.String("PolicyName"), Path: f.Given("Path"), Text: f.String("PolicyDocument"),
		Description: f.Optional("Description"), Tags: readTags(f),
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		p, err := s.admin.CreatePolicy(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return policyResult{s.policyOf(who.Account(), p)}, nil
	}
}

func (s *service) getPolicy(f query.Form) querydoor.Run {
	ref := f.String("PolicyArn")
	return func(ctx context.Context, who access.Caller) (any, error) {
		p, err := s.admin.Policy(ctx, who, ref)
		if err != nil {
			return nil, err
		}
		return policyResult{s.policyOf(who.Account(), p)}, nil
	}
}

type policiesResult struct {
	Policies query.List[policyDocument]
	cut
}

func (s *service) listPolicies(f query.Form) querydoor.Run {
	in := identity.PolicyFilter{
		Scope: f.Given("Scope"), Attached: f.Bool("OnlyAttached", false), PathPrefix: f.Given("PathPrefix"),
		Usage: f.Given("PolicyUsageFilter"),
	}
	page := pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Policies(ctx, who, in, page)
		if err != nil {
			return nil, err
		}
		listed := func(p *identity.Policy) policyDocument { return s.listedPolicy(who.Account(), p) }
		return policiesResult{listOf(l.Items, listed), cutOf(l.Marker)}, nil
	}
}

func (s *service) deletePolicy(f query.Form) querydoor.Run {
	ref := f.String("PolicyArn")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeletePolicy(ctx, who, ref) })
}

type versionResult struct{ PolicyVersion versionDocument }

func versionOf(v identity.PolicyVersion, isDefault bool) versionDocument {
	return versionDocument{VersionID: v.ID, IsDefaultVersion: isDefault, CreateDate: query.Time{Time: v.CreatedAt}}
}

func (s *service) createPolicyVersion(f query.Form) querydoor.Run {
	ref, text, asDefault := f.String("PolicyArn"), f.String("PolicyDocument"), f.Bool("SetAsDefault", false)
	return func(ctx context.Context, who access.Caller) (any, error) {
		v, err := s.admin.CreatePolicyVersion(ctx, who, ref, text, asDefault)
		if err != nil {
			return nil, err
		}
		return versionResult{versionOf(v, asDefault)}, nil
	}
}

func (s *service) getPolicyVersion(f query.Form) querydoor.Run {
	ref, id := f.String("PolicyArn"), f.String("VersionId")
	return func(ctx context.Context, who access.Caller) (any, error) {
		v, isDefault, err := s.admin.PolicyVersion(ctx, who, ref, id)
		if err != nil {
			return nil, err
		}
		d := versionOf(v, isDefault)
		d.Document = encoded(v.Text)
		return versionResult{d}, nil
	}
}

type versionsResult struct {
	Versions query.List[versionDocument]
	cut
}

func (s *service) listPolicyVersions(f query.Form) querydoor.Run {
	ref, page := f.String("PolicyArn"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, defaultID, err := s.admin.PolicyVersions(ctx, who, ref, page)
		if err != nil {
			return nil, err
		}
		version := func(v identity.PolicyVersion) versionDocument { return versionOf(v, v.ID == defaultID) }
		return versionsResult{listOf(l.Items, version), cutOf(l.Marker)}, nil
	}
}

func (s *service) deletePolicyVersion(f query.Form) querydoor.Run {
	ref, id := f.String("PolicyArn"), f.String("VersionId")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.DeletePolicyVersion(ctx, who, ref, id)
	})
}

func (s *service) setDefaultPolicyVersion(f query.Form) querydoor.Run {
	ref, id := f.String("PolicyArn"), f.String("VersionId")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.SetDefaultPolicyVersion(ctx, who, ref, id)
	})
}

type holderDocument struct {
	UserName  string `xml:",omitempty"`
	UserID    string `xml:"UserId,omitempty"`
	GroupName string `xml:",omitempty"`
	GroupID   string `xml:"GroupId,omitempty"`
	RoleName  string `xml:",omitempty"`
	RoleID    string `xml:"RoleId,omitempty"`
}

type holdersResult struct {
	PolicyGroups, PolicyUsers, PolicyRoles query.List[holderDocument]
	cut
}

func (s *service) listEntitiesForPolicy(f query.Form) querydoor.Run {
	ref, page := f.String("PolicyArn"), pageOf(f)
	in := identity.HolderFilter{
		Filter: f.Given("EntityFilter"), PathPrefix: f.Given("PathPrefix"), Usage: f.Given("PolicyUsageFilter"),
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.PolicyHolders(ctx, who, ref, in, page)
		if err != nil {
			return nil, err
		}
		result := holdersResult{cut: cutOf(l.Marker)}
		for _, h := range l.Items {
			switch h.Kind {
			case identity.KindUser:
				result.PolicyUsers.Members = append(result.PolicyUsers.Members, holderDocument{UserName: h.Name, UserID: h.ID})
			case identity.KindGroup:
				result.PolicyGroups.Members = append(result.PolicyGroups.Members, holderDocument{GroupName: h.Name, GroupID: h.ID})
			default:
				result.PolicyRoles.Members = append(result.PolicyRoles.Members, holderDocument{RoleName: h.Name, RoleID: h.ID})
			}
		}
		return result, nil
	}
}
