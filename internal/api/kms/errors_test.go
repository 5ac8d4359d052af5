package kms_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/kms"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const signatureText = `"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`

var (
	asked    = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	refusals = []struct {
		err    error
		status int
		body   string
	}{
		{front.ErrNoAuthentication, 400, `{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`},
		{front.ErrUnknownAccessKey, 400, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
		{fmt.Errorf("look up: %w", front.ErrInvalidToken), 400, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
		{front.ErrExpiredToken, 400, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`},
		{front.ErrBodyTooLarge, 413, `{"__type":"RequestEntityTooLargeException","message":"Request size exceeds the maximum of this service."}`},
		{&sigv4.MismatchError{}, 400, `{"__type":"InvalidSignatureException",` + signatureText},
		{&sigv4.PayloadMismatchError{}, 400, `{"__type":"InvalidSignatureException",` + signatureText},
		{&sigv4.SkewError{RequestTime: asked, ServerTime: asked.Add(20 * time.Minute), MaxSkew: 15 * time.Minute}, 400, `{"__type":"InvalidSignatureException","message":"Signature expired: 20261122T000000Z is now earlier than 20261122T000500Z (20261122T002000Z - 15 min.)"}`},
		{&sigv4.SkewError{RequestTime: asked, ServerTime: asked.Add(-20 * time.Minute), MaxSkew: 15 * time.Minute}, 400, `{"__type":"InvalidSignatureException","message":"Signature not yet current: 20261122T000000Z is still later than 20261121T235500Z (20261121T234000Z + 15 min.)"}`},
		{&sigv4.MalformedError{Form: sigv4.FormHeader, Field: "Credential", Problem: sigv4.Missing}, 400, `{"__type":"IncompleteSignatureException","message":"Authorization header requires a valid 'Credential' parameter, which is missing."}`},
		{&sigv4.ScopeError{Field: "region", Got: "mars"}, 400, `{"__type":"InvalidSignatureException","message":"Credential should be scoped to a valid region, not 'mars'."}`},
		{sigv4.ErrSigV4a, 400, `{"__type":"IncompleteSignatureException","message":"Signature Version 4A is not supported."}`},
		{errors.New("anything else"), 500, `{"__type":"KMSInternalException","message":"The request was rejected because of an internal error. Try again."}`},
		{access.ErrNotRecorded, 500, `{"__type":"KMSInternalException","message":"The request was rejected because of an internal error. Try again."}`},
		{&access.Denied{Message: "no"}, 400, `{"__type":"AccessDeniedException","Message":"no"}`},
		{&refusal.Error{Kind: keyring.ErrInvalidCiphertext}, 400, `{"__type":"InvalidCiphertextException"}`},
	}
)

// Every error that the ring exports has its form on the wire.
func TestEveryErrorIsInTheTable(t *testing.T) {
	doortest.EveryError(t, "../../keyring", maps.Keys(kms.WireErrors()))
}

func TestErrorCode(t *testing.T) {
	for err, want := range map[error]string{
		&refusal.Error{Kind: keyring.ErrDisabled, Sentence: "x is disabled."}: "DisabledException",
		&access.Denied{Message: "no"}:                                         "AccessDeniedException",
		errors.New("disk"):                                                    "KMSInternalException",
	} {
		if got := kms.ErrorCode(err); got != want {
			t.Errorf("ErrorCode(%v) = %s, want %s", err, got, want)
		}
	}
}
