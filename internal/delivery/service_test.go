package delivery_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// everything returns all that an account can read.
func everything(t testing.TB, s *delivery.Service) []any {
	t.Helper()
	ctx := t.Context()
	all := []any{
		must(s.ListPublicKeys(ctx, me, delivery.Page{})).Items,
		must(s.ListKeyGroups(ctx, me, delivery.Page{})).Items,
		must(s.ListDistributions(ctx, me, delivery.Page{})).Items,
		must(s.ListOriginAccessControls(ctx, me, delivery.Page{})).Items,
		must(s.ListAccessIdentities(ctx, me, delivery.Page{})).Items,
		must(s.CachePolicies().List(ctx, me, delivery.CustomPolicies, delivery.Page{})).Items,
	}
	for _, d := range must(s.ListDistributions(ctx, me, delivery.Page{})).Items {
		all = append(all, must(s.ListInvalidations(ctx, me, d.ID, delivery.Page{})).Items,
			s.Snapshot().ByID(delivery.DistributionID(d.ID)))
	}
	return all
}

// populate makes one of everything.
func populate(f *fixture) *delivery.DistributionInfo {
	f.t.Helper()
	ctx := f.t.Context()
	k := f.key("k")
	g := f.group("g", k.ID)
	must(f.UpdatePublicKey(ctx, me, k.ID, k.ETag, k.Config))
	control := must(f.CreateOriginAccessControl(ctx, me, accessControl("control")))
	identity := must(f.CreateAccessIdentity(ctx, me, delivery.AccessIdentityConfig{CallerReference: "i", Comment: "c"}))
	policy := must(f.CachePolicies().Create(ctx, me, cachePolicy("p")))
	d := must(f.CreateDistributionWithTags(ctx, me, config("d", trusting(g.ID), func(c *delivery.DistributionConfig) {
		bucket := delivery.NewOriginConfig()
		s3 := delivery.NewS3OriginConfig()
		bucket.ID, bucket.DomainName, bucket.S3, bucket.AccessControlID = "bucket", "films.s3.us-east-1.amazonaws.com", &s3, control.ID
		legacy := bucket
		legacyS3 := s3
		legacyS3.AccessIdentity = "origin-access-identity/cloudfront/" + identity.ID
		legacy.ID, legacy.S3, legacy.AccessControlID = "legacy", &legacyS3, ""
		c.Origins = append(c.Origins, bucket, legacy)
		b := delivery.NewBehaviorConfig()
		b.PathPattern, b.TargetOriginID, b.ViewerProtocolPolicy, b.CachePolicyID = "/films/*", "bucket", "redirect-to-https", policy.ID
		c.Behaviors = []delivery.BehaviorConfig{b}
		c.Aliases = []string{"www.example.com", "*.films.example.com"}
	}), map[string]string{"team": "video"}))
	must(f.CreateInvalidation(ctx, me, d.ID, delivery.InvalidationConfig{CallerReference: "1", Paths: []string{"/films/*"}}))
	return d
}

func accessControl(name string) delivery.AccessControlConfig {
	return delivery.AccessControlConfig{Name: name, SigningProtocol: "sigv4", SigningBehavior: "always", OriginType: "s3"}
}

func cachePolicy(name string) delivery.CachePolicyConfig {
	c := delivery.NewCachePolicyConfig()
	c.Name = name
	c.QueryString = delivery.Names{Mode: "whitelist", Items: []string{"v"}}
	c.Headers = delivery.Names{Mode: "whitelist", Items: []string{"Origin"}}
	return c
}

func TestReopenGivesTheSameState(t *testing.T) {
	f := open(t)
	populate(f)
	want := everything(t, f.Service)
	again := f.reopen()
	if got := everything(t, again); !reflect.DeepEqual(got, want) {
		t.Errorf("reopened:\n%+v\nwant\n%+v", got, want)
	}
	if again.Snapshot().Version() != f.Snapshot().Version() {
		t.Errorf("version %d after reopening, want %d", again.Snapshot().Version(), f.Snapshot().Version())
	}
}

