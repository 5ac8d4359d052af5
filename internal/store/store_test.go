package store_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/store"
)

func TestPrefix(t *testing.T) {
	for _, tt := range []struct {
		prefix string
		want   store.Range
	}{
		{"", store.Range{}},
		{"a", store.Range{From: "a", To: "b"}},
		{"a/", store.Range{From: "a/", To: "a0"}},
		{"a\xff", store.Range{From: "a\xff", To: "b"}},
		{"\xff\xff", store.Range{From: "\xff\xff"}},
		{"a\xfe\xff\xff", store.Range{From: "a\xfe\xff\xff", To: "a\xff"}},
	} {
		if got := store.Prefix(tt.prefix); got != tt.want {
			t.Errorf("Prefix(%q) = %#v, want %#v", tt.prefix, got, tt.want)
		}
	}
}

func TestPrefixHoldsExactlyItsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few and extreme letters, so that prefixes meet and run over.
		word := rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, 'a'}), 0, 3, -1)
		high := rapid.SampledFrom([]string{"", "\xfe", "\xff", "\xff\xff"})
		prefix := word.Draw(t, "p1") + high.Draw(t, "p2")
		key := word.Draw(t, "k1") + high.Draw(t, "k2") + word.Draw(t, "k3")
		r := store.Prefix(prefix)
		in := key >= r.From && (r.To == "" || key < r.To)
		if want := strings.HasPrefix(key, prefix); in != want {
			t.Fatalf("Prefix(%q) holds %q: %v, want %v", prefix, key, in, want)
		}
	})
}

func TestAfter(t *testing.T) {
	r := store.Range{From: "b", To: "d"}
	for key, want := range map[string]store.Range{
		"":  {From: "b", To: "d"},
		"a": {From: "b", To: "d"},
		"b": {From: "b\x00", To: "d"},
		"c": {From: "c\x00", To: "d"},
	} {
		if got := r.After(key); got != want {
			t.Errorf("After(%q) = %#v, want %#v", key, got, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "-", "/", "a//b", "0/9-z", strings.Repeat("a", 200)} {
		if err := store.CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
	}
	for _, name := range []string{"", strings.Repeat("a", 201), "A", "a.b", "..", "a_b", "a b", "a\x00", "é", "a\\b"} {
		if err := store.CheckName(name); !errors.Is(err, store.ErrName) {
			t.Errorf("CheckName(%q) = %v, want ErrName", name, err)
		}
	}
}
