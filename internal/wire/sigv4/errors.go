package sigv4

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors of Parse and Verify that need no fields.
var (
	// ErrTwoForms means that the request is signed in its header and in its query.
	ErrTwoForms = errors.New("sigv4: authentication both in the header and in the query")

	// ErrSigV2 means that the request is signed with Signature Version 2.
	ErrSigV2 = errors.New("sigv4: signature version 2 is not supported")

	// ErrSigV4a means that the request, or its chunks, are signed with the asymmetric
	// variant AWS4-ECDSA-P256-SHA256, which the service does not take.
	ErrSigV4a = errors.New("sigv4: asymmetric signatures are not supported")

	// ErrScheme means that the Authorization header has some other scheme.
	ErrScheme = errors.New("sigv4: unknown authentication scheme")

	// ErrNoPayloadHash means that a header-signed S3 request lacks x-amz-content-sha256.
	ErrNoPayloadHash = errors.New("sigv4: x-amz-content-sha256 is missing")

	// ErrPayloadHash means that x-amz-content-sha256 is none of the values that
	// the service takes.
	ErrPayloadHash = errors.New("sigv4: x-amz-content-sha256 has no valid value")
)

// Problem is what is wrong with a field.
type Problem uint8

const (
	Missing   Problem = iota // absent or empty
	Malformed                // not of its form
	Repeated                 // given more than once
	TooSmall                 // below its range
	TooLarge                 // above its range
)

func (p Problem) String() string {
	switch p {
	case Missing:
		return "is missing"
	case Repeated:
		return "is given more than once"
	case TooSmall:
		return "is too small"
	case TooLarge:
		return "is too large"
	default:
		return "is malformed"
	}
}

// MalformedError says which part of the authentication, or of the request line,
// cannot be read. Field is the part's name without the X-Amz- of the query form:
// Credential, SignedHeaders, Signature, Algorithm, Date, Expires, Security-Token,
// Region-Set, or Authorization, Path, Query, Host for the request itself.
type MalformedError struct {
	Form    Form
	Field   string
	Problem Problem
}

func (e *MalformedError) Error() string {
	return "sigv4: " + e.Form.String() + " form: " + e.Field + " " + e.Problem.String()
}

// ScopeError means that the credential scope is not the one of this request.
// Field is "date", "region" or "service".
type ScopeError struct {
	Form      Form
	Field     string
	Got, Want string
}

func (e *ScopeError) Error() string {
	return fmt.Sprintf("sigv4: the scope's %s is %.40q, want %q", e.Field, e.Got, e.Want)
}

// SkewError means that the request's date is too far from the server's clock.
// A presigned URL can only be too early.
type SkewError struct {
	Form        Form
	RequestTime time.Time
	ServerTime  time.Time
	MaxSkew     time.Duration
}

// Early reports whether the request comes from the future.
func (e *SkewError) Early() bool { return e.RequestTime.After(e.ServerTime) }

func (e *SkewError) Error() string {
	return fmt.Sprintf("sigv4: the request's date %s is more than %s from %s",
		e.RequestTime.Format(timeLayout), e.MaxSkew, e.ServerTime.Format(timeLayout))
}

// ExpiredError means that a presigned URL is past its life.
type ExpiredError struct {
	RequestTime time.Time
	Expires     time.Duration // as X-Amz-Expires says
	ServerTime  time.Time
}

// At is the moment at which the URL expired.
func (e *ExpiredError) At() time.Time { return e.RequestTime.Add(e.Expires) }

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("sigv4: the presigned URL expired at %s, it is %s",
		e.At().Format(timeLayout), e.ServerTime.Format(timeLayout))
}

// UnsignedHeadersError names headers that the signature has to cover and does
// not: host, and every x-amz-* header of the request.
type UnsignedHeadersError struct {
	Names []string // lower case, ascending
}

func (e *UnsignedHeadersError) Error() string {
	return "sigv4: headers are not signed: " + strings.Join(e.Names, ", ")
}

// MismatchError means that the signature is not the one that the secret gives.
// Its fields are for the caller who sent the request; its text has none of them,
// since a canonical request holds session tokens.
type MismatchError struct {
	AccessKeyID      string
	StringToSign     string
	CanonicalRequest string
	Provided         string // the signature as sent
}

func (e *MismatchError) Error() string { return "sigv4: the signature does not match" }

// ChunkMismatchError means that a chunk's, or a trailer's, signature is not the
// one that the secret gives. StringToSign is ours.
type ChunkMismatchError struct {
	AccessKeyID  string
	StringToSign string
	Provided     string
}

func (e *ChunkMismatchError) Error() string { return "sigv4: a chunk's signature does not match" }

// PayloadMismatchError means that the body is not the one whose hash was signed.
// Both hashes are lower-case hexadecimal; Claimed may also be a word such as
// UNSIGNED-PAYLOAD where the service wants a hash.
type PayloadMismatchError struct {
	Claimed, Computed string
}

func (e *PayloadMismatchError) Error() string {
	return "sigv4: the body is not the one that was signed"
}
