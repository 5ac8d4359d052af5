package signer

import (
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/rotation"
)

// Algorithm is how a profile's keys sign; the hash is always SHA-256.
type Algorithm string

// The algorithms, as key specs of the key service.
const (
	ECDSA Algorithm = "ECC_NIST_P256"
	RSA   Algorithm = "RSA_2048"
)

// signs gives the key service's name for how keys of an algorithm sign.
var signs = map[Algorithm]keyring.Algorithm{ECDSA: keyring.AlgECDSASHA256, RSA: keyring.AlgPKCS1SHA256}

// Bounds of a profile.
const (
	MaxProfiles      = 100
	MaxResources     = 20
	MaxResourceBytes = 1024

	MinValidity     = time.Minute
	MaxValidity     = 365 * 24 * time.Hour
	DefaultValidity = 24 * time.Hour

	MinPeriod     = time.Hour
	MaxPeriod     = 5 * 365 * 24 * time.Hour
	DefaultPeriod = 90 * 24 * time.Hour
)

// ProfileConfig is a profile as its owner writes it.
type ProfileConfig struct {
	// KeyGroup is the id of the key group that the keys go into. Empty: the
	// profile makes one of its own with its first key.
	KeyGroup string `json:"keyGroup,omitempty"`
	// Algorithm is ECDSA if empty. A change counts from the next rotation on.
	Algorithm Algorithm `json:"algorithm"`
	// Resources are what may be signed: URLs with stars, such as
	// "https://example.com/films/*". At least one.
	Resources []string `json:"resources"`
	// LongestValidity bounds how far ahead a signature may expire;
	// DefaultValidity if zero.
	LongestValidity time.Duration `json:"longestValidity"`
	// AddressBits, if not 0, demands an address condition of at least as many
	// bits: 32 wants a single address.
	AddressBits int `json:"addressBits,omitempty"`
	// Period is how long a key signs before the next one; DefaultPeriod if zero.
	Period time.Duration `json:"period"`
}

// check fills in defaults and refuses what makes no sense.
func (c *ProfileConfig) check() error {
	if c.Algorithm == "" {
		c.Algorithm = ECDSA
	}
	if c.LongestValidity == 0 {
		c.LongestValidity = DefaultValidity
	}
	if c.Period == 0 {
		c.Period = DefaultPeriod
	}
	switch {
	case signs[c.Algorithm] == "":
		return refuse(ErrInvalid, "The algorithm %.64q is neither %s nor %s.", c.Algorithm, ECDSA, RSA)
	case len(c.Resources) == 0 || len(c.Resources) > MaxResources:
		return refuse(ErrInvalid, "A profile has 1 to %d resources.", MaxResources)
	case c.LongestValidity < MinValidity || c.LongestValidity > MaxValidity:
		return refuse(ErrInvalid, "The longest validity is %v, want %v to %v.", c.LongestValidity, MinValidity, MaxValidity)
	case c.Period < MinPeriod || c.Period > MaxPeriod:
		return refuse(ErrInvalid, "The rotation period is %v, want %v to %v.", c.Period, MinPeriod, MaxPeriod)
	case c.AddressBits < 0 || c.AddressBits > 32:
		return refuse(ErrInvalid, "The address condition has 0 to 32 bits, not %d.", c.AddressBits)
	}
	for _, r := range c.Resources {
		if err := checkPattern(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *ProfileConfig) rules() rotation.Rules {
	return rotation.Rules{Period: c.Period, Quiet: min(c.LongestValidity, 24*time.Hour)}
}

// Profile is a signing profile. It is shared and must not be changed.
type Profile struct {
	Name    string
	ARN     string
	Account arn.AccountID
	Region  string
	Created time.Time
	Config  ProfileConfig
	// Group is the key group that the keys are in; empty until a group of the
	// profile's own is made.
	Group string
	// Rotation is where the keys stand.
	Rotation rotation.State

	at path
}

// KeyStatus is one key with what it waits for.
type KeyStatus struct {
	rotation.Key
	Waits string
}

// Status is a profile and what goes on in it.
type Status struct {
	*Profile
	// At is when this is how things stand.
	At   time.Time
	Keys []KeyStatus
	// Problem is why the last work of the rotation failed, empty if it did not.
	Problem string
}

var nameForm = form.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// path names a profile's record.
type path struct {
	account arn.AccountID
	region  string
	name    string
}

func (p path) String() string { return string(p.account) + "/" + p.region + "/" + p.name }

func (p path) arn() string {
	return arn.ARN{Partition: "aws", Service: "keyfront", Region: p.region, Account: p.account, Resource: "signer/" + p.name}.String()
}
