package secret

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Password says what a random password is made of. Its zero value has 32
// characters of every class, each class at least once.
type Password struct {
	Length                                     int64
	Exclude                                    string
	NoNumbers, NoPunctuation, NoUpper, NoLower bool
	Space                                      bool
	// AnyClasses does without the promise that each class is there.
	AnyClasses bool
}

const (
	lower       = "abcdefghijklmnopqrstuvwxyz"
	upper       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

	usualLength = 32
	maxLength   = 4096
)

// RandomPassword makes a password.
//
// Source: AWS Secrets Manager API Reference, GetRandomPassword.
func (s *Service) RandomPassword(ctx context.Context, who access.Caller, p Password) (out sealed.Secret, err error) {
	call := s.cfg.Gate.Begin(who, action("GetRandomPassword"))
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	return p.make()
}

func (p *Password) make() (out sealed.Secret, err error) {
	if p.Length == 0 {
		p.Length = usualLength
	}
	var classes []string // each of which the password has, but for the space
	for _, c := range []struct {
		letters string
		without bool
	}{{lower, p.NoLower}, {upper, p.NoUpper}, {digits, p.NoNumbers}, {punctuation, p.NoPunctuation}} {
		letters := strings.Map(func(r rune) rune {
			if strings.ContainsRune(p.Exclude, r) {
				return -1
			}
			return r
		}, c.letters)
		if !c.without && letters != "" {
			classes = append(classes, letters)
		}
	}
	all := strings.Join(classes, "")
	if p.Space && !strings.Contains(p.Exclude, " ") {
		all += " "
	}
	switch {
	case all == "":
		return out, fail(ErrInvalid, "Parameters cannot exclude all characters.")
	case p.Length < 1 || p.Length > maxLength:
		return out, fail(ErrInvalid, "The parameter PasswordLength must be from 1 to 4096.")
	case !p.AnyClasses && p.Length < int64(len(classes)):
		return out, fail(ErrInvalid, "The password length is too short based on the required types.")
	}
	password := make([]byte, p.Length)
	defer clear(password)
	for i := range password {
		from := all
		if !p.AnyClasses && i < len(classes) {
			from = classes[i]
		}
		password[i] = from[below(len(from))]
	}
	for i := len(password) - 1; i > 0; i-- { // the promised classes are anywhere
		j := below(i + 1)
		password[i], password[j] = password[j], password[i]
	}
	return sealed.NewSecret(password), nil
}

// below is a random number from 0 to n-1, each as likely.
func below(n int) int {
	r, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // never: the reader ends the program instead
	}
	return int(r.Int64())
}
