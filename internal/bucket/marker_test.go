package bucket_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// ageMarkers makes of a bucket what earlier versions left: its delete markers stand
// among the objects.
func (w *world) ageMarkers(name string) {
	w.t.Helper()
	err := w.records.Update(w.t.Context(), func(tx store.Writer) error {
		for rec, err := range tx.Scan("s3.marker", store.Range{}) {
			if err != nil {
				return err
			}
			if err := tx.Delete("s3.marker", rec.Key); err != nil {
				return err
			}
			if err := tx.Put("s3.object", rec.Key, rec.Value); err != nil {
				return err
			}
		}
		record, err := tx.Get("s3.bucket", name)
		if err != nil {
			return err
		}
		return tx.Put("s3.bucket", name, []byte(strings.Replace(string(record), `"markersApart":true,`, "", 1)))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// countedRecords counts the records that Scans yield.
type countedRecords struct {
	store.Records
	read int
}

func (r *countedRecords) View(ctx context.Context, fn func(store.Reader) error) error {
	return r.Records.View(ctx, func(tx store.Reader) error { return fn(countedReader{tx, r}) })
}

type countedReader struct {
	store.Reader
	records *countedRecords
}

func (r countedReader) Scan(space store.Space, keys store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for rec, err := range r.Reader.Scan(space, keys) {
			r.records.read++
			if !yield(rec, err) {
				return
			}
		}
	}
}

// A page of objects is read without what was deleted between them, however much
// that is; so is one of a bucket from an earlier version, once its markers moved.
func TestListPassesMarkers(t *testing.T) {
	const deleted = 2500
	records := &countedRecords{Records: memory.NewRecords()}
	w := newWorld(t, records, memory.NewBlobs())
	w.Close() // whose background would be counted
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	for i := range deleted {
		key := fmt.Sprintf("gone/%05d", i)
		if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	w.put("films", "a", nil, sseS3)
	w.put("films", "z", nil, sseS3)
	list := func(wantRead int) {
		t.Helper()
		records.read = 0
		page, err := w.List(t.Context(), w.root(), bucket.List{Bucket: "films", Max: 1000})
		if err != nil || len(page.Objects) != 2 || page.Token != "" {
			t.Errorf("List = %+v, %v", page, err)
		}
		if records.read != wantRead {
			t.Errorf("List read %d records, want %d", records.read, wantRead)
		}
		page, err = w.List(t.Context(), w.root(), bucket.List{Bucket: "films", Delimiter: "/", Max: 1000})
		if err != nil || len(page.Objects) != 2 || len(page.Prefixes) != 0 {
			t.Errorf("List by folders = %+v, %v", page, err)
		}
		versions, err := w.ListVersions(t.Context(), w.root(), bucket.VersionPage{Bucket: "films", Delimiter: "/", Max: 1000})
		if err != nil || len(versions.Versions) != 2 || len(versions.Prefixes) != 1 {
			t.Errorf("ListVersions by folders = %d, %q, %v", len(versions.Versions), versions.Prefixes, err)
		}
	}
	list(2)
	w.ageMarkers("films")
	list(2 + deleted)
	if err := w.MoveMarkers(t.Context()); err != nil {
		t.Fatal(err)
	}
	list(2)
	if r, damaged := w.check(bucket.Check{}); damaged != nil || r.Versions != 2+deleted {
		t.Errorf("Check = %+v, damaged %q", r, damaged)
	}
}

// Buckets move once: a second start finds nothing to do.
func TestMarkersMoveOnce(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	w.ageMarkers("films")
	for range 2 {
		if err := w.MoveMarkers(t.Context()); err != nil {
			t.Fatal(err)
		}
		only(t, w.records, "s3.marker")
	}
	w.ageMarkers("films")
	w.Close()
	w.open() // moves them in the background
	if err := w.MoveMarkers(t.Context()); err != nil {
		t.Fatal(err)
	}
	only(t, w.records, "s3.marker")
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k", VersionID: w.versionIDs()[0]}); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteBucket(t.Context(), w.root(), "films"); err != nil {
		t.Errorf("DeleteBucket = %v", err)
	}
}
