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

// A page of 1,000 common prefixes costs the same in a large bucket as in a small
// one. The records are copies of one that was written through the service.
func BenchmarkListMany(b *testing.B) {
	const folders = 1000
	for _, keys := range []int{10_000, *manyKeys} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
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
			b.ReportAllocs()
			for b.Loop() {
				page, err := w.List(b.Context(), w.root(), bucket.List{Bucket: "films", Prefix: "folder-", Delimiter: "/", Max: 1000})
				if err != nil || len(page.Prefixes) != folders || len(page.Objects) != 0 {
					b.Fatal(len(page.Prefixes), len(page.Objects), err)
				}
			}
		})
	}
}
