package s3

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ErrURL says that a URL is not that of an object here.
var ErrURL = errors.New("s3: not the URL of an object")

// ObjectURL is what the URL of an object names.
type ObjectURL struct{ Bucket, Key, VersionID string }

// ParseURL reads the URL of an object, in path style or in virtual-host style, as
// a request to this service would be read; domains are those of Config.Domains.
// Nobody is asked anything. It returns ErrURL about the URL of something else: of a
// host that is neither an endpoint of Amazon S3, nor below localhost or one of the
// domains, nor an address or a name without a dot, which stand for this server.
//
// Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
func ParseURL(raw string, domains []string) (ObjectURL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return ObjectURL{}, ErrURL
	}
	h := newHosts(domains)
	if !h.here(u.Hostname()) {
		return ObjectURL{}, ErrURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return ObjectURL{}, ErrURL
	}
	out := ObjectURL{VersionID: query.Get("versionId")}
	if query.Del("versionId"); len(query) > 0 {
		return ObjectURL{}, ErrURL
	}
	t, err := h.read(u.Host, u.EscapedPath())
	if err != nil || t.bucket == "" || t.key == "" {
		return ObjectURL{}, ErrURL
	}
	out.Bucket, out.Key = t.bucket, t.key
	return out, nil
}

// here tells whether the host of a URL is an endpoint of this service.
func (h hosts) here(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil || host != "" && !strings.Contains(host, ".") {
		return true
	}
	if rest, ok := strings.CutSuffix(host, ".amazonaws.com"); ok {
		_, found := cutService(rest)
		return found
	}
	return slices.ContainsFunc(h.domains, func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) })
}

// Message is what S3 says of err to the caller.
func Message(err error) string { return asAPIError(err).message }
