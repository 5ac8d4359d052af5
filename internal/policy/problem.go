package policy

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed says that a document is not a policy of the wanted kind. Parse
// and its relatives return it inside an *Error.
var ErrMalformed = errors.New("policy: malformed")

// ErrTooLarge says that a document is larger than its kind may be. It is also
// an ErrMalformed.
var ErrTooLarge = fmt.Errorf("%w: too large", ErrMalformed)

// Error says what is wrong with a document.
type Error struct {
	Use Use
	// Problem is the sentence of the service that keeps such documents: IAM's
	// for identity, boundary, session and trust policies, KMS's for key
	// policies, S3's for bucket policies.
	Problem string
	// At is the place, for instance "Statement[1].Condition"; empty for the
	// whole document. The first statement is 0.
	At string
	// Detail says it in our own words, for logs and the console.
	Detail string

	kind error
}

func (e *Error) Error() string {
	if e.At == "" {
		return e.kind.Error() + ": " + e.Detail
	}
	return e.kind.Error() + ": " + e.At + ": " + e.Detail
}

// Unwrap gives ErrMalformed or ErrTooLarge.
func (e *Error) Unwrap() error { return e.kind }

// problem names what may be wrong, for the services' own sentences.
type problem uint8

const (
	badJSON problem = iota
	tooLarge
	badCharacter
	badSyntax
	noStatement
	unknownElement
	badVersion
	repeatedSid
	badEffect
	noActions
	noResources
	noPrincipal
	badPrincipal
	prohibitedPrincipal
	prohibitedResource
	noVendor
	manyColons
	badVendor
	foreignAction
	badResource
	wildResourceVendor
	badOperator
	badConditionKey
	badConditionValue
	overlyPermissive
	problemCount
)

// texts gives each problem the sentence of IAM, KMS and S3; %s is the
// offending text. An empty sentence means the one of badSyntax, or for KMS,
// whose sentences are mostly not published, our own detail.
var texts = [problemCount]struct{ iam, kms, s3 string }{
	badJSON:             {"This policy contains invalid Json", "", "Policies must be valid JSON and the first byte must be '{'"},
	tooLarge:            {"", "", "Policy exceeds the maximum allowed document size."},
	badSyntax:           {"Syntax errors in policy.", "", "Invalid policy syntax."},
	noStatement:         {"Syntax errors in policy.", "", "Missing required field Statement"},
	unknownElement:      {"Syntax errors in policy.", "Unknown field %s", "Unknown field %s"},
	badVersion:          {"Policy document must be version 2012-10-17 or greater.", "", "The policy must contain a valid version string"},
	repeatedSid:         {"Statement IDs (SID) in a single policy must be unique.", "", ""},
	badEffect:           {"Syntax errors in policy.", "", "Invalid effect: %s"},
	noActions:           {"Policy statement must contain actions.", "", "Missing required field Action"},
	noResources:         {"Policy statement must contain resources.", "", "Missing required field Resource"},
	noPrincipal:         {"Missing required field Principal", "", "Missing required field Principal"},
	badPrincipal:        {`Invalid principal in policy: %s`, "Policy contains a statement with one or more invalid principals.", "Invalid principal in policy"},
	prohibitedPrincipal: {"Policy document should not specify a principal.", "", ""},
	prohibitedResource:  {"Has prohibited field Resource.", "", ""},
	noVendor:            {"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", "", "Policy has invalid action"},
	manyColons:          {"Actions/Condition can contain only one colon.", "", "Policy has invalid action"},
	badVendor:           {"Vendor %s is not valid", "", "Policy has invalid action"},
	foreignAction:       {"AssumeRole policy may only specify STS AssumeRole actions.", "", "Policy has invalid action"},
	badResource:         {`Resource %s must be in ARN format or "*".`, "", "Policy has invalid resource"},
	wildResourceVendor:  {"Resource vendor must be fully qualified and cannot contain regexes.", "", "Policy has invalid resource"},
	badOperator:         {"Syntax errors in policy.", "", "Invalid Condition type : %s"},
	badConditionKey:     {"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", "", "Policy has an invalid condition key"},
	overlyPermissive: {
		"", "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key " +
			"matches requests without the specified %s or with an unspecified %s. To fix, remove ForAllValues.", "",
	},
}

// newError makes the error of one problem. arg is the text that the service's
// sentence shows; detail is ours.
func newError(use Use, p problem, at, arg, detail string) *Error {
	t := texts[p]
	var sentence string
	switch use {
	case UseKey:
		if sentence = t.kms; sentence == "" {
			sentence = detail
		}
	case UseBucket:
		if sentence = t.s3; sentence == "" {
			sentence = texts[badSyntax].s3
		}
	default:
		if sentence = t.iam; sentence == "" {
			sentence = texts[badSyntax].iam
		}
	}
	if sentence != detail {
		sentence = strings.ReplaceAll(sentence, "%s", arg)
	}
	e := &Error{Use: use, Problem: sentence, At: at, Detail: detail, kind: ErrMalformed}
	if p == tooLarge {
		e.kind = ErrTooLarge
	}
	return e
}
