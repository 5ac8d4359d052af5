package signer

import (
	"strings"

	"github.com/keyfront-project/keyfront/signedurl"
)

// checkPattern refuses resources of a profile whose reach is hard to see. They
// are scheme://host/path with stars as the only wildcards, so that a pattern
// that is to be signed can be compared with them (covers).
func checkPattern(s string) error {
	_, rest, ok := strings.Cut(s, "://")
	switch {
	case len(s) > MaxResourceBytes:
		return refuse(ErrInvalid, "A resource has at most %d characters.", MaxResourceBytes)
	case !ok || strings.IndexByte(rest, '/') <= 0:
		return refuse(ErrInvalid, "The resource %.200q is no scheme://host/path.", s)
	case strings.ContainsAny(s, `?\`):
		return refuse(ErrInvalid, "The resource %.200q has a '?' or a backslash: stars are the only wildcards, and a path that ends with one covers every query.", s)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '#' {
			return refuse(ErrInvalid, "The resource %.200q has byte %#02x at %d, which no URL has.", s, c, i)
		}
	}
	return checkPath(s)
}

// checkPath refuses spellings of a path that lead elsewhere than they look.
func checkPath(s string) error {
	path, _, _ := strings.Cut(s, "?")
	for segment := range strings.SplitSeq(path, "/") {
		if plain := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); plain == "." || plain == ".." || strings.Contains(plain, "%2f") || strings.Contains(plain, "%5c") {
			return refuse(ErrInvalid, "%.200q has dot segments or encoded slashes.", s)
		}
	}
	return nil
}

// normal checks a URL or pattern that is to be signed and spells it as it is signed.
func normal(resource string) (string, error) {
	if !strings.Contains(resource, "*") {
		url, err := signedurl.Normalize(resource)
		if err != nil {
			return "", unsignable(err)
		}
		return url, checkPath(url)
	}
	if err := checkPattern(resource); err != nil {
		return "", err
	}
	head, rest, _ := strings.Cut(resource, "://")
	slash := strings.IndexByte(rest, '/')
	return strings.ToLower(head) + "://" + strings.ToLower(rest[:slash]) + rest[slash:], nil
}

// covers reports whether all that resource grants lies in pattern.
//
// A star in resource is compared like any character. As pattern has no wildcards
// but stars, only a star of pattern can stand for it, and then also for
// whatever the star in resource stands for.
func covers(pattern, resource string) bool { return signedurl.Match(pattern, resource) }

func (c *ProfileConfig) covers(resource string) bool {
	for _, pattern := range c.Resources {
		if covers(pattern, resource) {
			return true
		}
	}
	return false
}
