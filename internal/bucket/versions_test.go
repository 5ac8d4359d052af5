package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// modelVersion is a version as the documentation describes it.
type modelVersion struct {
	id      string
	marker  bool
	content []byte
}

// versionModel keeps the versions of each key, newest first.
type versionModel struct {
	status bucket.Versioning
	keys   map[string][]modelVersion
}

func (m *versionModel) write(key string, v modelVersion) {
	list := m.keys[key]
	if m.status != bucket.VersioningEnabled {
		list = slices.DeleteFunc(list, func(old modelVersion) bool { return old.id == bucket.NullVersion })
	}
	m.keys[key] = append([]modelVersion{v}, list...)
}

func (m *versionModel) remove(key, id string) {
	m.keys[key] = slices.DeleteFunc(m.keys[key], func(v modelVersion) bool { return v.id == id })
	if len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
}

func (m *versionModel) id(got string) string {
	if m.status == bucket.VersioningEnabled {
		return got
	}
	return bucket.NullVersion
}

// Whatever is written and deleted in whichever state, and wherever the current
// delete markers lie, versions are those of the model, and at the end nothing is
// left.
func TestVersionsAgainstModel(t *testing.T) {
	n := 0
	w := memoryWorld(t)
	ctx := t.Context()
	keys := []string{"a", "a\x00", "a/b", "é"}
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprintf("films-%d", n)
		w.bucket(name)
		m := &versionModel{keys: map[string][]modelVersion{}}
		var ids []string
		for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			switch rapid.SampledFrom([]string{"put", "put", "delete", "remove", "enable", "suspend", "age", "move"}).Draw(t, "do") {
			case "put":
				content := pattern(rapid.SampledFrom([]int{0, 5, 20_000}).Draw(t, "size") + step)
				info := w.put(name, key, content, sseS3)
				if (m.status == bucket.Unversioned) != (info.VersionID == "") {
					t.Fatalf("version id %q in state %q", info.VersionID, m.status)
				}
				m.write(key, modelVersion{id: m.id(info.VersionID), content: content})
				ids = append(ids, m.id(info.VersionID))
			case "delete":
				d, err := w.Delete(ctx, w.root(), bucket.Delete{Bucket: name, Key: key})
				if err != nil || d.Marker != (m.status != bucket.Unversioned) {
					t.Fatalf("Delete = %+v, %v", d, err)
				}
				if m.status == bucket.Unversioned {
					m.remove(key, bucket.NullVersion)
				} else {
					m.write(key, modelVersion{id: m.id(d.VersionID), marker: true})
					ids = append(ids, m.id(d.VersionID))
				}
			case "remove":
				if len(ids) == 0 {
					continue
				}
				id := rapid.SampledFrom(ids).Draw(t, "id")
				if d, err := w.Delete(ctx, w.root(), bucket.Delete{Bucket: name, Key: key, VersionID: id}); err != nil || d.VersionID != id {
					t.Fatalf("Delete of %s = %+v, %v", id, d, err)
				}
				m.remove(key, id)
			case "enable":
				m.status = bucket.VersioningEnabled
				w.version(name, m.status)
			case "suspend":
				m.status = bucket.VersioningSuspended
				w.version(name, m.status)
			case "age":
				w.ageMarkers(name)
			case "move":
				if err := w.MoveMarkers(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.compare(t, name, m, rapid.IntRange(1, 6).Draw(t, "max"))
		for key, list := range m.keys {
			for _, v := range list {
				if _, err := w.Delete(ctx, w.root(), bucket.Delete{Bucket: name, Key: key, VersionID: v.id}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.DeleteBucket(ctx, w.root(), name); err != nil {
			t.Fatalf("DeleteBucket = %v", err)
		}
		w.wantBlobs(0)
	})
}

func (w *world) version(name string, v bucket.Versioning) {
	w.t.Helper()
	if err := w.SetVersioning(w.t.Context(), w.root(), name, bucket.VersioningSetting{Status: v}); err != nil {
		w.t.Fatal(err)
	}
}

// compare wants the bucket to be as m says: by listing pages of a length, and by
// reading every version.
func (w *world) compare(t *rapid.T, name string, m *versionModel, limit int) {
	var want, got []string
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k := range m.keys {
			if !yield(k) {
				return
			}
		}
	}) {
		for i, v := range m.keys[key] {
			want = append(want, fmt.Sprintf("%q %s latest=%v marker=%v size=%d", key, v.id, i == 0, v.marker, len(v.content)))
			w.compareRead(t, bucket.Get{Bucket: name, Key: key, VersionID: v.id}, v)
			if i == 0 {
				w.compareRead(t, bucket.Get{Bucket: name, Key: key}, v)
			}
		}
	}
	in := bucket.VersionPage{Bucket: name, Max: limit}
	for {
		page, err := w.ListVersions(w.t.Context(), w.root(), in)
		if err != nil || len(page.Versions) > limit {
			t.Fatalf("ListVersions = %d versions, %v", len(page.Versions), err)
		}
		for _, v := range page.Versions {
			got = append(got, fmt.Sprintf("%q %s latest=%v marker=%v size=%d", v.Key, v.VersionID, v.Latest, v.DeleteMarker, v.SizeBytes))
		}
		if !page.More {
			break
		}
		in.AfterKey, in.AfterID = page.NextKey, page.NextID
	}
	if !slices.Equal(got, want) {
		t.Fatalf("versions are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	page, err := w.List(w.t.Context(), w.root(), bucket.List{Bucket: name, Max: 1000})
	current := 0
	for _, list := range m.keys {
		if !list[0].marker {
			current++
		}
	}
	if err != nil || len(page.Objects) != current {
		t.Fatalf("List = %d objects, %v, want %d", len(page.Objects), err, current)
	}
}

func (w *world) compareRead(t *rapid.T, in bucket.Get, want modelVersion) {
	o, err := w.Get(w.t.Context(), w.root(), in)
	if want.marker {
		var marker *bucket.DeleteMarkerError
		if !errors.As(err, &marker) || errors.Is(err, bucket.ErrNoKey) != (in.VersionID == "") {
			t.Fatalf("Get(%+v) of a marker = %v", in, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Get(%+v) = %v", in, err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, want.content) {
		t.Fatalf("Get(%+v) reads %d bytes, %v, want %d", in, len(got), err, len(want.content))
	}
}

func TestVersionErrors(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	first := w.put("films", "k", []byte("1"), sseS3).VersionID
	w.put("films", "k", []byte("2"), sseS3)
	for id, want := range map[string]error{
		first: nil, "nonsense": bucket.ErrInvalidVersion, bucket.NullVersion: bucket.ErrNoVersion, strings.Repeat("A", 32): bucket.ErrNoVersion,
	} {
		o, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", VersionID: id})
		if !errors.Is(err, want) {
			t.Errorf("Get of version %q = %v, want %v", id, err, want)
		}
		if err == nil {
			o.Close()
		}
	}
	// A completion that is repeated finds its version below newer ones.
	ref := w.upload("films", "k", sseS3, bucket.Checksum{})
	part := w.part(ref, 1, pattern(10))
	made, err := w.complete(ref, part)
	if err != nil {
		t.Fatal(err)
	}
	w.put("films", "k", []byte("3"), sseS3)
	if again, err := w.complete(ref, part); err != nil || again.VersionID != made.VersionID {
		t.Errorf("completion again = %+v, %v, want version %s", again, err, made.VersionID)
	}
	other := part
	other.Number = 2
	for _, parts := range [][]bucket.CompletedPart{{other}, {part, other}, {{Number: 1, ETag: "another"}}} {
		if _, err := w.complete(ref, parts...); !sameError(err, &bucket.InvalidPartError{Number: parts[0].Number, ETag: parts[0].ETag}) {
			t.Errorf("completion again, of %+v = %v, want an InvalidPartError about the first", parts, err)
		}
	}
}

// A page that goes on after a version stays below its prefix, and above the common
// prefixes: policies may grant the listing of a prefix only.
func TestVersionsAfterOutsideThePrefix(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	for _, key := range []string{"open/a", "open/b/c", "secret", "secret"} {
		w.put("films", key, []byte(key), sseS3)
	}
	newest := w.put("films", "secret", []byte("3"), sseS3).VersionID
	w.put("films", "open/b/c", []byte("2"), sseS3)
	nested := w.put("films", "open/b/c", []byte("3"), sseS3).VersionID
	for _, in := range []bucket.VersionPage{
		{Prefix: "open/", AfterKey: "secret", AfterID: bucket.NullVersion},
		{Prefix: "open/", AfterKey: "secret", AfterID: newest},
		{Prefix: "open/", Delimiter: "/", AfterKey: "open/b/c", AfterID: nested},
		{Delimiter: "/", AfterKey: "open/b/c", AfterID: nested},
	} {
		in.Bucket, in.Max = "films", 10
		page, err := w.ListVersions(t.Context(), w.root(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			rest, below := strings.CutPrefix(v.Key, in.Prefix)
			if !below || in.Delimiter != "" && strings.Contains(rest, in.Delimiter) {
				t.Errorf("ListVersions(%+v) lists %q", in, v.Key)
			}
		}
	}
}

// The records of versions cannot be exchanged, nor a marker be taken off.
func TestExchangedVersions(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	first := w.put("films", "k", []byte("1"), sseS3).VersionID
	_, old := only(t, w.records, "s3.object")
	w.put("films", "k", []byte("2"), sseS3)
	name, _ := only(t, w.records, "s3.version")
	_, current := only(t, w.records, "s3.object")
	w.write("s3.version", name, current)
	if _, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", VersionID: first}); err == nil {
		t.Error("the newer version reads as the older one")
	}
	w.write("s3.version", name, old)
	if o, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", VersionID: first}); err != nil {
		t.Errorf("the record put back reads %v", err)
	} else {
		o.Close()
	}
}
