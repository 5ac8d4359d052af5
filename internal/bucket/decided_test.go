package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// denying is a policy of the bucket films out of denials, each an action, a resource
// and a condition.
func (w *world) denying(statements ...[3]string) {
	w.t.Helper()
	var list []string
	for _, s := range statements {
		list = append(list, `{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"`+s[0]+`","Resource":"arn:aws:s3:::films/`+s[1]+`","Condition":`+s[2]+`}`)
	}
	if err := w.SetPolicy(w.t.Context(), w.root(), "films", `{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tag(key, name, value string) error {
	_, err := w.SetTags(w.t.Context(), w.root(), bucket.Get{Bucket: "films", Key: key}, []bucket.Pair{{Name: name, Value: value}})
	return err
}

// Parts and completions bring no headers about the encryption of their upload: a
// policy that wants them was satisfied when it began.
func TestUploadsUnderPoliciesAboutEncryption(t *testing.T) {
	const header, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
	for name, tt := range map[string]struct {
		condition string
		wish      bucket.EncryptionWish
		want      error
	}{
		"header wanted":            {`{"Null":{"` + header + `":"true"}}`, sseKMS, nil},
		"header wanted, none":      {`{"Null":{"` + header + `":"true"}}`, bucket.EncryptionWish{}, access.ErrDenied},
		"algorithm wanted":         {`{"StringNotEquals":{"` + header + `":"aws:kms"}}`, sseKMS, nil},
		"algorithm wanted, other":  {`{"StringNotEquals":{"` + header + `":"aws:kms"}}`, sseS3, access.ErrDenied},
		"key wanted":               {`{"StringNotEquals":{"` + key + `":"` + keyARN + `"}}`, sseKMS, nil},
		"header unwanted, default": {`{"Null":{"` + header + `":"false"}}`, bucket.EncryptionWish{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := memoryWorld(t)
			w.bucket("films")
			w.denying([3]string{"s3:PutObject", "*", tt.condition})
			u, err := w.CreateUpload(t.Context(), w.root(), bucket.Put{Bucket: "films", Key: "k", Encryption: tt.wish}, bucket.Checksum{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("CreateUpload = %v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			ref := bucket.UploadRef{Bucket: "films", Key: "k", ID: u.ID}
			if _, err := w.complete(ref, w.part(ref, 1, []byte("x"))); err != nil {
				t.Errorf("CompleteUpload = %v", err)
			}
		})
	}
}

// Policies can want conditions of every write that makes an object, and only of those.
func TestPoliciesEnforceConditions(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.denying([3]string{"s3:PutObject", "*", `{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}`})
	put := func(c bucket.WriteConditions) error {
		_, err := w.Put(ctx, w.root(), bucket.Put{Bucket: "films", Key: "whole", Body: strings.NewReader("x"), SizeBytes: 1, Conditions: c})
		return err
	}
	ref := w.upload("films", "parts", sseS3, bucket.Checksum{})
	part := w.part(ref, 1, []byte("x"))
	complete := func(c bucket.WriteConditions) error {
		_, err := w.CompleteUpload(ctx, w.root(), bucket.Complete{Upload: ref, Parts: []bucket.CompletedPart{part}, SizeBytes: -1, Conditions: c})
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"put", put(bucket.WriteConditions{}), access.ErrDenied},
		{"put if absent", put(bucket.WriteConditions{IfAbsent: true}), nil},
		{"complete", complete(bucket.WriteConditions{}), access.ErrDenied},
		{"complete if absent", complete(bucket.WriteConditions{IfAbsent: true}), nil},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s = %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}

// Whether an ETag is an object's, only those learn who may read the object.
func TestComparingNeedsRead(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	const guess = "9dd4e461268c8034f5c8564e155c67a6" // of "x"
	for _, key := range []string{"open", "closed", "tagged"} {
		w.put("films", key, []byte("x"), sseS3)
	}
	if err := w.tag("tagged", "secret", "yes"); err != nil {
		t.Fatal(err)
	}
	ref := w.upload("films", "closed", sseS3, bucket.Checksum{})
	part := w.part(ref, 1, []byte("x"))
	w.denying(
		[3]string{"s3:GetObject", "closed", `{}`},
		[3]string{"s3:GetObject", "*", `{"StringEquals":{"s3:ExistingObjectTag/secret":"yes"}}`},
		// What the request says is not about the object that is compared.
		[3]string{"s3:GetObject", "*", `{"StringEquals":{"s3:RequestObjectTag/a":"b"}}`},
	)
	put := func(key string) error {
		_, err := w.Put(ctx, w.root(), bucket.Put{
			Bucket: "films", Key: key, Body: strings.NewReader("x"), SizeBytes: 1, Conditions: bucket.WriteConditions{IfMatch: guess},
			Tags: []bucket.Pair{{Name: "a", Value: "b"}}, Encryption: sseS3,
		})
		return err
	}
	remove := func(key, etag string) error {
		_, err := w.Delete(ctx, w.root(), bucket.Delete{Bucket: "films", Key: key, IfMatch: etag})
		return err
	}
	_, completed := w.CompleteUpload(ctx, w.root(), bucket.Complete{
		Upload: ref, Parts: []bucket.CompletedPart{part}, SizeBytes: -1, Conditions: bucket.WriteConditions{IfMatch: guess},
	})
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"put on closed", put("closed"), access.ErrDenied},
		{"put on tagged", put("tagged"), access.ErrDenied},
		{"put on open", put("open"), nil},
		{"complete on closed", completed, access.ErrDenied},
		{"delete closed", remove("closed", guess), access.ErrDenied},
		{"delete closed, another", remove("closed", strings.Repeat("0", 32)), access.ErrDenied},
		{"delete tagged", remove("tagged", guess), access.ErrDenied},
		{"delete closed if it is there", remove("closed", "*"), nil},
		{"delete open", remove("open", guess), nil},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s = %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}

// hooked calls during before it appends a record.
type hooked struct {
	*accesstest.Journal
	during func(*audit.Record)
}

func (h *hooked) Append(ctx context.Context, r *audit.Record) error {
	if h.during != nil {
		h.during(r)
	}
	return h.Journal.Append(ctx, r)
}

// Tags that came between the decision and the change count.
func TestTagsThatCameMeanwhile(t *testing.T) {
	w := memoryWorld(t)
	w.Close()
	h := &hooked{Journal: w.journal}
	w.open(func(c *bucket.Config) {
		c.Gate = access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: h})
	})
	w.bucket("films")
	w.put("films", "k", []byte("x"), sseS3)
	w.denying([3]string{"s3:PutObjectTagging", "*", `{"StringEquals":{"s3:ExistingObjectTag/locked":"yes"}}`})
	for _, tt := range []struct {
		name string
		want error
	}{{"colour", nil}, {"locked", access.ErrDenied}} {
		h.during = func(r *audit.Record) {
			if r.Action == "s3:PutObjectTagging" {
				h.during = nil
				if err := w.tag("k", tt.name, "yes"); err != nil {
					t.Error(err)
				}
			}
		}
		if err := w.tag("k", "mine", "yes"); !errors.Is(err, tt.want) {
			t.Errorf("tags over %s = %v, want %v", tt.name, err, tt.want)
		}
	}
	if last := w.journal.Last(); last.Decision != audit.Denied || !last.Corrects {
		t.Errorf("recorded %+v, want a denial that corrects", last)
	}
	info, err := w.Inspect(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}, "s3:GetObjectTagging")
	if err != nil || len(info.Tags) != 1 || info.Tags[0].Name != "locked" {
		t.Errorf("tags are %v, %v", info.Tags, err)
	}
}

// blobsThat call before ahead of opening a blob.
type blobsThat struct {
	store.Blobs
	before func()
}

func (b *blobsThat) Open(ctx context.Context, name string) (store.Blob, error) {
	if f := b.before; f != nil {
		b.before = nil
		f()
	}
	return b.Blobs.Open(ctx, name)
}

// A read that meets a newer object is decided about that one's tags.
func TestReadOfWhatCameMeanwhile(t *testing.T) {
	w := memoryWorld(t)
	w.Close()
	blobs := &blobsThat{Blobs: w.blobs}
	w.open(func(c *bucket.Config) { c.Blobs = blobs })
	w.bucket("films")
	w.denying([3]string{"s3:GetObject", "*", `{"StringEquals":{"s3:ExistingObjectTag/secret":"yes"}}`})
	big := pattern(2 * bucket.MaxInlineBytes)
	for _, tt := range []struct {
		tags []bucket.Pair
		want error
	}{{nil, nil}, {[]bucket.Pair{{Name: "secret", Value: "yes"}}, access.ErrDenied}} {
		w.put("films", "k", big, sseS3)
		blobs.before = func() {
			if _, err := w.Put(t.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: "k", Body: bytes.NewReader(big), SizeBytes: int64(len(big)), Tags: tt.tags,
			}); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.read("films", "k", nil); !errors.Is(err, tt.want) {
			t.Errorf("read while an object tagged %v comes = %v, want %v", tt.tags, err, tt.want)
		}
	}
}

// Rewrap leaves those objects alone that the caller may not change.
func TestRewrapAsksAboutEachObject(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	for _, key := range []string{"a", "closed/b", "c"} {
		w.put("films", key, []byte("x"), sseS3)
	}
	if err := w.tag("c", "frozen", "yes"); err != nil {
		t.Fatal(err)
	}
	w.denying(
		[3]string{"s3:UpdateObjectEncryption", "closed/*", `{}`},
		[3]string{"s3:UpdateObjectEncryption", "*", `{"StringEquals":{"s3:ExistingObjectTag/frozen":"yes"}}`},
	)
	r, err := w.Rewrap(t.Context(), w.root(), bucket.Rewrap{Bucket: "films", Key: keyARN})
	if err != nil || r.Rewrapped != 1 || r.Failed != 2 || !errors.Is(r.LastError, access.ErrDenied) {
		t.Errorf("Rewrap = %+v, %v, want one object done and two denied", r, err)
	}
}

// slowKeys calls after once a key was given out, before its user has it.
type slowKeys struct {
	*keys
	after func()
}

func (k *slowKeys) NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (sealed.Secret, []byte, string, error) {
	key, wrapped, arn, err := k.keys.NewDataKey(ctx, who, ref, bind)
	if f := k.after; f != nil {
		k.after = nil
		f()
	}
	return key, wrapped, arn, err
}

// A bucket key that was on its way when its key was disabled is used once, and not
// for minutes.
func TestBucketKeyOfDisabledKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := memoryWorld(t)
		w.Close()
		slow, changes := &slowKeys{keys: w.keys}, uint64(1)
		w.open(func(c *bucket.Config) {
			c.Keys = slow
			c.KeyChanges = func(context.Context) (uint64, error) { return changes, nil }
		})
		w.bucket("films")
		yes := true
		put := func() error {
			_, err := w.Put(t.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: "k", Body: strings.NewReader("x"), SizeBytes: 1,
				Encryption: bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: keyARN, BucketKey: &yes},
			})
			return err
		}
		slow.after = func() {
			w.keys.disabled = true
			changes++
			time.Sleep(time.Second)
			if err := put(); !errors.Is(err, errDisabled) {
				t.Errorf("Put under a disabled key = %v", err)
			}
		}
		if err := put(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if err := put(); !errors.Is(err, errDisabled) {
			t.Errorf("Put under a key that was disabled while one got it = %v, want its refusal", err)
		}
	})
}

// A policy that denies everything to everybody can be taken back by the root user of
// the account, who can do nothing else then.
func TestRootIsNotLockedOut(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.put("films", "k", []byte("x"), sseS3)
	const closed = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::films","arn:aws:s3:::films/*"]}]}`
	if err := w.SetPolicy(ctx, w.root(), "films", closed); err != nil {
		t.Fatal(err)
	}
	foreign := w.caller(policy.Principal{Kind: policy.Root, Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"})
	if err := w.DeletePolicy(ctx, foreign, "films"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("DeletePolicy by another account's root = %v, want denied", err)
	}
	if _, err := w.readAll("films", "k"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("read = %v, want denied", err)
	}
	if got, err := w.Policy(ctx, w.root(), "films"); got != closed || err != nil {
		t.Errorf("Policy = %q, %v", got, err)
	}
	if err := w.SetPolicy(ctx, w.root(), "films", closed); err != nil {
		t.Errorf("SetPolicy = %v", err)
	}
	if err := w.DeletePolicy(ctx, w.root(), "films"); err != nil {
		t.Errorf("DeletePolicy = %v", err)
	}
	if _, err := w.readAll("films", "k"); err != nil {
		t.Errorf("read without a policy = %v", err)
	}
}

// Policies can want a version of TLS.
func TestPoliciesSeeTLS(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "k", []byte("x"), sseS3)
	w.denying([3]string{"s3:GetObject", "*", `{"NumericLessThan":{"s3:TlsVersion":"1.3"}}`})
	for version, want := range map[string]error{"": nil, "1.2": access.ErrDenied, "1.3": nil} {
		who := w.root()
		who.TLSVersion = version
		o, err := w.Get(t.Context(), who, bucket.Get{Bucket: "films", Key: "k"})
		if !errors.Is(err, want) {
			t.Errorf("Get over TLS %q = %v, want %v", version, err, want)
		}
		if err == nil {
			o.Close()
		}
	}
}

// Who waits to hear of changed keys holds up nobody else.
func TestBucketKeysWhileChangesAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := memoryWorld(t)
		w.Close()
		release := make(chan struct{})
		var calls atomic.Int32
		w.open(func(c *bucket.Config) {
			c.KeyChanges = func(context.Context) (uint64, error) {
				if calls.Add(1) == 1 {
					<-release
				}
				return 1, nil
			}
		})
		w.bucket("films")
		yes := true
		put := func(key string) error {
			_, err := w.Put(t.Context(), w.root(), bucket.Put{
				Bucket: "films", Key: key, Body: strings.NewReader("x"), SizeBytes: 1,
				Encryption: bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: keyARN, BucketKey: &yes},
			})
			return err
		}
		slow, quick := make(chan error, 1), make(chan error, 1)
		go func() { slow <- put("slow") }()
		synctest.Wait()
		go func() { quick <- put("quick") }()
		synctest.Wait()
		select {
		case err := <-quick:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("a write waits for what another one asks")
		}
		close(release)
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}
