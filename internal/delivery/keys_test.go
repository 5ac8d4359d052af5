package delivery_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func (f *fixture) key(name string) *delivery.PublicKey {
	f.t.Helper()
	return must(f.CreatePublicKey(f.t.Context(), me, delivery.PublicKeyConfig{CallerReference: "ref-" + name, Name: name, EncodedKey: newPEM(f.t)}))
}

func (f *fixture) group(name string, keys ...string) *delivery.KeyGroup {
	f.t.Helper()
	return must(f.CreateKeyGroup(f.t.Context(), me, delivery.KeyGroupConfig{Name: name, Keys: keys}))
}

func TestPublicKeyRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	text := newPEM(t)
	c := delivery.PublicKeyConfig{CallerReference: "r", Name: "n", Comment: "c"}
	// However the client wraps its PEM, it reads the normal form back.
	c.EncodedKey = "\n" + strings.ReplaceAll(text, "\n", "\r\n") + "\n\n"
	k := must(f.CreatePublicKey(ctx, me, c))
	if k.Config.EncodedKey != text {
		t.Errorf("EncodedKey = %q, want %q", k.Config.EncodedKey, text)
	}
	if !regexp.MustCompile(`^K[A-Z0-9]{13}$`).MatchString(k.ID) || !regexp.MustCompile(`^E[A-Z0-9]{13}$`).MatchString(k.ETag) {
		t.Errorf("ID %q, ETag %q", k.ID, k.ETag)
	}
	if again := must(f.CreatePublicKey(ctx, me, c)); again.ID != k.ID || again.ETag != k.ETag {
		t.Errorf("the same key again is %s %s, want %s %s", again.ID, again.ETag, k.ID, k.ETag)
	}

	with := func(edit func(*delivery.PublicKeyConfig)) delivery.PublicKeyConfig {
		c := k.Config
		edit(&c)
		return c
	}
	creates := []struct {
		name string
		c    delivery.PublicKeyConfig
		want error
	}{
		{"other comment under the reference", with(func(c *delivery.PublicKeyConfig) { c.Comment = "x" }), delivery.ErrPublicKeyExists},
		{"name of another", with(func(c *delivery.PublicKeyConfig) { c.CallerReference = "x" }), delivery.ErrPublicKeyExists},
		{"no PEM", with(func(c *delivery.PublicKeyConfig) { c.EncodedKey = "ssh-rsa AAAA" }), delivery.ErrInvalid},
		{"no name", with(func(c *delivery.PublicKeyConfig) { c.Name = "" }), delivery.ErrInvalid},
		{"no reference", with(func(c *delivery.PublicKeyConfig) { c.CallerReference = "" }), delivery.ErrInvalid},
		{"long comment", with(func(c *delivery.PublicKeyConfig) { c.Comment = strings.Repeat("x", 129) }), delivery.ErrInvalid},
	}
	for _, r := range creates {
		if _, err := f.CreatePublicKey(ctx, me, r.c); !errors.Is(err, r.want) {
			t.Errorf("create with %s: %v, want %v", r.name, err, r.want)
		}
	}

	updates := []struct {
		name, id, version string
		c                 delivery.PublicKeyConfig
		want              error
	}{
		{"no version", k.ID, "", k.Config, delivery.ErrVersion},
		{"malformed version", k.ID, "*", k.Config, delivery.ErrVersion},
		{"stale version", k.ID, "EAAAAAAAAAAAAA", k.Config, delivery.ErrStale},
		{"unknown key", "KAAAAAAAAAAAAA", k.ETag, k.Config, delivery.ErrNoPublicKey},
		{"other name", k.ID, k.ETag, with(func(c *delivery.PublicKeyConfig) { c.Name = "x" }), delivery.ErrImmutableKey},
		{"other reference", k.ID, k.ETag, with(func(c *delivery.PublicKeyConfig) { c.CallerReference = "x" }), delivery.ErrImmutableKey},
		{"other key", k.ID, k.ETag, with(func(c *delivery.PublicKeyConfig) { c.EncodedKey = newPEM(t) }), delivery.ErrImmutableKey},
	}
	for _, r := range updates {
		if _, err := f.UpdatePublicKey(ctx, me, r.id, r.version, r.c); !errors.Is(err, r.want) {
			t.Errorf("update with %s: %v, want %v", r.name, err, r.want)
		}
	}
	// A version may come in quotes, and an update that changes nothing makes a new one.
	same := must(f.UpdatePublicKey(ctx, me, k.ID, `"`+k.ETag+`"`, k.Config))
	if same.ETag == k.ETag || same.ID != k.ID || !same.CreatedAt.Equal(k.CreatedAt) {
		t.Errorf("update made %+v of %+v", same.Meta, k.Meta)
	}
	changed := must(f.UpdatePublicKey(ctx, me, k.ID, same.ETag, with(func(c *delivery.PublicKeyConfig) { c.Comment = "new" })))
	if got := must(f.GetPublicKey(ctx, me, k.ID)); got.Config.Comment != "new" || got.ETag != changed.ETag {
		t.Errorf("GetPublicKey = %+v, want the update", got)
	}

	if err := f.DeletePublicKey(ctx, me, k.ID, same.ETag); !errors.Is(err, delivery.ErrStale) {
		t.Errorf("delete of an old version: %v", err)
	}
	g := f.group("g", k.ID)
	if err := f.DeletePublicKey(ctx, me, k.ID, changed.ETag); !errors.Is(err, delivery.ErrPublicKeyInUse) {
		t.Errorf("delete of a key in a group: %v", err)
	}
	if err := f.DeleteKeyGroup(ctx, me, g.ID, g.ETag); err != nil {
		t.Fatal(err)
	}
	if err := f.DeletePublicKey(ctx, me, k.ID, changed.ETag); err != nil {
		t.Fatal(err)
	}
	if _, err := f.GetPublicKeyConfig(ctx, me, k.ID); !errors.Is(err, delivery.ErrNoPublicKey) {
		t.Errorf("get of a deleted key: %v", err)
	}
	// Its reference and name are free again.
	must(f.CreatePublicKey(ctx, me, c))
}

