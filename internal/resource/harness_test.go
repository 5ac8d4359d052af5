package resource_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/resource"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// nobody has no policies; only root may act.
type nobody struct{}

func (nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}
func (nobody) Identify(name string) (string, bool)            { return name, true }
func (nobody) NameOf(id string) (string, bool)                { return id, true }

type journal struct{}

func (journal) Append(context.Context, *audit.Record) error { return nil }

// keys encrypts nothing: a wrapped key is the key.
type keys struct{}

func (keys) NewDataKey(_ context.Context, _ access.Caller, ref string, _ map[string]string) (sealed.Secret, []byte, string, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	return key, append([]byte(nil), key.Reveal()...), "arn:aws:kms:us-east-1:111122223333:" + ref, nil
}

func (keys) OpenDataKey(_ context.Context, _ access.Caller, wrapped []byte, _ map[string]string) (sealed.Secret, error) {
	return sealed.NewSecret(append([]byte(nil), wrapped...)), nil
}

func (keys) ManagedKey(context.Context, access.Caller, string) (string, error) { return "key/own", nil }

// world is stacks over services.
type world struct {
	t      *testing.T
	clock  *clock.Clock
	stacks *stack.Service
	resource.Services
}

// parts are what services are made of.
type parts struct {
	records store.Records
	vault   *sealed.Vault
	gate    *access.Gate
	clock   *clock.Clock
}

func open(t *testing.T) *world {
	t.Helper()
	p := parts{records: memory.NewRecords(), gate: access.NewGate(access.Config{Identities: nobody{}, Record: journal{}}), clock: clock.Movable()}
	var err error
	if p.vault, err = sealed.Open(t.Context(), p.records, sealed.RandomSecret(sealed.KeyBytes)); err != nil {
		t.Fatal(err)
	}
	domain, err := p.vault.Domain(t.Context(), "cloudformation")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w := &world{t: t, clock: p.clock}
	w.Secrets = secret.New(secret.Config{Records: p.records, Keys: keys{}, Gate: p.gate, Clock: p.clock, Log: log, Principals: nobody{}})
	if w.Delivery, err = delivery.Open(t.Context(), delivery.Config{Records: p.records, Gate: p.gate, Clock: p.clock, Log: log, EdgeDomain: "cloudfront.localhost"}); err != nil {
		t.Fatal(err)
	}
	w.Functions, w.Trails = p.functions(t), p.trails(t)
	p.kept(w)
	w.stacks = stack.New(stack.Config{
		Records: p.records, Domain: domain, Clock: p.clock, Log: log, Patience: 1 << 40, Gate: p.gate, Providers: resource.Providers(w.Services),
		Assume: func(context.Context, string, arn.AccountID, string) (access.Caller, error) {
			return access.Caller{}, errors.New("no role can be assumed")
		},
		Parameter: func(context.Context, access.Caller, string) (string, error) { return "", errors.New("no parameter") },
	})
	t.Cleanup(w.stacks.Close)
	return w
}

// kept opens the services of keys, buckets, and users and roles.
func (p *parts) kept(w *world) {
	w.t.Helper()
	domain := func(name string) *sealed.Domain {
		d, err := p.vault.Domain(w.t.Context(), name)
		if err != nil {
			w.t.Fatal(err)
		}
		return d
	}
	var err error
	if w.Keys, err = keyring.Open(w.t.Context(), keyring.Config{Records: p.records, Domain: domain("kms"), Gate: p.gate, Clock: p.clock}); err != nil {
		w.t.Fatal(err)
	}
	ids, err := identity.Open(w.t.Context(), identity.Config{Records: p.records, Domain: domain("identity"), Account: "111122223333"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Identity = identity.NewAdmin(ids, p.gate)
	w.Buckets, err = bucket.Open(w.t.Context(), bucket.Config{
		Records: p.records, Blobs: memory.NewBlobs(), Keys: w.Keys, Vault: domain("s3"), Gate: p.gate, Clock: p.clock,
		Log: slog.New(slog.DiscardHandler), SoleWriter: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.Buckets.Close() })
	w.SayObjects = func(err error) string { return err.Error() }
}

func (w *world) root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "r", At: w.clock.Now(),
	}
}

// labels is how many tags say which stack something is in.
const labels = 3

// deploy creates or updates the stack "s" to its end, and returns its outputs.
func (w *world) deploy(template string, want stack.Status, tags ...stack.Tag) map[string]string {
	w.t.Helper()
	in := stack.Request{Name: "s", Template: template, Tags: tags, TagsGiven: true, Capabilities: []string{"CAPABILITY_NAMED_IAM"}}
	_, err := w.stacks.Update(w.t.Context(), w.root(), in)
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		_, err = w.stacks.Create(w.t.Context(), w.root(), in)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return w.outputs(want)
}

func (w *world) outputs(want stack.Status) map[string]string {
	w.t.Helper()
	all, err := w.stacks.Stacks(w.t.Context(), w.root(), "s")
	if err != nil {
		w.t.Fatal(err)
	}
	if all[0].Status != want {
		events, _, err := w.stacks.Events(w.t.Context(), w.root(), "s", "")
		w.t.Fatalf("stack is %s (%s), want %s\n%+v %v", all[0].Status, all[0].Reason, want, events, err)
	}
	m := map[string]string{}
	for _, o := range all[0].Outputs {
		m[o.Name] = o.Value
	}
	return m
}

// remove deletes the stack.
func (w *world) remove() {
	w.t.Helper()
	if err := w.stacks.Delete(w.t.Context(), w.root(), stack.DeleteRequest{Name: "s"}); err != nil {
		w.t.Fatal(err)
	}
	if all, err := w.stacks.Stacks(w.t.Context(), w.root(), "s"); err == nil {
		w.t.Fatalf("the stack is still there: %+v", all)
	}
}

// wantReason wants an event of the stack to say why.
func (w *world) wantReason(reason string) {
	w.t.Helper()
	events, _, err := w.stacks.Events(w.t.Context(), w.root(), "s", "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range events {
		if strings.Contains(e.Reason, reason) {
			return
		}
	}
	w.t.Errorf("no event says %q: %+v", reason, events)
}
