package keyring_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const (
	account arn.AccountID = "111122223333"
	other   arn.AccountID = "444455556666"
	region                = "eu-west-1"

	unknownID = "00000000-1111-2222-3333-444444444444"
)

// forget is a Recorder that keeps nothing, for benchmarks.
type forget struct{}

func (forget) Append(context.Context, *audit.Record) error { return nil }

// identities gives users the policies by their ARN.
type identities map[string][]*policy.Document

func (i identities) PoliciesOf(p *policy.Principal, into *policy.Policies) {
	into.Identity = i[p.ARN]
}

// world is a store with all that a Ring stands on.
type world struct {
	t        testing.TB
	records  store.Records
	root     sealed.Secret
	clock    *clock.Clock
	recorder *accesstest.Journal
	gate     *access.Gate
	policies identities
	pool     keyring.PoolSize
	maxKeys  int
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, records: memory.NewRecords(), root: sealed.RandomSecret(sealed.KeyBytes),
		clock: clock.Movable(), recorder: new(accesstest.Journal), policies: identities{},
	}
	w.gate = access.NewGate(access.Config{Identities: w.policies, Record: w.recorder})
	return w
}

// open opens one more ring on the world's store.
func (w *world) open() *keyring.Ring {
	w.t.Helper()
	r, err := w.tryOpen()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) tryOpen() (*keyring.Ring, error) {
	vault, err := sealed.Open(w.t.Context(), w.records, w.root)
	if err != nil {
		return nil, err
	}
	domain, err := vault.Domain(w.t.Context(), "kms")
	if err != nil {
		return nil, err
	}
	return keyring.Open(w.t.Context(), keyring.Config{
		Records: w.records, Domain: domain, Gate: w.gate, Clock: w.clock, Pool: w.pool, MaxKeys: w.maxKeys,
	})
}

// user is a caller with the given identity policy.
func (w *world) user(in arn.AccountID, name, document string) access.Caller {
	w.t.Helper()
	who := root()
	who.Principal = policy.Principal{
		Kind: policy.User, Account: in, ARN: "arn:aws:iam::" + string(in) + ":user/" + name,
		UserID: "AIDA" + name, UniqueID: "AIDA" + name, Name: name,
	}
	if document != "" {
		d, err := policy.Parse(policy.UseIdentity, document)
		if err != nil {
			w.t.Fatal(err)
		}
		w.policies[who.Principal.ARN] = []*policy.Document{d}
	}
	return who
}

const allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func root() access.Caller { return rootOf(account) }

func rootOf(a arn.AccountID) access.Caller {
	return access.Caller{
		Principal:   policy.Principal{Kind: policy.Root, Account: a, ARN: "arn:aws:iam::" + string(a) + ":root", UserID: string(a)},
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Region: region, RequestID: "r-1", At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
}

func service(name, sourceARN string) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: account, Service: name},
		Region:    region, RequestID: "r-2", At: time.Now(), SourceARN: sourceARN, SourceAccount: account,
	}
}

func create(t testing.TB, r *keyring.Ring, spec keyring.KeySpec, usage keyring.KeyUsage) keyring.Metadata {
	t.Helper()
	m, err := r.Create(t.Context(), root(), keyring.CreateInput{Spec: spec, Usage: usage})
	if err != nil {
		t.Fatalf("Create(%s, %s) = %v", spec, usage, err)
	}
	return m
}

func keyARN(id keyring.KeyID) string {
	return "arn:aws:kms:" + region + ":" + string(account) + ":key/" + string(id)
}

// wantError checks kind and sentence.
func wantError(t testing.TB, what string, err, kind error, message string) {
	t.Helper()
	var e *refusal.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) || e.Sentence != message {
		t.Errorf("%s = %v\n want %v: %q", what, err, kind, message)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
