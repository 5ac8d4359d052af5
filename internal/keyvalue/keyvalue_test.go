package keyvalue_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const (
	account arn.AccountID = "111122223333"
	id      keyvalue.ID   = "3a2b1c0d-aaaa-4bbb-8ccc-0123456789ab"
	other   keyvalue.ID   = "3a2b1c0d-aaaa-4bbb-8ccc-0123456789ac"
)

var storeARN = keyvalue.ARN(account, id)

type fixture struct {
	*keyvalue.Service
	records store.Records
	journal *accesstest.Journal
	clock   *clock.Clock
}

// open returns a service with the stores id and other, of which id has pairs.
func open(t rapid.TB, pairs ...keyvalue.Pair) *fixture {
	t.Helper()
	f := &fixture{records: memory.NewRecords(), journal: new(accesstest.Journal), clock: clock.Movable()}
	f.Service = keyvalue.New(keyvalue.Config{
		Records: f.records, Clock: f.clock, Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: f.journal}),
	})
	f.make(t, id, pairs)
	f.make(t, other, []keyvalue.Pair{{Key: "k", Value: "of another store"}})
	return f
}

func (f *fixture) make(t rapid.TB, id keyvalue.ID, pairs []keyvalue.Pair) {
	t.Helper()
	err := f.records.Update(context.Background(), func(tx store.Writer) error {
		return keyvalue.Create(tx, account, id, pairs, f.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func root(account arn.AccountID) access.Caller {
	return access.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + string(account) + ":root"}, Region: "us-east-1"}
}

var me = root(account)

func (f *fixture) version(t testing.TB) string {
	t.Helper()
	d, err := f.Describe(t.Context(), me, storeARN)
	if err != nil {
		t.Fatal(err)
	}
	return d.Version
}

func TestPairs(t *testing.T) {
	ctx := t.Context()
	f := open(t)
	empty, err := f.Describe(ctx, me, storeARN)
	if err != nil || empty.Items != 0 || empty.SizeBytes != 0 || empty.ARN != storeARN || empty.Created.IsZero() || empty.Created.After(f.clock.Now()) || !empty.Modified.IsZero() || !strings.HasPrefix(empty.Version, "KV") {
		t.Fatalf("Describe = %+v, %v", empty, err)
	}
	f.clock.Advance(time.Minute)
	put, err := f.Put(ctx, me, storeARN, empty.Version, keyvalue.Pair{Key: "größe", Value: "1"})
	if err != nil || put.Items != 1 || put.SizeBytes != 8 || put.Version == empty.Version || put.Modified.Sub(empty.Created) < time.Minute || !put.Created.Equal(empty.Created) {
		t.Fatalf("Put = %+v, %v", put, err)
	}
	value, same, err := f.Get(ctx, me, storeARN, "größe")
	if err != nil || value != "1" || same != put {
		t.Errorf("Get = %q, %+v, %v, want the state after Put", value, same, err)
	}
	replaced, err := f.Put(ctx, me, storeARN, `"`+put.Version+`"`, keyvalue.Pair{Key: "größe"})
	if err != nil || replaced.Items != 1 || replaced.SizeBytes != 7 {
		t.Errorf("Put of an empty value = %+v, %v", replaced, err)
	}
	updated, err := f.Update(ctx, me, storeARN, replaced.Version,
		[]keyvalue.Pair{{Key: "a/b", Value: "x"}, {Key: "both", Value: "y"}}, []string{"größe", "both", "absent", "absent"})
	if err != nil || updated.Items != 1 || updated.SizeBytes != 4 {
		t.Errorf("Update = %+v, %v", updated, err)
	}
	deleted, err := f.Delete(ctx, me, storeARN, updated.Version, "a/b")
	if err != nil || deleted.Items != 0 || deleted.SizeBytes != 0 {
		t.Errorf("Delete = %+v, %v", deleted, err)
	}
	if value, _, err := f.Get(ctx, me, keyvalue.ARN(account, other), "k"); err != nil || value != "of another store" {
		t.Errorf("the other store has %q, %v", value, err)
	}
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	pair := keyvalue.Pair{Key: "k", Value: "v"}
	many := make([]keyvalue.Pair, keyvalue.MaxUpdate+1)
	for i := range many {
		many[i].Key = fmt.Sprint(i)
	}
	absent := keyvalue.ARN(account, "00000000-0000-4000-8000-000000000000")
	for _, c := range []struct {
		name string
		do   func(f *fixture, version string) error
		want error
	}{
		{"unknown store", func(f *fixture, _ string) error { _, err := f.Describe(ctx, me, absent); return err }, keyvalue.ErrNotFound},
		{"key of an unknown store", func(f *fixture, _ string) error { _, _, err := f.Get(ctx, me, absent, "k"); return err }, keyvalue.ErrNotFound},
		{"list an unknown store", func(f *fixture, _ string) error { _, _, err := f.List(ctx, me, absent, "", 0); return err }, keyvalue.ErrNotFound},
		{"put to an unknown store", func(f *fixture, v string) error { _, err := f.Put(ctx, me, absent, v, pair); return err }, keyvalue.ErrNotFound},
		{"unknown key", func(f *fixture, _ string) error { _, _, err := f.Get(ctx, me, storeARN, "absent"); return err }, keyvalue.ErrNotFound},
		{"no ARN", func(f *fixture, _ string) error { _, err := f.Describe(ctx, me, "store"); return err }, keyvalue.ErrInvalid},
		{"ARN of a function", func(f *fixture, _ string) error {
			_, err := f.Describe(ctx, me, "arn:aws:cloudfront::111122223333:function/f")
			return err
		}, keyvalue.ErrInvalid},
		{"ARN with a path for an id", func(f *fixture, _ string) error {
			_, err := f.Describe(ctx, me, storeARN[:len(storeARN)-2]+"/k")
			return err
		}, keyvalue.ErrInvalid},
		{"another account", func(f *fixture, _ string) error {
			_, err := f.Describe(ctx, root("999999999999"), storeARN)
			return err
		}, access.ErrDenied},
		{"no version", func(f *fixture, _ string) error { _, err := f.Put(ctx, me, storeARN, "", pair); return err }, keyvalue.ErrInvalid},
		{"old version", func(f *fixture, _ string) error {
			_, err := f.Put(ctx, me, storeARN, "KV1F83G8C2ARO7P", pair)
			return err
		}, keyvalue.ErrStale},
		{"no key", func(f *fixture, v string) error { _, err := f.Put(ctx, me, storeARN, v, keyvalue.Pair{}); return err }, keyvalue.ErrInvalid},
		{"long key", func(f *fixture, v string) error {
			_, err := f.Put(ctx, me, storeARN, v, keyvalue.Pair{Key: strings.Repeat("k", keyvalue.MaxKeyBytes+1)})
			return err
		}, keyvalue.ErrInvalid},
		{"long value", func(f *fixture, v string) error {
			_, err := f.Put(ctx, me, storeARN, v, keyvalue.Pair{Key: "k", Value: strings.Repeat("v", keyvalue.MaxValueBytes+1)})
			return err
		}, keyvalue.ErrInvalid},
		{"longest pair", func(f *fixture, v string) error {
			_, err := f.Put(ctx, me, storeARN, v, keyvalue.Pair{Key: strings.Repeat("k", keyvalue.MaxKeyBytes), Value: strings.Repeat("v", keyvalue.MaxValueBytes)})
			return err
		}, nil},
		{"no UTF-8", func(f *fixture, v string) error {
			_, err := f.Put(ctx, me, storeARN, v, keyvalue.Pair{Key: "k", Value: "\xff"})
			return err
		}, keyvalue.ErrInvalid},
		{"delete of no key", func(f *fixture, v string) error { _, err := f.Delete(ctx, me, storeARN, v, ""); return err }, keyvalue.ErrInvalid},
		{"empty update", func(f *fixture, v string) error { _, err := f.Update(ctx, me, storeARN, v, nil, nil); return err }, keyvalue.ErrInvalid},
		{"large update", func(f *fixture, v string) error { _, err := f.Update(ctx, me, storeARN, v, many, nil); return err }, keyvalue.ErrInvalid},
		{"largest update", func(f *fixture, v string) error { _, err := f.Update(ctx, me, storeARN, v, many[1:], nil); return err }, nil},
		{"one key twice", func(f *fixture, v string) error {
			_, err := f.Update(ctx, me, storeARN, v, []keyvalue.Pair{pair, pair}, nil)
			return err
		}, keyvalue.ErrInvalid},
		{"foreign token", func(f *fixture, _ string) error { _, _, err := f.List(ctx, me, storeARN, "§", 0); return err }, keyvalue.ErrInvalid},
		{"large page", func(f *fixture, _ string) error { _, _, err := f.List(ctx, me, storeARN, "", 51); return err }, keyvalue.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, pair)
			before := f.version(t)
			err := c.do(f, before)
			if !errors.Is(err, c.want) {
				t.Fatalf("error = %v, want %v", err, c.want)
			}
			if c.want != nil && f.version(t) != before {
				t.Errorf("the store has changed")
			}
		})
	}
}

