package policy

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// principal is one value of a Principal element.
type principal struct {
	kind       principalKind
	text       string        // ARN, service, provider, canonical id or unique id
	account    arn.AccountID // of account principals
	id         string        // unique id of the user or role; "" unless known
	start, end int           // the value's text in the source, quotes included
}

type principalKind uint8

const (
	everyone       principalKind = iota
	accountNamed                 // an account id or its root ARN
	entityNamed                  // a user or role by ARN
	idNamed                      // a user or role by unique id
	sessionNamed                 // one role session or federated user
	serviceNamed                 // a service principal
	canonicalNamed               // an account by S3's canonical user id
	providerNamed                // an identity provider
)

// grade says how closely a Principal element names the caller. What an
// implicit denial elsewhere still takes away depends on it.
type grade uint8

const (
	unnamed     grade = iota
	byAccount         // the account: the statement only delegates to it
	byIssuer          // the session's role, the federated user's user
	byItself          // the caller's own ARN
	byEverybody       // "*"; also a statement without a Principal element
)

// grade judges one value of the element.
func (w *principal) grade(p *Principal) grade {
	switch w.kind {
	case everyone:
		return byEverybody
	case accountNamed:
		if p.Account != w.account || p.Kind == Anonymous || p.Kind == Service || p.Kind == OriginIdentity {
			return unnamed
		}
		if p.Kind == Root {
			return byItself
		}
		return byAccount
	case canonicalNamed:
		if p.CanonicalID == "" || p.CanonicalID != w.text {
			return unnamed
		}
		if p.Kind == Root || p.Kind == OriginIdentity {
			return byItself
		}
		return byAccount
	case entityNamed, idNamed:
		return w.gradeEntity(p)
	case sessionNamed:
		if (p.Kind == RoleSession || p.Kind == FederatedUser) && p.ARN == w.text {
			return byItself
		}
	case serviceNamed:
		if p.Kind == Service && p.Service == w.text {
			return byItself
		}
	}
	return unnamed
}

func (w *principal) gradeEntity(p *Principal) grade {
	name, g := p.ARN, byItself
	switch p.Kind {
	case User, OriginIdentity:
	case RoleSession, FederatedUser:
		name, g = p.IssuerARN, byIssuer
	default:
		return unnamed
	}
	if w.id != "" {
		if p.UniqueID == w.id {
			return g
		}
		return unnamed
	}
	if name != "" && name == w.text {
		return g
	}
	return unnamed
}

// names gives the closest grade by which the statement names the caller.
func (s *statement) names(p *Principal, use Use) grade {
	if !use.hasPrincipal() {
		return byEverybody
	}
	if s.notPrincipal {
		if s.exempts(p) {
			return unnamed
		}
		return byItself
	}
	best := unnamed
	for i := range s.principals {
		best = max(best, s.principals[i].grade(p))
	}
	return best
}

// exempts says whether a NotPrincipal element spares the caller. AWS judges
// every layer of a caller for itself, so each must be listed: the account, the
// role or user, and the session.
//
// Source: IAM User Guide, "IAM JSON policy elements: NotPrincipal".
func (s *statement) exempts(p *Principal) bool {
	var listed [byEverybody + 1]bool
	for i := range s.principals {
		listed[s.principals[i].grade(p)] = true
	}
	if listed[byEverybody] {
		return true
	}
	switch p.Kind {
	case Anonymous:
		return false
	case Root, Service, OriginIdentity:
		return listed[byItself]
	case User:
		return listed[byItself] && listed[byAccount]
	}
	return listed[byItself] && listed[byIssuer] && listed[byAccount]
}

func (p *parser) principals(n *node, s *statement) error {
	if n.kind == stringNode && n.text == "*" {
		s.principals = []principal{{kind: everyone}}
		return nil
	}
	if n.kind != objectNode || len(n.kids) == 0 {
		return p.fail(badPrincipal, quote(n.text), `Principal is neither "*" nor a map of principals`)
	}
	for i, family := range n.keys {
		values, err := p.list(&n.kids[i], "Principal")
		if err != nil {
			return err
		}
		if len(values) == 0 {
			return p.fail(badPrincipal, quote(family), "the list "+quote(family)+" is empty")
		}
		for j := range values {
			one, ok := p.principal(family, values[j].text)
			if !ok {
				return p.badPrincipal(family, values[j].text, "is not a principal")
			}
			one.start, one.end = values[j].start, values[j].end
			s.principals = append(s.principals, one)
		}
	}
	return nil
}

func (p *parser) badPrincipal(family, text, why string) error {
	return p.fail(badPrincipal, `"`+family+`":"`+text+`"`, quote(family)+":"+quote(text)+" "+why)
}

func (p *parser) principal(family, text string) (principal, bool) {
	switch family {
	case "AWS":
		return awsPrincipal(text)
	case "Service":
		plain := strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
		return principal{kind: serviceNamed, text: text}, plain && strings.Contains(text, ".")
	case "CanonicalUser":
		hex := strings.Trim(text, "0123456789abcdef") == ""
		return principal{kind: canonicalNamed, text: text}, p.use == UseBucket && hex && text != ""
	case "Federated":
		return principal{kind: providerNamed, text: text}, text != "" && !strings.ContainsAny(text, "*?")
	}
	return principal{}, false
}

// awsPrincipal reads a value of "AWS". Wildcards inside a name are no
// principals, as on AWS.
func awsPrincipal(text string) (principal, bool) {
	if text == "*" {
		return principal{kind: everyone}, true
	}
	if id := arn.AccountID(text); id.Valid() {
		return principal{kind: accountNamed, text: arn.NormalizePrincipal(text), account: id}, true
	}
	if isUniqueID(text) {
		return principal{kind: idNamed, text: text, id: text}, true
	}
	a, err := arn.Parse(text)
	if err != nil {
		return principal{}, false
	}
	switch a.Principal() {
	case arn.AccountPrincipal:
		return principal{kind: accountNamed, text: text, account: a.Account}, true
	case arn.UserPrincipal, arn.RolePrincipal:
		return principal{kind: entityNamed, text: text}, true
	case arn.SessionPrincipal, arn.FederatedPrincipal:
		return principal{kind: sessionNamed, text: text}, true
	}
	return principal{}, false
}

// isUniqueID reports whether s is the unique id of a user or a role.
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
