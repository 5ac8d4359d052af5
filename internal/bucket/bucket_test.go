package bucket_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"abc": true, "my-films.2026": true, "0ab": true, strings.Repeat("a", 63): true, "1.2.3": true,
		"": false, "ab": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "-ab": false, "ab-": false,
		".ab": false, "a..b": false, "192.168.0.1": false, "xn--abc": false, "sthree-a": false, "a-s3alias": false,
		"a--ol-s3": false, "a.mrap": false, "a--x-s3": false, "_keyfront": false, "a/b": false, "é-a": false,
	} {
		if got := bucket.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestBucketLife(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.bucket("films") // harmless in us-east-1
	other := w.caller(policy.Principal{Kind: policy.Root, Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"})
	if _, err := w.CreateBucket(ctx, other, bucket.NewBucket{Name: "films"}); !errors.Is(err, bucket.ErrBucketTaken) {
		t.Errorf("another account's CreateBucket = %v, want ErrBucketTaken", err)
	}
	abroad := w.root()
	abroad.Region = "eu-west-1"
	if _, err := w.CreateBucket(ctx, abroad, bucket.NewBucket{Name: "filme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateBucket(ctx, abroad, bucket.NewBucket{Name: "filme"}); !errors.Is(err, bucket.ErrBucketOwned) {
		t.Errorf("CreateBucket again = %v, want ErrBucketOwned", err)
	}
	if b, err := w.Lookup(ctx, "filme"); b.Region != "eu-west-1" || err != nil {
		t.Errorf("Lookup = %+v, %v", b, err)
	}
	list, more, err := w.ListBuckets(ctx, w.root(), bucket.BucketPage{Max: 1})
	if err != nil || !more || len(list) != 1 || list[0].Name != "filme" {
		t.Errorf("ListBuckets = %v, %v, %v", list, more, err)
	}
	list, more, err = w.ListBuckets(ctx, w.root(), bucket.BucketPage{After: "filme"})
	if err != nil || more || len(list) != 1 || list[0].Name != "films" {
		t.Errorf("second page = %v, %v, %v", list, more, err)
	}
	w.put("films", "k", []byte("x"), sseS3)
	if err := w.DeleteBucket(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNotEmpty) {
		t.Errorf("DeleteBucket = %v, want ErrNotEmpty", err)
	}
	if _, err := w.Delete(ctx, w.root(), bucket.Delete{Bucket: "films", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteBucket(ctx, w.root(), "films"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.HeadBucket(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNoBucket) {
		t.Errorf("HeadBucket = %v, want ErrNoBucket", err)
	}
	if got := w.journal.Last(); got.Action != "s3:ListBucket" || got.Error == "" {
		t.Errorf("the record of the last call is %+v", got)
	}
}

// Another node's change is seen by a service that has the bucket in its cache.
func TestTwoNodes(t *testing.T) {
	a := memoryWorld(t)
	b := *a
	b.t = t
	b.open()
	t.Cleanup(func() { b.Close() })
	a.bucket("films")
	if _, err := b.HeadBucket(t.Context(), b.root(), "films"); err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteBucket(t.Context(), a.root(), "films"); err != nil {
		t.Fatal(err)
	}
	a.bucket("films")
	// b may still know the deleted bucket: what it writes then must not turn up,
	// nor be acknowledged, in the new one.
	_, err := b.Put(t.Context(), b.root(), bucket.Put{Bucket: "films", Key: "k", Body: strings.NewReader("x"), SizeBytes: 1})
	_, readErr := a.readAll("films", "k")
	if err == nil && readErr != nil || err != nil && (!errors.Is(err, bucket.ErrNoBucket) || !errors.Is(readErr, bucket.ErrNoKey)) {
		t.Errorf("Put = %v, then read = %v", err, readErr)
	}
}

const openToAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::films/public/*"}]}`

func TestBucketPolicy(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.unblock("films")
	for _, tt := range []struct {
		source string
		want   error
	}{
		{openToAll, nil},
		{" " + openToAll + "\n", nil},
		{`{`, bucket.ErrMalformedPolicy},
		{`{"Version":"2012-10-17","Statement":[]}`, bucket.ErrMalformedPolicy},
		{strings.Replace(openToAll, "films", "filmsx", 1), bucket.ErrMalformedPolicy},
		{strings.Replace(openToAll, "arn:aws:s3:::films/public/*", "*", 1), bucket.ErrMalformedPolicy},
		{openToAll + strings.Repeat(" ", bucket.MaxPolicyBytes), bucket.ErrPolicyTooLarge},
	} {
		if err := w.SetPolicy(ctx, w.root(), "films", tt.source); !errors.Is(err, tt.want) {
			t.Errorf("SetPolicy(%.60s) = %v, want %v", tt.source, err, tt.want)
		}
		if tt.want != nil {
			continue
		}
		if got, err := w.Policy(ctx, w.root(), "films"); got != tt.source || err != nil {
			t.Errorf("Policy = %q, %v, want %q", got, err, tt.source)
		}
	}
	if err := w.DeletePolicy(ctx, w.root(), "films"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Policy(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNoPolicy) {
		t.Errorf("Policy = %v, want ErrNoPolicy", err)
	}
}

func TestWhoMayRead(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.unblock("films")
	w.put("films", "public/a", []byte("x"), sseS3)
	w.put("films", "public/kms", []byte("x"), sseKMS)
	w.put("films", "private/a", []byte("x"), sseS3)
	if err := w.SetPolicy(ctx, w.root(), "films", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::films/public/*"},
		{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::films/*",
		 "Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::000000000000:distribution/E1"}}},
		{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::films","arn:aws:s3:::films/private/*"]},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::films/kms-only/*",
		 "Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}}
	]}`); err != nil {
		t.Fatal(err)
	}
	anonymous := w.caller(policy.Principal{})
	anonymous.AuthType = ""
	edge := func(distribution string) bucket.Caller {
		c := w.caller(policy.Principal{Kind: policy.Service, Service: "cloudfront.amazonaws.com"})
		c.SourceARN = "arn:aws:cloudfront::000000000000:distribution/" + distribution
		return c
	}
	for _, tt := range []struct {
		name string
		who  bucket.Caller
		key  string
		want error
	}{
		{"owner", w.root(), "private/a", nil},
		{"owner, absent key", w.root(), "private/none", bucket.ErrNoKey},
		{"anonymous, public", anonymous, "public/a", nil},
		{"anonymous, absent key", anonymous, "public/none", access.ErrDenied},
		{"anonymous, private", anonymous, "private/a", access.ErrDenied},
		{"anonymous, under KMS", anonymous, "public/kms", bucket.ErrUnsignedKMS},
		{"the distribution", edge("E1"), "private/a", nil},
		{"another distribution", edge("E2"), "private/a", access.ErrDenied},
	} {
		o, err := w.Get(ctx, tt.who, bucket.Get{Bucket: "films", Key: tt.key})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Get(%s) = %v, want %v", tt.name, tt.key, err, tt.want)
		}
		if err == nil {
			o.Close()
		}
		wantDecision := audit.Allowed
		if tt.want == access.ErrDenied && !strings.HasSuffix(tt.key, "none") {
			wantDecision = audit.Denied
		}
		if got := w.journal.Last(); got.Decision != wantDecision || got.Action != "s3:GetObject" {
			t.Errorf("%s: recorded %s of %s", tt.name, got.Decision, got.Action)
		}
	}
	put := func(e bucket.EncryptionWish) error {
		_, err := w.Put(ctx, w.root(), bucket.Put{Bucket: "films", Key: "kms-only/a", Body: strings.NewReader("x"), SizeBytes: 1, Encryption: e})
		return err
	}
	if err := put(sseKMS); err != nil {
		t.Errorf("Put under aws:kms = %v", err)
	}
	for _, e := range []bucket.EncryptionWish{{}, sseS3} {
		if err := put(e); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Put under %q = %v, want denied", e.Algorithm, err)
		}
	}
}

func TestDefaultEncryption(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	if got, err := w.Encryption(ctx, w.root(), "films"); got.Algorithm != bucket.S3Managed || err != nil {
		t.Errorf("Encryption = %+v, %v", got, err)
	}
	want := bucket.DefaultEncryption{Algorithm: bucket.KMSManaged, Key: "alias/films", BucketKey: true}
	if err := w.SetEncryption(ctx, w.root(), "films", &want); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Encryption(ctx, w.root(), "films"); got != want || err != nil {
		t.Errorf("Encryption = %+v, %v, want %+v", got, err, want)
	}
	e := w.put("films", "k", []byte("x"), bucket.EncryptionWish{}).Encryption
	if e.Algorithm != bucket.KMSManaged || e.KeyARN != keyARN || !e.BucketKey {
		t.Errorf("object under the default has %+v", e)
	}
	if e := w.put("films", "k", []byte("x"), sseS3).Encryption; e.Algorithm != bucket.S3Managed {
		t.Errorf("object that wants SSE-S3 has %+v", e)
	}
	if err := w.SetEncryption(ctx, w.root(), "films", nil); err != nil {
		t.Fatal(err)
	}
	if e := w.put("films", "k", []byte("x"), bucket.EncryptionWish{}).Encryption; e.Algorithm != bucket.S3Managed {
		t.Errorf("object after the default was removed has %+v", e)
	}
	for _, bad := range []bucket.EncryptionWish{
		{Key: keyARN},
		{Algorithm: bucket.S3Managed, Key: keyARN},
		{Algorithm: "rot13"},
		{Context: map[string]string{"a": "b"}},
	} {
		_, err := w.Put(ctx, w.root(), bucket.Put{Bucket: "films", Key: "k", Body: strings.NewReader(""), Encryption: bad})
		if !errors.Is(err, bucket.ErrEncryption) {
			t.Errorf("Put under %+v = %v, want ErrEncryption", bad, err)
		}
	}
}

func TestCopy(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.bucket("archive")
	content := pattern(200_000)
	w.put("films", "a", content, sseS3)
	from := bucket.Get{Bucket: "films", Key: "a"}
	info, err := w.Copy(ctx, w.root(), bucket.Copy{Source: from, To: bucket.Put{Bucket: "archive", Key: "b", Encryption: sseKMS}})
	if err != nil || info.Encryption.KeyARN != keyARN {
		t.Fatalf("Copy = %+v, %v", info, err)
	}
	if got := w.journal.Last(); got.Action != "s3:PutObject" || !slices.Equal(got.Resources, []string{"arn:aws:s3:::archive/b", "arn:aws:s3:::films/a"}) ||
		!slices.Contains(got.Parameters, audit.Pair{Name: "x-amz-copy-source", Value: "films/a"}) {
		t.Errorf("the record of the write is %+v, want one that names both objects", got)
	}
	if got, err := w.readAll("archive", "b"); err != nil || string(got) != string(content) {
		t.Errorf("copy reads %d bytes, %v", len(got), err)
	}
	onto := bucket.Copy{Source: from, To: bucket.Put{Bucket: "films", Key: "a"}}
	if _, err := w.Copy(ctx, w.root(), onto); !errors.Is(err, bucket.ErrCopyToItself) {
		t.Errorf("copy onto itself = %v", err)
	}
	onto.ReplaceMetadata, onto.To.Metadata.ContentType = true, "video/mp4"
	if info, err := w.Copy(ctx, w.root(), onto); err != nil || info.Metadata.ContentType != "video/mp4" {
		t.Errorf("copy with new metadata = %+v, %v", info, err)
	}
	if got, err := w.readAll("films", "a"); err != nil || string(got) != string(content) {
		t.Errorf("after a copy onto itself: %d bytes, %v", len(got), err)
	}
}

// Who copies an object with its tags reads them.
func TestCopyOfTags(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	for _, key := range []string{"tagged", "plain"} {
		in := bucket.Put{Bucket: "films", Key: key, Body: strings.NewReader("x"), SizeBytes: 1}
		if key == "tagged" {
			in.Tags = []bucket.Pair{{Name: "team", Value: "films"}}
		}
		if _, err := w.Put(ctx, w.root(), in); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetPolicy(ctx, w.root(), "films", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":"s3:GetObjectTagging","Resource":"arn:aws:s3:::films/*"}]}`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key     string
		replace bool
		want    error
	}{{"tagged", false, access.ErrDenied}, {"tagged", true, nil}, {"plain", false, nil}} {
		_, err := w.Copy(ctx, w.root(), bucket.Copy{
			Source: bucket.Get{Bucket: "films", Key: tt.key}, To: bucket.Put{Bucket: "films", Key: "copy"}, ReplaceTags: tt.replace,
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("copy of %s, tags replaced %v = %v, want %v", tt.key, tt.replace, err, tt.want)
		}
	}
}

// Policies see where a copy comes from and what the request says of metadata and
// storage class, and which key a caller asks about who finds none.
func TestPoliciesSeeCopies(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.bucket("archive")
	w.unblock("archive")
	for _, key := range []string{"public/a", "private/a"} {
		w.put("films", key, pattern(10), sseS3)
	}
	ref := w.upload("archive", "parts", sseS3, bucket.Checksum{})
	if err := w.SetPolicy(ctx, w.root(), "archive", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::archive/*",
		 "Condition":{"StringNotLike":{"s3:x-amz-copy-source":"films/public/*"}}},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::archive/*",
		 "Condition":{"StringEquals":{"s3:x-amz-metadata-directive":"REPLACE"}}},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::archive/*",
		 "Condition":{"StringEquals":{"s3:x-amz-storage-class":"STANDARD"}}},
		{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::archive/*"},
		{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::archive",
		 "Condition":{"StringLike":{"s3:prefix":"public/*"}}}
	]}`); err != nil {
		t.Fatal(err)
	}
	copyFrom := func(key string, to bucket.Put) error {
		to.Bucket, to.Key = "archive", "b"
		_, err := w.Copy(ctx, w.root(), bucket.Copy{Source: bucket.Get{Bucket: "films", Key: key}, To: to})
		return err
	}
	copyPart := func(key string, r *bucket.Range) error {
		_, err := w.CopyPart(ctx, w.root(), bucket.CopyPart{Source: bucket.Get{Bucket: "films", Key: key, Range: r}, Upload: ref, Number: 1})
		return err
	}
	stranger := w.caller(policy.Principal{Kind: policy.Root, Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"})
	absent := func(key string) error {
		_, err := w.Head(ctx, stranger, bucket.Get{Bucket: "archive", Key: key})
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"copy from public", copyFrom("public/a", bucket.Put{}), nil},
		{"copy from private", copyFrom("private/a", bucket.Put{}), access.ErrDenied},
		{"copy with new metadata", copyFrom("public/a", bucket.Put{MetadataDirective: "REPLACE"}), access.ErrDenied},
		{"copy into a storage class", copyFrom("public/a", bucket.Put{StorageClass: "STANDARD"}), access.ErrDenied},
		{"part from public", copyPart("public/a", &bucket.Range{First: 2, Last: 9}), nil},
		{"part from private", copyPart("private/a", nil), access.ErrDenied},
		{"absent, listable", absent("public/none"), bucket.ErrNoKey},
		{"absent, not listable", absent("private/none"), access.ErrDenied},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s = %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	for _, r := range []bucket.Range{{First: 2, Last: 10}, {First: 10, Last: 12}} {
		err := copyPart("public/a", &r)
		if outside, ok := errors.AsType[*bucket.CopyRangeError](err); !ok || outside.SizeBytes != 10 {
			t.Errorf("part of bytes %d to %d of 10 = %v, want a CopyRangeError", r.First, r.Last, err)
		}
		if got := w.journal.Last(); got.Error == "" {
			t.Errorf("part of bytes %d to %d of 10 left %+v, want a record of the failure", r.First, r.Last, got)
		}
	}
}
