package signer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/rotation"
	"github.com/keyfront-project/keyfront/signedurl"
)

const (
	// MaxURLs is how many URLs one call signs.
	MaxURLs = 1000
	// maxNotedBytes bounds what a record says about the URLs of one call.
	maxNotedBytes = 512 << 10
)

// Grant is what a call asks for, beside resources.
type Grant struct {
	// Expires is when access ends, or ValidFor how long from now. Neither means
	// an hour, or the profile's longest validity if that is shorter.
	Expires  time.Time
	ValidFor time.Duration
	// NotBefore, if not zero, is when access begins.
	NotBefore time.Time
	// Source, if valid, is the IPv4 range that viewers must come from.
	Source netip.Prefix
}

// Signed is what a profile signed.
type Signed struct {
	// KeyPairID names the key, Expires is when access ends.
	KeyPairID string
	Expires   time.Time
	URLs      []string
	Cookies   []*http.Cookie
}

// SignURLs signs URLs, 1 to MaxURLs, by a profile's key. resource, if not empty,
// is what each of them grants, and must cover them; else each grants itself.
//
// The caller needs keyfront:SignURL on the profile for each of the resources.
// Errors: ErrNoProfile, ErrInvalid, ErrOutside, ErrNotReady, ErrDeleting; and
// those of signedurl about URLs and policies.
func (s *Service) SignURLs(ctx context.Context, who access.Caller, name string, urls []string, resource string, g Grant) (out Signed, err error) {
	j, err := s.begin(ctx, &who, "keyfront:SignURL", name, g)
	defer j.call.End(ctx, &err)
	if err != nil {
		return out, err
	}
	if len(urls) == 0 || len(urls) > MaxURLs {
		return out, refuse(ErrInvalid, "A call signs 1 to %d URLs, not %d.", MaxURLs, len(urls))
	}
	if resource != "" {
		if resource, err = j.admit(resource); err != nil {
			return out, err
		}
	}
	plain := make([]string, len(urls))
	for i, url := range urls {
		if resource == "" {
			plain[i], err = j.admit(url)
		} else if plain[i], err = signedurl.Normalize(url); err != nil {
			err = unsignable(err)
		}
		if err != nil {
			return out, fmt.Errorf("URL %d: %w", i+1, err)
		}
	}
	j.note("url", plain)
	out.URLs = make([]string, len(plain))
	p := j.policy
	p.Resource = resource
	err = j.sign(ctx, func(signer *signedurl.Signer) error {
		for i, url := range plain {
			if out.URLs[i], err = signer.Sign(ctx, url, p); err != nil {
				return fmt.Errorf("URL %d: %w", i+1, err)
			}
		}
		return nil
	})
	return j.done(out, err)
}

// SignCookies makes cookies that let their bearer at a resource: one URL, or a
// pattern with stars.
//
// The caller needs keyfront:SignCookies on the profile for the resource. Errors
// are those of SignURLs.
func (s *Service) SignCookies(ctx context.Context, who access.Caller, name, resource string, opts *signedurl.CookieOptions, g Grant) (out Signed, err error) {
	j, err := s.begin(ctx, &who, "keyfront:SignCookies", name, g)
	defer j.call.End(ctx, &err)
	if err != nil {
		return out, err
	}
	if resource, err = j.admit(resource); err != nil {
		return out, err
	}
	j.note("resource", []string{resource})
	p := j.policy
	p.Resource = resource
	err = j.sign(ctx, func(signer *signedurl.Signer) error {
		out.Cookies, err = signer.Cookies(ctx, p, opts)
		return err
	})
	return j.done(out, err)
}

// job is one call that signs.
type job struct {
	s       *Service
	who     *access.Caller
	call    *access.Call
	profile *Profile
	policy  signedurl.Policy // without its resource
	valid   time.Duration
	key     rotation.Key
}

// begin opens the call and finds the profile. The job has a call, whatever begin returns.
func (s *Service) begin(ctx context.Context, who *access.Caller, action policy.Action, name string, g Grant) (*job, error) {
	j := &job{s: s, who: who, call: s.cfg.Gate.Begin(*who, action)}
	at := pathOf(who, name)
	found, err := s.find(at)
	if err != nil {
		// Who may not sign learns nothing about what there is.
		if derr := j.call.Decide(at.target()); derr != nil {
			return j, derr
		}
		return j, err
	}
	j.profile = found
	now := s.cfg.Clock.Now()
	if g.Expires.IsZero() {
		if g.ValidFor == 0 {
			g.ValidFor = min(time.Hour, found.Config.LongestValidity)
		}
		g.Expires = now.Add(g.ValidFor)
	}
	// The protocol counts in whole seconds.
	g.Expires = g.Expires.UTC().Truncate(time.Second)
	j.policy = signedurl.Policy{Expires: g.Expires, NotBefore: g.NotBefore, Source: g.Source}
	j.valid = g.Expires.Sub(now)
	j.call.Note("until", g.Expires.Format(time.RFC3339))
	return j, nil
}

