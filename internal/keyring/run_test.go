package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// dump is every record of the ring's spaces.
func dump(t testing.TB, records store.Records) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := records.View(context.Background(), func(tx store.Reader) error {
		for _, space := range []store.Space{"kms.key", "kms.material", "kms.alias", "kms.grant", "kms.retirable", "kms.usage", "kms.due", "kms.change"} {
			for rec, err := range tx.Scan(space, store.Range{}) {
				if err != nil {
					return err
				}
				out[string(space)+" "+rec.Key] = string(rec.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mentions counts the records, but for the journal, that name a key.
func mentions(t testing.TB, records store.Records, id keyring.KeyID) (n int) {
	for key, value := range dump(t, records) {
		if !strings.HasPrefix(key, "kms.change") && strings.Contains(key+value, string(id)) {
			n++
		}
	}
	return n
}

// When the waiting period ends, key, material and aliases are destroyed, which
// the record says; until then they are not.
func TestDeletionHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		run(t, r)
		doomed, kept := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
		if err := r.CreateAlias(t.Context(), root(), "alias/doomed", doomed.ARN); err != nil {
			t.Fatal(err)
		}
		blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: doomed.ARN}, []byte("x"))).Blob
		before := w.clock.Now()
		for _, m := range []keyring.Metadata{doomed, kept} {
			d := must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
			if want := before.AddDate(0, 0, 7); d.At.Sub(want).Abs() > time.Second || d.Days != 7 || d.State != keyring.PendingDeletion || d.KeyARN != m.ARN {
				t.Errorf("ScheduleDeletion = %+v", d)
			}
		}
		if arn := must[string](t)(r.CancelDeletion(t.Context(), root(), kept.ARN)); arn != kept.ARN {
			t.Errorf("CancelDeletion = %s", arn)
		}
		w.clock.Advance(7*24*time.Hour - time.Minute)
		synctest.Wait()
		m := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: "alias/doomed"}))
		if m.State != keyring.PendingDeletion || m.Deletion.IsZero() || mentions(t, w.records, doomed.ID) != 4 {
			t.Errorf("a minute before the end: %+v, %d records", m, mentions(t, w.records, doomed.ID))
		}

		w.clock.Advance(time.Minute)
		// The key is gone before anybody has swept.
		wantError(t, "Describe", second(r.Describe(t.Context(), root(), keyring.Use{Key: doomed.ARN})), keyring.ErrNotFound, "Key '"+doomed.ARN+"' does not exist")
		wantError(t, "CancelDeletion", second(r.CancelDeletion(t.Context(), root(), doomed.ARN)), keyring.ErrNotFound, "Key '"+doomed.ARN+"' does not exist")
		if got := must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), keyring.Page{})); len(got.Items) != 1 {
			t.Errorf("Keys = %v", got.Items)
		}
		synctest.Wait()
		if n := mentions(t, w.records, doomed.ID); n != 0 {
			t.Errorf("%d records of the deleted key are left: %v", n, dump(t, w.records))
		}
		if _, err := r.Decrypt(t.Context(), root(), keyring.Use{}, blob); !errors.Is(err, access.ErrDenied) || err.Error() != hidden {
			t.Errorf("Decrypt after the deletion = %v", err)
		}
		var deleted int
		for _, rec := range w.recorder.Records() {
			if rec.Action == "kms:DeleteKey" {
				deleted++
				if rec.Resources[0] != doomed.ARN || rec.Error != "" || rec.Time.Before(before.AddDate(0, 0, 7).Add(-time.Second)) {
					t.Errorf("the deletion is recorded as %+v", rec)
				}
			}
		}
		if deleted != 1 {
			t.Errorf("%d records of a deletion, want 1", deleted)
		}
		if m := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: kept.ARN})); m.State != keyring.Disabled || !m.Deletion.IsZero() {
			t.Errorf("the rescued key = %+v", m)
		}
		if err := r.CreateAlias(t.Context(), root(), "alias/doomed", kept.ARN); err != nil {
			t.Errorf("the alias of the deleted key is not free: %v", err)
		}
	})
}