// A store holds MaxStoreBytes; what makes room is never refused.
// A store's id under the account of whoever asks names no store: an account's own
// policies decide about its own stores only.
func TestForeignStoreUnderOwnAccount(t *testing.T) {
	ctx := t.Context()
	f := open(t, keyvalue.Pair{Key: "k", Value: "mine"})
	before := f.version(t)
	const stranger arn.AccountID = "999999999999"
	they, theirs := root(stranger), keyvalue.ARN(stranger, id)
	for name, call := range map[string]func() error{
		"Describe": func() error { _, err := f.Describe(ctx, they, theirs); return err },
		"Get":      func() error { _, _, err := f.Get(ctx, they, theirs, "k"); return err },
		"List":     func() error { _, _, err := f.List(ctx, they, theirs, "", 0); return err },
		"Put": func() error {
			_, err := f.Put(ctx, they, theirs, before, keyvalue.Pair{Key: "k", Value: "theirs"})
			return err
		},
		"Delete": func() error { _, err := f.Delete(ctx, they, theirs, before, "k"); return err },
		"Update": func() error { _, err := f.Update(ctx, they, theirs, before, nil, []string{"k"}); return err },
	} {
		if err := call(); !errors.Is(err, keyvalue.ErrNotFound) {
			t.Errorf("%s = %v, want ErrNotFound", name, err)
		}
	}
	if value, _, err := f.Get(ctx, me, storeARN, "k"); err != nil || value != "mine" || f.version(t) != before {
		t.Errorf("the owner reads %q, %v, want the pair as it was", value, err)
	}
}

