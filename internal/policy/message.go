package policy

// Style says which service's spelling a message has.
type Style uint8

const (
	// Sentence is the form of KMS, IAM, CloudFront and most others.
	Sentence Style = iota
	// QuotedResource is the form of S3.
	QuotedResource
	// Bare is the form of STS: no reason.
	Bare
)

// reasonNames are the policies that reasons speak of, as they stand in the
// sentence: without an article for silence, with one for a Deny.
var reasonNames = map[Reason]string{
	NoIdentityAllow: "identity-based policy",
	NoResourceAllow: "resource-based policy",
	NoBoundaryAllow: "permissions boundary",
	NoSessionAllow:  "session policy",
	NoControlAllow:  "service control policy",
	IdentityDeny:    "an identity-based policy",
	ResourceDeny:    "a resource-based policy",
	BoundaryDeny:    "a permissions boundary",
	SessionDeny:     "a session policy",
	ControlDeny:     "a service control policy",
}

// String is the end of the sentence that Denial makes, or a few words where it
// has no reason to give.
func (r Reason) String() string {
	name := reasonNames[r]
	switch {
	case r == Undenied:
		return "allowed"
	case r == RootMayNotAssume:
		return "root users may not assume roles"
	case name == "":
		return "cannot be judged"
	case r.Explicit():
		return "explicit deny in " + name
	}
	return "no " + name + " allows the action"
}

// Denial is the sentence that the caller of a denied request reads. It tells
// anonymous callers and callers of another account nothing about the policy of
// the resource.
//
// Source: IAM User Guide, "Troubleshoot access denied error messages"; KMS
// Developer Guide, "Troubleshooting key access".
func (r *Request) Denial(style Style, d Decision) string {
	const plainDenial = "Access Denied"
	if r == nil || r.Principal == nil || r.Principal.Kind == Anonymous {
		return plainDenial
	}
	if d.Reason == RootMayNotAssume {
		return "Roles may not be assumed by root accounts."
	}
	p := r.Principal
	foreign := p.Kind == Service || p.Kind == OriginIdentity || r.Owner != "" && r.Owner != p.Account
	if foreign && style == QuotedResource {
		return plainDenial
	}
	caller, resource, action := p.ARN, r.Resource, string(r.Action)
	if p.Kind == Service {
		caller = p.Service
	}
	if style == QuotedResource {
		resource = `"` + resource + `"`
	}
	base := "User: " + caller + " is not authorized to perform: " + action + " on resource: " + resource
	switch {
	case style == Bare || d.Reason == Undecidable || reasonNames[d.Reason] == "":
		return base
	case foreign && (d.Reason == NoResourceAllow || d.Reason == ResourceDeny):
		if isKMS(r.Action) {
			return base + " because the resource does not exist in this Region, " +
				"no resource-based policies allow access, or a resource-based policy explicitly denies access"
		}
		return base
	case d.Reason.Explicit():
		return base + " with an explicit deny in " + reasonNames[d.Reason]
	}
	return base + " because no " + reasonNames[d.Reason] + " allows the " + action + " action"
}

func isKMS(a Action) bool { return len(a) > 4 && equalFold("kms:", string(a[:4])) }
