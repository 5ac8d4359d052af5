package signedurl

import (
	"fmt"
	"time"
)

// Code is the error code that the viewer sees.
type Code string

// The codes of rejected requests; all go with status 403.
const (
	MissingKey         Code = "MissingKey"
	InvalidKey         Code = "InvalidKey"
	MalformedSignature Code = "MalformedSignature"
	MalformedPolicy    Code = "MalformedPolicy"
	AccessDenied       Code = "AccessDenied"
)

// Message returns the text that goes with the code, spelled as CloudFront does.
func (c Code) Message() string {
	switch c {
	case MissingKey:
		return "Missing Key-Pair-Id query parameter or cookie value"
	case InvalidKey:
		return "Unknown Key"
	case MalformedSignature:
		return "Could not unencode Signature"
	case MalformedPolicy:
		return "Malformed Policy"
	case AccessDenied:
		return "Access denied"
	}
	return ""
}

// Cause says why a request was rejected, for its owner's eyes. The values are
// few and stable: they serve as a label in logs and metrics.
type Cause string

// The causes in the order in which they are looked for. The first one found decides.
const (
	CauseUnsigned       Cause = "unsigned"              // MissingKey: no reserved parameter, no signing cookie
	CauseNoKeyID        Cause = "key-id-missing"        // MissingKey: absent, empty, or no key id by its characters
	CauseUnknownKey     Cause = "key-unknown"           // InvalidKey: not among the trusted keys
	CauseNoSignature    Cause = "signature-missing"     // MalformedSignature
	CauseBadSignature   Cause = "signature-undecodable" // MalformedSignature
	CauseNoPolicy       Cause = "policy-missing"        // MalformedPolicy: neither Policy nor Expires
	CausePolicyCoding   Cause = "policy-undecodable"    // MalformedPolicy: not in CloudFront's base64
	CauseBadPolicy      Cause = "policy-malformed"      // MalformedPolicy: see ParsePolicy
	CauseBadExpires     Cause = "expires-malformed"     // MalformedPolicy
	CauseUnsignableURL  Cause = "url-unsignable"        // AccessDenied: the URL cannot stand in a canned policy
	CauseUnknownHash    Cause = "hash-unknown"          // AccessDenied: neither SHA1 nor SHA256
	CauseRefusedHash    Cause = "hash-refused"          // AccessDenied: SHA-1 is off
	CauseWrongSignature Cause = "signature-wrong"       // AccessDenied: key, policy, signature and hash do not belong together
	CauseBadResource    Cause = "resource-malformed"    // AccessDenied: the policy's Resource is no URL pattern
	CauseResource       Cause = "resource-mismatch"     // AccessDenied: the policy is for other URLs
	CauseExpired        Cause = "expired"               // AccessDenied
	CauseNotYetValid    Cause = "not-yet-valid"         // AccessDenied
	CauseAddress        Cause = "address-mismatch"      // AccessDenied: the viewer is outside the policy's range
	CauseAddressNotIPv4 Cause = "address-not-ipv4"      // AccessDenied: the policy wants a range, the viewer has no IPv4 address
)

// Hint names a usual mistake that the offending value looks like.
type Hint string

// Hints that can be told from one value alone.
const (
	HintBase64URL    Hint = "base64url"     // RFC 4648 base64url instead of CloudFront's alphabet
	HintEncodedTwice Hint = "encoded-twice" // percent-encoded twice
	HintMilliseconds Hint = "milliseconds"  // milliseconds for seconds
	HintQuotedTime   Hint = "quoted-time"   // "1767290400" for 1767290400
)

// Hints that take more than one value to tell; see [Explain].
const (
	HintWhitespace     Hint = "policy-whitespace"     // white space in the policy that was signed or sent
	HintEscaped        Hint = "policy-escaped"        // a canned policy written with JSON escapes or in another form
	HintWildcard       Hint = "canned-wildcard"       // a canned policy for a pattern
	HintScheme         Hint = "other-scheme"          // signed for http and asked for over https, or the other way round
	HintHost           Hint = "other-host"            // signed for another distribution's name
	HintQuery          Hint = "query-added"           // query parameters added after signing
	HintEncodedLater   Hint = "encoded-after-signing" // percent-encoded, or otherwise than signed
	HintHash           Hint = "hash-undeclared"       // signed over another hash than the request says
	HintOtherKey       Hint = "other-key"             // made with another key than the request names
	HintCookieScope    Hint = "cookie-scope"          // cookies kept back, doubled or separated by Path or Domain
	HintStrayParameter Hint = "stray-parameter"       // a reserved query parameter hides good cookies
	HintCutShort       Hint = "cut-short"             // a signed URL without all of its parameters
)

// Reason tells the owner of a distribution why a request was rejected. It never
// goes to the viewer. The zero Reason belongs to an allowed request.
type Reason struct {
	Cause Cause

	// Field is the reserved parameter or cookie at fault, by the name it has in
	// its carrier, or "" when none is by itself.
	Field string

	// Offset is the byte at which Field stops making sense: for
	// CauseBadPolicy in the decoded policy, for others in the value as sent.
	Offset int

	// Detail says in words what is wrong with Field, without quoting it.
	Detail string

	// Hint is the mistake that this looks like, or "".
	Hint Hint

	// By is, for CauseExpired, how long ago access ended; for CauseNotYetValid,
	// how long until it begins.
	By time.Duration

	// Section is, for CauseResource, the first section that differs. Where
	// several spellings of the host are possible, it is about the first.
	Section Section
}

// String says the reason in one sentence without secrets.
func (r Reason) String() string {
	switch r.Cause {
	case "":
		return "allowed"
	case CauseUnsigned:
		return "the request carries neither a signed URL nor signing cookies"
	case CauseNoKeyID, CauseUnknownKey, CauseNoSignature, CauseUnknownHash, CauseNoPolicy:
		return fmt.Sprintf("%s: %s", r.Field, r.Detail)
	case CauseBadSignature, CausePolicyCoding, CauseBadExpires, CauseBadPolicy:
		return fmt.Sprintf("%s, byte %d: %s", r.Field, r.Offset, r.Detail)
	case CauseUnsignableURL:
		return "the URL holds a byte that a canned policy cannot carry"
	case CauseRefusedHash:
		return "the signature uses SHA-1, which is switched off here"
	case CauseWrongSignature:
		return "the signature was not made with this key, over exactly this policy, under this hash"
	case CauseBadResource:
		return "the policy's Resource is no URL pattern"
	case CauseResource:
		return fmt.Sprintf("the policy's Resource does not cover the URL: its %s differs", r.Section)
	case CauseExpired:
		return fmt.Sprintf("expired %v ago", r.By.Round(time.Second))
	case CauseNotYetValid:
		return fmt.Sprintf("becomes valid in %v", r.By.Round(time.Second))
	case CauseAddress:
		return "the viewer's address is outside the policy's range"
	case CauseAddressNotIPv4:
		return "the policy wants an IPv4 range and the viewer's address is not IPv4"
	}
	return string(r.Cause)
}
