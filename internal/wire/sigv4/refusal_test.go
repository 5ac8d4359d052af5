package sigv4_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

func TestRefusalOf(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	for _, tt := range []struct {
		err        error
		incomplete bool
		sentence   string
	}{
		{sigv4.ErrTwoForms, true, "The request is signed both in its header and in its query."},
		{sigv4.ErrSigV2, true, "Signature Version 2 is not supported."},
		{sigv4.ErrSigV4a, true, "Signature Version 4A is not supported."},
		{sigv4.ErrScheme, true, "Authorization header requires the algorithm AWS4-HMAC-SHA256."},
		{sigv4.ErrNoPayloadHash, true, "The request requires 'X-Amz-Content-Sha256'."},
		{sigv4.ErrPayloadHash, true, "The value of 'X-Amz-Content-Sha256' is not valid."},
		{&sigv4.MalformedError{Form: sigv4.FormHeader, Field: "Signature", Problem: sigv4.Missing}, true, "Authorization header requires a valid 'Signature' parameter, which is missing."},
		{&sigv4.ScopeError{Field: "region", Got: "mars", Want: "us-east-1"}, false, "Credential should be scoped to a valid region, not 'mars'."},
		{&sigv4.ScopeError{Field: "service", Got: "s3", Want: "iam"}, false, "Credential should be scoped to correct service: 'iam'."},
		{&sigv4.ScopeError{Field: "date", Got: "20200101", Want: "20261122"}, false, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '20261122'."},
		{&sigv4.SkewError{RequestTime: now.Add(-time.Hour), ServerTime: now, MaxSkew: 15 * time.Minute}, false, "Signature expired: 20261121T230000Z is now earlier than 20261121T234500Z (20261122T000000Z - 15 min.)"},
		{&sigv4.SkewError{RequestTime: now.Add(time.Hour), ServerTime: now, MaxSkew: 15 * time.Minute}, false, "Signature not yet current: 20261122T010000Z is still later than 20261122T001500Z (20261122T000000Z + 15 min.)"},
		{&sigv4.ExpiredError{RequestTime: now, Expires: time.Minute, ServerTime: now.Add(time.Hour)}, false, "Signature expired: 20261122T000100Z is now earlier than 20261122T010000Z"},
		{&sigv4.UnsignedHeadersError{Names: []string{"host"}}, false, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{&sigv4.UnsignedHeadersError{Names: []string{"x-amz-acl"}}, false, "There were headers present in the request which were not signed"},
		{&sigv4.MismatchError{}, false, mismatch},
		{&sigv4.PayloadMismatchError{}, false, mismatch},
	} {
		got, ok := sigv4.RefusalOf(fmt.Errorf("deep down: %w", tt.err))
		if want := (sigv4.Refusal{Incomplete: tt.incomplete, Sentence: tt.sentence}); !ok || got != want {
			t.Errorf("RefusalOf(%v) = %+v, %v, want %+v", tt.err, got, ok, want)
		}
	}
	if got, ok := sigv4.RefusalOf(errors.New("the disk is on fire")); ok {
		t.Errorf("a fault of ours is refused with %+v", got)
	}
}

// Every sentinel has its sentence.
func TestRefusalOfEverySentinel(t *testing.T) {
	known := make(map[string]bool)
	for _, err := range []error{sigv4.ErrTwoForms, sigv4.ErrSigV2, sigv4.ErrSigV4a, sigv4.ErrScheme, sigv4.ErrNoPayloadHash, sigv4.ErrPayloadHash} {
		_, ok := sigv4.RefusalOf(err)
		known[err.Error()] = ok
	}
	for name, text := range doortest.Errors(t, ".") {
		if !known[text] {
			t.Errorf("sigv4.%s has no sentence", name)
		}
	}
}
