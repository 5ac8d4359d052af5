package edge

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/delivery"
)

// destinations says where the access log of a distribution goes.
func (e *Edge) destinations(d *delivery.Distribution) (out []accesslog.Destination) {
	if e.cfg.AccessLog == nil {
		return nil
	}
	to := accesslog.Destination{Distribution: string(d.ID), ARN: d.ARN}
	if l := d.Logging; l != nil {
		to.Cookies = l.Cookies
		bucket := to
		bucket.Bucket, bucket.Prefix = l.Bucket, l.Prefix
		out = append(out, bucket)
	}
	if e.cfg.AccessLogFolder {
		out = append(out, to)
	}
	return out
}

// logged writes the request into the access logs of its distribution, as the
// viewer sent it.
func (x *exchange) logged(result string) {
	r, h := x.asked, x.w.Header()
	t, _ := parseTarget(r.RequestURI)
	cookie, referer := strings.Join(r.Header["Cookie"], "; "), r.Header.Get("Referer")
	if x.e.cfg.RedactSignatures {
		t.query, cookie = redact(t.query, "&", "Signature"), redact(cookie, ";", "CloudFront-Signature")
		// What a page refers to comes with the page's own URL, which may be signed.
		if page, query, ok := strings.Cut(referer, "?"); ok {
			referer = page + "?" + redact(query, "&", "Signature")
		}
	}
	end := time.Now()
	rec := accesslog.Record{
		Time: x.e.cfg.Clock.Now(), Location: popHeader[0],
		SentBytes: x.tally.bodyBytes + headBytes(h) + int64(len("HTTP/1.1 200 OK\r\n\r\n")), ReceivedBytes: x.receivedBytes(),
		Viewer: x.sender.Addr, Method: r.Method, DomainName: x.site.d.DomainName, Host: r.Host, Path: t.path, Query: t.query,
		Status: x.tally.status, Referer: referer, UserAgent: r.Header.Get("User-Agent"),
		RequestID: x.id, Scheme: "http", Taken: end.Sub(x.begun), FirstByte: end.Sub(x.begun),
		ForwardedFor: strings.Join(r.Header["X-Forwarded-For"], ", "), Protocol: r.Proto,
		ContentType: h.Get("Content-Type"), ContentLength: -1, RangeStart: -1, RangeEnd: -1, Denial: string(x.cause),
	}
	rec.Result, _, _ = strings.Cut(result, " ")
	rec.Detailed = rec.Result
	if x.cause == causeMethod {
		rec.Detailed = "InvalidRequestMethod"
	}
	if x.sender.HTTPS {
		rec.Scheme = "https"
	}
	if x.tally.status == http.StatusSwitchingProtocols {
		rec.Scheme = strings.Replace(rec.Scheme, "http", "ws", 1)
	}
	if r.TLS != nil {
		rec.TLSVersion, rec.TLSCipher = tlsVersion(r.TLS), tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	if !x.tally.first.IsZero() {
		rec.FirstByte = x.tally.first.Sub(x.begun)
	}
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		rec.ContentLength = n
	}
	if first, last, ok := strings.Cut(strings.TrimPrefix(h.Get("Content-Range"), "bytes "), "-"); ok && x.tally.status == http.StatusPartialContent {
		last, _, _ = strings.Cut(last, "/")
		rec.RangeStart, rec.RangeEnd = number(first), number(last)
	}
	for _, to := range x.site.logs {
		rec.Cookie = ""
		if to.Cookies {
			rec.Cookie = cookie
		}
		x.e.cfg.AccessLog.Add(to, &rec)
	}
}

// redact replaces the values of what is called name in a list of pairs. Without
// its signature a URL or cookie is of no use, and all else says what it was.
func redact(pairs, separator, name string) string {
	if !strings.Contains(pairs, name) {
		return pairs
	}
	parts := strings.Split(pairs, separator)
	for i, part := range parts {
		if found, _, ok := strings.Cut(part, "="); ok && strings.TrimSpace(found) == name {
			parts[i] = found + "=redacted"
		}
	}
	return strings.Join(parts, separator)
}

// number reads digits; anything else is -1.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// headBytes is how long a head is over HTTP/1.1, without its first line.
func headBytes(h http.Header) (n int64) {
	for name, values := range h {
		for _, v := range values {
			n += int64(len(name) + len(": \r\n") + len(v))
		}
	}
	return n
}

// receivedBytes is how long the request is over HTTP/1.1.
func (x *exchange) receivedBytes() int64 {
	r := x.asked
	n := int64(len(r.Method)+len(r.RequestURI)+len(r.Proto)+len("  \r\n\r\n")) + int64(len("Host: \r\n")+len(r.Host)) + headBytes(r.Header)
	return n + max(0, r.ContentLength)
}

// tlsVersion is the name that CloudFront has for a version of TLS.
func tlsVersion(s *tls.ConnectionState) string {
	return strings.Replace(tls.VersionName(s.Version), "TLS ", "TLSv", 1)
}
