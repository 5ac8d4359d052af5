package iam

import (
	"net/url"
	"strings"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// The structures of answers, with the names of the service model.

type userDocument struct {
	Path                string `xml:",omitempty"`
	UserName            string `xml:",omitempty"`
	UserID              string `xml:"UserId"`
	Arn                 string
	CreateDate          query.Time
	PermissionsBoundary *boundaryDocument
	Tags                *query.List[tagDocument]
}

type boundaryDocument struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

type tagDocument struct{ Key, Value string }

type groupDocument struct {
	Path       string
	GroupName  string
	GroupID    string `xml:"GroupId"`
	Arn        string
	CreateDate query.Time
}

type roleDocument struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               query.Time
	AssumeRolePolicyDocument string
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int    `xml:",omitempty"` // seconds
	PermissionsBoundary      *boundaryDocument
	Tags                     *query.List[tagDocument]
	RoleLastUsed             *roleUseDocument
}

type roleUseDocument struct {
	LastUsedDate *query.Time
	Region       string `xml:",omitempty"`
}

type policyDocument struct {
	PolicyName                    string
	PolicyID                      string `xml:"PolicyId"`
	Arn                           string
	Path                          string
	DefaultVersionID              string `xml:"DefaultVersionId"`
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   string `xml:",omitempty"`
	CreateDate                    query.Time
	UpdateDate                    query.Time
	Tags                          *query.List[tagDocument]
}

type versionDocument struct {
	Document         string `xml:",omitempty"`
	VersionID        string `xml:"VersionId"`
	IsDefaultVersion bool
	CreateDate       query.Time
}

type attachedDocument struct{ PolicyName, PolicyArn string }

type profileDocument struct {
	Path                string
	InstanceProfileName string
	InstanceProfileID   string `xml:"InstanceProfileId"`
	Arn                 string
	CreateDate          query.Time
	Roles               query.List[roleDocument]
	Tags                *query.List[tagDocument]
}

// cut is the end of every list.
type cut struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

func cutOf(marker string) cut { return cut{marker != "", marker} }

// encoded is a policy document as IAM sends it: percent-encoded.
//
// Source: IAM API Reference, GetRolePolicy; RFC 3986.
func encoded(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func tagsOf(tags []identity.Tag) *query.List[tagDocument] {
	if len(tags) == 0 {
		return nil
	}
	return &query.List[tagDocument]{Members: each(tags, tagOf)}
}

func tagOf(t identity.Tag) tagDocument { return tagDocument{t.Key, t.Value} }

// each makes a document of every item.
func each[T, D any](items []T, document func(T) D) []D {
	all := make([]D, len(items))
	for i, item := range items {
		all[i] = document(item)
	}
	return all
}

func listOf[T, D any](items []T, document func(T) D) query.List[D] {
	return query.List[D]{Members: each(items, document)}
}

func boundaryOf(p *identity.Permissions) *boundaryDocument {
	if p.Boundary == "" {
		return nil
	}
	return &boundaryDocument{"Policy", p.Boundary}
}

// listedUser is a user as lists have it, userOf with all there is.
func listedUser(u *identity.User) userDocument {
	d := userDocument{Path: u.Path, UserName: u.Name, UserID: u.ID, Arn: u.ARN(), CreateDate: query.Time{Time: u.CreatedAt}}
	if u.Name == "" {
		d.Arn = "arn:aws:iam::" + string(u.Account) + ":root"
	}
	return d
}

func userOf(u *identity.User) userDocument {
	d := listedUser(u)
	d.PermissionsBoundary, d.Tags = boundaryOf(&u.Permissions), tagsOf(u.Tags)
	return d
}

func groupOf(g *identity.Group) groupDocument {
	return groupDocument{Path: g.Path, GroupName: g.Name, GroupID: g.ID, Arn: g.ARN(), CreateDate: query.Time{Time: g.CreatedAt}}
}

// newRole is a role as CreateRole answers it, listedRole as lists have it, and
// roleOf with all there is.
func (s *service) newRole(r *identity.Role) roleDocument {
	return roleDocument{
		Path: r.Path, RoleName: r.Name, RoleID: r.ID, Arn: r.ARN(), CreateDate: query.Time{Time: r.CreatedAt},
		AssumeRolePolicyDocument: encoded(s.admin.TrustText(r)), Description: r.Description,
		PermissionsBoundary: boundaryOf(&r.Permissions), Tags: tagsOf(r.Tags),
	}
}

func (s *service) listedRole(r *identity.Role) roleDocument {
	d := s.newRole(r)
	d.MaxSessionDuration = int(r.MaxSession.Seconds())
	d.PermissionsBoundary, d.Tags = nil, nil
	return d
}

func (s *service) roleOf(r *identity.Role) roleDocument {
	d := s.newRole(r)
	d.MaxSessionDuration = int(r.MaxSession.Seconds())
	d.RoleLastUsed = &roleUseDocument{}
	if use := s.register.RoleUse(r); !use.At.IsZero() {
		d.RoleLastUsed.LastUsedDate, d.RoleLastUsed.Region = &query.Time{Time: use.At}, use.Region
	}
	return d
}

func (s *service) profileOf(p *identity.Profile) profileDocument {
	d := profileDocument{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileID: p.ID, Arn: p.ARN(),
		CreateDate: query.Time{Time: p.CreatedAt}, Tags: tagsOf(p.Tags),
	}
	if r := s.admin.ProfileRole(p); r != nil {
		d.Roles.Members = []roleDocument{s.listedRole(r)}
	}
	return d
}

func attachedOf(p *identity.Policy) attachedDocument { return attachedDocument{p.Name, p.ARN()} }
