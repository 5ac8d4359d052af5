package keyvalue_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

// What a function's get costs beside the function, in a store of 44,000 pairs.
func BenchmarkLiveGet(b *testing.B) {
	records := openSQLite(b)
	pairs := manyPairs(keyvalue.MaxImportBytes)
	create(b, records, pairs)
	live := keyvalue.For(records, id)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, found, err := live.Get(context.Background(), pairs[i%len(pairs)].Key); !found || err != nil {
			b.Fatal(found, err)
		}
	}
}

// A store is made of the largest file, and removed.
func BenchmarkImport(b *testing.B) {
	records := openSQLite(b)
	text := file(b, manyPairs(keyvalue.MaxImportBytes-1024))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		pairs, err := keyvalue.ReadImport(bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		create(b, records, pairs)
		if err := records.Update(context.Background(), func(tx store.Writer) error { return keyvalue.Remove(tx, id) }); err != nil {
			b.Fatal(err)
		}
	}
}

func openSQLite(b *testing.B) store.Records {
	b.Helper()
	folder, err := store.OpenFolder(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	records, err := sqlite.Open(folder)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		records.Close()
		folder.Close()
	})
	return records
}

func create(b *testing.B, records store.Records, pairs []keyvalue.Pair) {
	b.Helper()
	err := records.Update(context.Background(), func(tx store.Writer) error { return keyvalue.Create(tx, account, id, pairs, time.Unix(0, 0)) })
	if err != nil {
		b.Fatal(err)
	}
}
