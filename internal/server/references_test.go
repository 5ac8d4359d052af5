package server_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store"
)

// A dynamic reference that means nothing is refused; one that the store cannot be
// asked about is not.
func TestResolveForStacks(t *testing.T) {
	cfg := onDisk(t.TempDir())
	s, err := server.Start(t.Context(), cfg, server.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	account := arn.AccountID(cfg.Account)
	who := access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: arn.Root(account).String(), UserID: cfg.Account},
		Region:    "us-east-1", RequestID: "r", At: s.Clock().Now(),
	}
	readable := []string{"ssm:p", "ssm-secure:p", "ssm-secure:/aws/reference/secretsmanager/s", "secretsmanager:s", "secretsmanager:s:SecretString:user"}
	malformed := []string{"secretsmanager:arn:aws:s", "secretsmanager:s:SecretBinary", "ssm:aws/p"}
	for _, ref := range append(readable, malformed...) {
		if _, err := s.Resolve(t.Context(), who, ref); !errors.Is(err, stack.ErrInvalid) {
			t.Errorf("Resolve(%s) = %v, want %v", ref, err, stack.ErrInvalid)
		}
	}
	nobody := who
	nobody.Principal = policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::" + cfg.Account + ":user/u", UniqueID: "AIDAU", UserID: "AIDAU", Name: "u"}
	for _, ref := range readable {
		if _, err := s.Resolve(t.Context(), nobody, ref); !errors.Is(err, stack.ErrInvalid) {
			t.Errorf("Resolve(%s) by a user without policies = %v, want %v", ref, err, stack.ErrInvalid)
		}
	}
	if err := s.LoseRecords(); err != nil {
		t.Fatal(err)
	}
	for _, ref := range readable {
		_, err := s.Resolve(t.Context(), who, ref)
		if _, refused := errors.AsType[*refusal.Error](err); refused || !errors.Is(err, store.ErrClosed) {
			t.Errorf("Resolve(%s) without the store = %v, want %v and no refusal", ref, err, store.ErrClosed)
		}
	}
}
