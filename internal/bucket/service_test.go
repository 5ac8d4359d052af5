package bucket_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const (
	account = arn.AccountID("000000000000")
	keyARN  = "arn:aws:kms:us-east-1:000000000000:key/1"
)

// keys is a key service with one key, which may be disabled.
type keys struct {
	secret sealed.Secret

	mu       sync.Mutex
	disabled bool
	arn      string // of the key, keyARN if empty
	contexts []map[string]string
	callers  []access.Caller
}

var (
	errDisabled = errors.New("key is disabled")
	errOpen     = errors.New("ciphertext does not open")
)

func (k *keys) note(who access.Caller, bind map[string]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contexts = append(k.contexts, bind)
	k.callers = append(k.callers, who)
	if k.disabled {
		return errDisabled
	}
	return nil
}

func (k *keys) pad(bind map[string]string) []byte {
	mac := hmac.New(sha256.New, k.secret.Reveal())
	json.NewEncoder(mac).Encode(bind)
	return mac.Sum(nil)
}

func (k *keys) NewDataKey(_ context.Context, who access.Caller, ref string, bind map[string]string) (sealed.Secret, []byte, string, error) {
	if err := k.note(who, bind); err != nil {
		return sealed.Secret{}, nil, "", err
	}
	data := sealed.RandomSecret(sealed.KeyBytes)
	wrapped := k.pad(bind)
	check := sha256.Sum256(data.Reveal())
	for i, b := range data.Reveal() {
		wrapped[i] ^= b
	}
	return data, append(wrapped, check[:]...), cmp.Or(k.arn, keyARN), nil
}

func (k *keys) OpenDataKey(_ context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	if err := k.note(who, bind); err != nil {
		return sealed.Secret{}, err
	}
	data := k.pad(bind)
	for i := range data {
		data[i] ^= wrapped[i]
	}
	if check := sha256.Sum256(data); !bytes.Equal(check[:], wrapped[len(data):]) {
		return sealed.Secret{}, errOpen
	}
	return sealed.NewSecret(data), nil
}

func (k *keys) ManagedKey(context.Context, access.Caller, string) (string, error) {
	return "arn:aws:kms:us-east-1:000000000000:key/managed", nil
}

// world is a store with a service on it, which can be closed and opened again.
type world struct {
	*bucket.Service
	t       testing.TB
	records store.Records
	blobs   store.Blobs
	keys    *keys
	journal *accesstest.Journal
	vault   *sealed.Vault
	clock   *clock.Clock

	principals bucket.Principals
}

func newWorld(t testing.TB, records store.Records, blobs store.Blobs) *world {
	t.Helper()
	vault, err := sealed.Open(t.Context(), records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return worldOn(t, records, blobs, vault, &keys{secret: sealed.RandomSecret(32)})
}

func worldOn(t testing.TB, records store.Records, blobs store.Blobs, vault *sealed.Vault, kms *keys) *world {
	t.Helper()
	w := &world{t: t, records: records, blobs: blobs, journal: new(accesstest.Journal), vault: vault, clock: clock.Movable(), keys: kms}
	w.open()
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *world) open(edit ...func(*bucket.Config)) {
	w.t.Helper()
	domain, err := w.vault.Domain(w.t.Context(), "s3")
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := bucket.Config{
		Records: w.records, Blobs: w.blobs, Keys: w.keys, Vault: domain,
		Gate:  access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: w.journal}),
		Clock: w.clock, Log: slog.New(slog.DiscardHandler), SoleWriter: true, Principals: w.principals,
	}
	for _, e := range edit {
		e(&cfg)
	}
	if w.Service, err = bucket.Open(w.t.Context(), cfg); err != nil {
		w.t.Fatal(err)
	}
}

func memoryWorld(t testing.TB) *world {
	return newWorld(t, memory.NewRecords(), memory.NewBlobs())
}

func (w *world) caller(p policy.Principal) bucket.Caller {
	return bucket.Caller{
		Caller:   access.Caller{Principal: p, Region: "us-east-1", RequestID: "REQ", At: w.clock.Now()},
		AuthType: "REST-HEADER", SignedAt: w.clock.Now(),
	}
}

