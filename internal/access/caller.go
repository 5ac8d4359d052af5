// Package access is the gate that every call passes: who is calling, may they,
// and the record that it happened.
//
// A domain method opens a Call, lets it decide, and ends it:
//
//	call := r.gate.Begin(who, "kms:Encrypt")
//	defer call.End(ctx, &err)
//	...look the key up...
//	if err := call.Decide(access.Target{ARN: key.ARN, Policy: key.Policy, Rule: policy.KeyPolicy}); err != nil {
//		return nil, err
//	}
//
// End writes the audit record before the method returns. A method that ends
// without an error and without a decision is turned into ErrUndecided, so a
// path that forgot to ask cannot answer.
package access

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Caller is who makes a request, and from where. Only the door that verified
// the request's signature, or a service acting on a resource's behalf, makes one.
type Caller struct {
	Principal   policy.Principal
	AccessKeyID string

	// Region is the one of the credential scope.
	Region    string
	RequestID string
	At        time.Time
	SourceIP  netip.Addr
	UserAgent string
	Referer   string
	TLS       bool

	// Tags are those of the principal, the values of aws:PrincipalTag.
	Tags []Tag
	// Session is set on calls with temporary credentials.
	Session *Session

	// Via is the service that forwards the call for the principal, in the form
	// of kms:ViaService: "s3.us-east-1.amazonaws.com". Empty for direct calls.
	Via string
	// SourceARN and SourceAccount name the resource that a service principal
	// acts for, such as a distribution.
	SourceARN     string
	SourceAccount arn.AccountID

	// Exchange is the request on the wire; nil for calls that nobody sent.
	Exchange *Exchange
}

// Exchange is one request on the wire, which may lead to several calls.
type Exchange struct {
	// Operation is the API's name of what is asked for, such as "UploadPart".
	// The door sets it before it calls anyone.
	Operation string

	recorded atomic.Bool
}

// Session is what temporary credentials say beside who calls. It is immutable.
type Session struct {
	// IssuedAt is when the credentials were made, the value of
	// aws:TokenIssueTime.
	IssuedAt time.Time
	// ExpiresAt is when they end; zero if nobody said. Who calls has been checked:
	// it is for what goes on behind the call.
	ExpiresAt time.Time
	// MFAAt is when the principal proved its MFA device; zero if it did not.
	MFAAt time.Time
	// SourceIdentity and FederatedProvider are empty where there is none.
	SourceIdentity    string
	FederatedProvider string
	// Policies limit the session when Limited is set; with none it may nothing
	// that its identity policies would have to allow. A nil document is one that
	// could not be had.
	Policies []*policy.Document
	Limited  bool
	// TransitiveTags are the keys of Tags that go on to roles that the session
	// assumes.
	TransitiveTags []string
}

// Account is the account that the caller belongs to.
func (c Caller) Account() arn.AccountID { return c.Principal.Account }

// Through returns the caller as seen by the next service when service, for
// instance "s3", forwards the call.
func (c Caller) Through(service string) Caller {
	c.Via = service + "." + c.Region + ".amazonaws.com"
	return c
}

func (c *Caller) identity() audit.Identity {
	id := audit.Identity{
		ARN:         c.Principal.ARN,
		Account:     c.Principal.Account,
		PrincipalID: c.Principal.UserID,
		Name:        c.Principal.Name,
		AccessKeyID: c.AccessKeyID,
		Issuer:      c.Principal.IssuerARN,
		SourceARN:   c.SourceARN,
	}
	if s := c.Session; s != nil {
		id.Since, id.MFA, id.Provider = s.IssuedAt, !s.MFAAt.IsZero(), s.FederatedProvider
	}
	switch c.Principal.Kind {
	case policy.Root:
		id.Type = "Root"
	case policy.User:
		id.Type = "IAMUser"
	case policy.RoleSession:
		id.Type = "AssumedRole"
	case policy.FederatedUser:
		id.Type = "FederatedUser"
	case policy.OriginIdentity:
		id.Type = "AWSAccount"
	case policy.Service:
		id.Type, id.ARN = "AWSService", c.Principal.Service
	default:
		id.Type = "Anonymous"
	}
	return id
}
