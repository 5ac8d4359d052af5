package iam

import (
	"context"
	"maps"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

func (s *service) createAccountAlias(f query.Form) querydoor.Run {
	alias := f.String("AccountAlias")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.CreateAccountAlias(ctx, who, alias) })
}

func (s *service) deleteAccountAlias(f query.Form) querydoor.Run {
	alias := f.String("AccountAlias")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteAccountAlias(ctx, who, alias) })
}

type aliasesResult struct {
	AccountAliases query.List[string]
	cut
}

func (s *service) listAccountAliases(f query.Form) querydoor.Run {
	_ = pageOf(f) // an account has one alias at most
	return func(ctx context.Context, who access.Caller) (any, error) {
		alias, err := s.admin.AccountAlias(ctx, who)
		if err != nil {
			return nil, err
		}
		var result aliasesResult
		if alias != "" {
			result.AccountAliases.Members = []string{alias}
		}
		return result, nil
	}
}

type entryDocument struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

func (s *service) getAccountSummary(query.Form) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) {
		summary, err := s.admin.Summary(ctx, who)
		if err != nil {
			return nil, err
		}
		var result struct {
			SummaryMap struct {
				Entries []entryDocument `xml:"entry"`
			}
		}
		for _, name := range slices.Sorted(maps.Keys(summary)) {
			result.SummaryMap.Entries = append(result.SummaryMap.Entries, entryDocument{name, summary[name]})
		}
		return result, nil
	}
}

// The structures of GetAccountAuthorizationDetails.
type inlineDocument struct{ PolicyName, PolicyDocument string }

type userDetail struct {
	Path                    string
	UserName                string
	UserID                  string `xml:"UserId"`
	Arn                     string
	CreateDate              query.Time
	UserPolicyList          query.List[inlineDocument]
	GroupList               query.List[string]
	AttachedManagedPolicies query.List[attachedDocument]
	PermissionsBoundary     *boundaryDocument
	Tags                    *query.List[tagDocument]
}

type groupDetail struct {
	groupDocument
	GroupPolicyList         query.List[inlineDocument]
	AttachedManagedPolicies query.List[attachedDocument]
}

type roleDetail struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               query.Time
	AssumeRolePolicyDocument string
	InstanceProfileList      query.List[profileDocument]
	RolePolicyList           query.List[inlineDocument]
	AttachedManagedPolicies  query.List[attachedDocument]
	PermissionsBoundary      *boundaryDocument
	Tags                     *query.List[tagDocument]
	RoleLastUsed             *roleUseDocument
}

type policyDetail struct {
	policyDocument
	PolicyVersionList query.List[versionDocument]
}

type detailsResult struct {
	UserDetailList  query.List[userDetail]
	GroupDetailList query.List[groupDetail]
	RoleDetailList  query.List[roleDetail]
	Policies        query.List[policyDetail]
	cut
}

func (s *service) getAccountAuthorizationDetails(f query.Form) querydoor.Run {
	filter, page := f.Strings("Filter"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		d, marker, err := s.admin.AuthorizationDetails(ctx, who, filter, page)
		if err != nil {
			return nil, err
		}
		return detailsResult{
			listOf(d.Users, s.userDetail), listOf(d.Groups, s.groupDetail), listOf(d.Roles, s.roleDetail),
			listOf(d.Policies, func(p *identity.Policy) policyDetail {
				described := s.listedPolicy(who.Account(), p)
				described.Description = p.Description
				return policyDetail{described, listOf(p.Versions, func(v identity.PolicyVersion) versionDocument {
					document := versionOf(v, v.ID == p.Default)
					document.Document = encoded(v.Text)
					return document
				})}
			}), cutOf(marker),
		}, nil
	}
}

func inlineOf(p identity.InlinePolicy) inlineDocument { return inlineDocument{p.Name, encoded(p.Text)} }

func (s *service) attached(p *identity.Permissions) query.List[attachedDocument] {
	return listOf(s.admin.Attached(p), attachedOf)
}

func (s *service) userDetail(u *identity.User) userDetail {
	return userDetail{
		Path: u.Path, UserName: u.Name, UserID: u.ID, Arn: u.ARN(), CreateDate: query.Time{Time: u.CreatedAt},
		UserPolicyList:          listOf(u.Inline, inlineOf),
		GroupList:               listOf(s.admin.UserGroups(u), func(g *identity.Group) string { return g.Name }),
		AttachedManagedPolicies: s.attached(&u.Permissions), PermissionsBoundary: boundaryOf(&u.Permissions), Tags: tagsOf(u.Tags),
	}
}

func (s *service) groupDetail(g *identity.Group) groupDetail {
	return groupDetail{groupOf(g), listOf(g.Inline, inlineOf), s.attached(&g.Permissions)}
}

func (s *service) roleDetail(r *identity.Role) roleDetail {
	d := s.roleOf(r)
	return roleDetail{
		Path: d.Path, RoleName: d.RoleName, RoleID: d.RoleID, Arn: d.Arn, CreateDate: d.CreateDate,
		AssumeRolePolicyDocument: d.AssumeRolePolicyDocument,
		InstanceProfileList:      listOf(s.admin.RoleProfiles(r), s.profileOf),
		RolePolicyList:           listOf(r.Inline, inlineOf), AttachedManagedPolicies: s.attached(&r.Permissions),
		PermissionsBoundary: d.PermissionsBoundary, Tags: d.Tags, RoleLastUsed: d.RoleLastUsed,
	}
}
