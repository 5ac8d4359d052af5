package s3

import (
	"net/http"
	"net/url"
	"time"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// WireErrors are the errors that have a form by their kind.
func WireErrors(yield func(error) bool) {
	for _, w := range wireErrors {
		if !yield(w.err) {
			return
		}
	}
}

var ParseRange = parseRange

// Target is what a request to host with a path as sent is about.
func Target(domains []string, host, path string) (bucket, key string, err error) {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return "", "", err
	}
	t, err := newHosts(domains).target(&http.Request{Host: host, URL: u})
	return t.bucket, t.key, err
}

// SignedVersion2 tells whether a signature of version 2 is that of text.
func SignedVersion2(secret, text, signature string) bool {
	return signedVersion2(sealed.NewSecret([]byte(secret)), text, signature)
}

// ParseDelete reads the body of DeleteObjects.
func ParseDelete(b []byte) error {
	_, err := decodeXML(b, deleteRequestDocument)
	return err
}

// CheckPostPolicy checks the policy of a form for the bucket "films".
func CheckPostPolicy(fields map[string]string, now time.Time) error {
	return form(fields).checkPolicy("films", now, &postedFile{largest: 1})
}
