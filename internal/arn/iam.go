package arn

import "strings"

// DefaultPartition is the partition of names that we make.
const DefaultPartition = "aws"

// Valid reports whether a has the form of an account id: 12 digits.
func (a AccountID) Valid() bool {
	if len(a) != 12 {
		return false
	}
	for i := range len(a) {
		if a[i] < '0' || a[i] > '9' {
			return false
		}
	}
	return true
}

// Root names the root user of account a, which in a policy stands for the
// account: the two spellings mean the same.
func Root(a AccountID) ARN { return iam(a, "root") }

// User names an IAM user. path begins and ends with a slash.
func User(a AccountID, path, name string) ARN { return iam(a, "user"+path+name) }

// Role names an IAM role. path begins and ends with a slash.
func Role(a AccountID, path, name string) ARN { return iam(a, "role"+path+name) }

// Group names an IAM group. path begins and ends with a slash.
func Group(a AccountID, path, name string) ARN { return iam(a, "group"+path+name) }

// ManagedPolicy names a managed policy. path begins and ends with a slash.
func ManagedPolicy(a AccountID, path, name string) ARN { return iam(a, "policy"+path+name) }

// RoleSession names a session of a role; the role's path is not part of it.
func RoleSession(a AccountID, role, session string) ARN {
	return sts(a, "assumed-role/"+role+"/"+session)
}

// FederatedUser names a user of GetFederationToken.
func FederatedUser(a AccountID, name string) ARN { return sts(a, "federated-user/"+name) }

func iam(a AccountID, resource string) ARN {
	return ARN{Partition: DefaultPartition, Service: "iam", Account: a, Resource: resource}
}

func sts(a AccountID, resource string) ARN {
	return ARN{Partition: DefaultPartition, Service: "sts", Account: a, Resource: resource}
}

// PrincipalKind is what sort of caller a name stands for.
type PrincipalKind uint8

const (
	NotPrincipal PrincipalKind = iota
	AccountPrincipal
	UserPrincipal
	RolePrincipal
	SessionPrincipal
	FederatedPrincipal
)

// Principal says what sort of caller a names, or NotPrincipal. Names with
// wildcards name nobody.
func (a ARN) Principal() PrincipalKind {
	if a.Region != "" || strings.ContainsAny(a.Resource, "*?") || strings.ContainsAny(string(a.Account), "*?") || a.Account == "" {
		return NotPrincipal
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	named := rest != "" && !strings.HasSuffix(rest, "/")
	switch {
	case a.Service == "iam" && a.Resource == "root" && a.Account.Valid():
		return AccountPrincipal
	case !named:
		return NotPrincipal
	case a.Service == "iam" && kind == "user":
		return UserPrincipal
	case a.Service == "iam" && kind == "role":
		return RolePrincipal
	case a.Service == "sts" && kind == "assumed-role" && strings.Count(rest, "/") == 1 && rest[0] != '/':
		return SessionPrincipal
	case a.Service == "sts" && kind == "federated-user":
		return FederatedPrincipal
	}
	return NotPrincipal
}

// NormalizePrincipal gives the one spelling of a principal's name: an account
// id becomes its root's ARN, everything else stays as it is.
func NormalizePrincipal(s string) string {
	if AccountID(s).Valid() {
		return Root(AccountID(s)).String()
	}
	return s
}

// Name is the last part of a path name: "bob" of "user/team/bob".
func (a ARN) Name() string {
	return a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
}
