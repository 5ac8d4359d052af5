// Package audit is the append-only, hash-chained record of every call.
//
// One Record stands for one call: who did what, on which resource, with which
// context, what was decided and how it ended. Append returns only when the
// record has survived a power loss, and a call's answer leaves only after
// Append returned nil. The files are specified in docs/spec/auditlog.md.
package audit

import (
	"net/netip"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// Record is one call. It never holds key material, plaintext, signatures,
// tokens or object data.
type Record struct {
	Time      time.Time
	RequestID string
	Region    string

	Who       Identity
	SourceIP  netip.Addr
	UserAgent string
	// InvokedBy is the service that made the call for Who, such as
	// "s3.amazonaws.com"; empty for a direct call.
	InvokedBy string

	// Action is the policy action, for instance "kms:Decrypt".
	Action string
	// Operation is the API's name of what was asked for where the action has
	// another, such as "UploadPart" of "s3:PutObject".
	Operation string
	// Resources are the ARNs that the call acted on.
	Resources []string
	// Owner is the account that owns the resource, where it is not the caller's.
	Owner arn.AccountID
	// Parameters are the request's members worth keeping, without secrets.
	Parameters []Pair
	// Context is the encryption context; it is logged in clear.
	Context []Pair

	Decision Decision
	// Error is the service's error code, empty when the call succeeded.
	Error   string
	Message string
	// Corrects is set on the second record of a call whose effect failed after
	// its success was recorded.
	Corrects bool
}

// Identity is the caller as the record keeps it.
type Identity struct {
	Type        string // "Root", "IAMUser", "AssumedRole", "AWSService", ...
	ARN         string
	Account     arn.AccountID
	PrincipalID string
	Name        string
	AccessKeyID string
	Issuer      string // the role behind a session
	// Since is when temporary credentials were made; zero for others. MFA says
	// that they prove a device, Provider who vouched for them, if not we.
	Since    time.Time
	MFA      bool
	Provider string
	// SourceARN is the resource a service principal acts for.
	SourceARN string
}

// ResponsePrefix begins the names of parameters that were not asked for but
// answered, such as the id of what was made.
const ResponsePrefix = "response."

// Pair is one named value.
type Pair struct{ Name, Value string }

// Decision is what was decided about a call.
type Decision uint8

const (
	// Undecided calls failed before a decision was due, such as on a bad parameter.
	Undecided Decision = iota
	Allowed
	Denied
)

func (d Decision) String() string {
	switch d {
	case Allowed:
		return "allowed"
	case Denied:
		return "denied"
	default:
		return "undecided"
	}
}