// A deletion that came due while nobody was there is done at the next start.
func TestDeletionWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		m := create(t, r, keyring.P256, keyring.SignVerify)
		must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 0))
		w.clock.Advance(31 * 24 * time.Hour)
		again := w.open()
		if _, err := again.Describe(t.Context(), root(), keyring.Use{Key: m.ARN}); !errors.Is(err, keyring.ErrNotFound) {
			t.Errorf("Describe = %v", err)
		}
		run(t, again)
		synctest.Wait()
		if n := mentions(t, w.records, m.ID); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func TestDeletionWindow(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	wantError(t, "6 days", second(r.ScheduleDeletion(t.Context(), root(), m.ARN, 6)), keyring.ErrInvalid,
		"1 validation error detected: Value '6' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value greater than or equal to 7")
	wantError(t, "31 days", second(r.ScheduleDeletion(t.Context(), root(), m.ARN, 31)), keyring.ErrInvalid,
		"1 validation error detected: Value '31' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value less than or equal to 30")
}

// run runs r until the test ends.
func run(t *testing.T, r *keyring.Ring) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
}

// Another node's changes appear within a second.
func TestFollowsOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.open(), w.open()
		run(t, b)
		m := create(t, a, keyring.Symmetric, "")
		blob := must[keyring.Encrypted](t)(a.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob
		steps := []struct {
			name string
			do   func() error
			seen func() bool
		}{
			{"create", func() error { return nil }, func() bool {
				_, err := b.Decrypt(t.Context(), root(), keyring.Use{}, blob)
				return err == nil
			}},
			{"alias", func() error { return a.CreateAlias(t.Context(), root(), "alias/a", m.ARN) }, func() bool {
				_, err := b.Describe(t.Context(), root(), keyring.Use{Key: "alias/a"})
				return err == nil
			}},
			{"policy", func() error {
				return a.SetPolicy(t.Context(), root(), m.ARN, "", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["kms:DisableKey","kms:DescribeKey"],"Resource":"*"}]}`, true)
			}, func() bool {
				_, err := b.Decrypt(t.Context(), root(), keyring.Use{}, blob)
				return errors.Is(err, access.ErrDenied)
			}},
			{"disable", func() error { return a.Disable(t.Context(), root(), m.ARN) }, func() bool {
				got, err := b.Describe(t.Context(), root(), keyring.Use{Key: m.ARN})
				return err == nil && got.State == keyring.Disabled
			}},
		}
		for _, s := range steps {
			if err := s.do(); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			time.Sleep(time.Second) // the bubble's
			synctest.Wait()
			if !s.seen() {
				t.Errorf("%s does not appear on the other node", s.name)
			}
		}
	})
}

// A node that slept longer than the journal reads everything, deletions too.
func TestFollowsAfterALongSleep(t *testing.T) {
	w := newWorld(t)
	a := w.open()
	doomed, kept := create(t, a, keyring.Symmetric, ""), create(t, a, keyring.Symmetric, "")
	b := w.open()
	must[keyring.Deletion](t)(a.ScheduleDeletion(t.Context(), root(), doomed.ARN, 7))
	w.clock.Advance(8 * 24 * time.Hour)
	if err := keyring.DoDue(a, t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range keyring.JournalLength + 1 {
		if err := a.SetDescription(t.Context(), root(), kept.ARN, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(dump(t, w.records)); n > keyring.JournalLength+10 {
		t.Errorf("%d records: the journal is not cut", n)
	}
	if err := keyring.Refresh(b, t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(-8 * 24 * time.Hour) // so that the deadline hides nothing
	if _, err := b.Describe(t.Context(), root(), keyring.Use{Key: doomed.ARN}); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("the deleted key is still there: %v", err)
	}
	if m := must[keyring.Metadata](t)(b.Describe(t.Context(), root(), keyring.Use{Key: kept.ARN})); m.Description != fmt.Sprint(keyring.JournalLength) {
		t.Errorf("the other key is %+v", m)
	}
}

// failing makes Records fail at one Update, with nothing or everything of it
// persisted.
type failing struct {
	store.Records
	at      int // the Update that fails, counted from 0
	persist bool
	updates int
}

var errStore = errors.New("the store broke")

func (f *failing) Update(ctx context.Context, fn func(store.Writer) error) error {
	n := f.updates
	f.updates++
	if n != f.at {
		return f.Records.Update(ctx, fn)
	}
	if f.persist {
		if err := f.Records.Update(ctx, fn); err != nil {
			return err
		}
		return fmt.Errorf("%w: %w", store.ErrUncertain, errStore)
	}
	err := f.Records.Update(ctx, func(tx store.Writer) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errStore // rolls back what fn wrote
	})
	return err
}

// Whatever write fails, with nothing or everything of it kept: every change is
// whole or absent, memory and store agree, and what was encrypted can be read.
func TestCrashes(t *testing.T) {
	changes := []struct {
		name string
		do   func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error
	}{
		{"create", func(t *testing.T, r *keyring.Ring, _ keyring.Metadata) error {
			_, err := r.Create(t.Context(), root(), keyring.CreateInput{Tags: tags(2)})
			return err
		}},
		{"managed", func(t *testing.T, r *keyring.Ring, _ keyring.Metadata) error {
			_, err := r.ManagedKey(t.Context(), root(), "s3")
			return err
		}},
		{"disable", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.Disable(t.Context(), root(), m.ARN)
		}},
		{"create alias", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.CreateAlias(t.Context(), root(), "alias/second", m.ARN)
		}},
		{"delete alias", func(t *testing.T, r *keyring.Ring, _ keyring.Metadata) error {
			return r.DeleteAlias(t.Context(), root(), "alias/first")
		}},
		{"move alias", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.MoveAlias(t.Context(), root(), "alias/first", m.ARN)
		}},
		{"schedule deletion", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			_, err := r.ScheduleDeletion(t.Context(), root(), m.ARN, 7)
			return err
		}},
		{"policy", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.SetPolicy(t.Context(), root(), m.ARN, "", strings.Replace(keyring.DefaultPolicy(account), "key-default-1", "mine", 1), false)
		}},
		{"enable rotation", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.EnableRotation(t.Context(), root(), m.ARN, 0)
		}},
		{"rotate", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			_, err := r.RotateNow(t.Context(), root(), m.ARN)
			return err
		}},
		{"grant", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			in := keyring.GrantInput{Key: m.ARN, Grantee: string(other), Retiring: string(other), Operations: []keyring.GrantOperation{"Encrypt"}, Name: "n"}
			_, _, err := r.CreateGrant(t.Context(), root(), in)
			return err
		}},
		{"import", func(t *testing.T, r *keyring.Ring, _ keyring.Metadata) error {
			k := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: "alias/external"}))
			_, err := r.ImportMaterial(t.Context(), root(), symmetricOffer(t, r, k.ARN, make([]byte, 32)))
			return err
		}},
		{"replicate", func(t *testing.T, r *keyring.Ring, _ keyring.Metadata) error {
			_, err := r.Replicate(t.Context(), root(), keyring.ReplicaInput{Key: multiRegionKey(t, r), Region: elsewhere})
			return err
		}},
		{"tag", func(t *testing.T, r *keyring.Ring, m keyring.Metadata) error {
			return r.Tag(t.Context(), root(), m.ARN, tags(1))
		}},
	}
	for _, c := range changes {
		for _, persist := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " persisted ", persist), func(t *testing.T) {
				w := newWorld(t)
				broken := &failing{Records: w.records, at: -1, persist: persist}
				w.records = broken
				r := w.open()
				m, aliased := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
				if err := r.CreateAlias(t.Context(), root(), "alias/first", aliased.ARN); err != nil {
					t.Fatal(err)
				}
				if err := r.CreateAlias(t.Context(), root(), "alias/external", external(t, r, keyring.Symmetric, "").ARN); err != nil {
					t.Fatal(err)
				}
				multiRegionKey(t, r)
				blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob
				before := dump(t, w.records)

				broken.at = broken.updates
				if err := c.do(t, r, m); err == nil {
					t.Fatal("the change succeeded though the store failed")
				} else if rec := w.recorder.Last(); rec.Error == "" || !rec.Corrects {
					t.Errorf("the failure is recorded as %+v", rec)
				}
				after := dump(t, w.records)
				if changed := fmt.Sprint(after) != fmt.Sprint(before); changed != persist {
					t.Errorf("the store changed: %v, want %v", changed, persist)
				}
				// What memory shows is what a ring opened afresh shows.
				if here, fresh := view(t, r), view(t, w.open()); here != fresh {
					t.Errorf("memory shows\n%s\nthe store\n%s", here, fresh)
				}
				for _, ring := range []*keyring.Ring{r, w.open()} {
					_, err := ring.Decrypt(t.Context(), root(), keyring.Use{}, blob)
					if err != nil && !errors.Is(err, keyring.ErrDisabled) && !errors.Is(err, keyring.ErrInvalidState) {
						t.Errorf("Decrypt afterwards = %v", err)
					}
				}
				// And the same change can be made, or is refused for having been made.
				err := c.do(t, r, m)
				if err != nil && (!persist || errors.Is(err, errStore)) {
					t.Errorf("the second try = %v", err)
				}
			})
		}
	}
}

func viewKey(t *testing.T, r *keyring.Ring, key string) string {
	m := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: key}))
	related := fmt.Sprintf("%+v", m.Multi)
	m.Multi = nil // a pointer
	return fmt.Sprint(m, related)
}

// multiRegionKey is the ARN of the key that is one.
func multiRegionKey(t *testing.T, r *keyring.Ring) string {
	for _, k := range must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), keyring.Page{})).Items {
		if strings.HasPrefix(string(k.ID), "mrk-") {
			return k.ARN
		}
	}
	return must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{MultiRegion: true})).ARN
}

// view is all that a caller can see.
func view(t *testing.T, r *keyring.Ring) string {
	t.Helper()
	var b strings.Builder
	for _, k := range must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), keyring.Page{})).Items {
		fmt.Fprintln(&b, viewKey(t, r, k.ARN))
		fmt.Fprintln(&b, must[string](t)(r.Policy(t.Context(), root(), k.ARN, "")))
		fmt.Fprintln(&b, must[keyring.Listing[keyring.Tag]](t)(r.Tags(t.Context(), root(), k.ARN, keyring.Page{})))
		fmt.Fprintln(&b, must[keyring.Listing[keyring.Grant]](t)(r.Grants(t.Context(), root(), k.ARN, keyring.GrantFilter{}, keyring.Page{})))
		fmt.Fprintln(&b, mayEncrypt(r, t, rootOf(other), k.ARN, nil))
		fmt.Fprintln(&b, must[keyring.Listing[keyring.Alias]](t)(r.Aliases(t.Context(), root(), k.ARN, keyring.Page{})))
	}
	for _, a := range []string{"alias/first", "alias/second"} {
		m, err := r.Describe(t.Context(), root(), keyring.Use{Key: a})
		fmt.Fprintln(&b, a, m.ID, err)
	}
	return b.String()
}

// Material in the store opens with the right root key only, and in its place only.
func TestMaterialIsWrapped(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	a, b := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
	swap := func(tx store.Writer) error {
		find := func(m keyring.Metadata) (string, []byte) {
			key := string(account) + "/" + region + "/" + string(m.ID) + "/" + m.MaterialID
			value, err := tx.Get("kms.material", key)
			if err != nil {
				t.Fatal(err)
			}
			return key, value
		}
		ka, va := find(a)
		kb, vb := find(b)
		return errors.Join(tx.Put("kms.material", ka, vb), tx.Put("kms.material", kb, va))
	}
	if err := w.records.Update(t.Context(), swap); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open().Encrypt(t.Context(), root(), keyring.Use{Key: a.ARN}, []byte("x")); !errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("Encrypt under exchanged material = %v, want ErrCorrupt", err)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	for name, damage := range map[string]func(tx store.Writer, key string) error{
		"unknown version":   func(tx store.Writer, key string) error { return tx.Put("kms.key", key, []byte{9, '{', '}'}) },
		"empty":             func(tx store.Writer, key string) error { return tx.Put("kms.key", key, nil) },
		"no JSON":           func(tx store.Writer, key string) error { return tx.Put("kms.key", key, []byte{1, '{'}) },
		"no spec":           func(tx store.Writer, key string) error { return tx.Put("kms.key", key, []byte("\x01{}")) },
		"key of no form":    func(tx store.Writer, _ string) error { return tx.Put("kms.key", "x", []byte("\x01{}")) },
		"due of no form":    func(tx store.Writer, _ string) error { return tx.Put("kms.due", "x", []byte{1}) },
		"change of no form": func(tx store.Writer, _ string) error { return tx.Put("kms.change", "zz", []byte{1}) },
	} {
		w := newWorld(t)
		m := create(t, w.open(), keyring.Symmetric, "")
		err := w.records.Update(t.Context(), func(tx store.Writer) error {
			return damage(tx, string(account)+"/"+region+"/"+string(m.ID))
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.tryOpen(); err == nil {
			t.Errorf("%s: the ring opened", name)
		}
	}
}
