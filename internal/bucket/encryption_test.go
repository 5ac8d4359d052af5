package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

var yes, no = true, false

// allowCustomerKeys lifts the block of SSE-C that a new bucket has.
func (w *world) allowCustomerKeys(name string) {
	w.t.Helper()
	e := &bucket.DefaultEncryption{Algorithm: bucket.S3Managed, AllowCustomerKeys: true}
	if err := w.SetEncryption(w.t.Context(), w.root(), name, e); err != nil {
		w.t.Fatal(err)
	}
}

func customer(fill byte) *bucket.CustomerKey {
	return &bucket.CustomerKey{Key: sealed.NewSecret(bytes.Repeat([]byte{fill}, sealed.KeyBytes))}
}

// forms are all forms of encryption, and the customer's key that reads them.
var forms = []struct {
	name string
	wish bucket.EncryptionWish
	key  *bucket.CustomerKey
}{
	{"SSE-S3", sseS3, nil},
	{"SSE-KMS", bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: keyARN, BucketKey: &no}, nil},
	{"bucket key", bucket.EncryptionWish{Algorithm: bucket.KMSManaged, BucketKey: &yes, Context: map[string]string{"team": "films"}}, nil},
	{"DSSE-KMS", bucket.EncryptionWish{Algorithm: bucket.DualKMSManaged, Key: keyARN}, nil},
	{"SSE-C", bucket.EncryptionWish{Customer: customer(1)}, customer(1)},
	{"SSE-C, another key", bucket.EncryptionWish{Customer: customer(2)}, customer(2)},
}

// From every form to every form: written at once or in parts, copied whole or
// range by range into parts, and any range reads as it was written.
func TestCopiesAmongAllForms(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.allowCustomerKeys("films")
	ctx := t.Context()
	for _, from := range forms {
		for _, to := range forms {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					size := rapid.SampledFrom([]int{0, 1, 16 << 10, 16<<10 + 1, sealed.ChunkBytes, sealed.ChunkBytes + 1, 3*sealed.ChunkBytes - 7}).Draw(t, "size")
					content := pattern(size)
					source := bucket.Get{Bucket: "films", Key: "from", Customer: from.key}
					if rapid.Bool().Draw(t, "source in parts") {
						ref := w.upload("films", "from", from.wish, bucket.Checksum{})
						p, err := w.PutPart(ctx, w.root(), bucket.PutPart{Upload: ref, Number: 1, Body: bytes.NewReader(content), SizeBytes: int64(size), Customer: from.key})
						if err != nil {
							t.Fatal(err)
						}
						if _, err := w.complete(ref, bucket.CompletedPart{Number: 1, ETag: p.ETag}); err != nil {
							t.Fatal(err)
						}
					} else {
						w.put("films", "from", content, from.wish)
					}
					want := content
					if rapid.Bool().Draw(t, "into a part") {
						if size > 0 {
							first := rapid.IntRange(0, size-1).Draw(t, "from")
							last := rapid.IntRange(first, size-1).Draw(t, "to")
							source.Range = &bucket.Range{First: int64(first), Last: int64(last)}
							want = content[first : last+1]
						}
						ref := w.upload("films", "to", to.wish, bucket.Checksum{})
						p, err := w.CopyPart(ctx, w.root(), bucket.CopyPart{Source: source, Upload: ref, Number: 7, Customer: to.key})
						if err != nil {
							t.Fatal(err)
						}
						if _, err := w.complete(ref, bucket.CompletedPart{Number: 7, ETag: p.ETag}); err != nil {
							t.Fatal(err)
						}
					} else if _, err := w.Copy(ctx, w.root(), bucket.Copy{Source: source, To: bucket.Put{Bucket: "films", Key: "to", Encryption: to.wish}}); err != nil {
						t.Fatal(err)
					}
					read := bucket.Get{Bucket: "films", Key: "to", Customer: to.key}
					if len(want) > 0 && rapid.Bool().Draw(t, "range") {
						first := rapid.IntRange(0, len(want)-1).Draw(t, "first")
						last := rapid.IntRange(first, len(want)-1).Draw(t, "last")
						read.Range = &bucket.Range{First: int64(first), Last: int64(last)}
						want = want[first : last+1]
					}
					o, err := w.Get(ctx, w.root(), read)
					if err != nil {
						t.Fatal(err)
					}
					defer o.Close()
					if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("read %d bytes, %v, want %d", len(got), err, len(want))
					}
				})
			})
		}
	}
}