// TestOtherNode lets a second service over the same records follow.
func TestOtherNode(t *testing.T) {
	f := open(t)
	other := f.reopen()
	var seen []string
	other.Subscribe(0, func(i delivery.Invalidation) { seen = append(seen, i.ID) })
	d := populate(f)
	if other.Snapshot().Len() != 0 {
		t.Fatal("the other node knows before it looks")
	}
	refresh := func() {
		t.Helper()
		if err := other.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := everything(t, other), everything(t, f.Service); !reflect.DeepEqual(got, want) {
			t.Errorf("the other node has\n%+v\nwant\n%+v", got, want)
		}
	}
	refresh()
	if len(seen) != 1 {
		t.Errorf("the other node's edge saw invalidations %v, want 1", seen)
	}
	// Changes by turns: each node lands its own behind the other's.
	must(f.CreateOriginAccessControl(t.Context(), me, accessControl("here")))
	must(other.CreateOriginAccessControl(t.Context(), me, accessControl("there")))
	refreshed := f.Refresh(t.Context())
	if refreshed != nil {
		t.Fatal(refreshed)
	}
	refresh()

	off := d.Config
	off.Enabled = false
	d = must(other.UpdateDistribution(t.Context(), me, d.ID, d.ETag, off))
	if err := other.DeleteDistribution(t.Context(), me, d.ID, d.ETag); err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	refresh()
	if f.Snapshot().Len() != 0 || f.Snapshot().Lookup("www.example.com") != nil {
		t.Error("a deleted distribution is still served")
	}
}

