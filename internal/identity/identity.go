// Package identity knows who may call: accounts, their root users and access
// keys, and the sessions that stand in for them.
//
// It answers two questions. Lookup turns an access key id and session token
// into a Credential, for the door that verifies signatures; PoliciesOf tells
// the gate which policies a principal brings along. Both work from memory.
package identity

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

var (
	// ErrUnknownKey says that no active access key has the id, or that the key
	// goes with a session token and came without (or the other way round).
	ErrUnknownKey = errors.New("identity: unknown access key")
	// ErrInvalidToken says that a session token is not one of this server's.
	ErrInvalidToken = errors.New("identity: invalid session token")
	// ErrExpiredToken says that the session has ended.
	ErrExpiredToken = errors.New("identity: expired session token")
)

// spaceKeys holds access keys by id; see docs/spec/identity-records.md.
const spaceKeys store.Space = "iam.access-key"

// AccessKey is an access key with its secret, as its owner gets it.
type AccessKey struct {
	ID     string
	Secret sealed.Secret
	// SessionToken goes with temporary keys only.
	SessionToken string
}

// Credential is what Lookup knows of an access key.
type Credential struct {
	Principal policy.Principal
	// Version changes whenever the secret does; it names derived signing keys.
	Version uint64
	// SourceARN and SourceAccount are set on the session of a service that acts
	// for a resource.
	SourceARN     string
	SourceAccount arn.AccountID
	// secret unseals the secret, which is needed once a day and scope.
	secret func() (sealed.Secret, error)
}

// Secret unseals the secret access key.
func (c *Credential) Secret() (sealed.Secret, error) { return c.secret() }

// Config is what a Service needs.
type Config struct {
	Records store.Records
	// Domain wraps secrets; it is the vault's domain "identity".
	Domain *sealed.Domain
	// Account is the default account, whose root user is made at first start.
	Account arn.AccountID
	// RootKey replaces the root user's access key when its ID is set.
	RootKey AccessKey
}

// Service is the register of principals. It may be used concurrently.
type Service struct {
	cfg      Config
	sessions sessionKeys

	mu   sync.Mutex // held by writers
	keys atomic.Pointer[map[string]*Credential]
}

// Open reads the register and makes sure that the default account's root user
// has an access key.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if err := checkAccount(cfg.Account); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, sessions: sessionKeys{domain: cfg.Domain}}
	if err := s.openSessions(ctx); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, s.ensureRootKey(ctx)
}

func checkAccount(a arn.AccountID) error {
	if len(a) != 12 || strings.Trim(string(a), "0123456789") != "" {
		return fmt.Errorf("identity: account %q is not a number of 12 digits", a)
	}
	return nil
}

func (s *Service) load(ctx context.Context) error {
	keys := map[string]*Credential{}
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		clear(keys)
		for rec, err := range tx.Scan(spaceKeys, store.Range{}) {
			if err != nil {
				return err
			}
			k, err := decodeKey(rec.Value)
			if err != nil {
				return fmt.Errorf("access key %s: %w", rec.Key, err)
			}
			keys[rec.Key] = s.credential(rec.Key, k)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("identity: load: %w", err)
	}
	s.keys.Store(&keys)
	return nil
}

func (s *Service) credential(id string, k storedKey) *Credential {
	return &Credential{
		Principal: rootPrincipal(k.account),
		Version:   k.version,
		secret:    func() (sealed.Secret, error) { return s.cfg.Domain.Unwrap("access-key", id, k.wrapped) },
	}
}

func rootPrincipal(account arn.AccountID) policy.Principal {
	return policy.Principal{
		Kind:    policy.Root,
		Account: account,
		ARN:     "arn:aws:iam::" + string(account) + ":root",
		UserID:  string(account),
	}
}

// Lookup finds the credential of an access key id, with the session token that
// came along. The errors are ErrUnknownKey, ErrInvalidToken and ErrExpiredToken.
func (s *Service) Lookup(accessKeyID, sessionToken string, now time.Time) (*Credential, error) {
	if sessionToken != "" {
		return s.session(accessKeyID, sessionToken, now)
	}
	if c := (*s.keys.Load())[accessKeyID]; c != nil {
		return c, nil
	}
	return nil, ErrUnknownKey
}

// PoliciesOf fills in the policies that p brings along. Root users and services
// bring none.
func (s *Service) PoliciesOf(*policy.Principal, *policy.Policies) {}

// RootKey returns an access key of the default account's root user.
func (s *Service) RootKey() (AccessKey, error) {
	for id, c := range *s.keys.Load() {
		if c.Principal.Kind == policy.Root && c.Principal.Account == s.cfg.Account {
			secret, err := c.Secret()
			if err != nil {
				return AccessKey{}, fmt.Errorf("identity: access key %s: %w", id, err)
			}
			return AccessKey{ID: id, Secret: secret}, nil
		}
	}
	return AccessKey{}, errors.New("identity: the root user has no access key")
}

// ensureRootKey gives the root user the configured access key, or a new one if
// there is none yet.
func (s *Service) ensureRootKey(ctx context.Context) error {
	want := s.cfg.RootKey
	have, err := s.RootKey()
	switch {
	case want.ID == "" && err == nil:
		return nil
	case want.ID == "":
		want = newAccessKey("AKIA")
	case err == nil && have.ID == want.ID && have.Secret.Equal(want.Secret):
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := storedKey{account: s.cfg.Account, version: newVersion(), wrapped: s.cfg.Domain.Wrap("access-key", want.ID, want.Secret)}
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		// A configured key replaces the one before it.
		for rec, err := range tx.Scan(spaceKeys, store.Range{}) {
			if err != nil {
				return err
			}
			if old, err := decodeKey(rec.Value); err != nil || old.account != s.cfg.Account {
				continue
			}
			if err := tx.Delete(spaceKeys, rec.Key); err != nil {
				return err
			}
		}
		return tx.Put(spaceKeys, want.ID, k.encode())
	})
	if err != nil {
		return fmt.Errorf("identity: store the root user's access key: %w", err)
	}
	return s.load(ctx)
}

// newAccessKey makes an access key: an id of 20 characters that begins with
// prefix, and a secret of 40.
func newAccessKey(prefix string) AccessKey {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return AccessKey{
		ID:     prefix + randomText(alphabet, 16),
		Secret: sealed.NewSecret([]byte(randomText(secretAlphabet, 40))),
	}
}

// randomText draws n characters from an alphabet whose length divides 256.
func randomText(alphabet string, n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

func newVersion() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