func TestCustomerKeys(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	ctx := t.Context()
	wish := bucket.EncryptionWish{Customer: customer(1)}
	broken := &bucket.CustomerKey{Invalid: errors.New("no key")}
	put := func(e bucket.EncryptionWish) error {
		_, err := w.Put(ctx, w.root(), bucket.Put{Bucket: "films", Key: "c", Body: bytes.NewReader(nil), Encryption: e})
		return err
	}
	// The block comes before a look at the key.
	if err := put(bucket.EncryptionWish{Customer: broken}); !errors.Is(err, bucket.ErrCustomerKeyBlocked) {
		t.Errorf("Put into a bucket that blocks SSE-C = %v", err)
	}
	w.allowCustomerKeys("films")
	if err := put(bucket.EncryptionWish{Customer: broken}); !errors.Is(err, broken.Invalid) {
		t.Errorf("Put with an invalid key = %v", err)
	}
	if err := put(bucket.EncryptionWish{Customer: customer(1), Algorithm: bucket.S3Managed}); !errors.Is(err, bucket.ErrEncryption) {
		t.Errorf("Put with two encryptions = %v", err)
	}
	w.put("films", "c", pattern(100_000), wish)
	w.put("films", "plain", pattern(10), sseS3)
	for _, tt := range []struct {
		name string
		in   bucket.Get
		want error
	}{
		{"right key", bucket.Get{Key: "c", Customer: customer(1)}, nil},
		{"no key", bucket.Get{Key: "c"}, bucket.ErrCustomerKey},
		{"wrong key", bucket.Get{Key: "c", Customer: customer(2)}, bucket.ErrCustomerKeyWrong},
		{"invalid key", bucket.Get{Key: "c", Customer: broken}, broken.Invalid},
		{"key for SSE-S3", bucket.Get{Key: "plain", Customer: customer(1)}, bucket.ErrCustomerKey},
	} {
		tt.in.Bucket = "films"
		o, err := w.Get(ctx, w.root(), tt.in)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Get = %v, want %v", tt.name, err, tt.want)
		}
		if err == nil {
			o.Close()
		}
		if _, err := w.Head(ctx, w.root(), tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: Head = %v, want %v", tt.name, err, tt.want)
		}
	}
	ref := w.upload("films", "u", wish, bucket.Checksum{})
	for _, tt := range []struct {
		key  *bucket.CustomerKey
		want error
	}{{nil, bucket.ErrCustomerKey}, {customer(2), bucket.ErrCustomerKey}, {customer(1), nil}} {
		_, err := w.PutPart(ctx, w.root(), bucket.PutPart{Upload: ref, Number: 1, Body: bytes.NewReader(nil), Customer: tt.key})
		if !errors.Is(err, tt.want) {
			t.Errorf("PutPart = %v, want %v", err, tt.want)
		}
	}
	// To complete the upload its key is not needed, but a wrong one is refused.
	last := w.partUnder(ref, 1, nil, customer(1))
	for _, tt := range []struct {
		key  *bucket.CustomerKey
		want error
	}{{customer(2), bucket.ErrCustomerKey}, {broken, broken.Invalid}, {customer(1), nil}} {
		_, err := w.CompleteUpload(ctx, w.root(), bucket.Complete{Upload: ref, Parts: []bucket.CompletedPart{last}, SizeBytes: -1, Customer: tt.key})
		if !errors.Is(err, tt.want) {
			t.Errorf("CompleteUpload = %v, want %v", err, tt.want)
		}
	}
}

// A bucket key spares calls of the key service, for one caller at a time and for
// five minutes.
func TestBucketKeyCache(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	ctx := t.Context()
	calls := func() int {
		w.keys.mu.Lock()
		defer w.keys.mu.Unlock()
		n := len(w.keys.contexts)
		w.keys.contexts = nil
		return n
	}
	wish := bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: keyARN, BucketKey: &yes}
	root := w.root()
	user := w.caller(policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::000000000000:root", UserID: "another"})
	// What the policy of a key may ask of a request, and is the same for the next.
	secure, program := root, root
	secure.TLS, program.UserAgent = true, "another/1.0"
	put := func(who bucket.Caller, key string) error {
		_, err := w.Put(ctx, who, bucket.Put{Bucket: "films", Key: key, Body: bytes.NewReader([]byte("x")), SizeBytes: 1, Encryption: wish})
		return err
	}
	get := func(who bucket.Caller, key string) error {
		o, err := w.Get(ctx, who, bucket.Get{Bucket: "films", Key: key})
		if err == nil {
			o.Close()
		}
		return err
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want int
	}{
		{"the first write", func() error { return put(root, "a") }, 1},
		{"another write", func() error { return put(root, "b") }, 0},
		{"the first read of who wrote", func() error { return get(root, "a") }, 1},
		{"another read", func() error { return get(root, "b") }, 0},
		{"a read of another caller", func() error { return get(user, "a") }, 1},
		{"a write of another caller", func() error { return put(user, "c") }, 1},
		{"a read over TLS", func() error { return get(secure, "a") }, 1},
		{"another read over TLS", func() error { return get(secure, "b") }, 0},
		{"a read by another program", func() error { return get(program, "a") }, 1},
	} {
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := calls(); got != tt.want {
			t.Errorf("%s: %d calls of the key service, want %d", tt.name, got, tt.want)
		}
	}
	w.keys.disabled = true
	if err := get(root, "a"); err != nil {
		t.Errorf("a read within the life of the bucket key = %v", err)
	}
	w.clock.Advance(5 * time.Minute)
	if err := get(root, "a"); !errors.Is(err, errDisabled) {
		t.Errorf("a read after it = %v, want that the key is disabled", err)
	}
	if err := put(root, "d"); !errors.Is(err, errDisabled) {
		t.Errorf("a write after it = %v, want that the key is disabled", err)
	}
}

// Neither layer of DSSE-KMS opens without its key: with the key service's key
// gone nothing reads, and the bytes carry two overheads.
func TestTwoLayers(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "one", pattern(1000), bucket.EncryptionWish{Algorithm: bucket.KMSManaged})
	w.put("films", "two", pattern(1000), bucket.EncryptionWish{Algorithm: bucket.DualKMSManaged, BucketKey: &yes})
	sizes := w.values("s3.inline")
	if want := fmt.Sprint([]int64{sealed.SealedSize(1000), sealed.SealedSize(sealed.SealedSize(1000))}); want != fmt.Sprint(sizes) {
		t.Errorf("sealed sizes are %v, want %v", sizes, want)
	}
	w.keys.disabled = true
	if _, err := w.readAll("films", "two"); !errors.Is(err, errDisabled) {
		t.Errorf("read = %v", err)
	}
}
