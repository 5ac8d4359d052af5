package bucket_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// checked fills a bucket with a small and a large object of each form, and with an
// older version and a delete marker.
func (w *world) checked() (versions int) {
	w.bucket("films")
	w.allowCustomerKeys("films")
	w.version("films", bucket.VersioningEnabled)
	for _, f := range forms {
		w.put("films", f.name+"/small", pattern(100), f.wish)
		w.put("films", f.name+"/large", pattern(100_000), f.wish)
		versions += 2
	}
	w.put("films", "SSE-S3/large", pattern(150_000), sseS3)
	ref := w.upload("films", "parts", sseS3, bucket.Checksum{})
	if _, err := w.complete(ref, w.part(ref, 3, pattern(70_000))); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Delete(w.t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "none"}); err != nil {
		w.t.Fatal(err)
	}
	return versions + 3
}

func (w *world) check(in bucket.Check) (r bucket.CheckReport, damaged []string) {
	w.t.Helper()
	in.Found = func(d bucket.Damage) { damaged = append(damaged, d.Key) }
	r, err := w.Check(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(damaged)
	return r, damaged
}

func TestCheck(t *testing.T) {
	w := memoryWorld(t)
	versions := w.checked()
	as := bucket.Check{As: func(owner arn.AccountID) access.Caller {
		if owner != account {
			t.Errorf("asked who opens objects of account %s", owner)
		}
		return w.root().Caller
	}}
	sizes := int64(4*(100+100_000) + 150_000 + 70_000) // all but SSE-C
	if r, damaged := w.check(as); r != (bucket.CheckReport{Buckets: 1, Versions: versions, Bytes: sizes, Measured: 4}) || damaged != nil {
		t.Errorf("Check = %+v, damaged %q", r, damaged)
	}
	if r, damaged := w.check(bucket.Check{}); r.Measured != 10 || r.Versions != versions || damaged != nil {
		t.Errorf("Check without a caller = %+v, damaged %q", r, damaged)
	}
	w.keys.disabled = true
	if r, damaged := w.check(as); r.Measured != 8 || damaged != nil { // the bucket key's two are cached
		t.Errorf("Check with a disabled key = %+v, damaged %q", r, damaged)
	}
}

// Each blob that is cut by a byte is found, whether it can be opened or not.
func TestCheckFindsCutBlobs(t *testing.T) {
	blobs := &tampered{Blobs: memory.NewBlobs()}
	w := newWorld(t, memory.NewRecords(), blobs)
	w.checked()
	blobs.change = func(_ string, b []byte) []byte { return b[:len(b)-1] }
	_, damaged := w.check(bucket.Check{})
	want := []string{"parts", "SSE-S3/large"}
	for _, f := range forms {
		want = append(want, f.name+"/large")
	}
	if slices.Sort(want); !slices.Equal(damaged, want) {
		t.Errorf("damaged %q, want %q", damaged, want)
	}
}

func TestCheckFindsRecords(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "k", []byte("x"), sseS3)
	name, value := only(t, w.records, "s3.object")
	w.write("s3.object", name, append(bytes.Clone(value[:2]), 0xff))
	if r, damaged := w.check(bucket.Check{}); r.Damaged != 1 || !slices.Equal(damaged, []string{"k"}) {
		t.Errorf("Check = %+v, damaged %q", r, damaged)
	}
}

// After a rewrap everything reads, with its tags, versions and ETags, and nothing
// was under the old key.
func TestRewrap(t *testing.T) {
	w := memoryWorld(t)
	w.checked()
	ctx := t.Context()
	before := map[string]bucket.Info{}
	inspect := func(key string) bucket.Info {
		info, err := w.Inspect(ctx, w.root(), bucket.Get{Bucket: "films", Key: key}, "s3:GetObjectTagging")
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if _, err := w.SetTags(ctx, w.root(), bucket.Get{Bucket: "films", Key: "parts"}, []bucket.Pair{{Name: "a", Value: "b"}}); err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		before[f.name+"/large"] = inspect(f.name + "/large")
	}
	before["parts"] = inspect("parts")
	w.keys.arn = "arn:aws:kms:us-east-1:000000000000:key/2"
	steps := 0
	in := bucket.Rewrap{Bucket: "films", Key: w.keys.arn, Progress: func(bucket.RewrapReport) { steps++ }}
	r, err := w.Rewrap(ctx, w.root(), in)
	if err != nil || r.Rewrapped != 10 || r.Skipped != 5 || r.Failed != 0 || steps != 15 {
		t.Fatalf("Rewrap = %+v, %v, %d steps", r, err, steps)
	}
	if again, err := w.Rewrap(ctx, w.root(), in); err != nil || again.Already != 10 || again.Rewrapped != 0 {
		t.Errorf("Rewrap again = %+v, %v", again, err)
	}
	for key, old := range before {
		now := inspect(key)
		if old.Encryption.Algorithm != bucket.CustomerManaged && now.Encryption.KeyARN != w.keys.arn {
			t.Errorf("%s is under %+v", key, now.Encryption)
		}
		if now.ETag != old.ETag || now.VersionID != old.VersionID || len(now.Tags) != len(old.Tags) {
			t.Errorf("%s was %+v, is %+v", key, old, now)
		}
	}
	for _, f := range forms {
		o, err := w.Get(ctx, w.root(), bucket.Get{Bucket: "films", Key: f.name + "/large", Customer: f.key})
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		size := 100_000
		if strings.HasPrefix(f.name, "SSE-S3") {
			size = 150_000
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, pattern(size)) {
			t.Errorf("%s reads %d bytes, %v", f.name, len(got), err)
		}
		o.Close()
	}
	as := bucket.Check{As: func(arn.AccountID) access.Caller { return w.root().Caller }}
	if r, damaged := w.check(as); damaged != nil {
		t.Errorf("Check = %+v, damaged %q", r, damaged)
	}
	w.keys.disabled = true
	in.Key = "arn:aws:kms:us-east-1:000000000000:key/3"
	if r, err := w.Rewrap(ctx, w.root(), in); err != nil || r.Failed != 10 || !errors.Is(r.LastError, errDisabled) {
		t.Errorf("Rewrap with a disabled key = %+v, %v", r, err)
	}
}
