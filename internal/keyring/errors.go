package keyring

import (
	"errors"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

// The kinds of refusal. Methods of Ring return them inside a *refusal.Error; a
// denied caller gets access.ErrDenied, and any other error is a fault of ours or of
// the store.
var (
	// ErrNotFound says that no key, alias or policy has the name that was asked
	// for, or that the name is none.
	ErrNotFound = errors.New("keyring: not found")
	// ErrInvalidARN says that an ARN in the request is malformed.
	ErrInvalidARN = errors.New("keyring: malformed ARN")
	// ErrDisabled says that the key is disabled.
	ErrDisabled = errors.New("keyring: key is disabled")
	// ErrInvalidState says that the key's state, other than disabled, forbids
	// the operation.
	ErrInvalidState = errors.New("keyring: wrong key state")
	// ErrUsage says that the key was made for something else, or for another
	// algorithm.
	ErrUsage = errors.New("keyring: wrong key usage")
	// ErrIncorrectKey says that the named key is not the one in the ciphertext.
	ErrIncorrectKey = errors.New("keyring: not the key of the ciphertext")
	// ErrInvalidCiphertext says that a ciphertext does not open: it was changed,
	// or goes with another encryption context, key or algorithm.
	ErrInvalidCiphertext = errors.New("keyring: ciphertext does not open")
	// ErrInvalidSignature says that a signature does not verify.
	ErrInvalidSignature = errors.New("keyring: signature does not verify")
	// ErrInvalidMAC says that a MAC does not verify.
	ErrInvalidMAC = errors.New("keyring: MAC does not verify")
	// ErrInvalid says that a parameter, or a combination of them, is not valid.
	ErrInvalid = errors.New("keyring: invalid parameter")
	// ErrUnsupported says that the operation is not possible on this sort of
	// key, or that Keyfront lacks what the parameters ask for.
	ErrUnsupported = errors.New("keyring: unsupported")
	// ErrExists says that the alias's name is taken.
	ErrExists = errors.New("keyring: exists")
	// ErrReserved says that names below alias/aws/ are not the caller's.
	ErrReserved = errors.New("keyring: reserved alias")
	// ErrLimit says that a quota is used up.
	ErrLimit = errors.New("keyring: limit exceeded")
	// ErrTag says that a set of tags is not valid.
	ErrTag = errors.New("keyring: invalid tags")
	// ErrMalformedPolicy says that a document is not a key policy, or one that
	// would lock its author out.
	ErrMalformedPolicy = errors.New("keyring: malformed key policy")
	// ErrInvalidMarker says that a marker is not one that this listing gave.
	ErrInvalidMarker = errors.New("keyring: invalid marker")
	// ErrInvalidGrantToken says that a grant token is not one of ours, or that
	// its grant is no more.
	ErrInvalidGrantToken = errors.New("keyring: invalid grant token")
	// ErrInvalidGrantID says that a grant id does not have the form of one.
	ErrInvalidGrantID = errors.New("keyring: invalid grant id")
	// ErrImportToken says that an import token is not one for the key.
	ErrImportToken = errors.New("keyring: invalid import token")
	// ErrImportTokenExpired says that an import token is more than a day old.
	ErrImportTokenExpired = errors.New("keyring: import token has expired")
	// ErrIncorrectMaterial says that imported material is not of the key's spec,
	// or not what the key had before, or just that although it is to be new.
	ErrIncorrectMaterial = errors.New("keyring: incorrect key material")
	// ErrDryRun says that the call would have succeeded.
	ErrDryRun = errors.New("keyring: dry run")
)

func fail(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// outOfRange is the sentence of KMS about a number outside its range.
func outOfRange(member string, value, low, high int) error {
	bound := fmt.Sprintf("greater than or equal to %d", low)
	if value > high {
		bound = fmt.Sprintf("less than or equal to %d", high)
	}
	return fail(ErrInvalid, "1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value %s",
		value, member, bound)
}
