package signer

import (
	"errors"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

var (
	// ErrNoProfile says that there is no profile of that name.
	ErrNoProfile = errors.New("signer: no such profile")
	// ErrExists says that the name is taken.
	ErrExists = errors.New("signer: profile exists")
	// ErrInvalid is about a profile or a request that makes no sense.
	ErrInvalid = errors.New("signer: invalid")
	// ErrLimit says that the account has as many profiles as it may.
	ErrLimit = errors.New("signer: too many profiles")
	// ErrOutside says that a request goes beyond its profile.
	ErrOutside = errors.New("signer: outside the profile")
	// ErrNotReady says that the edge serves with no key of the profile yet.
	ErrNotReady = errors.New("signer: no key is ready")
	// ErrDeleting says that the profile signs no more.
	ErrDeleting = errors.New("signer: profile is being deleted")
	// ErrNoKey says that the profile has no key of that id.
	ErrNoKey = errors.New("signer: no such key")
	// ErrStillSigns says that a key that signs cannot be removed.
	ErrStillSigns = errors.New("signer: key still signs")
	// ErrLastKey says that a key group would be left without a key.
	ErrLastKey = errors.New("signer: last key of its group")
)

func refuse(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// unsignable is ErrInvalid about a URL or policy that signedurl refuses.
func unsignable(err error) error {
	return &refusal.Error{Kind: errors.Join(ErrInvalid, err), Sentence: err.Error()}
}
