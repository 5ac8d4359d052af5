package bucket_test

import (
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// Conditions of reads, each alone and against those that take precedence.
//
// Source: RFC 9110, sections 13.1 and 13.2.2; Amazon S3 API Reference, GetObject.
func TestReadConditions(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	info := w.put("films", "k", []byte("x"), sseS3)
	etag, other := `"`+info.ETag+`"`, `"0cc175b9c0f1b6a831c399e269772661"`
	at := info.Modified.Truncate(time.Second)
	before, after := at.Add(-time.Second), at.Add(time.Second)
	for _, tt := range []struct {
		name string
		in   bucket.ReadConditions
		want error
	}{
		{"none", bucket.ReadConditions{}, nil},
		{"match", bucket.ReadConditions{IfMatch: etag}, nil},
		{"match without quotes", bucket.ReadConditions{IfMatch: info.ETag}, nil},
		{"match in a list", bucket.ReadConditions{IfMatch: other + ", " + etag}, nil},
		{"match any", bucket.ReadConditions{IfMatch: "*"}, nil},
		{"match other", bucket.ReadConditions{IfMatch: other}, &bucket.PreconditionError{Condition: "If-Match"}},
		{"match a weak one", bucket.ReadConditions{IfMatch: "W/" + etag}, &bucket.PreconditionError{Condition: "If-Match"}},
		{"none match other", bucket.ReadConditions{IfNoneMatch: other}, nil},
		{"none match", bucket.ReadConditions{IfNoneMatch: etag}, bucket.ErrNotModified},
		{"none match a weak one", bucket.ReadConditions{IfNoneMatch: "W/" + etag}, bucket.ErrNotModified},
		{"none match weak ones in a list", bucket.ReadConditions{IfNoneMatch: "W/" + other + ",W/" + etag}, bucket.ErrNotModified},
		{"none match any", bucket.ReadConditions{IfNoneMatch: "*"}, bucket.ErrNotModified},
		{"modified since before", bucket.ReadConditions{IfModifiedSince: before}, nil},
		{"modified since then", bucket.ReadConditions{IfModifiedSince: at}, bucket.ErrNotModified},
		{"modified since what is to come", bucket.ReadConditions{IfModifiedSince: w.clock.Now().Add(time.Hour)}, nil},
		{"unmodified since before", bucket.ReadConditions{IfUnmodifiedSince: before}, &bucket.PreconditionError{Condition: "If-Unmodified-Since"}},
		{"unmodified since then", bucket.ReadConditions{IfUnmodifiedSince: at}, nil},
		{"match over unmodified", bucket.ReadConditions{IfMatch: etag, IfUnmodifiedSince: before}, nil},
		{"none match over modified", bucket.ReadConditions{IfNoneMatch: other, IfModifiedSince: after}, nil},
		{"none match and modified", bucket.ReadConditions{IfNoneMatch: etag, IfModifiedSince: before}, bucket.ErrNotModified},
		{"match before none match", bucket.ReadConditions{IfMatch: other, IfNoneMatch: etag}, &bucket.PreconditionError{Condition: "If-Match"}},
		{"unmodified before none match", bucket.ReadConditions{IfUnmodifiedSince: before, IfNoneMatch: etag}, &bucket.PreconditionError{Condition: "If-Unmodified-Since"}},
		{"match and none match", bucket.ReadConditions{IfMatch: etag, IfNoneMatch: etag}, bucket.ErrNotModified},
	} {
		o, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k", Conditions: tt.in})
		if !sameError(err, tt.want) {
			t.Errorf("%s: Head = %v, want %v", tt.name, err, tt.want)
		}
		if o != nil && o.ETag != info.ETag {
			t.Errorf("%s: Head of ETag %q", tt.name, o.ETag)
		}
	}
}
