package bucket_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// A change of a versioned key that dies at any write is done or not done: no
// version is lost, none shows twice, and no bytes stay behind.
func TestCrashOfVersions(t *testing.T) {
	large := pattern(100_000)
	for _, tt := range []struct {
		name string
		do   func(w *world, first string) error
	}{
		{"put", func(w *world, _ string) error {
			_, err := w.Put(w.t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: bytes.NewReader(large), SizeBytes: int64(len(large))})
			return err
		}},
		{"marker", func(w *world, _ string) error {
			_, err := w.Delete(w.t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"})
			return err
		}},
		{"remove older", func(w *world, first string) error {
			_, err := w.Delete(w.t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k", VersionID: first})
			return err
		}},
		{"remove null", func(w *world, _ string) error {
			_, err := w.Delete(w.t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k", VersionID: bucket.NullVersion})
			return err
		}},
		{"rewrap", func(w *world, _ string) error {
			_, err := w.Rewrap(w.t.Context(), w.root(), bucket.Rewrap{Bucket: "films", Key: keyARN})
			return err
		}},
	} {
		for _, persisted := range []bool{false, true} {
			for after, acknowledged := 0, false; !acknowledged; after++ {
				name := fmt.Sprintf("%s, write %d fails, persisted %v", tt.name, after, persisted)
				c := &crash{after: 1 << 30, persisted: persisted}
				records, blobs := memory.NewRecords(), memory.NewBlobs()
				w := newWorld(t, crashRecords{records, c}, crashBlobs{blobs, c})
				w.bucket("films")
				w.put("films", "k", large, sseS3)
				w.version("films", bucket.VersioningEnabled)
				first := w.put("films", "k", large[1:], sseS3).VersionID
				w.put("films", "k", large[2:], sseS3)
				before := w.versionIDs()
				c.arm(after)
				err := tt.do(w, first)
				acknowledged = err == nil && !c.isDead()
				w.Close()

				w.records, w.blobs = records, blobs
				w.open()
				if _, err := w.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				ids := w.versionIDs()
				if changed := len(ids) - len(before); changed < -1 || changed > 1 || acknowledged && changed == 0 && tt.name != "rewrap" {
					t.Errorf("%s: versions were %q, are %q", name, before, ids)
				}
				if r, damaged := w.check(bucket.Check{}); damaged != nil || r.Versions != len(ids) {
					t.Errorf("%s: Check = %+v, damaged %q", name, r, damaged)
				}
				for _, id := range ids {
					if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k", VersionID: id}); err != nil {
						t.Fatal(err)
					}
				}
				w.wantBlobs(0)
				if err := w.DeleteBucket(t.Context(), w.root(), "films"); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				w.Close()
			}
		}
	}
}

func (w *world) versionIDs() (ids []string) {
	w.t.Helper()
	page, err := w.ListVersions(w.t.Context(), w.root(), bucket.VersionPage{Bucket: "films", Max: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range page.Versions {
		ids = append(ids, v.VersionID)
	}
	if n := len(ids); n != len(slices.Compact(slices.Sorted(slices.Values(ids)))) {
		w.t.Errorf("version ids %q stand twice", ids)
	}
	return ids
}
