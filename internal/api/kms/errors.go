package kms

import (
	"errors"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// refusals gives every refusal of the ring its name on the wire, all of status
// 400. The text is the refusal's own sentence.
var refusals = []struct {
	err  error
	code string
}{
	{keyring.ErrNotFound, "NotFoundException"},
	{keyring.ErrInvalidARN, "InvalidArnException"},
	{keyring.ErrDisabled, "DisabledException"},
	{keyring.ErrInvalidState, "KMSInvalidStateException"},
	{keyring.ErrUsage, "InvalidKeyUsageException"},
	{keyring.ErrIncorrectKey, "IncorrectKeyException"},
	{keyring.ErrInvalidCiphertext, "InvalidCiphertextException"},
	{keyring.ErrInvalidSignature, "KMSInvalidSignatureException"},
	{keyring.ErrInvalidMAC, "KMSInvalidMacException"},
	{keyring.ErrInvalid, "ValidationException"},
	{keyring.ErrUnsupported, "UnsupportedOperationException"},
	{keyring.ErrExists, "AlreadyExistsException"},
	{keyring.ErrReserved, "NotAuthorizedException"},
	{keyring.ErrLimit, "LimitExceededException"},
	{keyring.ErrTag, "TagException"},
	{keyring.ErrMalformedPolicy, "MalformedPolicyDocumentException"},
	{keyring.ErrInvalidMarker, "InvalidMarkerException"},
	{keyring.ErrInvalidGrantToken, "InvalidGrantTokenException"},
	{keyring.ErrInvalidGrantID, "InvalidGrantIdException"},
	{keyring.ErrImportToken, "InvalidImportTokenException"},
	{keyring.ErrImportTokenExpired, "ExpiredImportTokenException"},
	{keyring.ErrIncorrectMaterial, "IncorrectKeyMaterialException"},
	{keyring.ErrDryRun, "DryRunOperationException"},
}

var (
	unknownOperation = awsjson.ErrorBody{Type: "UnknownOperationException"}
	internalError    = awsjson.ErrorBody{Type: "KMSInternalException", Message: "The request was rejected because of an internal error. Try again."}
)

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string {
	_, body := wireError(err)
	return body.Type
}

func wireError(err error) (status int, body awsjson.ErrorBody) {
	for i := range refusals {
		if e := &refusals[i]; errors.Is(err, e.err) {
			sentence, _ := refusal.Sentence(err)
			return http.StatusBadRequest, awsjson.ErrorBody{Type: e.code, Message: sentence}
		}
	}
	if f, ok := jsondoor.Common(err); ok {
		return f.Status, awsjson.ErrorBody{Type: f.Code, Message: f.Message, CapitalMessage: errors.Is(err, access.ErrDenied)}
	}
	return http.StatusInternalServerError, internalError
}
