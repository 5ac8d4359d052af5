package bucket_test

import (
	"bytes"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func FuzzRecord(f *testing.F) {
	records := memory.NewRecords()
	w := newWorld(f, records, memory.NewBlobs())
	w.bucket("films")
	_, err := w.Put(f.Context(), w.root(), bucket.Put{
		Bucket: "films", Key: "k", Body: bytes.NewReader([]byte("x")), SizeBytes: 1,
		Metadata:   bucket.Metadata{ContentType: "text/plain", User: []bucket.Pair{{Name: "a", Value: "b"}}},
		Tags:       []bucket.Pair{{Name: "c", Value: "d"}},
		Encryption: bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Context: map[string]string{"e": "f", "g": ""}},
	})
	if err != nil {
		f.Fatal(err)
	}
	_, value := only(f, records, "s3.object")
	if again, err := bucket.Recode(value); err != nil || !bytes.Equal(again, value) {
		f.Fatalf("record changes when it is encoded again: %v", err)
	}
	f.Add(value)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := bucket.Recode(b)
		if err != nil {
			return
		}
		twice, err := bucket.Recode(again)
		if err != nil || !bytes.Equal(again, twice) {
			t.Fatalf("%x encodes to %x, and that to %x, %v", b, again, twice, err)
		}
	})
}
