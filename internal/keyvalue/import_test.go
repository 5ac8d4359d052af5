package keyvalue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/keyfront-project/keyfront/internal/keyvalue"
)

func TestReadImport(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []keyvalue.Pair
		err        error
	}{
		{"pairs", `{"data":[{"key":"k","value":"v"},{"value":"","key":"ü"}]}`, []keyvalue.Pair{{Key: "k", Value: "v"}, {Key: "ü"}}, nil},
		{"none", ` {"data":[]} ` + "\n", []keyvalue.Pair{}, nil},
		{"byte order mark", "\ufeff" + `{"data":[]}`, []keyvalue.Pair{}, nil},
		{"key twice", `{"data":[{"key":"k","value":"v"},{"key":"k","value":"w"}]}`, nil, keyvalue.ErrInvalid},
		{"no value", `{"data":[{"key":"k"}]}`, nil, keyvalue.ErrInvalid},
		{"null", `{"data":[{"key":"k","value":null}]}`, nil, keyvalue.ErrInvalid},
		{"number", `{"data":[{"key":"k","value":1}]}`, nil, keyvalue.ErrInvalid},
		{"empty key", `{"data":[{"key":"","value":""}]}`, nil, keyvalue.ErrInvalid},
		{"long key", `{"data":[{"key":"` + strings.Repeat("k", 513) + `","value":""}]}`, nil, keyvalue.ErrInvalid},
		{"long value", `{"data":[{"key":"k","value":"` + strings.Repeat("v", 1025) + `"}]}`, nil, keyvalue.ErrInvalid},
		{"another member", `{"data":[],"more":1}`, nil, keyvalue.ErrInvalid},
		{"another member of a pair", `{"data":[{"key":"k","value":"v","ttl":1}]}`, nil, keyvalue.ErrInvalid},
		{"no data", `{}`, nil, keyvalue.ErrInvalid},
		{"list", `[]`, nil, keyvalue.ErrInvalid},
		{"nothing", ``, nil, keyvalue.ErrInvalid},
		{"cut off", `{"data":[`, nil, keyvalue.ErrInvalid},
		{"two documents", `{"data":[]}{"data":[]}`, nil, keyvalue.ErrInvalid},
		{"no UTF-8", "{\"data\":[{\"key\":\"k\",\"value\":\"\xff\"}]}", nil, keyvalue.ErrInvalid},
		{"large", `{"data":[]}` + strings.Repeat(" ", keyvalue.MaxImportBytes), nil, keyvalue.ErrImportSize},
	} {
		got, err := keyvalue.ReadImport(strings.NewReader(c.text))
		if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
			t.Errorf("%s: ReadImport = %v, %v, want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
	broken := errors.New("broken")
	if _, err := keyvalue.ReadImport(io.MultiReader(strings.NewReader(`{"data":[`), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("ReadImport of a broken body = %v, want its error", err)
	}
}

// What is read survives being written and read again.
func FuzzReadImport(f *testing.F) {
	f.Add([]byte(`{"data":[{"key":"k","value":"v"}]}`))
	f.Add([]byte(`{"data":[{"key":"\ud800","value":"\u0000"},{"Key":"2","VALUE":""}]}`))
	f.Add([]byte("\ufeff{\"data\":[]}x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		pairs, err := keyvalue.ReadImport(bytes.NewReader(text))
		if err != nil {
			if pairs != nil {
				t.Errorf("both %v and %v", pairs, err)
			}
			return
		}
		again, err := keyvalue.ReadImport(bytes.NewReader(file(t, pairs)))
		if err != nil || !slices.Equal(again, pairs) {
			t.Errorf("again: %v, %v, want %v", again, err, pairs)
		}
	})
}

// file is a file of pairs.
func file(t testing.TB, pairs []keyvalue.Pair) []byte {
	t.Helper()
	type pair struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	data := make([]pair, len(pairs))
	for i, p := range pairs {
		data[i] = pair(p)
	}
	text, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// manyPairs fill a file of about sizeBytes.
func manyPairs(sizeBytes int) []keyvalue.Pair {
	var pairs []keyvalue.Pair
	for size := 0; size < sizeBytes; size += 120 {
		pairs = append(pairs, keyvalue.Pair{Key: fmt.Sprintf("/path/to/page-%08d", size), Value: strings.Repeat("v", 75)})
	}
	return pairs
}