func TestFull(t *testing.T) {
	ctx := t.Context()
	var pairs []keyvalue.Pair
	for size := 0; size < keyvalue.MaxStoreBytes; size += 1024 {
		pairs = append(pairs, keyvalue.Pair{Key: fmt.Sprintf("%08d", size), Value: strings.Repeat("v", 1016)})
	}
	f := open(t, pairs...)
	if _, err := f.Put(ctx, me, storeARN, f.version(t), keyvalue.Pair{Key: "k"}); !errors.Is(err, keyvalue.ErrFull) {
		t.Errorf("one byte more = %v, want ErrFull", err)
	}
	d, err := f.Put(ctx, me, storeARN, f.version(t), keyvalue.Pair{Key: pairs[0].Key, Value: pairs[0].Value[1:]})
	if err != nil || d.SizeBytes != keyvalue.MaxStoreBytes-1 {
		t.Fatalf("a shorter value = %+v, %v", d, err)
	}
	if d, err = f.Put(ctx, me, storeARN, d.Version, keyvalue.Pair{Key: "k"}); err != nil || d.SizeBytes != keyvalue.MaxStoreBytes {
		t.Errorf("the last byte = %+v, %v", d, err)
	}
	err = f.records.Update(ctx, func(tx store.Writer) error { return keyvalue.Remove(tx, id) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Describe(ctx, me, storeARN); !errors.Is(err, keyvalue.ErrNotFound) {
		t.Errorf("Describe after Remove = %v, want ErrNotFound", err)
	}
	if n, err := keyvalue.For(f.records, other).Count(ctx); n != 1 || err != nil {
		t.Errorf("the other store has %d pairs, %v, want 1", n, err)
	}
}

func TestList(t *testing.T) {
	var pairs []keyvalue.Pair
	for i := range 23 {
		pairs = append(pairs, keyvalue.Pair{Key: fmt.Sprintf("k/%02d\x00", i), Value: fmt.Sprint(i)})
	}
	f := open(t, pairs...)
	for _, most := range []int{0, 1, 7, 23, 50} {
		var got []keyvalue.Pair
		for token, pages := "", 0; ; pages++ {
			page, next, err := f.List(t.Context(), me, storeARN, token, most)
			if err != nil || len(page) > max(most, 10) || pages > 23 {
				t.Fatalf("List(%q, %d) = %d pairs, %v", token, most, len(page), err)
			}
			got = append(got, page...)
			if token = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, pairs) {
			t.Errorf("pages of %d are %v", most, got)
		}
	}
}

// Of those who change the same version at the same time, one wins.
func TestOneWriterWins(t *testing.T) {
	f := open(t)
	version := f.version(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = f.Put(context.Background(), me, storeARN, version, keyvalue.Pair{Key: fmt.Sprint(i)})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, keyvalue.ErrStale) {
			t.Errorf("Put = %v, want nil or ErrStale", err)
		}
	}
	if n, err := keyvalue.For(f.records, id).Count(t.Context()); won != 1 || n != 1 || err != nil {
		t.Errorf("%d won, the store has %d pairs, %v; want 1 and 1", won, n, err)
	}
}

// What functions read is what was last answered.
func TestLive(t *testing.T) {
	ctx := t.Context()
	f := open(t, keyvalue.Pair{Key: "k", Value: "v"})
	live := keyvalue.For(f.records, id)
	m, err := live.Meta(ctx)
	if err != nil || m.KeyCount != 1 || !m.Created.Equal(m.Modified) {
		t.Errorf("Meta = %+v, %v", m, err)
	}
	for key, want := range map[string]bool{"k": true, "K": false, "": false, strings.Repeat("k", 600): false} {
		if value, found, err := live.Get(ctx, key); found != want || (value == "v") != want || err != nil {
			t.Errorf("Get(%.10q) = %q, %v, %v", key, value, found, err)
		}
	}
	if _, err := f.Put(ctx, me, storeARN, f.version(t), keyvalue.Pair{Key: "k", Value: "w"}); err != nil {
		t.Fatal(err)
	}
	if value, _, _ := live.Get(ctx, "k"); value != "w" {
		t.Errorf("Get after Put = %q, want w", value)
	}
	if _, err := keyvalue.For(f.records, "gone").Meta(ctx); !errors.Is(err, keyvalue.ErrNotFound) {
		t.Errorf("Meta of no store = %v, want ErrNotFound", err)
	}
}

// The record names keys and never values; without it nothing happens.
func TestRecord(t *testing.T) {
	ctx := t.Context()
	f := open(t)
	version := f.version(t)
	before := len(f.journal.Records())
	if _, err := f.Put(ctx, me, storeARN, version, keyvalue.Pair{Key: "the-key", Value: "the-value"}); err != nil {
		t.Fatal(err)
	}
	records := f.journal.Records()[before:]
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	r := records[0]
	if text := fmt.Sprintf("%+v", r); r.Action != "cloudfront-keyvaluestore:PutKey" || r.Decision != audit.Allowed || !strings.Contains(text, "the-key") || strings.Contains(text, "the-value") {
		t.Errorf("record %s", text)
	}
	version = f.version(t)
	f.journal.Fail(accesstest.ErrDisk)
	if _, err := f.Put(ctx, me, storeARN, version, keyvalue.Pair{Key: "k"}); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("Put without a record = %v", err)
	}
	if n, err := keyvalue.For(f.records, id).Count(ctx); n != 1 || err != nil {
		t.Errorf("the store has %d pairs, %v, want 1", n, err)
	}
}

