// Package identity knows who may call: accounts and their root users, users,
// groups and roles with their policies, access keys, MFA devices, and the
// sessions that stand in for users and roles.
//
// Service is the register. Lookup turns an access key id and a session token
// into a Credential, for the door that verifies signatures; PoliciesOf tells
// the gate which policies a principal brings along; Identify and NameOf tie the
// names in key, bucket and trust policies to unique ids. All work from memory.
// Admin is what callers do to the register and get from it, IAM and STS; every
// one of its methods passes the gate.
//
// The records are specified in docs/spec/identity-records.md, the decisions
// behind them in docs/design/0005-identity.md.
package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// AccessKey is an access key with its secret, as its owner gets it.
type AccessKey struct {
	ID     string
	Secret sealed.Secret
	// SessionToken goes with temporary keys only.
	SessionToken string
}

// Credential is what Lookup knows of an access key. It is shared and must not be
// changed.
type Credential struct {
	Principal policy.Principal
	// Version changes whenever the secret does; it names derived signing keys.
	Version uint64
	// Tags are the principal's.
	Tags []Tag
	// Session is set for temporary credentials of users and roles.
	Session *access.Session
	// SourceARN and SourceAccount are set on the session of a service that acts
	// for a resource.
	SourceARN     string
	SourceAccount arn.AccountID
	// secret unseals the secret, which is needed once a day and scope.
	secret func() (sealed.Secret, error)
	// useID is the access key's id or the role's unique id; empty where last use
	// is not kept.
	useID string
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
	// Existing opens the register as it is: no account and no access key is made,
	// and RootKey is ignored.
	Existing bool
}

// Service is the register of principals. It may be used concurrently.
type Service struct {
	cfg      Config
	reg      *register
	sessions sessionKeys
	uses     uses

	// changing is held by whoever changes the register, from working the change
	// out until it shows.
	changing sync.Mutex
	counter  uint64 // of store.Changes at the last look
}

