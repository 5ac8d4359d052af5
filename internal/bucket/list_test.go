package bucket_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// slowList is the listing as the documentation describes it: filter, group,
// cut.
func slowList(keys []string, in bucket.List) (objects, prefixes []string) {
	slices.Sort(keys)
	seen := ""
	for _, k := range slices.Compact(keys) {
		if !strings.HasPrefix(k, in.Prefix) || in.After != "" && k <= in.After {
			continue
		}
		if in.Delimiter != "" {
			if i := strings.Index(k[len(in.Prefix):], in.Delimiter); i >= 0 {
				p := k[:len(in.Prefix)+i+len(in.Delimiter)]
				if p != in.After && p != seen {
					prefixes = append(prefixes, p)
					seen = p
				}
				continue
			}
		}
		objects = append(objects, k)
	}
	return objects, prefixes
}

func TestListAgainstModel(t *testing.T) {
	key := rapid.StringMatching(`[ab/\x00é]{1,6}`)
	short := rapid.StringMatching(`[ab/é]{0,3}`)
	n := 0
	w := memoryWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprintf("films-%d", n)
		w.bucket(name)
		keys := rapid.SliceOfN(key, 0, 25).Draw(t, "keys")
		for _, k := range keys {
			w.put(name, k, nil, sseS3)
		}
		in := bucket.List{
			Bucket: name, Prefix: short.Draw(t, "prefix"), Delimiter: rapid.SampledFrom([]string{"", "/", "a", "b/"}).Draw(t, "delimiter"),
			After: short.Draw(t, "after"), Max: rapid.IntRange(1, 8).Draw(t, "max"),
		}
		wantObjects, wantPrefixes := slowList(slices.Clone(keys), in)
		var objects, prefixes []string
		for pages := 0; ; pages++ {
			page, err := w.List(w.t.Context(), w.root(), in)
			if err != nil {
				t.Fatal(err)
			}
			got := len(page.Objects) + len(page.Prefixes)
			if got > in.Max || got < in.Max && page.Token != "" {
				t.Fatalf("page of %d, token %q", got, page.Token)
			}
			for _, o := range page.Objects {
				objects = append(objects, o.Key)
			}
			prefixes = append(prefixes, page.Prefixes...)
			if page.Token == "" {
				break
			}
			in.Token = page.Token
			if pages > len(keys) {
				t.Fatal("listing does not end")
			}
		}
		if !slices.Equal(objects, wantObjects) || !slices.Equal(prefixes, wantPrefixes) {
			t.Fatalf("List(%+v) of %q\n got %q %q\nwant %q %q", in, keys, objects, prefixes, wantObjects, wantPrefixes)
		}
	})
}

// Listings that continue by After, as ListObjects V1 does, see everything once.
func TestListContinuesByNext(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	for _, k := range []string{"a", "b/1", "b/2", "c", "d/1", "e"} {
		w.put("films", k, nil, sseS3)
	}
	in := bucket.List{Bucket: "films", Delimiter: "/", Max: 1}
	var got []string
	for {
		page, err := w.List(t.Context(), w.root(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Objects {
			got = append(got, o.Key)
		}
		got = append(got, page.Prefixes...)
		if page.Next == "" {
			break
		}
		in.After = page.Next
	}
	if want := []string{"a", "b/", "c", "d/", "e"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func TestListSeesOneBucket(t *testing.T) {
	w := memoryWorld(t)
	for _, b := range []string{"films", "films2"} {
		w.bucket(b)
		w.put(b, "of-"+b, nil, sseS3)
	}
	page, err := w.List(t.Context(), w.root(), bucket.List{Bucket: "films", Max: 10})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "of-films" {
		t.Errorf("List = %+v, %v", page, err)
	}
	if page, err := w.List(t.Context(), w.root(), bucket.List{Bucket: "films"}); err != nil || len(page.Objects) != 0 || page.Token != "" {
		t.Errorf("List of at most 0 = %+v, %v", page, err)
	}
}

func TestBadToken(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	for _, token := range []string{"?", "a", "eA", strings.Repeat("a", 4000)} {
		if _, err := w.List(t.Context(), w.root(), bucket.List{Bucket: "films", Max: 1, Token: token}); !errors.Is(err, bucket.ErrBadToken) {
			t.Errorf("List with token %.10q = %v, want ErrBadToken", token, err)
		}
	}
}
