package bucket_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// unblock lifts the public access block that a new bucket has.
func (w *world) unblock(name string) {
	w.t.Helper()
	if err := w.SetPublicAccessBlock(w.t.Context(), w.root(), name, nil); err != nil {
		w.t.Fatal(err)
	}
}

func TestPublicAccessBlock(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.put("films", "public/a", []byte("x"), sseS3)
	all := bucket.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	if got, err := w.PublicAccessBlock(ctx, w.root(), "films"); got != all || err != nil {
		t.Errorf("a new bucket has %+v, %v", got, err)
	}
	if err := w.SetPolicy(ctx, w.root(), "films", openToAll); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a public policy = %v, want denied", err)
	}
	anonymous := w.caller(policy.Principal{})
	stranger := w.caller(policy.Principal{Kind: policy.Root, Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"})
	for _, tt := range []struct {
		block *bucket.PublicAccessBlock
		want  error
	}{
		{nil, nil},
		{&bucket.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true}, nil},
		{&bucket.PublicAccessBlock{BlockPublicPolicy: true}, nil}, // the policy is there already
		{&bucket.PublicAccessBlock{RestrictPublicBuckets: true}, access.ErrDenied},
		{&all, access.ErrDenied},
	} {
		if tt.block == nil {
			w.unblock("films")
			if _, err := w.PublicAccessBlock(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNoPublicAccessBlock) {
				t.Errorf("PublicAccessBlock = %v, want ErrNoPublicAccessBlock", err)
			}
			if err := w.SetPolicy(ctx, w.root(), "films", openToAll); err != nil {
				t.Fatal(err)
			}
		} else if err := w.SetPublicAccessBlock(ctx, w.root(), "films", tt.block); err != nil {
			t.Fatal(err)
		}
		for _, who := range []bucket.Caller{anonymous, stranger} {
			o, err := w.Get(ctx, who, bucket.Get{Bucket: "films", Key: "public/a"})
			if !errors.Is(err, tt.want) {
				t.Errorf("Get by %q under %+v = %v, want %v", who.Principal.ARN, tt.block, err, tt.want)
			}
			if err == nil {
				o.Close()
			}
		}
		if o, err := w.Get(ctx, w.root(), bucket.Get{Bucket: "films", Key: "public/a"}); err != nil {
			t.Errorf("Get by the owner under %+v = %v", tt.block, err)
		} else {
			o.Close()
		}
	}
}

