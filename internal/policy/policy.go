// Package policy is the policy language: documents, conditions, and the one
// function that decides. Everything here is a pure value: no I/O, no clock.
//
// Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy
// elements reference"; KMS Developer Guide, "Authentication and access control".
package policy

import (
	"github.com/keyfront-project/keyfront/internal/arn"
)

// Action is what a caller wants to do, for instance "kms:Decrypt".
type Action string

// Kind says what sort of caller a Principal is.
type Kind uint8

const (
	Anonymous Kind = iota
	Root
	User
	RoleSession
	FederatedUser
	Service
)

// Principal is a caller as policies see it.
type Principal struct {
	Kind    Kind
	Account arn.AccountID
	// ARN names the caller: the session's ARN for a role session, the user's
	// own ARN for credentials of GetSessionToken, empty when anonymous.
	ARN string
	// IssuerARN is the role of a role session, the user of a federated user.
	IssuerARN string
	// UserID is the value of aws:userid: "AIDA…", "AROA…:session", the account.
	UserID string
	// Name is the user name; only users have one.
	Name string
	// Service is the service principal, for instance "cloudfront.amazonaws.com".
	Service string
}

// Context holds the condition keys of one request. Names compare without case.
type Context struct {
	keys []contextKey
}

type contextKey struct {
	name   string // lower case
	values []string
	multi  bool
}

// Request is what Decide judges.
type Request struct {
	Principal *Principal
	Action    Action
	// Resource is the ARN acted on, or "*" for an action without a resource.
	Resource string
	// Owner is the account that owns Resource; the caller's own if empty.
	Owner   arn.AccountID
	Context *Context
}

// Rule says how a resource's policy and the caller's own policies combine.
type Rule uint8

const (
	// ResourceOrIdentity is the ordinary rule: in one account either side may allow.
	ResourceOrIdentity Rule = iota
	// KeyPolicy is the rule of KMS: identity policies count only where the key
	// policy delegates to the account.
	KeyPolicy
	// TrustPolicy is the rule of sts:AssumeRole.
	TrustPolicy
	// IdentityOnly is for actions without a resource policy.
	IdentityOnly
)

// Policies are all that may speak on one request.
type Policies struct {
	Rule     Rule
	Resource *Document // nil: the resource has no policy
	Identity []*Document
	Boundary *Document // nil: none
	// Session policies limit a session. HasSession with no documents allows nothing.
	Session    []*Document
	HasSession bool
	// Granted says that a KMS grant covers the request.
	Granted bool
}
