package bucket_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func (w *world) upload(name, key string, e bucket.EncryptionWish, c bucket.Checksum) bucket.UploadRef {
	w.t.Helper()
	u, err := w.CreateUpload(w.t.Context(), w.root(), bucket.Put{Bucket: name, Key: key, Encryption: e}, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return bucket.UploadRef{Bucket: name, Key: key, ID: u.ID}
}

func (w *world) part(ref bucket.UploadRef, n int, content []byte) bucket.CompletedPart {
	w.t.Helper()
	return w.partUnder(ref, n, content, nil)
}

func (w *world) partUnder(ref bucket.UploadRef, n int, content []byte, key *bucket.CustomerKey) bucket.CompletedPart {
	w.t.Helper()
	p, err := w.PutPart(w.t.Context(), w.root(), bucket.PutPart{Upload: ref, Number: n, Body: bytes.NewReader(content), SizeBytes: int64(len(content)), Customer: key})
	if err != nil {
		w.t.Fatalf("PutPart %d = %v", n, err)
	}
	return bucket.CompletedPart{Number: n, ETag: p.ETag, Checksum: p.Checksum}
}

func (w *world) complete(ref bucket.UploadRef, parts ...bucket.CompletedPart) (bucket.Info, error) {
	return w.CompleteUpload(w.t.Context(), w.root(), bucket.Complete{Upload: ref, Parts: parts, SizeBytes: -1})
}

var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

func TestMultipart(t *testing.T) {
	for _, wish := range []bucket.EncryptionWish{sseS3, sseKMS} {
		w := memoryWorld(t)
		w.bucket("films")
		all := pattern(2*bucket.MinPartBytes + 100_000)
		cut := []int{bucket.MinPartBytes, 2*bucket.MinPartBytes + 70_000}
		ref := w.upload("films", "k", wish, bucket.Checksum{})
		w.part(ref, 3, []byte("not in the end"))
		w.part(ref, 2, pattern(bucket.MinPartBytes)) // replaced below
		parts := []bucket.CompletedPart{w.part(ref, 1, all[:cut[0]]), w.part(ref, 2, all[cut[0]:cut[1]]), w.part(ref, 7, all[cut[1]:])}
		if _, err := w.read("films", "k", nil); !errors.Is(err, bucket.ErrNoKey) {
			t.Errorf("read of an upload = %v", err)
		}
		info, err := w.complete(ref, parts...)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := info.Checksum.Value, crc64.Checksum(all, nvme); !bytes.Equal(got, be(want, 8)) || info.Checksum.Type != bucket.FullObject {
			t.Errorf("checksum %x, want %x", got, want)
		}
		if wish.Algorithm == bucket.S3Managed {
			h := md5.New()
			for _, p := range [][]byte{all[:cut[0]], all[cut[0]:cut[1]], all[cut[1]:]} {
				sum := md5.Sum(p)
				h.Write(sum[:])
			}
			if want := hex.EncodeToString(h.Sum(nil)) + "-3"; info.ETag != want {
				t.Errorf("ETag %s, want %s", info.ETag, want)
			}
		}
		if got, err := w.read("films", "k", nil); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("read %d bytes, %v, want %d", len(got), err, len(all))
		}
		w.wantBlobs(3)
		again, err := w.complete(ref, parts...)
		if err != nil || again.ETag != info.ETag {
			t.Errorf("completing again = %+v, %v", again, err)
		}
		rapid.Check(t, func(t *rapid.T) {
			size := int64(len(all))
			near := rapid.SampledFrom([]int64{0, int64(cut[0]), int64(cut[1]), size})
			first := min(max(near.Draw(t, "near")+rapid.Int64Range(-70_000, 70_000).Draw(t, "by"), 0), size-1)
			last := min(max(near.Draw(t, "near end")+rapid.Int64Range(-70_000, 70_000).Draw(t, "by end"), first), size-1)
			got, err := w.read("films", "k", &bucket.Range{First: first, Last: last})
			if err != nil || !bytes.Equal(got, all[first:last+1]) {
				t.Fatalf("read %d-%d = %d bytes, %v", first, last, len(got), err)
			}
		})
		o, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", Part: 7})
		if err != nil || o.Length != int64(len(all)-cut[1]) || o.Parts != 3 {
			t.Fatalf("part 7: %+v, %v", o, err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, all[cut[1]:]) {
			t.Errorf("part 7: %d bytes, %v", len(got), err)
		}
		o.Close()
		if _, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", Part: 3}); !sameError(err, &bucket.NoPartError{Number: 3, Parts: 3}) {
			t.Errorf("part 3 = %v", err)
		}
		// A reader holds on to parts that it did not come to yet.
		if o, err = w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}); err != nil {
			t.Fatal(err)
		}
		w.put("films", "k", []byte("new"), sseS3)
		if n, err := w.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("Sweep = %d, %v", n, err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, all) {
			t.Errorf("reader of the replaced object: %d bytes, %v", len(got), err)
		}
		o.Close()
		w.wantBlobs(0)
		if _, err := w.complete(ref, parts...); !errors.Is(err, bucket.ErrNoUpload) {
			t.Errorf("completing again after the object was replaced = %v", err)
		}
	}
}