func TestKeyGroupRules(t *testing.T) {
	f, ctx := open(t), t.Context()
	a, b := f.key("a"), f.key("b")
	g := f.group("g", a.ID, b.ID)
	many := make([]string, 6)
	for i := range many {
		many[i] = fmt.Sprintf("K%013d", i)
	}
	for _, r := range []struct {
		name string
		c    delivery.KeyGroupConfig
		want error
	}{
		{"taken name", delivery.KeyGroupConfig{Name: "g", Keys: []string{a.ID}}, delivery.ErrKeyGroupExists},
		{"no keys", delivery.KeyGroupConfig{Name: "x"}, delivery.ErrInvalid},
		{"one key twice", delivery.KeyGroupConfig{Name: "x", Keys: []string{a.ID, a.ID}}, delivery.ErrInvalid},
		{"unknown key", delivery.KeyGroupConfig{Name: "x", Keys: []string{"KAAAAAAAAAAAAA"}}, delivery.ErrInvalid},
		{"too many keys", delivery.KeyGroupConfig{Name: "x", Keys: many}, delivery.ErrTooManyPublicKeysInGroup},
	} {
		if _, err := f.CreateKeyGroup(ctx, me, r.c); !errors.Is(err, r.want) {
			t.Errorf("create with %s: %v, want %v", r.name, err, r.want)
		}
	}
	other := f.group("other", b.ID)
	if _, err := f.UpdateKeyGroup(ctx, me, other.ID, other.ETag, delivery.KeyGroupConfig{Name: "g", Keys: []string{b.ID}}); !errors.Is(err, delivery.ErrKeyGroupExists) {
		t.Errorf("rename to a taken name: %v", err)
	}
	renamed := must(f.UpdateKeyGroup(ctx, me, other.ID, other.ETag, delivery.KeyGroupConfig{Name: "renamed", Keys: []string{a.ID}}))
	f.group("other", a.ID)
	if err := f.DeleteKeyGroup(ctx, me, renamed.ID, other.ETag); !errors.Is(err, delivery.ErrStale) {
		t.Errorf("delete of an old version: %v", err)
	}

	d := must(f.CreateDistribution(ctx, me, config("d", trusting(g.ID), disabled)))
	if err := f.DeleteKeyGroup(ctx, me, g.ID, g.ETag); !errors.Is(err, delivery.ErrKeyGroupInUse) {
		t.Errorf("delete of a group that a disabled distribution trusts: %v", err)
	}
	if ids := must(f.ListDistributionsByKeyGroup(ctx, me, g.ID, delivery.Page{})).Items; len(ids) != 1 || ids[0] != d.ID {
		t.Errorf("ListDistributionsByKeyGroup = %v, want %s", ids, d.ID)
	}
	if err := f.DeleteDistribution(ctx, me, d.ID, d.ETag); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteKeyGroup(ctx, me, g.ID, g.ETag); err != nil {
		t.Fatal(err)
	}
}