// Any row of changes leaves what a map would have.
func TestLikeAMap(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "ab", "a/b", "ä", "\x00"})
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		f := open(t)
		want := map[string]string{}
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			puts := rapid.MapOf(key, rapid.StringN(0, 3, 12)).Draw(t, "puts")
			deletes := rapid.SliceOfN(key, 0, 12).Draw(t, "deletes")
			if len(puts)+len(deletes) == 0 {
				continue
			}
			var list []keyvalue.Pair
			for k, v := range puts {
				list = append(list, keyvalue.Pair{Key: k, Value: v})
			}
			before, err := f.Describe(ctx, me, storeARN)
			if err != nil {
				t.Fatal(err)
			}
			d, err := f.Update(ctx, me, storeARN, before.Version, list, deletes)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(want, puts)
			for _, k := range deletes {
				delete(want, k)
			}
			size := 0
			for k, v := range want {
				size += len(k) + len(v)
			}
			if d.Items != len(want) || d.SizeBytes != int64(size) {
				t.Fatalf("Update = %+v, want %d items of %d bytes", d, len(want), size)
			}
		}
		pairs, _, err := f.List(ctx, me, storeARN, "", 50)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, p := range pairs {
			got[p.Key] = p.Value
		}
		if !maps.Equal(got, want) {
			t.Errorf("List = %v, want %v", got, want)
		}
	})
}
