package delivery_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/signedurl"
)

func TestInspect(t *testing.T) {
	f := open(t)
	ctx := t.Context()
	key := func(name string) string {
		k := must(f.CreatePublicKey(ctx, me, delivery.PublicKeyConfig{CallerReference: name, Name: name, EncodedKey: newPEM(t)}))
		return k.ID
	}
	used, spare, loose := key("used"), key("spare"), key("loose")
	trusted := must(f.CreateKeyGroup(ctx, me, delivery.KeyGroupConfig{Name: "trusted", Keys: []string{used}})).ID
	other := must(f.CreateKeyGroup(ctx, me, delivery.KeyGroupConfig{Name: "other", Keys: []string{spare}})).ID
	d := must(f.CreateDistribution(ctx, me, config("1", func(c *delivery.DistributionConfig) {
		c.Aliases = []string{"www.example.com", "*.example.org"}
		open := c.DefaultBehavior
		open.PathPattern = "/open/*"
		c.Behaviors = []delivery.BehaviorConfig{open}
		c.DefaultBehavior.TrustedKeyGroups = delivery.Trust{Enabled: true, Items: []string{trusted}}
	})))
	second := must(f.CreateDistribution(ctx, me, config("2")))

	got := must(f.Inspect(ctx, me, "a.example.org"))
	if n, chosen := got.Snapshot.Len(), got.Snapshot.Lookup("www.example.com"); n != 1 || chosen == nil || string(chosen.ID) != d.ID {
		t.Errorf("found %d distributions, %v, want %s", n, chosen, d.ID)
	}
	if want := [][]string{nil, {trusted}}; !reflect.DeepEqual(got.Trusted, want) {
		t.Errorf("Trusted = %v, want %v", got.Trusted, want)
	}
	groups := map[signedurl.KeyID][]string{signedurl.KeyID(used): {trusted}, signedurl.KeyID(spare): {other}, signedurl.KeyID(loose): nil}
	if !reflect.DeepEqual(got.Groups, groups) {
		t.Errorf("Groups = %v, want %v", got.Groups, groups)
	}
	if want := []string{f.DomainName(d), "www.example.com", f.DomainName(second)}; !reflect.DeepEqual(got.Hosts, want) {
		t.Errorf("Hosts = %v, want %v", got.Hosts, want)
	}

	// Nothing of it is another account's business.
	stranger := root("111122223333")
	got = must(f.Inspect(ctx, stranger, "www.example.com"))
	if got.Snapshot.Len() != 0 || len(got.Groups) != 0 || len(got.Hosts) != 0 || len(got.Trusted) != 0 {
		t.Errorf("a stranger learns %+v", got)
	}
	guest := me
	guest.Principal.Kind, guest.Principal.ARN = 0, "arn:aws:iam::000000000000:user/guest"
	if _, err := f.Inspect(ctx, guest, "www.example.com"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a user without the permission: %v, want %v", err, access.ErrDenied)
	}
	records := f.journal.Records()
	if r := records[len(records)-1]; r.Action != "keyfront:Explain" || r.Resources[0] != d.ARN() {
		t.Errorf("recorded %s on %v, want keyfront:Explain on %s", r.Action, r.Resources, d.ARN())
	}
}
