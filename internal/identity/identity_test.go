package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

var (
	root = sealed.NewSecret([]byte(strings.Repeat("r", sealed.KeyBytes)))
	now  = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
)

func open(t testing.TB, records store.Records, key identity.AccessKey) *identity.Service {
	t.Helper()
	return openAccount(t, records, "111122223333", key)
}

func openAccount(t testing.TB, records store.Records, account arn.AccountID, key identity.AccessKey) *identity.Service {
	t.Helper()
	vault, err := sealed.Open(context.Background(), records, root)
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(context.Background(), "identity")
	if err != nil {
		t.Fatal(err)
	}
	s, err := identity.Open(context.Background(), identity.Config{Records: records, Domain: domain, Account: account, RootKey: key})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRootKeyIsMadeOnceAndKept(t *testing.T) {
	records := memory.NewRecords()
	first, err := open(t, records, identity.AccessKey{}).RootKey()
	if err != nil {
		t.Fatal(err)
	}
	if len(first.ID) != 20 || !strings.HasPrefix(first.ID, "AKIA") || first.Secret.Len() != 40 {
		t.Errorf("root key %s with a secret of %d characters", first.ID, first.Secret.Len())
	}
	s := open(t, records, identity.AccessKey{})
	again, err := s.RootKey()
	if err != nil || again.ID != first.ID || !again.Secret.Equal(first.Secret) {
		t.Errorf("after reopening: %s, %v, want %s", again.ID, err, first.ID)
	}
	c, err := s.Lookup(first.ID, "", now)
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333", CanonicalID: identity.CanonicalID("111122223333")}
	if c.Principal != want {
		t.Errorf("principal = %+v, want %+v", c.Principal, want)
	}
}

func TestConfiguredRootKeyReplacesTheOld(t *testing.T) {
	records := memory.NewRecords()
	made, err := open(t, records, identity.AccessKey{}).RootKey()
	if err != nil {
		t.Fatal(err)
	}
	mine := identity.AccessKey{ID: "AKIAMINE", Secret: sealed.NewSecret([]byte("mine"))}
	s := open(t, records, mine)
	if _, err := s.Lookup(made.ID, "", now); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("Lookup of the replaced key = %v, want ErrUnknownKey", err)
	}
	before, err := s.Lookup("AKIAMINE", "", now)
	if err != nil {
		t.Fatal(err)
	}
	mine.Secret = sealed.NewSecret([]byte("another"))
	after, err := open(t, records, mine).Lookup("AKIAMINE", "", now)
	if err != nil || after.Version == before.Version {
		t.Errorf("a new secret kept version %d: derived keys of the old one would still verify (%v)", before.Version, err)
	}
	if got, err := after.Secret(); err != nil || !got.Equal(mine.Secret) {
		t.Errorf("Secret = %v, %v, want the new one", got, err)
	}
}

// The configuration is the operator's word, and stands above what the API did to
// the key before.
func TestConfiguredRootKeyIsActiveAfterAStart(t *testing.T) {
	w := newWorld(t)
	if err := w.admin.UpdateAccessKey(t.Context(), rootCaller(), "", rootKey.ID, "Inactive"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Lookup(rootKey.ID, "", now); !errors.Is(err, identity.ErrUnknownKey) {
		t.Fatalf("Lookup of the inactive key = %v, want ErrUnknownKey", err)
	}
	if _, err := open(t, w.records, identity.AccessKey{}).Lookup(rootKey.ID, "", now); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("Lookup after a start that configures no key = %v, want ErrUnknownKey", err)
	}
	if _, err := open(t, w.records, rootKey).Lookup(rootKey.ID, "", now); err != nil {
		t.Errorf("Lookup after a start that configures the key = %v", err)
	}
}

// One key of the configuration is the root user's of the account that is the
// default one now, and no longer of the one before.
func TestConfiguredRootKeyIsOfOneAccount(t *testing.T) {
	records := memory.NewRecords()
	mine := identity.AccessKey{ID: "AKIAMINE", Secret: sealed.NewSecret([]byte("mine"))}
	for _, account := range []arn.AccountID{"111122223333", "444455556666", "111122223333"} {
		openAccount(t, records, account, mine)
		// What was read from the records is like what the start made of them.
		for range 2 {
			s := openAccount(t, records, account, mine)
			if c, err := s.Lookup(mine.ID, "", now); err != nil || c.Principal.Account != account {
				t.Errorf("Lookup = %+v, %v, want account %s", c, err, account)
			}
			if keys, err := s.RootKeys(); err != nil || len(keys) != 1 || keys[account].ID != mine.ID {
				t.Errorf("RootKeys = %v, %v, want that of %s alone", keys, err, account)
			}
		}
	}
}

func TestServiceSession(t *testing.T) {
	records := memory.NewRecords()
	s := open(t, records, identity.AccessKey{})
	const source = "arn:aws:cloudfront::111122223333:distribution/E1"
	key, err := s.ServiceSession("cloudfront.amazonaws.com", source, "111122223333", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	// Sessions survive a restart.
	s = open(t, records, identity.AccessKey{})
	c, err := s.Lookup(key.ID, key.SessionToken, now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Principal.Kind != policy.Service || c.Principal.Service != "cloudfront.amazonaws.com" || c.SourceARN != source || c.SourceAccount != "111122223333" {
		t.Errorf("credential = %+v", c)
	}
	if got, err := c.Secret(); err != nil || !got.Equal(key.Secret) {
		t.Errorf("Secret = %v, %v, want the one that was issued", got, err)
	}
	other, err := s.ServiceSession("cloudfront.amazonaws.com", source, "111122223333", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	changed := []byte(key.SessionToken)
	if changed[40]++; changed[40] == '9'+1 || changed[40] == 'z'+1 || changed[40] == 'Z'+1 {
		changed[40] = 'A'
	}
	refused := []struct {
		name, id, token string
		at              time.Time
		want            error
	}{
		{"no token", key.ID, "", now, identity.ErrUnknownKey},
		{"another session's token", key.ID, other.SessionToken, now, identity.ErrInvalidToken},
		{"changed token", key.ID, string(changed), now, identity.ErrInvalidToken},
		{"not base64", key.ID, "%%%", now, identity.ErrInvalidToken},
		{"huge token", key.ID, strings.Repeat("A", 1<<20), now, identity.ErrInvalidToken},
		{"ended", key.ID, key.SessionToken, now.Add(time.Hour), identity.ErrExpiredToken},
	}
	for _, tt := range refused {
		if _, err := s.Lookup(tt.id, tt.token, tt.at); !errors.Is(err, tt.want) {
			t.Errorf("%s: Lookup = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestAccountMustBeANumber(t *testing.T) {
	for _, account := range []string{"", "1234", "11112222333x", "1111222233334"} {
		_, err := identity.Open(context.Background(), identity.Config{Records: memory.NewRecords(), Account: arn.AccountID(account)})
		if err == nil {
			t.Errorf("account %q was accepted", account)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := open(t, memory.NewRecords(), identity.AccessKey{})
	key, err := s.RootKey()
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(text, string(key.Secret.Reveal())) {
		t.Error("the secret access key prints")
	}
}
