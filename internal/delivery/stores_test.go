package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
)

// bucketOf has objects by "bucket/key", for callers that come through CloudFront.
type bucketOf map[string]string

func (b bucketOf) Object(_ context.Context, who access.Caller, bucket, key string) (io.ReadCloser, error) {
	text, ok := b[bucket+"/"+key]
	if !ok || !strings.HasPrefix(who.Via, "cloudfront.") {
		return nil, errors.New("no such object")
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func TestKeyValueStores(t *testing.T) {
	ctx := t.Context()
	f := open(t, func(c *delivery.Config) {
		c.Quotas.KeyValueStores = 2
		c.Objects = bucketOf{"seeds/a/b.json": `{"data":[{"key":"k","value":"v"}]}`, "seeds/bad": `{`, "seeds/big": strings.Repeat(" ", keyvalue.MaxImportBytes+1)}
	})
	create := func(c delivery.KeyValueStoreConfig) (*delivery.KeyValueStore, error) {
		return f.CreateKeyValueStore(ctx, me, c)
	}
	made, err := create(delivery.KeyValueStoreConfig{Name: "s", Comment: "c", Import: "arn:aws:s3:::seeds/a/b.json", Tags: map[string]string{"team": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := keyvalue.For(f.records, keyvalue.ID(made.ID)).Count(ctx); n != 1 || err != nil {
		t.Errorf("the store has %d pairs, %v, want 1", n, err)
	}
	for _, c := range []struct {
		config delivery.KeyValueStoreConfig
		want   error
	}{
		{delivery.KeyValueStoreConfig{Name: "s"}, delivery.ErrKeyValueStoreExists},
		{delivery.KeyValueStoreConfig{}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: strings.Repeat("s", 65)}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t", Comment: strings.Repeat("c", 129)}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t", Import: "arn:aws:s3:::seeds/bad"}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t", Import: "arn:aws:s3:::seeds/big"}, delivery.ErrImportSize},
		{delivery.KeyValueStoreConfig{Name: "t", Import: "arn:aws:s3:::seeds/none"}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t", Import: "arn:aws:s3:::seeds"}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t", Import: "arn:aws:sqs:::seeds/bad"}, delivery.ErrInvalid},
		{delivery.KeyValueStoreConfig{Name: "t"}, nil},
		{delivery.KeyValueStoreConfig{Name: "u"}, delivery.ErrTooManyKeyValueStores},
	} {
		if _, err := create(c.config); !errors.Is(err, c.want) {
			t.Errorf("CreateKeyValueStore(%+v) = %v, want %v", c.config, err, c.want)
		}
	}

	changed, err := f.UpdateKeyValueStore(ctx, me, "s", made.ETag, "d")
	if err != nil || changed.Comment != "d" || changed.ETag == made.ETag || changed.ARN() != made.ARN() {
		t.Errorf("UpdateKeyValueStore = %+v, %v", changed, err)
	}
	if _, err := f.UpdateKeyValueStore(ctx, me, "s", made.ETag, "e"); !errors.Is(err, delivery.ErrStale) {
		t.Errorf("an old version = %v, want ErrStale", err)
	}
	if _, err := f.UpdateKeyValueStore(ctx, me, "none", made.ETag, "e"); !errors.Is(err, delivery.ErrNoKeyValueStore) {
		t.Errorf("an unknown store = %v, want ErrNoKeyValueStore", err)
	}
	if err := f.Tag(ctx, me, made.ARN(), map[string]string{"team": "b", "new": ""}); err != nil {
		t.Error(err)
	}
	if tags, err := f.ListTags(ctx, me, made.ARN()); err != nil || len(tags) != 2 || tags["team"] != "b" {
		t.Errorf("tags %v, %v", tags, err)
	}
	again := f.reopen()
	if got, err := again.DescribeKeyValueStore(ctx, me, "s"); err != nil || got.Comment != "d" {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	first, err := f.ListKeyValueStores(ctx, me, delivery.Ready, delivery.Page{Max: 1})
	if err != nil || len(first.Items) != 1 || first.Next == "" {
		t.Fatalf("the first page is %+v, %v", first, err)
	}
	second, err := f.ListKeyValueStores(ctx, me, "", delivery.Page{After: first.Next})
	if err != nil || len(second.Items) != 1 || second.Items[0].Name == first.Items[0].Name {
		t.Errorf("the second page is %+v, %v", second, err)
	}
	if none, err := f.ListKeyValueStores(ctx, me, "PROVISIONING", delivery.Page{Max: 1}); err != nil || len(none.Items) != 0 || none.Next != "" {
		t.Errorf("stores in the making: %+v, %v", none, err)
	}
	if err := f.DeleteKeyValueStore(ctx, me, "s", made.ETag); !errors.Is(err, delivery.ErrStale) {
		t.Errorf("delete of an old version = %v, want ErrStale", err)
	}
	if err := f.DeleteKeyValueStore(ctx, me, "s", changed.ETag); err != nil {
		t.Fatal(err)
	}
	if _, err := keyvalue.For(f.records, keyvalue.ID(made.ID)).Count(ctx); !errors.Is(err, keyvalue.ErrNotFound) {
		t.Errorf("the deleted store's pairs = %v, want ErrNotFound", err)
	}
	if _, err := create(delivery.KeyValueStoreConfig{Name: "s"}); err != nil {
		t.Errorf("a new store of the name: %v", err)
	}
	if _, err := f.DescribeKeyValueStore(ctx, root("111111111111"), "s"); !errors.Is(err, delivery.ErrNoKeyValueStore) {
		t.Errorf("another account finds %v, want ErrNoKeyValueStore", err)
	}
}

// A store that a function is associated with, at either stage, stays.
func TestStoresOfFunctions(t *testing.T) {
	ctx := t.Context()
	f := open(t)
	var stores [2]*delivery.KeyValueStore
	for i := range stores {
		stores[i] = must(f.CreateKeyValueStore(ctx, me, delivery.KeyValueStoreConfig{Name: fmt.Sprint("s", i)}))
	}
	reading := func(arns ...string) delivery.FunctionConfig {
		return delivery.FunctionConfig{Runtime: "cloudfront-js-2.0", Stores: arns}
	}
	code := []byte("function handler(event) { return event.request }")
	for name, c := range map[string]delivery.FunctionConfig{
		"two stores":      reading(stores[0].ARN(), stores[1].ARN()),
		"no store":        reading(keyvalue.ARN(testAccount, "00000000-0000-4000-8000-000000000000")),
		"another account": reading(keyvalue.ARN("111111111111", keyvalue.ID(stores[0].ID))),
		"no ARN":          reading("s0"),
		"older runtime":   {Runtime: "cloudfront-js-1.0", Stores: []string{stores[0].ARN()}},
	} {
		if _, err := f.CreateFunction(ctx, me, "f", c, code, nil); !errors.Is(err, delivery.ErrInvalid) {
			t.Errorf("%s: CreateFunction = %v, want ErrInvalid", name, err)
		}
	}
	inUse := func(i int, want bool) {
		t.Helper()
		err := f.DeleteKeyValueStore(ctx, me, fmt.Sprint("s", i), must(f.DescribeKeyValueStore(ctx, me, fmt.Sprint("s", i))).ETag)
		if got := errors.Is(err, delivery.ErrKeyValueStoreInUse); got != want {
			t.Fatalf("store %d in use: %v, want %v", i, err, want)
		}
		if err == nil {
			stores[i] = must(f.CreateKeyValueStore(ctx, me, delivery.KeyValueStoreConfig{Name: fmt.Sprint("s", i)}))
		}
	}
	must(f.CreateFunction(ctx, me, "f", reading(stores[0].ARN()), code, nil))
	inUse(0, true)
	etag := func() string { return must(f.DescribeFunction(ctx, me, "f", delivery.Development)).ETag }
	live := must(f.PublishFunction(ctx, me, "f", etag()))
	if live.Status != "UNASSOCIATED" {
		t.Errorf("published: %s", live.Status)
	}
	updated := must(f.UpdateFunction(ctx, me, "f", etag(), reading(stores[1].ARN()), code))
	if updated.Status != "UNPUBLISHED" {
		t.Errorf("with another store: %s, want UNPUBLISHED", updated.Status)
	}
	inUse(0, true) // by the live stage
	inUse(1, true)
	must(f.PublishFunction(ctx, me, "f", etag()))
	inUse(0, false)
	must(f.UpdateFunction(ctx, me, "f", etag(), reading(), code))
	inUse(1, true)
	if err := f.DeleteFunction(ctx, me, "f", etag()); err != nil {
		t.Fatal(err)
	}
	inUse(1, false)

	for i := range 11 {
		_, err := f.CreateFunction(ctx, me, fmt.Sprint("many", i), reading(stores[0].ARN()), code, nil)
		if full := i == 10; errors.Is(err, delivery.ErrInvalid) != full || !full && err != nil {
			t.Errorf("function %d of a store = %v", i+1, err)
		}
	}
	// Those that are there can still be changed.
	must(f.UpdateFunction(ctx, me, "many3", must(f.DescribeFunction(ctx, me, "many3", delivery.Development)).ETag, reading(stores[0].ARN()), code))
}