func TestOwnership(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	if o, err := w.Ownership(ctx, w.root(), "films"); o != bucket.BucketOwnerEnforced || err != nil {
		t.Errorf("Ownership = %q, %v", o, err)
	}
	if err := w.SetOwnership(ctx, w.root(), "films", "ObjectWriter"); !errors.Is(err, bucket.ErrUnsupported) {
		t.Errorf("SetOwnership = %v, want ErrUnsupported", err)
	}
	if err := w.SetOwnership(ctx, w.root(), "films", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ownership(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNoOwnership) {
		t.Errorf("Ownership = %v, want ErrNoOwnership", err)
	}
}

func TestCORSRules(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	good := bucket.CORSRule{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://*.example.org"}}
	for _, tt := range []struct {
		name   string
		change func(*bucket.CORSRule)
		want   error
	}{
		{"good", func(*bucket.CORSRule) {}, nil},
		{"method", func(r *bucket.CORSRule) { r.AllowedMethods = []string{"PATCH"} }, bucket.ErrInvalidCORS},
		{"no method", func(r *bucket.CORSRule) { r.AllowedMethods = nil }, bucket.ErrInvalidCORS},
		{"no origin", func(r *bucket.CORSRule) { r.AllowedOrigins = nil }, bucket.ErrInvalidCORS},
		{"two wildcards", func(r *bucket.CORSRule) { r.AllowedOrigins = []string{"*.*"} }, bucket.ErrInvalidCORS},
		{"wildcard exposed", func(r *bucket.CORSRule) { r.ExposeHeaders = []string{"*"} }, bucket.ErrInvalidCORS},
	} {
		rule := good
		tt.change(&rule)
		if err := w.SetCORS(ctx, w.root(), "films", []bucket.CORSRule{rule}); !errors.Is(err, tt.want) {
			t.Errorf("%s: SetCORS = %v, want %v", tt.name, err, tt.want)
		}
	}
	if got, err := w.CORS(ctx, w.root(), "films"); err != nil || len(got) != 1 || got[0].AllowedOrigins[0] != good.AllowedOrigins[0] {
		t.Errorf("CORS = %+v, %v", got, err)
	}
	if err := w.SetCORS(ctx, w.root(), "films", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CORS(ctx, w.root(), "films"); !errors.Is(err, bucket.ErrNoCORS) {
		t.Errorf("CORS = %v, want ErrNoCORS", err)
	}
}

func TestTags(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.version("films", bucket.VersioningEnabled)
	first := w.put("films", "k", []byte("1"), sseS3).VersionID
	w.put("films", "k", []byte("2"), sseS3)
	tags := []bucket.Pair{{Name: "b", Value: "2"}, {Name: "a", Value: ""}}
	ref := bucket.Get{Bucket: "films", Key: "k", VersionID: first}
	if id, err := w.SetTags(ctx, w.root(), ref, slices.Clone(tags)); id != first || err != nil {
		t.Fatalf("SetTags = %q, %v", id, err)
	}
	for id, want := range map[string]int{first: 2, "": 0} {
		info, err := w.Inspect(ctx, w.root(), bucket.Get{Bucket: "films", Key: "k", VersionID: id}, "s3:GetObjectTagging")
		if err != nil || len(info.Tags) != want || want > 0 && info.Tags[0] != tags[1] {
			t.Errorf("version %q has tags %v, %v", id, info.Tags, err)
		}
	}
	// Tags stand outside of what the data key authenticates.
	o, err := w.Get(ctx, w.root(), ref)
	if err != nil {
		t.Fatal(err)
	}
	o.Close()
	many := make([]bucket.Pair, bucket.MaxTags+1)
	for i := range many {
		many[i].Name = strings.Repeat("x", i+1)
	}
	const badKey = "The TagKey you have provided is invalid"
	for _, tt := range []struct {
		tags []bucket.Pair
		want error
	}{
		{many, bucket.ErrTooManyTags},
		{[]bucket.Pair{{Name: ""}}, &bucket.TagError{Problem: badKey}},
		{[]bucket.Pair{{Name: "a"}, {Name: "a"}}, &bucket.TagError{Problem: "Cannot provide multiple Tags with the same key", Key: "a"}},
		{[]bucket.Pair{{Name: strings.Repeat("x", 129)}}, &bucket.TagError{Problem: badKey, Key: strings.Repeat("x", 129)}},
		{[]bucket.Pair{{Name: "a", Value: strings.Repeat("x", 257)}}, &bucket.TagError{Problem: "The TagValue you have provided is invalid", Key: "a", Value: strings.Repeat("x", 257)}},
		{nil, nil},
	} {
		if _, err := w.SetTags(ctx, w.root(), ref, tt.tags); !sameError(err, tt.want) {
			t.Errorf("SetTags(%d tags) = %v, want %v", len(tt.tags), err, tt.want)
		}
	}
	if info, err := w.Inspect(ctx, w.root(), ref, "s3:GetObjectTagging"); err != nil || len(info.Tags) != 0 {
		t.Errorf("after the removal: tags %v, %v", info.Tags, err)
	}
}

// What an object is tagged with, and what a request wants to tag, policies see.
func TestTagConditions(t *testing.T) {
	w := memoryWorld(t)
	ctx := t.Context()
	w.bucket("films")
	w.put("films", "k", []byte("1"), sseS3)
	if err := w.SetPolicy(ctx, w.root(), "films", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["s3:GetObject","s3:GetObjectTagging"],"Resource":"arn:aws:s3:::films/*",
		 "Condition":{"StringEquals":{"s3:ExistingObjectTag/secret":"yes"}}},
		{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"arn:aws:s3:::films/*",
		 "Condition":{"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":"forbidden"}}},
		{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["s3:PutObject"],"Resource":"arn:aws:s3:::films/*",
		 "Condition":{"StringEquals":{"s3:RequestObjectTag/colour":"red"}}}]}`); err != nil {
		t.Fatal(err)
	}
	ref := bucket.Get{Bucket: "films", Key: "k"}
	tag := func(name, value string) error {
		_, err := w.SetTags(ctx, w.root(), ref, []bucket.Pair{{Name: name, Value: value}})
		return err
	}
	put := func(name, value string) error {
		_, err := w.Put(ctx, w.root(), bucket.Put{
			Bucket: "films", Key: "new", Body: bytes.NewReader(nil), Tags: []bucket.Pair{{Name: name, Value: value}},
		})
		return err
	}
	read := func() error {
		o, err := w.Get(ctx, w.root(), ref)
		if err == nil {
			o.Close()
		}
		return err
	}
	inspect := func() error {
		_, err := w.Inspect(ctx, w.root(), ref, "s3:GetObjectTagging")
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"read untagged", read(), nil},
		{"tag secret=no", tag("secret", "no"), nil},
		{"read secret=no", read(), nil},
		{"tag secret=yes", tag("secret", "yes"), nil},
		{"read secret=yes", read(), access.ErrDenied},
		{"read tags of secret=yes", inspect(), access.ErrDenied},
		{"tag forbidden", tag("forbidden", "x"), access.ErrDenied},
		{"put forbidden", put("forbidden", "x"), access.ErrDenied},
		{"put red", put("colour", "red"), access.ErrDenied},
		{"put blue", put("colour", "blue"), nil},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s = %v, want %v", tt.name, tt.err, tt.want)
		}
	}
}

type register map[string]string

func (r register) Identify(name string) (string, bool) { id, ok := r[name]; return id, ok }

func (r register) NameOf(id string) (string, bool) {
	for name, have := range r {
		if have == id {
			return name, true
		}
	}
	return "", false
}

// A policy means the user that had the name when it was written.
func TestPolicyMeansWhoWasThere(t *testing.T) {
	const ann = "arn:aws:iam::000000000000:user/ann"
	users := register{ann: "AIDAFIRST"}
	w := memoryWorld(t)
	w.principals = users
	w.Close()
	w.open()
	ctx := t.Context()
	w.bucket("films")
	w.put("films", "k", []byte("1"), sseS3)
	source := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + ann + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::films/*"}]}`
	if err := w.SetPolicy(ctx, w.root(), "films", strings.Replace(source, "ann", "bob", 1)); !errors.Is(err, bucket.ErrMalformedPolicy) {
		t.Errorf("a policy for nobody = %v, want ErrMalformedPolicy", err)
	}
	if err := w.SetPolicy(ctx, w.root(), "films", source); err != nil {
		t.Fatal(err)
	}
	read := func(id string) error {
		o, err := w.Get(ctx, w.caller(policy.Principal{Kind: policy.User, Account: account, ARN: ann, UniqueID: id, UserID: id, Name: "ann"}), bucket.Get{Bucket: "films", Key: "k"})
		if err == nil {
			o.Close()
		}
		return err
	}
	if err := read("AIDAFIRST"); err != nil {
		t.Errorf("the user reads %v", err)
	}
	if err := read("AIDASECOND"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("another user of the name reads %v, want denied", err)
	}
	delete(users, ann)
	if got, err := w.Policy(ctx, w.root(), "films"); err != nil || got != strings.Replace(source, ann, "AIDAFIRST", 1) {
		t.Errorf("Policy = %s, %v", got, err)
	}
}