// TestOtherNodeMissesForgotten covers invalidations that were made and
// forgotten between two looks: the other node's edge forgets all.
func TestOtherNodeMissesForgotten(t *testing.T) {
	f := open(t, func(c *delivery.Config) { c.Quotas.InvalidationsPerDistribution = 1 })
	d := must(f.CreateDistribution(t.Context(), me, config("d")))
	other := f.reopen()
	var seen []string
	other.Subscribe(other.Snapshot().Version(), func(i delivery.Invalidation) { seen = append(seen, i.Paths...) })
	for _, p := range []string{"/a", "/b", "/c"} {
		must(f.CreateInvalidation(t.Context(), me, d.ID, delivery.InvalidationConfig{CallerReference: p, Paths: []string{p}}))
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "/* /c" {
		t.Errorf("the other node's edge saw %q, want all forgotten and the last", got)
	}
}

var update = flag.Bool("update", false, "write the golden records")

// TestGoldenRecords opens records that an earlier release wrote.
func TestGoldenRecords(t *testing.T) {
	const file = "testdata/records-v1.txt"
	if *update {
		f := open(t)
		populate(f)
		var out strings.Builder
		err := f.records.View(t.Context(), func(tx store.Reader) error {
			for rec, err := range tx.Scan("delivery", store.Range{}) {
				if err != nil {
					return err
				}
				fmt.Fprintf(&out, "%s\t%q\n", rec.Key, rec.Value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	records := memory.NewRecords()
	err = records.Update(t.Context(), func(tx store.Writer) error {
		for line := range strings.Lines(string(text)) {
			key, quoted, _ := strings.Cut(strings.TrimSpace(line), "\t")
			value, err := strconv.Unquote(quoted)
			if err != nil {
				return err
			}
			if err := tx.Put("delivery", key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, func(c *delivery.Config) { c.Records = records })
	d := f.Snapshot().Lookup("a.films.example.com")
	if d == nil {
		t.Fatal("the distribution is gone")
	}
	b := d.Behavior("/films/x")
	if !d.Behavior("/").Restricted || len(d.Behavior("/").Keys) != 1 || b.Origin.Access.Signing != delivery.SignAlways || !b.Key.Query.Has("v") ||
		d.Origins["legacy"].Access.CanonicalUserID == "" {
		t.Errorf("the distribution is %+v, its behaviour %+v", d, b)
	}
	id := string(d.ID)
	if n := len(must(f.ListInvalidations(t.Context(), me, id, delivery.Page{})).Items); n != 1 {
		t.Errorf("%d invalidations, want 1", n)
	}
	// The indexes still work: names are taken, references protect.
	if _, err := f.CreateOriginAccessControl(t.Context(), me, accessControl("control")); !errors.Is(err, delivery.ErrAccessControlExists) {
		t.Errorf("a taken name: %v", err)
	}
	g := must(f.ListKeyGroups(t.Context(), me, delivery.Page{})).Items[0]
	if err := f.DeleteKeyGroup(t.Context(), me, g.ID, g.ETag); !errors.Is(err, delivery.ErrKeyGroupInUse) {
		t.Errorf("delete of a trusted group: %v", err)
	}
	info := must(f.GetDistribution(t.Context(), me, id))
	must(f.UpdateDistribution(t.Context(), me, id, info.ETag, info.Config))
}

// failing wraps Records and fails every Update while on.
type failing struct {
	store.Records
	on bool
}

var errDisk = errors.New("disk full")

func (r *failing) Update(ctx context.Context, fn func(store.Writer) error) error {
	if !r.on {
		return r.Records.Update(ctx, fn)
	}
	return r.Records.Update(ctx, func(w store.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		return errDisk
	})
}

func TestFailedWriteLeavesOldState(t *testing.T) {
	bad := new(failing)
	f := open(t, func(c *delivery.Config) { bad.Records, c.Records = c.Records, bad })
	d := populate(f)
	before, version := everything(t, f.Service), f.Snapshot().Version()
	bad.on = true
	ctx := t.Context()
	off := d.Config
	off.Enabled = false
	_, err1 := f.UpdateDistribution(ctx, me, d.ID, d.ETag, off)
	_, err2 := f.CreatePublicKey(ctx, me, delivery.PublicKeyConfig{CallerReference: "x", Name: "x", EncodedKey: newPEM(t)})
	_, err3 := f.CreateInvalidation(ctx, me, d.ID, delivery.InvalidationConfig{CallerReference: "x", Paths: []string{"/*"}})
	for _, err := range []error{err1, err2, err3, f.Untag(ctx, me, d.ARN(), []string{"team"})} {
		if !errors.Is(err, errDisk) {
			t.Errorf("error %v, want the disk's", err)
		}
	}
	last := f.journal.Last()
	if !last.Corrects || last.Error == "" {
		t.Errorf("the last record is %+v, want a correction of what was recorded as done", last)
	}
	if got := everything(t, f.Service); !reflect.DeepEqual(got, before) || f.Snapshot().Version() != version {
		t.Error("a failed write changed what is read")
	}
	if got := everything(t, f.reopen()); !reflect.DeepEqual(got, before) {
		t.Error("a failed write changed what is stored")
	}
	bad.on = false
	must(f.UpdateDistribution(ctx, me, d.ID, d.ETag, off))
}

func TestNothingWithoutItsRecord(t *testing.T) {
	f := open(t)
	d := populate(f)
	before := everything(t, f.Service)
	f.journal.Fail(errors.New("audit disk full"))
	if _, err := f.CreateInvalidation(t.Context(), me, d.ID, delivery.InvalidationConfig{CallerReference: "x", Paths: []string{"/*"}}); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("create without a record: %v", err)
	}
	if _, err := f.GetDistribution(t.Context(), me, d.ID); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("get without a record: %v", err)
	}
	f.journal.Fail(nil)
	if got := everything(t, f.Service); !reflect.DeepEqual(got, before) {
		t.Error("an unrecorded change took effect")
	}
}

// TestGateGuardsEveryMethod calls every exported method that takes a caller,
// as one who may do nothing, and wants a denial on record.
func TestGateGuardsEveryMethod(t *testing.T) {
	f := open(t)
	d := populate(f)
	before := everything(t, f.Service)
	stranger := access.Caller{Principal: policy.Principal{Kind: policy.User, Account: testAccount, ARN: "arn:aws:iam::000000000000:user/eve", Name: "eve"}}
	guarded := 0
	actions := map[string]bool{}
	for _, methods := range []any{f.Service, f.CachePolicies(), f.OriginRequestPolicies(), f.ResponseHeadersPolicies()} {
		v := reflect.ValueOf(methods)
		for i := range v.NumMethod() {
			m := v.Type().Method(i)
			if m.Type.NumIn() < 3 || m.Type.In(2) != reflect.TypeFor[access.Caller]() {
				continue
			}
			guarded++
			args := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(stranger)}
			for j := 3; j < m.Type.NumIn(); j++ {
				arg := reflect.New(m.Type.In(j)).Elem()
				if arg.Kind() == reflect.String {
					arg.SetString(d.ID)
				}
				args = append(args, arg)
			}
			out := v.Method(i).Call(args)
			err, _ := out[len(out)-1].Interface().(error)
			if !errors.Is(err, access.ErrDenied) {
				t.Errorf("%s by a stranger: %v, want a denial", m.Name, err)
			}
			last := f.journal.Last()
			if service, _, _ := strings.Cut(last.Action, ":"); last.Decision != audit.Denied || service != "cloudfront" && service != "keyfront" {
				t.Errorf("%s left the record %+v", m.Name, last)
			}
			actions[last.Action] = true
		}
	}
	for action := range strings.FieldsSeq(`CreateCachePolicy GetCachePolicy GetCachePolicyConfig UpdateCachePolicy DeleteCachePolicy
		ListCachePolicies ListDistributionsByOriginRequestPolicyId ListOriginRequestPolicies GetResponseHeadersPolicyConfig`) {
		if !actions["cloudfront:"+action] {
			t.Errorf("nothing asked for the permission %s", action)
		}
	}
	if guarded < 55 {
		t.Errorf("only %d methods take a caller", guarded)
	}
	if got := everything(t, f.Service); !reflect.DeepEqual(got, before) {
		t.Error("a stranger changed something")
	}
}

func TestAccountsAreApart(t *testing.T) {
	f := open(t)
	d := populate(f)
	other := root("111111111111")
	if _, err := f.GetDistribution(t.Context(), other, d.ID); !errors.Is(err, delivery.ErrNoDistribution) {
		t.Errorf("another account's get: %v", err)
	}
	if n := len(must(f.ListDistributions(t.Context(), other, delivery.Page{})).Items); n != 0 {
		t.Errorf("another account lists %d distributions", n)
	}
	if _, err := f.ListTags(t.Context(), other, d.ARN()); !errors.Is(err, delivery.ErrNoResource) {
		t.Errorf("another account's tags: %v", err)
	}
	// The caller reference is the account's own, an alias is everyone's.
	c := config("d")
	must(f.CreateDistribution(t.Context(), other, c))
	c.CallerReference, c.Aliases = "e", []string{"www.example.com"}
	if _, err := f.CreateDistribution(t.Context(), other, c); !errors.Is(err, delivery.ErrAliasTaken) {
		t.Errorf("another account's alias: %v", err)
	}
}

func TestConcurrentChanges(t *testing.T) {
	f := open(t, func(c *delivery.Config) { c.Quotas.Distributions = 20 })
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			// Thirty creates for twenty places, each reference tried twice.
			_, err := f.CreateDistribution(t.Context(), me, config(fmt.Sprint(i%25)))
			if err != nil && !errors.Is(err, delivery.ErrTooManyDistributions) && !errors.Is(err, delivery.ErrDistributionExists) {
				t.Error(err)
			}
			f.Snapshot().Lookup("d.cloudfront.localhost")
			if _, err := f.ListDistributions(t.Context(), me, delivery.Page{Max: 3}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.Snapshot().Len(); n != 20 {
		t.Errorf("%d distributions, want the quota of 20", n)
	}
	d := must(f.ListDistributions(t.Context(), me, delivery.Page{})).Items[0]
	var won sync.Map
	for i := range 8 {
		wg.Go(func() {
			if u, err := f.UpdateDistribution(t.Context(), me, d.ID, d.ETag, d.Config); err == nil {
				won.Store(i, u.ETag)
			} else if !errors.Is(err, delivery.ErrStale) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	if winners != 1 {
		t.Errorf("%d updates of one version won, want 1", winners)
	}
}

func TestPages(t *testing.T) {
	f := open(t)
	for i := range 5 {
		must(f.CreateDistribution(t.Context(), me, config(fmt.Sprint(i))))
	}
	var ids []string
	p := delivery.Page{Max: 2}
	for {
		l := must(f.ListDistributions(t.Context(), me, p))
		for _, d := range l.Items {
			ids = append(ids, d.ID)
		}
		if p.After = l.Next; p.After == "" {
			break
		}
	}
	if len(ids) != 5 {
		t.Errorf("pages hold %v, want five ids", ids)
	}
	// A marker that was deleted meanwhile still marks its place.
	if l := must(f.ListDistributions(t.Context(), me, delivery.Page{After: ids[1] + "0"})); len(l.Items) != 3 {
		t.Errorf("after a gone marker: %d items, want 3", len(l.Items))
	}
	if _, err := f.ListDistributions(t.Context(), me, delivery.Page{Max: -1}); !errors.Is(err, delivery.ErrInvalid) {
		t.Errorf("negative page: %v", err)
	}
}
