package delivery

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/form"
)

const (
	upperAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	lowerAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// newID returns prefix and 13 characters, as CloudFront's ids are: about 67 bits.
func newID(prefix string) string { return prefix + random(upperAlphabet, 13) }

// newLabel returns the first label of a distribution's domain name.
func newLabel() string { return "d" + random(lowerAlphabet, 13) }

func newUUID() string { return uuid.NewString() }

// newCanonicalUserID returns 96 hexadecimal digits.
func newCanonicalUserID() string {
	b := make([]byte, 48)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// random draws n characters of a 36-letter alphabet, each as likely as another.
func random(alphabet string, n int) string {
	out := make([]byte, 0, n)
	b := make([]byte, 2*n)
	for len(out) < n {
		rand.Read(b)
		for _, c := range b {
			// 252 is the largest multiple of 36 in a byte.
			if c < 252 && len(out) < n {
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}

var etagForm = form.New(`^E[A-Z0-9]{12,13}$`)

// matchVersion compares the version that a change was made for with the
// current one. One pair of quotes around given is accepted.
func matchVersion(given, current string) error {
	if len(given) >= 2 && strings.HasPrefix(given, `"`) && strings.HasSuffix(given, `"`) {
		given = given[1 : len(given)-1]
	}
	if !etagForm.MatchString(given) {
		return ErrVersion
	}
	if given != current {
		return ErrStale
	}
	return nil
}
