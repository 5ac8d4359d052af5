// Package policy is the policy language: documents, conditions, and the one
// function that decides. Everything here is a pure value: no I/O, no clock.
//
// Parse compiles a document once; Decide answers a request from the compiled
// documents that may speak on it; Explain gives the owner every statement and
// why it did or did not count; Request.Denial is the sentence the caller gets.
//
// Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy
// elements reference"; KMS Developer Guide, "Authentication and access control".
package policy

import (
	"time"

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
	// OriginIdentity is a CloudFront origin access identity: it has a name and
	// a canonical id, but neither account nor policies of its own.
	OriginIdentity
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
	// UniqueID is the id of the user or role itself, "AIDA…" or "AROA…": the
	// role's for a role session, the issuing user's for a federated user.
	// Documents bound to ids (Document.Bind) match by it.
	UniqueID string
	// CanonicalID is the S3 canonical user id of the account, if known.
	CanonicalID string
	// UserID is the value of aws:userid: "AIDA…", "AROA…:session", the account.
	UserID string
	// Name is the user name; only users have one.
	Name string
	// Service is the service principal, for instance "cloudfront.amazonaws.com".
	Service string
}

// Request is what Decide judges.
type Request struct {
	Principal *Principal
	Action    Action
	// Resource is the ARN acted on, or "*" for an action without a resource.
	Resource string
	// Owner is the account that owns Resource; the caller's own if empty.
	Owner arn.AccountID
	// Time is the moment of the request, the value of aws:CurrentTime and
	// aws:EpochTime, which are absent when it is zero.
	Time time.Time
	// Context holds the other condition keys; nil means none. The keys that
	// describe the principal (aws:PrincipalArn, aws:PrincipalAccount,
	// aws:PrincipalType, aws:userid, aws:username, aws:PrincipalIsAWSService,
	// aws:PrincipalServiceName, aws:PrincipalServiceNamesList) and
	// aws:ResourceAccount, which S3 also calls s3:ResourceAccount, need not be
	// set: they are derived when a policy names them. A value in Context wins
	// over the derived one.
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

// Policies are all that may speak on one request. A nil document inside a list
// is one that could not be had, and denies.
type Policies struct {
	Rule     Rule
	Resource *Document // nil: the resource has no policy
	Identity []*Document
	Boundary *Document // nil: none
	// Session policies limit a session. HasSession with no documents allows nothing.
	Session    []*Document
	HasSession bool
	// Control documents are service control policies of the caller's account.
	// HasControl with no documents allows nothing.
	Control    []*Document
	HasControl bool
	// Granted says that a KMS grant to the caller, its role or its user covers
	// the request.
	Granted bool
	// GrantedAccount says that a KMS grant to the caller's account covers the
	// request; the caller's own policies must then allow it.
	GrantedAccount bool
}
