package sigv4

import (
	"errors"
	"fmt"
	"slices"
)

// Refusal is what services other than S3 say to the caller about an error of
// Parse or Verify.
type Refusal struct {
	// Incomplete says that the authentication cannot be read, which services call
	// IncompleteSignature. Otherwise it was read and is refused.
	Incomplete bool
	Sentence   string
}

const mismatchSentence = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// incomplete is what is said of the errors without fields.
var incomplete = []struct {
	err      error
	sentence string
}{
	{ErrTwoForms, "The request is signed both in its header and in its query."},
	{ErrSigV2, "Signature Version 2 is not supported."},
	{ErrSigV4a, "Signature Version 4A is not supported."},
	{ErrScheme, "Authorization header requires the algorithm AWS4-HMAC-SHA256."},
	{ErrNoPayloadHash, "The request requires 'X-Amz-Content-Sha256'."},
	{ErrPayloadHash, "The value of 'X-Amz-Content-Sha256' is not valid."},
}

// RefusalOf gives the refusal that err is, if it is one of this package.
//
// Source: IAM API Reference, "Common Errors"; IAM User Guide, "Troubleshoot
// Signature Version 4 signing for AWS API requests".
func RefusalOf(err error) (Refusal, bool) {
	for _, e := range incomplete {
		if errors.Is(err, e.err) {
			return Refusal{true, e.sentence}, true
		}
	}
	var (
		malformed *MalformedError
		scope     *ScopeError
		skew      *SkewError
		expired   *ExpiredError
		unsigned  *UnsignedHeadersError
		mismatch  *MismatchError
		payload   *PayloadMismatchError
	)
	switch {
	case errors.As(err, &malformed):
		return Refusal{true, fmt.Sprintf("Authorization %s requires a valid '%s' parameter, which %s.", malformed.Form, malformed.Field, malformed.Problem)}, true
	case errors.As(err, &scope):
		return Refusal{false, scope.sentence()}, true
	case errors.As(err, &skew):
		return Refusal{false, skew.sentence()}, true
	case errors.As(err, &expired):
		return Refusal{false, expired.sentence()}, true
	case errors.As(err, &unsigned):
		return Refusal{false, unsigned.sentence()}, true
	case errors.As(err, &mismatch), errors.As(err, &payload):
		return Refusal{false, mismatchSentence}, true
	}
	return Refusal{}, false
}

func (e *ScopeError) sentence() string {
	switch e.Field {
	case "date":
		return fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%.8s' != '%s'.", e.Got, e.Want)
	case "service":
		return fmt.Sprintf("Credential should be scoped to correct service: '%s'.", e.Want)
	}
	return fmt.Sprintf("Credential should be scoped to a valid %s, not '%.64s'.", e.Field, e.Got)
}

func (e *SkewError) sentence() string {
	at, now := e.RequestTime.UTC().Format(timeLayout), e.ServerTime.UTC().Format(timeLayout)
	minutes := int(e.MaxSkew.Minutes())
	if e.Early() {
		return fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			at, e.ServerTime.Add(e.MaxSkew).UTC().Format(timeLayout), now, minutes)
	}
	return fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
		at, e.ServerTime.Add(-e.MaxSkew).UTC().Format(timeLayout), now, minutes)
}

func (e *ExpiredError) sentence() string {
	return fmt.Sprintf("Signature expired: %s is now earlier than %s", e.At().UTC().Format(timeLayout), e.ServerTime.UTC().Format(timeLayout))
}

func (e *UnsignedHeadersError) sentence() string {
	if slices.Contains(e.Names, "host") {
		return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
	}
	return "There were headers present in the request which were not signed"
}
