package s3

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// target is what a request is about.
type target struct{ bucket, key string }

var errURI = errors.New("s3: the path cannot be decoded")

// hosts are the domains below which a bucket may stand in the Host header.
type hosts struct{ domains []string } // lower case, longest first

func newHosts(domains []string) hosts {
	all := []string{"localhost", "amazonaws.com"}
	for _, d := range domains {
		all = append(all, strings.ToLower(strings.Trim(d, ".")))
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return hosts{slices.Compact(all)}
}

// bucket returns the bucket that a Host header names, or "" for path style.
// Below a domain, bucket.s3.region, bucket.s3, and bucket alone are the same
// bucket; below amazonaws.com the label s3 must be there.
func (h hosts) bucket(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range h.domains {
		rest, ok := strings.CutSuffix(host, domain)
		if !ok {
			continue
		}
		if rest == "" {
			return ""
		}
		if rest, ok = strings.CutSuffix(rest, "."); !ok {
			continue
		}
		name, found := cutService(rest)
		if !found && domain == "amazonaws.com" {
			return ""
		}
		return name
	}
	return ""
}

// cutService takes "s3", "s3.region", "s3-region" or "s3.dualstack.region" off
// the end of labels.
func cutService(labels string) (rest string, found bool) {
	list := strings.Split(labels, ".")
	n := len(list)
	last := list[n-1]
	if region, ok := strings.CutPrefix(last, "s3-"); ok && isRegion(region) {
		return strings.Join(list[:n-1], "."), true
	}
	if isRegion(last) && n > 1 {
		n--
		if list[n-1] == "dualstack" && n > 1 {
			n--
		}
	}
	if list[n-1] == "s3" {
		return strings.Join(list[:n-1], "."), true
	}
	return labels, false
}

// isRegion tells names such as us-east-1 and us-gov-west-1 from others.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts[0]) != 2 {
		return false
	}
	last := parts[len(parts)-1]
	return len(last) == 1 && '0' <= last[0] && last[0] <= '9'
}

// target reads bucket and key from the host and the path as they were sent. The
// path is decoded once, and nothing in it is cleaned: "//", "." and ".." are
// parts of keys.
func (h hosts) target(r *http.Request) (target, error) { return h.read(r.Host, r.URL.EscapedPath()) }

func (h hosts) read(host, path string) (target, error) {
	path = strings.TrimPrefix(path, "/")
	name := h.bucket(host)
	if name == "" {
		var err error
		name, path, _ = strings.Cut(path, "/")
		if name, err = url.PathUnescape(name); err != nil {
			return target{}, errURI
		}
	}
	key, err := url.PathUnescape(path)
	if err != nil {
		return target{}, errURI
	}
	return target{name, key}, nil
}