func (w *world) root() bucket.Caller {
	return w.caller(policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::000000000000:root", UserID: string(account)})
}

func (w *world) bucket(name string) {
	w.t.Helper()
	if _, err := w.CreateBucket(w.t.Context(), w.root(), bucket.NewBucket{Name: name}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(name, key string, content []byte, e bucket.EncryptionWish) bucket.Info {
	w.t.Helper()
	info, err := w.Put(w.t.Context(), w.root(), bucket.Put{
		Bucket: name, Key: key, Body: bytes.NewReader(content), SizeBytes: int64(len(content)), Encryption: e,
	})
	if err != nil {
		w.t.Fatalf("Put(%s, %s) = %v", name, key, err)
	}
	return info
}

func (w *world) read(name, key string, r *bucket.Range) ([]byte, error) {
	o, err := w.Get(w.t.Context(), w.root(), bucket.Get{Bucket: name, Key: key, Range: r})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

// sameError tells whether err is what a test wants: the kind, or an error with the
// same fields.
func sameError(err, want error) bool {
	return errors.Is(err, want) || reflect.DeepEqual(err, want)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

var (
	sseS3  = bucket.EncryptionWish{Algorithm: bucket.S3Managed}
	sseKMS = bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: keyARN}
)

func TestPutGet(t *testing.T) {
	sizes := []int{0, 1, 100, bucket.MaxInlineBytes, bucket.MaxInlineBytes + 1, sealed.ChunkBytes, sealed.ChunkBytes + 1, 300_000, 4 * sealed.ChunkBytes}
	for _, e := range []bucket.EncryptionWish{{}, sseS3, sseKMS, {Algorithm: bucket.KMSManaged}} {
		w := memoryWorld(t)
		w.bucket("films")
		for _, n := range sizes {
			want := pattern(n)
			info := w.put("films", "a/b.mp4", want, e)
			got, err := w.read("films", "a/b.mp4", nil)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v, %d bytes: read %d bytes, %v", e, n, len(got), err)
			}
			h, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "a/b.mp4"})
			if err != nil || h.ETag != info.ETag || h.SizeBytes != int64(n) {
				t.Fatalf("Head = %+v, %v, want %+v", h, err, info)
			}
		}
	}
}

func TestETagIsMD5OnlyUnderSSES3(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	const helloMD5 = "5d41402abc4b2a76b9719d911017c592"
	if got := w.put("films", "k", []byte("hello"), sseS3).ETag; got != helloMD5 {
		t.Errorf("SSE-S3: ETag %s, want %s", got, helloMD5)
	}
	got := w.put("films", "k", []byte("hello"), sseKMS)
	if got.ETag == helloMD5 || len(got.ETag) != 32 {
		t.Errorf("SSE-KMS: ETag %s", got.ETag)
	}
	if got.Encryption.KeyARN != keyARN {
		t.Errorf("SSE-KMS: key %s, want %s", got.Encryption.KeyARN, keyARN)
	}
}

func TestKeyServiceSeesCallerAndContext(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	wish := sseKMS
	wish.Context = map[string]string{"project": "x"}
	w.put("films", "a b", []byte("hello"), wish)
	if got := w.keys.contexts[0]; len(got) != 2 || got["aws:s3:arn"] != "arn:aws:s3:::films/a b" || got["project"] != "x" {
		t.Errorf("context %v", got)
	}
	if got := w.keys.callers[0].Via; got != "s3.us-east-1.amazonaws.com" {
		t.Errorf("via %q", got)
	}
	if _, err := w.read("films", "a b", nil); err != nil {
		t.Error(err)
	}
	bucketKey := true
	wish = bucket.EncryptionWish{Algorithm: bucket.KMSManaged, BucketKey: &bucketKey}
	w.put("films", "c", []byte("hello"), wish)
	if got := w.keys.contexts[2]["aws:s3:arn"]; got != "arn:aws:s3:::films" {
		t.Errorf("context under a bucket key: %s", got)
	}
	wish.Context = map[string]string{"aws:s3:arn": "arn:aws:s3:::other"}
	_, err := w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "d", Body: strings.NewReader(""), Encryption: wish})
	if !errors.Is(err, bucket.ErrEncryption) {
		t.Errorf("foreign ARN in the context: %v", err)
	}
}

func TestDisabledKey(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "k", []byte("hello"), sseKMS)
	w.keys.disabled = true
	var refused *bucket.KeyError
	if _, err := w.read("films", "k", nil); !errors.As(err, &refused) || !errors.Is(err, errDisabled) {
		t.Errorf("read = %v, want a KeyError", err)
	}
	if _, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}); err != nil {
		t.Errorf("Head needs no key: %v", err)
	}
	if _, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", Checksum: true}); !errors.As(err, &refused) {
		t.Errorf("Head with checksum = %v, want a KeyError", err)
	}
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Errorf("Delete needs no key: %v", err)
	}
}

func TestDigests(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	sum := func(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }
	body := []byte("123456789") // the check values of the CRC catalogue are about it
	tests := []struct {
		alg  bucket.ChecksumAlgorithm
		want []byte
	}{
		{bucket.CRC32, []byte{0xcb, 0xf4, 0x39, 0x26}},
		{bucket.CRC32C, []byte{0xe3, 0x06, 0x92, 0x83}},
		{bucket.CRC64NVME, []byte{0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88}},
		{bucket.NoChecksum, []byte{0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88}},
	}
	put := func(d bucket.DeclaredDigests) (bucket.Info, error) {
		return w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: bytes.NewReader(body), SizeBytes: int64(len(body)), Digests: d})
	}
	for _, tt := range tests {
		d := bucket.DeclaredDigests{Algorithm: tt.alg}
		if tt.alg != bucket.NoChecksum {
			d.Value = sum(tt.want)
		}
		info, err := put(d)
		if err != nil || !bytes.Equal(info.Checksum.Value, tt.want) {
			t.Errorf("%v: %x, %v, want %x", tt.alg, info.Checksum.Value, err, tt.want)
		}
	}
	before := w.put("films", "k", []byte("old"), sseS3)
	var bad *bucket.DigestError
	for _, d := range []bucket.DeclaredDigests{
		{MD5: make([]byte, 16)},
		{PayloadSHA256: make([]byte, 32)},
		{Algorithm: bucket.SHA1, Value: sum(make([]byte, 20))},
		{Algorithm: bucket.SHA256, Value: sum(make([]byte, 32))},
	} {
		if _, err := put(d); !errors.As(err, &bad) {
			t.Errorf("Put with a wrong digest = %v", err)
		}
	}
	if h, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}); err != nil || h.ETag != before.ETag {
		t.Errorf("a failed Put changed the object: %v, %v", h, err)
	}
}

