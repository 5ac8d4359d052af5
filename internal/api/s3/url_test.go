package s3_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/s3"
)

func TestParseURL(t *testing.T) {
	at := func(bucket, key string) s3.ObjectURL { return s3.ObjectURL{Bucket: bucket, Key: key} }
	for _, tt := range []struct {
		url  string
		want s3.ObjectURL // zero for ErrURL
	}{
		{"https://s3.amazonaws.com/b/t.yaml", at("b", "t.yaml")},
		{"https://s3.eu-west-1.amazonaws.com/b/a/t%20%2B.yaml", at("b", "a/t +.yaml")},
		{"https://s3-eu-west-1.amazonaws.com/b/t", at("b", "t")},
		{"https://b.s3.amazonaws.com/a/t", at("b", "a/t")},
		{"https://b.c.s3.eu-west-1.amazonaws.com/t", at("b.c", "t")},
		{"http://127.0.0.1:4566/b/t", at("b", "t")},
		{"http://[::1]:4566/b/t", at("b", "t")},
		{"http://localhost:4566/b/t", at("b", "t")},
		{"http://keyfront:4566/b/t", at("b", "t")},
		{"http://b.s3.localhost:4566/t", at("b", "t")},
		{"https://b.store.example/t", at("b", "t")},
		{"https://store.example/b/t", at("b", "t")},
		{"http://localhost/b/t?versionId=v1", s3.ObjectURL{Bucket: "b", Key: "t", VersionID: "v1"}},
		{url: "https://example.com/b/t"},
		{url: "https://ec2.eu-west-1.amazonaws.com/b/t"},
		{url: "https://s3.amazonaws.com.example.com/b/t"},
		{url: "https://user:word@s3.amazonaws.com/b/t"},
		{url: "ftp://localhost/b/t"},
		{url: "s3://b/t"},
		{url: "http://localhost/b"},
		{url: "http://localhost/b/"},
		{url: "http:///b/t"},
		{url: "http://localhost/b/t?X-Amz-Signature=1"},
		{url: "http://localhost/b/t#part"},
		{url: "http://localhost/b/%zz"},
	} {
		got, err := s3.ParseURL(tt.url, []string{"store.example"})
		if want := tt.want; got != want || (err != nil) != (want == s3.ObjectURL{}) || err != nil && !errors.Is(err, s3.ErrURL) {
			t.Errorf("ParseURL(%q) = %+v, %v, want %+v", tt.url, got, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("https://b.s3.eu-west-1.amazonaws.com/a%20b?versionId=x")
	f.Add("http://[::1]/b/t")
	f.Fuzz(func(t *testing.T, url string) {
		u, err := s3.ParseURL(url, nil)
		if (err == nil) != (u.Bucket != "" && u.Key != "") {
			t.Errorf("ParseURL(%q) = %+v, %v", url, u, err)
		}
	})
}