// Another node knows nothing of this one's readers: what it takes away from them is
// no damage.
func TestReplacedOnAnotherNode(t *testing.T) {
	w := memoryWorld(t)
	var log bytes.Buffer
	w.Close()
	w.open(func(c *bucket.Config) {
		c.SoleWriter = false
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	w.bucket("films")
	other := worldOn(t, w.records, w.blobs, w.vault, w.keys)
	for name, remove := range map[string]func(){
		"replaced": func() { other.put("films", "k", []byte("new"), sseS3) },
		"deleted": func() {
			if _, err := other.Delete(t.Context(), other.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		all := pattern(2 * bucket.MinPartBytes)
		ref := w.upload("films", "k", sseS3, bucket.Checksum{})
		half := w.part(ref, 1, all[:bucket.MinPartBytes])
		if _, err := w.complete(ref, half, w.part(ref, 2, all[bucket.MinPartBytes:])); err != nil {
			t.Fatal(err)
		}
		o, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		remove()
		got, err := io.ReadAll(o)
		if !errors.Is(err, bucket.ErrReplaced) || !bytes.Equal(got, all[:bucket.MinPartBytes]) {
			t.Errorf("%s: reader got %d bytes, %v, want the first part and %v", name, len(got), err, bucket.ErrReplaced)
		}
		o.Close()
	}
	w.Close() // what it does in the background logs as well
	if text := log.String(); strings.Contains(text, "damaged") || strings.Count(text, "replaced while it was read") != 2 {
		t.Errorf("log says\n%s", text)
	}
}

func be(v uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[n-1-i] = byte(v >> (8 * i))
	}
	return b
}

func TestMultipartChecksums(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	first, second := pattern(bucket.MinPartBytes), []byte("the rest")
	all := slices.Concat(first, second)
	one, two := crc32.ChecksumIEEE(first), crc32.ChecksumIEEE(second)
	composite := crc32.ChecksumIEEE(append(be(uint64(one), 4), be(uint64(two), 4)...))
	castagnoli := crc32.Checksum(all, crc32.MakeTable(crc32.Castagnoli))
	for _, tt := range []struct {
		c    bucket.Checksum
		want []byte
	}{
		{bucket.Checksum{Algorithm: bucket.CRC32}, be(uint64(composite), 4)},
		{bucket.Checksum{Algorithm: bucket.CRC32, Type: bucket.FullObject}, be(uint64(crc32.ChecksumIEEE(all)), 4)},
		{bucket.Checksum{Algorithm: bucket.CRC32C, Type: bucket.FullObject}, be(uint64(castagnoli), 4)},
		{bucket.Checksum{Algorithm: bucket.CRC64NVME}, be(crc64.Checksum(all, nvme), 8)},
	} {
		ref := w.upload("films", "k", sseKMS, tt.c)
		parts := []bucket.CompletedPart{w.part(ref, 1, first), w.part(ref, 2, second)}
		info, err := w.complete(ref, parts...)
		if err != nil || !bytes.Equal(info.Checksum.Value, tt.want) {
			t.Errorf("%v %v: %x, %v, want %x", tt.c.Algorithm, tt.c.Type, info.Checksum.Value, err, tt.want)
		}
	}
	for _, c := range []bucket.Checksum{
		{Algorithm: bucket.CRC64NVME, Type: bucket.Composite}, {Algorithm: bucket.SHA256, Type: bucket.FullObject}, {Type: bucket.Composite},
	} {
		_, err := w.CreateUpload(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k"}, c)
		if !errors.Is(err, bucket.ErrChecksumType) {
			t.Errorf("CreateUpload with %v %v = %v", c.Algorithm, c.Type, err)
		}
	}
	ref := w.upload("films", "k", sseS3, bucket.Checksum{Algorithm: bucket.SHA256})
	p := w.part(ref, 1, second)
	_, err := w.PutPart(t.Context(), w.root(), bucket.PutPart{
		Upload: ref, Number: 2, Body: bytes.NewReader(nil), Digests: bucket.DeclaredDigests{Algorithm: bucket.CRC32},
	})
	if !errors.Is(err, bucket.ErrChecksumType) {
		t.Errorf("PutPart with another checksum = %v", err)
	}
	p.Checksum.Value = nil
	if _, err := w.complete(ref, p); !errors.Is(err, bucket.ErrChecksumType) {
		t.Errorf("completing without the part's checksum = %v", err)
	}
}

func TestMultipartErrors(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	ref := w.upload("films", "k", sseS3, bucket.Checksum{})
	small, large := w.part(ref, 1, []byte("x")), w.part(ref, 2, pattern(bucket.MinPartBytes))
	wrong := large
	wrong.ETag = small.ETag
	for _, tt := range []struct {
		name  string
		parts []bucket.CompletedPart
		want  error
	}{
		{"none", nil, bucket.ErrNoParts},
		{"twice", []bucket.CompletedPart{large, large}, bucket.ErrPartOrder},
		{"backwards", []bucket.CompletedPart{large, small}, bucket.ErrPartOrder},
		{"absent", []bucket.CompletedPart{{Number: 3, ETag: small.ETag}}, &bucket.InvalidPartError{Number: 3, ETag: small.ETag}},
		{"another ETag", []bucket.CompletedPart{wrong}, &bucket.InvalidPartError{Number: 2, ETag: wrong.ETag}},
		{"number 0", []bucket.CompletedPart{{ETag: small.ETag}}, bucket.ErrPartNumber},
		{"number 10001", []bucket.CompletedPart{{Number: 10_001}}, bucket.ErrPartNumber},
		{"a small part before the last", []bucket.CompletedPart{small, large}, &bucket.PartTooSmallError{Number: 1, SizeBytes: 1, ETag: small.ETag}},
	} {
		if _, err := w.complete(ref, tt.parts...); !sameError(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, id := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAA"} {
		if _, err := w.complete(bucket.UploadRef{Bucket: "films", Key: "k", ID: id}, large); !errors.Is(err, bucket.ErrNoUpload) {
			t.Errorf("upload %q = %v", id, err)
		}
	}
	elsewhere := ref
	elsewhere.Key = "l"
	if err := w.AbortUpload(t.Context(), w.root(), elsewhere); !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("AbortUpload under another key = %v", err)
	}
	w.wantBlobs(1)
	if err := w.AbortUpload(t.Context(), w.root(), ref); err != nil {
		t.Fatal(err)
	}
	w.wantBlobs(0)
	if err := w.AbortUpload(t.Context(), w.root(), ref); !errors.Is(err, bucket.ErrNoUpload) {
		t.Errorf("AbortUpload again = %v", err)
	}
	// A bucket that holds uploads only is empty.
	ref = w.upload("films", "k", sseS3, bucket.Checksum{})
	w.part(ref, 1, pattern(100_000))
	w.upload("films", "l", sseS3, bucket.Checksum{})
	if err := w.DeleteBucket(t.Context(), w.root(), "films"); err != nil {
		t.Fatal(err)
	}
	w.wantBlobs(0)
}

func TestListPartsAndUploads(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	var refs []bucket.UploadRef
	for _, key := range []string{"a", "a", "a\x00b", "dir/1", "dir/2", "z"} {
		refs = append(refs, w.upload("films", key, sseS3, bucket.Checksum{}))
	}
	for n := 1; n <= 5; n++ {
		w.part(refs[0], n, []byte("x"))
	}
	var numbers []int
	for after := 0; ; {
		_, list, more, err := w.Parts(ctx, w.root(), refs[0], after, 2)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		for _, p := range list {
			numbers = append(numbers, p.Number)
		}
		if after = list[len(list)-1].Number; !more {
			break
		}
	}
	if !slices.Equal(numbers, []int{1, 2, 3, 4, 5}) {
		t.Errorf("parts %v", numbers)
	}
	for _, delimiter := range []string{"", "/"} {
		var got []string
		in := bucket.UploadPage{Bucket: "films", Delimiter: delimiter, Max: 1}
		for {
			page, err := w.Uploads(ctx, w.root(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Uploads {
				got = append(got, u.Key)
			}
			got = append(got, page.Prefixes...)
			if !page.More {
				break
			}
			in.AfterKey, in.AfterID = page.NextKey, page.NextID
		}
		want := []string{"a", "a", "a\x00b", "dir/1", "dir/2", "z"}
		if delimiter == "/" {
			want = []string{"a", "a", "a\x00b", "dir/", "z"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("uploads %q, want %q", got, want)
		}
	}
}

// Parts do not read in each other's place.
func TestExchangedParts(t *testing.T) {
	blobs := &tampered{Blobs: memory.NewBlobs()}
	w := newWorld(t, memory.NewRecords(), blobs)
	w.bucket("films")
	ref := w.upload("films", "k", sseS3, bucket.Checksum{})
	parts := []bucket.CompletedPart{w.part(ref, 1, pattern(bucket.MinPartBytes)), w.part(ref, 2, pattern(bucket.MinPartBytes))}
	if _, err := w.complete(ref, parts...); err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{}
	blobs.change = func(name string, b []byte) []byte { contents[name] = b; return b }
	if _, err := w.readAll("films", "k"); err != nil {
		t.Fatal(err)
	}
	blobs.change = func(name string, b []byte) []byte {
		for other, content := range contents {
			if other != name {
				return content
			}
		}
		return nil
	}
	if got, err := w.readAll("films", "k"); !errors.Is(err, bucket.ErrCorrupt) {
		t.Errorf("read %d bytes, %v, want ErrCorrupt", len(got), err)
	}
}

func TestCrashOfUpload(t *testing.T) {
	first, second := pattern(bucket.MinPartBytes), pattern(50_000)
	for _, persisted := range []bool{false, true} {
		for after, acknowledged := 0, false; !acknowledged; after += 1 + after/8 {
			name := fmt.Sprintf("write %d fails, persisted %v", after, persisted)
			c := &crash{after: 1 << 30, persisted: persisted}
			records, blobs := memory.NewRecords(), memory.NewBlobs()
			w := newWorld(t, crashRecords{records, c}, crashBlobs{blobs, c})
			w.bucket("films")
			w.put("films", "k", []byte("old"), sseS3)
			ref := w.upload("films", "k", sseS3, bucket.Checksum{})
			c.arm(after)
			done := false
			put := func(n int, b []byte) (bucket.CompletedPart, error) {
				p, err := w.PutPart(t.Context(), w.root(), bucket.PutPart{Upload: ref, Number: n, Body: bytes.NewReader(b), SizeBytes: int64(len(b))})
				return bucket.CompletedPart{Number: n, ETag: p.ETag}, err
			}
			one, err := put(1, first)
			if err == nil {
				var two bucket.CompletedPart
				if two, err = put(2, second); err == nil {
					_, err = w.complete(ref, one, two)
					done = err == nil
				}
			}
			acknowledged = done && !c.isDead()
			w.Close()
			w.records, w.blobs = records, blobs
			w.open()
			got, err := w.readAll("films", "k")
			whole := bytes.Equal(got, slices.Concat(first, second))
			if err != nil || !whole && string(got) != "old" || done && !whole {
				t.Fatalf("%s: read %d bytes, %v, acknowledged %v", name, len(got), err, done)
			}
			// What the upload left is given back with it.
			if err := w.AbortUpload(t.Context(), w.root(), ref); err != nil && !errors.Is(err, bucket.ErrNoUpload) {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if whole {
				w.wantBlobs(2)
			} else {
				w.wantBlobs(0)
			}
			w.Close()
		}
	}
}

// A completion whose condition holds does not undo what was written while its parts
// were sent.
func TestConflictingCompletion(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	complete := func(ref bucket.UploadRef, c bucket.WriteConditions, parts ...bucket.CompletedPart) error {
		w.clock.Advance(time.Second)
		_, err := w.CompleteUpload(t.Context(), w.root(), bucket.Complete{Upload: ref, Parts: parts, SizeBytes: -1, Conditions: c})
		return err
	}
	begin := func() (bucket.UploadRef, bucket.CompletedPart) {
		w.clock.Advance(time.Second)
		ref := w.upload("films", "k", sseS3, bucket.Checksum{})
		w.clock.Advance(time.Second)
		return ref, w.part(ref, 1, []byte("new"))
	}
	old := w.put("films", "k", []byte("old"), sseS3)
	same := bucket.WriteConditions{IfMatch: old.ETag}
	ref, part := begin()
	w.put("films", "k", []byte("old"), sseS3) // the same content, and another object
	if err := complete(ref, same, part); !sameError(err, &bucket.ConflictError{Condition: "If-Match"}) {
		t.Errorf("completion over a newer object = %v, want a conflict", err)
	}
	if ref, part = begin(); complete(ref, same, part) != nil {
		t.Error("an upload that began after it conflicts with the object")
	}
	w.version("films", bucket.VersioningEnabled)
	ref, part = begin()
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := complete(ref, bucket.WriteConditions{IfAbsent: true}, part); !sameError(err, &bucket.ConflictError{Condition: "If-None-Match"}) {
		t.Errorf("completion over a newer delete marker = %v, want a conflict", err)
	}
	if err := complete(ref, bucket.WriteConditions{}, part); err != nil {
		t.Errorf("completion without a condition = %v", err)
	}
}