func TestBodyOfAnotherLength(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	for _, n := range []int64{0, 4, 6, bucket.MaxInlineBytes * 2} {
		_, err := w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: strings.NewReader("hello"), SizeBytes: n})
		if !errors.Is(err, bucket.ErrIncomplete) {
			t.Errorf("declared %d: %v, want ErrIncomplete", n, err)
		}
	}
	cut := io.MultiReader(strings.NewReader("hello"), errReader{io.ErrUnexpectedEOF})
	_, err := w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: cut, SizeBytes: 5})
	if !errors.Is(err, bucket.ErrIncomplete) {
		t.Errorf("body cut behind its last byte: %v, want ErrIncomplete", err)
	}
	if _, err := w.read("films", "k", nil); !errors.Is(err, bucket.ErrNoKey) {
		t.Errorf("read = %v, want ErrNoKey", err)
	}
	w.wantBlobs(0)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// wantBlobs counts the blobs in the store.
func (w *world) wantBlobs(want int) {
	w.t.Helper()
	n := 0
	for _, err := range w.blobs.List(w.t.Context(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	if n != want {
		w.t.Errorf("%d blobs in the store, want %d", n, want)
	}
}

func TestOverwriteAndDeleteGiveSpaceBack(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	for range 3 {
		w.put("films", "k", pattern(100_000), sseS3)
	}
	w.wantBlobs(1)
	w.put("films", "k", []byte("small"), sseS3)
	w.wantBlobs(0)
	w.put("films", "k", pattern(100_000), sseKMS)
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	w.wantBlobs(0)
	if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Errorf("deleting an absent key: %v", err)
	}
}

func TestReaderOfOldVersionGoesOn(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	old := pattern(500_000)
	w.put("films", "k", old, sseS3)
	o, err := w.Get(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	w.put("films", "k", []byte("new"), sseS3)
	if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, old) {
		t.Errorf("read %d bytes, %v, want the old %d", len(got), err, len(old))
	}
}

func TestWriteConditions(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	put := func(c bucket.WriteConditions) error {
		_, err := w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: strings.NewReader("x"), SizeBytes: 1, Conditions: c})
		return err
	}
	if err := put(bucket.WriteConditions{IfMatch: "abc"}); !errors.Is(err, bucket.ErrNoKey) {
		t.Errorf("IfMatch without an object = %v", err)
	}
	if err := put(bucket.WriteConditions{IfAbsent: true}); err != nil {
		t.Errorf("IfAbsent without an object = %v", err)
	}
	if err := put(bucket.WriteConditions{IfAbsent: true}); !sameError(err, &bucket.PreconditionError{Condition: "If-None-Match"}) {
		t.Errorf("IfAbsent with an object = %v", err)
	}
	if err := put(bucket.WriteConditions{IfMatch: `"9dd4e461268c8034f5c8564e155c67a6"`}); err != nil {
		t.Errorf("IfMatch with its ETag = %v", err)
	}
	if err := put(bucket.WriteConditions{IfMatch: `"00000000000000000000000000000000"`}); !sameError(err, &bucket.PreconditionError{Condition: "If-Match"}) {
		t.Errorf("IfMatch with another ETag = %v", err)
	}
}

// Of writers that all want to be first, one is.
func TestOneWriterIsFirst(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wg.Go(func() {
			_, err := w.Put(t.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: "k", Body: bytes.NewReader(pattern(20_000)), SizeBytes: 20_000,
				Conditions: bucket.WriteConditions{IfAbsent: true},
			})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d writers were first", won)
	}
	w.wantBlobs(1)
}

func TestWithoutRecordNoEffect(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.journal.Fail(errors.New("disk full"))
	_, err := w.Put(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Body: strings.NewReader("x"), SizeBytes: 1})
	if !errors.Is(err, access.ErrNotRecorded) {
		t.Fatalf("Put = %v, want ErrNotRecorded", err)
	}
	w.journal.Fail(nil)
	if _, err := w.read("films", "k", nil); !errors.Is(err, bucket.ErrNoKey) {
		t.Errorf("read = %v, want ErrNoKey", err)
	}
}
