package signer_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/signedurl"
)

const account arn.AccountID = "111122223333"

type identities map[string][]*policy.Document

func (i identities) PoliciesOf(p *policy.Principal, into *policy.Policies) {
	into.Identity = i[p.ARN]
}

var errCrash = errors.New("crash")

// mortal are records that die at the n-th update, before or after it, and then
// fail until they are replaced.
type mortal struct {
	store.Records
	updates, dieAt int
	after          bool
}

func (m *mortal) Update(ctx context.Context, fn func(store.Writer) error) error {
	m.updates++
	if m.dieAt == 0 || m.updates < m.dieAt {
		return m.Records.Update(ctx, fn)
	}
	if m.updates == m.dieAt && m.after {
		if err := m.Records.Update(ctx, fn); err != nil {
			return err
		}
	}
	return errCrash
}

// world is everything that signing profiles stand on.
type world struct {
	*signer.Service
	t        testing.TB
	records  store.Records
	root     sealed.Secret
	clock    *clock.Clock
	recorder *accesstest.Journal
	policies identities
	gate     *access.Gate
	keys     *keyring.Ring
	groups   *delivery.Service
	seen     map[string]time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, records: memory.NewRecords(), root: sealed.RandomSecret(sealed.KeyBytes), clock: clock.Movable(),
		recorder: new(accesstest.Journal), policies: identities{}, seen: map[string]time.Time{},
	}
	w.gate = access.NewGate(access.Config{Identities: w.policies, Record: w.recorder})
	w.open(w.records)
	return w
}

// open opens everything again, as a new process would.
func (w *world) open(records store.Records) {
	w.t.Helper()
	ctx := w.t.Context()
	vault, err := sealed.Open(ctx, w.records, w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	domain, err := vault.Domain(ctx, "kms")
	if err != nil {
		w.t.Fatal(err)
	}
	w.keys, err = keyring.Open(ctx, keyring.Config{Records: records, Domain: domain, Gate: w.gate, Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	services, err := policy.Parse(policy.UseKey, signer.GroupPolicy)
	if err != nil {
		w.t.Fatal(err)
	}
	w.groups, err = delivery.Open(ctx, delivery.Config{
		Records: records, Gate: w.gate, Clock: w.clock, Log: slog.New(slog.DiscardHandler), EdgeDomain: "cloudfront.localhost", Services: services,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service, err = signer.Open(ctx, signer.Config{
		Records: records, Gate: w.gate, Clock: w.clock, Keys: w.keys, Groups: w.groups,
		Seen: func(id string) (first, last time.Time) { return w.seen[id], w.seen[id] },
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) me() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + string(account) + ":root", UserID: string(account)},
		Region:    "us-east-1", RequestID: "r-1", At: w.clock.Now(),
	}
}

// user is a caller with the given identity policy.
func (w *world) user(name, document string) access.Caller {
	w.t.Helper()
	who := w.me()
	who.Principal = policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::" + string(account) + ":user/" + name, UserID: "AIDA" + name, Name: name}
	d, err := policy.Parse(policy.UseIdentity, document)
	if err != nil {
		w.t.Fatal(err)
	}
	w.policies[who.Principal.ARN] = []*policy.Document{d}
	return who
}

// profile makes the profile "links" and returns its status.
func (w *world) profile(edit ...func(*signer.ProfileConfig)) *signer.Status {
	w.t.Helper()
	c := signer.ProfileConfig{Resources: []string{"https://example.com/films/*"}}
	for _, e := range edit {
		e(&c)
	}
	st, err := w.Create(w.t.Context(), w.me(), "links", c)
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

func (w *world) status() *signer.Status {
	w.t.Helper()
	st, err := w.Get(w.t.Context(), w.me(), "links")
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// trusted are the keys that the profile's key group lets in.
func (w *world) trusted(group string) signedurl.KeySet {
	w.t.Helper()
	g, err := w.groups.GetKeyGroup(w.t.Context(), w.me(), group)
	if err != nil {
		w.t.Fatal(err)
	}
	keys := signedurl.KeySet{}
	for _, id := range g.Config.Keys {
		k, err := w.groups.GetPublicKey(w.t.Context(), w.me(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if keys[signedurl.KeyID(id)], err = signedurl.ParsePublicKey([]byte(k.Config.EncodedKey)); err != nil {
			w.t.Fatal(err)
		}
	}
	return keys
}

// admits reports whether the edge would let in a signed URL now.
func (w *world) admits(group, url string) bool {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	q := signedurl.Request{Scheme: r.URL.Scheme, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	result := signedurl.Verify(&q, w.trusted(group), w.clock.Now(), nil)
	return result.Allowed()
}

// enabled counts the keys of the key service that can sign.
func (w *world) enabled() int {
	w.t.Helper()
	names, err := w.keys.Keys(w.t.Context(), w.me(), keyring.Page{})
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, k := range names.Items {
		m, err := w.keys.Describe(w.t.Context(), w.me(), keyring.Use{Key: k.ARN})
		if err != nil {
			w.t.Fatal(err)
		}
		if m.State == keyring.Enabled {
			n++
		}
	}
	return n
}

// publics counts the public keys of the account.
func (w *world) publics() int {
	w.t.Helper()
	list, err := w.groups.ListPublicKeys(w.t.Context(), w.me(), delivery.Page{})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list.Items)
}

// last is the newest record of an action.
func (w *world) last(action string) (audit.Record, bool) {
	for _, rec := range slices.Backward(w.recorder.Records()) {
		if rec.Action == action {
			return rec, true
		}
	}
	return audit.Record{}, false
}
