package identity

import (
	"errors"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

// What Lookup says of credentials.
var (
	// ErrUnknownKey says that no active access key has the id, or that the key
	// goes with a session token and came without (or the other way round).
	ErrUnknownKey = errors.New("identity: unknown access key")
	// ErrInvalidToken says that a session token is not one of this server's, or
	// that its principal is gone.
	ErrInvalidToken = errors.New("identity: invalid session token")
	// ErrExpiredToken says that the session has ended.
	ErrExpiredToken = errors.New("identity: expired session token")
)

// The kinds of refusal. Methods of Admin return them inside a *refusal.Error; a
// denied caller gets access.ErrDenied, and any other error is a fault of ours or of
// the store.
var (
	// ErrNoSuchEntity says that nothing has the name that was asked for.
	ErrNoSuchEntity = errors.New("identity: no such entity")
	// ErrExists says that the name is taken.
	ErrExists = errors.New("identity: exists")
	// ErrDeleteConflict says that something still depends on the entity.
	ErrDeleteConflict = errors.New("identity: delete conflict")
	// ErrLimit says that a quota is used up.
	ErrLimit = errors.New("identity: limit exceeded")
	// ErrMalformedPolicy says that a text is not a policy document.
	ErrMalformedPolicy = errors.New("identity: malformed policy document")
	// ErrInvalidInput says that parameters do not fit together.
	ErrInvalidInput = errors.New("identity: invalid input")
	// ErrValidation says that a parameter has not the form it must have.
	ErrValidation = errors.New("identity: validation failed")
	// ErrInvalidParameter says that a parameter of a session has a value that
	// does not fit the others.
	ErrInvalidParameter = errors.New("identity: invalid parameter value")
	// ErrForeign says that the policy is one of AWS or of another account, which
	// the caller may use but not change.
	ErrForeign = errors.New("identity: outside the account")
	// ErrAuthenticationCode says that a code is not the MFA device's.
	ErrAuthenticationCode = errors.New("identity: invalid authentication code")
	// ErrPackedTooLarge says that the policies and tags of a session do not fit
	// into its token.
	ErrPackedTooLarge = errors.New("identity: session too large")
	// ErrSession says that temporary credentials may not be used for the call.
	ErrSession = errors.New("identity: not with these session credentials")
	// ErrSessionDenied says that a session cannot be had with these credentials.
	ErrSessionDenied = errors.New("identity: session refused")
)

func fail(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// invalid is the sentence about a member that breaks a constraint of the model.
func invalid(member string, value any, constraint string) error {
	return fail(ErrValidation, "1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, member, constraint)
}