// Open reads the register and makes sure that the default account exists and
// its root user has an access key.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if err := checkAccount(cfg.Account); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, reg: newRegister(), sessions: sessionKeys{domain: cfg.Domain}}
	if err := s.openSessions(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.counter, err = cfg.Records.Changes(ctx, space); err != nil {
		return nil, fmt.Errorf("identity: open: %w", err)
	}
	old, err := s.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("identity: open: %w", err)
	}
	if err := s.loadUses(ctx); err != nil {
		return nil, err
	}
	if cfg.Existing {
		return s, nil
	}
	if err := s.settle(ctx, old); err != nil {
		return nil, fmt.Errorf("identity: open: %w", err)
	}
	if err := s.ensureRootKey(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func checkAccount(a arn.AccountID) error {
	if !a.Valid() {
		return fmt.Errorf("identity: account %q is not a number of 12 digits", a)
	}
	return nil
}

// Lookup finds the credential of an access key id, with the session token that
// came along. The errors are ErrUnknownKey, ErrInvalidToken and ErrExpiredToken.
func (s *Service) Lookup(accessKeyID, sessionToken string, now time.Time) (*Credential, error) {
	if sessionToken != "" {
		return s.session(accessKeyID, sessionToken, now)
	}
	if c, ok := s.reg.keys.Load(accessKeyID); ok {
		return c.(*Credential), nil
	}
	return nil, ErrUnknownKey
}

// denied stands in for the policies of a principal that is gone.
var denied = []*policy.Document{nil}

// administrators is what the root user hands on to its federated sessions.
var administrators = []*policy.Document{administrator}

// PoliciesOf fills in the identity policies and the boundary that p brings
// along. What it fills in is shared. It allocates nothing.
func (s *Service) PoliciesOf(p *policy.Principal, into *policy.Policies) {
	switch p.Kind {
	case policy.User, policy.RoleSession, policy.FederatedUser:
	default:
		return // root users and services bring none
	}
	if p.UniqueID == string(p.Account) {
		into.Identity = administrators
		return
	}
	st := s.reg.standing(p.UniqueID)
	if st == nil {
		into.Identity = denied
		return
	}
	into.Identity, into.Boundary = st.identity, st.boundary
}

// Identify gives the unique id of the user or role that an ARN names, as
// policy.Document.Bind wants it: an empty id for accounts that are not ours, ok
// false for what should exist here and does not.
func (s *Service) Identify(name string) (id string, ok bool) {
	a, err := arn.Parse(name)
	if err != nil {
		return "", false
	}
	if _, ours := get[*Account](s.reg, a.Account, string(a.Account)); !ours {
		return "", true
	}
	switch a.Principal() {
	case arn.UserPrincipal:
		if u, ok := get[*User](s.reg, a.Account, a.Name()); ok && u.ARN() == name {
			return u.ID, true
		}
	case arn.RolePrincipal:
		if r, ok := get[*Role](s.reg, a.Account, a.Name()); ok && r.ARN() == name {
			return r.ID, true
		}
	}
	return "", false
}

// NameOf gives the ARN that the user or role with that unique id has now, as
// policy.Document.Render wants it.
func (s *Service) NameOf(id string) (name string, ok bool) {
	if st := s.reg.standing(id); st != nil {
		return st.name(), true
	}
	return "", false
}

// CanonicalID is the canonical user id by which S3 knows an account: 64
// hexadecimal digits.
func CanonicalID(account arn.AccountID) string {
	sum := sha256.Sum256([]byte("keyfront canonical user " + account))
	return hex.EncodeToString(sum[:])
}

// RootKey returns the access key of the default account's root user that the
// configuration or the first start gave it.
func (s *Service) RootKey() (AccessKey, error) {
	k := s.bootKey(s.cfg.Account)
	if k == nil {
		return AccessKey{}, errors.New("identity: the root user has no access key")
	}
	return s.reveal(k)
}

// RootKeys returns such keys of all accounts: of the default one, and of those
// that were it at an earlier start.
func (s *Service) RootKeys() (map[arn.AccountID]AccessKey, error) {
	keys := map[arn.AccountID]AccessKey{}
	for _, account := range s.Accounts() {
		k := s.bootKey(account)
		if k == nil {
			continue
		}
		var err error
		if keys[account], err = s.reveal(k); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (s *Service) bootKey(account arn.AccountID) *Key {
	for _, k := range list[*Key](s.reg, account, "") {
		if k.Boot {
			return k
		}
	}
	return nil
}

func (s *Service) reveal(k *Key) (AccessKey, error) {
	secret, err := s.unwrapKey(k)
	if err != nil {
		return AccessKey{}, err
	}
	return AccessKey{ID: k.Name, Secret: secret}, nil
}

const purposeKey = "access-key"

func (s *Service) unwrapKey(k *Key) (sealed.Secret, error) {
	secret, err := s.cfg.Domain.Unwrap(purposeKey, k.Name, k.Secret)
	if err != nil {
		return sealed.Secret{}, fmt.Errorf("identity: access key %s: %w", k.Name, err)
	}
	return secret, nil
}

// newKey is the entity of an access key.
func (s *Service) newKey(account arn.AccountID, userID string, key AccessKey, now time.Time) *Key {
	return &Key{
		Meta:   Meta{Account: account, Name: key.ID, CreatedAt: now},
		UserID: userID, Version: newVersion(), Secret: s.cfg.Domain.Wrap(purposeKey, key.ID, key.Secret),
	}
}

// ensureRootKey gives the default account's root user the configured access key,
// active and no other account's, or a new one if there is none yet. Keys that the
// root user made stay.
func (s *Service) ensureRootKey(ctx context.Context) error {
	want, old := s.cfg.RootKey, s.bootKey(s.cfg.Account)
	if want.ID == "" {
		if old != nil {
			return nil
		}
		want = newAccessKey("AKIA")
	} else if s.isRootKey(old, want) {
		return nil
	}
	now := time.Now()
	err := s.change(ctx, now, unrecorded, func(t *txn) error {
		if t.get(placeOf(KindAccount, s.cfg.Account, string(s.cfg.Account))) == nil {
			t.put(newAccount(s.cfg.Account, t.now))
		}
		if old := s.bootKey(s.cfg.Account); old != nil {
			t.remove(old)
		}
		for _, account := range s.Accounts() {
			if k, ok := get[*Key](s.reg, account, want.ID); ok {
				t.remove(k)
			}
		}
		k := s.newKey(s.cfg.Account, "", want, t.now)
		k.Boot = true
		t.put(k)
		return nil
	})
	if err != nil {
		return fmt.Errorf("identity: store the root user's access key: %w", err)
	}
	return nil
}

// isRootKey reports whether k is the key want, ready for use. A secret that cannot
// be opened is none: the configured one replaces it.
func (s *Service) isRootKey(k *Key, want AccessKey) bool {
	if k == nil || k.Name != want.ID || k.Inactive {
		return false
	}
	have, err := s.reveal(k)
	return err == nil && have.Secret.Equal(want.Secret)
}

func newAccount(id arn.AccountID, now time.Time) *Account {
	return &Account{Meta: Meta{Account: id, Name: string(id), CreatedAt: now}}
}

// Accounts lists the accounts of this server in order.
func (s *Service) Accounts() []arn.AccountID {
	s.reg.mu.RLock()
	defer s.reg.mu.RUnlock()
	return s.reg.accountsLocked()
}

// Letters of ids and of secret access keys. The length of each divides 256.
const (
	idLetters     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	secretLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)

// newAccessKey makes an access key: an id of 20 characters that begins with
// prefix, and a secret of 40.
func newAccessKey(prefix string) AccessKey {
	return AccessKey{
		ID:     prefix + randomText(idLetters, 16),
		Secret: sealed.NewSecret([]byte(randomText(secretLetters, 40))),
	}
}

// idOf is the 16 letters behind the prefix of an id that is always the same for a
// text.
func idOf(text string) string {
	sum := sha256.Sum256([]byte("keyfront id of " + text))
	id := make([]byte, 16)
	for i := range id {
		id[i] = idLetters[int(sum[i])%len(idLetters)]
	}
	return string(id)
}

// newID makes a unique id of 21 characters: "AIDA" and 17 more.
func newID(prefix string) string { return prefix + randomText(idLetters, 17) }

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