// admit decides about one resource and holds it against the profile. It returns
// the resource as it is signed.
func (j *job) admit(resource string) (string, error) {
	resource, err := normal(resource)
	if err != nil {
		return "", err
	}
	j.call.ResetKeys()
	j.call.Keys.Set("keyfront:Resource", resource)
	// A started second counts as one.
	j.call.Keys.Set("keyfront:ValiditySeconds", strconv.FormatInt(int64((j.valid+time.Second-1)/time.Second), 10))
	if j.policy.Source.IsValid() {
		j.call.Keys.Set("keyfront:SourceRange", j.policy.Source.Masked().String())
	}
	if err := j.call.Decide(j.profile.at.target()); err != nil {
		return "", err
	}
	c := &j.profile.Config
	switch {
	case !c.covers(resource):
		return "", refuse(ErrOutside, "The signing profile %s does not sign for %.500s.", j.profile.Name, resource)
	case j.valid <= 0:
		return "", refuse(ErrInvalid, "The expiry %s is past: the time here is %s.", j.policy.Expires.Format(time.RFC3339), j.s.cfg.Clock.Now().Format(time.RFC3339))
	case j.valid > c.LongestValidity:
		return "", refuse(ErrOutside, "The signing profile %s signs for at most %v, not until %s.", j.profile.Name, c.LongestValidity, j.policy.Expires.Format(time.RFC3339))
	case c.AddressBits > 0 && (!j.policy.Source.IsValid() || j.policy.Source.Bits() < c.AddressBits):
		return "", refuse(ErrOutside, "The signing profile %s wants an IPv4 address condition of at least %d bits.", j.profile.Name, c.AddressBits)
	}
	return resource, nil
}

// note keeps what is signed for the record, as long as there is room for it.
func (j *job) note(name string, resources []string) {
	each := maxNotedBytes / len(resources)
	for _, r := range resources {
		j.call.Note(name, r[:min(len(r), each)])
	}
}

// sign lets fn sign by the profile's key, after it is kept until when that key
// must stay.
func (j *job) sign(ctx context.Context, fn func(*signedurl.Signer) error) error {
	if j.profile.Rotation.Ending {
		return refuse(ErrDeleting, "The signing profile %s is being deleted.", j.profile.Name)
	}
	key := j.profile.Rotation.Signer()
	if key == nil {
		return refuse(ErrNotReady, "The edge serves with no key of the signing profile %s yet: keyfront signer status tells what it waits for.", j.profile.Name)
	}
	j.key = *key
	if err := j.reserve(ctx); err != nil {
		return err
	}
	j.call.Note("keyPairId", j.key.ID)
	use := keyring.Use{Key: j.key.Ref, Algorithm: algorithmOf(j.key.Public)}
	as := j.s.acting(j.profile.at)
	as.RequestID, as.SourceIP, as.UserAgent = j.who.RequestID, j.who.SourceIP, j.who.UserAgent
	return j.s.cfg.Keys.SignMany(ctx, as, use, func(private crypto.Signer) error {
		signer, err := signedurl.NewSigner(signedurl.KeyID(j.key.ID), private, &signedurl.SignerOptions{Hash: signedurl.SHA256})
		if err != nil {
			return err
		}
		return fn(signer)
	})
}

// algorithmOf tells how a key signs by its public half: the profile's algorithm
// may have changed since it was made.
func algorithmOf(public string) keyring.Algorithm {
	if key, err := signedurl.ParsePublicKey([]byte(public)); err == nil && key.Algorithm() == "RSA-2048" {
		return signs[RSA]
	}
	return signs[ECDSA]
}

// reserve makes sure that the key stays until what is signed expires. It stores a
// moment somewhat later, so that most calls need not store anything.
func (j *job) reserve(ctx context.Context) error {
	expires := j.policy.Expires
	if !expires.After(j.key.SignedUntil) {
		return nil
	}
	longest := j.profile.Config.LongestValidity
	until := expires.Add(longest / 8)
	if most := j.s.cfg.Clock.Now().Add(longest); until.After(most) {
		until = most
	}
	if until.Before(expires) {
		until = expires
	}
	return j.s.edit(ctx, j.profile.at, func(rec *record) error {
		// Another key may sign by now; then that one is the caller's.
		key := rec.Rotation.Signer()
		if key == nil {
			return refuse(ErrNotReady, "The edge serves with no key of the signing profile %s yet.", j.profile.Name)
		}
		if until.After(key.SignedUntil) {
			key.SignedUntil = until
		}
		j.key = *key
		return nil
	})
}

func (j *job) done(out Signed, err error) (Signed, error) {
	if errors.Is(err, signedurl.ErrPolicy) || errors.Is(err, signedurl.ErrURL) {
		err = unsignable(err)
	}
	if err != nil {
		return Signed{}, err
	}
	out.KeyPairID, out.Expires = j.key.ID, j.policy.Expires
	return out, nil
}
