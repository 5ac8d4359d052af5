package sealed

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

var errSecretEncoded = errors.New("sealed: a secret is never encoded")

// Secret is secret bytes. Formatting and logging print "[secret]"; encoding it
// as text, JSON or XML is an error. It is not comparable; copies share the same
// bytes. The zero Secret holds none.
//
// The bytes live in a closure: fmt reads unexported fields by reflection and
// follows pointers on a bad verb, so methods alone would not hide them.
type Secret struct{ reveal func() []byte }

// NewSecret returns a Secret that holds a copy of b.
func NewSecret(b []byte) Secret {
	return holdSecret(append([]byte(nil), b...))
}

// RandomSecret returns n fresh random bytes.
func RandomSecret(n int) Secret {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the program instead
	return holdSecret(b)
}

// holdSecret takes b over without a copy.
func holdSecret(b []byte) Secret {
	return Secret{reveal: func() []byte { return b }}
}

// Reveal returns the bytes themselves, not a copy: neither change nor keep them.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Len is the number of secret bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// Equal reports whether both hold the same bytes, in a time that depends on
// their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), other.Reveal()) == 1
}

// Wipe overwrites the bytes with zeros, for every copy of s. Only the one that
// made the Secret may call it, when nobody uses it any more. The length stays.
func (s Secret) Wipe() { clear(s.Reveal()) }

// Format prints "[secret]" for every verb.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue logs "[secret]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText always fails, and with it every encoder that honours it.
func (Secret) MarshalText() ([]byte, error) { return nil, errSecretEncoded }
