package s3_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/keyfront-project/keyfront/internal/api/s3"
)

func TestBucketOfHost(t *testing.T) {
	for _, tt := range []struct{ host, path, bucket, key string }{
		{"127.0.0.1:4566", "/films/a/b", "films", "a/b"},
		{"localhost:4566", "/films", "films", ""},
		{"films.localhost:4566", "/a", "films", "a"},
		{"FILMS.Localhost", "/a", "films", "a"},
		{"s3.localhost:4566", "/films/a", "films", "a"},
		{"films.s3.localhost", "/a", "films", "a"},
		{"my.films.s3.localhost", "/a", "my.films", "a"},
		{"films.s3.eu-west-1.localhost", "/a", "films", "a"},
		{"s3.us-east-1.amazonaws.com", "/films/a", "films", "a"},
		{"films.s3.us-east-1.amazonaws.com", "/a", "films", "a"},
		{"films.s3.dualstack.us-east-1.amazonaws.com", "/a", "films", "a"},
		{"films.s3-eu-west-1.amazonaws.com", "/a", "films", "a"},
		{"films.s3.amazonaws.com", "/a", "films", "a"},
		{"kms.us-east-1.amazonaws.com", "/films/a", "films", "a"},
		{"films.store.example", "/a", "films", "a"},
		{"store.example", "/films/a", "films", "a"},
		{"notstore.example", "/films/a", "films", "a"},
		{"[::1]:4566", "/films/a", "films", "a"},
		// Keys are decoded once and stay as they are.
		{"h", "/films//a/../b%2Fc%252F+%20", "films", "/a/../b/c%2F+ "},
		{"h", "/films/", "films", ""},
		{"h", "//a", "", "a"},
		{"h", "/fi%2Flms/a", "fi/lms", "a"},
	} {
		name, key, err := s3.Target([]string{"store.example"}, tt.host, tt.path)
		if name != tt.bucket || key != tt.key || err != nil {
			t.Errorf("%s%s names %q, %q, %v, want %q, %q", tt.host, tt.path, name, key, err, tt.bucket, tt.key)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("films.s3.localhost:4566", "/a%20b")
	f.Add("films.s3.eu-west-1.amazonaws.com", "//..%2F")
	f.Fuzz(func(t *testing.T, host, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		name, key, err := s3.Target([]string{"store.example"}, host, path)
		if err != nil {
			return
		}
		// Whatever the host says, the key is the end of the decoded path.
		if !strings.HasSuffix(u.Path, key) {
			t.Errorf("%q %q names %q, %q", host, path, name, key)
		}
	})
}

// A client that signs for a region that does not exist is told one that does.
func TestCreateBucketInNoRegion(t *testing.T) {
	s := newServer(t, nil)
	c := s.client(func(o *awss3.Options) { o.Region = "US" })
	_, err := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("films")})
	wantCode(t, "CreateBucket signed for US", err, "AuthorizationHeaderMalformed")
}
