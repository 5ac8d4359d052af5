package bucket_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store"
)

var manyKeys = flag.Int("keys", 1_000_000, "keys in the large bucket of BenchmarkListMany")

// foldersWorld has a bucket of so many keys in 1,000 folders. Their records are copies
// of one that was written through the service.
func foldersWorld(b *testing.B, keys int) *world {
	b.Helper()
	w := diskWorld(b)
	w.bucket("films")
	w.put("films", "k", nil, sseS3)
	name, value := only(b, w.records, "s3.object")
	base := strings.TrimSuffix(name, "k")
	for folder := 0; folder < folders; {
		err := w.records.Update(b.Context(), func(tx store.Writer) error {
			for range 10 {
				for i := range keys / folders {
					if err := tx.Put("s3.object", fmt.Sprintf("%sfolder-%04d/%06d", base, folder, i), value); err != nil {
						return err
					}
				}
				folder++
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return w
}

const folders = 1000

// Pages of 1,000 in a large bucket, in turns with one of 10,000 keys: common prefixes,
// for each of which it reads one record, whatever is in the folder; and keys, among which
// the delimiter is not found.
func BenchmarkListMany(b *testing.B) {
	small, large := foldersWorld(b, 10_000), foldersWorld(b, *manyKeys)
	for _, of := range []struct{ name, delimiter string }{{"folders", "/"}, {"objects", "~"}} {
		list := func(w *world) func() error {
			return func() error {
				page, err := w.List(b.Context(), w.root(), bucket.List{Bucket: "films", Prefix: "folder-", Delimiter: of.delimiter, Max: folders})
				if n := map[string]int{"folders": len(page.Prefixes), "objects": len(page.Objects)}[of.name]; err == nil && n != folders {
					err = fmt.Errorf("%d folders, %d objects", len(page.Prefixes), len(page.Objects))
				}
				return err
			}
		}
		b.Run(fmt.Sprintf("%s/keys=%d", of.name, *manyKeys), func(b *testing.B) {
			b.ReportAllocs()
			ratio(b, list(small), list(large))
		})
	}
}
