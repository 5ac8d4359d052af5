package bucket_test

import (
	"bytes"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

// What was acknowledged is there after the data folder was closed and opened.
func TestOnDisk(t *testing.T) {
	path := t.TempDir()
	root := sealed.RandomSecret(sealed.KeyBytes)
	kms := &keys{secret: sealed.RandomSecret(32)}
	contents := map[string][]byte{"empty": nil, "small": pattern(100), "large": pattern(500_000), "parts": pattern(bucket.MinPartBytes + 1000)}
	for round := range 2 {
		folder, err := store.OpenFolder(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := sqlite.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := dir.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		vault, err := sealed.Open(t.Context(), records, root)
		if err != nil {
			t.Fatal(err)
		}
		w := worldOn(t, records, blobs, vault, kms)
		if round == 0 {
			w.bucket("films")
			for name, content := range contents {
				for _, e := range []bucket.EncryptionWish{sseS3, sseKMS} {
					key := name + string(e.Algorithm)
					if name != "parts" {
						w.put("films", key, content, e)
						continue
					}
					ref := w.upload("films", key, e, bucket.Checksum{})
					one, two := w.part(ref, 1, content[:bucket.MinPartBytes]), w.part(ref, 2, content[bucket.MinPartBytes:])
					if _, err := w.complete(ref, one, two); err != nil {
						t.Fatal(err)
					}
				}
			}
			// Another version of one, so that something was deleted.
			w.put("films", "largeAES256", contents["large"], sseS3)
		}
		for name, content := range contents {
			for _, e := range []bucket.EncryptionWish{sseS3, sseKMS} {
				if got, err := w.read("films", name+string(e.Algorithm), nil); err != nil || !bytes.Equal(got, content) {
					t.Errorf("round %d: %s under %s: %d bytes, %v, want %d", round, name, e.Algorithm, len(got), err, len(content))
				}
			}
		}
		page, err := w.List(t.Context(), w.root(), bucket.List{Bucket: "films", Max: 100})
		if err != nil || len(page.Objects) != 2*len(contents) {
			t.Errorf("round %d: %d objects, %v", round, len(page.Objects), err)
		}
		w.wantBlobs(4) // two large ones, and the large parts of two
		w.Close()
		for _, close := range []func() error{records.Close, blobs.Close, folder.Close} {
			if err := close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