func TestKeyQuotas(t *testing.T) {
	f := open(t, func(c *delivery.Config) {
		c.Quotas = delivery.Quotas{PublicKeys: 2, KeyGroups: 1, DistributionsPerKeyGroup: 1}
	})
	ctx := t.Context()
	a := f.key("a")
	f.key("b")
	if _, err := f.CreatePublicKey(ctx, me, delivery.PublicKeyConfig{CallerReference: "c", Name: "c", EncodedKey: newPEM(t)}); !errors.Is(err, delivery.ErrTooManyPublicKeys) {
		t.Errorf("third key: %v", err)
	}
	must(f.CreatePublicKey(ctx, root("111111111111"), delivery.PublicKeyConfig{CallerReference: "c", Name: "a", EncodedKey: newPEM(t)}))
	g := f.group("g", a.ID)
	if _, err := f.CreateKeyGroup(ctx, me, delivery.KeyGroupConfig{Name: "h", Keys: []string{a.ID}}); !errors.Is(err, delivery.ErrTooManyKeyGroups) {
		t.Errorf("second group: %v", err)
	}
	d := must(f.CreateDistribution(ctx, me, config("1", trusting(g.ID))))
	if _, err := f.CreateDistribution(ctx, me, config("2", trusting(g.ID))); !errors.Is(err, delivery.ErrTooManyDistributionsOfKeyGroup) {
		t.Errorf("second distribution of the group: %v", err)
	}
	// An update of the one that has the place is no second.
	must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, d.Config))
}

// TestKeyRevokedAtOnce covers rule 9 of the specification: a key that leaves
// its group leaves the edge before the answer.
func TestKeyRevokedAtOnce(t *testing.T) {
	f, ctx := open(t), t.Context()
	a, b := f.key("a"), f.key("b")
	g := f.group("g", a.ID, b.ID)
	h := f.group("h", b.ID)
	d := must(f.CreateDistribution(ctx, me, config("d", trusting(g.ID, h.ID))))
	keys := func() int {
		return len(f.Snapshot().ByID(delivery.DistributionID(d.ID)).Behaviors[0].Keys)
	}
	if keys() != 2 {
		t.Fatalf("%d keys trusted, want the union of both groups: 2", keys())
	}
	before, changed := f.Snapshot(), f.Changed()
	must(f.UpdateKeyGroup(ctx, me, g.ID, g.ETag, delivery.KeyGroupConfig{Name: "g", Keys: []string{b.ID}}))
	if keys() != 1 {
		t.Errorf("%d keys trusted after one left, want 1", keys())
	}
	if f.Snapshot().Version() <= before.Version() {
		t.Errorf("version %d after %d", f.Snapshot().Version(), before.Version())
	}
	select {
	case <-changed:
	default:
		t.Error("Changed was not closed")
	}
	if len(before.ByID(delivery.DistributionID(d.ID)).Behaviors[0].Keys) != 2 {
		t.Error("an old snapshot changed")
	}
}

func trusting(groups ...string) func(*delivery.DistributionConfig) {
	return func(c *delivery.DistributionConfig) {
		c.DefaultBehavior.TrustedKeyGroups = delivery.Trust{Enabled: true, Items: groups}
	}
}

func disabled(c *delivery.DistributionConfig) { c.Enabled = false }
