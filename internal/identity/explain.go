package identity

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Whoever explains a decision to the owner asks for principals by name, and for
// the names of the policies that PoliciesOf fills in.

// PrincipalOf gives the caller that an ARN names: a root user, a user, or a role
// session as arn:aws:sts::…:assumed-role/ROLE/SESSION. A role's own ARN is a
// session called "session". ok is false if there is none.
func (s *Service) PrincipalOf(name string) (p policy.Principal, tags []Tag, ok bool) {
	a, err := arn.Parse(name)
	if err != nil {
		return policy.Principal{}, nil, false
	}
	switch a.Principal() {
	case arn.AccountPrincipal:
		_, ok := get[*Account](s.reg, a.Account, string(a.Account))
		return rootPrincipal(a.Account), nil, ok
	case arn.UserPrincipal, arn.RolePrincipal:
		id, _ := s.Identify(name)
		st := s.reg.standing(id)
		if st == nil {
			return policy.Principal{}, nil, false
		}
		if st.principal.Kind == policy.RoleSession {
			return st.sessionPrincipal("session"), st.tags, true
		}
		return st.principal, st.tags, true
	case arn.SessionPrincipal:
		parts := strings.SplitN(a.Resource, "/", 3)
		r, found := get[*Role](s.reg, a.Account, parts[1])
		if !found || len(parts) != 3 {
			return policy.Principal{}, nil, false
		}
		if st := s.reg.standing(r.ID); st != nil {
			return st.sessionPrincipal(parts[2]), st.tags, true
		}
	}
	return policy.Principal{}, nil, false
}

// PolicyNames names the identity policies of p in the order of PoliciesOf, and
// its boundary: the ARN of a managed policy, or the owner's ARN, "#" and the name
// of an inline one.
func (s *Service) PolicyNames(p *policy.Principal) (identity []string, boundary string) {
	st := s.reg.standing(p.UniqueID)
	if st == nil {
		return nil, ""
	}
	add := func(b bearer) {
		for _, inline := range b.permissions().Inline {
			identity = append(identity, b.ARN()+"#"+inline.Name)
		}
		identity = append(identity, b.permissions().Attached...)
	}
	add(st.entity)
	if u, ok := st.entity.(*User); ok {
		for _, id := range u.Groups {
			if g, ok := s.reg.byUniqueID(id).(*Group); ok {
				add(g)
			}
		}
	}
	return identity, st.entity.permissions().Boundary
}
